// SPDX-License-Identifier: Apache-2.0
//! What must hold for any input at all. Each law panics with an input that breaks it.
//!
//! `cargo xtask fuzz` looks for such inputs; the tests try the ones that are kept in `seeds`.

mod pieces;
mod redaction;
mod wire;

#[cfg(test)]
mod tests;

pub use redaction::{encoded, patterns, redact};
pub use wire::{events, requests};

/// What must hold for an input.
pub type Law = fn(&[u8]);

/// Every law, by the name of its target.
pub const LAWS: [(&str, Law); 5] = [
    ("redact", redact),
    ("encoded", encoded),
    ("patterns", patterns),
    ("requests", requests),
    ("events", events),
];
