// SPDX-License-Identifier: Apache-2.0
use std::sync::Mutex;

use futures_util::{FutureExt, StreamExt, stream};
use lukhas_core::{
    Entropy, Hints, Id, ItemKind, Outcome, OutputEvent, Principal, Role, RunEnd, Sampling,
    ToolSpec, Usage, Vector, VectorEncoding,
};
use lukhas_redact::{Profile, RulesConfig};
use serde_json::json;

use super::*;

/// Answers with a script, and keeps what it was asked.
#[derive(Default)]
struct Scripted {
    events: Vec<OutputEvent>,
    asked: Mutex<Vec<RunRequest>>,
    embedded: Mutex<Vec<EmbedRequest>>,
}

impl Provider for Scripted {
    fn models(&self) -> &[ModelInfo] {
        &[]
    }

    fn uses_original(&self) -> bool {
        true
    }

    fn run(&self, _: &RunCx, request: RunRequest) -> OutputStream {
        self.asked.lock().unwrap().push(request);
        Box::pin(stream::iter(self.events.clone()))
    }

    fn count_input<'a>(&'a self, request: &'a RunRequest) -> BoxFuture<'a, Result<u64, RunError>> {
        self.asked.lock().unwrap().push(request.clone());
        Box::pin(async { Ok(7) })
    }
}

impl Embedder for Scripted {
    fn models(&self) -> &[ModelInfo] {
        &[]
    }

    fn embed<'a>(
        &'a self,
        _: &'a RunCx,
        request: EmbedRequest,
    ) -> BoxFuture<'a, Result<Embedded, RunError>> {
        self.embedded.lock().unwrap().push(request);
        let vectors = vec![Vector::Floats(vec![1.0])];
        let usage = Usage::default();
        Box::pin(async move { Ok(Embedded { vectors, usage }) })
    }
}

struct Zeros;

impl Entropy for Zeros {
    fn bits(&self) -> u128 {
        0
    }
}

fn cx() -> RunCx {
    RunCx {
        run_id: Id::new("run_", &Zeros),
        principal: Arc::new(Principal::new("key", "tenant")),
        entropy: Arc::new(Zeros),
        steps: false,
        trace: None,
        abandoned: None,
    }
}

fn masked(events: Vec<OutputEvent>) -> Masked<Scripted> {
    let rules = Rules::new(&RulesConfig::new(Profile::Upstream)).unwrap();
    let scripted = Scripted {
        events,
        ..Scripted::default()
    };
    Masked::new(scripted, rules)
}

fn ask(text: &str) -> RunRequest {
    RunRequest {
        items: vec![Item::text(Role::User, text)],
        ..RunRequest::default()
    }
}

fn ended() -> OutputEvent {
    OutputEvent::Ended(RunEnd {
        outcome: Outcome::Completed,
        usage: None,
    })
}

fn added(kind: ItemKind) -> OutputEvent {
    OutputEvent::ItemAdded {
        index: 0,
        kind,
        id: None,
    }
}

fn call() -> ItemKind {
    ItemKind::FunctionCall {
        call_id: "call_1".into(),
        name: "send".into(),
    }
}

/// What `request` is answered with, where the upstream says `events`.
fn answer(request: RunRequest, events: Vec<OutputEvent>) -> Vec<OutputEvent> {
    let answer = masked(events).run(&cx(), request).collect::<Vec<_>>();
    answer.now_or_never().unwrap()
}

#[test]
fn an_upstream_is_told_of_no_value_wherever_it_stands() {
    let text = |place: &str| format!("{place} ada@example.com, DE89 3704 0044 0532 0130 00");
    let json = |place: &str| json!({place: [{"mail": "ada@example.com"}]}).to_string();
    let request = RunRequest {
        instructions: Some(text("instructions")),
        items: vec![
            Item::Message(Message {
                id: Some("msg_1".into()),
                name: Some("ada@example.com".into()),
                role: Role::User,
                parts: vec![Part::Text(text("said")), Part::Refusal(text("refused"))],
            }),
            Item::FunctionCall(FunctionCall {
                id: None,
                call_id: "call_1".into(),
                name: "send".into(),
                arguments: r#"{"to": "ada\u0040example.com", "password": "any word"}"#.into(),
            }),
            Item::FunctionOutput(FunctionOutput {
                id: None,
                call_id: "call_1".into(),
                parts: vec![Part::Text(json("gave")), Part::Text(text("gave"))],
            }),
            Item::Opaque(json!({
                "type": "reasoning",
                "id": "rs_1",
                "summary": [{"type": "summary_text", "text": text("thought")}],
                "encrypted_content": "kept/ada@example.com",
            })),
        ],
        tools: vec![Arc::new(ToolSpec {
            name: "send".into(),
            description: Some(text("tool")),
            parameters: None,
            strict: None,
        })],
        sampling: Sampling {
            stop: vec!["ada@example.com".into()],
            ..Sampling::default()
        },
        hints: Hints {
            end_user: Some("ada@example.com".into()),
            cache_key: Some("ada@example.com".into()),
            ..Hints::default()
        },
        original: Some(Arc::new(lukhas_core::Original {
            api: lukhas_core::Api::Responses,
            body: "{}".into(),
            own: Vec::new(),
        })),
        ..RunRequest::default()
    };
    let found = Arc::new(Mutex::new(0));
    let sink = {
        let found = Arc::clone(&found);
        Arc::new(move |_| *found.lock().unwrap() += 1)
    };
    let masked = masked(Vec::new()).with_sink(sink);
    assert!(!masked.uses_original());
    drop(masked.run(&cx(), request.clone()));
    masked
        .count_input(&request)
        .now_or_never()
        .unwrap()
        .unwrap();
    let asked = masked.inner.asked.lock().unwrap();
    let [run, counted] = asked.as_slice() else {
        panic!("{asked:?}")
    };
    let told = format!("{run:?}");
    assert_eq!(told, format!("{counted:?}"));
    assert!(run.original.is_none());
    let kept = told.replace("kept/ada@example.com", "");
    for value in ["ada@", "ada\\u0040", "DE89", "any word"] {
        assert!(!kept.contains(value), "{value} in {told}");
    }
    // The same value, the same number: a model can tell them apart and together.
    assert!(!told.contains("[REDACTED:EMAIL_ADDRESS:2]"), "{told}");
    let places = [
        "instructions",
        "said",
        "refused",
        "gave",
        "gave",
        "thought",
        "tool",
    ];
    for place in places {
        let expected = format!("{place} [REDACTED:EMAIL_ADDRESS:1], [REDACTED:IBAN_CODE:1]");
        assert!(told.contains(&expected), "{place} in {told}");
    }
    assert_eq!(*found.lock().unwrap(), 19, "{told}");
}

