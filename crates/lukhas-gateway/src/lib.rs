// SPDX-License-Identifier: Apache-2.0
//! The OpenAI-compatible façade, as an axum [`Router`](axum::Router) over the seams of
//! [`lukhas_core`].
//!
//! Every route stands once in a static table: routing, scopes, metrics labels and the OpenAPI
//! document come from it. Every failure is an [`ApiError`] in the shape the API's clients read.
//!
//! | step | where |
//! |---|---|
//! | request id, panic guard, metrics | `front` |
//! | who, unless its client failed too often | `front`, through [`lukhas_core::Authenticator`] |
//! | how often, how much | `limits` |
//! | room for it, or a place in the queue | `admission`, `overload` |
//! | body within its bounds | `body` |
//! | the same once, for requests that carry the same key | `idempotency`, through [`lukhas_core::IdempotencyStore`] |
//! | what is asked | `handler`, through `lukhas_openai` |
//! | how much of a budget | `budgets` |
//! | run, peek before the status, fold or stream | `run` |
//! | drain | [`Drain`] |

mod admission;
mod answer;
mod attempts;
mod body;
mod budgets;
mod error;
mod error_docs;
mod front;
mod gateway;
mod handler;
mod idempotency;
mod limits;
mod network;
mod openapi;
mod overload;
mod route;
mod run;
mod scope_docs;
mod telling;

pub use admission::Drain;
pub use attempts::FailedAttempts;
pub use budgets::{
    BudgetLedger, BudgetPer, BudgetRule, BudgetUnit, Budgets, ModelPrice, SharedBudgets, WallClock,
};
pub use error::{ApiError, ErrorCode};
pub use error_docs::error_catalogue_markdown;
pub use gateway::{Gateway, GatewayParts, Limits, ReloadedParts};
pub use idempotency::Idempotency;
pub use limits::{LimitRule, OnFailure, Per, RateLimits, SharedLimits};
pub use network::{Network, NetworkError, Peer};
pub use openapi::openapi_json;
pub use overload::{Overload, PriorityRule};
pub use route::{Access, Method, RateClass, Route, routes};
pub use scope_docs::scope_table_markdown;
