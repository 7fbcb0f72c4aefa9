// SPDX-License-Identifier: Apache-2.0
//! An embedder without a model.

mod bag;
mod hash;
mod input;
mod text;
mod vector;

use std::fmt;
use std::sync::Arc;

use lukhas_core::{
    BoxFuture, EmbedRequest, Embedded, Embedder, ModelInfo, RunCx, RunError, Tokenizer, Usage,
    Vector,
};

use self::bag::Bag;
use self::vector::Sum;
use crate::pace::Pace;

/// Smallest length of a vector that can be asked for.
const MIN_DIMENSIONS: usize = 1;

/// Length of a vector when nobody asks for another.
const DIMENSIONS: usize = 1024;

/// Largest length of a vector that can be asked for.
const MAX_DIMENSIONS: usize = 3072;

/// Feature hashing of words, pairs of neighbouring words, and runs of 3 to 5 characters: texts are
/// near when they share words, parts of words and spellings. It knows no meaning: synonyms and
/// translations are as far apart as any two texts.
///
/// Texts are compared without regard to case, to the accents of European scripts, and to
/// compatibility forms (full width, ligatures). A feature that comes often counts more, but ever
/// less so. Every feature falls by its hash into one place of the vector with one sign (Weinberger
/// et al., "Feature Hashing for Large Scale Multitask Learning", 2009); vectors of different
/// lengths are unrelated, not prefixes of each other. The vector has unit length, or is all zero
/// when the text has no letter, digit or symbol.
///
/// The same text gives the same bytes on every machine: sums are of integers, and the rest takes
/// only operations that IEEE 754 rounds exactly. What would change a vector changes the name.
#[derive(Clone)]
pub struct LexicalHash {
    models: [ModelInfo; 1],
    tokenizer: Arc<dyn Tokenizer>,
}

impl LexicalHash {
    /// The embedder. `tokenizer` counts its input, and turns tokens into text.
    #[must_use]
    pub fn new(tokenizer: Arc<dyn Tokenizer>) -> Self {
        let model = ModelInfo {
            id: "lukhas-lexical-hash-1024".to_owned(),
            created: 1_780_000_000,
            owned_by: "lukhas".to_owned(),
            description: "Lexical, not semantic: matches words, parts of words and spellings, and \
                          knows no meaning."
                .to_owned(),
            context_window: u64::MAX,
        };
        Self {
            models: [model],
            tokenizer,
        }
    }
}

impl Embedder for LexicalHash {
    fn models(&self) -> &[ModelInfo] {
        &self.models
    }

    /// Must be called within a runtime of tokio: the tokens of long inputs are counted on a thread
    /// that may block.
    fn embed<'a>(
        &'a self,
        _cx: &'a RunCx,
        request: EmbedRequest,
    ) -> BoxFuture<'a, Result<Embedded, RunError>> {
        Box::pin(async move {
            let dimensions = dimensions(&request)?;
            let (texts, input_tokens) = input::texts(&self.tokenizer, request.input).await?;
            let vectors = embed(&texts, dimensions).await;
            Ok(Embedded {
                vectors: vectors.into_iter().map(Vector::Floats).collect(),
                usage: Usage {
                    input_tokens,
                    ..Usage::default()
                },
            })
        })
    }
}

fn dimensions(request: &EmbedRequest) -> Result<usize, RunError> {
    let Some(asked) = request.dimensions else {
        return Ok(DIMENSIONS);
    };
    let within = usize::try_from(asked).ok();
    let within = within.filter(|asked| (MIN_DIMENSIONS..=MAX_DIMENSIONS).contains(asked));
    within.ok_or_else(|| {
        let message = format!(
            "Invalid value for `dimensions`: must be between {MIN_DIMENSIONS} and {MAX_DIMENSIONS} \
             for `{}`, but got {asked}.",
            request.model
        );
        RunError::invalid("dimensions", message)
    })
}

/// One vector of `dimensions` numbers for each text, in order. Long work pauses.
async fn embed(texts: &[String], dimensions: usize) -> Vec<Vec<f32>> {
    let mut pace = Pace::default();
    let mut vectors = Vec::with_capacity(texts.len());
    for text in texts {
        vectors.push(vector(text, dimensions, &mut pace).await);
    }
    vectors
}

/// Reading a text, adding up its features and scaling their sum take time in proportion to the
/// text's length and the vector's, and `pace` pauses in all three.
async fn vector(text: &str, dimensions: usize, pace: &mut Pace) -> Vec<f32> {
    let mut bag = Bag::default();
    for piece in text::pieces(text) {
        bag.read(piece);
        pace.spend(piece.len()).await;
    }
    let features = bag.finish();
    let mut sum = Sum::new(dimensions);
    for portion in features.portions() {
        pace.spend(portion.add_to(&mut sum)).await;
    }
    pace.spend(dimensions).await;
    sum.into_unit()
}

impl fmt::Debug for LexicalHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LexicalHash")
            .field("tokenizer", &self.tokenizer.name())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
