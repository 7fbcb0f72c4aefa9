// SPDX-License-Identifier: Apache-2.0
use lukhas_core::{Sampling, ToolChoice};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn run_with(options: EngineOptions, request: RunRequest) -> Folded {
    let stream = Engine::new(options).run(&cx(), request);
    fold(&stream.collect::<Vec<_>>().now_or_never().unwrap())
}

#[track_caller]
fn check_stop(message: &str, stop: &[&str], expected: &str) {
    let stop = stop.iter().map(|text| (*text).to_owned()).collect();
    let sampling = Sampling {
        stop,
        ..Sampling::default()
    };
    assert_eq!(
        text(RunRequest {
            sampling,
            ..ask(message)
        }),
        expected
    );
}

#[test]
fn text_ends_before_the_first_stop_text() {
    check_stop("Say one two three four", &["three"], "one two ");
    check_stop("Say one two three four", &["four", "two th"], "one ");
    check_stop("Say one two three four", &["five"], "one two three four");
    check_stop("Say one two", &["o"], "");
    check_stop("Say one two", &[""], "one two");
}

#[test]
fn a_stop_text_that_would_break_json_is_an_error() {
    let format = OutputFormat::JsonSchema {
        name: "x".into(),
        schema: Arc::new(json!({"const": {"a": "b"}})),
        strict: true,
    };
    let request = |stop: &str| RunRequest {
        format: format.clone(),
        sampling: Sampling {
            stop: vec![stop.into()],
            ..Sampling::default()
        },
        ..ask("hi")
    };
    assert_eq!(text(request("\n")), "{\"a\":\"b\"}");
    let found = error(request(":"));
    assert_eq!(
        (found.kind, found.param.as_deref()),
        (RunErrorKind::Unsupported, Some("stop"))
    );
}

#[test]
fn an_answer_of_exactly_the_limit_is_whole() {
    let limited = |limit| {
        run(RunRequest {
            max_output_tokens: Some(limit),
            ..ask("Say one two three four")
        })
    };
    let whole = limited(4);
    assert_eq!(whole.end.outcome, Outcome::Completed);
    assert_eq!(
        whole.items,
        [(String::new(), "one two three four".to_owned())]
    );
    let cut = limited(3);
    assert_eq!(
        cut.end.outcome,
        Outcome::Incomplete(IncompleteReason::MaxOutputTokens)
    );
    assert_eq!(cut.items, [(String::new(), "one two three".to_owned())]);
    assert!(cut.open);
    assert_eq!(cut.end.usage.unwrap().output_tokens, 3);
    let none = limited(0);
    assert_eq!((none.items[0].1.as_str(), none.open), ("", true));
}

#[test]
fn arguments_count_towards_the_limit() {
    let tools = vec![tool(
        "note",
        "",
        json!({"const": {"text": "one two three four five"}}),
    )];
    let request = RunRequest {
        tools,
        tool_choice: ToolChoice::Required,
        ..ask("hi")
    };
    let limited = |limit| {
        run(RunRequest {
            max_output_tokens: Some(limit),
            ..request.clone()
        })
    };
    let whole = run(request.clone());
    let limit = u32::try_from(whole.end.usage.unwrap().output_tokens).unwrap();
    assert_eq!(limited(limit).end.outcome, Outcome::Completed);
    let cut = limited(limit - 1);
    assert_eq!(
        cut.end.outcome,
        Outcome::Incomplete(IncompleteReason::MaxOutputTokens)
    );
    assert!(cut.open && whole.items[0].1.starts_with(&cut.items[0].1));
}

#[test]
fn the_context_window_bounds_both_sides() {
    let run = |text: &str| {
        run_with(
            EngineOptions {
                context_window: 40,
                ..EngineOptions::default()
            },
            ask(text),
        )
    };
    let usage = run("Say hello").end.usage.unwrap();
    assert_eq!((usage.input_tokens, usage.output_tokens), (9, 1));
    let long = run(&"word ".repeat(25));
    assert_eq!(
        long.end.outcome,
        Outcome::Incomplete(IncompleteReason::MaxOutputTokens)
    );
    assert_eq!(long.end.usage.unwrap().total(), 40);
    let Outcome::Failed(error) = run(&"word ".repeat(50)).end.outcome else {
        panic!()
    };
    assert_eq!(error.kind, RunErrorKind::ContextLength);
}

#[test]
fn the_options_limit_answers_that_set_no_limit() {
    let run = |limit| {
        let options = EngineOptions {
            max_output_tokens: Some(2),
            ..EngineOptions::default()
        };
        let request = RunRequest {
            max_output_tokens: limit,
            ..ask("Say one two three")
        };
        run_with(options, request).items[0].1.clone()
    };
    assert_eq!(run(None), "one two");
    assert_eq!(run(Some(3)), "one two three");
}

#[test]
fn input_is_counted_by_the_documented_formula() {
    let parameters = json!({"type": "object"});
    let request = RunRequest {
        instructions: Some("hello world".into()),
        items: vec![
            Item::text(Role::User, "hello"),
            call("call_1", "add"),
            output("call_1", "hello world"),
            Item::Opaque(json!({"type": "reasoning"})),
        ],
        tools: vec![tool("add", "hello", parameters.clone())],
        ..RunRequest::default()
    };
    let parameters = Cl100k.count(&parameters.to_string()) as u64;
    let items = (4 + 1) + (4 + 1 + 1) + (4 + 2);
    let expected = 3 + (4 + 2) + items + (8 + 1 + 1 + parameters);
    let counted = Engine::default()
        .count_input(&request)
        .now_or_never()
        .unwrap();
    assert_eq!(counted, Ok(expected));
    assert_eq!(run(request).end.usage.unwrap().input_tokens, expected);
}

#[tokio::test(start_paused = true)]
async fn a_delay_paces_the_deltas_and_nothing_else() {
    let token_delay = Duration::from_millis(10);
    let engine = Engine::new(EngineOptions {
        token_delay,
        ..EngineOptions::default()
    });
    let start = tokio::time::Instant::now();
    let events: Vec<_> = engine.run(&cx(), ask("Say one two three")).collect().await;
    assert_eq!(start.elapsed(), Duration::from_millis(20));
    assert_eq!(fold(&events), run(ask("Say one two three")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_limited_answer_is_a_prefix_within_the_limit(
        message in "\\PC{0,60}|[a-z ]{0,200}",
        limit in 0_u32..40,
        stop in prop::option::of("[a-e ]{1,3}"),
    ) {
        let request = ask(&message);
        let whole = run(request.clone());
        let stop: Vec<String> = stop.into_iter().collect();
        let limited = run(RunRequest {
            max_output_tokens: Some(limit),
            sampling: Sampling { stop: stop.clone(), ..Sampling::default() },
            ..request
        });
        let (whole, part) = (&whole.items[0].1, &limited.items[0].1);
        prop_assert!(whole.starts_with(part.as_str()));
        prop_assert!(stop.iter().all(|stop| !part.contains(stop.as_str())));
        let usage = limited.end.usage.unwrap();
        prop_assert_eq!(usage.output_tokens, Cl100k.count(part) as u64);
        prop_assert!(usage.output_tokens <= u64::from(limit));
        if limited.end.outcome == Outcome::Completed {
            let stopped = stop.iter().any(|stop| whole[part.len()..].starts_with(stop.as_str()));
            prop_assert!(part == whole || stopped);
            prop_assert!(!limited.open);
        } else {
            prop_assert!(limited.open);
        }
    }
}
