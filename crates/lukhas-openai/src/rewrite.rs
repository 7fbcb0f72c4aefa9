// SPDX-License-Identifier: Apache-2.0
//! JSON objects passed on with a few members changed and the rest as it was written.

use bytes::{BufMut, Bytes, BytesMut};

use crate::View;
use crate::write::put_text;

/// Members of an object: names that need no escape, and values as JSON.
pub type Members = [(&'static str, Bytes)];

/// What becomes of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit<'e> {
    /// It stays as it was written.
    Keep,
    /// It goes.
    Remove,
    /// It has this value, which is JSON.
    Set(&'e str),
}

/// Appends the JSON object `text` to `out` with the members `own` set, at most 32 of them, and each
/// other member as `edit` says of its name and its text. `None` when `text` is not one JSON object;
/// `out` is then as it was.
///
/// What stays is neither decoded nor changed, but for the space around members.
pub fn rewrite_object<'t, 'e>(
    text: &'t str,
    out: &mut BytesMut,
    own: &Members,
    edit: impl FnMut(&str, &'t str) -> Edit<'e>,
) -> Option<()> {
    let before = out.len();
    let written = rewrite(text, out, own, edit);
    if written.is_none() {
        out.truncate(before);
    }
    written
}

/// The same, where every other member stays.
pub fn set_members(text: &str, out: &mut BytesMut, own: &Members) -> Option<()> {
    rewrite_object(text, out, own, |_, _| Edit::Keep)
}

fn rewrite<'t, 'e>(
    text: &'t str,
    out: &mut BytesMut,
    own: &Members,
    mut edit: impl FnMut(&str, &'t str) -> Edit<'e>,
) -> Option<()> {
    let mut written = Written {
        out,
        own,
        set: 0,
        is_first: true,
    };
    read_members(text, |name, value| {
        if written.set(name) {
            return Some(());
        }
        match edit(name, value) {
            Edit::Keep => written.put(name, value.as_bytes()),
            Edit::Set(value) => written.put(name, value.as_bytes()),
            Edit::Remove => {}
        }
        Some(())
    })?;
    for (name, _) in own {
        written.set(name);
    }
    if written.is_first {
        written.out.put_u8(b'{');
    }
    written.out.put_u8(b'}');
    Some(())
}

/// What has been written of an object.
struct Written<'o> {
    out: &'o mut BytesMut,
    own: &'o Members,
    /// Which of `own` have been set.
    set: u32,
    is_first: bool,
}

impl Written<'_> {
    fn put(&mut self, name: &str, value: &[u8]) {
        let is_first = std::mem::take(&mut self.is_first);
        self.out.put_u8(if is_first { b'{' } else { b',' });
        put_text(self.out, name);
        self.out.put_u8(b':');
        self.out.put_slice(value);
    }

    /// Sets the member `name`, if it is an own one.
    fn set(&mut self, name: &str) -> bool {
        let own = self.own;
        let Some(index) = own.iter().position(|(own, _)| *own == name) else {
            return false;
        };
        if self.set & (1 << index) == 0 {
            self.set |= 1 << index;
            self.put(name, &own[index].1);
        }
        true
    }
}

/// The text of the member `name` of the JSON object `text`, as it was written; the last one of that
/// name.
#[must_use]
pub fn member<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let mut found = None;
    read_members(text, |other, value| {
        if other == name {
            found = Some(value);
        }
        Some(())
    })?;
    found
}

/// The texts of the members `names` of the JSON object `text`, as they were written; `None` where
/// [`View::members`] is.
#[must_use]
pub fn members<'t, const N: usize>(
    text: &'t str,
    names: &[&str; N],
) -> Option<[Option<&'t str>; N]> {
    let mut found = [None; N];
    let mut view = View::new(text);
    view.members(names, |index, value| {
        found[index] = Some(value.raw()?);
        Some(())
    })?;
    view.end()?;
    Some(found)
}

