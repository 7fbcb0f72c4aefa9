// SPDX-License-Identifier: Apache-2.0
//! What every request passes on its way in and out: identifier, panic guard, metrics, key.

mod client;
mod completion;
mod refusal;

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, any};
use axum::{BoxError, Router};
use futures_util::FutureExt;
use futures_util::future::Either;
use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use lukhas_core::{BoxFuture, Id, Principal};
use lukhas_observability::{RouteMetrics, SloMetrics};
use percent_encoding::percent_decode_str;
use tokio::task::yield_now;
use tower::Service as _;

use crate::gateway::Shared;
use crate::idempotency::{IDEMPOTENCY_KEY, once};
use crate::limits::{RouteLimits, Standings, Ticket, with_standings};
use crate::route::{Access, Call, Handler, Method, RateClass, Route, routes};
use crate::telling::Telling;
use crate::{ApiError, ErrorCode, Network, Peer};
use completion::Completion;

pub(crate) use refusal::refuse;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PROCESSING_MS: HeaderName = HeaderName::from_static("openai-processing-ms");
const VERSION: HeaderName = HeaderName::from_static("openai-version");
/// What requests to no route are counted as.
const UNMATCHED: &str = "unmatched";
/// The operation that makes no answer, though it is limited like those that do.
const COUNTING: &str = "countInputTokens";
const VERSION_VALUE: HeaderValue = HeaderValue::from_static("2020-10-01");

/// The table, ready to answer.
pub(crate) struct Front {
    router: Router,
    /// Its routes without parameters. Nearly all requests are for them, and to find one in a short
    /// list takes a tenth of what it takes a router.
    plain: Vec<Plain>,
}

/// A route whose path is the path of every request to it.
struct Plain {
    method: http::Method,
    path: &'static str,
    endpoint: Arc<Endpoint>,
}

/// One place requests arrive at.
struct Endpoint {
    shared: Arc<Shared>,
    action: Action,
    /// What limits its requests.
    limits: Option<Arc<RouteLimits>>,
    metrics: RouteMetrics,
    /// What judges its answers.
    slo: Option<SloMetrics>,
    label: &'static str,
    method: &'static str,
}

/// A request as it comes.
struct Arrival {
    request_id: Id,
    request: Request,
    telling: Telling,
}

/// An answer on its way.
type Answer = BoxFuture<'static, Result<Response, ApiError>>;

/// What is done there.
enum Action {
    Serve(&'static Route),
    RefuseMethod(HeaderValue),
    RefusePath,
}

/// Paths of the official API that are not built, where a route would take their last part for the
/// identifier of something.
const NOT_BUILT: &[&str] = &["/v1/responses/compact"];

impl Front {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        limited: &HashMap<&'static str, Arc<RouteLimits>>,
    ) -> Self {
        let mut paths: BTreeMap<&'static str, Vec<&'static Route>> = BTreeMap::new();
        for route in routes() {
            paths.entry(route.path).or_default().push(route);
        }
        let unmatched = endpoint(shared, Action::RefusePath, UNMATCHED, "ANY", None);
        let refuse = move |request| serve(Arc::clone(&unmatched), request);
        let mut router = Router::new().fallback(refuse.clone());
        for path in NOT_BUILT {
            router = router.route(path, any(refuse.clone()));
        }
        let mut front = Self {
            router,
            plain: Vec::new(),
        };
        for (path, routes) in paths {
            front.add(shared, limited, path, &routes);
        }
        front
    }

    /// Adds the routes of one path.
    fn add(
        &mut self,
        shared: &Arc<Shared>,
        limited: &HashMap<&'static str, Arc<RouteLimits>>,
        path: &'static str,
        routes: &[&'static Route],
    ) {
        let refuse = Action::RefuseMethod(allowed(routes));
        let refuse = endpoint(shared, refuse, path, "ANY", None);
        let mut methods =
            MethodRouter::new().fallback(move |request| serve(Arc::clone(&refuse), request));
        for route in routes {
            let (action, limits) = (Action::Serve(route), limited.get(route.operation).cloned());
            let endpoint = endpoint(shared, action, path, route.method.as_str(), limits);
            if !path.contains('{') {
                self.plain.push(Plain {
                    method: method(route.method),
                    path,
                    endpoint: Arc::clone(&endpoint),
                });
            }
            methods = methods.on(filter(route.method), move |request| {
                serve(Arc::clone(&endpoint), request)
            });
        }
        self.router = std::mem::take(&mut self.router).route(&axum_path(path), methods);
    }

    pub(crate) fn router(&self) -> Router {
        self.router.clone()
    }

    /// What the router would answer.
    pub(crate) fn answer<B>(
        &self,
        request: http::Request<B>,
    ) -> impl Future<Output = Result<Response, Infallible>> + Send + use<B>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let request = request.map(Body::new);
        let plain = self.plain.iter().find(|plain| plain.takes(&request));
        match plain {
            Some(plain) => Either::Left(serve(Arc::clone(&plain.endpoint), request).map(Ok)),
            None => Either::Right(self.router.clone().call(request)),
        }
    }
}

