// SPDX-License-Identifier: Apache-2.0
//! Any request gives a stream that upholds the invariant of [`OutputEvent`], twice the same.

use lukhas_core::{Media, MediaSource, Message, Sampling, ToolChoice, ToolMode};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn message_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,40}",
        Just("What is 2+2?".to_owned()),
        Just("My name is Ada. What is my name?".to_owned()),
        Just("Say hello world, all of you".to_owned()),
        Just("What's the weather in Paris? Also add 1 and 2".to_owned()),
        Just("Return {\"a\": 1}".to_owned()),
    ]
}

fn part() -> impl Strategy<Value = Part> {
    let medium = || Media {
        source: MediaSource::Url("https://x.test/a".into()),
        hint: None,
    };
    prop_oneof![
        6 => message_text().prop_map(Part::Text),
        1 => Just(Part::Image(medium())),
        1 => Just(Part::File(medium())),
        1 => Just(Part::Audio(medium())),
        1 => Just(Part::Refusal("no".into())),
    ]
}

fn item() -> impl Strategy<Value = Item> {
    let roles = vec![Role::System, Role::Developer, Role::User, Role::Assistant];
    let message = (
        prop::sample::select(roles),
        prop::collection::vec(part(), 0..3),
    )
        .prop_map(|(role, parts)| {
            Item::Message(Message {
                id: None,
                name: None,
                role,
                parts,
            })
        });
    prop_oneof![
        6 => message,
        1 => Just(call("call_1", "add")),
        1 => message_text().prop_map(|text| output("call_1", &text)),
        1 => Just(Item::Opaque(json!({"type": "reasoning"}))),
    ]
}

fn tools() -> Vec<Arc<ToolSpec>> {
    let object = |properties: Value| json!({"type": "object", "properties": properties});
    let number = json!({"type": "number"});
    vec![
        tool(
            "add",
            "Adds numbers",
            object(json!({"a": number, "b": number})),
        ),
        tool(
            "get_weather",
            "The weather",
            object(json!({"city": {"type": "string"}})),
        ),
        tool("broken", "Never works", json!({"not": {}})),
    ]
}

fn choice() -> impl Strategy<Value = ToolChoice> {
    let allowed = |mode, name: &str| ToolChoice::Allowed {
        mode,
        names: vec![name.to_owned()],
    };
    prop_oneof![
        Just(ToolChoice::None),
        Just(ToolChoice::Auto),
        Just(ToolChoice::Required),
        Just(ToolChoice::Function("add".into())),
        Just(ToolChoice::Function("broken".into())),
        Just(allowed(ToolMode::Required, "get_weather")),
        Just(allowed(ToolMode::Auto, "add")),
    ]
}

fn format() -> impl Strategy<Value = OutputFormat> {
    let schema = |schema, strict| OutputFormat::JsonSchema {
        name: "x".into(),
        schema: Arc::new(schema),
        strict,
    };
    let object = json!({"type": "object", "properties": {"a": {"type": "integer"}}});
    prop_oneof![
        3 => Just(OutputFormat::Text),
        1 => Just(OutputFormat::JsonObject),
        1 => Just(schema(object, true)),
        1 => Just(schema(json!({"type": "wrong"}), false)),
    ]
}

fn sampling() -> impl Strategy<Value = Sampling> {
    (prop::option::of("[a-e\"]{0,2}"), any::<Option<i64>>()).prop_map(|(stop, seed)| Sampling {
        stop: stop.into_iter().collect(),
        seed,
        ..Sampling::default()
    })
}

prop_compose! {
    fn request()(
        items in prop::collection::vec(item(), 0..6),
        instructions in prop::option::of(message_text()),
        choice in prop::option::of(choice()),
        parallel_tool_calls in any::<bool>(),
        format in format(),
        max_output_tokens in prop::option::of(0_u32..30),
        sampling in sampling(),
    ) -> RunRequest {
        RunRequest {
            items,
            instructions,
            tools: if choice.is_some() { tools() } else { Vec::new() },
            tool_choice: choice.unwrap_or_default(),
            parallel_tool_calls,
            format,
            max_output_tokens,
            sampling,
            ..RunRequest::default()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_stream_upholds_the_invariant_and_repeats(request in request()) {
        let first = events(request.clone());
        let folded = fold(&first);
        prop_assert_eq!(events(request.clone()), first);
        let limit = request.max_output_tokens.map_or(u64::MAX, u64::from);
        let tokens: u64 = folded.items.iter().map(|(_, text)| Cl100k.count(text) as u64).sum();
        if let Some(usage) = folded.end.usage {
            prop_assert_eq!(usage.output_tokens, tokens);
            prop_assert!(tokens <= limit);
        }
        if folded.end.outcome == Outcome::Completed && request.format != OutputFormat::Text {
            for (_, text) in &folded.items {
                prop_assert!(serde_json::from_str::<Value>(text).is_ok());
            }
        }
        if request.tool_choice == ToolChoice::None {
            prop_assert!(folded.items.iter().all(|(name, _)| name.is_empty()));
        }
    }
}
