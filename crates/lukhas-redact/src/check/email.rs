// SPDX-License-Identifier: Apache-2.0
//! Addresses of mail.

use std::ops::Range;

use crate::detector::Candidate;

/// Ends of names of files that look like addresses: `logo@2x.png`.
const FILES: &[&str] = &[
    "png", "jpg", "jpeg", "gif", "svg", "webp", "avif", "css", "js", "json",
];

/// An address whose parts are none of them empty.
pub(crate) fn address(candidate: Candidate<'_>) -> Option<Range<usize>> {
    let text = candidate.text.as_bytes();
    let at = text.iter().rposition(|&byte| byte == b'@')?;
    let (local, domain) = (&text[..at], &text[at + 1..]);
    let mut labels = domain.split(|&byte| byte == b'.');
    let top = labels.clone().next_back()?;
    let label = |label: &[u8]| {
        (1..=63).contains(&characters(label)) && !label.starts_with(b"-") && !label.ends_with(b"-")
    };
    let file = |file: &&str| file.as_bytes().eq_ignore_ascii_case(top);
    let right = !local.ends_with(b".")
        && !local.windows(2).any(|pair| pair == b"..")
        // `git@github.com:owner/repository` is where a repository is, not where a person is.
        && local != b"git"
        && labels.all(label)
        && !FILES.iter().any(file);
    candidate.whole_if(right)
}

/// Characters of UTF-8: all bytes but those that continue one.
fn characters(text: &[u8]) -> usize {
    text.iter().filter(|&byte| byte & 0xC0 != 0x80).count()
}
