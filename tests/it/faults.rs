// SPDX-License-Identifier: Apache-2.0
//! Every fault of an upstream, in every dialect, seen by clients of both APIs, streamed and whole.
//!
//! Whatever the fault: an answer that is said to be complete is the whole answer, and any other one
//! is a beginning of it, ends in exactly one failure with a code, and is never followed by a second
//! answer. What each fault becomes is kept in `docs/reliability/fault-matrix.md`.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use lukhas_mock::{MockOptions, MockServer};
use lukhas_providers::Dialect;
use lukhas_tests::{Answer, Patience, TestServer, routed, upstream};
use serde_json::{Value, json};

/// The faults, in the order of the page. `none` is no fault.
const FAULTS: [&str; 27] = [
    "none",
    "clean_cut@3",
    "tcp_cut@3",
    "stall@3",
    "garbage@3",
    "error_event@3",
    "slow_head=2s",
    "slow_first=2s",
    "429=7",
    "500",
    "503",
    "529",
    "401",
    "404",
    "400",
    "reset_before_head",
    "reset_after_head",
    "redirect",
    "duplicate_terminal",
    "after_terminal",
    "usage_tail",
    "no_done",
    "empty_stream",
    "empty_body",
    "html",
    "gzip",
    "deep_json",
];

const SAID: &str = "Say one two three four five six";
const ANSWER: &str = "one two three four five six";

