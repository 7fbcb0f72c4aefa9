// SPDX-License-Identifier: Apache-2.0
//! Types that keep secrets and personal data out of logs and answers.
//!
//! A [`Secret`] wraps a key, token or password from the moment it enters the process. What cannot
//! be formatted, serialised or cloned cannot leak by accident; [`Secret::expose`] marks the few
//! places that need the value.
//!
//! ```
//! use lukhas_redact::Secret;
//!
//! let token = Secret::new(String::from("a token that an operator chose"));
//! assert_eq!(format!("{token:?}"), "Secret(***)");
//! assert_eq!(token.expose().len(), 30);
//! ```

mod secret;

pub use secret::Secret;
