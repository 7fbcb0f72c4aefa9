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

/// The last word of a line of `.netrc`.
pub(crate) fn last_word(candidate: Candidate<'_>) -> Option<Range<usize>> {
    let text = candidate.text;
    let start = text.rfind(|c: char| c.is_ascii_whitespace())? + 1;
    (!is_example(&text[start..])).then_some(start..text.len())
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
    let signs = text.find([':', '=', ',']);
    let separator = [signs, told(text)].into_iter().flatten().min()?;
    let (name, after) = text.split_at(separator);
    if after.starts_with("::") {
        return None;
    }
    let told = after.starts_with([' ', '\t', '\n', '\r']);
    let value = match told {
        true => after[1..].trim_start_matches(|c: char| c.is_ascii_alphabetic()),
        false => after.trim_start_matches([':', '=', '>', ',']),
    };
    let value = value.trim_start_matches([' ', '\t', '\n', '\r', '\\']);
    let quoted = value.starts_with(QUOTES);
    let value = value.trim_start_matches(QUOTES_AND_ESCAPES);
    let start = text.len() - value.len();
    let name = name.trim_end_matches([' ', '\t', '\n', '\r', '\\', '"', '\'']);
    let secret = match Named::of(name)? {
        Named::Password if told => is_password(value, quoted) && (quoted || begins_as_word(value)),
        Named::Password => is_password(value, quoted) || is_of_environment(name, after),
        Named::Key => !told && is_random(value),
    };
    // What follows a comma is the next argument, if it is quoted, and a clause otherwise.
    let assigned = quoted || !after.starts_with(',');
    (secret && assigned && !is_path(value) && !is_example(value) && !is_other(name))
        .then_some(start..text.len())
}

/// Whether it is where something is, on a server or in a page: `/docs/passwords`, `#password`.
fn is_path(value: &str) -> bool {
    let absolute = value
        .strip_prefix('/')
        .is_some_and(|rest| rest.contains('/'));
    absolute || value.starts_with('#') && !value.bytes().any(|byte| byte.is_ascii_digit())
}

/// Where a sentence goes on that tells a value: `password is …`.
fn told(text: &str) -> Option<usize> {
    let mut spaces = text.match_indices(|c: char| c.is_ascii_whitespace());
    spaces.find_map(|(at, _)| {
        let word = text[at + 1..].split_ascii_whitespace().next()?;
        ["is", "was"]
            .iter()
            .any(|told| told.eq_ignore_ascii_case(word))
            .then_some(at)
    })
}

/// What something is that has the name of a secret.
enum Named {
    /// What people choose.
    Password,
    /// What is drawn by chance.
    Key,
}

impl Named {
    fn of(name: &str) -> Option<Self> {
        const PASSWORDS: [&str; 5] = ["password", "passwort", "passwd", "passphrase", "pwd"];
        let lower = name
            .trim_end_matches("value")
            .trim_end()
            .to_ascii_lowercase();
        let lower = lower.trim_end_matches(['"', '\'']);
        let ends_with = |word| lower == word || ends_with_part(&name[..lower.len()], word);
        if PASSWORDS.iter().any(|word| lower.contains(word)) {
            return Some(Self::Password);
        }
        if ends_with("pass") {
            return Some(Self::Password);
        }
        // `passenger` and `path` are neither.
        let is_known = OTHER_KEYS.iter().any(|word| lower.contains(word));
        (is_known || ends_with("pat")).then_some(Self::Key)
    }
}

/// Parts of names that are of a key.
const OTHER_KEYS: [&str; 6] = ["key", "secret", "token", "auth", "cred", "access"];

/// Whether a variable of the environment is set, as in `DB_PASSWORD=swordfish`: there, even words are
/// passwords.
fn is_of_environment(name: &str, after: &str) -> bool {
    let letters = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let value = after.strip_prefix('=').unwrap_or_default();
    name.chars().all(letters) && begins_as_word(value)
}

fn begins_as_word(value: &str) -> bool {
    value.starts_with(|c: char| c.is_ascii_alphabetic())
}

const QUOTES_AND_ESCAPES: [char; 4] = ['"', '\'', '`', '\\'];
const QUOTES: [char; 3] = ['"', '\'', '`'];

/// What names end in that are of something about a secret.
const ABOUT: &[&str] = &[
    "id", "ids", "name", "path", "file", "url", "uri", "type", "count", "length", "size",
    "version", "limit", "usage",
];

/// Whether `name` is of something that is not secret: `token_count`, `credentialsId`, `publicKey`.
fn is_other(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let about = |word: &&str| ends_with_part(name, word);
    lower.contains("public") || lower.ends_with("tokens") || ABOUT.iter().any(about)
}

/// Whether the last part of `name` is `word`: `token_id` and `tokenId` end in `id`, `grid` does not.
fn ends_with_part(name: &str, word: &str) -> bool {
    let start = name.len().checked_sub(word.len());
    let Some((stem, part)) = start.and_then(|start| name.split_at_checked(start)) else {
        return false;
    };
    let begins =
        stem.ends_with(['_', '-', '.']) || part.starts_with(|c: char| c.is_ascii_uppercase());
    begins && part.eq_ignore_ascii_case(word)
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
