// SPDX-License-Identifier: Apache-2.0
//! The list of models.

use axum::response::Response;
use lukhas_core::RunError;
use lukhas_openai::{ModelList, ModelObject};

use super::query;
use crate::gateway::Shared;
use crate::route::Call;
use crate::{ApiError, answer};

/// `GET /v1/models`.
pub(crate) fn list(call: &Call) -> Result<Response, ApiError> {
    answer::json(&ModelList::from_iter(all(&call.shared)))
}

/// `GET /v1/models/{model}`.
pub(crate) async fn get(call: Call) -> Result<Response, ApiError> {
    let id = query::path_parameter(call.request).await?;
    let model = all(&call.shared).into_iter().find(|model| model.id == id);
    answer::json(&model.ok_or_else(|| RunError::model_not_found(&id))?)
}

/// Every model: those that answer, then those that embed.
fn all(shared: &Shared) -> Vec<ModelObject> {
    let info = shared.embedder.info();
    let embedding = |id: &str| {
        ModelObject::new(
            id.to_owned(),
            CREATED,
            "lukhas".to_owned(),
            info.description.clone(),
        )
    };
    let aliases = shared
        .aliases
        .iter()
        .filter(|(_, target)| **target == info.id);
    let answering = shared.orchestrator.models().iter().map(ModelObject::from);
    answering
        .chain(std::iter::once(embedding(&info.id)))
        .chain(aliases.map(|(alias, _)| embedding(alias)))
        .collect()
}

/// Unix time of the embedding model's first version.
const CREATED: u64 = 1_780_000_000;
