// SPDX-License-Identifier: Apache-2.0
//! Embeddings.

use std::sync::Arc;

use axum::response::Response;
use lukhas_core::{
    EmbedInput, EmbedRequest, Embedded, ModelInfo, Outcome, Principal, RunEnd, RunError,
};
use lukhas_observability::{Asked, Operation};
use lukhas_openai::{CreateEmbedding, EmbeddingList};

use super::responses::{hold, run_cx};
use crate::body::{json_of, read};
use crate::gateway::Shared;
use crate::limits::{Estimate, with_standings};
use crate::route::Call;
use crate::telling::RunAbout;
use crate::{ApiError, ErrorCode, answer};

/// `POST /v1/embeddings`.
pub(crate) fn create(call: Call) -> impl Future<Output = Result<Response, ApiError>> + Send {
    let Call {
        shared,
        principal,
        request_id,
        request,
        ticket,
        telling,
    } = call;
    let body = json_of(request, &shared.limits);
    async move {
        let body = read(body?, &shared.limits).await?;
        let request = CreateEmbedding::parse(&body)?;
        check_model(&shared, &principal, &request.model)?;
        let mut permit = shared.admit(&principal, Some(&request.model)).await?;
        let (model, is_bare) = (request.model.clone(), request.input.is_bare());
        let request = EmbedRequest::from(request);
        let estimate = estimate(&request.input);
        let held = hold(&shared, ticket, &principal, &model, estimate, 1);
        let (held, standings) = held.await?;
        let encoding = request.encoding;
        let about = RunAbout {
            operation: Operation::Embeddings,
            model: &model,
            response_id: None,
            asked: Asked::default(),
            request: None,
        };
        let mut run = telling.run(&shared, &about, 0);
        let cx = run.watch(run_cx(&shared, request_id, Arc::clone(&principal), false));
        let embedded = tokio::select! {
            embedded = shared.embedder.embed(&cx, request) => embedded,
            () = permit.revoked() => return Err(ApiError::stopping()),
        };
        if let Some(told) = &mut run.told {
            told.ended(&end(&embedded));
        }
        let embedded = embedded.map_err(|error| {
            permit.failed(error.kind);
            let error = ApiError::from(error);
            error.map_param(|param| match param {
                "input[0]" if is_bare => "input".to_owned(),
                param => param.to_owned(),
            })
        })?;
        shared.tokens.record(&model, &embedded.usage);
        held.record(0, embedded.usage);
        let response = answer::json(&EmbeddingList::new(model, embedded, encoding))?;
        Ok(with_standings(response, standings))
    }
}

/// How the run ended, as runs of the pipeline do.
fn end(embedded: &Result<Embedded, RunError>) -> RunEnd {
    match embedded {
        Ok(embedded) => RunEnd {
            outcome: Outcome::Completed,
            usage: Some(embedded.usage),
        },
        Err(error) => RunEnd::failed(error.clone()),
    }
}

/// What embedding may use: of texts a token for four bytes, as in English.
fn estimate(input: &EmbedInput) -> Estimate {
    let input = match input {
        EmbedInput::Texts(texts) => texts.iter().map(|text| text.len().div_ceil(4)).sum(),
        EmbedInput::Tokens(lists) => lists.iter().map(Vec::len).sum::<usize>(),
    };
    Estimate {
        input: input as u64,
        ..Estimate::default()
    }
}

/// Tells a model that only answers from one that does not exist for `principal`.
fn check_model(shared: &Shared, principal: &Principal, model: &str) -> Result<(), ApiError> {
    let lists = |models: &[ModelInfo]| models.iter().any(|other| other.id == model);
    let embedding = shared.embedder.models();
    if !principal.may_use(model) || !lists(shared.orchestrator.models()) || lists(embedding) {
        return Ok(());
    }
    let mut message = format!("`{model}` does not embed.");
    if let Some(first) = embedding.iter().find(|model| principal.may_use(&model.id)) {
        message += &format!(" Use `{}`.", first.id);
    }
    Err(ApiError::new(ErrorCode::UnsupportedParameter, message).with_param("model"))
}
