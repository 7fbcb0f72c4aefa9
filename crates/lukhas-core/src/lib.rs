// SPDX-License-Identifier: Apache-2.0
//! Vocabulary of a run, and the seams between the parts that serve it.
//!
//! A caller asks with a [`RunRequest`]; an [`Orchestrator`] answers with a
//! [`RunStream`] of [`RunEvent`]s that ends in exactly one [`RunEnd`]. A
//! [`Provider`] is one model behind it. Nothing here does IO, knows HTTP or JSON
//! wire shapes, or needs a runtime.
//!
//! | seam | job |
//! |---|---|
//! | [`Authenticator`] | bearer token to [`Principal`] |
//! | [`Orchestrator`] | a request to a stream of events |
//! | [`Provider`] | one model's answer |
//! | [`Embedder`] | texts to vectors |
//! | [`Tokenizer`] | texts to token counts and ids |
//! | [`Validator`] | JSON against a JSON Schema |
//! | [`ResponseStore`] | answers that can be fetched and continued |
//! | [`IdempotencyStore`] | one answer for all requests that are the same |
//! | [`Entropy`] | bits for identifiers |

mod embedding;
mod error;
mod event;
mod glob;
mod id;
mod idempotency;
mod item;
mod price;
mod principal;
mod request;
mod run;
mod store;
mod trace;
mod validator;

pub use embedding::{
    EmbedInput, EmbedRequest, Embedded, Embedder, Tokenizer, TokenizerError, Vector, VectorEncoding,
};
pub use error::{RunError, RunErrorKind};
pub use event::{
    IncompleteReason, Node, Outcome, OutputEvent, RunEnd, RunEvent, StepEvent, StepPhase, Usage,
    UsageSource, Verbatim,
};
pub use glob::{Glob, GlobError};
pub use id::{Entropy, Id};
pub use idempotency::{AnswerPieces, Claim, Claimed, Fingerprint, IdempotencyStore};
pub use item::{
    FunctionCall, FunctionOutput, Item, ItemKind, Media, MediaSource, Message, Part, Role,
};
pub use price::{Picodollars, Price};
pub use principal::{AuthError, Authenticator, Principal, Scope};
pub use request::{
    Api, Hints, Original, OutputFormat, RunRequest, Sampling, ToolChoice, ToolMode, ToolSpec,
    Truncation,
};
pub use run::{
    BoxFuture, ModelInfo, Orchestrator, OutputStream, Provider, RunCx, RunStream, UsageSink,
};
pub use store::{ResponseStore, StoreError, StoredResponse};
pub use trace::TraceContext;
pub use validator::{ValidationError, Validator};
