// SPDX-License-Identifier: Apache-2.0
//! The list of models.

use axum::response::Response;
use lukhas_core::{ModelInfo, Principal, RunError};
use lukhas_openai::{ModelList, ModelObject};

use super::query;
use crate::gateway::Shared;
use crate::route::Call;
use crate::{ApiError, ErrorCode, answer};

/// `GET /v1/models`.
pub(crate) fn list(call: &Call) -> Result<Response, ApiError> {
    answer::json(&ModelList::from_iter(all(&call.shared, &call.principal)))
}

/// `GET /v1/models/{model}`.
pub(crate) async fn get(call: Call) -> Result<Response, ApiError> {
    let id = query::path_parameter(call.request).await?;
    let models = all(&call.shared, &call.principal);
    let model = models.into_iter().find(|model| model.id == id);
    answer::json(&model.ok_or_else(|| RunError::model_not_found(&id))?)
}

/// Every model there is for `principal`: those that answer, then those that only embed.
fn all(shared: &Shared, principal: &Principal) -> Vec<ModelObject> {
    let answering = shared.orchestrator.models();
    let embedding = shared.embedder.models().iter();
    let embedding = embedding.filter(|model| answering.iter().all(|other| other.id != model.id));
    let all = answering.iter().chain(embedding);
    let all = all.filter(|model| principal.may_use(&model.id));
    all.map(Into::into).collect()
}

/// What `principal` is told when `model` cannot answer: `error`, unless it calls a model unknown that
/// is known to embed.
pub(super) fn cannot_answer(
    shared: &Shared,
    principal: &Principal,
    model: &str,
    error: ApiError,
) -> ApiError {
    let lists = |models: &[ModelInfo]| models.iter().any(|other| other.id == model);
    let only_embeds = lists(shared.embedder.models()) && !lists(shared.orchestrator.models());
    let is_told = only_embeds && principal.may_use(model);
    if error.code() != ErrorCode::ModelNotFound || !is_told {
        return error;
    }
    let message = format!("`{model}` only embeds. Use it with `POST /v1/embeddings`.");
    ApiError::new(ErrorCode::UnsupportedParameter, message).with_param("model")
}
