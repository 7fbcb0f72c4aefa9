// SPDX-License-Identifier: Apache-2.0
//! Who counted what was used, where it was not the model's own server.

use lukhas_core::UsageSource;
use schemars::JsonSchema;
use serde::Serialize;

/// Who counted what was used, where it was not the model's own server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CountedBy {
    /// An estimate: the model's server did not say.
    Estimated,
    /// An estimate of what was used until the answer broke off.
    Partial,
}

impl CountedBy {
    pub(crate) fn of(source: UsageSource) -> Option<Self> {
        match source {
            UsageSource::Provider => None,
            UsageSource::Estimated => Some(Self::Estimated),
            UsageSource::Partial => Some(Self::Partial),
        }
    }
}
