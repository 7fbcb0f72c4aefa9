// SPDX-License-Identifier: Apache-2.0
//! One address that answers for models.

mod body;
mod embed;
mod patience;
mod status;
mod stream;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::{HeaderMap, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use lukhas_core::RunRequest;
use lukhas_redact::Secret;
use lukhas_reliability::{Deadline, FailureKind, Timeouts};

use crate::answer::Answer;
use crate::client::Clients;
use crate::error::Failed;
use crate::passage::{self, Passage};
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
    /// Most bytes of one whole answer, and of one event of a stream.
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
    url: Uri,
    /// Where embeddings are asked for.
    embeddings: Uri,
    headers: HeaderMap,
    timeouts: Timeouts,
    max_answer_bytes: usize,
    clients: Arc<Clients>,
    observer: Option<Arc<dyn UpstreamObserver>>,
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
        let mut headers = config.dialect.headers(config.key.as_ref())?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let agent = concat!("lukhas/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        Ok(Self(Arc::new(Shared {
            url: url(&config.base_url, config.dialect.path())?,
            embeddings: url(&config.base_url, embeddings::PATH)?,
            name: config.name,
            dialect: config.dialect,
            headers,
            max_answer_bytes: config.max_answer_bytes,
            clients: Arc::new(Clients::new(
                config.timeouts.connect(),
                config.ca.as_deref(),
            )?),
            timeouts: config.timeouts,
            observer: config.observer,
        })))
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
        deadline: Deadline,
    ) -> Result<Answering, Failed> {
        let (passage, body) = self.prepare(model, request)?;
        let mut patience = Patience::default();
        let response = self
            .send(body, request.whole, deadline, &mut patience)
            .await?;
        if !response.status().is_success() {
            return Err(status::failure(response, deadline.limit(self.0.timeouts.idle())).await);
        }
        status::check_encoding(response.headers())?;
        if request.whole {
            let body = response.into_body();
            let limit = self.0.max_answer_bytes;
            let body = body::read(body, limit, deadline, &mut patience).await?;
            let mut answer = Answer::default();
            passage::read_whole(passage, &mut *self.0.dialect.reader(), &body, &mut answer)?;
            return Ok(Answering::whole(answer));
        }
        status::check_events(response.headers())?;
        let mut answering = Answering::streamed(self, response.into_body(), passage, deadline);
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
        if let Some((passage, body)) = Passage::open(request, dialect, model) {
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
        deadline: Deadline,
        patience: &mut Patience,
    ) -> Result<Response<Incoming>, Failed> {
        // A whole answer takes as long as it takes to make: only the deadline bounds it.
        let (accept, deadline) = match whole {
            true => ("application/json", deadline),
            false => {
                let first = self.0.timeouts.first_byte();
                ("text/event-stream", deadline.within(first))
            }
        };
        self.post(&self.0.url, body, accept, deadline, patience)
            .await
    }

    /// Posts `body`, and waits at most until `deadline` for an answer to begin.
    async fn post(
        &self,
        url: &Uri,
        body: Bytes,
        accept: &'static str,
        deadline: Deadline,
        patience: &mut Patience,
    ) -> Result<Response<Incoming>, Failed> {
        let mut outgoing = Request::new(Full::new(body));
        *outgoing.method_mut() = http::Method::POST;
        outgoing.uri_mut().clone_from(url);
        outgoing.headers_mut().clone_from(&self.0.headers);
        let accept = HeaderValue::from_static(accept);
        outgoing.headers_mut().insert(ACCEPT, accept);
        let mut sent = self.0.clients.client().request(outgoing);
        let limit = Limit::Until(deadline.moment());
        let answered = patience
            .wait(limit, |cx| Pin::new(&mut sent).poll(cx))
            .await;
        answered
            .map_err(|Elapsed(time)| Failed::timeout("did not answer", time))?
            .map_err(|error| status::unsent(&error, self.0.timeouts.connect()))
    }
}

/// Where requests go.
fn url(base: &str, path: &str) -> Result<Uri, UpstreamError> {
    let wrong = |why: &str| {
        let message = format!("{why}: write it as in `https://api.example.com/v1`");
        UpstreamError::new("base_url", message)
    };
    let base: Uri = base
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
    let path = format!("{}{path}", base.path().trim_end_matches('/'));
    let mut parts = base.into_parts();
    parts.path_and_query = Some(path.parse().map_err(|_| wrong("has a path that is none"))?);
    Uri::from_parts(parts).map_err(|_| wrong("is not a URL"))
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
            .field("url", &self.0.url)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
