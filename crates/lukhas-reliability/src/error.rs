// SPDX-License-Identifier: Apache-2.0
//! Why a setting is impossible.

use std::time::Duration;

/// Why a setting is impossible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` must be {must}")]
pub struct SettingError {
    /// The field at fault, as it is called in its `...Config`.
    pub field: &'static str,
    /// What it must be.
    pub must: &'static str,
}

/// Passes when `good`.
pub(crate) fn require(
    good: bool,
    field: &'static str,
    must: &'static str,
) -> Result<(), SettingError> {
    if good {
        Ok(())
    } else {
        Err(SettingError { field, must })
    }
}

/// A share from 0 to 1.
pub(crate) fn require_share(share: f64, field: &'static str) -> Result<(), SettingError> {
    require((0.0..=1.0).contains(&share), field, "between 0 and 1")
}

/// A time that passes.
pub(crate) fn require_some(time: Duration, field: &'static str) -> Result<(), SettingError> {
    require(!time.is_zero(), field, "longer than zero")
}
