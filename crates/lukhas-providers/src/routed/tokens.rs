// SPDX-License-Identifier: Apache-2.0
//! Tokens, where the upstream does not tell them.

use std::borrow::Cow;

use lukhas_core::{
    ItemKind, Outcome, OutputEvent, RunEnd, RunRequest, Tokenizer, Usage, UsageSource,
};
use tokio::task::yield_now;

/// So many bytes of a text are counted token by token at a time; where an estimate will do, the rest
/// is taken to be like them. It bounds the work of counting, which is done on a serving thread, to
/// some hundred microseconds.
const COUNTED: usize = 4 << 10;

/// Tokens of `request` that are no text of its own: what surrounds its items and tools. Hands every
/// text to `visit`.
fn input(request: &RunRequest, visit: &mut impl FnMut(&str)) -> u64 {
    let mut around = 3;
    if let Some(instructions) = &request.instructions {
        around += 4;
        visit(instructions);
    }
    for item in &request.items {
        around += 4;
        item.texts().for_each(&mut *visit);
    }
    for tool in &request.tools {
        around += 8;
        let parameters = tool.parameters.as_ref();
        let texts = [
            Some(Cow::Borrowed(tool.name.as_str())),
            tool.description.as_deref().map(Cow::Borrowed),
            parameters.map(|parameters| parameters.to_string().into()),
        ];
        texts.iter().flatten().for_each(|text| visit(text));
    }
    around
}

/// The input tokens of `request`, every text counted to its end. Whatever else the thread has to do
/// gets its turn in between.
pub(super) async fn count_input(tokenizer: &dyn Tokenizer, request: &RunRequest) -> u64 {
    let mut texts = Vec::new();
    let mut tokens = input(request, &mut |text| texts.push(text.to_owned()));
    for text in &texts {
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (piece, tail) = rest.split_at(piece_end(rest));
            tokens += tokenizer.count(piece) as u64;
            rest = tail;
            yield_now().await;
        }
    }
    tokens
}

/// Where to cut a piece off that is counted at once: before a space if there is one, since tokens
/// begin with their space and a cut there changes no count.
fn piece_end(text: &str) -> usize {
    if text.len() <= COUNTED {
        return text.len();
    }
    let end = text.floor_char_boundary(COUNTED);
    match text[..end].rfind(' ') {
        Some(space) if space > 0 => space,
        Some(_) | None => end,
    }
}

/// The input tokens of `request`, estimated.
fn estimate_input(tokenizer: &dyn Tokenizer, request: &RunRequest) -> u64 {
    let mut texts = Sample::default();
    let around = input(request, &mut |text| texts.push(text));
    around + texts.tokens(tokenizer)
}

/// A text of which the beginning is kept, and the length known.
#[derive(Debug, Default)]
struct Sample {
    beginning: String,
    bytes: u64,
}

impl Sample {
    fn push(&mut self, text: &str) {
        self.bytes += text.len() as u64;
        let room = COUNTED.saturating_sub(self.beginning.len());
        let kept = &text[..text.floor_char_boundary(room)];
        self.beginning.push_str(kept);
    }

    /// As many tokens as the beginning has for its length, rounded up.
    fn tokens(&self, tokenizer: &dyn Tokenizer) -> u64 {
        let counted = self.beginning.len() as u64;
        if counted == 0 {
            return 0;
        }
        let tokens = tokenizer.count(&self.beginning) as u64;
        tokens.saturating_mul(self.bytes).div_ceil(counted)
    }
}

/// What an answer has said so far, as far as it counts.
#[derive(Debug, Default)]
pub(super) struct Output {
    answer: Sample,
    reasoning: Sample,
}

impl Output {
    /// Takes note of an event.
    pub(super) fn note(&mut self, event: &OutputEvent) {
        match event {
            OutputEvent::TextDelta(text)
            | OutputEvent::RefusalDelta(text)
            | OutputEvent::ArgumentsDelta(text) => self.answer.push(text),
            OutputEvent::ReasoningDelta(text) => self.reasoning.push(text),
            OutputEvent::ItemAdded { kind, .. } => match kind {
                ItemKind::FunctionCall { name, .. } => self.answer.push(name),
                ItemKind::Message | ItemKind::Reasoning => {}
            },
            OutputEvent::Continued
            | OutputEvent::ItemDone
            | OutputEvent::Verbatim(_)
            | OutputEvent::Ended(_) => {}
        }
    }

