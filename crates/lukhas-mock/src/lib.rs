// SPDX-License-Identifier: Apache-2.0
//! A fake upstream for tests: scripted answers in four dialects, and faults down to the socket.
//!
//! [`MockServer`] speaks the Chat Completions, Responses and Embeddings APIs of OpenAI and the
//! Messages API of Anthropic. Its answers are those of the offline engine or of a script of
//! [`Rule`]s. The same body is answered with the same bytes. It never poses as a model.
//!
//! Faults are part of the model's name (`mock+slow_head=300ms+tcp_cut@2`) or of a rule; [`FAULTS`]
//! lists them.
//!
//! ```
//! use lukhas_mock::{MockOptions, MockServer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), lukhas_mock::MockError> {
//! let mock = MockServer::start(MockOptions::default()).await?;
//! // Send requests to `mock.url()`; then see what it was sent, and how each request ended.
//! assert!(mock.requests().is_empty());
//! assert_eq!(mock.stats().connections.open, 0);
//! # Ok(())
//! # }
//! ```

mod answer;
mod body;
mod dialect;
mod entropy;
mod error;
mod fault;
mod frame;
mod options;
mod plan;
mod record;
mod request;
mod rule;
mod server;
mod service;
mod stats;

pub use dialect::Dialect;
pub use error::MockError;
pub use fault::{Argument, FAULTS, Fault, FaultError, FaultInfo, Injection};
pub use options::{KeyDigest, MockOptions};
pub use rule::{Reply, Rule, ToolCall};
pub use server::MockServer;
pub use stats::{ConnectionStats, Ending, MockStats, RecordedRequest, RequestCount, RequestStats};
