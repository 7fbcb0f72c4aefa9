// SPDX-License-Identifier: Apache-2.0
//! Where in a distributed trace something happens.

use std::fmt;
use std::sync::Arc;

use crate::Entropy;

/// A place in a distributed trace, as services tell each other in `traceparent` and `tracestate`
/// (W3C Trace Context, version 00).
///
/// INVARIANT: neither identifier is zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    sampled: bool,
    state: Option<Arc<str>>,
}

/// Most bytes of a `tracestate` that is passed on. The specification asks for 512 at least.
const MAX_STATE: usize = 512;

impl TraceContext {
    /// The root of a new trace.
    #[must_use]
    pub fn root(entropy: &dyn Entropy, sampled: bool) -> Self {
        let bits = entropy.bits();
        Self {
            trace_id: bits.max(1),
            span_id: span_id(entropy),
            sampled,
            state: None,
        }
    }

    /// What a `traceparent` header says; `None` when it is not valid, and is to be passed over.
    #[must_use]
    pub fn parse(traceparent: &str) -> Option<Self> {
        let text = traceparent.trim();
        let mut fields = text.splitn(5, '-');
        let version = hex(fields.next()?, 2)?;
        let trace_id = hex(fields.next()?, 32)?;
        let span_id = hex(fields.next()?, 16)?;
        let flags = hex(fields.next()?, 2)?;
        // Later versions may go on behind a dash, and are read as far as this one goes.
        let is_readable = match version {
            0 => fields.next().is_none(),
            255 => false,
            _ => true,
        };
        let span_id = u64::try_from(span_id).ok()?;
        (is_readable && trace_id != 0 && span_id != 0).then_some(Self {
            trace_id,
            span_id,
            sampled: flags & 1 == 1,
            state: None,
        })
    }

    /// The same place, with what other systems keep in `tracestate`. A longer one than can be passed
    /// on whole is left out.
    #[must_use]
    pub fn with_state(mut self, state: &str) -> Self {
        let state = state.trim();
        self.state = (1..=MAX_STATE).contains(&state.len()).then(|| state.into());
        self
    }

    /// A new place in the same trace.
    #[must_use]
    pub fn child(&self, entropy: &dyn Entropy) -> Self {
        Self {
            span_id: span_id(entropy),
            ..self.clone()
        }
    }

    /// The same place in a trace of which nothing, or something, is recorded.
    #[must_use]
    pub fn with_sampled(mut self, sampled: bool) -> Self {
        self.sampled = sampled;
        self
    }

    /// The trace.
    #[must_use]
    pub fn trace_id(&self) -> u128 {
        self.trace_id
    }

    /// The span.
    #[must_use]
    pub fn span_id(&self) -> u64 {
        self.span_id
    }

    /// Whether the trace is recorded.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// What other systems keep in `tracestate`.
    #[must_use]
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

/// The value of `traceparent`.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            trace_id, span_id, ..
        } = self;
        let flags = u8::from(self.sampled);
        write!(f, "00-{trace_id:032x}-{span_id:016x}-{flags:02x}")
    }
}

fn span_id(entropy: &dyn Entropy) -> u64 {
    let bits = entropy.bits();
    // The upper half; both are random.
    u64::try_from(bits >> 64).unwrap_or(u64::MAX).max(1)
}

/// The number that exactly `digits` lower-case hexadecimal digits write.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let right = text.len() == digits && text.bytes().all(is_hex);
    right.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    struct Zero;

    impl Entropy for Zero {
        fn bits(&self) -> u128 {
            0
        }
    }

    #[test]
    fn a_valid_header_is_read_and_written_alike() {
        let context = TraceContext::parse(VALID).unwrap();
        assert_eq!(context.to_string(), VALID);
        assert!(context.is_sampled());
        let child = context.with_state("a=1,b=2").child(&Zero);
        assert_eq!(
            child.to_string(),
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000001-01"
        );
        assert_eq!(child.state(), Some("a=1,b=2"));
        assert_eq!(child.with_state(&"x".repeat(513)).state(), None);
    }

    #[test]
    fn what_the_specification_refuses_is_passed_over() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let refused = [
            String::new(),
            "00".to_owned(),
            VALID.to_uppercase(),
            format!("{VALID}-more"),
            VALID.replacen("00-", "ff-", 1),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("00-{trace}-00f067aa0ba902b7-1"),
            format!("00-{trace}-00f067aa0ba902b7"),
            format!("00-{}-00f067aa0ba902b7-01", &trace[1..]),
            format!("00-+{}-00f067aa0ba902b7-01", &trace[1..]),
        ];
        for header in refused {
            assert_eq!(TraceContext::parse(&header), None, "{header}");
        }
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let later = format!("{}-what-is-new", VALID.replacen("00-", "cc-", 1));
        assert_eq!(TraceContext::parse(&later), TraceContext::parse(VALID));
    }
}
