// SPDX-License-Identifier: Apache-2.0
//! The MATRIZ orchestrator: a request on its way to a provider, and the answer on its way back.
//!
//! [`Matriz`] is an [`Orchestrator`](lukhas_core::Orchestrator). Every turn passes six nodes, each
//! with one job, each announced by step events where the caller asks for them:
//!
//! | node | job | fails with |
//! |---|---|---|
//! | memory | puts the stored conversation before the new items | `PreviousResponseNotFound`, `Internal` |
//! | attention | finds what the turn is about; makes it fit the context window | `ContextLength`, `InvalidRequest` |
//! | thought | chooses the provider of the model, aliases included | `ModelNotFound` |
//! | risk | refuses what no provider should be given | `InvalidRequest` |
//! | intent | decides whether the turn may or must call, and which tools | - |
//! | action | runs the provider and holds it to the intent, strict schemas included | `Upstream`, `UpstreamTruncated`, `InvalidRequest`, `Unsupported` |
//!
//! Whatever a provider does, the stream upholds the invariant of
//! [`OutputEvent`](lukhas_core::OutputEvent): one end, and nothing after it. The end comes after
//! the last step event. Text is passed on as it comes; nothing is spawned and nothing is buffered
//! but what a strict schema is to be held to, and dropping the stream drops what runs under it.
//!
//! ```
//! use std::sync::Arc;
//!
//! use futures_util::{StreamExt, stream};
//! use lukhas_core::*;
//! use lukhas_engine::SchemaValidator;
//! use lukhas_matriz::Matriz;
//!
//! /// Answers everything with "hello".
//! struct Greeter([ModelInfo; 1]);
//!
//! impl Provider for Greeter {
//!     fn models(&self) -> &[ModelInfo] {
//!         &self.0
//!     }
//!     fn run(&self, _: &RunCx, _: RunRequest) -> OutputStream {
//!         let end = RunEnd { outcome: Outcome::Completed, usage: None };
//!         Box::pin(stream::iter([
//!             OutputEvent::ItemAdded { index: 0, kind: ItemKind::Message, id: None },
//!             OutputEvent::TextDelta("hello".into()),
//!             OutputEvent::ItemDone,
//!             OutputEvent::Ended(end),
//!         ]))
//!     }
//!     fn count_input<'a>(&'a self, _: &'a RunRequest) -> BoxFuture<'a, Result<u64, RunError>> {
//!         Box::pin(async { Ok(1) })
//!     }
//! }
//! # struct Bytes;
//! # impl Tokenizer for Bytes {
//! #     fn name(&self) -> &'static str { "bytes" }
//! #     fn count(&self, text: &str) -> usize { text.len() }
//! #     fn truncate<'t>(&self, text: &'t str, tokens: usize) -> &'t str {
//! #         &text[..text.floor_char_boundary(tokens)]
//! #     }
//! #     fn decode(&self, _: &[u32]) -> Result<String, TokenizerError> { Err(TokenizerError::NotUtf8) }
//! # }
//! # struct Zero;
//! # impl Entropy for Zero { fn bits(&self) -> u128 { 0 } }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), lukhas_matriz::CatalogError> {
//! let greeter = Greeter([ModelInfo {
//!     id: "greeter".into(),
//!     created: 0,
//!     owned_by: "me".into(),
//!     description: "Says hello.".into(),
//!     context_window: 1_000,
//! }]);
//! let validator = SchemaValidator::default(); // or any `Validator`
//! let matriz = Matriz::new(Arc::new(Bytes), Arc::new(validator)) // any `Tokenizer`
//!     .with_provider(Arc::new(greeter))?
//!     .with_alias("gpt-4o-mini", "greeter")?;
//!
//! # let entropy: Arc<dyn Entropy> = Arc::new(Zero);
//! # let principal = Arc::new(Principal::new("key", "tenant"));
//! let run_id = Id::new("run_", &*entropy);
//! let cx = RunCx { run_id, principal, entropy, steps: false, trace: None, abandoned: None };
//! let request = RunRequest {
//!     model: "gpt-4o-mini".into(),
//!     items: vec![Item::text(Role::User, "hi")],
//!     ..RunRequest::default()
//! };
//! let mut answer = String::new();
//! let mut run = matriz.run(cx, request);
//! while let Some(event) = run.next().await {
//!     match event {
//!         RunEvent::Output(OutputEvent::TextDelta(text)) => answer += &text,
//!         RunEvent::Output(_) | RunEvent::Step(_) => {}
//!     }
//! }
//! assert_eq!(answer, "hello");
//! # Ok(())
//! # }
//! ```

mod catalog;
mod embedders;
mod json;
mod matriz;
mod node;
mod private_hosts;
mod run;

#[cfg(test)]
mod tests;

pub use catalog::CatalogError;
pub use embedders::Embedders;
pub use matriz::Matriz;
pub use private_hosts::{PrivateHost, PrivateHostError};
