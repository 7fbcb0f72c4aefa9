// SPDX-License-Identifier: Apache-2.0
//! An embedder without a model.

mod bag;
mod hash;
mod text;
mod vector;

use lukhas_core::{BoxFuture, Embedder, EmbedderInfo, RunError};

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
#[derive(Debug)]
pub struct LexicalHash {
    info: EmbedderInfo,
}

impl LexicalHash {
    /// The embedder.
    #[must_use]
    pub fn new() -> Self {
        Self {
            info: EmbedderInfo {
                id: "lukhas-lexical-hash-1024".to_owned(),
                dimensions: DIMENSIONS,
                min_dimensions: MIN_DIMENSIONS,
                max_dimensions: MAX_DIMENSIONS,
                description: "Lexical, not semantic: matches words, parts of words and spellings, \
                              and knows no meaning."
                    .to_owned(),
            },
        }
    }
}

impl Default for LexicalHash {
    fn default() -> Self {
        Self::new()
    }
}

impl Embedder for LexicalHash {
    fn info(&self) -> &EmbedderInfo {
        &self.info
    }

    fn embed<'a>(
        &'a self,
        texts: &'a [String],
        dimensions: usize,
    ) -> BoxFuture<'a, Result<Vec<Vec<f32>>, RunError>> {
        Box::pin(async move {
            if !(MIN_DIMENSIONS..=MAX_DIMENSIONS).contains(&dimensions) {
                let message =
                    format!("`{dimensions}` is not between {MIN_DIMENSIONS} and {MAX_DIMENSIONS}");
                return Err(RunError::invalid("dimensions", message));
            }
            let mut pace = Pace::default();
            let mut vectors = Vec::with_capacity(texts.len());
            for text in texts {
                vectors.push(embed(text, dimensions, &mut pace).await);
            }
            Ok(vectors)
        })
    }
}

/// Reading a text, adding up its features and scaling their sum take time in proportion to the
/// text's length and the vector's, and `pace` pauses in all three.
async fn embed(text: &str, dimensions: usize, pace: &mut Pace) -> Vec<f32> {
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

#[cfg(test)]
mod tests;
