// SPDX-License-Identifier: Apache-2.0
//! The formats that metrics are read in.

use std::fmt::Write;

use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

use super::compat;

/// A format that metrics are read in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// The Prometheus text format, version 0.0.4.
    Text,
}

impl Format {
    /// The format that an `Accept` header asks for: OpenMetrics when it names it, and does not
    /// like the text format better; else, and without a header, the text format, as other
    /// exporters do.
    #[must_use]
    pub fn from_accept(accept: Option<&str>) -> Self {
        let ranges = || accept.unwrap_or_default().split(',').map(Range::parse);
        let open_metrics = ranges()
            .filter(Range::is_open_metrics)
            .map(|range| range.quality);
        let text = ranges().filter(Range::is_text).map(|range| range.quality);
        let best = |qualities: &mut dyn Iterator<Item = f64>| qualities.fold(0.0, f64::max);
        let (open_metrics, text) = (best(&mut { open_metrics }), best(&mut { text }));
        if open_metrics > 0.0 && open_metrics >= text {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }

    /// Its content type.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// By which names everything is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// The documented ones.
    Canonical,
    /// Those of old, too.
    WithAliases,
}

/// The end mark of OpenMetrics.
const END: &str = "# EOF\n";
/// What an exemplar begins with.
const EXEMPLAR: &str = " # {trace_id=";

/// A media range of an `Accept` header (RFC 9110, section 12.5.1).
struct Range<'a> {
    media_type: &'a str,
    version: Option<&'a str>,
    quality: f64,
}

impl<'a> Range<'a> {
    fn parse(range: &'a str) -> Self {
        let mut fields = range.split(';').map(str::trim);
        let mut parsed = Self {
            media_type: fields.next().unwrap_or_default(),
            version: None,
            quality: 1.0,
        };
        for (name, value) in fields.filter_map(|field| field.split_once('=')) {
            if name.eq_ignore_ascii_case("q") {
                parsed.quality = value.parse().unwrap_or(0.0);
            } else if name.eq_ignore_ascii_case("version") {
                parsed.version = Some(value.trim_matches('"'));
            }
        }
        parsed
    }

    fn is_open_metrics(&self) -> bool {
        self.media_type
            .eq_ignore_ascii_case("application/openmetrics-text")
            && self.version.is_none_or(|version| version == "1.0.0")
    }

    fn is_text(&self) -> bool {
        self.media_type.eq_ignore_ascii_case("text/plain")
            && self.version.is_none_or(|version| version == "0.0.4")
    }
}

/// Everything in `registry`, as `format` writes it, with the aliases of old if they are wanted.
pub(super) fn encode(registry: &Registry, format: Format, names: Names) -> String {
    let mut body = String::with_capacity(16 << 10);
    // A `String` takes whatever is written to it, so this cannot fail; if it did, the missing end
    // mark would tell the reader.
    let _ = text::encode(&mut body, registry);
    if names == Names::WithAliases
        && let Some(all) = body.strip_suffix(END)
    {
        body = [all, &compat::aliases(all), END].concat();
    }
    match format {
        Format::OpenMetrics => body,
        Format::Text => to_text(&body),
    }
}

/// OpenMetrics text as the Prometheus text format writes it: families are named like their samples,
/// with their suffix; there are no units, no info type, no exemplars and no end mark.
fn to_text(open_metrics: &str) -> String {
    let mut body = String::with_capacity(open_metrics.len());
    let mut help = None;
    for line in open_metrics.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ').map(|(_, help)| help);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap_or((rest, "unknown"));
            write_head(&mut body, name, kind, help.take());
        } else if !line.starts_with('#') {
            let exemplar = line.rfind(EXEMPLAR).filter(|_| line.contains("_bucket{"));
            body.push_str(&line[..exemplar.unwrap_or(line.len())]);
            body.push('\n');
        }
    }
    body
}

fn write_head(body: &mut String, name: &str, kind: &str, help: Option<&str>) {
    let (suffix, kind) = match kind {
        "counter" => ("_total", "counter"),
        "info" => ("_info", "gauge"),
        "unknown" => ("", "untyped"),
        same => ("", same),
    };
    if let Some(help) = help {
        let _ = writeln!(body, "# HELP {name}{suffix} {help}");
    }
    let _ = writeln!(body, "# TYPE {name}{suffix} {kind}");
}

#[cfg(test)]
mod tests;
