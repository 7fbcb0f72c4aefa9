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
