// SPDX-License-Identifier: Apache-2.0
//! Counts the tokens of a request.

use std::sync::OnceLock;

use lukhas_core::{Item, OutputFormat, Part, RunRequest, Tokenizer as _};
use serde_json::Value;

use crate::Cl100k;
use crate::answer::ECHO;

/// What starts the answer.
const ANSWER: u64 = 3;
/// What surrounds a message, a call or its output.
const ITEM: u64 = 4;
/// What surrounds a tool or a schema.
const TOOL: u64 = 8;
/// An image, file or audio clip, whatever its size: it is not looked at.
const MEDIUM: u64 = 85;

/// The input tokens of `request`: 3, and
///
/// - for the instructions, and for each message, function call and output, 4 and the tokens of its
///   texts (of a call: name and arguments), and 85 for each image, file or audio clip;
/// - for each tool, 8 and the tokens of its name, its description and its parameters as JSON;
/// - for a JSON Schema to answer by, 8 and the tokens of its name and of the schema as JSON.
///
/// Items of unknown kind count nothing: they are not read.
pub(crate) fn input_tokens(request: &RunRequest) -> u64 {
    let instructions = request
        .instructions
        .as_deref()
        .map_or(0, |text| ITEM + count(text));
    let items: u64 = request.items.iter().map(item).sum();
    let tools: u64 = request
        .tools
        .iter()
        .map(|tool| {
            let description = tool.description.as_deref().map_or(0, count);
            TOOL + count(&tool.name) + description + tool.parameters.as_ref().map_or(0, json)
        })
        .sum();
    let format = match &request.format {
        OutputFormat::Text | OutputFormat::JsonObject => 0,
        OutputFormat::JsonSchema { name, schema, .. } => TOOL + count(name) + json(schema),
    };
    ANSWER + instructions + items + tools + format
}

fn item(item: &Item) -> u64 {
    let media = match item {
        Item::Message(message) => media(&message.parts),
        Item::FunctionOutput(output) => media(&output.parts),
        Item::FunctionCall(_) => 0,
        Item::Opaque(_) => return 0,
    };
    ITEM + media + item.texts().map(count).sum::<u64>()
}

fn media(parts: &[Part]) -> u64 {
    parts
        .iter()
        .map(|part| if part.as_text().is_some() { 0 } else { MEDIUM })
        .sum()
}

fn json(value: &Value) -> u64 {
    count(&value.to_string())
}

pub(crate) fn count(text: &str) -> u64 {
    Cl100k.count(text) as u64
}

/// The tokens of an answer. What an echo starts with is counted once for all echoes: a space
/// follows it, before which texts always split.
pub(crate) fn count_answer(text: &str) -> u64 {
    static ECHO_TOKENS: OnceLock<u64> = OnceLock::new();
    match text.strip_prefix(ECHO) {
        Some(rest) if rest.starts_with(' ') => {
            ECHO_TOKENS.get_or_init(|| count(ECHO)) + count(rest)
        }
        Some(_) | None => count(text),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_echo_has_as_many_tokens_as_its_text(message in "[ -~\\s]{0,40}|\\PC{0,40}") {
            for text in [[ECHO, " ", &message].concat(), [ECHO, &message].concat(), message] {
                prop_assert_eq!(count_answer(&text), count(&text));
            }
        }
    }
}
