// SPDX-License-Identifier: Apache-2.0
//! Real models behind the façade.
//!
//! An [`Upstream`] is one address that answers for models: anything that speaks OpenAI's Chat
//! Completions or Responses (OpenAI itself, vLLM, Ollama, llama.cpp), or Anthropic's Messages. A
//! [`RoutedModel`] is a public model over one or several of them: it chooses, retries, and falls
//! back, and is a [`Provider`](lukhas_core::Provider) like any other.
//!
//! | step | where |
//! |---|---|
//! | a request in the upstream's words, and its answer in the core's | [`Dialect`] |
//! | connections, timeouts, bounds on what comes back | [`Upstream`] |
//! | which upstream, and what to do when it fails | [`RoutedModel`] |
//! | what an upstream is not to know | [`Masked`] |
//! | what happens to calls, for whoever counts it | [`UpstreamObserver`] |
//!
//! What holds whatever an upstream does: an answer ends exactly once. One that stops without its
//! terminal marker has failed (`UpstreamTruncated`); nothing is retried after the first piece of
//! an answer, unless it is set up to be gone on with, which is marked: two answers are never glued
//! together in silence; memory is bounded; and no message to a client holds the upstream's key.

mod answer;
mod client;
mod dialect;
mod embeddings;
mod error;
mod masked;
mod observer;
mod passage;
mod routed;
mod upstream;

pub use dialect::Dialect;
pub use error::UpstreamError;
pub use masked::{Masked, MaskedSink};
pub use observer::{AttemptOutcome, UpstreamEvent, UpstreamObserver};
pub use routed::{RoutedModel, RoutedModelConfig, Target};
pub use upstream::{Upstream, UpstreamConfig};
