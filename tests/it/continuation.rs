// SPDX-License-Identifier: Apache-2.0
//! Answers that break off in the middle: gone on with and marked where that is switched on, failed
//! where it is not, and never glued together in silence.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use lukhas_mock::{Fault, Injection, MockOptions, MockServer, Reply, Rule};
use lukhas_providers::Dialect;
use lukhas_tests::{Answer, Patience, TestServer, routed, upstream};
use rand::rngs::SmallRng;
use rand::{Rng, RngExt, SeedableRng};
use serde_json::{Value, json};

const STREAMS: usize = 1200;
/// How many of 100 answers, or parts of answers, break off.
const CUT_PERCENT: u32 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Api {
    Chat,
    Responses,
}

/// How one stream ended.
#[derive(Debug)]
struct Seen {
    text: String,
    is_complete: bool,
    /// What the error says, if it ended in one.
    error: Option<String>,
    /// Marks in the middle: chunks or events.
    marks: u64,
    /// What the last object says.
    continuations: u64,
    usage: Value,
}

fn patience(continuations: u32) -> Patience {
    Patience {
        read: Duration::from_millis(400),
        total: Duration::from_secs(30),
        attempts: 3,
        budget: 0.1,
        hedge_after: None,
        continuations,
    }
}

/// A server over two targets of `mock`.
async fn before(mock: &MockServer, dialect: Dialect, patience: Patience) -> TestServer {
    let upstream = || upstream(dialect, &mock.url(), patience);
    let targets = [(upstream(), Some("one")), (upstream(), Some("two"))];
    TestServer::before(Arc::new(routed(targets, patience))).await
}

