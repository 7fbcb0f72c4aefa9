// SPDX-License-Identifier: Apache-2.0
//! Why there is no application.

use lukhas_auth::KeyError;
use lukhas_matriz::CatalogError;
use lukhas_observability::LogError;
use lukhas_reliability::{Refused, SettingError, Unreachable};
use lukhas_store::JournalError;

use crate::config::{Problem, Problems, UnsupportedSchema};

/// Why there is no application.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The configuration cannot be used; every problem says where and why.
    #[error(transparent)]
    Config(#[from] Problems),
    /// A defect: the configuration's schema has a form that is not enforced.
    #[error(transparent)]
    Schema(#[from] UnsupportedSchema),
    /// A defect: the configuration cannot be written as JSON.
    #[error("the configuration cannot be written")]
    Json(#[source] serde_json::Error),
    /// A defect: a document cannot be written as YAML.
    #[error("the document cannot be written as YAML")]
    Yaml(#[source] serde_saphyr::SerializeError),
    /// A defect: the models cannot be offered under their names.
    #[error(transparent)]
    Models(#[from] CatalogError),
    /// A key store cannot be written; else a defect: a key that was just made cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A defect: a limit that every configuration keeps is not possible.
    #[error(transparent)]
    Limit(#[from] SettingError),
    /// What budgets were spent cannot be kept or read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// What budgets were spent cannot be read where replicas share it.
    #[error("what budgets were spent cannot be read")]
    Unreachable(#[from] Unreachable),
    /// What budgets were spent cannot be taken in.
    #[error("the journal of budgets cannot be taken in")]
    Accounts(#[from] Refused),
    /// A defect: the rules of redaction cannot be compiled.
    #[error("the rules of redaction cannot be compiled")]
    Rules,
    /// Logs cannot be set up.
    #[error(transparent)]
    Logs(#[from] LogError),
}

impl From<Problem> for AppError {
    fn from(problem: Problem) -> Self {
        Self::Config(problem.into())
    }
}
