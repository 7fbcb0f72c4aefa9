// SPDX-License-Identifier: Apache-2.0
//! Further names for what is counted, which dashboards of old know.

use std::fmt::Write;

/// The labels that an alias has in place of the canonical ones.
const LABELS: [(&str, &str); 3] = [
    ("route", "endpoint"),
    ("method", "method"),
    ("code", "status"),
];

/// A family by another name.
struct Alias {
    /// What its samples are called elsewhere.
    of: &'static str,
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    /// What values, and bounds of buckets, are multiplied by.
    factor: f64,
    /// The only route that it is of.
    route: Option<&'static str>,
}

const ALIASES: [Alias; 4] = [
    Alias {
        of: "lukhas_http_requests",
        name: "lukhas_requests",
        kind: "counter",
        help: "As lukhas_http_requests_total.",
        factor: 1.0,
        route: None,
    },
    Alias {
        of: "lukhas_http_requests",
        name: "request",
        kind: "counter",
        help: "As lukhas_http_requests_total.",
        factor: 1.0,
        route: None,
    },
    Alias {
        of: "lukhas_http_request_duration_seconds",
        name: "lukhas_responses_latency_ms",
        kind: "histogram",
        help: "As lukhas_http_request_duration_seconds of /v1/responses, in milliseconds.",
        factor: 1e3,
        route: Some("/v1/responses"),
    },
    Alias {
        of: "lukhas_http_request_duration_seconds",
        name: "latency_ms",
        kind: "histogram",
        help: "As lukhas_http_request_duration_seconds, in milliseconds.",
        factor: 1e3,
        route: None,
    },
];

/// The aliases of what `open_metrics` says, in the same format, without an end mark.
pub(super) fn aliases(open_metrics: &str) -> String {
    let mut out = String::new();
    for alias in ALIASES {
        let samples = open_metrics
            .lines()
            .filter_map(|line| Sample::parse(line, alias.of));
        let mut samples = samples.filter(|sample| alias.has(sample)).peekable();
        if samples.peek().is_none() {
            continue;
        }
        // Writing to a string does not fail.
        let _ = writeln!(out, "# HELP {} {}", alias.name, alias.help);
        let _ = writeln!(out, "# TYPE {} {}", alias.name, alias.kind);
        for sample in samples {
            alias.write(&sample, &mut out);
        }
    }
    out
}

/// One line: its suffix, its labels, and its value, without an exemplar.
struct Sample<'l> {
    suffix: &'l str,
    labels: Vec<(&'l str, &'l str)>,
    value: &'l str,
}

impl<'l> Sample<'l> {
    fn parse(line: &'l str, of: &str) -> Option<Self> {
        let (suffix, rest) = line.strip_prefix(of)?.split_once('{')?;
        if !["_total", "_bucket", "_sum", "_count"].contains(&suffix) {
            return None;
        }
        let (labels, rest) = rest.split_once("} ")?;
        // Routes, methods, codes and bounds have no commas in them.
        let labels = labels.split(',').filter_map(|label| {
            let (name, value) = label.split_once('=')?;
            Some((name, value.trim_matches('"')))
        });
        Some(Self {
            suffix,
            labels: labels.collect(),
            value: rest.split(' ').next()?,
        })
    }
}

impl Alias {
    fn has(&self, sample: &Sample<'_>) -> bool {
        self.route
            .is_none_or(|route| sample.labels.contains(&("route", route)))
    }

    fn write(&self, sample: &Sample<'_>, out: &mut String) {
        let labels = sample.labels.iter().map(|(name, value)| match *name {
            "le" => format!("le=\"{}\"", self.scaled(value)),
            name => {
                let alias = LABELS.iter().find(|(of, _)| *of == name);
                let name = alias.map_or(name, |(_, alias)| alias);
                format!("{name}=\"{value}\"")
            }
        });
        let labels = labels.collect::<Vec<_>>().join(",");
        let value = match sample.suffix {
            "_sum" => self.scaled(sample.value),
            _ => sample.value.to_owned(),
        };
        let _ = writeln!(out, "{}{}{{{labels}}} {value}", self.name, sample.suffix);
    }

    fn scaled(&self, number: &str) -> String {
        match number.parse::<f64>() {
            // Of a product of decimals, what lies beyond a millionth is not meant.
            Ok(number) if number.is_finite() => {
                format!("{:?}", (number * self.factor * 1e6).round() / 1e6)
            }
            Ok(_) | Err(_) => number.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Format, Metrics};

    #[test]
    fn aliases_say_the_same_by_other_names_where_they_are_wanted() {
        let metrics = Metrics::of_test();
        metrics
            .route("/v1/responses", "POST")
            .observe(200, 0.7, None);
        metrics.route("/v1/models", "GET").observe(404, 0.001, None);
        let text = |format| metrics.encode(format).1;
        assert!(!text(Format::Text).contains("latency_ms"));
        metrics.add_aliases();
        let plain = text(Format::Text);
        for line in [
            r#"# TYPE lukhas_requests_total counter"#,
            r#"lukhas_requests_total{endpoint="/v1/responses",method="POST",status="200"} 1"#,
            r#"request_total{endpoint="/v1/models",method="GET",status="404"} 1"#,
            r#"lukhas_responses_latency_ms_bucket{le="500.0",endpoint="/v1/responses",method="POST"} 0"#,
            r#"lukhas_responses_latency_ms_bucket{le="800.0",endpoint="/v1/responses",method="POST"} 1"#,
            r#"lukhas_responses_latency_ms_bucket{le="+Inf",endpoint="/v1/responses",method="POST"} 1"#,
            r#"lukhas_responses_latency_ms_sum{endpoint="/v1/responses",method="POST"} 700.0"#,
            r#"latency_ms_count{endpoint="/v1/models",method="GET"} 1"#,
        ] {
            assert!(plain.contains(line), "{line}: {plain}");
        }
        assert!(!plain.contains(r#"lukhas_responses_latency_ms_count{endpoint="/v1/models""#));
        assert!(text(Format::OpenMetrics).ends_with("# EOF\n"));
    }
}
