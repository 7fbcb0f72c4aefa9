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
    let (local, domain) = candidate.text.rsplit_once('@')?;
    let labels = domain.split('.');
    let top = domain.rsplit('.').next()?;
    let label = |label: &str| {
        (1..=63).contains(&label.chars().count())
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let right = !local.ends_with('.')
        && !local.contains("..")
        // `git@github.com:owner/repository` is where a repository is, not where a person is.
        && local != "git"
        && labels.clone().all(label)
        && !FILES.iter().any(|file| file.eq_ignore_ascii_case(top));
    candidate.whole_if(right)
}
