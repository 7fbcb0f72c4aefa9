// SPDX-License-Identifier: Apache-2.0
mod reader;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use lukhas_core::{Picodollars, Usage, UsageSource};
use proptest::prelude::*;

use self::reader::{Family as Read, read};
use super::*;

const BUILD: BuildInfo = BuildInfo {
    version: "1.2.3",
    revision: Some("abc1234"),
};

impl Metrics {
    /// Those of a test, with nothing in them.
    pub(crate) fn of_test() -> Self {
        Self::new(BuildInfo {
            version: "test",
            revision: None,
        })
    }
}

fn usage(input_tokens: u64, output_tokens: u64) -> Usage {
    Usage {
        input_tokens,
        output_tokens,
        ..Usage::default()
    }
}

/// Metrics with something in every family.
fn busy() -> Metrics {
    let metrics = Metrics::new(BUILD);
    metrics.retry_budget(|| 7);
    metrics.shed("low").add_one();
    let figures = GateFigures {
        model: Some("m".into()),
        limit: 3,
        running: 2,
        queued: 1,
    };
    let server = GateFigures {
        model: None,
        limit: 9,
        ..figures.clone()
    };
    metrics.gates(move || vec![server.clone(), figures.clone()]);
    let upstream = metrics.upstream("local");
    upstream.attempts("answered").add_one();
    upstream.retries("timeout").add_one();
    upstream.fallbacks("timeout").add_one();
    upstream.hedges().add_one();
    upstream.continuations().add_one();
    upstream.ejections().add_one();
    upstream.cooldowns().add_one();
    let route = metrics.route("/v1/responses/{id}", "GET");
    let _ended = route.begin();
    route.observe(200, 0.004, None);
    route.observe(200, 2.0, None);
    route.observe(404, 100.0, None);
    route.observe(418, 0.001, None);
    route.time_to_first_byte(0.002);
    metrics.route("unmatched", "ANY").observe(404, 0.0001, None);
    metrics.tokens(["lukhas-matriz"]).record(
        "lukhas-matriz",
        &Usage {
            cost: Some(Picodollars(1)),
            ..usage(7, 5)
        },
    );
    metrics
}

#[track_caller]
fn families(metrics: &Metrics, format: Format) -> BTreeMap<String, Read> {
    let (content_type, body) = metrics.encode(format);
    assert_eq!(content_type, format.content_type());
    read(&body, format)
}

/// The value of the one sample of `family` whose name ends with `suffix` and that has `labels`.
#[track_caller]
fn value(metrics: &Metrics, family: &str, suffix: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let families = families(metrics, Format::OpenMetrics);
    let mut found = families.get(family)?.samples.iter().filter(|sample| {
        sample.name.strip_prefix(family) == Some(suffix)
            && labels
                .iter()
                .all(|&(name, value)| sample.labels.get(name).is_some_and(|label| label == value))
    });
    let value = found.next().map(|sample| sample.value);
    assert_eq!(found.next(), None, "more than one sample");
    value
}

fn requests(metrics: &Metrics, code: &str) -> Option<f64> {
    value(metrics, "lukhas_http_requests", "_total", &[("code", code)])
}