async fn ask(server: &TestServer, api: Api, said: &str) -> Seen {
    let (path, body) = match api {
        Api::Chat => (
            "/v1/chat/completions",
            json!({"model": "m", "stream": true, "stream_options": {"include_usage": true},
                   "messages": [{"role": "user", "content": said}]}),
        ),
        Api::Responses => (
            "/v1/responses",
            json!({"model": "m", "stream": true, "include": ["lukhas:steps"], "input": said}),
        ),
    };
    let answer = server.client.post(path, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    match api {
        Api::Chat => seen_by_chat(&answer),
        Api::Responses => seen_by_responses(&answer),
    }
}

fn events(answer: &Answer) -> Vec<Value> {
    let mut events = answer.events();
    let done = events.pop().map(|event| event.data);
    assert_eq!(done.as_deref(), Some("[DONE]"), "{}", answer.text());
    let parse = |data: &str| serde_json::from_str(data).expect("JSON");
    events.iter().map(|event| parse(&event.data)).collect()
}

fn seen_by_chat(answer: &Answer) -> Seen {
    let mut seen = Seen::new();
    for chunk in events(answer) {
        if let Some(error) = chunk["error"]["code"].as_str() {
            seen.error = Some(error.to_owned());
        }
        let choice = &chunk["choices"][0];
        let delta = choice["delta"]["content"].as_str();
        seen.text.push_str(delta.unwrap_or_default());
        let times = choice["lukhas_continuations"].as_u64().unwrap_or(0);
        match choice["finish_reason"].as_str() {
            Some(reason) => {
                seen.is_complete = reason == "stop";
                seen.continuations = times;
            }
            None => seen.marks += u64::from(times > 0),
        }
        if chunk["usage"].is_object() {
            seen.usage = chunk["usage"].clone();
        }
    }
    seen
}

fn seen_by_responses(answer: &Answer) -> Seen {
    let mut seen = Seen::new();
    for event in events(answer) {
        match event["type"].as_str().expect("a type") {
            "response.output_text.delta" => {
                seen.text += event["delta"].as_str().expect("a delta");
            }
            "lukhas:continued" => seen.marks += 1,
            "response.completed" => {
                let response = &event["response"];
                seen.is_complete = true;
                seen.continuations = response["lukhas_continuations"].as_u64().unwrap_or(0);
                seen.usage = response["usage"].clone();
                assert_eq!(response["output"].as_array().map(Vec::len), Some(1));
                let text = &response["output"][0]["content"][0]["text"];
                assert_eq!(text.as_str(), Some(seen.text.as_str()));
            }
            "response.failed" => {
                seen.usage = event["response"]["usage"].clone();
                let message = event["response"]["error"]["message"].as_str();
                seen.error = message.map(str::to_owned);
            }
            _ => {}
        }
    }
    seen
}

impl Seen {
    fn new() -> Self {
        Self {
            text: String::new(),
            is_complete: false,
            error: None,
            marks: 0,
            continuations: 0,
            usage: Value::Null,
        }
    }
}

/// What is asked, what the answer is, and how often it breaks off.
struct Case {
    said: String,
    answer: String,
    cuts: u32,
}

/// A schedule in which each part of an answer breaks off with the same chance, whatever is asked
/// when: the same for the same seed.
fn schedule(rng: &mut SmallRng) -> (Vec<Case>, Vec<Rule>) {
    let mut cases = Vec::new();
    let mut rules = Vec::new();
    for number in 0..STREAMS {
        let words = rng.random_range(30..60);
        let words = (0..words).map(|_| word(rng));
        let answer = words.collect::<Vec<_>>().join(" ");
        let mut cuts = 0;
        while rng.random_range(0..100) < CUT_PERCENT {
            cuts += 1;
        }
        let said = format!("Tell story <{number}>.");
        let fault = match rng.random_range(0..10) {
            0 => Fault::Stall(rng.random_range(1..8)),
            1..5 => Fault::CleanCut(rng.random_range(1..8)),
            _ => Fault::TcpCut(rng.random_range(1..8)),
        };
        rules.push(Rule {
            contains: Some(format!("<{number}>")),
            reply: Some(Reply::Text(answer.clone())),
            faults: NonZeroU32::new(cuts)
                .map(|first| Injection {
                    fault,
                    first: Some(first),
                })
                .into_iter()
                .collect(),
            ..Rule::default()
        });
        cases.push(Case { said, answer, cuts });
    }
    (cases, rules)
}

fn word(rng: &mut impl Rng) -> String {
    let letters = rng.random_range(2..9);
    (0..letters)
        .map(|_| char::from(rng.random_range(b'a'..=b'z')))
        .collect()
}

/// Runs the schedule; what came of each case.
async fn run(continuations: u32) -> Vec<(Case, Seen)> {
    let (cases, rules) = schedule(&mut SmallRng::seed_from_u64(7));
    let options = MockOptions::default().with_rules(rules);
    let mock = MockServer::start(options).await.expect("a mock");
    let mut servers = BTreeMap::new();
    for (place, dialect) in Dialect::ALL.into_iter().enumerate() {
        let server = before(&mock, dialect, patience(continuations)).await;
        servers.insert(place, server);
    }
    let asked = cases.into_iter().enumerate().map(|(number, case)| {
        let server = &servers[&(number % 3)];
        let api = match number % 2 {
            0 => Api::Chat,
            _ => Api::Responses,
        };
        async move {
            let seen = ask(server, api, &case.said).await;
            (case, seen)
        }
    });
    stream::iter(asked).buffered(24).collect().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_answers_that_break_off_nearly_all_come_to_their_end_and_none_unmarked() {
    let (mut complete, mut cut, mut unmarked, mut wrong) = (0, 0, 0, 0);
    for (case, seen) in run(2).await {
        cut += usize::from(case.cuts > 0);
        complete += usize::from(seen.is_complete);
        assert!(
            case.answer.starts_with(&seen.text),
            "{}: {seen:?}",
            case.answer
        );
        if seen.is_complete {
            wrong += usize::from(seen.text != case.answer);
            let marked = u64::from(case.cuts);
            unmarked += usize::from(seen.continuations != marked || seen.marks != marked);
            let source = if case.cuts == 0 {
                Value::Null
            } else {
                "estimated".into()
            };
            assert_eq!(seen.usage["source"], source, "{seen:?}");
        } else {
            assert!(case.cuts > 0, "{seen:?}");
            assert!(seen.error.is_some(), "{seen:?}");
        }
    }
    println!(
        "on: {STREAMS} streams, {cut} cut at least once, {complete} complete ({:.2} %), \
         {wrong} wrong, {unmarked} unmarked",
        100.0 * complete as f64 / STREAMS as f64
    );
    assert!(complete * 1000 >= STREAMS * 995, "{complete} of {STREAMS}");
    assert_eq!((wrong, unmarked), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_continuation_what_breaks_off_fails() {
    let (mut complete, mut failed, mut cut) = (0, 0, 0);
    for (case, seen) in run(0).await {
        cut += usize::from(case.cuts > 0);
        assert_eq!(seen.is_complete, case.cuts == 0, "{seen:?}");
        assert_eq!((seen.marks, seen.continuations), (0, 0));
        if seen.is_complete {
            assert_eq!(seen.text, case.answer);
            complete += 1;
        } else {
            assert!(case.answer.starts_with(&seen.text) && seen.text.len() < case.answer.len());
            let error = seen.error.expect("a failure");
            assert!(
                error.contains("upstream_truncated") || error.contains("upstream_timeout"),
                "{error}"
            );
            failed += 1;
        }
    }
    println!(
        "off: {STREAMS} streams, {cut} cut, {failed} failed ({:.2} %), {complete} complete",
        100.0 * f64::from(failed) / STREAMS as f64
    );
    assert_eq!(failed as usize, cut);
    assert!((30..=90).contains(&failed), "about 5 %: {failed}");
}

/// One stream of `said` from a mock with `rules`.
async fn one(
    api: Api,
    dialect: Dialect,
    rules: Vec<Rule>,
    patience: Patience,
) -> (Seen, Vec<Value>) {
    let options = MockOptions::default().with_rules(rules);
    let mock = MockServer::start(options).await.expect("a mock");
    let server = before(&mock, dialect, patience).await;
    let seen = ask(&server, api, "count").await;
    let bodies = mock.requests();
    let bodies = bodies
        .iter()
        .map(|request| serde_json::from_slice(&request.body).expect("JSON"));
    (seen, bodies.collect())
}

fn counting(fault: Fault, times: u32) -> Rule {
    Rule {
        reply: Some(Reply::Text("one two three four five six".to_owned())),
        faults: vec![Injection {
            fault,
            first: NonZeroU32::new(times),
        }],
        ..Rule::default()
    }
}

fn generous(continuations: u32) -> Patience {
    Patience {
        budget: 1.0,
        ..patience(continuations)
    }
}

#[tokio::test]
async fn another_target_is_asked_for_the_rest_in_the_words_of_its_dialect() {
    for dialect in Dialect::ALL {
        for api in [Api::Chat, Api::Responses] {
            let rules = vec![counting(Fault::TcpCut(3), 1)];
            let (seen, bodies) = one(api, dialect, rules, generous(2)).await;
            assert_eq!(seen.text, "one two three four five six");
            assert_eq!((seen.marks, seen.continuations), (1, 1));
            let models: Vec<_> = bodies.iter().map(|body| &body["model"]).collect();
            assert_eq!(models, ["one", "two"]);
            let said = match dialect {
                Dialect::Chat | Dialect::Messages => &bodies[1]["messages"],
                Dialect::Responses => &bodies[1]["input"],
            };
            let last = said.as_array().and_then(|said| said.last()).expect("items");
            assert_eq!(last["role"], "assistant");
            let content = match dialect {
                Dialect::Chat | Dialect::Responses => &last["content"],
                Dialect::Messages => &last["content"][0]["text"],
            };
            assert_eq!(content, "one two three");
        }
    }
}

#[tokio::test]
async fn what_the_parts_used_is_added_up() {
    let whole = one(
        Api::Responses,
        Dialect::Chat,
        vec![counting(Fault::TcpCut(3), 1)],
        generous(2),
    );
    let (seen, _) = whole.await;
    let plain = vec![Rule {
        faults: Vec::new(),
        ..counting(Fault::TcpCut(3), 1)
    }];
    let (alone, _) = one(Api::Responses, Dialect::Chat, plain, generous(2)).await;
    let count = |seen: &Seen, key: &str| seen.usage[key].as_u64().expect("a count");
    let (input, output) = (count(&seen, "input_tokens"), count(&seen, "output_tokens"));
    assert!(input > 2 * count(&alone, "input_tokens"), "{seen:?}");
    let difference = output.abs_diff(count(&alone, "output_tokens"));
    assert!(difference <= 1, "{seen:?} {alone:?}");
}

#[tokio::test]
async fn there_are_as_many_continuations_as_configured_paid_for_and_within_the_attempts() {
    let ends = |patience: Patience, cuts: u32| async move {
        let rules = vec![counting(Fault::TcpCut(1), cuts)];
        let (seen, bodies) = one(Api::Responses, Dialect::Chat, rules, patience).await;
        if !seen.is_complete {
            let error = seen.error.as_deref().unwrap_or_default();
            assert!(error.contains("upstream_truncated"), "{error}");
            assert_eq!(seen.usage["source"], "partial");
        }
        (seen.is_complete, bodies.len())
    };
    // The one request has brought in one credit.
    assert_eq!(ends(generous(2), 1).await, (true, 2));
    assert_eq!(ends(generous(2), 2).await, (false, 2));
    assert_eq!(ends(generous(0), 1).await, (false, 1));
    assert_eq!(ends(patience(2), 1).await, (false, 1));
    let attempts = 1;
    let patience = Patience {
        attempts,
        ..generous(2)
    };
    assert_eq!(ends(patience, 1).await, (false, 1));
}

#[tokio::test]
async fn what_is_no_cut_text_is_not_gone_on_with() {
    for fault in [Fault::ErrorEvent(3), Fault::Garbage(3)] {
        let (seen, bodies) = one(
            Api::Chat,
            Dialect::Chat,
            vec![counting(fault, 1)],
            generous(2),
        )
        .await;
        assert!(!seen.is_complete && seen.marks == 0, "{seen:?}");
        assert_eq!(bodies.len(), 1);
    }
    let calls = Rule {
        reply: Some(Reply::ToolCalls(vec![lukhas_mock::ToolCall {
            name: "f".to_owned(),
            arguments: "{\"city\": \"Paris\"}".to_owned(),
        }])),
        ..counting(Fault::TcpCut(1), 1)
    };
    let options = MockOptions::default().with_rules(vec![calls]);
    let mock = MockServer::start(options).await.expect("a mock");
    let server = before(&mock, Dialect::Chat, generous(2)).await;
    let body = json!({
        "model": "m", "stream": true, "messages": [{"role": "user", "content": "count"}],
        "tools": [{"type": "function", "function": {"name": "f"}}],
    });
    let answer = server.client.post("/v1/chat/completions", &body).await;
    let seen = seen_by_chat(&answer);
    assert_eq!(seen.error.as_deref(), Some("upstream_truncated"));
    assert_eq!(mock.requests().len(), 1);
}
