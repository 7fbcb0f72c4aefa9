// SPDX-License-Identifier: Apache-2.0
//! What is answered, in core's terms.

use std::sync::Arc;

use futures_util::StreamExt;
use lukhas_core::{
    Id, ItemKind, Outcome, OutputEvent, Principal, Provider, RunCx, RunEnd, Tokenizer, Usage,
};
use lukhas_engine::{Cl100k, Engine, EngineOptions};

use crate::entropy::BodyEntropy;
use crate::request::Asked;
use crate::rule::{Reply, ToolCall};

/// Most tokens of an answer of the engine: it bounds the memory of one request.
const MOST_TOKENS: u32 = 4096;

/// Longest piece of a scripted text or of scripted arguments, in bytes.
const LONGEST: usize = 64;

/// Makes answers.
#[derive(Debug)]
pub(crate) struct Answerer {
    engine: Engine,
}

impl Answerer {
    pub(crate) fn new() -> Self {
        Self {
            engine: Engine::new(EngineOptions {
                context_window: 10_000_000,
                max_output_tokens: Some(MOST_TOKENS),
                ..EngineOptions::default()
            }),
        }
    }

    /// The events of the answer: those of `reply`, or of the engine. `usage` replaces what was
    /// counted.
    pub(crate) async fn events(
        &self,
        asked: &Asked,
        reply: Option<&Reply>,
        usage: Option<Usage>,
    ) -> Vec<OutputEvent> {
        let mut events = match reply {
            Some(Reply::Text(text)) => self.said(asked, text).await,
            Some(Reply::ToolCalls(calls)) => self.called(asked, calls).await,
            // A status has been answered before it comes to this.
            Some(Reply::Status(_)) | None => self.engine(asked).await,
        };
        if let Some(prefill) = &asked.prefill {
            go_on(&mut events, prefill);
        }
        if let (Some(usage), Some(OutputEvent::Ended(end))) = (usage, events.last_mut()) {
            end.usage = Some(usage);
        }
        events
    }

    async fn engine(&self, asked: &Asked) -> Vec<OutputEvent> {
        let entropy = Arc::new(BodyEntropy::of_calls(&asked.digest));
        let cx = RunCx {
            run_id: Id::new("run_", &*entropy),
            principal: Arc::new(Principal::new("mock", "mock")),
            entropy,
            steps: false,
            trace: None,
            abandoned: None,
        };
        self.engine.run(&cx, asked.run.clone()).collect().await
    }

    async fn said(&self, asked: &Asked, text: &str) -> Vec<OutputEvent> {
        let kind = ItemKind::Message;
        let mut events = vec![OutputEvent::ItemAdded {
            index: 0,
            kind,
            id: None,
        }];
        events.extend(words(text).map(|word| OutputEvent::TextDelta(word.to_owned())));
        events.push(OutputEvent::ItemDone);
        events.push(self.end(asked, [text]).await);
        events
    }

    async fn called(&self, asked: &Asked, calls: &[ToolCall]) -> Vec<OutputEvent> {
        let entropy = BodyEntropy::of_calls(&asked.digest);
        let mut events = Vec::new();
        for (index, call) in (0..).zip(calls) {
            let kind = ItemKind::FunctionCall {
                call_id: entropy.id("call_"),
                name: call.name.clone(),
            };
            let id = None;
            events.push(OutputEvent::ItemAdded { index, kind, id });
            let pieces = words(&call.arguments).map(str::to_owned);
            events.extend(pieces.map(OutputEvent::ArgumentsDelta));
            events.push(OutputEvent::ItemDone);
        }
        let texts = calls.iter().map(|call| call.arguments.as_str());
        events.push(self.end(asked, texts).await);
        events
    }

    /// The end of an answer of `texts`, with the tokens it has.
    async fn end<'t>(
        &self,
        asked: &Asked,
        texts: impl IntoIterator<Item = &'t str>,
    ) -> OutputEvent {
        let input_tokens = self
            .engine
            .count_input(&asked.run)
            .await
            .unwrap_or_default();
        let output_tokens = texts
            .into_iter()
            .map(|text| Cl100k.count(text) as u64)
            .sum();
        OutputEvent::Ended(RunEnd {
            outcome: Outcome::Completed,
            usage: Some(Usage {
                input_tokens,
                output_tokens,
                ..Usage::default()
            }),
        })
    }
}

/// Makes an answer go on after `prefill`, as a model would that had said so much of it. An answer
/// that does not begin with it is another one, and is said whole.
fn go_on(events: &mut Vec<OutputEvent>, prefill: &str) {
    let deltas = events.iter().filter_map(|event| match event {
        OutputEvent::TextDelta(text) => Some(text.as_str()),
        _ => None,
    });
    let text: String = deltas.collect();
    let rest = text.strip_prefix(prefill);
    let mut said = text.len() - rest.map_or(text.len(), str::len);
    for event in &mut *events {
        match event {
            OutputEvent::TextDelta(text) => {
                let cut = said.min(text.len());
                text.drain(..cut);
                said -= cut;
            }
            OutputEvent::Ended(RunEnd {
                usage: Some(usage), ..
            }) => {
                let tokens = Cl100k.count(prefill) as u64;
                usage.input_tokens += tokens;
                if let Some(rest) = rest {
                    usage.output_tokens = Cl100k.count(rest) as u64;
                }
            }
            _ => {}
        }
    }
    events.retain(|event| !matches!(event, OutputEvent::TextDelta(text) if text.is_empty()));
}

/// `text` word by word, long words in pieces.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let longest = rest.floor_char_boundary(LONGEST);
        let space = rest[..longest].find(char::is_whitespace);
        let end = space.map_or(longest, |at| {
            rest.ceil_char_boundary((at + 1).min(rest.len()))
        });
        let (word, after) = rest.split_at(end);
        rest = after;
        (!word.is_empty()).then_some(word)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_keep_the_space_behind_them() {
        let words: Vec<_> = words("One, two\u{3000}three  four").collect();
        assert_eq!(words, ["One, ", "two\u{3000}", "three ", " ", "four"]);
    }

    proptest! {
        #[test]
        fn words_are_short_and_add_up_to_the_text(text in ".{0,300}") {
            let words: Vec<_> = words(&text).collect();
            prop_assert_eq!(words.concat(), text.as_str());
            prop_assert!(words.iter().all(|word| (1..=LONGEST + 3).contains(&word.len())));
        }
    }
}