    /// What was used so far by an answer to `request` that was cut short. `told` is what the
    /// upstream has said of it: its count of the input is better than an estimate; its count of the
    /// output may lie behind.
    pub(super) fn partial(
        &self,
        tokenizer: &dyn Tokenizer,
        request: &RunRequest,
        told: Option<Usage>,
    ) -> Usage {
        let told = told.unwrap_or_default();
        let reasoning_tokens = self.reasoning.tokens(tokenizer);
        let output_tokens = self.answer.tokens(tokenizer) + reasoning_tokens;
        Usage {
            input_tokens: match told.input_tokens {
                0 => estimate_input(tokenizer, request),
                told => told,
            },
            cached_tokens: told.cached_tokens,
            output_tokens: told.output_tokens.max(output_tokens),
            reasoning_tokens: told.reasoning_tokens.max(reasoning_tokens),
            source: UsageSource::Partial,
            cost: None,
        }
    }

    /// Sees to it that `end` says what was used, and who counted.
    pub(super) fn complete(
        &self,
        end: &mut RunEnd,
        tokenizer: &dyn Tokenizer,
        request: &RunRequest,
    ) {
        let source = match (&end.outcome, end.usage) {
            (Outcome::Completed | Outcome::Incomplete(_), Some(_)) => return,
            (Outcome::Completed | Outcome::Incomplete(_), None) => UsageSource::Estimated,
            (Outcome::Failed(_), _) => UsageSource::Partial,
        };
        let usage = self.partial(tokenizer, request, end.usage);
        end.usage = Some(Usage { source, ..usage });
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use lukhas_core::{Item, Role, RunError, RunErrorKind, TokenizerError};

    use super::*;

    /// Counts words, and how many bytes it was given.
    struct Words;

    impl Tokenizer for Words {
        fn count(&self, text: &str) -> usize {
            assert!(text.len() <= COUNTED, "the work is bounded");
            text.split_whitespace().count()
        }

        fn name(&self) -> &'static str {
            "words"
        }

        fn truncate<'t>(&self, text: &'t str, _: usize) -> &'t str {
            text
        }

        fn decode(&self, _: &[u32]) -> Result<String, TokenizerError> {
            Ok(String::new())
        }
    }

    fn request(text: &str) -> RunRequest {
        RunRequest {
            items: vec![Item::text(Role::User, text)],
            ..RunRequest::default()
        }
    }

    fn said(texts: &[&str]) -> Output {
        let mut output = Output::default();
        for text in texts {
            output.note(&OutputEvent::TextDelta((*text).to_owned()));
        }
        output
    }

    fn end(outcome: Outcome, usage: Option<Usage>) -> RunEnd {
        RunEnd { outcome, usage }
    }

    #[track_caller]
    fn check(mut end: RunEnd, expected: (u64, u64, UsageSource)) {
        said(&["one ", "two ", "three"]).complete(&mut end, &Words, &request("a b"));
        let usage = end.usage.unwrap();
        let found = (usage.input_tokens, usage.output_tokens, usage.source);
        assert_eq!(found, expected);
    }

    #[test]
    fn an_end_says_what_was_used_and_who_counted() {
        let told = Usage {
            input_tokens: 100,
            output_tokens: 1,
            ..Usage::default()
        };
        let cut = || Outcome::Failed(RunError::new(RunErrorKind::UpstreamTruncated, "cut"));
        check(
            end(Outcome::Completed, Some(told)),
            (100, 1, UsageSource::Provider),
        );
        check(
            end(Outcome::Completed, None),
            (9, 3, UsageSource::Estimated),
        );
        check(end(cut(), None), (9, 3, UsageSource::Partial));
        check(end(cut(), Some(told)), (100, 3, UsageSource::Partial));
    }

    #[tokio::test]
    async fn a_long_input_is_counted_to_its_end_and_holds_nobody_up() {
        let long = request(&"word ".repeat(100_000));
        assert_eq!(count_input(&Words, &long).await, 7 + 100_000);
        let unbroken = request(&"ä".repeat(COUNTED));
        assert_eq!(count_input(&Words, &unbroken).await, 7 + 2);
        let waits = count_input(&Words, &long).now_or_never();
        assert_eq!(waits, None, "others get their turn");
    }

    #[test]
    fn long_texts_are_counted_by_their_beginning() {
        let words = "word ".repeat(100_000);
        let usage = said(&[&words]).partial(&Words, &request(&words), None);
        for found in [usage.input_tokens, usage.output_tokens] {
            assert!((99_900..100_300).contains(&found), "{found}");
        }
        let kept = said(&[&"ä".repeat(COUNTED)]);
        assert!(kept.answer.beginning.capacity() <= 2 * COUNTED);
    }
}
