// SPDX-License-Identifier: Apache-2.0
//! Reading requests: whatever can be understood is, and the rest does not matter.

mod chat;
mod content;
mod messages;
mod responses;

#[cfg(test)]
mod tests;

use lukhas_core::{Item, Role, RunRequest};
use lukhas_openai::MAX_CHOICES;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::Dialect;
use crate::dialect::embeddings;
use crate::entropy::BodyDigest;

/// What a request asks for.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) model: String,
    /// Whether the answer is to be streamed.
    pub(crate) stream: bool,
    /// Whether a stream of chunks is to tell what was used.
    pub(crate) include_usage: bool,
    /// Number of answers, at least 1.
    pub(crate) choices: u32,
    /// The same in core's terms, without the prefill.
    pub(crate) run: RunRequest,
    /// What the assistant has begun to say, when that is how the conversation ends: the answer goes
    /// on from there.
    pub(crate) prefill: Option<String>,
    /// The texts of the newest message or tool output, or the inputs to embed.
    pub(crate) newest: Vec<String>,
    pub(crate) body: Value,
    pub(crate) digest: BodyDigest,
}

impl Asked {
    /// Reads a body in that language.
    ///
    /// # Errors
    /// When it is not JSON, or is no object.
    pub(crate) fn read(dialect: Dialect, bytes: &[u8]) -> Result<Self, String> {
        let body: Value = serde_json::from_slice(bytes)
            .map_err(|error| format!("The request body is not valid JSON: {error}."))?;
        if !body.is_object() {
            return Err("The request body is not a JSON object.".to_owned());
        }
        let mut run = match dialect {
            Dialect::Chat => chat::run(&body),
            Dialect::Responses => responses::run(&body),
            Dialect::Messages => messages::run(&body),
            Dialect::Embeddings | Dialect::Models => RunRequest::default(),
        };
        let prefill = take_prefill(&mut run.items);
        let newest = match dialect {
            Dialect::Embeddings => embeddings::inputs(&body),
            Dialect::Chat | Dialect::Responses | Dialect::Messages | Dialect::Models => {
                newest(&run.items)
            }
        };
        let flag = |path: &str| body.pointer(path) == Some(&Value::Bool(true));
        let choices = match (dialect, body.get("n").and_then(Value::as_u64)) {
            (Dialect::Chat, Some(n)) => u32::try_from(n).unwrap_or(MAX_CHOICES),
            (_, _) => 1,
        };
        Ok(Self {
            model: text(&body, "model").unwrap_or_default(),
            stream: flag("/stream") && dialect != Dialect::Embeddings,
            include_usage: flag("/stream_options/include_usage"),
            choices: choices.clamp(1, MAX_CHOICES),
            run,
            prefill,
            newest,
            digest: Sha256::digest(bytes).into(),
            body,
        })
    }
}

fn take_prefill(items: &mut Vec<Item>) -> Option<String> {
    let is_assistant =
        |item: &mut Item| matches!(item, Item::Message(said) if said.role == Role::Assistant);
    match items.pop_if(is_assistant)? {
        Item::Message(said) => Some(said.text()),
        Item::FunctionCall(_) | Item::FunctionOutput(_) | Item::Opaque(_) => None,
    }
}

fn newest(items: &[Item]) -> Vec<String> {
    let texts = items.last().map(|item| item.texts().map(str::to_owned));
    texts.map(Iterator::collect).unwrap_or_default()
}

/// The text at `key`.
fn text(object: &Value, key: &str) -> Option<String> {
    object.get(key).and_then(Value::as_str).map(str::to_owned)
}

/// The values of the array at `key`; none when there is no array.
fn list<'v>(object: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    object
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// The whole number at the first of `keys` that has one.
fn number(object: &Value, keys: &[&str]) -> Option<u32> {
    let mut numbers = keys.iter().filter_map(|key| object.get(*key)?.as_u64());
    numbers
        .next()
        .map(|number| u32::try_from(number).unwrap_or(u32::MAX))
}
