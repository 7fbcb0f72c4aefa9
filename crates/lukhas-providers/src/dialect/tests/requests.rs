// SPDX-License-Identifier: Apache-2.0
//! Requests in the words of each dialect.

use std::sync::Arc;

use lukhas_core::{
    FunctionCall, FunctionOutput, Hints, Item, Media, MediaSource, Message, OutputFormat, Part,
    Role, Sampling, ToolChoice, ToolMode, ToolSpec, Truncation,
};
use serde_json::{Map, json};

use super::*;

/// The requests, each with what it shows.
fn requests() -> Vec<(&'static str, RunRequest)> {
    let mut requests = vec![
        ("a text", ask("Hello")),
        ("a conversation with instructions", conversation()),
        ("consecutive speakers", consecutive()),
        ("images and files", media()),
        ("tools", tools()),
        (
            "one call at most",
            RunRequest {
                parallel_tool_calls: false,
                ..tools()
            },
        ),
        ("parallel calls and their outputs", round_trip()),
        ("every setting that all know", settings()),
        (
            "how long-winded to be",
            with_hints(Hints {
                verbosity: Some("high"),
                ..Hints::default()
            }),
        ),
        (
            "as little reasoning as possible",
            with_hints(Hints {
                effort: Some("minimal"),
                ..Hints::default()
            }),
        ),
        ("reasoning given back", reasoning()),
        (
            "the oldest items may go",
            RunRequest {
                truncation: Truncation::Auto,
                ..ask("Hello")
            },
        ),
    ];
    for (name, tool_choice) in [
        ("no tool", ToolChoice::None),
        ("any tool", ToolChoice::Required),
        ("a named tool", ToolChoice::Function("add".into())),
        ("allowed tools", allowed(ToolMode::Auto)),
        ("required tools", allowed(ToolMode::Required)),
    ] {
        requests.push((
            name,
            RunRequest {
                tool_choice,
                ..tools()
            },
        ));
    }
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}});
    let structured = OutputFormat::JsonSchema {
        name: "number".into(),
        schema: Arc::new(schema),
        strict: true,
    };
    for (name, format) in [
        ("a schema", structured),
        ("any object", OutputFormat::JsonObject),
    ] {
        requests.push((
            name,
            RunRequest {
                format,
                ..ask("A number?")
            },
        ));
    }
    requests.extend(sampled());
    requests.extend(misfits());
    requests
}

/// Settings that some do not know.
fn sampled() -> impl Iterator<Item = (&'static str, RunRequest)> {
    let none = Sampling::default;
    let sampled = [
        (
            "stop texts",
            Sampling {
                stop: vec!["END".into()],
                ..none()
            },
        ),
        (
            "a seed",
            Sampling {
                seed: Some(7),
                ..none()
            },
        ),
        (
            "a presence penalty",
            Sampling {
                presence_penalty: Some(0.5),
                ..none()
            },
        ),
        (
            "a frequency penalty",
            Sampling {
                frequency_penalty: Some(-0.5),
                ..none()
            },
        ),
        (
            "penalties of nothing",
            Sampling {
                presence_penalty: Some(0.0),
                frequency_penalty: Some(0.0),
                ..none()
            },
        ),
        (
            "a temperature above 1",
            Sampling {
                temperature: Some(1.5),
                ..none()
            },
        ),
    ];
    sampled.into_iter().map(|(name, sampling)| {
        (
            name,
            RunRequest {
                sampling,
                ..ask("Hi")
            },
        )
    })
}

/// Content that some have no place for.
fn misfits() -> impl Iterator<Item = (&'static str, RunRequest)> {
    let file = MediaSource::FileId("file-1".into());
    let parts = [
        ("an uploaded file", Part::File(of(file.clone(), None))),
        ("an uploaded image", Part::Image(of(file, None))),
        (
            "audio",
            Part::Audio(of(MediaSource::Inline("UklGRg==".into()), Some("wav"))),
        ),
        (
            "an unknown file",
            Part::File(of(MediaSource::Inline("AAAA".into()), None)),
        ),
        (
            "an image of text",
            Part::Image(url("data:image/svg+xml,<svg/>")),
        ),
    ];
    parts.into_iter().map(|(name, part)| {
        let items = vec![says(Role::User, vec![part])];
        (name, RunRequest { items, ..ask("") })
    })
}

fn ask(text: &str) -> RunRequest {
    RunRequest {
        items: vec![Item::text(Role::User, text)],
        parallel_tool_calls: true,
        whole: true,
        ..RunRequest::default()
    }
}

fn says(role: Role, parts: Vec<Part>) -> Item {
    Item::Message(Message {
        id: Some("msg_1".into()),
        name: None,
        role,
        parts,
    })
}

fn named(name: &str, text: &str) -> Item {
    Item::Message(Message {
        id: None,
        name: Some(name.into()),
        role: Role::User,
        parts: vec![Part::Text(text.into())],
    })
}

fn of(source: MediaSource, hint: Option<&str>) -> Media {
    Media {
        source,
        hint: hint.map(str::to_owned),
    }
}

fn url(url: &str) -> Media {
    of(MediaSource::Url(url.into()), None)
}

fn conversation() -> RunRequest {
    RunRequest {
        instructions: Some("Be brief.".into()),
        items: vec![
            Item::text(Role::System, "You count."),
            named("ada", "One?"),
            Item::text(Role::Assistant, "Two."),
            Item::text(Role::Developer, "In words."),
            Item::text(Role::User, "Three?"),
        ],
        whole: false,
        ..ask("")
    }
}

