// SPDX-License-Identifier: Apache-2.0
//! `lukhas serve` before an upstream that two variables switch on.

use crate::process::{Server, Setup};

const ASK: &str = r#"{"model":"gpt-5-mini","messages":[{"role":"user","content":"Say one two"}]}"#;

/// A server before the one at `port`.
fn before(port: u16, key: &str) -> Server {
    Setup::new(&["serve", "--listen", "127.0.0.1:0"])
        .env("OPENAI_API_KEY", key)
        .env("OPENAI_BASE_URL", &format!("http://127.0.0.1:{port}/v1"))
        .start()
}

#[track_caller]
fn check(server: &Server) {
    let answer = server.connect().post("/v1/chat/completions", ASK);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(
        answer.body.contains("\"content\":\"one two\""),
        "{}",
        answer.body
    );
    assert!(
        answer.body.contains("\"model\":\"gpt-5-mini\""),
        "{}",
        answer.body
    );
}

#[test]
fn a_key_and_an_address_alone_put_an_upstream_behind_the_server() {
    let mock = Setup::new(&[
        "mock",
        "--listen",
        "127.0.0.1:0",
        "--require-key-env",
        "MOCK_KEY",
    ])
    .env("MOCK_KEY", "sk-for-the-mock")
    .start();
    let server = before(mock.port, "sk-for-the-mock");
    let via = format!("  via   openai at http://127.0.0.1:{}/v1\n", mock.port);
    assert!(server.banner.contains(&via), "{}", server.banner);
    assert!(!server.banner.contains("sk-for-the-mock"));
    check(&server);
    let models = server.get("/v1/models").body;
    assert!(
        models.contains("lukhas-matriz"),
        "the engine stays: {models}"
    );

    let wrong = before(mock.port, "sk-another");
    let answer = wrong.connect().post("/v1/chat/completions", ASK);
    assert_eq!(answer.status, 502, "{}", answer.body);
    assert!(
        answer.body.contains("refused this server's key"),
        "{}",
        answer.body
    );
    assert!(!answer.body.contains("sk-another"), "{}", answer.body);
}

#[test]
fn a_server_can_stand_before_another() {
    let mock = Setup::new(&["mock", "--listen", "127.0.0.1:0"]).start();
    let inner = before(mock.port, "sk-any");
    let outer = before(inner.port, inner.key());
    check(&outer);
}

#[test]
fn a_server_that_would_ask_itself_does_not_start() {
    let ended = Setup::new(&["serve", "--listen", "127.0.0.1:47001"])
        .env("OPENAI_API_KEY", "sk-any")
        .env("OPENAI_BASE_URL", "http://localhost:47001/v1")
        .run();
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(ended.err.contains("OPENAI_BASE_URL"), "{}", ended.err);
}
