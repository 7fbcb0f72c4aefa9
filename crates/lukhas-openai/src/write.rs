// SPDX-License-Identifier: Apache-2.0
//! JSON as answers have it: what `serde_json` writes, byte for byte, for a third of the work.
//!
//! Answers are mostly names of fields and short texts. `serde_json` looks at every byte of both for
//! something to escape; here names of fields, which are ours and need no escape, are copied, and
//! texts are looked at sixteen bytes at a time. Numbers with a fraction are left to `serde_json`.

mod text;

#[cfg(test)]
mod tests;

use bytes::{BufMut, BytesMut};
use serde::ser::{self, Error as _, Serialize, Serializer};
use serde_json::Error;

pub(crate) use text::put as put_text;

/// Appends `value` as JSON (RFC 8259) to `out`.
///
/// # Errors
/// When a map has a key that is not a string, or `value` refuses to be written; `out` is then as it
/// was.
pub fn write_json<T: Serialize + ?Sized>(out: &mut BytesMut, value: &T) -> Result<(), Error> {
    let before = out.len();
    let written = value.serialize(Writer(out));
    if written.is_err() {
        out.truncate(before);
    }
    written
}

struct Writer<'b>(&'b mut BytesMut);

/// The members of an array or object.
struct Members<'b> {
    out: &'b mut BytesMut,
    is_first: bool,
    /// What closes it.
    end: &'static [u8],
}

impl<'b> Writer<'b> {
    #[inline]
    fn members(self, start: &[u8], end: &'static [u8]) -> Members<'b> {
        self.0.put_slice(start);
        Members {
            out: self.0,
            is_first: true,
            end,
        }
    }

    /// Begins an object whose only member has the name of a variant.
    fn variant(self, name: &'static str, start: &[u8], end: &'static [u8]) -> Members<'b> {
        text::put_name(self.0, b"{\"", name, b"\":");
        self.members(start, end)
    }
}

impl Members<'_> {
    fn separate(&mut self) {
        if !self.is_first {
            self.out.put_u8(b',');
        }
        self.is_first = false;
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.separate();
        value.serialize(Writer(self.out))
    }

    #[inline(always)]
    fn member<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        let start: &[u8] = if self.is_first { b"\"" } else { b",\"" };
        self.is_first = false;
        text::put_name(self.out, start, name, b"\":");
        value.serialize(Writer(self.out))
    }

    #[inline]
    fn close(self) {
        self.out.put_slice(self.end);
    }
}

/// Whole numbers, all by the same step.
macro_rules! write_integers {
    ($($method:ident: $type:ty),*) => {$(
        fn $method(self, value: $type) -> Result<(), Error> {
            self.0.put_slice(itoa::Buffer::new().format(value).as_bytes());
            Ok(())
        }
    )*};
}

impl<'b> Serializer for Writer<'b> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Members<'b>;
    type SerializeTuple = Members<'b>;
    type SerializeTupleStruct = Members<'b>;
    type SerializeTupleVariant = Members<'b>;
    type SerializeMap = Members<'b>;
    type SerializeStruct = Members<'b>;
    type SerializeStructVariant = Members<'b>;

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.0.put_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    write_integers! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64
    }

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        serde_json::to_writer(self.0.writer(), &value)
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        // Settings are mostly one of these.
        if value == 1.0 {
            self.0.put_slice(b"1.0");
        } else if value == 0.0 && value.is_sign_positive() {
            self.0.put_slice(b"0.0");
        } else {
            serde_json::to_writer(self.0.writer(), &value)?;
        }
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        text::put(self.0, value.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        text::put(self.0, value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Error> {
        self.collect_seq(value)
    }

    #[inline]
    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), Error> {
        self.0.put_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        text::put_name(self.0, b"\"", variant, b"\"");
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        let mut object = self.members(b"{", b"}");
        object.member(variant, value)?;
        object.close();
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Members<'b>, Error> {
        Ok(self.members(b"[", b"]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Members<'b>, Error> {
        Ok(self.members(b"[", b"]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Members<'b>, Error> {
        Ok(self.members(b"[", b"]"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Members<'b>, Error> {
        Ok(self.variant(variant, b"[", b"]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members<'b>, Error> {
        Ok(self.members(b"{", b"}"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Members<'b>, Error> {
        Ok(self.members(b"{", b"}"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Members<'b>, Error> {
        Ok(self.variant(variant, b"{", b"}}"))
    }
}

/// Arrays: each of serde's traits for them, by the same two steps.
macro_rules! write_elements {
    ($($kind:ident::$step:ident),*) => {$(
        impl ser::$kind for Members<'_> {
            type Ok = ();
            type Error = Error;

            fn $step<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.element(value)
            }

            fn end(self) -> Result<(), Error> {
                self.close();
                Ok(())
            }
        }
    )*};
}

write_elements! {
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
}

/// Objects with names from our source.
macro_rules! write_fields {
    ($($kind:ident),*) => {$(
        impl ser::$kind for Members<'_> {
            type Ok = ();
            type Error = Error;

            // With the name known where it is written, so is how to copy it.
            #[inline(always)]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                self.member(name, value)
            }

            fn end(self) -> Result<(), Error> {
                self.close();
                Ok(())
            }
        }
    )*};
}

write_fields!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.separate();
        let before = self.out.len();
        key.serialize(Writer(self.out))?;
        if self.out.get(before) != Some(&b'"') {
            return Err(Error::custom("a key must be a string"));
        }
        self.out.put_u8(b':');
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(Writer(self.out))
    }

    fn end(self) -> Result<(), Error> {
        self.close();
        Ok(())
    }
}