/// How one request ended.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    Complete,
    /// Before the first byte of an answer: a status and a code.
    Refused(u16, String),
    /// After it: a code.
    Failed(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Api {
    Chat,
    Responses,
}

/// Little for an upstream that is silent, and for any other enough on the busiest machine.
fn patience(fault: &str) -> Patience {
    let is_silent = ["stall", "slow"].iter().any(|name| fault.starts_with(name));
    let (read, total) = if is_silent {
        (400, 900)
    } else {
        (30_000, 60_000)
    };
    Patience {
        read: Duration::from_millis(read),
        total: Duration::from_millis(total),
        ..Patience::default()
    }
}

async fn ask(mock: &MockServer, dialect: Dialect, fault: &str, api: Api, streams: bool) -> Ended {
    // A model of its own for each case: what one fault teaches must not change the next.
    let patience = patience(fault);
    let model = routed([(upstream(dialect, &mock.url(), patience), None)], patience);
    let server = TestServer::before(Arc::new(model)).await;
    let name = match fault {
        "none" => "mock".to_owned(),
        fault => format!("mock+{fault}"),
    };
    let (path, body) = match api {
        Api::Chat => (
            "/v1/chat/completions",
            json!({"model": name, "stream": streams,
                   "messages": [{"role": "user", "content": SAID}]}),
        ),
        Api::Responses => (
            "/v1/responses",
            json!({"model": name, "stream": streams, "input": SAID}),
        ),
    };
    let answer = server.client.post(path, &body).await;
    let (ended, text) = match (answer.status, streams) {
        (200, true) => read_stream(api, &answer),
        (200, false) => (Ended::Complete, whole_text(api, &answer.json())),
        (status, _) => (
            Ended::Refused(status, code(&answer.json()["error"])),
            String::new(),
        ),
    };
    let case = format!("{fault} as {dialect:?} to {api:?}, stream {streams}: {ended:?}");
    match ended {
        Ended::Complete => assert_eq!(text, ANSWER, "{case}"),
        Ended::Refused(..) | Ended::Failed(_) => {
            assert!(ANSWER.starts_with(&text), "{case}: {text}");
        }
    }
    ended
}

fn whole_text(api: Api, body: &Value) -> String {
    let text = match api {
        Api::Chat => &body["choices"][0]["message"]["content"],
        Api::Responses => &body["output"][0]["content"][0]["text"],
    };
    text.as_str().unwrap_or_default().to_owned()
}

/// How a stream ended, and its text. It must end exactly once.
fn read_stream(api: Api, answer: &Answer) -> (Ended, String) {
    let mut events = answer.events();
    let done = events.pop().map(|event| event.data);
    assert_eq!(done.as_deref(), Some("[DONE]"), "{}", answer.text());
    let mut text = String::new();
    let mut ends = Vec::new();
    for event in &events {
        let data: Value = serde_json::from_str(&event.data).expect("JSON");
        let delta = match api {
            Api::Chat => &data["choices"][0]["delta"]["content"],
            Api::Responses if data["type"] == "response.output_text.delta" => &data["delta"],
            Api::Responses => &Value::Null,
        };
        let delta = delta.as_str().unwrap_or_default();
        assert!(
            ends.is_empty() || delta.is_empty(),
            "text after the end: {}",
            answer.text()
        );
        text.push_str(delta);
        ends.extend(end_of(api, &data));
    }
    assert_eq!(ends.len(), 1, "{ends:?} in {}", answer.text());
    (ends.remove(0), text)
}

/// The end that an event tells, if it tells one.
fn end_of(api: Api, data: &Value) -> Option<Ended> {
    match api {
        Api::Chat if !data["error"].is_null() => Some(Ended::Failed(code(&data["error"]))),
        Api::Chat if data["choices"][0]["finish_reason"] == "stop" => Some(Ended::Complete),
        Api::Chat => None,
        Api::Responses => match data["type"].as_str()? {
            "response.completed" => Some(Ended::Complete),
            "response.failed" => {
                let message = data["response"]["error"]["message"].as_str()?;
                let code = message.rsplit_once('(')?.1.trim_end_matches(')');
                Some(Ended::Failed(code.to_owned()))
            }
            _ => None,
        },
    }
}

fn code(error: &Value) -> String {
    error["code"].as_str().unwrap_or("none").to_owned()
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Complete => f.write_str("complete"),
            Self::Refused(status, code) => write!(f, "{status} `{code}`"),
            Self::Failed(code) => write!(f, "begun, then `{code}`"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_ends_in_exactly_one_right_way() {
    let mock = MockServer::start(MockOptions::default())
        .await
        .expect("a mock");
    let cases: Vec<_> = FAULTS
        .iter()
        .flat_map(|fault| Dialect::ALL.map(|dialect| (*fault, dialect)))
        .collect();
    let rows = stream::iter(cases).map(|(fault, dialect)| {
        let mock = &mock;
        async move {
            let cells = [
                (Api::Chat, true),
                (Api::Chat, false),
                (Api::Responses, true),
                (Api::Responses, false),
            ];
            let asked = cells.map(|(api, streams)| ask(mock, dialect, fault, api, streams));
            let cells: Vec<_> = join_all(asked).await.iter().map(Ended::to_string).collect();
            format!(
                "| `{fault}` | {} | {} |",
                dialect.as_str(),
                cells.join(" | ")
            )
        }
    });
    let rows: Vec<String> = rows.buffered(8).collect().await;
    let mut page = PAGE.to_owned();
    for row in &rows {
        let _ = writeln!(page, "{row}");
    }
    compare(&page);
}

const PAGE: &str = "\
# What every fault of an upstream becomes

`cargo xtask faults` puts every fault before clients again, compares what they see with this page,
and prints the table. Each row is a fault of [`lukhas mock`](../ops/MOCK.md), in one dialect of
upstreams, as clients of both APIs see it. `complete` is the whole answer. A status and a code come
before the first byte of an answer. `begun, then` is a stream that had begun, and ends with one
error event with that code; its text is a beginning of the answer, and nothing follows it.

| fault | upstream | chat, streamed | chat, whole | responses, streamed | responses, whole |
|---|---|---|---|---|---|
";

fn compare(page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reliability/fault-matrix.md");
    if std::env::var_os("LUKHAS_REGEN").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, page).expect("the page");
    }
    let kept = std::fs::read_to_string(&path).expect("the page");
    assert_eq!(kept, page, "`cargo xtask regen` rewrites it");
}
