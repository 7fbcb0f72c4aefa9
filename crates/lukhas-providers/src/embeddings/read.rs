// SPDX-License-Identifier: Apache-2.0
//! An upstream's answer, held to what was asked.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lukhas_core::{EmbedRequest, Vector, VectorEncoding};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::error::Unreadable;

/// Bytes of base64 that are looked at together: whole numbers, and whole groups of four.
const GROUP: usize = 4096;

/// Vectors in the order of the inputs, and the tokens that the upstream has counted, if it has.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) vectors: Vec<Vector>,
    pub(crate) input_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct Body {
    data: Vec<Entry>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Entry {
    index: Option<usize>,
    embedding: Written,
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: Option<u64>,
}

/// A vector in one of its two forms. Told apart while it is read: a batch holds millions of numbers.
struct Written(Vector);

/// The answer in `body` to `request`.
///
/// What comes out has a vector for each input, in order, all of one length and of finite numbers.
pub(crate) fn read(body: &[u8], request: &EmbedRequest) -> Result<Answer, Unreadable> {
    let body: Body = serde_json::from_slice(body).map_err(|error| {
        Unreadable::new(match error.is_data() {
            true => "it is no list of embeddings",
            false => "it is not JSON, or holds a number that is out of range",
        })
    })?;
    let (found, inputs) = (body.data.len(), request.input.count());
    if found != inputs {
        let what = format!("it holds {found} vectors for {inputs} inputs");
        return Err(Unreadable::new(what));
    }
    let vectors = in_order(body.data)?;
    check_lengths(&vectors, request.dimensions)?;
    let vectors = vectors.into_iter();
    let vectors = vectors.map(|vector| encoded(vector, request.encoding));
    Ok(Answer {
        vectors: vectors.collect::<Result<_, _>>()?,
        input_tokens: body.usage.and_then(|usage| usage.prompt_tokens),
    })
}

/// The vectors in the order of their inputs; one without a number stands where it belongs.
fn in_order(data: Vec<Entry>) -> Result<Vec<Vector>, Unreadable> {
    let mut vectors: Vec<Option<Vector>> = data.iter().map(|_| None).collect();
    for (place, entry) in data.into_iter().enumerate() {
        match vectors.get_mut(entry.index.unwrap_or(place)) {
            Some(slot @ None) => *slot = Some(entry.embedding.0),
            Some(Some(_)) | None => {
                return Err(Unreadable::new("its vectors are numbered wrongly"));
            }
        }
    }
    Ok(vectors.into_iter().flatten().collect())
}

/// All have the length that was `asked` for, or else that of the first; none is empty.
fn check_lengths(vectors: &[Vector], asked: Option<u32>) -> Result<(), Unreadable> {
    let mut length = asked.and_then(|asked| usize::try_from(asked).ok());
    for vector in vectors {
        let found = length_of(vector)?;
        if found == 0 {
            return Err(Unreadable::new("it holds an empty vector"));
        }
        let expected = *length.get_or_insert(found);
        if found != expected {
            let what = format!("it holds a vector of {found} numbers where {expected} belong");
            return Err(Unreadable::new(what));
        }
    }
    Ok(())
}

/// The length of a vector, whose numbers must be finite.
fn length_of(vector: &Vector) -> Result<usize, Unreadable> {
    let mut length = 0;
    match vector {
        Vector::Floats(numbers) => {
            check_finite(numbers.iter().copied())?;
            length = numbers.len();
        }
        Vector::Base64(text) => for_each_group(text, |numbers| length += numbers.len())?,
    }
    Ok(length)
}

/// Hands on the numbers of a vector in base64, each as its bytes, some at a time. Nothing is
/// allocated: mostly the text goes on as it came.
fn for_each_group(text: &str, mut apply: impl FnMut(&[[u8; 4]])) -> Result<(), Unreadable> {
    let mut bytes = [0; GROUP / 4 * 3];
    for group in text.as_bytes().chunks(GROUP) {
        let length = STANDARD.decode_slice(group, &mut bytes);
        let length = length.map_err(|_| Unreadable::new("a vector is not base64"))?;
        let (numbers, rest) = bytes[..length].as_chunks();
        if !rest.is_empty() {
            return Err(Unreadable::new("a vector ends inside a number"));
        }
        check_finite(numbers.iter().map(|number| f32::from_le_bytes(*number)))?;
        apply(numbers);
    }
    Ok(())
}

fn check_finite(mut numbers: impl Iterator<Item = f32>) -> Result<(), Unreadable> {
    if numbers.all(f32::is_finite) {
        return Ok(());
    }
    let what = "a vector holds something that is no finite number";
    Err(Unreadable::new(what))
}

/// `vector` as it is wanted. Numbers where base64 is wanted are left for whoever writes the answer.
fn encoded(vector: Vector, wanted: VectorEncoding) -> Result<Vector, Unreadable> {
    match (vector, wanted) {
        (Vector::Base64(text), VectorEncoding::Floats) => {
            let mut numbers = Vec::with_capacity(text.len() / 16 * 3);
            for_each_group(&text, |group| {
                numbers.extend(group.iter().map(|number| f32::from_le_bytes(*number)));
            })?;
            Ok(Vector::Floats(numbers))
        }
        (vector, VectorEncoding::Floats | VectorEncoding::Base64) => Ok(vector),
    }
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WrittenVisitor).map(Self)
    }
}

struct WrittenVisitor;

impl<'de> Visitor<'de> for WrittenVisitor {
    type Value = Vector;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a vector")
    }

    fn visit_str<E>(self, text: &str) -> Result<Vector, E> {
        Ok(Vector::Base64(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vector, A::Error> {
        let mut numbers = Vec::new();
        while let Some(number) = seq.next_element()? {
            numbers.push(number);
        }
        Ok(Vector::Floats(numbers))
    }
}
