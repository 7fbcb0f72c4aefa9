// SPDX-License-Identifier: Apache-2.0
//! Embedders: texts to vectors.
//!
//! [`LexicalHash`] needs no model: it compares what texts are written with, not what they mean.
//!
//! ```
//! use lukhas_core::{EmbedInput, EmbedRequest, Embedder, RunCx, RunError, Vector, VectorEncoding};
//!
//! /// How near two texts are, from -1 to 1.
//! async fn nearness(
//!     embedder: &dyn Embedder,
//!     cx: &RunCx,
//!     texts: [String; 2],
//! ) -> Result<f32, RunError> {
//!     let request = EmbedRequest {
//!         model: "lukhas-lexical-hash-1024".to_owned(),
//!         input: EmbedInput::Texts(texts.into()),
//!         dimensions: None,
//!         encoding: VectorEncoding::Floats,
//!         end_user: None,
//!     };
//!     let embedded = embedder.embed(cx, request).await?;
//!     Ok(match embedded.vectors.as_slice() {
//!         [Vector::Floats(a), Vector::Floats(b)] => a.iter().zip(b).map(|(a, b)| a * b).sum(),
//!         _ => 0.0,
//!     })
//! }
//! ```

mod lexical;
mod pace;

pub use lexical::LexicalHash;
