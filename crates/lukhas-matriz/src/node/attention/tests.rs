// SPDX-License-Identifier: Apache-2.0

mod laws;
mod shortening;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::FutureExt;
use lukhas_core::{Item, ModelInfo, Orchestrator, OutputFormat, Part, Role};
use serde_json::json;

use super::*;
use crate::Matriz;
use crate::tests::support::*;

/// An orchestrator over one model with that window, and what is behind it.
struct Bench {
    matriz: Matriz,
    provider: Arc<Scripted>,
    tokenizer: Arc<Fours>,
}

impl Bench {
    fn new(window: u64) -> Self {
        let models: Vec<ModelInfo> = vec![model(MODEL, window)];
        let provider = Arc::new(Scripted {
            models,
            ..Scripted::default()
        });
        let tokenizer = Arc::new(Fours::default());
        let matriz = Matriz::new(Arc::clone(&tokenizer) as _, validator())
            .with_provider(Arc::clone(&provider) as _)
            .unwrap();
        Self {
            matriz,
            provider,
            tokenizer,
        }
    }

    /// The items that the provider is given.
    async fn fit(&self, request: RunRequest) -> Result<Vec<Item>, RunError> {
        self.matriz.count_input(cx("t"), request).await?;
        Ok(self.provider.last_asked().items)
    }
}

fn auto(items: Vec<Item>) -> RunRequest {
    RunRequest {
        truncation: Truncation::Auto,
        ..request(items)
    }
}

/// A text of `tokens` tokens and as many times four bytes.
fn words(tokens: usize) -> String {
    " abc".repeat(tokens)
}

/// A message of `tokens` tokens, the overhead included.
fn said(role: Role, tokens: usize) -> Item {
    Item::text(role, words(tokens - 4))
}

fn opaque() -> Item {
    Item::Opaque(json!({"type": "reasoning"}))
}

