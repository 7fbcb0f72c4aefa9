// SPDX-License-Identifier: Apache-2.0
//! What administrators use.

use lukhas_tests::TestServer;
use serde_json::{Value, json};

#[tokio::test]
async fn a_text_is_redacted_and_what_was_found_is_named() {
    let server = TestServer::start().await;
    let body = json!({"id": {"a": 1}, "text": "é: ada@example.com, host 203.0.113.7"});
    let answer = server.client.post("/admin/redact", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let finding = |entity: &str, start: u32, end: u32, rule: &str| json!({"kind": "pii", "entity": entity, "start": start, "end": end, "rule": rule, "score": 1.0});
    let mut seen = answer.json();
    for finding in seen["findings"].as_array_mut().unwrap() {
        finding["score"] = json!(1.0);
    }
    let expected = json!({
        "id": {"a": 1},
        "redacted": "é: [REDACTED:EMAIL_ADDRESS], host [REDACTED:IP_ADDRESS]",
        "findings": [finding("EMAIL_ADDRESS", 3, 18, "email"), finding("IP_ADDRESS", 25, 36, "ipv4")],
    });
    assert_eq!(seen, expected);
    let body = json!({"text": "host 203.0.113.7", "profile": "upstream"});
    let answer = server.client.post("/admin/redact", &body).await.json();
    let expected = json!({"id": null, "redacted": "host 203.0.113.7", "findings": []});
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn a_long_text_is_redacted_alike() {
    let server = TestServer::start().await;
    let text = "write to ada@example.com\n".repeat(5_000);
    let answer = server
        .client
        .post("/admin/redact", &json!({"text": text}))
        .await
        .json();
    assert_eq!(answer["findings"].as_array().unwrap().len(), 5_000);
    assert!(!answer["redacted"].as_str().unwrap().contains("ada@"));
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let server = TestServer::start().await;
    for (body, code, param) in [
        (json!([]), "invalid_type", Value::Null),
        (json!({}), "missing_required_parameter", json!("text")),
        (json!({"text": 1}), "invalid_type", json!("text")),
        (
            json!({"text": "", "profile": 1}),
            "invalid_type",
            json!("profile"),
        ),
        (
            json!({"text": "", "profile": "all"}),
            "invalid_value",
            json!("profile"),
        ),
        (
            json!({"text": "", "texts": []}),
            "unknown_parameter",
            json!("texts"),
        ),
    ] {
        let answer = server.client.post("/admin/redact", &body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
        let error = &answer.json()["error"];
        assert_eq!(
            (&error["code"], &error["param"]),
            (&json!(code), &param),
            "{body}"
        );
    }
    for body in ["", "{", r#"{"text":"a","text":"b"}"#] {
        let answer = server.client.post_bytes("/admin/redact", body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
        assert_eq!(answer.json()["error"]["code"], "invalid_json", "{body}");
    }
}
