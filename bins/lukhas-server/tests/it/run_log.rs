// SPDX-License-Identifier: Apache-2.0
//! Run events of the real process.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Server, Setup};

const ASK: &str = r#"{"model":"lukhas-matriz","input":"Say one two three"}"#;

fn yaml(dir: &Path) -> String {
    let dir = dir.display();
    format!(
        "telemetry: {{run_log: {{dir: '{dir}', max_file_bytes: 4096, max_total_bytes: 1048576}}}}\n"
    )
}

fn events(dir: &Path) -> Vec<Value> {
    let mut names: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    let texts = names.iter().map(|name| fs::read_to_string(name).unwrap());
    let text: String = texts.collect();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn check(server: &Server, name: &str) -> (Value, Value) {
    let readiness: Value = serde_json::from_str(&server.get("/readyz").body).unwrap();
    (
        readiness["status"].clone(),
        readiness["checks"][name].clone(),
    )
}

#[test]
fn every_run_of_a_server_is_told_to_its_end() {
    let dir = TempDir::new().unwrap();
    let server = Setup::serve(&yaml(dir.path())).start();
    let mut ids = Vec::new();
    for _ in 0..20 {
        let answer = server.connect().post("/v1/responses", ASK);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let id = answer
            .head
            .lines()
            .find_map(|line| line.strip_prefix("x-request-id: "));
        ids.push(id.unwrap().to_owned());
    }
    // One that leaves in the middle.
    let slow = r#"{"model":"lukhas-matriz","stream":true,"input":"a b c d e f g h i j k l m n"}"#;
    let mut client = server.connect();
    client.send_post("/v1/responses", slow);
    client.read_to(b"data: ");
    drop(client);
    server.stop();
    let events = events(dir.path());
    for id in ids {
        let of_run: Vec<_> = events
            .iter()
            .filter(|event| event["run_id"] == *id)
            .collect();
        let types: Vec<_> = of_run
            .iter()
            .map(|event| event["event_type"].as_str().unwrap())
            .collect();
        assert_eq!(types.first(), Some(&"run.started"), "{types:?}");
        assert_eq!(types.last(), Some(&"run.completed"), "{types:?}");
        assert_eq!(
            types.iter().filter(|it| **it == "step.completed").count(),
            6
        );
        let usage = &of_run.last().unwrap()["usage"];
        assert_eq!(usage["source"], "provider", "{usage}");
        assert!(usage["output_tokens"].as_u64() > Some(0), "{usage}");
    }
}

#[test]
fn what_was_said_is_in_events_where_somebody_wants_it() {
    const SAID: &str = r#"{"model":"lukhas-matriz","input":"Say one to ada@example.com"}"#;
    for content in ["none", "redacted"] {
        let dir = TempDir::new().unwrap();
        let yaml = format!(
            "telemetry: {{run_log: {{dir: '{}', content: {content}}}}}\n",
            dir.path().display()
        );
        let server = Setup::serve(&yaml).start();
        let answer = server.connect().post("/v1/responses", SAID);
        assert_eq!(answer.status, 200, "{}", answer.body);
        server.stop();
        let events = events(dir.path());
        let (last, before) = events.split_last().unwrap();
        assert!(before.iter().all(|event| event.get("content").is_none()));
        let said = &last["content"]["input_messages"][0]["parts"][0]["content"];
        match content {
            "none" => assert_eq!(last.get("content"), None),
            _ => assert_eq!(said, "Say one to [REDACTED:EMAIL_ADDRESS]"),
        }
    }
}

#[test]
fn a_folder_that_cannot_be_written_stops_the_start() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let ended = Setup::serve(&yaml(&file.join("runs"))).run();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended
            .err
            .contains("lukhas.yaml:1:28: `telemetry.run_log.dir`: run events cannot be written to"),
        "{}",
        ended.err
    );
}

#[test]
fn two_servers_do_not_write_to_one_folder() {
    let dir = TempDir::new().unwrap();
    let _server = Setup::serve(&yaml(dir.path())).start();
    let ended = Setup::serve(&yaml(dir.path())).run();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.err.contains("another process writes"),
        "{}",
        ended.err
    );
}