#[test]
fn names_types_and_labels_are_the_documented_ones() {
    for (format, counter, info, info_kind) in [
        (Format::OpenMetrics, "", "lukhas_build", "info"),
        (Format::Text, "_total", "lukhas_build_info", "gauge"),
    ] {
        let families = families(&busy(), format);
        let shape = |family: &Read| {
            let labels = family.samples[0]
                .labels
                .keys()
                .cloned()
                .collect::<Vec<_>>()
                .join(",");
            format!("{} {{{labels}}}", family.kind)
        };
        let seen: BTreeMap<String, String> = families
            .iter()
            .filter(|(name, _)| !name.starts_with("process_"))
            .map(|(name, family)| (name.clone(), shape(family)))
            .collect();
        let expected = [
            (info.to_owned(), format!("{info_kind} {{revision,version}}")),
            (
                format!("lukhas_http_requests{counter}"),
                "counter {code,method,route}".to_owned(),
            ),
            (
                "lukhas_http_request_duration_seconds".into(),
                "histogram {method,route}".into(),
            ),
            (
                "lukhas_time_to_first_byte_seconds".into(),
                "histogram {method,route}".into(),
            ),
            (
                "lukhas_http_requests_in_flight".into(),
                "gauge {method,route}".into(),
            ),
            ("lukhas_runs_in_flight".into(), "gauge {}".into()),
            (
                format!("lukhas_tokens{counter}"),
                "counter {model,source,type}".into(),
            ),
            (
                format!("lukhas_cost_usd{counter}"),
                "counter {model}".into(),
            ),
            (
                format!("lukhas_upstream_attempts{counter}"),
                "counter {outcome,upstream}".into(),
            ),
            (
                format!("lukhas_upstream_retries{counter}"),
                "counter {reason,upstream}".into(),
            ),
            (
                format!("lukhas_upstream_fallbacks{counter}"),
                "counter {reason,upstream}".into(),
            ),
            (
                format!("lukhas_upstream_hedges{counter}"),
                "counter {upstream}".into(),
            ),
            (
                format!("lukhas_upstream_continuations{counter}"),
                "counter {upstream}".into(),
            ),
            (
                format!("lukhas_upstream_ejections{counter}"),
                "counter {upstream}".into(),
            ),
            (
                format!("lukhas_upstream_cooldowns{counter}"),
                "counter {upstream}".into(),
            ),
            ("lukhas_retry_budget_available".into(), "gauge {}".into()),
            (
                format!("lukhas_redactions{counter}"),
                "counter {kind}".into(),
            ),
            (
                format!("lukhas_masked_values{counter}"),
                "counter {kind}".into(),
            ),
            (
                format!("lukhas_config_reload{counter}"),
                "counter {outcome}".into(),
            ),
            (
                format!("lukhas_requests_shed{counter}"),
                "counter {priority}".into(),
            ),
            ("lukhas_admission_limit".into(), "gauge {gate,model}".into()),
            (
                "lukhas_admission_running".into(),
                "gauge {gate,model}".into(),
            ),
            (
                "lukhas_admission_queued".into(),
                "gauge {gate,model}".into(),
            ),
            (
                "lukhas_config_last_reload_success".into(),
                "gauge {}".into(),
            ),
        ];
        assert_eq!(seen, BTreeMap::from(expected), "{format:?}");
        assert!(families.values().all(|family| family.help.ends_with('.')));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_process_has_its_usual_figures() {
    let names = |format| -> Vec<String> {
        let families = families(&Metrics::new(BUILD), format);
        families
            .into_keys()
            .filter(|name| name.starts_with("process_"))
            .collect()
    };
    let gauges = [
        "process_max_fds",
        "process_open_fds",
        "process_resident_memory_bytes",
        "process_start_time_seconds",
        "process_virtual_memory_bytes",
    ];
    assert_eq!(
        names(Format::OpenMetrics),
        [&["process_cpu_seconds"], &gauges[..]].concat()
    );
    assert_eq!(
        names(Format::Text),
        [&["process_cpu_seconds_total"], &gauges[..]].concat()
    );
}

#[test]
fn an_idle_server_has_readable_metrics() {
    let metrics = Metrics::new(BuildInfo {
        revision: None,
        ..BUILD
    });
    for format in [Format::OpenMetrics, Format::Text] {
        let families = families(&metrics, format);
        assert_eq!(families["lukhas_runs_in_flight"].samples[0].value, 0.0);
    }
    assert_eq!(
        value(&metrics, "lukhas_build", "_info", &[("version", "1.2.3")]),
        Some(1.0)
    );
}

#[test]
fn every_status_is_counted_under_its_own_code() {
    let metrics = Metrics::new(BUILD);
    let route = metrics.route("/", "GET");
    for status in (100..600).chain([0, 999, u16::MAX]) {
        route.observe(status, 0.01, None);
        route.clone().observe(status, 0.01, None);
        metrics.route("/", "GET").observe(status, 0.01, None);
    }
    let families = families(&metrics, Format::OpenMetrics);
    let samples = &families["lukhas_http_requests"].samples;
    assert_eq!(samples.len(), 503);
    assert!(samples.iter().all(|sample| sample.value == 3.0));
    let duration = "lukhas_http_request_duration_seconds";
    assert_eq!(value(&metrics, duration, "_count", &[]), Some(1509.0));
}

#[test]
fn budgets_are_bounds_so_that_a_request_on_time_counts_as_such() {
    for budget in [0.05, 0.8, 1.2, 1.5, 2.0, 2.5, 5.0] {
        let metrics = Metrics::new(BUILD);
        let route = metrics.route("/", "GET");
        route.observe(200, budget, None);
        route.observe(200, budget + 1e-9, None);
        let bound = format!("{budget:?}");
        let within = value(
            &metrics,
            "lukhas_http_request_duration_seconds",
            "_bucket",
            &[("le", &bound)],
        );
        assert_eq!(within, Some(1.0), "{budget}");
    }
}

#[test]
fn an_impossible_duration_counts_as_zero() {
    let metrics = Metrics::new(BUILD);
    let route = metrics.route("/", "GET");
    for seconds in [f64::NAN, -1.0, f64::NEG_INFINITY] {
        route.observe(200, seconds, None);
        route.time_to_first_byte(seconds);
    }
    for family in [
        "lukhas_http_request_duration_seconds",
        "lukhas_time_to_first_byte_seconds",
    ] {
        assert_eq!(value(&metrics, family, "_sum", &[]), Some(0.0));
        assert_eq!(
            value(&metrics, family, "_bucket", &[("le", "0.001")]),
            Some(3.0)
        );
    }
}

#[test]
fn what_is_under_way_counts_until_its_guard_goes() {
    let metrics = Metrics::new(BUILD);
    let requests = |metrics: &Metrics| {
        value(
            metrics,
            "lukhas_http_requests_in_flight",
            "",
            &[("route", "/")],
        )
        .unwrap()
    };
    let runs = |metrics: &Metrics| value(metrics, "lukhas_runs_in_flight", "", &[]).unwrap();
    let route = metrics.route("/", "GET");
    let (first, second, run) = (
        route.begin(),
        metrics.route("/", "GET").begin(),
        metrics.begin_run(),
    );
    assert_eq!((requests(&metrics), runs(&metrics)), (2.0, 1.0));
    drop((first, run));
    assert_eq!((requests(&metrics), runs(&metrics)), (1.0, 0.0));
    let unwinding = thread::spawn(move || {
        let _second = second;
        panic!("a handler that panics");
    });
    assert!(unwinding.join().is_err());
    assert_eq!(requests(&metrics), 0.0);
}

#[test]
fn costs_are_summed_to_the_last_millionth_of_a_millionth() {
    let metrics = Metrics::new(BUILD);
    let tokens = metrics.tokens(["a"]);
    for (model, cost) in [
        ("a", 1),
        ("a", 3_999_999_999_999),
        ("b", 250_000_000_000),
        ("c", 0),
    ] {
        let cost = Some(Picodollars(cost));
        tokens.record(
            model,
            &Usage {
                cost,
                ..usage(1, 1)
            },
        );
    }
    tokens.record("a", &usage(1, 1));
    let seen = |model| value(&metrics, "lukhas_cost_usd", "_total", &[("model", model)]);
    assert_eq!([seen("a"), seen("other")], [Some(4.0), Some(0.25)]);
    assert_eq!(seen("b"), None, "only names that are listed are labels");
    // A million small ones are as much as a large one: a sum of floats would have drifted.
    let small = Usage {
        cost: Some(Picodollars(100_000)),
        ..Usage::default()
    };
    (0..1_000_000).for_each(|_| tokens.record("c", &small));
    assert_eq!(seen("other"), Some(0.35));
}

#[test]
fn tokens_of_models_that_are_not_listed_share_one_series() {
    let metrics = Metrics::new(BUILD);
    let tokens = metrics.tokens(["a", "b"]);
    tokens.record("a", &usage(1, 10));
    tokens.clone().record("a", &usage(2, 20));
    for number in 0..1_000 {
        tokens.record(&format!("made-up-{number}"), &usage(1, 0));
    }
    let seen = |model, kind| {
        value(
            &metrics,
            "lukhas_tokens",
            "_total",
            &[("model", model), ("type", kind), ("source", "provider")],
        )
    };
    assert_eq!(
        (seen("a", "input"), seen("a", "output")),
        (Some(3.0), Some(30.0))
    );
    assert_eq!(
        (seen("b", "input"), seen("b", "output")),
        (Some(0.0), Some(0.0))
    );
    assert_eq!(
        (seen("other", "input"), seen("other", "output")),
        (Some(1000.0), Some(0.0))
    );
    assert_eq!(
        families(&metrics, Format::Text)["lukhas_tokens_total"]
            .samples
            .len(),
        18
    );
}

#[test]
fn tokens_say_who_counted_them() {
    let metrics = Metrics::new(BUILD);
    let tokens = metrics.tokens(["a"]);
    for (input, source) in [
        (1, UsageSource::Provider),
        (2, UsageSource::Estimated),
        (4, UsageSource::Partial),
    ] {
        let usage = usage(input, 0);
        tokens.record("a", &Usage { source, ..usage });
    }
    let seen = |source| {
        let labels = [("type", "input"), ("source", source)];
        value(&metrics, "lukhas_tokens", "_total", &labels)
    };
    let seen = ["provider", "estimated", "partial"].map(seen);
    assert_eq!(seen, [Some(1.0), Some(2.0), Some(4.0)]);
}

#[test]
fn handles_of_one_upstream_count_in_the_same_series() {
    let metrics = Metrics::new(BUILD);
    for name in ["a", "b", "a"] {
        let upstream = metrics.upstream(name);
        upstream.attempts("answered").add_one();
        upstream.attempts("timeout").clone().add_one();
        upstream.retries("timeout").add_one();
    }
    let seen = |upstream, outcome| {
        let labels = [("upstream", upstream), ("outcome", outcome)];
        value(&metrics, "lukhas_upstream_attempts", "_total", &labels)
    };
    assert_eq!(
        (seen("a", "answered"), seen("b", "timeout")),
        (Some(2.0), Some(1.0))
    );
    let labels = [("upstream", "a"), ("reason", "timeout")];
    let retries = value(&metrics, "lukhas_upstream_retries", "_total", &labels);
    assert_eq!(retries, Some(2.0));
}

#[test]
fn the_retry_budget_is_asked_at_every_scrape() {
    let metrics = Metrics::new(BUILD);
    let shown = |metrics: &Metrics| value(metrics, "lukhas_retry_budget_available", "", &[]);
    assert_eq!(shown(&metrics), None, "without upstreams there is none");
    let left = Arc::new(AtomicU64::new(3));
    let asked = Arc::clone(&left);
    metrics.retry_budget(move || asked.load(Ordering::Relaxed));
    assert_eq!(shown(&metrics), Some(3.0));
    left.store(2, Ordering::Relaxed);
    assert_eq!(shown(&metrics), Some(2.0));
}

#[test]
fn threads_lose_no_count() {
    let metrics = Metrics::new(BUILD);
    let route = metrics.route("/", "GET");
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for number in 0..1_000_u16 {
                    let _guard = route.begin();
                    route.observe(200 + number % 2, 0.001, None);
                }
            });
        }
    });
    assert_eq!(
        (requests(&metrics, "200"), requests(&metrics, "201")),
        (Some(2000.0), Some(2000.0))
    );
    assert_eq!(
        value(&metrics, "lukhas_http_requests_in_flight", "", &[]),
        Some(0.0)
    );
}

