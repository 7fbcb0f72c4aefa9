// SPDX-License-Identifier: Apache-2.0
//! What stands in the place of a value: `[REDACTED:EMAIL_ADDRESS]`, or with a number,
//! `[REDACTED:EMAIL_ADDRESS:1]`.

use std::fmt::Write as _;

/// What every placeholder begins with.
///
/// INVARIANT: no pattern but that of placeholders matches the bracket, so that a value is found in
/// none and across none, and redacting twice is redacting once.
pub(crate) const OPEN: &str = "[REDACTED:";
/// What it ends with.
pub(crate) const CLOSE: char = ']';

/// Characters of an entity's name.
pub(crate) const MAX_NAME: usize = 32;
/// Digits of a number.
pub(crate) const MAX_DIGITS: usize = 9;

/// Appends a placeholder to `out`.
pub(crate) fn write(out: &mut String, entity: &str, number: Option<u32>) {
    out.push_str(OPEN);
    out.push_str(entity);
    if let Some(number) = number {
        // Writing to a String does not fail.
        let _ = write!(out, ":{number}");
    }
    out.push(CLOSE);
}

/// The pattern of placeholders for entities of these names.
pub(crate) fn pattern(names: &[&str]) -> String {
    let names = names.join("|");
    format!(r"\[REDACTED:(?:{names})(?::[0-9]{{1,{MAX_DIGITS}}})?\]")
}

/// Whether `text` is a placeholder, and nothing else.
#[cfg(feature = "json")]
pub(crate) fn is_one(text: &str) -> bool {
    let inside = text
        .strip_prefix(OPEN)
        .and_then(|rest| rest.strip_suffix(CLOSE));
    inside.is_some_and(|inside| match inside.split_once(':') {
        Some((name, number)) => is_name(name) && is_number(number),
        None => is_name(inside),
    })
}

#[cfg(feature = "json")]
fn is_number(text: &str) -> bool {
    (1..=MAX_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether `name` can name an entity: capital letters, digits and `_`, a letter first.
pub(crate) fn is_name(name: &str) -> bool {
    let letters = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    name.len() <= MAX_NAME
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(letters)
}
