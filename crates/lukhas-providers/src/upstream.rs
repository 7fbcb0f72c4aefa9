// SPDX-License-Identifier: Apache-2.0
//! One address that answers for models.

mod body;
mod embed;
mod patience;
mod status;
mod stream;

use std::fmt;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT,
};
use http::{HeaderMap, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use lukhas_core::{RunRequest, TraceContext};
use lukhas_redact::Secret;
use lukhas_reliability::{Deadline, FailureKind, Timeouts};

use crate::answer::Answer;
use crate::client::{Clients, Connection};
use crate::error::Failed;
use crate::passage::{self, Passage, Templates};
use crate::{Dialect, UpstreamError, UpstreamEvent, UpstreamObserver, embeddings};

use self::patience::{Elapsed, Limit, Patience};

pub(crate) use status::word;
pub(crate) use stream::Answering;

/// Where an upstream is and how it is spoken to.
pub struct UpstreamConfig {
    /// Its name in logs and metrics.
    pub name: String,
    /// The language it speaks.
    pub dialect: Dialect,
    /// Where its API begins, as in `https://api.openai.com/v1`. It may be a private address: it
    /// comes from the operator, never from a request.
    pub base_url: String,
    /// The key it wants, if it wants one.
    pub key: Option<Secret<String>>,
    /// How long each part of a call may take.
    pub timeouts: Timeouts,
    /// Certificate authorities in PEM form, to trust instead of the public ones.
    pub ca: Option<Vec<u8>>,
    /// Most bytes of one answer: of its body when it is whole, of each of its events and of all its
    /// texts together when it is streamed.
    pub max_answer_bytes: usize,
    /// Who is told what happens to its calls, if anybody is.
    pub observer: Option<Arc<dyn UpstreamObserver>>,
}

/// One address that answers for models. Cheap to clone.
#[derive(Clone)]
pub struct Upstream(Arc<Shared>);

#[derive(Clone)]
struct Shared {
    name: String,
    dialect: Dialect,
    base: Uri,
    /// Where answers are asked for: a path.
    path: Uri,
    /// Where embeddings are asked for: a path.
    embeddings: Uri,
    headers: HeaderMap,
    timeouts: Timeouts,
    max_answer_bytes: usize,
    clients: Arc<Clients>,
    templates: Arc<Templates>,
    ca: Option<Arc<[u8]>>,
    observer: Option<Arc<dyn UpstreamObserver>>,
}

/// What a call carries besides its body.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'c> {
    /// When its answer has to be whole.
    pub(crate) deadline: Deadline,
    /// Where in a distributed trace it is.
    pub(crate) trace: Option<&'c TraceContext>,
}

impl UpstreamConfig {
    /// An upstream without a key, with the default timeouts and 16 MiB for an answer.
    #[must_use]
    pub fn new(name: impl Into<String>, dialect: Dialect, base_url: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            dialect,
            base_url: base_url.into(),
            key: None,
            timeouts: Timeouts::default(),
            ca: None,
            max_answer_bytes: 16 << 20,
            observer: None,
        }
    }
}

impl Upstream {
    /// The upstream of `config`. Nothing is connected yet.
    ///
    /// # Errors
    /// [`UpstreamError`] names the setting that cannot be.
    pub fn new(config: UpstreamConfig) -> Result<Self, UpstreamError> {
        let base = base(&config.base_url)?;
        let headers = headers(&config, &base)?;
        Ok(Self(Arc::new(Shared {
            base: base.clone(),
            path: path(&base, config.dialect.path())?,
            embeddings: path(&base, embeddings::PATH)?,
            name: config.name,
            dialect: config.dialect,
            headers,
            max_answer_bytes: config.max_answer_bytes,
            clients: Arc::new(Clients::new(
                base,
                config.timeouts.connect(),
                config.ca.as_deref(),
            )?),
            templates: Arc::default(),
            timeouts: config.timeouts,
            ca: config.ca.map(Arc::from),
            observer: config.observer,
        })))
    }

    /// Whether `config` makes the same upstream, but for how long it is waited for once there is a
    /// connection. Who is told of its calls does not matter.
    #[must_use]
    pub fn is_like(&self, config: &UpstreamConfig) -> bool {
        let shared = &*self.0;
        let base = base(&config.base_url).ok().filter(|it| *it == shared.base);
        let headers = base.and_then(|base| headers(config, &base).ok());
        headers.is_some_and(|it| it == shared.headers)
            && config.name == shared.name
            && config.dialect == shared.dialect
            && config.ca.as_deref() == shared.ca.as_deref()
            && config.max_answer_bytes == shared.max_answer_bytes
            && config.timeouts.connect() == shared.timeouts.connect()
    }

