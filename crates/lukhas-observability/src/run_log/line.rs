// SPDX-License-Identifier: Apache-2.0
//! Run events as lines of JSON.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use lukhas_core::{Usage, UsageSource};
use serde::Serialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::Redaction;
use crate::telemetry::{Content, RunEvents, RunFacts, What};

/// Writes events of runs as lines.
pub(super) struct Lines {
    redaction: Redaction,
    shows_content: bool,
    clock: Clock,
    /// What all lines of a run say: room for it.
    common: Vec<u8>,
}

/// What all lines of a run say.
#[derive(Serialize)]
struct Common<'e> {
    run_id: &'e str,
    model: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<&'e str>,
}

impl Lines {
    pub(super) fn new(redaction: Redaction, shows_content: bool) -> Self {
        Self {
            redaction,
            shows_content,
            clock: Clock::default(),
            common: Vec::new(),
        }
    }

    /// Appends the lines that say `events`. What is the same in all of them is written down once.
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
        self.common.clear();
        json(
            &Common {
                run_id: &run_id,
                model: &self.redaction.text(model),
                trace_id: trace_id.as_deref(),
                key_id: key_id.as_deref(),
            },
            &mut self.common,
        );
        let common = self.common.strip_prefix(b"{").unwrap_or_default();
        let common = common.strip_suffix(b"}").unwrap_or_default();
        for (at, what) in &events.events {
            put(out, [r#"{"event_type":""#, what.event_type()]);
            put(
                out,
                [r#"","timestamp":""#, self.clock.timestamp(*at), r#"","#],
            );
            out.extend_from_slice(common);
            if let What::Step { number, .. } = what {
                put(out, [r#","step_id":""#, &run_id, "/"]);
                json(number, out);
                out.push(b'"');
            }
            if let Some(latency) = what.latency() {
                put(out, [r#","latency_ms":"#]);
                json(&ms(latency), out);
            }
            if let What::Ended { end, content, .. } = what {
                if let Some(usage) = &end.usage {
                    put(out, [r#","usage":"#]);
                    json(&json_of(usage), out);
                }
                if let Some(content) = content.as_ref().filter(|_| self.shows_content) {
                    put(out, [r#","content":"#]);
                    json(&json_of_content(content, &self.redaction), out);
                }
            }
            put(
                out,
                [r#","metadata":{"operation":""#, operation.as_str(), "\""],
            );
            if *choice > 0 {
                put(out, [r#","choice":"#]);
                json(choice, out);
            }
            match what {
                What::Started => {}
                What::Step { node, .. } => put(out, [r#","node":""#, node.as_str(), "\""]),
                What::Ended { end, .. } => {
                    if let Some(reason) = end.reason {
                        put(out, [r#","reason":""#, reason, "\""]);
                    }
                    if let Some(message) = &end.message {
                        put(out, [r#","error":"#]);
                        json(&self.redaction.text(message), out);
                    }
                }
            }
            put(out, ["}}\n"]);
        }
    }
}

/// Appends texts that are JSON already, or names of ours in quotes: none needs an escape.
fn put<const N: usize>(out: &mut Vec<u8>, texts: [&str; N]) {
    for text in texts {
        out.extend_from_slice(text.as_bytes());
    }
}

fn json(value: &impl Serialize, out: &mut Vec<u8>) {
    // Writing a text, a number or a value to a vector does not fail.
    let _ = serde_json::to_writer(out, value);
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
fn ms(latency: Duration) -> f64 {
    let micros = u32::try_from(latency.as_micros()).map_or(f64::from(u32::MAX), f64::from);
    micros / 1e3
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
