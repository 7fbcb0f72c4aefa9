// SPDX-License-Identifier: Apache-2.0
//! Secrets that something beside them gives away. The value is a part of the match.

use std::ops::Range;

use super::entropy::{bits, changes, distinct};
use crate::detector::Candidate;

/// What stands where a password would be.
const EXAMPLES: &[&str] = &[
    "password",
    "passwd",
    "pass",
    "pwd",
    "secret",
    "token",
    "changeme",
    "example",
    "user",
    "username",
    "admin",
    "root",
    "postgres",
    "redis",
    "guest",
    "xxx",
    "none",
    "null",
    "true",
    "false",
    "string",
    "undefined",
    "required",
    "optional",
    "redacted",
    "hidden",
    "test",
    "port",
];

/// Beginnings of what is replaced before it is used: variables of shells and templates.
const VARIABLES: &[&str] = &["$", "%", "{", "<", "*", "..."];

fn is_example(value: &str) -> bool {
    VARIABLES
        .iter()
        .any(|beginning| value.starts_with(beginning))
        || EXAMPLES
            .iter()
            .any(|example| example.eq_ignore_ascii_case(value))
        || distinct(value) < 3
        || is_snake_case(value)
}

/// Whether it is a name, as of the setting that holds the secret.
fn is_snake_case(value: &str) -> bool {
    value.contains('_')
        && value
            .bytes()
            .all(|byte| byte == b'_' || byte.is_ascii_lowercase())
}

/// The password in `scheme://user:password@`.
pub(crate) fn url_password(candidate: Candidate<'_>) -> Option<Range<usize>> {
    let text = candidate.text;
    let authority = text.find("://")? + "://".len();
    let start = authority + text[authority..].find(':')? + 1;
    let end = text.rfind('@')?;
    let value = text.get(start..end)?;
    let is_port = value.bytes().all(|byte| byte.is_ascii_digit()) && value.len() < 6;
    (!is_example(value) && !is_port).then_some(start..end)
}

/// The credentials in `Bearer credentials`.
pub(crate) fn authorization(candidate: Candidate<'_>) -> Option<Range<usize>> {
    let text = candidate.text;
    let start = text.rfind(' ')? + 1;
    let value = &text[start..];
    let chance = bits(value) >= 3.0 && (changes(value) >= 2 || is_mixed(value));
    chance.then_some(start..text.len())
}

/// The value of an assignment to something that is called a secret.
pub(crate) fn assignment(candidate: Candidate<'_>) -> Option<Range<usize>> {
    let text = candidate.text;
    let separator = text.find([':', '='])?;
    let (name, after) = text.split_at(separator);
    if after.starts_with("::") {
        return None;
    }
    let value = after.trim_start_matches([':', '=', '>', ' ', '\t', '\n', '\r']);
    let value = value.trim_start_matches('\\');
    let quoted = value.starts_with(['"', '\'', '`']);
    let value = value.trim_start_matches(['"', '\'', '`']);
    let start = text.len() - value.len();
    let lower = name.to_ascii_lowercase();
    let chosen = ["pass", "pwd"].iter().any(|word| lower.contains(word));
    // Counts and names of tokens are no tokens.
    let other = [
        "tokens",
        "token_type",
        "token_count",
        "tokenizer",
        "_id",
        "_name",
        "_path",
        "_file",
    ];
    let holds = !is_example(value)
        && !other.iter().any(|ending| {
            lower
                .trim_end_matches(['"', '\'', ' ', '\\'])
                .ends_with(ending)
        })
        && if chosen {
            is_password(value, quoted)
        } else {
            is_random(value)
        };
    holds.then_some(start..text.len())
}

/// A password that somebody chose: some letter with some digit or sign, and no code.
fn is_password(value: &str, quoted: bool) -> bool {
    let has = |test: fn(&u8) -> bool| value.bytes().any(|byte| test(&byte));
    let letter = has(u8::is_ascii_alphabetic);
    let digit = has(u8::is_ascii_digit);
    let sign = value.bytes().any(|byte| b"!@#$%^&*?~+=".contains(&byte));
    let code = value.contains("::") || value.contains("->") || value.contains("//");
    letter && (digit || quoted && sign) && !code
}

/// A key that was drawn by chance.
fn is_random(value: &str) -> bool {
    const LEAST: usize = 12;
    let code = value.contains("::") || value.contains("->") || value.contains("//");
    value.len() >= LEAST && !code && bits(value) >= 3.0 && (changes(value) >= 2 || is_mixed(value))
}

fn is_mixed(value: &str) -> bool {
    let pairs = value.as_bytes().windows(2);
    let up = pairs.filter(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
    let has_digit = value.bytes().any(|byte| byte.is_ascii_digit());
    has_digit && up.count() >= 2
}