impl Plain {
    fn takes(&self, request: &Request) -> bool {
        self.path == request.uri().path() && self.method == request.method()
    }
}

fn endpoint(
    shared: &Arc<Shared>,
    action: Action,
    path: &'static str,
    method: &'static str,
    limits: Option<Arc<RouteLimits>>,
) -> Arc<Endpoint> {
    let metrics = shared.metrics.route(path, method);
    let class = match &action {
        // Counting tokens is no answer that anybody was promised anything of.
        Action::Serve(route) if route.operation == COUNTING => None,
        Action::Serve(route) => route.class,
        Action::RefuseMethod(_) | Action::RefusePath => None,
    };
    let slo = shared.slos.iter().find(|(of, _)| Some(*of) == class);
    Arc::new(Endpoint {
        slo: slo.map(|(_, slo)| slo.clone()),
        shared: Arc::clone(shared),
        action,
        limits,
        metrics,
        label: path,
        method,
    })
}

/// A model's name may hold slashes, which a plain path parameter does not match.
fn axum_path(path: &str) -> String {
    path.replace("/{model}", "/{*model}")
}

fn method(method: Method) -> http::Method {
    match method {
        Method::Get => http::Method::GET,
        Method::Post => http::Method::POST,
        Method::Delete => http::Method::DELETE,
    }
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

/// What waits for an answer is small: the request is with its handler from the start.
fn serve(endpoint: Arc<Endpoint>, request: Request) -> impl Future<Output = Response> + Send {
    let request_id = Id::new("req_", &*endpoint.shared.entropy);
    let names = (endpoint.label, endpoint.method);
    let telling = Telling::begin(&endpoint.shared, &request, names, request_id);
    let mut completion = Completion::begin(
        &endpoint.metrics,
        endpoint.label,
        request_id,
        telling.clone(),
    )
    .judged_by(endpoint.slo.clone());
    let begun = catch_unwind(AssertUnwindSafe(|| {
        let arrival = Arrival {
            request_id,
            request,
            telling,
        };
        handle(&endpoint, arrival)
    }));
    async move {
        let mut standings = Standings::default();
        let answered = match begun {
            Ok(Ok((answer, early))) => {
                standings = early;
                AssertUnwindSafe(answer).catch_unwind().await
            }
            Ok(Err(error)) => Ok(Err(error)),
            Err(panic) => Err(panic),
        };
        let redaction = &endpoint.shared.redactions.upstream;
        let mut response = match answered {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => error.answer(redaction, request_id),
            Err(_) => ApiError::panicked().answer(redaction, request_id),
        };
        let late = response.extensions_mut().remove();
        late.unwrap_or(standings).put_on(response.headers_mut());
        let took = completion.answered(response.status());
        mark(response.headers_mut(), request_id, took);
        completion.mark(response.headers_mut());
        completion.attach(response, took)
    }
}

/// What every answer carries.
fn mark(headers: &mut HeaderMap, request_id: Id, took: Duration) {
    if let Ok(value) = HeaderValue::try_from(String::from(request_id)) {
        headers.insert(REQUEST_ID, value);
    }
    let ms = match took.as_millis() {
        0 => HeaderValue::from_static("0"),
        ms => HeaderValue::from(u64::try_from(ms).unwrap_or(u64::MAX)),
    };
    headers.insert(PROCESSING_MS, ms);
    headers.insert(VERSION, VERSION_VALUE);
}

/// The handler's answer, if the request may have one, and how its limits stand.
fn handle(endpoint: &Endpoint, arrival: Arrival) -> Result<(Answer, Standings), ApiError> {
    let shared = &endpoint.shared;
    let route = match &endpoint.action {
        Action::Serve(route) => route,
        Action::RefuseMethod(allow) => return Err(ApiError::method_not_allowed(allow)),
        Action::RefusePath => return Err(unknown_url(&arrival.request)),
    };
    match route.handler {
        Handler::Public(handler) => Ok((handler(Arc::clone(shared)), Standings::default())),
        Handler::Keyed(handler) => admit(endpoint, route, arrival, handler),
        Handler::Once(handler) => {
            let answer = move |call| once(call, handler);
            admit(endpoint, route, arrival, answer)
        }
    }
}

/// What `answer` makes of the request, if its key and its limits allow it.
fn admit(
    endpoint: &Endpoint,
    route: &'static Route,
    arrival: Arrival,
    answer: impl FnOnce(Call) -> Answer + Send + 'static,
) -> Result<(Answer, Standings), ApiError> {
    let Arrival {
        request_id,
        request,
        telling,
    } = arrival;
    let shared = &endpoint.shared;
    let principal = authenticate(shared, &request)?;
    telling.asked_by(&principal);
    authorize(route, &principal)?;
    // A request that was answered before needs no room; whether it was, its body tells.
    let may_be_answered = request.headers().contains_key(IDEMPOTENCY_KEY);
    if route.class.is_some_and(RateClass::names_a_model) && !may_be_answered {
        shared.admission.check(shared.priority(&principal))?;
    }
    let mut call = Call {
        shared: Arc::clone(shared),
        principal,
        request_id,
        request,
        ticket: Ticket::default(),
        telling,
    };
    if let Some(limits) = &endpoint.limits {
        let address = address(shared, limits, &call.request);
        if limits.are_shared() {
            let admitted = admit_shared(Arc::clone(limits), address, call, route, answer);
            // How they stand is known with the answer.
            return Ok((Box::pin(admitted), Standings::default()));
        }
        call.ticket = limits.admit(&call.principal, address)?;
    }
    let standings = call.ticket.standings();
    crate::handler::check_query(route, call.request.uri().query())?;
    Ok((answer(call), standings))
}

/// The same, where replicas share the limits.
async fn admit_shared(
    limits: Arc<RouteLimits>,
    address: Option<IpAddr>,
    mut call: Call,
    route: &'static Route,
    answer: impl FnOnce(Call) -> Answer,
) -> Result<Response, ApiError> {
    let admitted = limits.admit_shared(&call.principal, address).await;
    let admitted = admitted.and_then(|ticket| {
        crate::handler::check_query(route, call.request.uri().query())?;
        Ok(ticket)
    });
    call.ticket = match admitted {
        Ok(ticket) => ticket,
        Err(error) => {
            // The connection sees that nobody reads the body before it writes the head of the answer,
            // which then says whether the connection goes on.
            drop(call);
            yield_now().await;
            return Err(error);
        }
    };
    let shared = Arc::clone(&call.shared);
    let (request_id, standings) = (call.request_id, call.ticket.standings());
    let answered = answer(call).await;
    let redaction = &shared.redactions.upstream;
    let response = answered.unwrap_or_else(|error| error.answer(redaction, request_id));
    let is_told = response.extensions().get::<Standings>().is_some();
    Ok(with_standings(response, (!is_told).then_some(standings)))
}

fn authenticate(shared: &Shared, request: &Request) -> Result<Arc<Principal>, ApiError> {
    let token = bearer(request.headers()).ok_or_else(|| {
        ApiError::new(
            ErrorCode::InvalidApiKey,
            "You didn't provide an API key. Send it as `Authorization: Bearer YOUR_KEY`.",
        )
    })?;
    let failures = shared.failed_attempts.as_deref();
    let attempt = failures.zip(request.extensions().get::<Peer>());
    let attempt = attempt.map(|(failures, Peer(peer))| {
        let client = client::client(*peer, request.headers(), &shared.trusted_proxies);
        let claimed = shared.authenticator.claimed(token);
        let attempt = failures.admit(client, claimed);
        attempt.map(|attempt| (failures, attempt))
    });
    let attempt = attempt.transpose().map_err(ApiError::too_many_failures)?;
    shared.authenticator.authenticate(token).map_err(|_| {
        if let Some((failures, attempt)) = &attempt {
            failures.failed(*attempt);
        }
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

/// Where `request` comes from, if `limits` need it: the part of the address that a client has not
/// chosen itself.
fn address(shared: &Shared, limits: &RouteLimits, request: &Request) -> Option<IpAddr> {
    if !limits.need_address() {
        return None;
    }
    let Peer(peer) = request.extensions().get()?;
    let client = client::client(*peer, request.headers(), &shared.trusted_proxies);
    Some(Network::of_client(client).first())
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
    let path = request.uri().path();
    let help = match meant(path) {
        Some(known) => format!("Did you mean {known}?"),
        None => "GET /openapi.json lists the routes of this server.".to_owned(),
    };
    // As people read it, and redaction.
    let shown = percent_decode_str(path).decode_utf8_lossy();
    let shown: String = shown
        .chars()
        .filter(|c| !c.is_control())
        .take(128)
        .collect();
    let message = format!("Unknown request URL: {} {shown}. {help}", request.method());
    ApiError::new(ErrorCode::NotFound, message)
}

/// The route that `path` misses by a slash, or by the `/v1` of a client's base URL.
fn meant(path: &str) -> Option<&'static str> {
    let path = path.trim_matches('/');
    let rest = path.strip_prefix("v1/").unwrap_or(path);
    let mut known = routes().iter().map(|route| route.path);
    known.find(|known| {
        let known = known.trim_start_matches('/');
        known == path || known == rest || known.strip_prefix("v1/") == Some(rest)
    })
}