#[test]
fn text_of_one_request() {
    let metrics = Metrics::new(BUILD);
    metrics.route("/v1/models", "GET").observe(200, 0.004, None);
    let (_, body) = metrics.encode(Format::Text);
    let ours: Vec<&str> = body
        .lines()
        .filter(|line| line.contains("lukhas_"))
        // One series of each family: their order is left to chance.
        .filter(|line| !line.contains("refused\"") && !line.contains("secret\""))
        .collect();
    insta::assert_snapshot!(ours.join("\n"));
}

proptest! {
    /// Whatever operators call their models, the body stays readable.
    #[test]
    fn labels_are_escaped(model in "[\\PC\n\"\\\\]{0,20}", codes in prop::collection::vec(any::<u16>(), 0..5)) {
        let metrics = Metrics::new(BUILD);
        metrics.tokens([model.clone()]).record(&model, &usage(1, 2));
        for code in codes {
            metrics.route("/", "GET").observe(code, f64::from(code), None);
        }
        for format in [Format::OpenMetrics, Format::Text] {
            families(&metrics, format);
        }
        let labels = [("model", model.as_str()), ("type", "output"), ("source", "provider")];
        prop_assert_eq!(value(&metrics, "lukhas_tokens", "_total", &labels), Some(2.0));
    }
}

#[test]
fn a_recorded_trace_is_an_exemplar_in_the_format_that_has_them() {
    let metrics = Metrics::of_test();
    let trace = |flags: &str| {
        let text = format!("00-{:032x}-00f067aa0ba902b7-{flags}", 0xabc);
        lukhas_core::TraceContext::parse(&text).unwrap()
    };
    let route = metrics.route("/v1/responses", "POST");
    route.observe(200, 0.7, Some(&trace("01")));
    route.observe(200, 40.0, Some(&trace("00")));
    let (_, open) = metrics.encode(Format::OpenMetrics);
    let bucket = r#"duration_seconds_bucket{le="0.8",route="/v1/responses",method="POST"} 1"#;
    let exemplar = format!("{bucket} # {{trace_id=\"{:032x}\"}} 0.7 ", 0xabc);
    assert!(open.contains(&exemplar), "{open}");
    assert_eq!(open.matches("# {").count(), 1, "{open}");
    let (_, text) = metrics.encode(Format::Text);
    assert!(text.contains(&format!("{bucket}\n")), "{text}");
    assert!(!text.contains("trace_id"), "{text}");
}
