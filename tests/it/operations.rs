// SPDX-License-Identifier: Apache-2.0
//! Health, readiness and metrics.

use lukhas_tests::TestServer;
use serde_json::json;

/// The value of a series, by the beginning of its line.
fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    line.and_then(|value| value.trim().parse().ok())
}

#[tokio::test]
async fn health_and_readiness_need_no_key_and_name_their_checks() {
    let server = TestServer::start().await;
    let nobody = server.client.with_key("nobody");
    assert_eq!(nobody.get("/healthz").await.json(), json!({"status": "ok"}));
    let ready = nobody.get("/readyz").await;
    assert_eq!(ready.status, 200);
    let ok = json!({"status": "ok"});
    let checks = json!({"config": ok, "models": ok, "room": ok, "serving": ok, "store": ok});
    assert_eq!(ready.json(), json!({"status": "ready", "checks": checks}));
}

#[tokio::test]
async fn metrics_count_requests_and_runs_and_the_tokens_of_each_run() {
    let server = TestServer::start().await;
    let client = &server.client;
    let messages = json!([{"role": "user", "content": "hello there"}]);
    let body = json!({"model": "lukhas-matriz", "messages": messages, "n": 2});
    let usage = client.post("/v1/chat/completions", &body).await.json()["usage"].clone();
    client.get("/v1/models/none").await;
    client.get("/no/such/path").await;
    let text = client.get("/metrics").await.text();
    let requests = |route: &str, method: &str, code: u16| {
        let labels = format!(r#"{{route="{route}",method="{method}",code="{code}"}}"#);
        value(&text, &format!("lukhas_http_requests_total{labels}"))
    };
    assert_eq!(requests("/v1/chat/completions", "POST", 200), Some(1.0));
    assert_eq!(requests("/v1/models/{model}", "GET", 404), Some(1.0));
    assert_eq!(requests("unmatched", "ANY", 404), Some(1.0));
    assert!(
        !text.contains("/no/such/path"),
        "a path as it came in is no label"
    );
    // Each choice is a run of its own, and is paid for with its own input.
    for (kind, key, times) in [
        ("input", "prompt_tokens", 2.0),
        ("output", "completion_tokens", 1.0),
    ] {
        let labels = format!(r#"{{type="{kind}",model="lukhas-matriz",source="provider"}}"#);
        let series = format!("lukhas_tokens_total{labels}");
        let expected = usage[key].as_f64().map(|tokens| tokens * times);
        assert_eq!(value(&text, &series), expected, "{kind}");
    }
    assert_eq!(value(&text, "lukhas_runs_in_flight"), Some(0.0));
    assert!(value(&text, "process_resident_memory_bytes").is_some_and(|bytes| bytes > 0.0));
    let mut request = client.request("GET", "/metrics", bytes::Bytes::new());
    let accept = "application/openmetrics-text;version=1.0.0".parse();
    request
        .headers_mut()
        .insert("accept", accept.expect("a header"));
    let open = client.whole(request).await;
    assert!(
        open.header("content-type")
            .starts_with("application/openmetrics-text")
    );
    assert!(open.text().ends_with("# EOF\n"));
}
