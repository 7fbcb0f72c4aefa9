// SPDX-License-Identifier: Apache-2.0
//! Embedders: texts to vectors.
//!
//! [`LexicalHash`] needs no model: it compares what texts are written with, not what they mean.
//!
//! ```
//! use lukhas_core::Embedder;
//! use lukhas_memory::LexicalHash;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), lukhas_core::RunError> {
//! let embedder = LexicalHash::new();
//! let texts = ["the parcel arrived", "the parcels arive", "a rainy night"].map(String::from);
//! let vectors = embedder.embed(&texts, 1024).await?;
//! let cosine = |a: usize, b: usize| -> f32 {
//!     vectors[a].iter().zip(&vectors[b]).map(|(a, b)| a * b).sum()
//! };
//! assert!(cosine(0, 1) > 0.3 && cosine(0, 2) < 0.1);
//! # Ok(())
//! # }
//! ```

mod lexical;
mod pace;

pub use lexical::LexicalHash;
