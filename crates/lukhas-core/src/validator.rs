// SPDX-License-Identifier: Apache-2.0
//! JSON held to a JSON Schema.

use std::sync::Arc;

use serde_json::Value;

use crate::{BoxFuture, RunError};

/// Validates JSON against JSON Schemas.
///
/// Implementers bound the work that a schema and a text can cause, and do it where it holds up
/// nobody else.
pub trait Validator: Send + Sync {
    /// Whether `json`, the text of a JSON value, is an instance of `schema`.
    ///
    /// # Errors
    /// [`ValidationError`] when it is none, or nobody can tell.
    fn validate(
        &self,
        schema: Arc<Value>,
        json: String,
    ) -> BoxFuture<'static, Result<(), ValidationError>>;
}

/// Why a text is not known to be an instance of a schema.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ValidationError {
    /// It is none. `rule` is where in the schema the rule stands that it breaks, as a JSON pointer;
    /// nothing of the text is in it.
    #[error("it breaks the schema at `{rule}`")]
    Instance {
        /// The place of the rule.
        rule: String,
    },
    /// The schema is none, or validating would take too long. The error blames no field yet.
    #[error("it cannot be validated")]
    Schema(#[source] RunError),
}
