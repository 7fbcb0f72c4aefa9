// SPDX-License-Identifier: Apache-2.0
//! Texts to vectors and to tokens.

use crate::{BoxFuture, ModelInfo, RunCx, RunError, Usage};

/// A request to embed, valid and independent of the wire it came by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbedRequest {
    /// Public name of the model.
    pub model: String,
    /// What to embed.
    pub input: EmbedInput,
    /// Length of the vectors, at least 1; `None` leaves it to the model.
    pub dimensions: Option<u32>,
    /// How the vectors are wanted.
    pub encoding: VectorEncoding,
    /// The caller's name for its end user.
    pub end_user: Option<String>,
}

/// What to embed: at least one input, none of them empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmbedInput {
    /// Texts.
    Texts(Vec<String>),
    /// Texts, as tokens of the model's vocabulary.
    Tokens(Vec<Vec<u32>>),
}

/// How vectors are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VectorEncoding {
    /// As [`Vector::Floats`].
    #[default]
    Floats,
    /// As [`Vector::Base64`].
    Base64,
}

/// The vectors of a request's inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedded {
    /// One for each input, in order, all of one length. An embedder may leave [`Vector::Floats`] as
    /// they are whatever encoding was asked for; [`Vector::Base64`] comes where it was.
    pub vectors: Vec<Vector>,
    /// What was used: the tokens of all inputs.
    pub usage: Usage,
}

/// A vector of finite numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum Vector {
    /// The numbers.
    Floats(Vec<f32>),
    /// Base64 (RFC 4648, section 4, padded) of the numbers as little-endian 32-bit floats. Vectors
    /// that come so, and are wanted so, need not be unpacked on the way.
    Base64(String),
}

/// Turns texts into vectors.
pub trait Embedder: Send + Sync {
    /// Its models.
    fn models(&self) -> &[ModelInfo];

    /// Embeds the inputs of `request`. Dropping the future stops the work.
    ///
    /// Whoever leads a name to its embedder asks [`Principal::may_use`](crate::Principal::may_use):
    /// a model that the principal may not use does not exist for it.
    ///
    /// # Errors
    /// [`RunError`] names the field at fault, an input as `input[3]`.
    fn embed<'a>(
        &'a self,
        cx: &'a RunCx,
        request: EmbedRequest,
    ) -> BoxFuture<'a, Result<Embedded, RunError>>;
}

impl EmbedInput {
    /// Number of inputs.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.len(),
            Self::Tokens(lists) => lists.len(),
        }
    }
}

/// Turns text into the tokens of one vocabulary.
pub trait Tokenizer: Send + Sync {
    /// Name of the vocabulary, such as `cl100k_base`.
    fn name(&self) -> &'static str;

    /// Number of tokens of `text`; special tokens count as the text they are written with.
    fn count(&self, text: &str) -> usize;

    /// The longest prefix of `text` that has at most `tokens` tokens and ends at a character.
    fn truncate<'t>(&self, text: &'t str, tokens: usize) -> &'t str;

    /// The text of `tokens`.
    ///
    /// # Errors
    /// [`TokenizerError`] when an id is not of this vocabulary or the bytes are not UTF-8.
    fn decode(&self, tokens: &[u32]) -> Result<String, TokenizerError>;
}

/// Why tokens have no text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenizerError {
    /// An id that the vocabulary does not have.
    #[error("`{0}` is not a token of this vocabulary")]
    UnknownToken(u32),
    /// The tokens end inside a character, or hold bytes that are none.
    #[error("the tokens do not form UTF-8 text")]
    NotUtf8,
}
