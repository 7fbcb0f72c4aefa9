// SPDX-License-Identifier: Apache-2.0
//! Personal data that must not be logged.

use std::fmt;

/// Personal data: it formats as a constant, so that no log line shows it by accident.
///
/// Other than a [`Secret`](crate::Secret) it may be cloned and compared, for it is what applications
/// work with; like one, it has no `Display` and no `Serialize`.
///
/// ```
/// use lukhas_redact::Pii;
///
/// let email = Pii::new("ada@example.com");
/// assert_eq!(format!("{email:?}"), "Pii(***)");
/// assert_eq!(*email.expose(), "ada@example.com");
/// ```
/// ```compile_fail,E0277
/// println!("{}", lukhas_redact::Pii::new("ada@example.com"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pii<T> {
    value: T,
}

impl<T> Pii<T> {
    /// Wraps `value`.
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self { value }
    }

    /// The value itself. Callers do not log it.
    #[must_use]
    pub const fn expose(&self) -> &T {
        &self.value
    }

    /// The value itself, no longer wrapped.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> From<T> for Pii<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T> fmt::Debug for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pii(***)")
    }
}
