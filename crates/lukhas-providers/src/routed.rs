// SPDX-License-Identifier: Apache-2.0
//! A public model over the upstreams that answer for it.

mod ask;
mod call;
mod continuation;
mod embed;
mod run;
mod tokens;

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::ready;
use futures_util::stream::once;
use lukhas_core::{
    BoxFuture, ModelInfo, OutputEvent, OutputStream, Price, Provider, RunCx, RunEnd, RunError,
    RunRequest, Tokenizer, Usage,
};
use lukhas_reliability::{Endpoint, Pool, PoolConfig, RetryPolicy};

use crate::{Upstream, UpstreamError};

use self::run::Run;

/// One upstream that answers for a model.
#[derive(Clone, Debug)]
pub struct Target {
    /// The upstream.
    pub upstream: Upstream,
    /// Its own name for the model; `None` leaves the name as it was asked for.
    pub model: Option<String>,
    /// Its share among the targets of its tier.
    pub weight: NonZeroU32,
    /// Targets of a higher tier are asked only when those of lower ones fail.
    pub tier: u32,
    /// What its tokens cost, where that is known.
    pub price: Option<Price>,
}

/// How a model is answered for.
pub struct RoutedModelConfig {
    /// The names it is listed under; none for one that answers for every name.
    pub models: Vec<ModelInfo>,
    /// Who answers, at least one.
    pub targets: Vec<Target>,
    /// How targets are chosen and taken out.
    pub pool: PoolConfig,
    /// What is tried again. Its budget may be shared.
    pub policy: RetryPolicy,
    /// How long a streamed answer may take to begin before another target is asked beside the
    /// first; `None` for ever. It is paid for like a retry, and done once for an answer.
    pub hedge_after: Option<Duration>,
    /// How often an answer of text alone that breaks off is gone on with; 0 for never. It is paid
    /// for like a retry, and marked ([`OutputEvent::Continued`](lukhas_core::OutputEvent::Continued)).
    pub continuations: u32,
    /// Most time for an answer, retries included.
    pub total: Duration,
    /// Most tokens of an answer; what asks for more is refused.
    pub max_output_tokens: Option<u32>,
    /// Counts the tokens of inputs, as an estimate: upstreams do not all offer it.
    pub tokenizer: Arc<dyn Tokenizer>,
}

/// A public model over the upstreams that answer for it. Cheap to clone.
///
/// An answer comes from one target. Until its first event another may be asked in its place; from
/// then on it ends as that target ends it, unless the model is set up to go on with texts that break
/// off. Dropping the stream closes the connection.
#[derive(Clone)]
pub struct RoutedModel(Arc<Shared>);

struct Shared {
    models: Vec<ModelInfo>,
    pool: Pool<Target>,
    policy: RetryPolicy,
    hedge_after: Option<Duration>,
    continuations: u32,
    total: Duration,
    max_output_tokens: Option<u32>,
    tokenizer: Arc<dyn Tokenizer>,
}

impl Target {
    /// A target that is asked for the model by the name it is known under.
    #[must_use]
    pub fn new(upstream: Upstream) -> Self {
        Self {
            upstream,
            model: None,
            weight: NonZeroU32::MIN,
            tier: 0,
            price: None,
        }
    }

    /// `usage` of this target, with what it cost.
    pub(crate) fn priced(&self, usage: Usage) -> Usage {
        let cost = self.price.map(|price| price.of(&usage));
        Usage { cost, ..usage }
    }
}

impl RoutedModel {
    /// The model of `config`.
    ///
    /// # Errors
    /// [`UpstreamError`] when there is no target, or the pool's settings cannot be.
    pub fn new(config: RoutedModelConfig) -> Result<Self, UpstreamError> {
        let endpoints = config.targets.into_iter().map(|target| {
            let (weight, tier) = (target.weight, target.tier);
            Endpoint::new(target).with_weight(weight).with_tier(tier)
        });
        let pool = Pool::new(endpoints, config.pool)
            .map_err(|error| UpstreamError::new("targets", error.to_string()))?;
        Ok(Self(Arc::new(Shared {
            models: config.models,
            pool,
            policy: config.policy,
            hedge_after: config.hedge_after,
            continuations: config.continuations,
            total: config.total,
            max_output_tokens: config.max_output_tokens,
            tokenizer: config.tokenizer,
        })))
    }

    /// `request`, held to the most tokens of an answer.
    fn limited(&self, mut request: RunRequest) -> Result<RunRequest, RunError> {
        let Some(most) = self.0.max_output_tokens else {
            return Ok(request);
        };
        let Some(asked) = request.max_output_tokens else {
            request.max_output_tokens = Some(most);
            request.original = None;
            return Ok(request);
        };
        if asked > most {
            let message = format!(
                "`{}` gives at most {most} tokens in an answer, but {asked} were asked for.",
                request.model
            );
            return Err(RunError::invalid("max_output_tokens", message));
        }
        Ok(request)
    }

    /// The price of the dearest of its targets, each part by whoever asks most for it, the input cached
    /// or not; `None` when one of them has none.
    #[must_use]
    pub fn dearest(&self) -> Option<Price> {
        let mut prices = self.0.pool.status().map(|status| status.target.price);
        prices.try_fold(Price::default(), |most, price| {
            let price = price?;
            Some(Price {
                input: most.input.max(price.input).max(price.cached_input),
                cached_input: most.cached_input.max(price.cached_input),
                output: most.output.max(price.output),
            })
        })
    }

    /// The names it is listed under.
    pub fn listed(&self) -> impl Iterator<Item = &str> {
        self.0.models.iter().map(|model| &*model.id)
    }

    /// Most tokens of an answer, where it is held to that.
    #[must_use]
    pub fn max_output_tokens(&self) -> Option<u32> {
        self.0.max_output_tokens
    }

    /// The targets as they stand.
    #[must_use]
    pub fn pool(&self) -> &Pool<Target> {
        &self.0.pool
    }
}

impl Provider for RoutedModel {
    fn models(&self) -> &[ModelInfo] {
        &self.0.models
    }

    fn uses_original(&self) -> bool {
        true
    }

    fn run(&self, cx: &RunCx, request: RunRequest) -> OutputStream {
        match self.limited(request) {
            Ok(request) => Run::new(self.clone(), cx, request).stream(),
            Err(error) => Box::pin(once(ready(OutputEvent::Ended(RunEnd::failed(error))))),
        }
    }

    fn count_input<'a>(&'a self, request: &'a RunRequest) -> BoxFuture<'a, Result<u64, RunError>> {
        Box::pin(async { Ok(tokens::count_input(&*self.0.tokenizer, request).await) })
    }
}

impl fmt::Debug for RoutedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.models.iter().map(|model| &model.id);
        f.debug_set().entries(names).finish()
    }
}

impl fmt::Debug for RoutedModelConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoutedModelConfig")
            .field("models", &self.models)
            .field("targets", &self.targets)
            .finish_non_exhaustive()
    }
}
