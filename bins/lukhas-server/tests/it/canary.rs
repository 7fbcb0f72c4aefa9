// SPDX-License-Identifier: Apache-2.0
//! What must not leave: a fresh secret and a fresh address, planted in every place of requests to every
//! route, reach no log, run event, span, metric or error.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Server, Setup};
use crate::receiver::Receiver;

/// Values that nobody has seen before.
struct Canaries {
    token: String,
    address: String,
}

impl Canaries {
    fn fresh() -> Self {
        const LETTERS: &[u8; 62] =
            b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        let mut bits = RandomState::new().build_hasher().finish();
        let mut word = |length: usize| {
            let letters = (0..length).map(|_| {
                bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                char::from(LETTERS[(bits >> 33) as usize % LETTERS.len()])
            });
            letters.collect::<String>()
        };
        Self {
            // Put together here, so that no scanner takes it for a real one.
            token: ["gl", "pat-", &word(20)].concat(),
            address: format!("canary.{}@example.com", word(12).to_lowercase()),
        }
    }

    /// As it is planted.
    fn text(&self) -> String {
        format!("{} {}", self.address, self.token)
    }

    /// No part of either is in `sink`.
    #[track_caller]
    fn are_not_in(&self, sink: &str, what: &str) {
        for value in [&self.token[6..], &self.address[7..]] {
            let part = &value[..10];
            if let Some(at) = sink.find(part) {
                let from = sink.floor_char_boundary(at.saturating_sub(300));
                let to = sink.ceil_char_boundary((at + 100).min(sink.len()));
                panic!("`{part}` is in {what}: {}", &sink[from..to]);
            }
        }
    }
}

/// Every route and method of the API document, with `canary` in the place of each parameter.
fn routes(server: &Server, canary: &str) -> Vec<(String, String)> {
    let document: Value = serde_json::from_str(&server.get("/openapi.json").body).unwrap();
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path
            .replace("{response_id}", canary)
            .replace("{model}", canary);
        assert!(!path.contains('{'), "{path}");
        for method in item.as_object().unwrap().keys() {
            routes.push((method.to_uppercase(), path.clone()));
        }
    }
    assert!(routes.len() >= 13, "{routes:?}");
    routes
}

/// Bodies for `path` that are right, and bodies that are wrong in many ways, with `canary` wherever a text may be.
fn bodies(path: &str, canary: &str) -> Vec<String> {
    let said = json!([{"role": "user", "content": canary}]);
    let right = match path {
        "/v1/chat/completions" => json!({"model": "lukhas-matriz", "messages": said}),
        "/v1/embeddings" => json!({"model": "text-embedding-3-small", "input": [canary]}),
        _ => json!({"model": "lukhas-matriz", "input": canary}),
    };
    let with = |field: &str, value: Value| {
        let mut body = right.clone();
        body[field] = value;
        body
    };
    let mut bodies = vec![
        right.clone(),
        with("user", json!(canary)),
        with("stream", json!(true)),
        // Its upstream refuses it, breaks off, or says what it makes of the name.
        with("model", json!("m")),
        with("model", json!("broken")),
        with("model", json!(format!("mock+{canary}"))),
        with("model", json!(canary)),
    ];
    let mut streamed = with("stream", json!(true));
    streamed["model"] = json!("broken");
    bodies.push(streamed);
    // Each field that might be quoted when it is wrong.
    for (field, value) in [
        (canary, json!(1)),
        ("input", json!({canary: canary})),
        ("input", json!([{"type": canary, "role": canary}])),
        (
            "input",
            json!([{"role": "user", "content": [{"type": "input_image", "image_url": canary}]}]),
        ),
        ("messages", json!([{"role": canary, "content": canary}])),
        (
            "messages",
            json!([{"role": "user", "content": [{"type": canary, canary: canary}]}]),
        ),
        ("instructions", json!([canary])),
        ("previous_response_id", json!(canary)),
        ("temperature", json!(canary)),
        ("max_output_tokens", json!(canary)),
        ("metadata", json!({canary: canary})),
        ("metadata", json!([canary])),
        ("tools", json!([{"type": canary, "name": canary}])),
        (
            "tools",
            json!([{"type": "function", "name": canary, "parameters": {"type": canary}}]),
        ),
        ("tool_choice", json!({"type": "function", "name": canary})),
        ("text", json!({"format": {"type": canary}})),
        ("response_format", json!({"type": canary})),
        ("stop", json!([canary, 1])),
        ("service_tier", json!(canary)),
        ("stream_options", json!({canary: canary})),
        ("encoding_format", json!(canary)),
        ("prompt_cache_key", json!(canary)),
    ] {
        bodies.push(with(field, value));
    }
    let texts = bodies.into_iter().map(|body| body.to_string());
    let malformed = [
        format!("{{\"input\": \"{canary}"),
        canary.to_owned(),
        format!("[\"{canary}\"]"),
        format!("{{\"model\":\"lukhas-matriz\",\"{canary}\":{{}},\"{canary}\":1}}"),
    ];
    texts.chain(malformed).collect()
}

