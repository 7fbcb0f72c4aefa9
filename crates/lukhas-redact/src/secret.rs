// SPDX-License-Identifier: Apache-2.0
//! A value that must not be seen.

use std::fmt;

use zeroize::Zeroize;

/// A value that must not be seen: it formats as a constant and is overwritten when dropped.
///
/// It has no `Display`, no `Serialize`, no `Clone` and no equality (which would not be in constant
/// time). Copies that exist before the value is wrapped are the caller's to wipe; a `String` that
/// grew on the way has left some behind.
///
/// ```compile_fail,E0277
/// let secret = lukhas_redact::Secret::new(String::new());
/// println!("{secret}");
/// ```
/// ```compile_fail,E0599
/// let secret = lukhas_redact::Secret::new(String::new());
/// let copy = secret.clone();
/// ```
pub struct Secret<T: Zeroize> {
    value: T,
}

impl<T: Zeroize> Secret<T> {
    /// Wraps `value`.
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self { value }
    }

    /// The value itself. Callers neither log it nor keep it.
    #[must_use]
    pub const fn expose(&self) -> &T {
        &self.value
    }
}

impl<T: Zeroize> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.value.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Counts how often it is wiped.
    struct Wiped(Arc<AtomicUsize>);

    impl Zeroize for Wiped {
        fn zeroize(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[derive(Debug)]
    struct Holder {
        #[expect(dead_code, reason = "only its Debug form is looked at")]
        token: Option<Secret<String>>,
    }

    #[test]
    fn debug_is_a_constant_however_it_is_asked_for() {
        let secret = || Secret::new(String::from("visible"));
        for text in [
            format!("{:?}", secret()),
            format!("{:#?}", secret()),
            format!("{:40?}", secret()),
            format!("{:?}", Secret::new(vec![0_u8; 7])),
        ] {
            assert_eq!(text, "Secret(***)");
        }
        let holder = Holder {
            token: Some(secret()),
        };
        assert_eq!(format!("{holder:?}"), "Holder { token: Some(Secret(***)) }");
    }

    #[test]
    fn expose_gives_the_value_unchanged() {
        assert_eq!(Secret::from(String::from("value")).expose(), "value");
    }

    #[test]
    fn is_wiped_exactly_once_when_dropped() {
        let count = Arc::new(AtomicUsize::new(0));
        let secret = Secret::new(Wiped(Arc::clone(&count)));
        assert_eq!(count.load(Ordering::Relaxed), 0);
        drop(secret);
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }
}