#[test]
fn values_are_put_back_however_placeholders_are_cut() {
    let text = "Write to [REDACTED:EMAIL_ADDRESS:1], not to [REDACTED:EMAIL_ADDRESS:2] [x]";
    let expected = "Write to ada@example.com, not to [REDACTED:EMAIL_ADDRESS:2] [x]";
    for size in 1..text.len() {
        let pieces = text.as_bytes().chunks(size);
        let pieces = pieces.map(|piece| String::from_utf8(piece.to_vec()).unwrap());
        let mut events = vec![added(ItemKind::Message)];
        events.extend(pieces.map(OutputEvent::TextDelta));
        events.extend([OutputEvent::ItemDone, ended()]);
        let answer = answer(ask("I am ada@example.com"), events);
        let said = answer.iter().filter_map(|event| match event {
            OutputEvent::TextDelta(text) => Some(text.as_str()),
            _ => None,
        });
        assert_eq!(said.collect::<String>(), expected);
        assert!(matches!(answer[0], OutputEvent::ItemAdded { .. }));
        assert_eq!(answer[answer.len() - 2..], [OutputEvent::ItemDone, ended()]);
    }
}

#[test]
fn values_are_put_back_as_what_is_around_them_needs_it() {
    // A password with a quote, which ends a string of JSON.
    let request = RunRequest {
        items: vec![Item::FunctionCall(FunctionCall {
            id: None,
            call_id: "call_0".into(),
            name: "send".into(),
            arguments: r#"{"password":"s\"3cr"}"#.into(),
        })],
        ..RunRequest::default()
    };
    let events = vec![
        added(call()),
        OutputEvent::ArgumentsDelta(r#"{"password":"[REDACTED:SEC"#.into()),
        OutputEvent::ArgumentsDelta(r#"RET:1]"}"#.into()),
        OutputEvent::ItemDone,
        ended(),
    ];
    let answer = answer(request, events);
    let arguments = answer.iter().filter_map(|event| match event {
        OutputEvent::ArgumentsDelta(text) => Some(text.as_str()),
        _ => None,
    });
    assert_eq!(arguments.collect::<String>(), r#"{"password":"s\"3cr"}"#);
}

#[test]
fn what_was_held_back_comes_before_the_end_of_its_text() {
    let said = |text: &str| OutputEvent::TextDelta(text.to_owned());
    let refused = |text: &str| OutputEvent::RefusalDelta(text.to_owned());
    let events = vec![
        added(ItemKind::Message),
        said("a [REDACTED:EM"),
        refused("b ["),
        OutputEvent::Continued,
        refused("REDACTED:EMAIL_ADDRESS:1] ["),
        ended(),
    ];
    let expected = [
        added(ItemKind::Message),
        said("a "),
        said("[REDACTED:EM"),
        refused("b "),
        OutputEvent::Continued,
        refused("ada@example.com "),
        refused("["),
        ended(),
    ];
    assert_eq!(answer(ask("ada@example.com"), events), expected);
}

#[test]
fn an_answer_without_values_is_left_alone() {
    let events = vec![
        added(ItemKind::Message),
        OutputEvent::TextDelta("[REDACTED:EMAIL_ADDRESS:1".into()),
        OutputEvent::ItemDone,
        ended(),
    ];
    assert_eq!(answer(ask("nothing"), events.clone()), events);
}

#[test]
fn texts_to_embed_are_masked_and_tokens_refused() {
    let request = |input| EmbedRequest {
        model: "m".into(),
        input,
        dimensions: None,
        encoding: VectorEncoding::Floats,
        end_user: Some("ada@example.com".into()),
    };
    let masked = masked(Vec::new());
    let texts = EmbedInput::Texts(vec!["I am ada@example.com".into()]);
    let cx = cx();
    let embed = |input| masked.embed(&cx, request(input)).now_or_never().unwrap();
    embed(texts).unwrap();
    let expected = EmbedRequest {
        end_user: Some("[REDACTED:EMAIL_ADDRESS]".into()),
        ..request(EmbedInput::Texts(vec![
            "I am [REDACTED:EMAIL_ADDRESS]".into(),
        ]))
    };
    assert_eq!(*masked.inner.embedded.lock().unwrap(), [expected]);
    let error = embed(EmbedInput::Tokens(vec![vec![1]])).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("input"));
    assert_eq!(masked.inner.embedded.lock().unwrap().len(), 1);
}
