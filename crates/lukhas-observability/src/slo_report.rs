// SPDX-License-Identifier: Apache-2.0
//! How objectives stand, read from what `/metrics` says.

use std::collections::BTreeMap;

/// How the objectives of a server stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SloReport {
    /// Each of them, by name.
    pub objectives: Vec<SloStanding>,
}

/// How one objective stands since its server began.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SloStanding {
    /// Whose it is.
    pub slo: String,
    /// `p95` or `p99`.
    pub objective: String,
    /// The seconds within which an answer has to begin.
    pub threshold: f64,
    /// The share of answers that has to.
    pub target: f64,
    /// How many did.
    pub good: u64,
    /// How many did not, or failed.
    pub bad: u64,
    /// How fast the budget burnt, by window.
    pub burn_rates: BTreeMap<String, f64>,
}

/// The text says nothing of objectives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no `lukhas_slo_` metric in it")]
pub struct NoObjectives;

impl SloReport {
    /// Reads the metrics of a server, in either of their formats.
    ///
    /// # Errors
    /// [`NoObjectives`] when the text is something else.
    pub fn parse(metrics: &str) -> Result<Self, NoObjectives> {
        let mut standings: BTreeMap<(String, String), SloStanding> = BTreeMap::new();
        for (name, labels, value) in metrics.lines().filter_map(sample) {
            let label = |name: &str| labels.get(name).copied().unwrap_or_default();
            let key = (label("slo").to_owned(), label("objective").to_owned());
            let (slo, objective) = key.clone();
            let standing = standings.entry(key).or_insert_with(|| SloStanding {
                slo,
                objective,
                ..SloStanding::default()
            });
            match (name, label("outcome")) {
                ("requests_total", "good") => standing.good = value as u64,
                ("requests_total", _) => standing.bad = value as u64,
                ("threshold_seconds", _) => standing.threshold = value,
                ("target_ratio", _) => standing.target = value,
                ("burn_rate", _) => {
                    let window = label("window").to_owned();
                    standing.burn_rates.insert(window, value);
                }
                (_, _) => {}
            }
        }
        if standings.is_empty() {
            return Err(NoObjectives);
        }
        Ok(Self {
            objectives: standings.into_values().collect(),
        })
    }

    /// Whether every objective is met.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.objectives.iter().all(SloStanding::is_met)
    }
}

impl SloStanding {
    /// The share of answers in time; `None` before the first.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        let all = self.good + self.bad;
        (all > 0).then(|| self.good as f64 / all as f64)
    }

    /// How much of the budget of bad answers is left: 1 is all of it, less than 0 is overspent.
    #[must_use]
    pub fn budget_left(&self) -> f64 {
        let share = self.share().unwrap_or(1.0);
        1.0 - (1.0 - share) / (1.0 - self.target)
    }

    /// Whether enough answers are in time.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.share().is_none_or(|share| share >= self.target)
    }
}

/// The name behind `lukhas_slo_`, the labels and the value of a line.
fn sample(line: &str) -> Option<(&str, BTreeMap<&str, &str>, f64)> {
    let (name, rest) = line.strip_prefix("lukhas_slo_")?.split_once('{')?;
    let (labels, value) = rest.split_once("} ")?;
    // Their values are words.
    let labels = labels.split(',').filter_map(|label| {
        let (name, value) = label.split_once('=')?;
        Some((name, value.trim_matches('"')))
    });
    let value = value.split(' ').next()?.parse().ok()?;
    Some((name, labels.collect(), value))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::{Format, Judged, Metrics, SloBudget};

    #[test]
    fn a_report_says_what_the_metrics_count() {
        let metrics = Metrics::of_test();
        let slo = metrics.slo(SloBudget {
            name: "responses",
            p95: Duration::from_millis(1_200),
            p99: Duration::from_millis(2_500),
        });
        for number in 0..100 {
            let judged = Judged {
                status: 200,
                first_byte: Duration::from_millis(if number < 2 { 3_000 } else { 10 }),
                has_failed: false,
            };
            slo.judge(judged, SystemTime::now());
        }
        for format in [Format::Text, Format::OpenMetrics] {
            let report = SloReport::parse(&metrics.encode(format).1).unwrap();
            let [p95, p99] = report.objectives.as_slice() else {
                panic!("{report:?}");
            };
            assert_eq!(
                (p95.good, p95.bad, p95.threshold, p95.target),
                (98, 2, 1.2, 0.95)
            );
            assert!(p95.is_met() && !p99.is_met() && !report.is_met());
            assert!((p95.budget_left() - 0.6).abs() < 1e-9);
            assert!((p99.budget_left() + 1.0).abs() < 1e-9);
            assert!((p99.burn_rates["1h"] - 2.0).abs() < 1e-9, "{p99:?}");
        }
        assert_eq!(SloReport::parse("up 1\n"), Err(NoObjectives));
    }
}
