// SPDX-License-Identifier: Apache-2.0
//! Which traces are recorded.

use lukhas_core::TraceContext;

/// Which traces are recorded, as `OTEL_TRACES_SAMPLER` names it (OpenTelemetry, general SDK
/// configuration).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampler {
    /// The share of traces that begin here, or of all where clients are not asked: 0 to 1.
    ratio: f64,
    /// Whether a client that says so decides.
    parent_based: bool,
}

/// A sampler, or its argument, that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownSampler {
    /// No sampler has the name.
    #[error("there is no such sampler")]
    Name,
    /// The argument of a sampler by ratio is none.
    #[error("its argument is not a number from 0 to 1")]
    Ratio,
}

impl Sampler {
    /// The samplers that exist.
    pub const NAMES: [&'static str; 6] = [
        "always_on",
        "always_off",
        "traceidratio",
        "parentbased_always_on",
        "parentbased_always_off",
        "parentbased_traceidratio",
    ];

    /// The sampler `name`, with `argument`; without one, a ratio is 1.
    ///
    /// # Errors
    /// [`UnknownSampler`].
    pub fn new(name: &str, argument: Option<&str>) -> Result<Self, UnknownSampler> {
        let (parent_based, kind) = match name.strip_prefix("parentbased_") {
            Some(kind) => (true, kind),
            None => (false, name),
        };
        let ratio = match kind {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" => {
                let ratio = argument.map_or(Ok(1.0), |text| text.trim().parse::<f64>());
                let ratio = ratio.ok().filter(|ratio| (0.0..=1.0).contains(ratio));
                ratio.ok_or(UnknownSampler::Ratio)?
            }
            _ => return Err(UnknownSampler::Name),
        };
        Ok(Self {
            ratio,
            parent_based,
        })
    }

    /// Whether the trace `trace_id` is recorded, of which `parent` is where the client is.
    pub(crate) fn takes(&self, trace_id: u128, parent: Option<&TraceContext>) -> bool {
        match parent {
            Some(parent) if self.parent_based => parent.is_sampled(),
            Some(_) | None => {
                // The last 56 bits are random (W3C Trace Context, level 2), and a number of them is
                // exact.
                let random = u64::try_from(trace_id & 0x00ff_ffff_ffff_ffff).unwrap_or(u64::MAX);
                let share = (random >> 3) as f64 / (1_u64 << 53) as f64;
                share < self.ratio
            }
        }
    }
}

impl Default for Sampler {
    fn default() -> Self {
        Self {
            ratio: 1.0,
            parent_based: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, argument: Option<&str>, taken: [bool; 4]) {
        let sampler = Sampler::new(name, argument).unwrap();
        let parent = |flags: &str| {
            let text = format!("00-{:032x}-00f067aa0ba902b7-{flags}", 1);
            TraceContext::parse(&text).unwrap()
        };
        let (low, high) = (1, u128::MAX);
        let seen = [
            sampler.takes(low, None),
            sampler.takes(high, None),
            sampler.takes(high, Some(&parent("01"))),
            sampler.takes(low, Some(&parent("00"))),
        ];
        assert_eq!(seen, taken, "{name} {argument:?}");
    }

    #[test]
    fn samplers_do_as_the_specification_says() {
        check("always_on", None, [true; 4]);
        check("always_off", None, [false; 4]);
        check("traceidratio", Some("0.5"), [true, false, false, true]);
        check("traceidratio", None, [true; 4]);
        check("parentbased_always_on", None, [true, true, true, false]);
        check("parentbased_always_off", None, [false, false, true, false]);
        check(
            "parentbased_traceidratio",
            Some("0.5"),
            [true, false, true, false],
        );
        for name in Sampler::NAMES {
            assert!(Sampler::new(name, None).is_ok(), "{name}");
        }
        assert_eq!(
            Sampler::new("jaeger_remote", None),
            Err(UnknownSampler::Name)
        );
        for ratio in ["", "1.1", "-1", "nan", "half"] {
            let refused = Sampler::new("traceidratio", Some(ratio));
            assert_eq!(refused, Err(UnknownSampler::Ratio), "{ratio}");
        }
    }
}