fn consecutive() -> RunRequest {
    let refusal = Part::Refusal("I cannot.".into());
    RunRequest {
        items: vec![
            Item::text(Role::User, "First."),
            Item::text(Role::User, ""),
            Item::text(Role::User, "Second."),
            says(Role::Assistant, vec![Part::Text("Hm.".into()), refusal]),
            Item::text(Role::Assistant, "So."),
            says(Role::User, vec![]),
        ],
        ..ask("")
    }
}

fn media() -> RunRequest {
    let pdf = || "JVBERi0xLjQK".to_owned();
    let parts = vec![
        Part::Text("What is this?".into()),
        Part::Image(url("https://example.com/a.png")),
        Part::Image(of(
            MediaSource::Url("data:image/png;base64,iVBORw0K".into()),
            Some("low"),
        )),
        Part::File(of(MediaSource::Inline(pdf()), Some("a.pdf"))),
        Part::File(of(
            MediaSource::Inline(format!("data:application/pdf;base64,{}", pdf())),
            Some("b.pdf"),
        )),
        Part::File(url("data:text/plain;charset=utf-8;base64,SGVsbG8h")),
    ];
    RunRequest {
        items: vec![says(Role::User, parts)],
        ..ask("")
    }
}

fn tools() -> RunRequest {
    let parameters = json!({"type": "object", "properties": {"a": {"type": "integer"}}});
    let add = ToolSpec {
        name: "add".into(),
        description: Some("Adds.".into()),
        parameters: Some(parameters),
        strict: Some(true),
    };
    let now = ToolSpec {
        name: "now".into(),
        description: None,
        parameters: None,
        strict: None,
    };
    RunRequest {
        tools: vec![Arc::new(add), Arc::new(now)],
        ..ask("1 + 1?")
    }
}

fn allowed(mode: ToolMode) -> ToolChoice {
    ToolChoice::Allowed {
        mode,
        names: vec!["now".into()],
    }
}

fn round_trip() -> RunRequest {
    let call = |call_id: &str, name: &str, arguments: &str| {
        Item::FunctionCall(FunctionCall {
            id: Some("fc_1".into()),
            call_id: call_id.into(),
            name: name.into(),
            arguments: arguments.into(),
        })
    };
    let gave = |call_id: &str, parts| {
        Item::FunctionOutput(FunctionOutput {
            id: None,
            call_id: call_id.into(),
            parts,
        })
    };
    let picture = Part::Image(url("https://example.com/clock.png"));
    RunRequest {
        items: vec![
            Item::text(Role::User, "1 + 1, and the time?"),
            Item::text(Role::Assistant, "Let me see."),
            call("call_1", "add", r#"{"a": 1}"#),
            call("call_2", "now", ""),
            gave("call_1", vec![Part::Text("2".into())]),
            Item::text(Role::User, "Quick!"),
            gave("call_2", vec![Part::Text("Noon:".into()), picture]),
        ],
        ..tools()
    }
}

fn settings() -> RunRequest {
    RunRequest {
        sampling: Sampling {
            temperature: Some(0.5),
            top_p: Some(0.9),
            ..Sampling::default()
        },
        max_output_tokens: Some(100),
        hints: Hints {
            effort: Some("low"),
            summary: Some("auto"),
            verbosity: None,
            end_user: Some("user-1".into()),
            cache_key: Some("key-1".into()),
        },
        ..ask("Hello")
    }
}

fn with_hints(hints: Hints) -> RunRequest {
    RunRequest {
        hints,
        ..ask("Hello")
    }
}

fn reasoning() -> RunRequest {
    let summary = json!([{"type": "summary_text", "text": "Hm."}]);
    let own = json!({"type": "reasoning", "id": "rs_1", "summary": summary});
    let sealed =
        json!({"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "x"});
    let hosted = json!({"type": "web_search_call", "id": "ws_1", "status": "completed"});
    RunRequest {
        items: vec![
            Item::text(Role::User, "Hi"),
            Item::Opaque(own),
            Item::Opaque(sealed),
            Item::Opaque(hosted),
            Item::text(Role::Assistant, "Hello."),
        ],
        hints: Hints {
            effort: Some("low"),
            ..Hints::default()
        },
        ..ask("")
    }
}

fn check(dialect: Dialect) {
    let bodies = requests().into_iter().map(|(name, request)| {
        let body = match dialect.request("their-model", &request) {
            Ok(body) => body,
            Err(error) => json!({
                "error": error.message,
                "kind": format!("{:?}", error.kind),
                "param": error.param,
            }),
        };
        (name.to_owned(), body)
    });
    let bodies: Map<_, _> = bodies.collect();
    insta::assert_json_snapshot!(dialect.as_str(), bodies);
}

#[test]
fn requests_in_the_words_of_chat_completions() {
    check(Dialect::Chat);
}

#[test]
fn requests_in_the_words_of_responses() {
    check(Dialect::Responses);
}

#[test]
fn requests_in_the_words_of_messages() {
    check(Dialect::Messages);
}

#[test]
fn keys_are_where_each_api_wants_them() {
    let key = Secret::new(["sk", "test"].join("-"));
    let shown = |dialect: Dialect| {
        let headers = dialect.headers(Some(&key)).unwrap();
        let mut shown: Vec<_> = headers
            .iter()
            .map(|(name, value)| {
                let is_secret = value.is_sensitive();
                format!("{name}: {} {is_secret}", value.to_str().unwrap())
            })
            .collect();
        shown.sort();
        shown
    };
    let bearer = ["authorization: Bearer sk-test true"];
    assert_eq!(shown(Dialect::Chat), bearer);
    assert_eq!(shown(Dialect::Responses), bearer);
    assert_eq!(
        shown(Dialect::Messages),
        [
            "anthropic-version: 2023-06-01 false",
            "x-api-key: sk-test true"
        ]
    );
}
