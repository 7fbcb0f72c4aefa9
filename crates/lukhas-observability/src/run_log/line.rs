// SPDX-License-Identifier: Apache-2.0
//! Run events as lines of JSON.

use std::time::{Duration, SystemTime};

use lukhas_core::{Usage, UsageSource};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::Redaction;
use crate::telemetry::{Content, RunEventRecord, RunFacts, What};

/// One line.
#[derive(Serialize)]
struct Line<'e> {
    event_type: &'static str,
    run_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    step_id: Option<String>,
    model: &'e str,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "ms")]
    latency_ms: Option<Duration>,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Value>,
    metadata: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Value>,
}

/// Appends the line that says `record`.
pub(super) fn write(record: &RunEventRecord, redaction: &Redaction, out: &mut Vec<u8>) {
    let RunFacts {
        run_id,
        choice,
        operation,
        model,
        key_id,
        trace,
        ..
    } = &*record.run;
    let run_id = run_id.to_string();
    let mut metadata = Map::new();
    metadata.insert("operation".into(), operation.as_str().into());
    if *choice > 0 {
        metadata.insert("choice".into(), (*choice).into());
    }
    let mut step_id = None;
    let (mut usage, mut said) = (None, None);
    match &record.what {
        What::Started => {}
        What::Step { number, node, .. } => {
            step_id = Some(format!("{run_id}/{number}"));
            metadata.insert("node".into(), node.as_str().into());
        }
        What::Ended { end, content, .. } => {
            said = content
                .as_ref()
                .map(|said| json_of_content(said, redaction));
            usage = end.usage.as_ref().map(json_of);
            if let Some(reason) = end.reason {
                metadata.insert("reason".into(), reason.into());
            }
            if let Some(message) = &end.message {
                let message = redaction.text(message).into_owned();
                metadata.insert("error".into(), message.into());
            }
        }
    }
    let line = Line {
        event_type: record.what.event_type(),
        step_id,
        model: &redaction.text(model),
        latency_ms: record.what.latency(),
        timestamp: timestamp(record.at),
        trace_id: trace.as_ref().map(|it| format!("{:032x}", it.trace_id())),
        key_id: key_id.as_deref(),
        usage,
        metadata,
        content: said,
        run_id,
    };
    let length = out.len();
    match serde_json::to_writer(&mut *out, &line) {
        Ok(()) => out.push(b'\n'),
        // Writing to a vector does not fail.
        Err(_) => out.truncate(length),
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

/// As RFC 3339 writes it, in UTC, with milliseconds.
fn timestamp(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at);
    let (date, time) = (at.date(), at.time());
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        time.hour(),
        time.minute(),
        time.second(),
        time.millisecond()
    )
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
