// SPDX-License-Identifier: Apache-2.0
//! The format of the journal: lines of a checksum and JSON.
//!
//! ```text
//! 9f86d081884c7d65 {"format":"lukhas-spends/1","seq":7,"lines":[["team/key/alice","2026-11-25",930]]}
//! 60303ae22b998861 {"seq":8,"lines":[["team/key/alice","2026-11-25",120]]}
//! ```
//!
//! The first line is a snapshot: what every account had settled after spend `seq`. Each further one is
//! a spend, numbered without gaps, so that a line that is missing in between is noticed. The checksum
//! is the beginning of the SHA-256 of what follows it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use lukhas_reliability::{Line, Page, Window};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a snapshot says of itself.
const FORMAT: &str = "lukhas-spends/1";

/// Hexadecimal digits of a checksum.
const CHECKSUM: usize = 16;

/// What accounts have settled, by account and window.
pub(super) type Totals = BTreeMap<Page, u64>;

/// What a journal says.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) totals: Totals,
    /// Number of the last spend.
    pub(super) seq: u64,
    /// Spends behind the snapshot.
    pub(super) spends: u64,
    /// Bytes that are good; what follows them is a torn write.
    pub(super) len: usize,
}

/// Where a journal is damaged, by more than a torn write at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Damage {
    /// The byte at which the bad line begins.
    pub(super) offset: usize,
    pub(super) what: &'static str,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record<'r> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    format: Option<Cow<'r, str>>,
    seq: u64,
    lines: Vec<(Cow<'r, str>, Cow<'r, str>, u64)>,
}

/// The line of spend `seq`.
pub(super) fn spend(seq: u64, lines: &[Line]) -> Result<Vec<u8>, serde_json::Error> {
    let used = lines.iter().filter(|line| line.amount > 0);
    line(None, seq, used.map(|line| (&line.page, line.amount)))
}

/// The line of everything that was settled up to spend `seq`.
pub(super) fn snapshot(seq: u64, totals: &Totals) -> Result<Vec<u8>, serde_json::Error> {
    let totals = totals.iter().map(|(page, amount)| (page, *amount));
    line(Some(FORMAT), seq, totals)
}

fn line<'l>(
    format: Option<&str>,
    seq: u64,
    lines: impl Iterator<Item = (&'l Page, u64)>,
) -> Result<Vec<u8>, serde_json::Error> {
    let line = |(page, amount): (&'l Page, u64)| {
        let window = page.window.to_string();
        (Cow::Borrowed(&*page.account), window.into(), amount)
    };
    let record = Record {
        format: format.map(Cow::Borrowed),
        seq,
        lines: lines.map(line).collect(),
    };
    let json = serde_json::to_string(&record)?;
    Ok(format!("{} {json}\n", checksum(json.as_bytes())).into_bytes())
}

/// Reads a whole journal.
///
/// # Errors
/// [`Damage`] when something is bad that good lines follow, or the snapshot is.
pub(super) fn read(bytes: &[u8]) -> Result<Contents, Damage> {
    let mut contents = Contents::default();
    let mut bad = None;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let parsed = parse(line);
        if let Some(offset) = bad {
            if parsed.is_some() {
                let what = "a line is damaged, and intact ones follow it";
                return Err(Damage { offset, what });
            }
            continue;
        }
        let offset = contents.len;
        let damage = |what| Damage { offset, what };
        match parsed {
            Some(record) => contents.add(&record, offset == 0).map_err(damage)?,
            // It was there before the first spend was written.
            None if offset == 0 => return Err(damage("the first line is damaged")),
            None => {
                bad = Some(offset);
                continue;
            }
        }
        contents.len += line.len();
    }
    if bytes.is_empty() {
        let what = "it is empty";
        return Err(Damage { offset: 0, what });
    }
    Ok(contents)
}

/// What an intact line holds.
fn parse(line: &[u8]) -> Option<Record<'_>> {
    let line = line.strip_suffix(b"\n")?;
    let (sum, json) = line.split_at_checked(CHECKSUM)?;
    let json = json.strip_prefix(b" ")?;
    if sum != checksum(json).as_bytes() {
        return None;
    }
    serde_json::from_slice(json).ok()
}

fn checksum(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest[..CHECKSUM / 2]
        .iter()
        .fold(String::with_capacity(CHECKSUM), |mut text, byte| {
            // Writing to a String does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

impl Contents {
    fn add(&mut self, record: &Record<'_>, is_first: bool) -> Result<(), &'static str> {
        match record.format.as_deref() {
            Some(FORMAT) if is_first => {}
            Some(_) if is_first => return Err("it is of another version"),
            None if is_first => return Err("it does not begin with a snapshot"),
            Some(_) => return Err("there is a second snapshot"),
            None if self.seq.checked_add(1) != Some(record.seq) => {
                return Err("a spend is missing before this line");
            }
            None => self.spends += 1,
        }
        self.seq = record.seq;
        for (account, window, amount) in &record.lines {
            let window: Window = window.parse().map_err(|_| "a window cannot be read")?;
            let page = Page {
                account: account.as_ref().into(),
                window,
            };
            let total = self.totals.entry(page).or_default();
            *total = total.saturating_add(*amount);
        }
        Ok(())
    }
}