/// Gives every member of the JSON object `text` to `take`, as long as that wants more.
fn read_members<'t>(
    text: &'t str,
    mut take: impl FnMut(&str, &'t str) -> Option<()>,
) -> Option<()> {
    let mut view = View::new(text);
    view.object(|name, value| take(name, value.raw()?))?;
    view.end()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::parse_json;

    fn own(members: &[(&'static str, &'static str)]) -> Vec<(&'static str, Bytes)> {
        let members = members.iter();
        members.map(|(n, v)| (*n, Bytes::from(*v))).collect()
    }

    #[track_caller]
    fn check(text: &str, members: &[(&'static str, &'static str)], expected: &str) {
        let mut out = BytesMut::from("before ");
        set_members(text, &mut out, &own(members)).expect("an object");
        assert_eq!(out, format!("before {expected}"));
    }

    #[test]
    fn members_are_set_where_they_stand_and_added_where_they_do_not() {
        check("{}", &[], "{}");
        check("{}", &[("a", "1"), ("b", "2")], r#"{"a":1,"b":2}"#);
        check(
            r#" { "b" : [ 1, 2 ] } "#,
            &[("a", "1")],
            r#"{"b":[ 1, 2 ],"a":1}"#,
        );
        check(
            r#"{"x":1.0,"a":{"a":7},"y":"\u00e9"}"#,
            &[("a", "null")],
            r#"{"x":1.0,"a":null,"y":"\u00e9"}"#,
        );
        // A name is what it says, however it is spelt, and a member is set once.
        check(r#"{"\u0061":1,"a":3}"#, &[("a", "2")], r#"{"a":2}"#);
    }

    #[test]
    fn members_go_and_change() {
        let mut out = BytesMut::new();
        let text = r#"{"a":1,"z":{"id":0},"b":2,"c":4}"#;
        rewrite_object(text, &mut out, &own(&[("b", "3")]), |name, _| match name {
            "a" => Edit::Remove,
            "c" => Edit::Set("[]"),
            _ => Edit::Keep,
        })
        .expect("an object");
        assert_eq!(out, r#"{"z":{"id":0},"b":3,"c":[]}"#);
    }

    #[test]
    fn members_are_found_as_they_were_written() {
        let text = r#" {"a": [ 1 ], "\u0062":null, "c":1, "c":2} "#;
        assert_eq!(member(text, "a"), Some("[ 1 ]"));
        assert_eq!(member(text, "c"), Some("2"));
        assert_eq!(member(text, "d"), None);
        let found = members(text, &["b", "d", "a"]);
        assert_eq!(found, Some([Some("null"), None, Some("[ 1 ]")]));
        assert_eq!(members(text, &["a", "c"]), None, "one is there twice");
    }

    #[test]
    fn what_is_no_object_leaves_nothing_behind() {
        for text in [
            "",
            "[]",
            "1",
            "{",
            r#"{"a":1"#,
            r#"{"a":1}}"#,
            r#"{"a":nul}"#,
        ] {
            let mut out = BytesMut::from("x");
            assert!(
                set_members(text, &mut out, &own(&[("a", "1")])).is_none(),
                "{text}"
            );
            assert_eq!(out, "x", "{text}");
            assert_eq!(member(text, "a"), None, "{text}");
            assert_eq!(members(text, &["a"]), None, "{text}");
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-d\"\\\\é]{1,2}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// Whatever the object, setting members is what setting them in the decoded object is.
        #[test]
        fn set_members_is_insertion(
            object in prop::collection::btree_map("[a-d\"\\\\é]{1,2}", any_value(), 0..6),
            pretty: bool,
        ) {
            let mut object = Value::Object(object.into_iter().collect());
            let text = match pretty {
                true => serde_json::to_string_pretty(&object).unwrap(),
                false => object.to_string(),
            };
            let mut out = BytesMut::new();
            set_members(&text, &mut out, &own(&[("a", "[1]"), ("zz", "\"x\"")])).unwrap();
            object["a"] = json!([1]);
            object["zz"] = json!("x");
            prop_assert_eq!(parse_json(&out).unwrap(), object);
        }
    }
}
