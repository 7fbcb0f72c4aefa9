// SPDX-License-Identifier: Apache-2.0
//! Rules of how often and how much callers may ask, from the files to the wire.

use crate::process::{Server, Setup};

const CHAT: &str = r#"{"model":"lukhas-matriz","messages":[{"role":"user","content":"Hi"}]}"#;
const EMBED: &str = r#"{"model":"lukhas-lexical-hash-1024","input":"Hi"}"#;

/// What the head of an answer says of the limit of `unit`.
fn limit(head: &str, unit: &str) -> Option<u64> {
    let name = format!("x-ratelimit-limit-{unit}: ");
    let line = head.lines().find_map(|line| line.strip_prefix(&name))?;
    Some(line.trim().parse().unwrap())
}

/// Asserts how many requests to chat completions, embeddings and models are allowed at once.
#[track_caller]
fn check(server: &Server, key: Option<&str>, expected: [Option<u64>; 3]) {
    let connect = || match key {
        Some(key) => server.connect().with_key(key),
        None => server.connect(),
    };
    let answers = [
        connect().post("/v1/chat/completions", CHAT),
        connect().post("/v1/embeddings", EMBED),
        connect().get("/v1/models"),
    ];
    let found = answers.map(|answer| {
        assert_eq!(answer.status, 200, "{}", answer.body);
        limit(&answer.head, "requests")
    });
    assert_eq!(found, expected);
}

#[test]
fn the_defaults_hold_for_servers_with_keys_and_rules_of_files_for_all() {
    let key = "k".repeat(24);
    let keyed = || Setup::serve("{}").env("LUKHAS_API_TOKEN", &key);
    check(&keyed().start(), Some(&key), [Some(20), Some(50), None]);
    let none = keyed().env("LUKHAS_LIMITS", "[]");
    check(&none.start(), Some(&key), [None; 3]);
    check(&Setup::serve("{}").start(), None, [None; 3]);
    let own = "limits: [{name: all, requests: {amount: 9, per: hour}}]";
    check(&Setup::serve(own).start(), None, [Some(9); 3]);
}

#[test]
fn beyond_a_rule_of_the_reliability_file_is_429_with_the_time_to_retry() {
    let rules = "limits: [{name: one, classes: [models], requests: {amount: 1, per: minute}}]";
    let server = Setup::serve("reliability: r.yaml")
        .file("r.yaml", rules)
        .start();
    assert_eq!(server.get("/v1/models").status, 200);
    let denied = server.get("/v1/models");
    assert_eq!(denied.status, 429);
    let wait = denied
        .head
        .lines()
        .find_map(|line| line.strip_prefix("retry-after: "));
    let wait: u64 = wait.unwrap().trim().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert!(
        denied.body.contains("rate_limit_exceeded"),
        "{}",
        denied.body
    );
    let metrics = server.get("/metrics").body;
    let series = "lukhas_rate_limited_total{rule=\"one\",unit=\"requests\"} 1";
    assert!(metrics.contains(series), "{metrics}");
}
