// SPDX-License-Identifier: Apache-2.0
//! JSON passed on as it was written, but for a few members of objects in it.

use std::ops::Range;

use bytes::{BufMut, BytesMut};
use lukhas_openai::Members;

/// Most changes to a common answer: the members that are ours, and those that upstreams leave out.
const ROOM: usize = 16;

/// Members of an object and what they are as JSON where an upstream leaves them out.
pub(super) type Defaults = [(&'static str, &'static str)];

/// Changes to a text.
#[derive(Debug)]
pub(super) struct Patches<'p> {
    text: &'p str,
    changes: Vec<Change<'p>>,
}

#[derive(Debug)]
pub(super) struct Change<'p> {
    /// What goes; empty where a member is added.
    pub(super) place: Range<usize>,
    /// Of the member that is added.
    pub(super) name: Option<&'static str>,
    pub(super) json: &'p [u8],
    /// Which of the own members it is, if it is one.
    pub(super) own: Option<usize>,
}

impl<'p> Patches<'p> {
    pub(super) fn new(text: &'p str) -> Self {
        Self {
            text,
            changes: Vec::with_capacity(ROOM),
        }
    }

    /// Adds the member `name` to `object`: a part of the text that is an object and not empty.
    pub(super) fn add(
        &mut self,
        object: &'p str,
        name: &'static str,
        json: &'p [u8],
    ) -> Option<()> {
        self.add_own(object, name, json, None)
    }

    fn add_own(
        &mut self,
        object: &'p str,
        name: &'static str,
        json: &'p [u8],
        own: Option<usize>,
    ) -> Option<()> {
        let brace = place(self.text, object)?.end.checked_sub(1)?;
        self.changes.push(Change {
            place: brace..brace,
            name: Some(name),
            json,
            own,
        });
        Some(())
    }

    pub(super) fn changes(&self) -> impl Iterator<Item = &Change<'p>> {
        self.changes.iter()
    }

    /// Gives `object`, as in [`Self::add`], the members `own`, and of `defaults` those that it
    /// lacks. `members` are those of all these that it may have, and where it has them. `None` when
    /// it lacks another one of `members`.
    pub(super) fn set<'m>(
        &mut self,
        object: &'p str,
        members: impl IntoIterator<Item = (&'m str, Option<&'p str>)>,
        own: &'p Members,
        defaults: &'p Defaults,
    ) -> Option<()> {
        let mut set = 0;
        for (name, value) in members {
            let mut all = own.iter().enumerate();
            let own = all.find(|(_, (own, _))| *own == name);
            set += usize::from(own.is_some());
            match (own, value) {
                (Some((index, (_, json))), Some(value)) => self.changes.push(Change {
                    place: place(self.text, value)?,
                    name: None,
                    json,
                    own: Some(index),
                }),
                (Some((index, (name, json))), None) => {
                    self.add_own(object, name, json, Some(index))?;
                }
                (None, Some(_)) => {}
                (None, None) => {
                    let (name, json) = defaults.iter().find(|(other, _)| *other == name)?;
                    self.add(object, name, json.as_bytes())?;
                }
            }
        }
        (set == own.len()).then_some(())
    }

    /// Appends the name of a member that is added, and what stands around it.
    pub(super) fn write_name(name: &str, out: &mut BytesMut) {
        out.put_slice(b",\"");
        out.put_slice(name.as_bytes());
        out.put_slice(b"\":");
    }

    /// Appends the text to `out`, changed.
    pub(super) fn write(mut self, out: &mut BytesMut) -> Option<()> {
        self.changes.sort_by_key(|change| change.place.start);
        let mut rest = 0;
        for change in self.changes {
            let place = change.place;
            out.put_slice(self.text.as_bytes().get(rest..place.start)?);
            if let Some(name) = change.name {
                Self::write_name(name, out);
            }
            out.put_slice(change.json);
            rest = place.end;
        }
        out.put_slice(self.text.as_bytes().get(rest..)?);
        Some(())
    }
}

/// Where `part`, a part of `text`, stands in it.
pub(super) fn place(text: &str, part: &str) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
    let end = start + part.len();
    (text.get(start..end)? == part).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use lukhas_openai::members;

    use super::*;

    #[track_caller]
    fn check(text: &str, own: &[(&'static str, &'static str)], expected: Option<&str>) {
        let own: Vec<_> = own.iter().map(|(n, v)| (*n, Bytes::from(*v))).collect();
        let names = ["id", "model", "tier", "must"];
        let found = members(text, &names).expect("an object");
        let mut patches = Patches::new(text);
        let set = patches.set(
            text.trim(),
            names.into_iter().zip(found),
            &own,
            &[("model", "1"), ("tier", "null")],
        );
        let written = set.map(|()| {
            let mut out = BytesMut::from("before ");
            patches.write(&mut out).expect("places");
            String::from_utf8(out.to_vec()).expect("UTF-8")
        });
        let expected = expected.map(|expected| format!("before {expected}"));
        assert_eq!(written, expected, "{text}");
    }

    #[test]
    fn members_are_set_in_their_places_and_what_lacks_is_added() {
        let own = [("id", "\"own\""), ("model", "\"m\"")];
        check(
            r#" { "model" : "x", "z":[ ], "tier":7,"id":"y","must":0 } "#,
            &own,
            Some(r#" { "model" : "m", "z":[ ], "tier":7,"id":"own","must":0 } "#),
        );
        check(
            r#"{"id":"é","must":null}"#,
            &own,
            Some(r#"{"id":"own","must":null,"model":"m","tier":null}"#),
        );
        check(
            r#"{"id":1,"must":{"id":2}}"#,
            &[],
            Some(r#"{"id":1,"must":{"id":2},"model":1,"tier":null}"#),
        );
        check(r#"{"id":1,"model":2,"tier":3}"#, &[], None);
        check(r#"{"must":1}"#, &[], None);
        check(r#"{"id":1,"must":1}"#, &[("other", "1")], None);
    }

    #[test]
    fn a_part_of_another_text_has_no_place() {
        let (text, other) = ("abc".to_owned(), "abc".to_owned());
        assert_eq!(place(&text, &text[1..2]), Some(1..2));
        assert_eq!(place(&text, &other[1..2]), None);
    }
}
