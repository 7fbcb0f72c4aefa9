// SPDX-License-Identifier: Apache-2.0
use std::fs;
use std::path::Path;

use lukhas_core::{
    Entropy, Id, Node, RunEnd, RunError, RunErrorKind, StepEvent, StepPhase, TraceContext, Usage,
    UsageSource,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::{
    Asked, Format, Metrics, Operation, RequestFacts, RunNames, Telemetry, TelemetryConfig,
    TelemetryParts,
};

struct Zero;

impl Entropy for Zero {
    fn bits(&self) -> u128 {
        0
    }
}

fn config(dir: &Path) -> RunLogConfig {
    RunLogConfig {
        dir: dir.to_owned(),
        max_file_bytes: 4_096,
        max_file_age: Duration::from_secs(60),
        max_total_bytes: 16_384,
        content: false,
    }
}

/// The names of the files in `dir`, and their sizes, in the order of their names.
fn files(dir: &Path) -> Vec<(String, u64)> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        (name, entry.metadata().unwrap().len())
    });
    let mut files: Vec<_> = entries.collect();
    files.sort();
    files
}

fn events(dir: &Path) -> Vec<Value> {
    let text = fs::read_to_string(dir.join("runs.jsonl")).unwrap();
    let events = text.lines().map(|line| serde_json::from_str(line).unwrap());
    events.collect()
}

/// What a server that writes to `dir` leaves there, and in its metrics, after `act`.
fn told(dir: &Path, act: impl FnOnce(&Telemetry)) -> (Vec<Value>, String) {
    let metrics = Metrics::of_test();
    let config = TelemetryConfig {
        run_log: Some(config(dir)),
        traces: None,
    };
    let parts = TelemetryParts {
        redaction: &Redaction::default(),
        metrics: &metrics,
        entropy: Arc::new(Zero),
    };
    let telemetry = Telemetry::open(config, parts).unwrap();
    act(&telemetry);
    telemetry.close();
    (events(dir), metrics.encode(Format::Text).1)
}

fn facts() -> RequestFacts {
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    RequestFacts {
        request_id: Id::new("req_", &Zero),
        route: "/v1/responses",
        method: "POST",
        parent: TraceContext::parse(parent),
    }
}

fn names(operation: Operation) -> RunNames {
    RunNames {
        operation,
        model: "m".into(),
        provider: "lukhas".into(),
        response_id: None,
        asked: Asked::default(),
    }
}

#[test]
fn whatever_clients_call_a_model_lines_are_json() {
    let dir = TempDir::new().unwrap();
    let model = "a\"},{\"\\ \n\u{1}é";
    let (events, _) = told(dir.path(), |telemetry| {
        let request = telemetry.request(facts).unwrap();
        let names = RunNames {
            model: model.into(),
            ..names(Operation::Response)
        };
        let mut run = request.run(names, 3);
        let error = RunError::new(RunErrorKind::Upstream, "it said \"no\"\n");
        run.ended(&RunEnd::failed(error));
    });
    assert_eq!(events.len(), 2);
    assert!(events.iter().all(|event| event["model"] == model));
    let metadata = &events[1]["metadata"];
    assert_eq!(metadata["choice"], 3);
    assert_eq!(metadata["error"], "it said \"no\"\n");
}

#[test]
fn a_run_tells_its_beginning_its_steps_and_one_end() {
    let dir = TempDir::new().unwrap();
    let (mut events, _) = told(dir.path(), |telemetry| {
        let request = telemetry.request(facts).unwrap();
        request.asked_by(&"key_7".into());
        let mut run = request.run(names(Operation::Response), 0);
        for phase in [
            StepPhase::Started,
            StepPhase::Completed(Duration::from_micros(1_500)),
        ] {
            let (step, node) = (0, Node::Memory);
            run.step(&StepEvent { step, node, phase });
        }
        let usage = Usage {
            input_tokens: 5,
            output_tokens: 7,
            source: UsageSource::Estimated,
            ..Usage::default()
        };
        let error = RunError::new(RunErrorKind::Upstream, "it said ada@example.com");
        run.ended(&RunEnd {
            usage: Some(usage),
            ..RunEnd::failed(error)
        });
    });
    for event in &mut events {
        let event = event.as_object_mut().unwrap();
        let timestamp = event.remove("timestamp").unwrap();
        assert_eq!(timestamp.as_str().unwrap().len(), 24, "{timestamp}");
    }
    let took = events[3].as_object_mut().unwrap().remove("latency_ms");
    assert!(took.unwrap().as_f64().unwrap() >= 0.0);
    let run_id = format!("req_{}", "0".repeat(32));
    let of = |event_type: &str, rest: Value| {
        let mut event = json!({
            "event_type": event_type,
            "run_id": run_id,
            "model": "m",
            "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            "key_id": "key_7",
        });
        let rest = rest.as_object().unwrap().clone();
        event.as_object_mut().unwrap().extend(rest);
        event
    };
    let step = format!("{run_id}/0");
    let expected = [
        of(
            "run.started",
            json!({"metadata": {"operation": "responses"}}),
        ),
        of(
            "step.started",
            json!({"step_id": step, "metadata": {"operation": "responses", "node": "memory"}}),
        ),
        of(
            "step.completed",
            json!({
                "step_id": step,
                "latency_ms": 1.5,
                "metadata": {"operation": "responses", "node": "memory"},
            }),
        ),
        of(
            "run.failed",
            json!({
                "usage": {
                    "input_tokens": 5,
                    "cached_tokens": 0,
                    "output_tokens": 7,
                    "reasoning_tokens": 0,
                    "source": "estimated",
                },
                "metadata": {
                    "operation": "responses",
                    "reason": "upstream",
                    "error": "it said [REDACTED:EMAIL_ADDRESS]",
                },
            }),
        ),
    ];
    assert_eq!(events, expected);
}

