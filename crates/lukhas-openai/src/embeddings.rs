// SPDX-License-Identifier: Apache-2.0
//! `POST /v1/embeddings`.

mod read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lukhas_core::{EmbedInput, EmbedRequest, Embedded, Vector, VectorEncoding};
use schemars::JsonSchema;
use serde::Serialize;

use crate::WireError;
use crate::read::wire_enum;

/// Most inputs of one request.
pub const MAX_INPUTS: usize = 2048;
/// Most tokens of one request that sends tokens, all inputs together.
pub const MAX_INPUT_TOKENS: usize = 300_000;

/// A request to embed texts.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct CreateEmbedding {
    /// Name of the model, as `GET /v1/models` lists it.
    pub model: String,
    /// What to embed.
    pub input: EmbeddingInput,
    /// How to write the vectors; `float` when absent.
    pub encoding_format: Option<EncodingFormat>,
    /// Length of the vectors; the model's own when absent.
    #[schemars(range(min = 1, max = u32::MAX))]
    pub dimensions: Option<u32>,
    /// The caller's name for its end user.
    pub user: Option<String>,
}

/// What to embed: one input or several, as text or as tokens of the model's vocabulary. None is
/// empty, and tokens number at most 300000 in all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum EmbeddingInput {
    /// One text.
    Text(#[schemars(length(min = 1))] String),
    /// Several texts.
    Texts(#[schemars(length(min = 1, max = MAX_INPUTS), inner(length(min = 1)))] Vec<String>),
    /// One text, as tokens.
    Tokens(
        #[schemars(length(min = 1, max = MAX_INPUT_TOKENS), inner(range(min = 0, max = u32::MAX)))]
        Vec<u32>,
    ),
    /// Several texts, as tokens.
    TokenLists(
        #[schemars(
            length(min = 1, max = MAX_INPUTS),
            inner(length(min = 1), inner(range(min = 0, max = u32::MAX)))
        )]
        Vec<Vec<u32>>,
    ),
}

wire_enum! {
    /// How to write vectors.
    pub enum EncodingFormat {
        /// Arrays of numbers.
        "float" => Float,
        /// Base64 of little-endian 32-bit floats.
        "base64" => Base64,
    }
}

/// The embeddings of a request's inputs, in order.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct EmbeddingList {
    /// Always `list`.
    #[schemars(extend("const" = "list"))]
    pub object: &'static str,
    /// One for each input.
    pub data: Vec<EmbeddingObject>,
    /// The model, as the request names it.
    pub model: String,
    /// What was used.
    pub usage: EmbeddingUsage,
}

/// The embedding of one input.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct EmbeddingObject {
    /// Always `embedding`.
    #[schemars(extend("const" = "embedding"))]
    pub object: &'static str,
    /// Number of the input, from 0.
    pub index: usize,
    /// Its vector.
    pub embedding: EmbeddingVector,
}

/// A vector as the request asked for it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum EmbeddingVector {
    /// Numbers, each the shortest that reads back to the same 32-bit float.
    Float(Vec<f32>),
    /// Base64 of little-endian 32-bit floats.
    Base64(String),
}

/// Tokens used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EmbeddingUsage {
    /// Tokens of all inputs.
    pub prompt_tokens: u64,
    /// The same: nothing is generated.
    pub total_tokens: u64,
}

impl CreateEmbedding {
    /// Reads the body of a request, without a [`serde_json::Value`] between: batches of tokens are
    /// large.
    ///
    /// # Errors
    /// [`WireError`] as of [`crate::parse_json`] when it is not JSON; otherwise naming the field
    /// that is unknown, absent, of a wrong type or out of bounds.
    pub fn parse(body: &[u8]) -> Result<Self, WireError> {
        read::create_embedding(body)
    }
}

impl EmbeddingInput {
    /// Whether it is one input by itself, not in an array of inputs.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        match self {
            Self::Text(_) | Self::Tokens(_) => true,
            Self::Texts(_) | Self::TokenLists(_) => false,
        }
    }
}

impl From<EmbeddingInput> for EmbedInput {
    fn from(input: EmbeddingInput) -> Self {
        match input {
            EmbeddingInput::Text(text) => Self::Texts(vec![text]),
            EmbeddingInput::Texts(texts) => Self::Texts(texts),
            EmbeddingInput::Tokens(tokens) => Self::Tokens(vec![tokens]),
            EmbeddingInput::TokenLists(lists) => Self::Tokens(lists),
        }
    }
}

impl From<EncodingFormat> for VectorEncoding {
    fn from(format: EncodingFormat) -> Self {
        match format {
            EncodingFormat::Float => Self::Floats,
            EncodingFormat::Base64 => Self::Base64,
        }
    }
}

impl From<CreateEmbedding> for EmbedRequest {
    fn from(request: CreateEmbedding) -> Self {
        Self {
            model: request.model,
            input: request.input.into(),
            dimensions: request.dimensions,
            encoding: request.encoding_format.map(Into::into).unwrap_or_default(),
            end_user: request.user,
        }
    }
}

impl EmbeddingVector {
    /// `vector` as `encoding` wants it.
    fn new(vector: Vector, encoding: VectorEncoding) -> Self {
        match (vector, encoding) {
            (Vector::Floats(numbers), VectorEncoding::Floats) => Self::Float(numbers),
            (Vector::Floats(numbers), VectorEncoding::Base64) => Self::Base64(to_base64(&numbers)),
            (Vector::Base64(text), VectorEncoding::Base64 | VectorEncoding::Floats) => {
                Self::Base64(text)
            }
        }
    }
}

impl EmbeddingList {
    /// The answer of `model` to a request that wants its vectors as `encoding`.
    #[must_use]
    pub fn new(model: String, embedded: Embedded, encoding: VectorEncoding) -> Self {
        let data = embedded.vectors.into_iter().enumerate();
        let data = data.map(|(index, vector)| EmbeddingObject {
            object: "embedding",
            index,
            embedding: EmbeddingVector::new(vector, encoding),
        });
        let tokens = embedded.usage.input_tokens;
        Self {
            object: "list",
            data: data.collect(),
            model,
            usage: EmbeddingUsage {
                prompt_tokens: tokens,
                total_tokens: tokens,
            },
        }
    }
}

fn to_base64(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests;
