// SPDX-License-Identifier: Apache-2.0
//! What every request passes on its way in and out: identifier, panic guard, metrics, key.

mod completion;
mod refusal;

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter};
use futures_util::FutureExt;
use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use lukhas_core::{Id, Principal};
use lukhas_observability::RouteMetrics;

use crate::gateway::Shared;
use crate::route::{Access, Call, Handler, Method, Route, routes};
use crate::{ApiError, ErrorCode};
use completion::Completion;

pub(crate) use refusal::refuse;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PROCESSING_MS: HeaderName = HeaderName::from_static("openai-processing-ms");
const VERSION: HeaderName = HeaderName::from_static("openai-version");
/// What requests to no route are counted as.
const UNMATCHED: &str = "unmatched";
const VERSION_VALUE: HeaderValue = HeaderValue::from_static("2020-10-01");

/// One place requests arrive at.
struct Endpoint {
    shared: Arc<Shared>,
    action: Action,
    metrics: RouteMetrics,
    label: &'static str,
}

/// What is done there.
enum Action {
    Serve(&'static Route),
    RefuseMethod(HeaderValue),
    RefusePath,
}

/// The table as a router.
pub(crate) fn router(shared: &Arc<Shared>) -> Router {
    let mut paths: BTreeMap<&'static str, Vec<&'static Route>> = BTreeMap::new();
    for route in routes() {
        paths.entry(route.path).or_default().push(route);
    }
    let mut router = Router::new();
    for (path, routes) in paths {
        router = router.route(&axum_path(path), methods(shared, path, &routes));
    }
    let unmatched = endpoint(shared, Action::RefusePath, UNMATCHED, "ANY");
    router.fallback(move |request| serve(Arc::clone(&unmatched), request))
}

fn methods(shared: &Arc<Shared>, path: &'static str, routes: &[&'static Route]) -> MethodRouter {
    let refuse = endpoint(shared, Action::RefuseMethod(allowed(routes)), path, "ANY");
    let fallback = MethodRouter::new().fallback(move |request| serve(Arc::clone(&refuse), request));
    routes.iter().fold(fallback, |methods, route| {
        let endpoint = endpoint(shared, Action::Serve(route), path, route.method.as_str());
        methods.on(filter(route.method), move |request| {
            serve(Arc::clone(&endpoint), request)
        })
    })
}

fn endpoint(
    shared: &Arc<Shared>,
    action: Action,
    path: &'static str,
    method: &'static str,
) -> Arc<Endpoint> {
    let metrics = shared.metrics.route(path, method);
    Arc::new(Endpoint {
        shared: Arc::clone(shared),
        action,
        metrics,
        label: path,
    })
}

/// A model's name may hold slashes, which a plain path parameter does not match.
fn axum_path(path: &str) -> String {
    path.replace("/{model}", "/{*model}")
}

fn filter(method: Method) -> MethodFilter {
    match method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Delete => MethodFilter::DELETE,
    }
}

fn allowed(routes: &[&'static Route]) -> HeaderValue {
    let mut names: Vec<_> = routes.iter().map(|route| route.method.as_str()).collect();
    if names.contains(&"GET") {
        names.push("HEAD");
    }
    // Method names are visible ASCII.
    HeaderValue::from_str(&names.join(", ")).unwrap_or(HeaderValue::from_static(""))
}

async fn serve(endpoint: Arc<Endpoint>, request: Request) -> Response {
    let request_id = Id::new("req_", &*endpoint.shared.entropy);
    let completion = Completion::begin(&endpoint.metrics, endpoint.label, request_id);
    let answered = AssertUnwindSafe(handle(&endpoint, request))
        .catch_unwind()
        .await;
    let mut response = match answered {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => error.into_response(),
        Err(_) => ApiError::internal(&"a panic while handling the request").into_response(),
    };
    mark(response.headers_mut(), request_id, &completion);
    completion.attach(response)
}

/// What every answer carries.
fn mark(headers: &mut HeaderMap, request_id: Id, completion: &Completion) {
    if let Ok(value) = HeaderValue::try_from(String::from(request_id)) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(PROCESSING_MS, HeaderValue::from(completion.elapsed_ms()));
    headers.insert(VERSION, VERSION_VALUE);
}

async fn handle(endpoint: &Endpoint, request: Request) -> Result<Response, ApiError> {
    let shared = &endpoint.shared;
    let route = match &endpoint.action {
        Action::Serve(route) => route,
        Action::RefuseMethod(allow) => return Err(ApiError::method_not_allowed(allow)),
        Action::RefusePath => return Err(unknown_url(&request)),
    };
    match route.handler {
        Handler::Public(handler) => handler(Arc::clone(shared)).await,
        Handler::Keyed(handler) => {
            let principal = authenticate(shared, request.headers())?;
            authorize(route, &principal)?;
            crate::handler::check_query(route, request.uri().query())?;
            handler(Call {
                shared: Arc::clone(shared),
                principal,
                request,
            })
            .await
        }
    }
}

fn authenticate(shared: &Shared, headers: &HeaderMap) -> Result<Arc<Principal>, ApiError> {
    let token = bearer(headers).ok_or_else(|| {
        ApiError::new(
            ErrorCode::InvalidApiKey,
            "You didn't provide an API key. Send it as `Authorization: Bearer YOUR_KEY`.",
        )
    })?;
    shared.authenticator.authenticate(token).map_err(|_| {
        ApiError::new(
            ErrorCode::InvalidApiKey,
            "Incorrect API key provided. Keys of this server are set by its operator; in \
             development it prints one when it starts.",
        )
    })
}

/// The token of an `Authorization: Bearer` header (RFC 6750); the scheme's case does not matter.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"bearer ") && !token.is_empty()).then_some(token)
}

fn authorize(route: &Route, principal: &Principal) -> Result<(), ApiError> {
    match route.access {
        Access::Scope(scope) if !principal.may(scope) => {
            let message = format!("This key lacks the scope `{}`.", scope.as_str());
            Err(ApiError::new(ErrorCode::InsufficientScope, message))
        }
        Access::Scope(_) | Access::Public => Ok(()),
    }
}

fn unknown_url(request: &Request) -> ApiError {
    let path: String = request.uri().path().chars().take(128).collect();
    let message = format!(
        "Unknown request URL: {} {path}. GET /openapi.json lists the routes of this server.",
        request.method()
    );
    ApiError::new(ErrorCode::NotFound, message)
}