#[test]
fn a_run_that_is_dropped_was_cancelled_with_what_it_used_until_then() {
    let dir = TempDir::new().unwrap();
    let (events, _) = told(dir.path(), |telemetry| {
        let request = telemetry.request(facts).unwrap();
        let run = request.run(names(Operation::Chat), 1);
        let used = run.abandoned();
        used(Usage {
            output_tokens: 3,
            source: UsageSource::Partial,
            ..Usage::default()
        });
    });
    let types: Vec<_> = events.iter().map(|event| &event["event_type"]).collect();
    assert_eq!(types, ["run.started", "run.cancelled"]);
    assert_eq!(events[1]["usage"]["output_tokens"], 3);
    assert_eq!(events[1]["usage"]["source"], "partial");
    assert_eq!(events[1]["metadata"]["choice"], 1);
}

#[test]
fn a_file_ends_when_it_is_full_or_old_and_no_line_is_cut() {
    let dir = TempDir::new().unwrap();
    let now = SystemTime::now();
    let mut log = Files::open(config(dir.path())).unwrap();
    let line = [&[b'x'; 1_499][..], b"\n"].concat();
    for _ in 0..3 {
        log.append(&line, now).unwrap();
    }
    let sizes = || files(dir.path()).into_iter().map(|(_, size)| size);
    assert_eq!(sizes().collect::<Vec<_>>(), [3_000, 1_500]);
    log.append(&line, now + Duration::from_secs(61)).unwrap();
    assert_eq!(sizes().collect::<Vec<_>>(), [3_000, 1_500, 1_500]);
}

#[test]
fn the_oldest_files_go_when_all_of_them_are_too_large() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("mine.jsonl"), "kept").unwrap();
    let mut log = Files::open(config(dir.path())).unwrap();
    let line = [&[b'x'; 3_999][..], b"\n"].concat();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for second in 0..10 {
        let now = now + Duration::from_secs(second);
        log.append(&line, now).unwrap();
        let total: u64 = files(dir.path()).iter().map(|(_, size)| size).sum();
        assert!(total <= 16_384 + 4, "{total}");
    }
    let names: Vec<_> = files(dir.path())
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let expected = [
        "mine.jsonl",
        "runs-20010909T014647Z-000.jsonl",
        "runs-20010909T014648Z-000.jsonl",
        "runs-20010909T014649Z-000.jsonl",
        "runs.jsonl",
    ];
    assert_eq!(names, expected);
}

#[test]
fn what_a_killed_process_left_of_a_line_is_cut_off() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("runs.jsonl");
    for (left, kept) in [
        ("{\"a\":1}\n{\"b\":", "{\"a\":1}\n"),
        ("{\"b\":", ""),
        ("{\"a\":1}\n", "{\"a\":1}\n"),
        (&format!("{{}}\n{}", "x".repeat(200_000)), "{}\n"),
    ] {
        fs::write(&path, left).unwrap();
        let mut log = Files::open(RunLogConfig {
            max_file_bytes: 1 << 20,
            max_total_bytes: 4 << 20,
            content: false,
            ..config(dir.path())
        })
        .unwrap();
        log.append(b"{}\n", SystemTime::now()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{kept}{{}}\n"));
    }
}

#[test]
fn a_folder_is_for_one_process() {
    let dir = TempDir::new().unwrap();
    let _log = Files::open(config(dir.path())).unwrap();
    let error = Files::open(config(dir.path())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "another process writes its run events there"
    );
}

#[test]
fn a_file_that_somebody_removes_is_begun_anew() {
    let dir = TempDir::new().unwrap();
    let folder = dir.path().join("deep/er");
    let mut log = Files::open(config(&folder)).unwrap();
    log.append(b"1\n", SystemTime::now()).unwrap();
    fs::remove_dir_all(dir.path().join("deep")).unwrap();
    log.append(b"2\n", SystemTime::now()).unwrap();
    assert_eq!(
        fs::read_to_string(folder.join("runs.jsonl")).unwrap(),
        "2\n"
    );
}

#[test]
fn events_that_cannot_be_written_are_counted_and_the_next_ones_are_written() {
    let dir = TempDir::new().unwrap();
    let folder = dir.path().join("runs");
    let request = |telemetry: &Telemetry| {
        let request = telemetry.request(facts).unwrap();
        drop(request.run(names(Operation::Chat), 0));
    };
    let (events, metrics) = told(&folder, |telemetry| {
        fs::remove_dir_all(&folder).unwrap();
        fs::write(&folder, "in the way").unwrap();
        request(telemetry);
        while telemetry.standing()[0].1.is_none() {
            std::thread::yield_now();
        }
        let (name, problem) = telemetry.standing().remove(0);
        assert_eq!(name, "run_log");
        let problem = problem.unwrap();
        assert!(
            problem.starts_with("run events cannot be written: "),
            "{problem}"
        );
        fs::remove_file(&folder).unwrap();
        request(telemetry);
    });
    assert_eq!(events.len(), 2);
    let lost = r#"lukhas_events_dropped_total{sink="run_log"} 2"#;
    assert!(metrics.contains(lost), "{metrics}");
}

#[test]
fn files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new().unwrap();
    let folder = dir.path().join("runs");
    let _log = Files::open(config(&folder)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&folder.join("runs.jsonl")), 0o600);
}
