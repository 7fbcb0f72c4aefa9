// SPDX-License-Identifier: Apache-2.0
//! Finds and replaces personal data and secrets in text, whole or streamed, exactly alike.
//!
//! [`Rules`] are compiled once. [`Rules::redact`] masks a whole text; a [`Redactor`] masks a stream
//! as it comes and holds back no more than could still become a value ([`MAX_HOLD`] bytes at the
//! most). A whole text is a stream of one piece, so the two cannot differ. What is found, what is
//! not, and how well is in `docs/security/redaction.md`.
//!
//! ```
//! use lukhas_redact::{Profile, Redacted, Rules, RulesConfig};
//!
//! let rules = Rules::new(&RulesConfig::new(Profile::Logs))?;
//! let whole = rules.redact("Write to ada@example.com today.");
//! assert_eq!(whole.text, "Write to [REDACTED:EMAIL_ADDRESS] today.");
//!
//! let mut streamed = Redacted::default();
//! let mut redactor = rules.redactor();
//! for piece in ["Write to ada@ex", "ample.c", "om today."] {
//!     redactor.push(piece, &mut streamed);
//! }
//! redactor.finish(&mut streamed);
//! assert_eq!(streamed, whole);
//! # Ok::<(), lukhas_redact::RulesError>(())
//! ```
//!
//! [`Rules::redact_encoded`] also looks behind one layer of base64, percent-encoding and hexadecimal
//! digits, which only a whole text allows.
//!
//! A [`Vault`] makes placeholders that a [`Restorer`] turns back, so that a model never sees a value
//! and its reader does. With the feature `json`, `JsonRules` redacts parsed JSON, in which no escape
//! hides a value.
//!
//! A [`Secret`] wraps a key, token or password from the moment it enters the process. What cannot
//! be formatted, serialised or cloned cannot leak by accident; [`Secret::expose`] marks the few
//! places that need the value. [`Pii`] does the same for personal data, which may be copied.
//!
//! ```
//! use lukhas_redact::Secret;
//!
//! let token = Secret::new(String::from("a token that an operator chose"));
//! assert_eq!(format!("{token:?}"), "Secret(***)");
//! assert_eq!(token.expose().len(), 30);
//! ```

mod check;
mod context;
mod detector;
mod detectors;
mod encoded;
mod finding;
#[cfg(feature = "json")]
mod json;
mod pii;
mod placeholder;
mod profile;
mod redactor;
mod restorer;
mod rules;
mod secret;
mod tail;
mod vault;

pub use finding::{Finding, Kind, Redacted, Rule};
#[cfg(feature = "json")]
pub use json::{JsonFinding, JsonRules};
pub use pii::Pii;
pub use profile::{Profile, UnknownProfile, entities};
pub use redactor::Redactor;
pub use restorer::{Escape, Restorer};
pub use rules::{CustomPattern, MAX_HOLD, PatternFault, Rules, RulesConfig, RulesError};
pub use secret::Secret;
pub use vault::Vault;
