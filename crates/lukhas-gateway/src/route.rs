// SPDX-License-Identifier: Apache-2.0
//! The one table of routes. Routing, scopes, metric labels and the OpenAPI document come from it.

mod table;

use std::fmt;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use lukhas_core::{BoxFuture, Id, Principal, Scope};
use schemars::{Schema, SchemaGenerator};

use crate::gateway::Shared;
use crate::limits::Ticket;
use crate::telling::Telling;
use crate::{ApiError, ErrorCode};

/// One route.
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path, with parameters in braces.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// What rate limits know it as; `None` is never limited.
    pub class: Option<RateClass>,
    /// Identifier of the operation in the OpenAPI document.
    pub operation: &'static str,
    /// The group it is listed under.
    pub tag: &'static str,
    /// One line for people.
    pub summary: &'static str,
    pub(crate) parameters: &'static [Parameter],
    pub(crate) request: Option<RequestBody>,
    pub(crate) answer: Answer,
    pub(crate) errors: &'static [ErrorCode],
    pub(crate) handler: Handler,
}

/// A method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// GET; HEAD is answered alike, without the body.
    Get,
    /// POST.
    Post,
    /// DELETE.
    Delete,
}

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone.
    Public,
    /// The holder of a key with this scope.
    Scope(Scope),
}

/// What rate limits know routes as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RateClass {
    /// Making a response, or counting its input.
    Responses,
    /// Making a chat completion.
    Chat,
    /// Embedding.
    Embeddings,
    /// Reading and deleting what is kept.
    Stored,
    /// Reading the list of models.
    Models,
    /// Metrics and documents.
    Operations,
}

/// A parameter in the path or the query.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    pub(crate) description: &'static str,
    /// Its JSON Schema.
    pub(crate) schema: &'static str,
}

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Path,
    Query,
}

/// Makes the schema of a type.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// A request body.
pub(crate) struct RequestBody {
    pub(crate) schema: SchemaOf,
    /// An example: JSON.
    pub(crate) example: &'static str,
}

/// A successful answer.
pub(crate) enum Answer {
    /// JSON.
    Json(SchemaOf),
    /// JSON, with status 200 or, when a check fails, 503.
    Checks(SchemaOf),
    /// JSON, or events when the request asks for a stream.
    JsonOrEvents(SchemaOf, SchemaOf),
    /// Text, of the first of these types that the client accepts.
    Text(&'static [&'static str]),
}

/// Answers the holder of a key.
pub(crate) type KeyedHandler = fn(Call) -> BoxFuture<'static, Result<Response, ApiError>>;

/// What answers a route.
#[derive(Clone, Copy)]
pub(crate) enum Handler {
    /// Anyone is answered.
    Public(fn(Arc<Shared>) -> BoxFuture<'static, Result<Response, ApiError>>),
    /// The holder of a key is answered.
    Keyed(KeyedHandler),
    /// The same; requests that carry the same `Idempotency-Key`, once.
    Once(KeyedHandler),
}

/// An authenticated request.
pub(crate) struct Call {
    pub(crate) shared: Arc<Shared>,
    pub(crate) principal: Arc<Principal>,
    /// What the answer and the logs name the request by.
    pub(crate) request_id: Id,
    pub(crate) request: Request,
    /// What it took of the rate limits.
    pub(crate) ticket: Ticket,
    pub(crate) telling: Telling,
}

/// Every route there is, in the order of the documents.
#[must_use]
pub fn routes() -> &'static [Route] {
    table::ROUTES
}

impl RateClass {
    /// Every class.
    pub const ALL: [Self; 6] = [
        Self::Responses,
        Self::Chat,
        Self::Embeddings,
        Self::Stored,
        Self::Models,
        Self::Operations,
    ];

    /// Whether its requests name a model, whose tokens can be counted.
    #[must_use]
    pub fn names_a_model(self) -> bool {
        match self {
            Self::Responses | Self::Chat | Self::Embeddings => true,
            Self::Stored | Self::Models | Self::Operations => false,
        }
    }
}

impl Method {
    /// Its name, as in a request line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method.as_str(), self.path)
    }
}
