// SPDX-License-Identifier: Apache-2.0
//! JSON objects whose every member is accounted for.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::RecordFault;

/// Most characters of an unknown member's name that are shown: fewer than any key has.
const SHOWN: usize = 15;

/// The members of one object that have not been taken yet, as they are written.
pub(crate) struct Members(Vec<(String, Value)>);

impl Members {
    /// The members of the object that `line` is.
    pub(crate) fn parse(line: &[u8]) -> Result<Self, RecordFault> {
        let members: Self = serde_json::from_slice(line)
            .map_err(|error| RecordFault::Json(error.column().max(1)))?;
        for (index, (name, _)) in members.0.iter().enumerate() {
            if members.0[..index].iter().any(|(other, _)| other == name) {
                return Err(RecordFault::Repeated(shown(name)));
            }
        }
        Ok(members)
    }

    /// Takes the member `name`, which `read` makes of its value, or says what is wrong with it.
    pub(crate) fn take<T, E: fmt::Display>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&Value) -> Result<T, E>,
    ) -> Result<T, RecordFault> {
        let at = self.0.iter().position(|(other, _)| other == name);
        let (_, value) = self.0.remove(at.ok_or(RecordFault::Missing(name))?);
        read(&value).map_err(|reason| RecordFault::Value {
            member: name,
            reason: reason.to_string(),
        })
    }

    /// Whether a member of that name has not been taken.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(other, _)| other == name)
    }

    /// Makes sure that none is left.
    pub(crate) fn end(self) -> Result<(), RecordFault> {
        match self.0.first() {
            Some((name, _)) => Err(RecordFault::Unknown(shown(name))),
            None => Ok(()),
        }
    }
}

/// Whoever pastes a key where a name belongs must not see it again in an error.
fn shown(name: &str) -> String {
    let plain = |c: &char| c.is_ascii_graphic() && *c != '`';
    let start: String = name.chars().take_while(plain).take(SHOWN).collect();
    if start == name { start } else { start + "…" }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn fault(line: &str) -> Option<RecordFault> {
        let read = |line: &str| -> Result<(), RecordFault> {
            let mut members = Members::parse(line.as_bytes())?;
            members.take("a", |value| value.as_u64().ok_or("it is no number"))?;
            members.end()
        };
        read(line).err()
    }

    #[test]
    fn every_member_is_accounted_for() {
        assert_eq!(fault(r#"{"a":1}"#), None);
        assert_eq!(fault("{}"), Some(RecordFault::Missing("a")));
        let repeated = RecordFault::Repeated("a".to_owned());
        assert_eq!(fault(r#"{"a":1,"a":1}"#), Some(repeated));
        let unknown = |name: &str| Some(RecordFault::Unknown(name.to_owned()));
        assert_eq!(fault(r#"{"a":1,"b":2}"#), unknown("b"));
        let value = RecordFault::Value {
            member: "a",
            reason: "it is no number".to_owned(),
        };
        assert_eq!(fault(r#"{"a":"1"}"#), Some(value));
        for line in ["", "[]", "1", r#"{"a":1"#, r#"{"a":1} {"#, "\u{feff}{}"] {
            assert!(matches!(fault(line), Some(RecordFault::Json(_))), "{line}");
        }
    }

    #[test]
    fn a_long_name_is_never_shown_whole() {
        let long = "k".repeat(16);
        let expected = RecordFault::Unknown("k".repeat(15) + "…");
        assert_eq!(fault(&format!(r#"{{"a":1,"{long}":2}}"#)), Some(expected));
        let expected = RecordFault::Unknown("x…".to_owned());
        assert_eq!(fault(r#"{"a":1,"x` y":2}"#), Some(expected));
    }
}
