// SPDX-License-Identifier: Apache-2.0
use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::*;

/// Where the logs of a test go.
#[derive(Clone, Default)]
pub(super) struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn config(filter: &str, format: LogFormat) -> LogConfig {
    LogConfig {
        filter: filter.to_owned(),
        format,
    }
}

/// What three events leave in the log.
fn logged(filter: &str, format: LogFormat) -> String {
    let sink = Sink::default();
    let writer = sink.clone();
    let logs = Logs::try_from(config(filter, format)).unwrap();
    tracing::subscriber::with_default(logs.subscriber(move || writer.clone(), false), || {
        let run = tracing::info_span!(target: "gateway", "run", run_id = "run_1");
        let _entered = run.enter();
        tracing::warn!(target: "gateway", status = 500, "request failed");
        tracing::info!(target: "gateway::front", "request served");
        tracing::debug!(target: "store", "put");
    });
    sink.text()
}

#[test]
fn the_filter_decides_what_is_logged() {
    for (filter, lines) in [
        ("off", 0),
        ("error", 0),
        ("warn", 1),
        ("WARN", 1),
        ("info", 2),
        ("debug", 3),
        ("trace", 3),
        ("info,store=debug", 3),
        (" info , store=debug ", 3),
        ("warn,gateway::front=info", 2),
        ("off,store=debug", 1),
        ("debug,gateway=off", 1),
    ] {
        assert_eq!(
            logged(filter, LogFormat::Pretty).lines().count(),
            lines,
            "{filter}"
        );
    }
}

#[test]
fn an_invalid_filter_names_the_part_at_fault() {
    for (filter, directive) in [
        ("", ""),
        (" ", ""),
        ("inof", "inof"),
        ("info,", ""),
        ("info,lukhas=loud", "lukhas=loud"),
        ("info,lukhas", "lukhas"),
        ("lukhas=", "lukhas="),
        ("=info", "=info"),
        ("a=b=info", "a=b=info"),
        ("info;debug", "info;debug"),
        ("run[{id=1}]=info", "run[{id=1}]=info"),
        ("lu khas=info", "lu khas=info"),
        ("6", "6"),
    ] {
        let error = Logs::try_from(config(filter, LogFormat::Json)).unwrap_err();
        let expected = LogError::Filter {
            filter: filter.to_owned(),
            directive: directive.to_owned(),
        };
        assert_eq!(error, expected);
    }
    let error = init_logs(config("info,loud", LogFormat::Json)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`loud` in the log filter `info,loud` is neither a level (off, error, warn, info, debug, \
         trace) nor a `target=level`"
    );
}

#[test]
fn lines_for_people_hold_level_span_target_message_and_fields() {
    let log = logged("warn,gateway=info", LogFormat::Pretty);
    let line = log.lines().next().unwrap();
    let (_time, rest) = line.split_once("Z ").unwrap();
    assert_eq!(
        rest,
        r#" WARN run{run_id="run_1"}: gateway: request failed status=500"#
    );
}

#[test]
fn json_is_one_object_a_line() {
    let log = logged("info", LogFormat::Json);
    let mut lines = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut first = lines.next().unwrap();
    let time = first.as_object_mut().unwrap().remove("timestamp").unwrap();
    assert!(time.as_str().unwrap().ends_with('Z'));
    let expected = serde_json::json!({
        "level": "WARN",
        "target": "gateway",
        "message": "request failed",
        "status": 500,
        "span": {"name": "run", "run_id": "run_1"},
    });
    assert_eq!(first, expected);
    assert_eq!(lines.count(), 1);
}

/// Whatever an event holds, it stays on its line and colours no terminal.
#[test]
fn values_cannot_forge_lines() {
    let forged = "a\nb\u{1b}[31mred";
    for format in [LogFormat::Pretty, LogFormat::Json] {
        let sink = Sink::default();
        let writer = sink.clone();
        let logs = Logs::try_from(config("info", format)).unwrap();
        tracing::subscriber::with_default(logs.subscriber(move || writer.clone(), false), || {
            tracing::info!(field = forged, "message with {forged}");
        });
        let log = sink.text();
        assert_eq!(log.lines().count(), 1, "{log:?}");
        assert!(!log.contains('\u{1b}'), "{log:?}");
    }
}

#[test]
fn debug_shows_the_filter() {
    let logs = Logs::try_from(config("info,store=debug", LogFormat::Json)).unwrap();
    assert_eq!(
        format!("{logs:?}"),
        r#"Logs { filter: "store=debug,info", format: Json, .. }"#
    );
}

#[test]
fn no_line_holds_personal_data_or_a_secret() {
    let token = ["gl", "pat-", "Xy3kQ9vBn2LmRt7PzW4s"].concat();
    for format in [LogFormat::Pretty, LogFormat::Json] {
        let sink = Sink::default();
        let writer = sink.clone();
        let logs = Logs::try_from(config("trace", format)).unwrap();
        tracing::subscriber::with_default(logs.subscriber(move || writer.clone(), false), || {
            let who = "ada@example.com";
            let span = tracing::info_span!("asked", who, body = %format!("{{\"to\":\"{who}\"}}"));
            let _entered = span.enter();
            let cause = io::Error::other(format!("`{token}` is refused"));
            tracing::trace!(?cause, headers = ?[("authorization", &token)], "told {who} of {token}");
        });
        let log = sink.text();
        assert!(!log.contains("ada@") && !log.contains(&token), "{log}");
        assert!(
            log.contains("told [REDACTED:EMAIL_ADDRESS] of [REDACTED:"),
            "{log}"
        );
    }
}