/// A full disk: no request fails or waits, and everybody is told.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_costs_events_and_no_request() {
    let dir = TempDir::new().unwrap();
    // A process that may write no further is sent a signal, which ends it unless it is ignored.
    let server = Setup::serve(&yaml(dir.path())).start_after("trap '' XFSZ");
    assert_eq!(check(&server, "run_log").1["status"], "ok");
    server.limit_files("512");
    let ask = || {
        let answer = server.connect().post("/v1/responses", ASK);
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    ask();
    crate::reload::eventually("a warning", || {
        check(&server, "run_log").1["status"] == "warning"
    });
    let (status, check) = check(&server, "run_log");
    assert_eq!(status, "ready");
    assert_eq!(
        check["reason"],
        "run events cannot be written: file too large"
    );
    let metrics = server.get("/metrics").body;
    let lost = metrics
        .lines()
        .find_map(|line| line.strip_prefix("lukhas_events_dropped_total{sink=\"run_log\"} "));
    assert!(lost.unwrap().parse::<u32>().unwrap() >= 14, "{lost:?}");
    server.limit_files("unlimited");
    crate::reload::eventually("all is well", || {
        ask();
        self::check(&server, "run_log").1["status"] == "ok"
    });
    let log = server.stop();
    assert_eq!(
        log.matches("run events cannot be written, and are lost")
            .count(),
        1,
        "{log}"
    );
    // What was written is whole lines.
    assert!(!events(dir.path()).is_empty());
}

/// What a client reads is the same, whoever is told of it: in particular an answer that is passed on
/// in its upstream's own words.
#[test]
fn who_is_told_changes_nothing_that_clients_read() {
    let mock = Setup::new(&["mock", "--listen", "127.0.0.1:0"]).start();
    let dir = TempDir::new().unwrap();
    for api in ["responses", "chat"] {
        let upstream = format!(
            "upstreams: {{mock: {{api: {api}, base_url: \"http://127.0.0.1:{}/v1\"}}}}\nmodels: {{other: mock}}\n",
            mock.port
        );
        let silent = Setup::serve(&upstream).start();
        let telling = Setup::serve(&(upstream + &yaml(&dir.path().join(api)))).start();
        for (path, rest) in [
            ("/v1/responses", r#""input":"Say one two""#),
            ("/v1/responses", r#""stream":true,"input":"Say one two""#),
            (
                "/v1/responses",
                r#""stream":true,"include":["lukhas:steps"],"input":"Say one two""#,
            ),
            (
                "/v1/chat/completions",
                r#""messages":[{"role":"user","content":"Say one two"}]"#,
            ),
            (
                "/v1/chat/completions",
                r#""stream":true,"messages":[{"role":"user","content":"Say one two"}]"#,
            ),
        ] {
            let body = format!("{{\"model\":\"plain\",{rest}}}");
            let read = |server: &Server| {
                let mut client = server.connect();
                client.send_post_with(path, "connection: close\r\n", &body);
                let answer = client.rest();
                assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
                shape(&answer)
            };
            assert_eq!(read(&telling), read(&silent), "{api}: {path} {body}");
        }
        telling.stop();
        assert!(!events(&dir.path().join(api)).is_empty());
    }
}

/// An answer without what is other each time: digits, and the letters of identifiers.
fn shape(answer: &str) -> String {
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    // The lengths of chunks are no part of it.
    let is_said = |line: &&str| {
        ["data:", "event:", "{"]
            .iter()
            .any(|it| line.starts_with(it))
    };
    let body: Vec<_> = body.lines().filter(is_said).collect();
    let body = body.join("\n");
    let mut shape = String::new();
    for word in body.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let is_id = word.len() > 16 && word.bytes().any(|byte| byte.is_ascii_digit());
        let plain: String = word.chars().filter(|c| !c.is_ascii_digit()).collect();
        shape += if is_id { "ID" } else { &plain };
    }
    shape
}
