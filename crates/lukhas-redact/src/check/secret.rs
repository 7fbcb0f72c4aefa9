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
    let separator = text.find([':', '=', ','])?;
    let (name, after) = text.split_at(separator);
    if after.starts_with("::") {
        return None;
    }
    let value = after.trim_start_matches([':', '=', '>', ',', ' ', '\t', '\n', '\r']);
    let value = value.trim_start_matches('\\');
    let quoted = value.starts_with(QUOTES);
    let value = value.trim_start_matches(QUOTES);
    let start = text.len() - value.len();
    let name = name.trim_end_matches([' ', '\t', '\n', '\r', '\\', '"', '\'']);
    let lower = name.to_ascii_lowercase();
    let chosen = ["pass", "pwd"].iter().any(|word| lower.contains(word));
    let secret = if chosen {
        is_password(value, quoted)
    } else {
        is_random(value)
    };
    // What follows a comma is the next argument, if it is quoted, and a clause otherwise.
    let assigned = quoted || !after.starts_with(',');
    (secret && assigned && !is_example(value) && !is_other(name)).then_some(start..text.len())
}

const QUOTES: [char; 3] = ['"', '\'', '`'];

/// What names end in that are of something about a secret.
const ABOUT: &[&str] = &[
    "id", "ids", "name", "path", "file", "url", "uri", "type", "count", "length", "size",
    "version", "limit", "usage",
];

/// Whether `name` is of something that is not secret: `token_count`, `credentialsId`, `publicKey`.
fn is_other(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let about = |word: &&str| {
        let Some(stem) = lower.strip_suffix(*word) else {
            return false;
        };
        let part = name[stem.len()..].starts_with(|c: char| c.is_ascii_uppercase());
        part || stem.ends_with(['_', '-', '.'])
    };
    lower.contains("public") || lower.ends_with("tokens") || ABOUT.iter().any(about)
}

/// A password that somebody chose: some letter with some digit or sign, or digits, and no code.
fn is_password(value: &str, quoted: bool) -> bool {
    let has = |test: fn(&u8) -> bool| value.bytes().any(|byte| test(&byte));
    let letter = has(u8::is_ascii_alphabetic);
    let digit = has(u8::is_ascii_digit);
    let sign = value.bytes().any(|byte| b"!@#$%^&*?~+=".contains(&byte));
    let code = value.contains("::") || value.contains("->") || value.contains("//");
    let number = !letter && digit && value.len() >= 8;
    (number || letter && (digit || quoted && sign)) && !code
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
