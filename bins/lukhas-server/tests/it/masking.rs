// SPDX-License-Identifier: Apache-2.0
//! Upstreams that are asked without personal data and secrets, and clients who see none of that.

use serde_json::{Value, json};

use crate::process::{Server, Setup};

const MAIL: &str = "ada.lovelace@example.com";
const PLACEHOLDER: &str = "[REDACTED:EMAIL_ADDRESS:1]";

fn mock() -> Server {
    Setup::new(&["mock", "--listen", "127.0.0.1:0"]).start()
}

/// A mock that always calls a function with the first address that it was told.
fn caller() -> Server {
    let script = format!(
        "rules: [{{reply: {{tool_calls: [{{name: send, arguments: '{{\"to\":\"{PLACEHOLDER}\"}}'}}]}}}}]"
    );
    let arguments = ["mock", "--listen", "127.0.0.1:0", "--script", "script.yaml"];
    Setup::new(&arguments).file("script.yaml", script).start()
}

/// A server before the upstream at `port`, which speaks `api`.
fn before(port: u16, api: &str, upstream: &str, settings: &str) -> Server {
    let base_url = format!("base_url: \"http://127.0.0.1:{port}/v1\", api: {api}");
    let yaml =
        format!("upstreams: {{up: {{{base_url}{upstream}}}}}\nmodels: {{other: up}}\n{settings}");
    Setup::serve(&yaml).start()
}

/// The head and the body of the answer, whole or streamed.
fn post(server: &Server, path: &str, body: &Value) -> String {
    let mut client = server.connect();
    client.send_post_with(path, "connection: close\r\n", &body.to_string());
    client.rest()
}

/// What the upstream was asked last.
fn asked(mock: &Server) -> String {
    let requests: Value = serde_json::from_str(&mock.get("/__mock/requests").body).unwrap();
    let requests = requests.as_array().unwrap();
    requests.last().unwrap().to_string()
}

fn chat(stream: bool) -> (&'static str, Value) {
    let message = json!({"role": "user", "content": format!("I am {MAIL}")});
    let body = json!({"model": "any", "messages": [message], "stream": stream, "max_tokens": 50});
    ("/v1/chat/completions", body)
}

fn responses(stream: bool) -> (&'static str, Value) {
    let input = format!("I am {MAIL}");
    let body = json!({"model": "any", "input": input, "stream": stream, "store": false});
    ("/v1/responses", body)
}

/// The texts of an answer, whole or streamed.
fn said(body: &str, stream: bool) -> String {
    let text = |value: &Value| {
        let places = [
            "/choices/0/delta/content",
            "/choices/0/message/content",
            "/output/0/content/0/text",
        ];
        let found = places.iter().find_map(|place| value.pointer(place));
        let delta = value
            .get("delta")
            .filter(|_| value["type"] == "response.output_text.delta");
        found
            .or(delta)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    if !stream {
        let (_, body) = body.split_once("\r\n\r\n").unwrap_or(("", body));
        return text(&serde_json::from_str(body).unwrap());
    }
    let data = body.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter_map(|data| serde_json::from_str(data).ok())
        .map(|value| text(&value))
        .collect()
}

#[test]
fn an_upstream_is_not_told_who_asks_and_the_client_reads_it_all() {
    for api in ["chat", "responses", "messages"] {
        let mock = mock();
        let server = before(
            mock.port,
            api,
            "",
            "redaction: {mask_upstreams: reversible}",
        );
        for (path, body) in [chat(false), chat(true), responses(false), responses(true)] {
            let stream = body["stream"] == true;
            let answer = post(&server, path, &body);
            assert!(answer.starts_with("HTTP/1.1 200 "), "{api}{path}: {answer}");
            let asked = asked(&mock);
            assert!(!asked.contains("ada.lovelace"), "{api}{path}: {asked}");
            assert!(asked.contains(PLACEHOLDER), "{api}{path}: {asked}");
            let said = said(&answer, stream);
            assert!(
                said.ends_with(&format!(": I am {MAIL}")),
                "{api}{path}: {}",
                answer
            );
            assert!(!answer.contains("REDACTED"), "{api}{path}: {}", answer);
        }
        let metrics = server.get("/metrics").body;
        let counted = "lukhas_masked_values_total{kind=\"pii\"} 4";
        assert!(metrics.contains(counted), "{metrics}");
    }
}

#[test]
fn a_conversation_is_kept_as_it_was_said_and_masked_anew() {
    let mock = mock();
    let server = before(mock.port, "chat", ", mask: reversible", "");
    let (path, mut body) = responses(false);
    body["store"] = true.into();
    let first = server.connect().post(path, &body.to_string());
    let first: Value = serde_json::from_str(&first.body).unwrap();
    let id = first["id"].as_str().unwrap();
    let next = json!({
        "model": "any",
        "input": "Write to grace@example.com",
        "previous_response_id": id,
    });
    let next = server.connect().post(path, &next.to_string());
    assert!(
        said(&next.body, false).ends_with(": Write to grace@example.com"),
        "{}",
        next.body
    );
    let asked = asked(&mock);
    assert!(!asked.contains("@example.com"), "{asked}");
    // What was said before keeps its number: an upstream that caches finds it again.
    assert!(asked.matches(PLACEHOLDER).count() >= 2, "{asked}");
    assert!(asked.contains("[REDACTED:EMAIL_ADDRESS:2]"), "{asked}");
    let items = server.get(&format!("/v1/responses/{id}/input_items")).body;
    assert!(items.contains(MAIL), "{items}");
}

#[test]
fn arguments_of_functions_come_back_with_values() {
    let mock = caller();
    let server = before(mock.port, "chat", ", mask: reversible", "");
    for (path, mut body) in [chat(false), chat(true), responses(false), responses(true)] {
        let mut tool = json!({"type": "function", "name": "send"});
        if path.ends_with("completions") {
            tool = json!({"type": "function", "function": {"name": "send"}});
        }
        body["tools"] = json!([tool]);
        let answer = post(&server, path, &body);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(!answer.contains("REDACTED"), "{answer}");
        assert!(answer.contains("lovelace"), "{answer}");
        assert!(!asked(&mock).contains("ada.lovelace"));
    }
}

#[test]
fn what_an_upstream_says_of_itself_comes_before_what_is_said_of_all() {
    for (upstream, settings, is_masked) in [
        ("", "", false),
        (
            ", mask: none",
            "redaction: {mask_upstreams: reversible}",
            false,
        ),
        (", mask: reversible", "", true),
    ] {
        let mock = mock();
        let server = before(mock.port, "chat", upstream, settings);
        let (path, body) = chat(false);
        let answer = server.connect().post(path, &body.to_string());
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(!asked(&mock).contains(MAIL), is_masked, "{upstream}");
    }
}

#[test]
fn inputs_of_embeddings_are_masked_and_tokens_refused() {
    let mock = mock();
    let server = before(mock.port, "chat", ", mask: reversible", "");
    let embed = |input: Value| {
        let body = json!({"model": "any", "input": input});
        server.connect().post("/v1/embeddings", &body.to_string())
    };
    assert_eq!(embed(json!(["one", format!("I am {MAIL}")])).status, 200);
    let asked = asked(&mock);
    assert!(!asked.contains("ada.lovelace"), "{asked}");
    assert!(asked.contains("I am [REDACTED:EMAIL_ADDRESS]"), "{asked}");
    let refused = embed(json!([[1, 2, 3]]));
    assert_eq!(refused.status, 400, "{}", refused.body);
    assert!(
        refused.body.contains("\"param\":\"input\""),
        "{}",
        refused.body
    );
}
