// SPDX-License-Identifier: Apache-2.0
//! Models of upstreams, set up for tests.

use std::convert::Infallible;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use lukhas_engine::Cl100k;
use lukhas_providers::{Dialect, RoutedModel, RoutedModelConfig, Target, Upstream, UpstreamConfig};
use lukhas_redact::Secret;
use lukhas_reliability::{
    Backoff, PoolConfig, RetryBudget, RetryBudgetConfig, RetryPolicy, Timeouts, TimeoutsConfig,
};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// How patient a test is with an upstream.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the first token, and between two pieces.
    pub read: Duration,
    /// For an answer.
    pub total: Duration,
    /// Attempts for one answer.
    pub attempts: u32,
    /// Retries as a share of requests.
    pub budget: f64,
    /// How long an answer may take to begin before another target is asked beside the first.
    pub hedge_after: Option<Duration>,
    /// How often an answer that breaks off is gone on with.
    pub continuations: u32,
}

impl Default for Patience {
    /// As `lukhas serve`, but for a total of 30 s.
    fn default() -> Self {
        Self {
            read: Duration::from_secs(10),
            total: Duration::from_secs(30),
            attempts: 3,
            budget: 0.1,
            hedge_after: None,
            continuations: 0,
        }
    }
}

/// The upstream at `url`.
#[must_use]
pub fn upstream(dialect: Dialect, url: &str, patience: Patience) -> Upstream {
    Upstream::new(config(dialect, url, patience)).expect("a possible upstream")
}

/// The upstream at `url`, which wants `key`.
#[must_use]
pub fn keyed_upstream(dialect: Dialect, url: &str, key: &str) -> Upstream {
    let config = UpstreamConfig {
        key: Some(Secret::new(key.to_owned())),
        ..config(dialect, url, Patience::default())
    };
    Upstream::new(config).expect("a possible upstream")
}

fn config(dialect: Dialect, url: &str, patience: Patience) -> UpstreamConfig {
    let timeouts = Timeouts::new(TimeoutsConfig {
        connect: Duration::from_millis(1_000).min(patience.total),
        first_byte: patience.read,
        idle: patience.read,
        total: patience.total,
    });
    UpstreamConfig {
        timeouts: timeouts.expect("possible timeouts"),
        max_answer_bytes: 256 << 10,
        ..UpstreamConfig::new("mock", dialect, format!("{url}/v1"))
    }
}

/// An upstream that answers everything with `body`, at this URL; it ends with the set.
pub async fn answering(body: &Value) -> (String, JoinSet<()>) {
    let body = Bytes::from(body.to_string());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(|_| {
                let mut answer = Response::new(Full::new(body.clone()));
                let json = HeaderValue::from_static("application/json");
                answer.headers_mut().insert(CONTENT_TYPE, json);
                std::future::ready(Ok::<_, Infallible>(answer))
            });
            let builder = http1::Builder::new();
            // A connection that breaks is its client's affair.
            let _ = builder
                .serve_connection(TokioIo::new(stream), service)
                .await;
        }
    });
    (url, tasks)
}

/// A model that answers for every name, from `upstreams` in order, each asked for the name beside
/// it, if there is one.
#[must_use]
pub fn routed<'m>(
    upstreams: impl IntoIterator<Item = (Upstream, Option<&'m str>)>,
    patience: Patience,
) -> RoutedModel {
    let targets = upstreams.into_iter().zip(0..);
    let targets = targets.map(|((upstream, model), tier)| Target {
        model: model.map(str::to_owned),
        tier,
        ..Target::new(upstream)
    });
    let budget = RetryBudget::new(RetryBudgetConfig {
        ratio: patience.budget,
        ..RetryBudgetConfig::default()
    });
    let budget = Arc::new(budget.expect("a possible budget"));
    let attempts = NonZeroU32::new(patience.attempts).expect("an attempt");
    let config = RoutedModelConfig {
        models: Vec::new(),
        targets: targets.collect(),
        pool: PoolConfig::default(),
        policy: RetryPolicy::new(attempts, Backoff::default(), budget),
        hedge_after: patience.hedge_after,
        continuations: patience.continuations,
        total: patience.total,
        max_output_tokens: None,
        tokenizer: Arc::new(Cl100k::new()),
    };
    RoutedModel::new(config).expect("a possible model")
}
