// SPDX-License-Identifier: Apache-2.0
//! Answers by a script.

use std::num::NonZeroU32;

use lukhas_core::Usage;
use lukhas_mock::{Dialect, MockOptions, MockServer, Reply, Rule, ToolCall};
use serde_json::{Value, json};

use crate::client::{CASES, Case, Wire, start, start_with};

fn said(text: &str) -> Option<Reply> {
    Some(Reply::Text(text.to_owned()))
}

/// The text of an answer in any dialect, whole or streamed; empty when it has none.
fn text(case: Case, wire: &Wire) -> String {
    let path = match (case.dialect, case.stream) {
        (Dialect::Chat, true) => "/choices/0/delta/content",
        (Dialect::Chat, false) => "/choices/0/message/content",
        (Dialect::Responses, true) => "/delta",
        (Dialect::Responses, false) => "/output/0/content/0/text",
        (Dialect::Messages, true) => "/delta/text",
        (Dialect::Messages, false) => "/content/0/text",
        (Dialect::Embeddings | Dialect::Models, _) => "/nothing",
    };
    let at = |value: &Value| {
        value
            .pointer(path)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    if !case.stream {
        return at(&wire.json()).unwrap_or_default();
    }
    let text = wire.text();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter_map(|data| at(&serde_json::from_str(data).ok()?))
        .collect()
}

async fn ask(server: &MockServer, case: Case, model: &str, question: &str) -> String {
    let wire = case.send(server, &case.body(model, question)).await;
    assert_eq!(wire.status(), 200);
    text(case, &wire)
}

fn conversations() -> impl Iterator<Item = Case> {
    CASES
        .into_iter()
        .filter(|case| case.dialect != Dialect::Embeddings)
}

#[tokio::test]
async fn the_first_rule_that_matches_answers() {
    let rule = |model: Option<&str>, contains: Option<&str>, reply: &str| Rule {
        model: model.map(str::to_owned),
        contains: contains.map(str::to_owned),
        reply: said(reply),
        ..Rule::default()
    };
    let rules = vec![
        rule(Some("a"), Some("rain"), "Rain, said a."),
        rule(None, Some("rain"), "Rain, said anyone."),
        rule(Some("a"), None, "Said a."),
    ];
    let server = start(MockOptions::default().with_rules(rules)).await;
    for case in conversations() {
        for (model, question, expected) in [
            ("a", "Any rain?", "Rain, said a."),
            ("b", "Any rain?", "Rain, said anyone."),
            ("a", "Any sun?", "Said a."),
            ("b", "Say sun.", "sun"),
        ] {
            assert_eq!(ask(&server, case, model, question).await, expected);
        }
    }
}

#[tokio::test]
async fn a_rule_answers_as_often_as_it_says() {
    let times = |text: &str, times| Rule {
        reply: said(text),
        times: NonZeroU32::new(times),
        ..Rule::default()
    };
    let rules = vec![times("One.", 1), times("Two.", 2)];
    let server = start(MockOptions::default().with_rules(rules)).await;
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(ask(&server, CASES[1], "m", "Say no more.").await);
    }
    assert_eq!(answers, ["One.", "Two.", "Two.", "no more"]);
    server.reset();
    assert_eq!(ask(&server, CASES[1], "m", "Say no more.").await, "One.");
}

#[tokio::test]
async fn only_the_newest_message_or_output_is_looked_at() {
    let server = start_with(Rule {
        contains: Some("22 degrees".to_owned()),
        reply: said("Warm."),
        ..Rule::default()
    })
    .await;
    let output = "It is 22 degrees.";
    let bodies = [
        json!({"messages": [
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ]},
            {"role": "tool", "tool_call_id": "c", "content": output},
        ]}),
        json!({"input": [
            {"role": "user", "content": "Weather?"},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": output},
        ]}),
        json!({"messages": [
            {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "c", "name": "f", "input": {}}
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c", "content": output}
            ]},
        ]}),
    ];
    let whole = conversations().filter(|case| !case.stream);
    for (case, mut body) in whole.zip(bodies) {
        let wire = case.send(&server, &body).await;
        assert_eq!(text(case, &wire), "Warm.", "{case:?}");
        let list = if case.dialect == Dialect::Responses {
            "input"
        } else {
            "messages"
        };
        let messages = body[list].as_array_mut().unwrap();
        messages.push(json!({"role": "user", "content": "Say bye."}));
        let wire = case.send(&server, &body).await;
        assert_eq!(text(case, &wire), "bye", "{case:?}");
    }
}

