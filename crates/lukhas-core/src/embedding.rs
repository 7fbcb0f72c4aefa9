// SPDX-License-Identifier: Apache-2.0
//! Texts to vectors and to tokens.

use crate::{BoxFuture, RunError};

/// What an [`Embedder`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbedderInfo {
    /// Name of the model, version included.
    pub id: String,
    /// Length of a vector when nobody asks for another.
    pub dimensions: usize,
    /// Smallest length that can be asked for.
    pub min_dimensions: usize,
    /// Largest length that can be asked for.
    pub max_dimensions: usize,
    /// One line for people: what its vectors mean, and what they do not.
    pub description: String,
}

/// Turns texts into vectors of unit length (or all zero for a text without content).
pub trait Embedder: Send + Sync {
    /// What it is.
    fn info(&self) -> &EmbedderInfo;

    /// One vector of `dimensions` numbers for each text, in order.
    ///
    /// Callers pass `dimensions` within the bounds of [`EmbedderInfo`]. Dropping the future stops
    /// the work.
    fn embed<'a>(
        &'a self,
        texts: &'a [String],
        dimensions: usize,
    ) -> BoxFuture<'a, Result<Vec<Vec<f32>>, RunError>>;
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