    /// The same upstream over the same connections, waited for differently. How long a connection
    /// may take to come about stays as it was.
    #[must_use]
    pub fn with_timeouts(&self, timeouts: Timeouts) -> Self {
        let shared = Shared::clone(&self.0);
        Self(Arc::new(Shared { timeouts, ..shared }))
    }

    /// Its name in logs and metrics.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The language it speaks.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.0.dialect
    }

    /// How long each part of a call may take.
    #[must_use]
    pub fn timeouts(&self) -> &Timeouts {
        &self.0.timeouts
    }

    /// Tells whoever counts what happened to a call.
    pub(crate) fn observe(&self, event: UpstreamEvent) {
        if let Some(observer) = &self.0.observer {
            observer.observe(event);
        }
    }

    /// Asks once, and waits until the answer begins.
    ///
    /// Nobody has seen anything of an answer that fails here, so that it can be asked for again.
    pub(crate) async fn ask(
        &self,
        model: &str,
        request: &RunRequest,
        asking: Asking<'_>,
    ) -> Result<Answering, Failed> {
        let deadline = asking.deadline;
        let (passage, body) = self.prepare(model, request)?;
        let mut patience = Patience::default();
        let (response, connection) = self
            .send(body, request.whole, asking, &mut patience)
            .await?;
        if !response.status().is_success() {
            return Err(status::failure(response, deadline.limit(self.0.timeouts.idle())).await);
        }
        status::check_encoding(response.headers())?;
        if request.whole {
            let body = response.into_body();
            let limit = self.0.max_answer_bytes;
            let body = body::read(body, limit, deadline, &mut patience).await?;
            connection.keep();
            let mut answer = Answer::default();
            passage::read_whole(passage, &mut *self.0.dialect.reader(), &body, &mut answer)?;
            return Ok(Answering::whole(answer));
        }
        status::check_events(response.headers())?;
        let body = (response.into_body(), connection);
        let mut answering = Answering::streamed(self, body, passage, deadline);
        answering.begin().await?;
        Ok(answering)
    }

    /// The body to send: the client's own where it can be passed on, or else a translation.
    fn prepare(
        &self,
        model: &str,
        request: &RunRequest,
    ) -> Result<(Option<Passage>, Bytes), Failed> {
        let dialect = self.0.dialect;
        if let Some((passage, body)) = Passage::open(request, dialect, model, &self.0.templates) {
            return Ok((Some(passage), body));
        }
        let body = dialect.request(model, request);
        let body = body.map_err(|error| Failed::new(FailureKind::Rejected, error))?;
        Ok((None, Bytes::from(body.to_string())))
    }

    async fn send(
        &self,
        body: Bytes,
        whole: bool,
        mut asking: Asking<'_>,
        patience: &mut Patience,
    ) -> Result<(Response<Incoming>, Connection), Failed> {
        // A whole answer takes as long as it takes to make: only the deadline bounds it.
        let accept = if whole {
            "application/json"
        } else {
            let first = self.0.timeouts.first_byte();
            asking.deadline = asking.deadline.within(first);
            "text/event-stream"
        };
        self.post(&self.0.path, body, accept, asking, patience)
            .await
    }

    /// Posts `body`, and waits at most until its deadline for an answer to begin.
    async fn post(
        &self,
        path: &Uri,
        body: Bytes,
        accept: &'static str,
        asking: Asking<'_>,
        patience: &mut Patience,
    ) -> Result<(Response<Incoming>, Connection), Failed> {
        let mut outgoing = Request::new(Full::new(body));
        *outgoing.method_mut() = http::Method::POST;
        outgoing.uri_mut().clone_from(path);
        outgoing.headers_mut().clone_from(&self.0.headers);
        let accept = HeaderValue::from_static(accept);
        outgoing.headers_mut().insert(ACCEPT, accept);
        if let Some(trace) = asking.trace {
            put_trace(trace, outgoing.headers_mut());
        }
        let mut sent = pin!(self.0.clients.send(outgoing));
        let limit = Limit::Until(asking.deadline.moment());
        let answered = patience.wait(limit, |cx| sent.as_mut().poll(cx)).await;
        answered
            .map_err(|Elapsed(time)| Failed::timeout("did not answer", time))?
            .map_err(|unsent| status::unsent(&unsent, self.0.timeouts.connect()))
    }
}

/// What every request to `base` carries, its key included.
/// Tells the upstream where in a trace it is asked (W3C Trace Context).
fn put_trace(trace: &TraceContext, headers: &mut HeaderMap) {
    if let Ok(value) = HeaderValue::try_from(trace.to_string()) {
        headers.insert(HeaderName::from_static("traceparent"), value);
    }
    if let Some(Ok(value)) = trace.state().map(HeaderValue::from_str) {
        headers.insert(HeaderName::from_static("tracestate"), value);
    }
}

