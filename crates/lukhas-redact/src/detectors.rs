// SPDX-License-Identifier: Apache-2.0
//! The tables of detectors. Where several match at one place, the first whose check agrees wins.

mod keys;
mod national;
mod personal;
mod phone;
mod secrets;

#[cfg(test)]
mod tests;

use crate::detector::Detector;

/// Every detector.
pub(crate) fn all() -> impl Iterator<Item = &'static Detector> {
    let tables = [
        secrets::TABLE,
        keys::TABLE,
        personal::TABLE,
        national::TABLE,
        phone::TABLE,
    ];
    tables.into_iter().flatten()
}

/// Whether a detector is in no profile: the numbers of one country are noise in the texts of others.
pub(crate) fn is_opt_in(detector: &Detector) -> bool {
    national::TABLE.iter().any(|row| row.rule == detector.rule)
}
