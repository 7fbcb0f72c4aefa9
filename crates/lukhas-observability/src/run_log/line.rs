// SPDX-License-Identifier: Apache-2.0
//! Run events as lines of JSON.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use lukhas_core::{Usage, UsageSource};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::Redaction;
use crate::telemetry::{Content, RunEvents, RunFacts, What};

/// Writes events of runs as lines.
pub(super) struct Lines {
    redaction: Redaction,
    shows_content: bool,
    clock: Clock,
}

/// One line.
#[derive(Serialize)]
struct Line<'e> {
    event_type: &'static str,
    run_id: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    step_id: Option<StepId<'e>>,
    model: &'e str,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "ms")]
    latency_ms: Option<Duration>,
    timestamp: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Value>,
    metadata: Metadata<'e>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Value>,
}

#[derive(Serialize)]
struct Metadata<'e> {
    operation: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    choice: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Cow<'e, str>>,
}

/// `RUN/NUMBER`.
struct StepId<'e>(&'e str, u32);

impl Serialize for StepId<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}/{}", self.0, self.1))
    }
}

impl Lines {
    pub(super) fn new(redaction: Redaction, shows_content: bool) -> Self {
        Self {
            redaction,
            shows_content,
            clock: Clock::default(),
        }
    }

    /// Appends the lines that say `events`.
    pub(super) fn write(&mut self, events: &RunEvents, out: &mut Vec<u8>) {
        let RunFacts {
            run_id,
            choice,
            operation,
            model,
            key_id,
            trace,
            ..
        } = &*events.run;
        let run_id = run_id.to_string();
        let trace_id = trace.as_ref().map(|it| format!("{:032x}", it.trace_id()));
        let redaction = &self.redaction;
        let model = redaction.text(model);
        for (at, what) in &events.events {
            let mut line = Line {
                event_type: what.event_type(),
                run_id: &run_id,
                step_id: None,
                model: &model,
                latency_ms: what.latency(),
                timestamp: self.clock.timestamp(*at),
                trace_id: trace_id.as_deref(),
                key_id: key_id.as_deref(),
                usage: None,
                metadata: Metadata {
                    operation: operation.as_str(),
                    choice: Some(*choice).filter(|&choice| choice > 0),
                    node: None,
                    reason: None,
                    error: None,
                },
                content: None,
            };
            match what {
                What::Started => {}
                What::Step { number, node, .. } => {
                    line.step_id = Some(StepId(&run_id, *number));
                    line.metadata.node = Some(node.as_str());
                }
                What::Ended { end, content, .. } => {
                    let content = content.as_ref().filter(|_| self.shows_content);
                    line.content = content.map(|said| json_of_content(said, redaction));
                    line.usage = end.usage.as_ref().map(json_of);
                    line.metadata.reason = end.reason;
                    line.metadata.error = end.message.as_ref().map(|text| redaction.text(text));
                }
            }
            let length = out.len();
            match serde_json::to_writer(&mut *out, &line) {
                Ok(()) => out.push(b'\n'),
                // Writing to a vector does not fail.
                Err(_) => out.truncate(length),
            }
        }
    }
}

fn json_of_content(content: &Content, redaction: &Redaction) -> Value {
    let mut said = Map::new();
    if let Some(instructions) = content.instructions(redaction) {
        said.insert("system_instructions".into(), instructions);
    }
    said.insert("input_messages".into(), content.input(redaction));
    said.insert("output_messages".into(), content.output(None, redaction));
    Value::Object(said)
}

fn json_of(usage: &Usage) -> Value {
    let source = match usage.source {
        UsageSource::Provider => "provider",
        UsageSource::Estimated => "estimated",
        UsageSource::Partial => "partial",
    };
    json!({
        "input_tokens": usage.input_tokens,
        "cached_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "source": source,
    })
}

/// Milliseconds, with microseconds behind the point.
fn ms<S: Serializer>(latency: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    let micros = latency.unwrap_or_default().as_micros();
    let micros = u32::try_from(micros).map_or(f64::from(u32::MAX), f64::from);
    serializer.serialize_f64(micros / 1e3)
}

/// Writes times down as RFC 3339 does, in UTC, with milliseconds. Most are of one second, of which all but
/// those is written once.
#[derive(Default)]
struct Clock {
    second: Option<i64>,
    text: String,
}

impl Clock {
    /// Bytes up to the second.
    const SECONDS: usize = "2026-01-01T00:00:00".len();

    fn timestamp(&mut self, at: SystemTime) -> &str {
        let at = OffsetDateTime::from(at);
        if self.second != Some(at.unix_timestamp()) {
            self.second = Some(at.unix_timestamp());
            let (date, time) = (at.date(), at.time());
            self.text = format!(
                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
                date.year(),
                u8::from(date.month()),
                date.day(),
                time.hour(),
                time.minute(),
                time.second(),
            );
        }
        self.text.truncate(Self::SECONDS);
        // Writing to a String does not fail.
        let _ = write!(self.text, ".{:03}Z", at.millisecond());
        &self.text
    }
}

/// As the names of files have it: `20261125T235959Z`.
pub(super) fn compact_time(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at);
    let (date, time) = (at.date(), at.time());
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}