#[tokio::test]
async fn calls_are_made_as_they_are_written() {
    let call = |name: &str, arguments: &str| ToolCall {
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    };
    let server = start_with(Rule {
        reply: Some(Reply::ToolCalls(vec![
            call("get_weather", r#"{"city": "Paris, the one in France"}"#),
            call("broken", "{not JSON"),
        ])),
        usage: Some(Usage {
            input_tokens: 11,
            cached_tokens: 4,
            output_tokens: 5,
            ..Usage::default()
        }),
        ..Rule::default()
    })
    .await;
    let mut shown = Vec::new();
    for case in conversations() {
        let wire = case.send(&server, &case.body("m", "Go")).await;
        shown.push(wire.text());
    }
    insta::assert_snapshot!(shown.join("\n\n---\n\n"));
}

#[tokio::test]
async fn a_status_is_answered_in_the_dialect() {
    let server = start_with(Rule {
        reply: Some(Reply::Status(418)),
        ..Rule::default()
    })
    .await;
    for case in CASES {
        let wire = case.send(&server, &case.body("m", "Hi")).await;
        assert_eq!(wire.status(), 418);
        assert_eq!(wire.json()["error"]["type"], "invalid_request_error");
    }
}

#[tokio::test]
async fn faults_of_a_rule_are_counted_by_the_rule() {
    let server = start_with(Rule {
        contains: Some("again".to_owned()),
        faults: vec!["503x2".parse().unwrap()],
        ..Rule::default()
    })
    .await;
    let mut seen = Vec::new();
    for (model, question) in [("a", "hi"), ("a", "again"), ("b", "again"), ("a", "again")] {
        let body = CASES[1].body(model, question);
        seen.push(CASES[1].send(&server, &body).await.status());
    }
    assert_eq!(seen, [200, 503, 503, 200]);
}

#[tokio::test]
async fn embeddings_are_what_was_asked_for() {
    let server = start(MockOptions::default()).await;
    let case = CASES[6];
    let ask = async |body: Value| case.send(&server, &body).await;
    let wire = ask(json!({"model": "m", "input": ["a", "b", "a"], "dimensions": 40})).await;
    let list = wire.json();
    let vectors: Vec<Vec<f64>> = (0..3)
        .map(|at| serde_json::from_value(list["data"][at]["embedding"].clone()).unwrap())
        .collect();
    assert!(vectors[0] == vectors[2] && vectors[0] != vectors[1]);
    for vector in &vectors {
        let length: f64 = vector.iter().map(|x| x * x).sum();
        assert!(
            vector.len() == 40 && (length - 1.0).abs() < 1e-5,
            "{length}"
        );
    }
    let packed = ask(json!({"input": [[1, 2], [3]], "encoding_format": "base64"})).await;
    let packed = packed.json();
    assert_eq!(packed["data"].as_array().unwrap().len(), 2);
    let base64 = packed["data"][0]["embedding"].as_str().unwrap();
    assert_eq!(
        base64.trim_end_matches('=').len(),
        (16 * 4 * 8_usize).div_ceil(6)
    );
    for bad in [
        json!({"model": "m"}),
        json!({"input": []}),
        json!({"input": "a", "dimensions": 0}),
        json!({"input": "a", "dimensions": u64::MAX}),
    ] {
        assert_eq!(ask(bad).await.status(), 400);
    }
}

#[tokio::test]
async fn what_the_assistant_has_begun_to_say_is_gone_on_with() {
    let rule = Rule {
        contains: Some("count".to_owned()),
        reply: said("one two three"),
        ..Rule::default()
    };
    let server = start(MockOptions::default().with_rules(vec![rule])).await;
    for case in conversations() {
        for (question, begun, expected) in [
            ("count", "one two", " three"),
            ("count", "one two three", ""),
            ("count", "", "one two three"),
            // Another answer is said whole.
            ("count", "uno", "one two three"),
            // The offline engine goes on, too.
            ("Say four five six.", "four five", " six"),
        ] {
            let mut body = case.body("m", question);
            let list = match case.dialect {
                Dialect::Responses => "input",
                _ => "messages",
            };
            if let Some(question) = body[list].as_str() {
                body[list] = json!([{"role": "user", "content": question}]);
            }
            let begun_by = json!({"role": "assistant", "content": begun});
            body[list].as_array_mut().unwrap().push(begun_by);
            let wire = case.send(&server, &body).await;
            assert_eq!(wire.status(), 200);
            assert_eq!(text(case, &wire), expected, "{case:?} {question} {begun}");
        }
    }
}
