// SPDX-License-Identifier: Apache-2.0
//! OpenAI's Embeddings, as upstreams are asked for them and answer.

mod read;

use lukhas_core::{EmbedInput, EmbedRequest, VectorEncoding};
use serde::Serialize;

pub(crate) use read::{Answer, read};

/// Where requests go, behind the base URL.
pub(crate) const PATH: &str = "/embeddings";

/// Most bytes of one vector in an answer: 4,096 numbers, each on a line of its own.
const VECTOR: usize = 128 << 10;

/// Most bytes of the answer to a request with so many `inputs`, and at least `least`.
pub(crate) fn limit(inputs: usize, least: usize) -> usize {
    inputs.saturating_mul(VECTOR).max(least)
}

#[derive(Serialize)]
struct Body<'r> {
    model: &'r str,
    input: Input<'r>,
    encoding_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'r str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Input<'r> {
    Texts(&'r [String]),
    Tokens(&'r [Vec<u32>]),
}

/// `request` to `model`, which is the upstream's own name.
pub(crate) fn body(model: &str, request: &EmbedRequest) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&Body {
        model,
        input: match &request.input {
            EmbedInput::Texts(texts) => Input::Texts(texts),
            EmbedInput::Tokens(lists) => Input::Tokens(lists),
        },
        encoding_format: match request.encoding {
            VectorEncoding::Floats => "float",
            VectorEncoding::Base64 => "base64",
        },
        dimensions: request.dimensions,
        user: request.end_user.as_deref(),
    })
}

#[cfg(test)]
mod tests;
