// SPDX-License-Identifier: Apache-2.0
//! The embedded, deterministic, offline provider, and token counting.
//!
//! [`Engine`] answers without a network and without a model: it is what a server offers when no
//! upstream is configured, and a stand-in for one in tests. It never poses as a language model.
//! [`Cl100k`] counts the tokens, and [`SchemaValidator`] holds other models to a JSON Schema.
//!
//! The same request with the same seed gives the same bytes. Only the identifiers of function calls
//! differ: they come from the run's entropy.
//!
//! How an answer is chosen, first match first:
//!
//! | step | when | answer |
//! |---|---|---|
//! | call | the tool choice demands it; or leaves it open, the message's words match a tool, and no tool has given anything since | the best tool, or several that are each asked for, with arguments that are valid under their parameters |
//! | structure | the format is JSON | an instance of the schema, or an object |
//! | quotation | a tool has given something since the last user message | its output |
//! | arithmetic | a sentence asks for the value of an expression | the value, exact where it can be |
//! | dictation | `Say …`, `Reply with exactly: …` | that text |
//! | recall | a question about what the user said | the latest statement, or that there is none |
//! | echo | else | the message, and what this is |
//!
//! Values for arguments and structures are drawn from the request where they fit, then from the
//! schema's defaults and examples, then made up from the seed.

mod answer;
mod call;
mod engine;
mod random;
mod schema;
mod source;
mod stream;
mod tokenizer;
mod turn;
mod usage;
mod validator;
mod words;

pub use engine::{Engine, EngineOptions, MODEL_ID};
pub use tokenizer::Cl100k;
pub use validator::SchemaValidator;