/// Sends it, with `canary` in headers too; the answer if it is an error.
fn ask(server: &Server, method: &str, path: &str, canary: &str, body: &str) -> Option<String> {
    // Keys of this kind are refused for their spaces, and so is a query that nobody knows.
    let key_header = match path.contains('?') {
        true => format!("idempotency-key: {canary}\r\n"),
        false => String::new(),
    };
    let encoded: String = canary.replace(' ', "%20").replace('@', "%40");
    let path = path.replace(canary, &encoded);
    let key = server.key();
    let mut client = server.connect();
    client.send(format!(
        "{method} {path} HTTP/1.1\r\nhost: {encoded}\r\nconnection: close\r\n\
         authorization: Bearer {key}\r\n{key_header}user-agent: {canary}\r\nx-trace: {canary}\r\n\
         traceparent: {canary}\r\ntracestate: a={canary}\r\n\
         openai-organization: {canary}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         \r\n{body}",
        length = body.len()
    ));
    let answer = client.rest();
    let status: u16 = answer[9..12].parse().unwrap();
    let is_error = status >= 400 || answer.contains("event: error") || answer.contains("failed");
    is_error.then_some(answer)
}

#[test]
fn what_is_planted_in_requests_reaches_no_sink() {
    check("none", "NO_CONTENT");
}

#[test]
fn nor_does_it_where_sinks_show_what_is_said() {
    check("redacted", "SPAN_ONLY");
}

#[track_caller]
fn check(content: &str, capture: &str) {
    let canaries = Canaries::fresh();
    let canary = canaries.text();
    let runlogs = TempDir::new().unwrap();
    let mock = Setup::new(&["mock", "--listen", "127.0.0.1:0"]).start();
    let yaml = format!(
        "reliability: null\n\
         log: {{filter: trace, format: json}}\n\
         telemetry: {{run_log: {{dir: '{}', content: {content}}}}}\n\
         retry: {{budget: 0}}\n\
         idempotency: {{linger_ms: 0}}\n\
         upstreams: {{mock: {{base_url: \"http://127.0.0.1:{}/v1\"}}}}\n\
         models: {{other: mock, table: {{\
         m: {{targets: [{{upstream: mock, model: \"mock+400\"}}]}}, \
         broken: {{targets: [{{upstream: mock, model: \"mock+tcp_cut@1\"}}]}}}}}}\n",
        runlogs.path().display(),
        mock.port
    );
    let receiver = Receiver::start();
    let server = Setup::serve(&yaml)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.url())
        .env(
            "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
            capture,
        )
        .start();
    let (mut errors, mut asked) = (0, 0);
    for (method, path) in routes(&server, &canary) {
        let bodies = match method.as_str() {
            "POST" => bodies(&path, &canary),
            _ => vec![String::new()],
        };
        for body in bodies {
            for query in ["".to_owned(), format!("?after={canary}&{canary}=1")] {
                let path = format!("{path}{query}");
                asked += 1;
                if let Some(error) = ask(&server, &method, &path, &canary, &body) {
                    errors += 1;
                    canaries.are_not_in(&error, &format!("the answer to {method} {path} {body}"));
                }
            }
        }
    }
    // Routes and methods that do not exist, keys that are nobody's, and what is no request.
    for (method, path) in [("GET", &*format!("/v1/{canary}")), ("PATCH", "/v1/models")] {
        let error = ask(&server, method, path, &canary, "").expect("an error");
        canaries.are_not_in(&error, path);
    }
    let refused = server.connect().with_key(&canary).get("/v1/models");
    assert_eq!(refused.status, 401);
    canaries.are_not_in(&refused.body, "the answer to a wrong key");
    let mut client = server.connect();
    client.send(format!("{canary}\r\n\r\n"));
    canaries.are_not_in(&client.rest(), "the answer to what is no request");
    assert!(
        asked > 150 && errors > 80,
        "{asked} requests, {errors} errors"
    );

    canaries.are_not_in(&server.get("/metrics").body, "the metrics");
    canaries.are_not_in(&server.get("/readyz").body, "/readyz");
    let log = server.stop();
    let events = fs::read_to_string(runlogs.path().join("runs.jsonl")).unwrap();
    canaries.are_not_in(&log, "the log");
    canaries.are_not_in(&events, "the run events");
    canaries.are_not_in(&receiver.text(), "the spans");
    assert!(receiver.spans().len() > 100);
    let is_shown = capture == "SPAN_ONLY";
    assert_eq!(events.contains("input_messages"), is_shown);
    assert_eq!(receiver.text().contains("gen_ai.input.messages"), is_shown);
    assert!(log.contains("\"level\":\"DEBUG\""), "it says all it can");
    assert!(
        events.lines().count() > 100,
        "{}: {events}",
        events.lines().count()
    );
}