fn headers(config: &UpstreamConfig, base: &Uri) -> Result<HeaderMap, UpstreamError> {
    let mut headers = config.dialect.headers(config.key.as_ref())?;
    headers.insert(HOST, host(base)?);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let agent = concat!("lukhas/", env!("CARGO_PKG_VERSION"));
    headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    Ok(headers)
}

/// Where the API begins.
fn base(url: &str) -> Result<Uri, UpstreamError> {
    let base: Uri = url
        .trim_end_matches('/')
        .parse()
        .map_err(|_| wrong("is not a URL"))?;
    match base.scheme_str() {
        Some("http" | "https") => {}
        Some(_) | None => return Err(wrong("does not begin with `http://` or `https://`")),
    }
    let authority = base.authority().ok_or_else(|| wrong("has no host"))?;
    if authority.as_str().contains('@') {
        return Err(wrong("holds a user or password: configure a key instead"));
    }
    if base.query().is_some() {
        return Err(wrong("has a query"));
    }
    Ok(base)
}

/// Where requests for `path` go, on the host of `base`.
fn path(base: &Uri, path: &str) -> Result<Uri, UpstreamError> {
    let path = format!("{}{path}", base.path().trim_end_matches('/'));
    path.parse().map_err(|_| wrong("has a path that is none"))
}

/// The host that requests name: its port only where it is not the scheme's own (RFC 9110, 7.2).
fn host(base: &Uri) -> Result<HeaderValue, UpstreamError> {
    let host = base.host().unwrap_or_default();
    let own = match base.scheme_str() {
        Some("https") => 443,
        _ => 80,
    };
    let host = match base.port_u16().filter(|port| *port != own) {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    HeaderValue::try_from(host).map_err(|_| wrong("has a host that is none"))
}

fn wrong(why: &str) -> UpstreamError {
    let message = format!("{why}: write it as in `https://api.example.com/v1`");
    UpstreamError::new("base_url", message)
}

impl fmt::Debug for UpstreamConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamConfig")
            .field("name", &self.name)
            .field("dialect", &self.dialect)
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("name", &self.0.name)
            .field("dialect", &self.0.dialect)
            .field("base_url", &self.0.base)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lukhas_reliability::TimeoutsConfig;

    use super::*;

    fn config() -> UpstreamConfig {
        UpstreamConfig {
            key: Some(Secret::new("sk-a".to_owned())),
            ..UpstreamConfig::new("a", Dialect::Chat, "http://127.0.0.1:9/v1")
        }
    }

    fn waiting(connect: u64, read: u64) -> Timeouts {
        let config = TimeoutsConfig {
            connect: Duration::from_millis(connect),
            first_byte: Duration::from_millis(read),
            idle: Duration::from_millis(read),
            total: Duration::from_secs(60),
        };
        Timeouts::new(config).unwrap()
    }

    #[test]
    fn an_upstream_is_like_what_makes_the_same_connections_and_requests() {
        let made = UpstreamConfig {
            timeouts: waiting(100, 200),
            ..config()
        };
        let made = Upstream::new(made).unwrap();
        let check = |change: UpstreamConfig, expected| {
            assert_eq!(made.is_like(&change), expected, "{change:?}");
        };
        let timeouts = waiting(100, 300);
        let same = || UpstreamConfig {
            timeouts,
            ..config()
        };
        let secret = |key: &str| Some(Secret::new(key.to_owned()));
        check(same(), true);
        check(
            UpstreamConfig {
                base_url: "http://127.0.0.1:9/v1/".into(),
                ..same()
            },
            true,
        );
        check(
            UpstreamConfig {
                base_url: "http://127.0.0.1:8/v1".into(),
                ..same()
            },
            false,
        );
        check(
            UpstreamConfig {
                base_url: "none".into(),
                ..same()
            },
            false,
        );
        check(
            UpstreamConfig {
                name: "b".into(),
                ..same()
            },
            false,
        );
        check(
            UpstreamConfig {
                dialect: Dialect::Responses,
                ..same()
            },
            false,
        );
        check(
            UpstreamConfig {
                key: secret("sk-b"),
                ..same()
            },
            false,
        );
        check(
            UpstreamConfig {
                key: None,
                ..same()
            },
            false,
        );
        check(
            UpstreamConfig {
                ca: Some(Vec::new()),
                ..same()
            },
            false,
        );
        check(
            UpstreamConfig {
                max_answer_bytes: 1,
                ..same()
            },
            false,
        );
        check(
            UpstreamConfig {
                timeouts: waiting(99, 200),
                ..same()
            },
            false,
        );
    }
}
