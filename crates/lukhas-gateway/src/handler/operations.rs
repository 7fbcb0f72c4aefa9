// SPDX-License-Identifier: Apache-2.0
//! Health, readiness, metrics and the OpenAPI document.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use http::header::{ACCEPT, HeaderValue};
use lukhas_observability::Format;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::timeout;

use crate::admission::Phase;
use crate::gateway::Shared;
use crate::limits::OnFailure;
use crate::route::Call;
use crate::{ApiError, answer, openapi_json};

/// Longest wait for one readiness check.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// The status of a check that makes the whole `not_ready`.
const FAILED: &str = "failed";

/// That the process lives.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Health {
    /// Always `ok`.
    status: &'static str,
}

/// Whether requests can be served now.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Readiness {
    /// `ready` or `not_ready`.
    status: &'static str,
    /// Each check, by name.
    checks: BTreeMap<&'static str, Check>,
}

/// One check.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Check {
    /// `ok`; `failed`, which makes the whole `not_ready`; or `warning`, which does not.
    status: &'static str,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// `GET /healthz`.
pub(crate) fn health() -> Result<Response, ApiError> {
    answer::json(&Health { status: "ok" })
}

/// `GET /readyz`.
pub(crate) async fn ready(shared: Arc<Shared>) -> Result<Response, ApiError> {
    let store = match timeout(CHECK_TIMEOUT, shared.store.check()).await {
        Ok(checked) => checked.map_err(|error| error.to_string()),
        Err(_) => Err("no answer in time".to_owned()),
    };
    let models = match shared.orchestrator.models() {
        [] => Err("no model is configured".to_owned()),
        [_, ..] => Ok(()),
    };
    let serving = match shared.admission.phase() {
        Phase::Serving => Ok(()),
        Phase::Draining | Phase::Forced => Err("the server is shutting down".to_owned()),
    };
    let budgets = shared.budgets.check().map(|result| ("budgets", result));
    let checks = [("store", store), ("models", models), ("serving", serving)];
    let checks: Vec<_> = checks.into_iter().chain(budgets).collect();
    let ready = checks.iter().all(|(_, result)| result.is_ok());
    let further = store_of_replicas(&shared);
    let ready = ready
        && further
            .as_ref()
            .is_none_or(|(_, check)| check.status != FAILED);
    let checks = checks
        .into_iter()
        .map(|(name, result)| (name, Check::of(result)))
        .chain([("config", config(&shared)), ("room", room(&shared))])
        .chain(sinks(&shared))
        .chain(further)
        .collect();
    let status = if ready { "ready" } else { "not_ready" };
    let mut response = answer::json(&Readiness { status, checks })?;
    if !ready {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    Ok(response)
}

/// Whether those are told of requests who should be. It can serve all the same.
fn sinks(shared: &Shared) -> impl Iterator<Item = (&'static str, Check)> {
    let standing = shared.telemetry.standing().into_iter();
    standing.map(|(name, problem)| (name, Check::warning(problem)))
}

/// Whether what replicas share can be reached, if they share anything.
fn store_of_replicas(shared: &Shared) -> Option<(&'static str, Check)> {
    let (name, checked, on_failure) = shared.counts.sharing()?.check();
    let check = match on_failure {
        OnFailure::Local => Check::warning(checked.err()),
        OnFailure::Deny => Check::of(checked),
    };
    Some((name, check))
}

/// Whether it serves as its configuration says. It can serve all the same.
fn config(shared: &Shared) -> Check {
    let warning = shared.config_warning.lock();
    let warning = warning.unwrap_or_else(PoisonError::into_inner);
    Check::warning(warning.clone())
}

/// Whether there is room for what is asked. To take it out for that would give its load to the others.
fn room(shared: &Shared) -> Check {
    let sheds = shared.admission.sheds();
    Check::warning(sheds.then(|| "more is asked than there is room for".to_owned()))
}

impl Check {
    /// Something that hinders no request.
    fn warning(reason: Option<String>) -> Self {
        let status = match reason {
            None => "ok",
            Some(_) => "warning",
        };
        Self { status, reason }
    }

    fn of(result: Result<(), String>) -> Self {
        match result {
            Ok(()) => Self {
                status: "ok",
                reason: None,
            },
            Err(reason) => Self {
                status: FAILED,
                reason: Some(reason),
            },
        }
    }
}

/// `GET /metrics`.
pub(crate) fn metrics(call: &Call) -> Result<Response, ApiError> {
    let accept = call
        .request
        .headers()
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok());
    let (content_type, text) = call.shared.metrics.encode(Format::from_accept(accept));
    Ok(answer::typed(
        HeaderValue::from_static(content_type),
        Body::from(text),
    ))
}

/// `GET /openapi.json`.
pub(crate) fn openapi() -> Result<Response, ApiError> {
    answer::json(&openapi_json())
}
