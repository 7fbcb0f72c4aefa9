// SPDX-License-Identifier: Apache-2.0
//! Service level objectives: how many answers are in time, and how fast their budget of others burns.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// What is promised of the answers of one kind: that 95 of a hundred begin within one time, and 99
/// within another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SloBudget {
    /// Its name.
    pub name: &'static str,
    /// The time for 95 of a hundred.
    pub p95: Duration,
    /// The time for 99 of a hundred.
    pub p99: Duration,
}

/// Judges the answers of one kind. Cheap to clone; see [`Metrics::slo`](super::Metrics::slo).
#[derive(Clone)]
pub struct SloMetrics(Arc<[Objective; 2]>);

/// What came of one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// Its status.
    pub status: u16,
    /// The time until its answer began.
    pub first_byte: Duration,
    /// Whether its answer failed behind a status that says nothing of it.
    pub has_failed: bool,
}

/// One promise.
struct Objective {
    labels: Labels,
    threshold: Duration,
    /// Its share of answers.
    target: f64,
    good: Counter,
    bad: Counter,
    minutes: Mutex<Minutes>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    slo: &'static str,
    objective: &'static str,
}

/// Labels of judged requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Outcome {
    slo: &'static str,
    objective: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Window {
    slo: &'static str,
    objective: &'static str,
    window: &'static str,
}

/// The minutes of an hour, and the one under way.
const MINUTES: usize = 61;
/// The windows that burn rates are of, in minutes.
const WINDOWS: [(&str, u64); 3] = [("5m", 5), ("30m", 30), ("1h", 60)];

/// What was judged in each of the last minutes.
struct Minutes([Minute; MINUTES]);

#[derive(Clone, Copy, Default)]
struct Minute {
    /// Minutes since 1970.
    number: u64,
    all: u64,
    bad: u64,
}

/// The families of objectives, and what is asked for at every scrape.
#[derive(Clone)]
pub(super) struct SloFamilies {
    requests: Family<Outcome, Counter>,
    objectives: Arc<Mutex<Vec<SloMetrics>>>,
}