#[tokio::test]
async fn what_fits_by_its_bytes_is_not_counted() {
    let bench = Bench::new(101);
    // 4 for the item, 96 bytes, 1 for an answer.
    let items = vec![Item::text(Role::User, words(24))];
    assert_eq!(bench.fit(request(items.clone())).await, Ok(items));
    assert_eq!(bench.tokenizer.calls.load(Ordering::SeqCst), 0);

    let items = vec![Item::text(Role::User, words(24) + "a")];
    assert_eq!(bench.fit(request(items.clone())).await, Ok(items));
    assert_eq!(bench.tokenizer.calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_fills_the_window_fits_and_one_more_does_not() {
    let bench = Bench::new(100);
    let full = vec![said(Role::User, 50), said(Role::User, 49)];
    assert_eq!(bench.fit(request(full.clone())).await, Ok(full));

    let over = vec![said(Role::User, 50), said(Role::User, 50)];
    let error = bench.fit(request(over)).await.unwrap_err();
    let message = "This model's context window is 100 tokens, 1 of them kept for the output, \
                   but the input has at least 100 tokens.";
    assert_eq!(error.kind, RunErrorKind::ContextLength);
    assert_eq!(error.message, message);
    assert_eq!(error.param.as_deref(), Some("input"));
}

#[tokio::test]
async fn output_that_was_asked_for_has_its_room() {
    let bench = Bench::new(100);
    let asked = |tokens| RunRequest {
        max_output_tokens: Some(60),
        ..request(vec![said(Role::User, tokens)])
    };
    assert!(bench.fit(asked(40)).await.is_ok());
    let error = bench.fit(asked(41)).await.unwrap_err();
    let message = "This model's context window is 100 tokens, 60 of them kept for the output, \
                   but the input has at least 41 tokens.";
    assert_eq!(error.message, message);
}

#[tokio::test]
async fn output_that_leaves_no_room_for_input_is_to_blame() {
    let bench = Bench::new(100);
    let mut asked = request(vec![user("hi")]);
    asked.max_output_tokens = Some(100);
    let error = bench.fit(asked).await.unwrap_err();
    let message = "This model's context window is 100 tokens, which leaves no room for an input \
                   beside 100 tokens of output.";
    assert_eq!(error.kind, RunErrorKind::ContextLength);
    assert_eq!(error.message, message);
    assert_eq!(error.param.as_deref(), Some("max_output_tokens"));
}

/// The whole request weighs `tokens`: it fits a window of one more, and no smaller one.
async fn check_weight(request: RunRequest, tokens: u64) {
    let fits = Bench::new(tokens + 1).fit(request.clone()).await;
    assert!(fits.is_ok(), "{fits:?}");
    let error = Bench::new(tokens).fit(request).await.unwrap_err();
    assert_eq!(error.kind, RunErrorKind::ContextLength);
}

#[tokio::test]
async fn everything_the_model_reads_is_counted() {
    check_weight(request(vec![said(Role::User, 30)]), 30).await;
    let instructions = RunRequest {
        instructions: Some(words(20)),
        ..request(vec![said(Role::User, 30)])
    };
    check_weight(instructions, 54).await;

    let mut look = (*tool("look")).clone();
    look.description = Some(words(10));
    look.parameters = Some(json!({"type": "object"})); // 17 bytes
    let tools = RunRequest {
        tools: vec![Arc::new(look)],
        ..request(vec![said(Role::User, 30)])
    };
    check_weight(tools, 30 + 4 + 1 + 10 + 5).await;

    let format = RunRequest {
        format: OutputFormat::JsonSchema {
            name: "answer".into(),
            schema: Arc::new(json!({"type": "object"})),
            strict: true,
        },
        ..request(vec![said(Role::User, 30)])
    };
    check_weight(format, 30 + 5).await;

    let call_and_output = vec![call("call_1"), output("call_1", &words(9))];
    check_weight(request(call_and_output), (4 + 1 + 1) + (4 + 9)).await;
    check_weight(request(vec![opaque(), user("hi")]), (4 + 5) + (4 + 1)).await;
}

#[tokio::test]
async fn media_weigh_the_same_whatever_their_bytes() {
    let mut shown = said(Role::User, 10);
    let Item::Message(message) = &mut shown else {
        unreachable!()
    };
    message.parts.push(Part::Image(lukhas_core::Media {
        source: lukhas_core::MediaSource::Inline("x".repeat(1_000_000)),
        hint: None,
    }));
    check_weight(request(vec![shown]), 10 + 85).await;
}

#[tokio::test]
async fn counting_stops_when_it_is_certainly_too_much() {
    let mut asked = request(vec![user(&words(1_000_000))]);
    for truncation in [Truncation::Disabled, Truncation::Auto] {
        let bench = Bench::new(2_000);
        asked.truncation = truncation;
        bench.fit(asked.clone()).await.unwrap_err();
        assert!(bench.tokenizer.bytes.load(Ordering::SeqCst) <= 3 * 4_096);
    }
}

#[tokio::test]
async fn long_counts_make_room_for_other_tasks() {
    let bench = Bench::new(100_000);
    let long = request(vec![user(&words(90_000))]);
    assert_eq!(bench.fit(long).now_or_never(), None);
    assert!(bench.tokenizer.bytes.load(Ordering::SeqCst) <= 4_096);
}

#[tokio::test]
async fn a_text_is_cut_for_counting_without_changing_its_count() {
    // Long enough for several chunks, with and without spaces to cut at, and of wide characters.
    check_weight(request(vec![said(Role::User, 9_000)]), 9_000).await;
    check_weight(request(vec![user(&"x".repeat(9_000))]), 4 + 2_250).await;
    check_weight(request(vec![user(&"é".repeat(9_000))]), 4 + 4_500).await;
    check_weight(request(vec![user(&"🦀".repeat(9_000))]), 4 + 9_000).await;
}

#[tokio::test]
async fn an_output_answers_a_call() {
    let bench = Bench::new(1_000);
    let orphan = |items| {
        let error = bench.fit(request(items)).now_or_never().unwrap();
        error.err()
    };
    let error = orphan(vec![call("call_a"), output("call_b", "42"), user("so?")]);
    let message = "No tool call found for function call output with call_id `call_b`.";
    assert_eq!(error, Some(RunError::invalid("input", message)));

    assert_eq!(orphan(vec![call("call_a"), output("call_a", "42")]), None);
    assert_eq!(orphan(vec![output("call_a", "42"), call("call_a")]), None);
    // The opaque item may stand for the call.
    assert_eq!(orphan(vec![opaque(), output("call_b", "42")]), None);
}
