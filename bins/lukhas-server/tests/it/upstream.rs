// SPDX-License-Identifier: Apache-2.0
//! `lukhas serve` before an upstream that two variables switch on.

use crate::http::Answer;
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

fn embed(server: &Server, model: &str) -> Answer {
    let body = format!(r#"{{"model":"{model}","input":["one","two"]}}"#);
    server.connect().post("/v1/embeddings", &body)
}

#[test]
fn embedding_models_that_are_not_known_here_go_upstream_under_their_names() {
    let mock = Setup::new(&["mock", "--listen", "127.0.0.1:0"]).start();
    let server = before(mock.port, "sk-any");
    let answer = embed(&server, "text-embedding-3-large");
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(
        answer.body.contains("text-embedding-3-large"),
        "{}",
        answer.body
    );
    let asked = mock.get("/__mock/stats").body;
    assert!(asked.contains("text-embedding-3-large"), "{asked}");
    // The offline embedder stays under its own name.
    let answer = embed(&server, "lukhas-lexical-hash-1024");
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(!mock.get("/__mock/stats").body.contains("lukhas-lexical"));
}

#[test]
fn embedding_models_of_the_table_have_targets_and_aliases() {
    let mock = Setup::new(&["mock", "--listen", "127.0.0.1:0"]).start();
    let yaml = format!(
        "\
upstreams:
  up: {{base_url: \"http://127.0.0.1:{port}/v1\"}}
  claude: {{base_url: \"http://127.0.0.1:{port}/v1\", api: messages}}
models:
  aliases: {{text-embedding-3-small: vectors}}
  table:
    vectors: {{targets: [{{upstream: up, model: mock+503}}, {{upstream: up, model: theirs}}]}}
    words: {{targets: [{{upstream: up}}, {{upstream: claude}}]}}
retry: {{budget: 1}}
",
        port = mock.port
    );
    let server = Setup::serve(&yaml).start();
    for name in ["vectors", "text-embedding-3-small"] {
        let answer = embed(&server, name);
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(
            answer.body.contains(&format!("\"model\":\"{name}\"")),
            "{}",
            answer.body
        );
    }
    assert!(mock.get("/__mock/stats").body.contains("theirs"));
    let models = server.get("/v1/models").body;
    assert_eq!(models.matches("\"id\":\"vectors\"").count(), 1, "{models}");
    // Not every target of this one embeds.
    let answer = embed(&server, "words");
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert!(
        answer.body.contains("`words` does not embed"),
        "{}",
        answer.body
    );
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

#[test]
fn the_log_names_what_failed_by_the_identifier_that_its_client_was_told() {
    let mock = Setup::new(&["mock", "--listen", "127.0.0.1:0"]).start();
    let server = before(mock.port, "sk-any");
    let ask = |model: &str, stream: bool| {
        let body = format!(
            r#"{{"model":"{model}","stream":{stream},"messages":[{{"role":"user","content":"x"}}]}}"#
        );
        let answer = server.connect().post("/v1/chat/completions", &body);
        let mut lines = answer.head.lines();
        let id = lines.find_map(|line| line.strip_prefix("x-request-id: "));
        id.unwrap().to_owned()
    };
    let refused = ask("mock+401", false);
    let cut = ask("mock+clean_cut@1", true);
    let log = server.stop();
    for (id, what) in [
        (&refused, "no upstream answered"),
        (&cut, "an answer broke off"),
    ] {
        let is_it = |line: &&str| line.contains(what) && line.contains(id);
        assert_eq!(log.lines().filter(is_it).count(), 1, "{id} {what}: {log}");
    }
    let end = log.lines().find(|line| line.contains("stream failed"));
    let end = end.unwrap_or_else(|| panic!("{log}"));
    assert!(
        end.contains("WARN") && end.contains("upstream_truncated"),
        "{end}"
    );
    assert!(end.contains(&cut), "{end}");
}