impl SloFamilies {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let families = Self {
            requests: Family::default(),
            objectives: Arc::default(),
        };
        let help = "Requests by whether they were answered as their objective promises";
        registry.register("lukhas_slo_requests", help, families.requests.clone());
        registry.register_collector(Box::new(Asked(families.clone())));
        families
    }

    pub(super) fn of(&self, budget: SloBudget) -> SloMetrics {
        let objective = |objective, threshold, target| Objective {
            labels: Labels {
                slo: budget.name,
                objective,
            },
            threshold,
            target,
            good: self.counter(budget.name, objective, "good"),
            bad: self.counter(budget.name, objective, "bad"),
            minutes: Mutex::new(Minutes([Minute::default(); MINUTES])),
        };
        let metrics = SloMetrics(Arc::new([
            objective("p95", budget.p95, 0.95),
            objective("p99", budget.p99, 0.99),
        ]));
        self.lock().push(metrics.clone());
        metrics
    }

    fn counter(
        &self,
        slo: &'static str,
        objective: &'static str,
        outcome: &'static str,
    ) -> Counter {
        self.requests.get_or_create_owned(&Outcome {
            slo,
            objective,
            outcome,
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<SloMetrics>> {
        self.objectives
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl SloMetrics {
    /// Takes note of what came of a request at `now`. What its client did wrong is not judged, nor is
    /// one that left.
    pub fn judge(&self, judged: Judged, now: SystemTime) {
        if (400..500).contains(&judged.status) {
            return;
        }
        let has_failed = judged.has_failed || judged.status >= 500;
        for objective in &*self.0 {
            let is_bad = has_failed || judged.first_byte > objective.threshold;
            objective.note(is_bad, minute(now));
        }
    }
}

impl Objective {
    fn note(&self, is_bad: bool, minute: u64) {
        match is_bad {
            true => self.bad.inc(),
            false => self.good.inc(),
        };
        let mut minutes = self.minutes.lock().unwrap_or_else(PoisonError::into_inner);
        minutes.note(is_bad, minute);
        if !is_bad {
            return;
        }
        let (all, bad) = minutes.since(minute, 60);
        drop(minutes);
        // Said once an hour at most, when the hour's budget is used up: with the bad answer that
        // goes beyond it.
        let most = (1.0 - self.target) * all as f64;
        if all >= 20 && bad as f64 > most && (bad - 1) as f64 <= most {
            let Labels { slo, objective } = self.labels;
            tracing::warn!(
                slo,
                objective,
                bad,
                all,
                "an objective is missed in the last hour"
            );
        }
    }

    /// How many times as fast as it may the budget of bad answers was used in the last `minutes`; 1
    /// uses it up exactly. 0 without requests.
    fn burn_rate(&self, now: u64, minutes: u64) -> f64 {
        let window = self.minutes.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, bad) = window.since(now, minutes);
        if all == 0 {
            return 0.0;
        }
        bad as f64 / all as f64 / (1.0 - self.target)
    }
}

impl Minutes {
    fn note(&mut self, is_bad: bool, number: u64) {
        let minute = &mut self.0[(number % MINUTES as u64) as usize];
        if minute.number != number {
            *minute = Minute {
                number,
                ..Minute::default()
            };
        }
        minute.all += 1;
        minute.bad += u64::from(is_bad);
    }

    /// All and the bad ones of the last `minutes`, the one under way among them.
    fn since(&self, now: u64, minutes: u64) -> (u64, u64) {
        let recent = |minute: &&Minute| minute.number + minutes > now && minute.number <= now;
        let recent = self.0.iter().filter(recent);
        recent.fold((0, 0), |(all, bad), minute| {
            (all + minute.all, bad + minute.bad)
        })
    }
}

fn minute(now: SystemTime) -> u64 {
    let since = now.duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs() / 60)
}

/// Burn rates, and what is promised.
struct Asked(SloFamilies);

impl Collector for Asked {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let objectives = self.0.lock().clone();
        if objectives.is_empty() {
            return Ok(());
        }
        let now = minute(SystemTime::now());
        let all = || objectives.iter().flat_map(|slo| slo.0.iter());
        let mut family = encoder.encode_descriptor(
            "lukhas_slo_threshold",
            "The time within which answers begin that are in time.",
            Some(&prometheus_client::registry::Unit::Seconds),
            MetricType::Gauge,
        )?;
        for objective in all() {
            let threshold = ConstGauge::new(objective.threshold.as_secs_f64());
            threshold.encode(family.encode_family(&objective.labels)?)?;
        }
        let mut family = encoder.encode_descriptor(
            "lukhas_slo_target_ratio",
            "The share of requests that is to be answered in time.",
            None,
            MetricType::Gauge,
        )?;
        for objective in all() {
            let target = ConstGauge::new(objective.target);
            target.encode(family.encode_family(&objective.labels)?)?;
        }
        let mut family = encoder.encode_descriptor(
            "lukhas_slo_burn_rate",
            "How many times as fast as it may the budget of an objective was used in a window.",
            None,
            MetricType::Gauge,
        )?;
        for objective in all() {
            for (window, minutes) in WINDOWS {
                let Labels { slo, objective: of } = objective.labels;
                let labels = Window {
                    slo,
                    objective: of,
                    window,
                };
                let rate = ConstGauge::new(objective.burn_rate(now, minutes));
                rate.encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked").finish_non_exhaustive()
    }
}

impl fmt::Debug for SloMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = self.0.iter().map(|objective| &objective.labels);
        f.debug_set().entries(labels).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Format, Metrics};

    fn metrics() -> (Metrics, SloMetrics) {
        let metrics = Metrics::of_test();
        let slo = metrics.slo(SloBudget {
            name: "responses",
            p95: Duration::from_millis(1_200),
            p99: Duration::from_millis(2_500),
        });
        (metrics, slo)
    }

    fn judged(status: u16, ms: u64) -> Judged {
        Judged {
            status,
            first_byte: Duration::from_millis(ms),
            has_failed: false,
        }
    }

    #[test]
    fn answers_in_time_are_good_and_what_clients_do_wrong_is_not_judged() {
        let (metrics, slo) = metrics();
        let now = SystemTime::now();
        for (status, ms) in [
            (200, 1_200),
            (200, 1_201),
            (200, 2_501),
            (502, 1),
            (404, 1),
            (499, 9_000),
        ] {
            slo.judge(judged(status, ms), now);
        }
        slo.judge(
            Judged {
                has_failed: true,
                ..judged(200, 1)
            },
            now,
        );
        let (_, text) = metrics.encode(Format::Text);
        for line in [
            r#"lukhas_slo_requests_total{slo="responses",objective="p95",outcome="good"} 1"#,
            r#"lukhas_slo_requests_total{slo="responses",objective="p95",outcome="bad"} 4"#,
            r#"lukhas_slo_requests_total{slo="responses",objective="p99",outcome="good"} 2"#,
            r#"lukhas_slo_requests_total{slo="responses",objective="p99",outcome="bad"} 3"#,
            r#"lukhas_slo_threshold_seconds{slo="responses",objective="p95"} 1.2"#,
            r#"lukhas_slo_target_ratio{slo="responses",objective="p99"} 0.99"#,
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
    }

    #[test]
    fn a_burn_rate_is_the_share_of_bad_answers_over_the_share_that_is_allowed() {
        let (_, slo) = metrics();
        let [p95, p99] = &*slo.0;
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(60 * 1_000_000);
        let at = |minute: u64| start + Duration::from_secs(60 * minute);
        for _ in 0..90 {
            slo.judge(judged(200, 1), at(0));
        }
        for _ in 0..10 {
            slo.judge(judged(500, 1), at(10));
        }
        let rate =
            |objective: &Objective, now, window| objective.burn_rate(minute(at(now)), window);
        let close = |seen: f64, expected: f64| {
            assert!((seen - expected).abs() < 1e-9, "{seen} is not {expected}");
        };
        close(rate(p95, 10, 60), 2.0);
        close(rate(p99, 10, 60), 10.0);
        close(rate(p95, 10, 5), 20.0);
        close(rate(p95, 14, 5), 20.0);
        close(rate(p95, 15, 5), 0.0);
        // An hour later only the later minute counts, and then none.
        close(rate(p95, 65, 60), 20.0);
        close(rate(p95, 70, 60), 0.0);
        // A minute of the next round takes the place of one of this.
        slo.judge(judged(200, 1), at(71));
        close(rate(p95, 71, 60), 0.0);
    }
}
