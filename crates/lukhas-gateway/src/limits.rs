// SPDX-License-Identifier: Apache-2.0
//! How often, how much and how many at a time: the operator's rules, enforced.
//!
//! What a rule can say of a request by its key and route alone is checked before the body is read;
//! what depends on the model or on tokens, when the body has been understood. Tokens are held as an
//! estimate then, and settled with what was used when the last of a request's runs is gone, however
//! it went.

mod denial;
mod rule;
mod shared;
mod standing;
mod ticket;

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use lukhas_core::Glob;
use lukhas_observability::{LimitMetrics, Metrics};
use lukhas_reliability::{ConcurrencyLimiter, Limiter, Quota};

use crate::route::{RateClass, Route, routes};

use self::rule::Rule;

pub(crate) use self::shared::Sharing;
pub use self::shared::{OnFailure, SharedLimits};
pub(crate) use self::standing::{Standings, with_standings};
pub(crate) use self::ticket::{Estimate, Spending, Ticket};

/// One rule: which requests it covers, what it counts them by, and how many it allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitRule {
    /// Its name, in messages and metrics.
    pub name: String,
    /// Only requests of these classes; of any when empty.
    pub classes: Vec<RateClass>,
    /// Only requests for these models; for any when empty. A model is covered under all of its names.
    pub models: Vec<Glob>,
    /// Only requests of these projects, of whatever tenant; of any when empty.
    pub projects: Vec<String>,
    /// Only requests of these keys, by their public identifiers; of any when empty.
    pub keys: Vec<String>,
    /// What has a count of its own; nothing has one count for all.
    pub per: Vec<Per>,
    /// Requests.
    pub requests: Option<Quota>,
    /// Tokens of the input.
    pub input_tokens: Option<Quota>,
    /// Tokens of the output.
    pub output_tokens: Option<Quota>,
    /// Tokens of input and output.
    pub tokens: Option<Quota>,
    /// Requests at a time.
    pub concurrency: Option<NonZeroU32>,
}

/// What a rule counts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Per {
    /// Each key.
    Key,
    /// Each project of each tenant.
    Project,
    /// Each model, whichever of its names is used.
    Model,
    /// Each route.
    Endpoint,
    /// Each address that requests come from, as the [`Peer`](crate::Peer) of a request says, or a
    /// trusted proxy; of IPv6 the first 64 bits, for a client may choose among the rest. Requests of
    /// which nobody says it count together.
    Address,
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Unit {
    Requests,
    InputTokens,
    OutputTokens,
    Tokens,
    Concurrency,
}

/// The rules, and other names of models.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// The rules. A request has to pass all that cover it.
    pub rules: Vec<LimitRule>,
    /// Further names of models, each with the name it stands for.
    pub aliases: HashMap<String, String>,
}

/// One number of one rule.
#[derive(Debug)]
struct Limit {
    rule: Arc<Rule>,
    unit: Unit,
    bound: Bound,
    metrics: LimitMetrics,
}

#[derive(Clone, Copy, Debug)]
enum Bound {
    Rate(Quota),
    AtATime(NonZeroU32),
}

/// The limits of one route.
#[derive(Debug)]
pub(crate) struct RouteLimits {
    counts: Arc<Counts>,
    aliases: Arc<HashMap<String, String>>,
    /// Tells the route from all others.
    endpoint: &'static str,
    /// Those that need the key alone.
    early: Vec<Limit>,
    /// Those that need the model, or tokens.
    late: Vec<Limit>,
}

/// What all routes count in, under all rules that there are one after the other.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    rates: Limiter,
    concurrency: ConcurrencyLimiter,
    /// Where replicas count together, instead of here.
    sharing: Option<Sharing>,
}

impl Counts {
    /// Counts of this process, which are used while there is no `sharing` or it cannot be asked.
    pub(crate) fn new(sharing: Option<Sharing>) -> Self {
        Self {
            sharing,
            ..Self::default()
        }
    }

    pub(crate) fn sharing(&self) -> Option<&Sharing> {
        self.sharing.as_ref()
    }
}

impl RateLimits {
    /// The limits of each route that has any, by its operation. They count in `counts`.
    pub(crate) fn of_routes(
        &self,
        counts: &Arc<Counts>,
        metrics: &Metrics,
    ) -> HashMap<&'static str, Arc<RouteLimits>> {
        let aliases = Arc::new(self.aliases.clone());
        let limited = routes().iter().filter_map(|route| {
            let limits = self.of_route(route, counts, &aliases, metrics)?;
            Some((route.operation, Arc::new(limits)))
        });
        limited.collect()
    }

    fn of_route(
        &self,
        route: &'static Route,
        counts: &Arc<Counts>,
        aliases: &Arc<HashMap<String, String>>,
        metrics: &Metrics,
    ) -> Option<RouteLimits> {
        let class = route.class?;
        let mut limits = RouteLimits {
            counts: Arc::clone(counts),
            aliases: Arc::clone(aliases),
            endpoint: route.operation,
            early: Vec::new(),
            late: Vec::new(),
        };
        for config in &self.rules {
            let rule = Arc::new(Rule::new(config));
            let covers = config.classes.is_empty() || config.classes.contains(&class);
            for (unit, bound) in config.bounds().filter(|_| covers) {
                let needs_model = rule.needs_model() || unit.is_tokens();
                let limit = Limit {
                    rule: Arc::clone(&rule),
                    unit,
                    bound,
                    metrics: metrics.limit(&config.name, unit.as_str()),
                };
                match (needs_model, class.names_a_model()) {
                    (false, _) => limits.early.push(limit),
                    (true, true) => limits.late.push(limit),
                    (true, false) => {}
                }
            }
        }
        (!limits.early.is_empty() || !limits.late.is_empty()).then_some(limits)
    }
}

impl LimitRule {
    fn bounds(&self) -> impl Iterator<Item = (Unit, Bound)> {
        let rates = [
            (Unit::Requests, self.requests),
            (Unit::InputTokens, self.input_tokens),
            (Unit::OutputTokens, self.output_tokens),
            (Unit::Tokens, self.tokens),
        ];
        let rates = rates
            .into_iter()
            .filter_map(|(unit, quota)| Some((unit, Bound::Rate(quota?))));
        let at_a_time = self.concurrency.map(Bound::AtATime);
        rates.chain(at_a_time.map(|bound| (Unit::Concurrency, bound)))
    }
}

impl Unit {
    /// Its name in metrics, as in the configuration.
    fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::InputTokens => "input_tokens",
            Self::OutputTokens => "output_tokens",
            Self::Tokens => "tokens",
            Self::Concurrency => "concurrency",
        }
    }

    fn is_tokens(self) -> bool {
        match self {
            Self::InputTokens | Self::OutputTokens | Self::Tokens => true,
            Self::Requests | Self::Concurrency => false,
        }
    }
}
