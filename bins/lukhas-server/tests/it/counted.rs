// SPDX-License-Identifier: Apache-2.0
//! What happens to the calls of upstreams, in `/metrics` of the real process.

use tokio::time::Instant;

use crate::http::Answer;
use crate::process::{PATIENCE, Server, Setup};

fn mock() -> Server {
    Setup::new(&["mock", "--listen", "127.0.0.1:0"]).start()
}

/// A server whose model `m` is asked of `first`, then of `second`, which are models of `mock`.
fn before(mock: &Server, first: &str, second: &str) -> Server {
    let url = format!("\"http://127.0.0.1:{}/v1\"", mock.port);
    let yaml = format!(
        "reliability: null\n\
         retry: {{budget: 1, base_s: 0.001}}\n\
         upstreams: {{one: {{base_url: {url}, read_ms: 500, total_ms: 5000}}, two: {{base_url: {url}}}}}\n\
         models: {{table: {{m: {{targets: [\
         {{upstream: one, model: \"{first}\"}}, {{upstream: two, model: \"{second}\"}}]}}}}, other: one}}\n"
    );
    Setup::serve(&yaml).start()
}

fn chat(model: &str, stream: bool) -> String {
    let messages = r#"[{"role":"user","content":"Say one two three"}]"#;
    format!(r#"{{"model":"{model}","stream":{stream},"messages":{messages}}}"#)
}

fn ask(server: &Server, model: &str) -> Answer {
    server
        .connect()
        .post("/v1/chat/completions", &chat(model, false))
}

/// The series of upstreams that are not zero, without what their names begin with, sorted.
fn counted(server: &Server) -> Vec<String> {
    let metrics = server.get("/metrics").body;
    let lines = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("lukhas_upstream_"));
    let mut counted: Vec<_> = lines
        .filter(|line| !line.ends_with(" 0"))
        .map(|line| line.replace('"', ""))
        .collect();
    counted.sort();
    counted
}

#[test]
fn attempts_retries_and_fallbacks_are_counted_by_upstream_and_reason() {
    let mock = mock();
    let server = before(&mock, "mock+503", "plain");
    assert_eq!(ask(&server, "m").status, 200);
    assert_eq!(
        counted(&server),
        [
            "attempts_total{upstream=one,outcome=overloaded} 1",
            "attempts_total{upstream=two,outcome=answered} 1",
            "fallbacks_total{upstream=two,reason=overloaded} 1",
        ]
    );
    assert_eq!(ask(&server, "mock+500x1").status, 200);
    assert_eq!(ask(&server, "mock+400").status, 400);
    assert_eq!(
        counted(&server),
        [
            "attempts_total{upstream=one,outcome=answered} 1",
            "attempts_total{upstream=one,outcome=overloaded} 1",
            "attempts_total{upstream=one,outcome=rejected} 1",
            "attempts_total{upstream=one,outcome=server_error} 1",
            "attempts_total{upstream=two,outcome=answered} 1",
            "fallbacks_total{upstream=two,reason=overloaded} 1",
            "retries_total{upstream=one,reason=server_error} 1",
        ]
    );
}

#[test]
fn every_attempt_is_counted_once_however_it_ends() {
    let mock = mock();
    let server = before(&mock, "plain", "plain");
    for (model, read) in [
        ("plain", "[DONE]"),
        ("mock+tcp_cut@2", "[DONE]"),
        ("mock+stall@1", "[DONE]"),
        ("mock+error_event@1", "[DONE]"),
        // This client leaves after the first word.
        ("mock+delay=400ms", "one"),
    ] {
        let mut client = server.connect();
        client.send_post("/v1/chat/completions", &chat(model, true));
        client.read_to(read.as_bytes());
    }
    let expected = [
        "attempts_total{upstream=one,outcome=answered} 1",
        "attempts_total{upstream=one,outcome=cancelled} 1",
        "attempts_total{upstream=one,outcome=server_error} 1",
        "attempts_total{upstream=one,outcome=timeout} 1",
        "attempts_total{upstream=one,outcome=truncated} 1",
    ];
    let start = Instant::now();
    while counted(&server) != expected {
        assert!(start.elapsed() < PATIENCE, "{:?}", counted(&server));
    }
}

#[test]
fn ejections_cooldowns_and_what_is_left_of_the_budget_are_shown() {
    let mock = mock();
    let server = before(&mock, "mock+500", "plain");
    let budget = || {
        let metrics = server.get("/metrics").body;
        let shown = metrics.lines().find_map(|line| {
            line.strip_prefix("lukhas_retry_budget_available ")
                .map(str::to_owned)
        });
        shown.unwrap()
    };
    assert_eq!(budget(), "0");
    for _ in 0..5 {
        assert_eq!(ask(&server, "m").status, 200);
    }
    assert_eq!(budget(), "0", "each request paid for its fallback");
    for _ in 0..3 {
        assert_eq!(ask(&server, "m").status, 200);
    }
    assert_eq!(budget(), "3", "the one that fails is left out");
    assert_eq!(ask(&server, "mock+429=30").status, 429);
    assert_eq!(
        counted(&server),
        [
            "attempts_total{upstream=one,outcome=rate_limited} 1",
            "attempts_total{upstream=one,outcome=server_error} 5",
            "attempts_total{upstream=two,outcome=answered} 8",
            "cooldowns_total{upstream=one} 1",
            "ejections_total{upstream=one} 1",
            "fallbacks_total{upstream=two,reason=server_error} 5",
        ]
    );
}

#[test]
fn a_server_without_upstreams_has_no_budget_to_show() {
    let server = Setup::serve("reliability: null").start();
    let metrics = server.get("/metrics").body;
    assert!(!metrics.contains("lukhas_retry_budget"), "{metrics}");
}
