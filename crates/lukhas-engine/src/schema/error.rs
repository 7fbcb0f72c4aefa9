// SPDX-License-Identifier: Apache-2.0
//! Why a schema has no instance here.

use lukhas_core::{RunError, RunErrorKind};

/// Why a schema has no instance here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SchemaError {
    #[error("the schema is not valid at `{path}`: {reason}")]
    Invalid { path: String, reason: String },
    #[error("the schema refers to `{0}`, which is not in it")]
    Missing(String),
    #[error("the schema refers to `{0}`: only references inside a schema can be followed")]
    Remote(String),
    #[error("the schema at `{0}` refers to itself without end")]
    Endless(String),
    #[error("the schema nests deeper than {0} levels")]
    Deep(usize),
    #[error("the schema has more than {0} values")]
    Large(usize),
    #[error("the patterns of the schema are too large to compile")]
    Patterns,
    #[error("an instance of the schema is larger than {0} bytes")]
    LongInstance(usize),
    #[error("no instance of the schema was found: it contradicts itself or is too intricate")]
    NoInstance,
    #[error("the schema is too intricate to hold an answer of this size to it")]
    Intricate,
}

/// The error of a run, which blames no field yet.
impl From<SchemaError> for RunError {
    fn from(error: SchemaError) -> Self {
        let kind = match error {
            SchemaError::Invalid { .. }
            | SchemaError::Missing(_)
            | SchemaError::Remote(_)
            | SchemaError::Endless(_) => RunErrorKind::InvalidRequest,
            SchemaError::Deep(_)
            | SchemaError::Large(_)
            | SchemaError::Patterns
            | SchemaError::LongInstance(_)
            | SchemaError::NoInstance
            | SchemaError::Intricate => RunErrorKind::Unsupported,
        };
        Self::new(kind, error.to_string())
    }
}
