// SPDX-License-Identifier: Apache-2.0
//! What is looked for where.

use std::str::FromStr;

use crate::detector::Detector;
use crate::detectors;
use crate::finding::Kind;

/// Where a text goes, and so what must not be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Logs, traces and events: everything.
    Logs,
    /// A model of somebody else: everything but addresses of machines, which questions are about.
    Upstream,
    /// The reader of an answer: secrets, and the numbers that move money or name a person for life.
    Client,
}

/// What is told of a name that no profile has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no profile; there are `logs`, `upstream` and `client`")]
pub struct UnknownProfile {
    name: String,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 3] = [Self::Logs, Self::Upstream, Self::Client];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Upstream => "upstream",
            Self::Client => "client",
        }
    }

    pub(crate) fn has(self, detector: &Detector) -> bool {
        if detectors::is_opt_in(detector) {
            return false;
        }
        match (self, detector.kind) {
            (Self::Logs, _) | (Self::Upstream | Self::Client, Kind::Secret) => true,
            (Self::Upstream, Kind::Pii) => {
                !["IP_ADDRESS", "MAC_ADDRESS"].contains(&detector.entity)
            }
            (Self::Client, Kind::Pii) => {
                ["CREDIT_CARD", "IBAN_CODE", "US_SSN", "US_ITIN"].contains(&detector.entity)
            }
        }
    }
}

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        let mut all = Self::ALL.into_iter();
        let found = all.find(|profile| profile.as_str() == name);
        found.ok_or_else(|| UnknownProfile {
            name: name.to_owned(),
        })
    }
}

/// The entities that detectors of this crate find, in no profile those that are opt-in, each once.
pub fn entities() -> impl Iterator<Item = &'static str> {
    let mut seen = Vec::new();
    detectors::all().filter_map(move |detector| {
        let new = !seen.contains(&detector.entity);
        seen.push(detector.entity);
        new.then_some(detector.entity)
    })
}
