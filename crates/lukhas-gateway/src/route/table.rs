// SPDX-License-Identifier: Apache-2.0
//! The table itself.

use std::future::ready;

use lukhas_core::Scope;
use lukhas_openai::{
    ChatChunk, ChatCompletion, CountInputTokens, CreateChatCompletion, CreateEmbedding,
    CreateResponse, DeletedResponse, EmbeddingList, InputTokens, ItemList, ModelList, ModelObject,
    ResponseEvent, ResponseObject,
};

use super::{Access, Answer, Handler, Method, Parameter, Place, RateClass, RequestBody, Route};
use crate::ErrorCode;
use crate::handler::{chat, embeddings, models, operations, responses};

/// What any route that reads a body can answer.
macro_rules! body_errors {
    ($($code:ident),* $(,)?) => {
        &[
            ErrorCode::InvalidJson,
            ErrorCode::InvalidType,
            ErrorCode::InvalidValue,
            ErrorCode::MissingRequiredParameter,
            ErrorCode::UnknownParameter,
            ErrorCode::UnsupportedParameter,
            ErrorCode::RequestTimeout,
            ErrorCode::RequestTooLarge,
            ErrorCode::UnsupportedMediaType,
            ErrorCode::ModelNotFound,
            ErrorCode::Overloaded,
            $(ErrorCode::$code,)*
        ]
    };
}

