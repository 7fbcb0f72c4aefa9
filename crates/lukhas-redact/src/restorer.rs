// SPDX-License-Identifier: Apache-2.0
//! Placeholders back to the values they stand for.

use std::fmt::Write as _;

use crate::placeholder::{CLOSE, MAX_DIGITS, MAX_NAME, OPEN};
use crate::vault::Vault;

/// What the text around a placeholder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// Text.
    None,
    /// The inside of a JSON string, as in a tool's arguments that are streamed as text.
    Json,
}

/// Puts values back into a stream, the other way round of a [`Redactor`](crate::Redactor).
///
/// It holds back no more than the beginning of a placeholder. Placeholders that its vault does not
/// know stay as they are.
#[derive(Debug)]
pub struct Restorer {
    vault: Vault,
    escape: Escape,
    held: String,
}

/// What a text that begins with a bracket is.
enum Read<'t> {
    Placeholder {
        entity: &'t str,
        number: u32,
        len: usize,
    },
    /// The beginning of a placeholder, perhaps.
    Cut,
    Other,
}

impl Restorer {
    /// Puts the values of `vault` back.
    #[must_use]
    pub const fn new(vault: Vault, escape: Escape) -> Self {
        Self {
            vault,
            escape,
            held: String::new(),
        }
    }

    /// Takes the next piece of the text and appends what is decided to `out`.
    pub fn push(&mut self, piece: &str, out: &mut String) {
        self.held.push_str(piece);
        let held = std::mem::take(&mut self.held);
        let mut rest = held.as_str();
        while let Some(at) = rest.find('[') {
            let (text, bracket) = rest.split_at(at);
            out.push_str(text);
            rest = bracket;
            match read(rest) {
                Read::Placeholder {
                    entity,
                    number,
                    len,
                } => {
                    let value = |value: &str| self.escape.write(value, out);
                    if self.vault.with_value(entity, number, value).is_none() {
                        out.push_str(&rest[..len]);
                    }
                    rest = &rest[len..];
                }
                Read::Cut => {
                    rest.clone_into(&mut self.held);
                    return;
                }
                Read::Other => {
                    out.push('[');
                    rest = &rest[1..];
                }
            }
        }
        out.push_str(rest);
    }

    /// Ends the text: what was held back is no placeholder.
    pub fn finish(&mut self, out: &mut String) {
        out.push_str(&std::mem::take(&mut self.held));
    }
}

fn read(text: &str) -> Read<'_> {
    let Some(inside) = text.strip_prefix(OPEN) else {
        return if OPEN.starts_with(text) {
            Read::Cut
        } else {
            Read::Other
        };
    };
    let Some(end) = inside.find(CLOSE) else {
        let possible = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let cut = inside.len() <= MAX_NAME + 1 + MAX_DIGITS && inside.chars().all(possible);
        return if cut { Read::Cut } else { Read::Other };
    };
    let inside = &inside[..end];
    let parts = inside.split_once(':');
    let parts = parts.and_then(|(entity, number)| Some((entity, number.parse().ok()?)));
    parts.map_or(Read::Other, |(entity, number)| Read::Placeholder {
        entity,
        number,
        len: OPEN.len() + end + CLOSE.len_utf8(),
    })
}

impl Escape {
    fn write(self, value: &str, out: &mut String) {
        match self {
            Self::None => out.push_str(value),
            Self::Json => value.chars().for_each(|c| match c {
                '"' | '\\' => out.extend(['\\', c]),
                '\n' => out.push_str("\\n"),
                _ if c.is_control() => {
                    // Writing to a String does not fail.
                    let _ = write!(out, "\\u{:04x}", u32::from(c));
                }
                _ => out.push(c),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A vault with these values of `NAME`, the first with number 1.
    fn vault(values: &[&str]) -> Vault {
        let (vault, entity) = (Vault::new(), "NAME");
        for value in values {
            vault.number(entity, value);
        }
        vault
    }

    #[track_caller]
    fn check(escape: Escape, text: &str, expected: &str) {
        let vault = vault(&["say \"hi\"\n\u{1}", "\\"]);
        for pieces in [vec![text], text.split_inclusive(|_| true).collect()] {
            let mut restorer = Restorer::new(vault.clone(), escape);
            let mut out = String::new();
            for piece in pieces {
                restorer.push(piece, &mut out);
            }
            restorer.finish(&mut out);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn values_come_back_and_nothing_else_changes() {
        check(Escape::None, "a [REDACTED:NAME:1]!", "a say \"hi\"\n\u{1}!");
        check(
            Escape::Json,
            "{\"a\":\"[REDACTED:NAME:1][REDACTED:NAME:2]\"}",
            "{\"a\":\"say \\\"hi\\\"\\n\\u0001\\\\\"}",
        );
        for text in [
            "[REDACTED:NAME:3]",
            "[REDACTED:NAME]",
            "[REDACTED:OTHER:1]",
            "[[RED",
            "[REDACTED:NAME:1",
            "[REDACTED:é:1]",
            "[REDACTED:NAME:99999999999]",
            "[1] [x]",
        ] {
            check(Escape::None, text, text);
        }
        check(Escape::None, "[[REDACTED:NAME:2]", "[\\");
    }

    #[test]
    fn a_vault_is_bounded_and_the_same_value_has_one_number() {
        let (vault, entity) = (Vault::new(), "NAME");
        assert_eq!(vault.number(entity, "a"), Some(1));
        assert_eq!(vault.number(entity, "b"), Some(2));
        assert_eq!(vault.number(entity, "a"), Some(1));
        assert_eq!(vault.number("OTHER", "a"), Some(1));
        for n in 3..Vault::CAPACITY {
            assert!(vault.number(entity, &n.to_string()).is_some());
        }
        assert_eq!(vault.number(entity, "one more"), None);
        assert_eq!(vault.number(entity, "b"), Some(2));
        assert_eq!(format!("{vault:?}"), "Vault(***)");
    }
}
