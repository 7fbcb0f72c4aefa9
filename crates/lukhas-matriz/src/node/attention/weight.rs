// SPDX-License-Identifier: Apache-2.0
//! What a request weighs in tokens: at most, by its bytes, or as a tokenizer counts it.
//!
//! How a model writes roles, tools and media into its prompt is its own affair, so weights are
//! estimates, made the way the field makes them.

use lukhas_core::{Item, OutputFormat, Part, RunRequest, Tokenizer, ToolSpec};
use serde_json::Value;

use crate::json;

/// What a model adds to an item or tool: role, name and separators.
const OVERHEAD: u64 = 4;

/// An image, a file or an audio clip: what an image of low detail takes, the least there is. An
/// estimate must not refuse what the model would take.
const MEDIA: u64 = 85;

/// Bytes counted at a time: well under a millisecond of work, so that counting does not hold up
/// what else the thread has to do.
const CHUNK: usize = 4 * 1024;

/// What a call to the tokenizer costs beside its text, in bytes.
const CALL: usize = 64;

/// At least the tokens of `request`, from its bytes alone.
pub(super) fn most(request: &RunRequest) -> u64 {
    let bytes = |total, text: &str| total + text.len() as u64;
    let value = |value: &Value| json::size(value).unwrap_or(0) as u64;
    let items = request.items.iter().map(|item| match item {
        Item::Opaque(opaque) => flat(item) + value(opaque),
        Item::Message(_) | Item::FunctionCall(_) | Item::FunctionOutput(_) => {
            item.texts().fold(flat(item), bytes)
        }
    });
    let tools = request.tools.iter().map(|tool| {
        let schema = tool.parameters.as_ref().map_or(0, value);
        texts(tool).fold(OVERHEAD + schema, bytes)
    });
    let instructions = request.instructions.as_deref();
    let instructions = instructions.map_or(0, |text| OVERHEAD + text.len() as u64);
    let format = format_schema(request).map_or(0, value);
    items.chain(tools).sum::<u64>() + instructions + format
}

/// A count that stops soon after it has passed its limit: what is too much anyway need not be
/// known to the last token. The work is bounded by the limit, not by what is sent.
pub(super) struct Count<'t> {
    tokenizer: &'t dyn Tokenizer,
    limit: u64,
    tokens: u64,
    /// Bytes counted without a pause.
    unbroken: usize,
}

impl<'t> Count<'t> {
    pub(super) fn up_to(limit: u64, tokenizer: &'t dyn Tokenizer) -> Self {
        Self {
            tokenizer,
            limit,
            tokens: 0,
            unbroken: 0,
        }
    }

    /// The same count, with another limit.
    pub(super) fn limit(&mut self, limit: u64) {
        self.limit = limit;
    }

    /// The tokens so far.
    pub(super) fn tokens(&self) -> u64 {
        self.tokens
    }

    pub(super) fn is_over(&self) -> bool {
        self.tokens > self.limit
    }

    /// Adds all of `request` but its items.
    pub(super) async fn add_frame(&mut self, request: &RunRequest) {
        if let Some(instructions) = &request.instructions {
            self.tokens += OVERHEAD;
            self.add(instructions).await;
        }
        for tool in &request.tools {
            self.tokens += OVERHEAD;
            for text in texts(tool) {
                self.add(text).await;
            }
            if let Some(schema) = &tool.parameters {
                self.add_value(schema).await;
            }
        }
        if let Some(schema) = format_schema(request) {
            self.add_value(schema).await;
        }
    }

    pub(super) async fn add_item(&mut self, item: &Item) {
        self.tokens += flat(item);
        for text in item.texts() {
            self.add(text).await;
        }
        if let Item::Opaque(value) = item {
            self.add_value(value).await;
        }
    }

    async fn add_value(&mut self, value: &Value) {
        // The next node but one refuses what is too deep to be written.
        if !self.is_over() && json::size(value).is_some() {
            self.add(&value.to_string()).await;
        }
    }

    async fn add(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() && !self.is_over() {
            let (chunk, tail) = rest.split_at(chunk_end(rest));
            self.tokens += self.tokenizer.count(chunk) as u64;
            self.unbroken += chunk.len() + CALL;
            rest = tail;
            if self.unbroken >= CHUNK {
                self.unbroken = 0;
                tokio::task::yield_now().await;
            }
        }
    }
}

/// Tokens of an item that are not in its texts.
fn flat(item: &Item) -> u64 {
    let parts: &[Part] = match item {
        Item::Message(message) => &message.parts,
        Item::FunctionOutput(output) => &output.parts,
        Item::FunctionCall(_) | Item::Opaque(_) => &[],
    };
    let media = parts.iter().filter(|part| match part {
        Part::Image(_) | Part::File(_) | Part::Audio(_) => true,
        Part::Text(_) | Part::Refusal(_) => false,
    });
    OVERHEAD + MEDIA * media.count() as u64
}

fn texts(tool: &ToolSpec) -> impl Iterator<Item = &str> {
    [Some(tool.name.as_str()), tool.description.as_deref()]
        .into_iter()
        .flatten()
}

fn format_schema(request: &RunRequest) -> Option<&Value> {
    match &request.format {
        OutputFormat::JsonSchema { schema, .. } => Some(schema),
        OutputFormat::Text | OutputFormat::JsonObject => None,
    }
}

/// Where to cut the first chunk off: before a space if there is one, since tokens begin with
/// their space and a cut there changes no count.
fn chunk_end(text: &str) -> usize {
    if text.len() <= CHUNK {
        return text.len();
    }
    let end = text.floor_char_boundary(CHUNK);
    match text[..end].rfind(' ') {
        Some(space) if space >= CHUNK / 2 => space,
        Some(_) | None => end,
    }
}