const RESPONSE_ID: Parameter = Parameter {
    name: "response_id",
    place: Place::Path,
    description: "Identifier of the response.",
    schema: r#"{"type":"string","examples":["resp_0123456789abcdef0123456789abcdef"]}"#,
};

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Post,
        path: "/v1/responses",
        access: Access::Scope(Scope::Responses),
        class: Some(RateClass::Responses),
        operation: "createResponse",
        tag: "Responses",
        summary: "Create a response, whole or as events.",
        parameters: &[],
        request: Some(RequestBody {
            schema: |schemas| schemas.subschema_for::<CreateResponse>(),
            example: r#"{"model":"lukhas-matriz","input":"What is 6 * 7?"}"#,
        }),
        answer: Answer::JsonOrEvents(
            |schemas| schemas.subschema_for::<ResponseObject>(),
            |schemas| schemas.subschema_for::<ResponseEvent<'_>>(),
        ),
        errors: body_errors![
            ContextLengthExceeded,
            PreviousResponseNotFound,
            InsufficientQuota,
            UpstreamError,
            UpstreamTruncated,
            UpstreamTimeout
        ],
        handler: Handler::Once(|call| Box::pin(responses::create(call))),
    },
    Route {
        method: Method::Get,
        path: "/v1/responses/{response_id}",
        access: Access::Scope(Scope::Responses),
        class: Some(RateClass::Stored),
        operation: "getResponse",
        tag: "Responses",
        summary: "Fetch a stored response.",
        parameters: &[
            RESPONSE_ID,
            Parameter {
                name: "include",
                place: Place::Query,
                description: "Accepted for the clients that send it; nothing further is kept.",
                schema: r#"{"type":"array","items":{"type":"string"}}"#,
            },
            Parameter {
                name: "stream",
                place: Place::Query,
                description: "Only `false`: a stored response is sent whole.",
                schema: r#"{"type":"boolean","enum":[false]}"#,
            },
        ],
        request: None,
        answer: Answer::Json(|schemas| schemas.subschema_for::<ResponseObject>()),
        errors: &[
            ErrorCode::InvalidValue,
            ErrorCode::UnknownParameter,
            ErrorCode::UnsupportedParameter,
            ErrorCode::NotFound,
        ],
        handler: Handler::Keyed(|call| Box::pin(responses::get(call))),
    },
    Route {
        method: Method::Delete,
        path: "/v1/responses/{response_id}",
        access: Access::Scope(Scope::Responses),
        class: Some(RateClass::Stored),
        operation: "deleteResponse",
        tag: "Responses",
        summary: "Delete a stored response.",
        parameters: &[RESPONSE_ID],
        request: None,
        answer: Answer::Json(|schemas| schemas.subschema_for::<DeletedResponse>()),
        errors: &[ErrorCode::UnknownParameter, ErrorCode::NotFound],
        handler: Handler::Keyed(|call| Box::pin(responses::delete(call))),
    },
    Route {
        method: Method::Get,
        path: "/v1/responses/{response_id}/input_items",
        access: Access::Scope(Scope::Responses),
        class: Some(RateClass::Stored),
        operation: "listInputItems",
        tag: "Responses",
        summary: "List what the model was given for a stored response.",
        parameters: &[
            RESPONSE_ID,
            Parameter {
                name: "limit",
                place: Place::Query,
                description: "Most items of the page; 20 when absent.",
                schema: r#"{"type":"integer","minimum":1,"maximum":100}"#,
            },
            Parameter {
                name: "order",
                place: Place::Query,
                description: "`desc`, newest first, when absent.",
                schema: r#"{"type":"string","enum":["asc","desc"]}"#,
            },
            Parameter {
                name: "after",
                place: Place::Query,
                description: "Identifier of the item after which the page begins.",
                schema: r#"{"type":"string"}"#,
            },
            Parameter {
                name: "include",
                place: Place::Query,
                description: "Accepted for the clients that send it; nothing further is kept.",
                schema: r#"{"type":"array","items":{"type":"string"}}"#,
            },
        ],
        request: None,
        answer: Answer::Json(|schemas| schemas.subschema_for::<ItemList>()),
        errors: &[
            ErrorCode::InvalidValue,
            ErrorCode::UnknownParameter,
            ErrorCode::NotFound,
        ],
        handler: Handler::Keyed(|call| Box::pin(responses::input_items(call))),
    },
    Route {
        method: Method::Post,
        path: "/v1/responses/input_tokens",
        access: Access::Scope(Scope::Responses),
        class: Some(RateClass::Responses),
        operation: "countInputTokens",
        tag: "Responses",
        summary: "Count the input tokens of a response without making it.",
        parameters: &[],
        request: Some(RequestBody {
            schema: |schemas| schemas.subschema_for::<CountInputTokens>(),
            example: r#"{"model":"lukhas-matriz","input":"What is 6 * 7?"}"#,
        }),
        answer: Answer::Json(|schemas| schemas.subschema_for::<InputTokens>()),
        errors: body_errors![ContextLengthExceeded, PreviousResponseNotFound],
        handler: Handler::Keyed(|call| Box::pin(responses::count_input_tokens(call))),
    },
    Route {
        method: Method::Post,
        path: "/v1/chat/completions",
        access: Access::Scope(Scope::Responses),
        class: Some(RateClass::Chat),
        operation: "createChatCompletion",
        tag: "Chat",
        summary: "Create a chat completion, whole or as events.",
        parameters: &[],
        request: Some(RequestBody {
            schema: |schemas| schemas.subschema_for::<CreateChatCompletion>(),
            example: r#"{"model":"lukhas-matriz","messages":[{"role":"user","content":"Hello"}]}"#,
        }),
        answer: Answer::JsonOrEvents(
            |schemas| schemas.subschema_for::<ChatCompletion>(),
            |schemas| schemas.subschema_for::<ChatChunk<'_>>(),
        ),
        errors: body_errors![
            ContextLengthExceeded,
            InsufficientQuota,
            UpstreamError,
            UpstreamTruncated,
            UpstreamTimeout
        ],
        handler: Handler::Once(|call| Box::pin(chat::create(call))),
    },
    Route {
        method: Method::Post,
        path: "/v1/embeddings",
        access: Access::Scope(Scope::Embeddings),
        class: Some(RateClass::Embeddings),
        operation: "createEmbedding",
        tag: "Embeddings",
        summary: "Turn texts into vectors.",
        parameters: &[],
        request: Some(RequestBody {
            schema: |schemas| schemas.subschema_for::<CreateEmbedding>(),
            example: r#"{"model":"lukhas-lexical-hash-1024","input":"The quick brown fox"}"#,
        }),
        answer: Answer::Json(|schemas| schemas.subschema_for::<EmbeddingList>()),
        errors: body_errors![
            ContextLengthExceeded,
            InsufficientQuota,
            UpstreamError,
            UpstreamTruncated,
            UpstreamTimeout
        ],
        handler: Handler::Once(|call| Box::pin(embeddings::create(call))),
    },
    Route {
        method: Method::Get,
        path: "/v1/models",
        access: Access::Scope(Scope::Models),
        class: Some(RateClass::Models),
        operation: "listModels",
        tag: "Models",
        summary: "List the models.",
        parameters: &[],
        request: None,
        answer: Answer::Json(|schemas| schemas.subschema_for::<ModelList>()),
        errors: &[ErrorCode::UnknownParameter],
        handler: Handler::Keyed(|call| Box::pin(ready(models::list(&call)))),
    },
    Route {
        method: Method::Get,
        path: "/v1/models/{model}",
        access: Access::Scope(Scope::Models),
        class: Some(RateClass::Models),
        operation: "getModel",
        tag: "Models",
        summary: "Describe one model.",
        parameters: &[Parameter {
            name: "model",
            place: Place::Path,
            description: "Name of the model; it may hold slashes.",
            schema: r#"{"type":"string","examples":["lukhas-matriz"]}"#,
        }],
        request: None,
        answer: Answer::Json(|schemas| schemas.subschema_for::<ModelObject>()),
        errors: &[ErrorCode::UnknownParameter, ErrorCode::ModelNotFound],
        handler: Handler::Keyed(|call| Box::pin(models::get(call))),
    },
    Route {
        method: Method::Get,
        path: "/healthz",
        access: Access::Public,
        class: None,
        operation: "health",
        tag: "Operations",
        summary: "Whether the process lives.",
        parameters: &[],
        request: None,
        answer: Answer::Json(|schemas| schemas.subschema_for::<operations::Health>()),
        errors: &[],
        handler: Handler::Public(|_| Box::pin(ready(operations::health()))),
    },
    Route {
        method: Method::Get,
        path: "/readyz",
        access: Access::Public,
        class: None,
        operation: "ready",
        tag: "Operations",
        summary: "Whether requests can be served now, check by check.",
        parameters: &[],
        request: None,
        answer: Answer::Checks(|schemas| schemas.subschema_for::<operations::Readiness>()),
        errors: &[],
        handler: Handler::Public(|shared| Box::pin(operations::ready(shared))),
    },
    Route {
        method: Method::Get,
        path: "/metrics",
        access: Access::Scope(Scope::Operations),
        class: Some(RateClass::Operations),
        operation: "metrics",
        tag: "Operations",
        summary: "Metrics: OpenMetrics, or Prometheus text by `Accept`.",
        parameters: &[],
        request: None,
        answer: Answer::Text(&["text/plain", "application/openmetrics-text"]),
        errors: &[],
        handler: Handler::Keyed(|call| Box::pin(ready(operations::metrics(&call)))),
    },
    Route {
        method: Method::Get,
        path: "/openapi.json",
        access: Access::Scope(Scope::Operations),
        class: Some(RateClass::Operations),
        operation: "openapi",
        tag: "Operations",
        summary: "This document.",
        parameters: &[],
        request: None,
        answer: Answer::Json(|_| schemars::json_schema!({"type": "object"})),
        errors: &[],
        handler: Handler::Keyed(|_| Box::pin(ready(operations::openapi()))),
    },
];
