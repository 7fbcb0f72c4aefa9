// SPDX-License-Identifier: Apache-2.0
//! What one request takes of the limits, and gives back.

use std::cell::RefCell;
use std::future::ready;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use futures_util::future::Either;
use lukhas_core::{Principal, Usage};
use lukhas_reliability::{Bucket, Charge, ConcurrencyPermit, Quota};

use super::rule::{BucketKey, Model};
use super::shared::SharedHold;
use super::{Bound, Counts, Limit, RouteLimits, Standings, Unit};
use crate::ApiError;

thread_local! {
    /// Room for the charges of the request that is being checked, so that a check allocates nothing.
    static CHARGES: RefCell<Vec<Charge>> = const { RefCell::new(Vec::new()) };
}

/// What an admitted request took of the limits that need its key alone.
#[derive(Debug, Default)]
pub(crate) struct Ticket {
    /// `None` when nothing limits its route.
    pub(super) limits: Option<Arc<RouteLimits>>,
    pub(super) address: Option<IpAddr>,
    /// What is given back if a later limit denies the request; empty where none can.
    pub(super) spent: Vec<Charge>,
    pub(super) permit: Option<ConcurrencyPermit>,
    /// What it took where replicas share the limits.
    pub(super) shared: Option<SharedHold>,
    pub(super) standings: Standings,
}

/// What a request takes until it has ended, if anything, and how its limits stand, if there were more of
/// them than those that need its key alone.
pub(crate) type Admitted = (Option<Arc<Spending>>, Option<Standings>);

/// How much a request may use.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Estimate {
    /// Tokens of its input.
    pub(crate) input: u64,
    /// Tokens of its output.
    pub(crate) output: u64,
    /// Whether the output is a guess, because the request names no bound.
    pub(crate) is_guess: bool,
}

/// What a request takes until it has ended: held tokens, which are settled with what it used when
/// this is dropped, and its places among the requests at a time.
#[derive(Debug)]
pub(crate) struct Spending {
    counts: Arc<Counts>,
    held: Vec<(Unit, Charge)>,
    input: AtomicU64,
    output: AtomicU64,
    _permits: [Option<ConcurrencyPermit>; 2],
    /// What it took early and late where replicas share the limits.
    shared: [Option<SharedHold>; 2],
}

/// A request, as limits see it.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) principal: &'a Principal,
    /// Where it comes from, if a limit needs it and anybody says it.
    pub(super) address: Option<IpAddr>,
    pub(super) model: Option<Model<'a>>,
    pub(super) estimate: Estimate,
}

impl<'a> Asked<'a> {
    /// Before its body is read.
    pub(super) fn early(principal: &'a Principal, address: Option<IpAddr>) -> Self {
        Self {
            principal,
            address,
            model: None,
            estimate: Estimate::default(),
        }
    }
}

impl RouteLimits {
    /// Whether any of them counts by the address that requests come from.
    pub(crate) fn need_address(&self) -> bool {
        let mut limits = self.early.iter().chain(&self.late);
        limits.any(|limit| limit.rule.needs_address())
    }

    /// Admits a request of `principal`, from `address`, by the limits that need nothing else.
    ///
    /// # Errors
    /// A 429 of the limit that denies it. Nothing is taken then.
    pub(crate) fn admit(
        self: &Arc<Self>,
        principal: &Principal,
        address: Option<IpAddr>,
    ) -> Result<Ticket, ApiError> {
        let asked = Asked::early(principal, address);
        let mut ticket = Ticket {
            limits: Some(Arc::clone(self)),
            address,
            ..Ticket::default()
        };
        ticket.permit = self.enter(&self.early, asked, &[])?;
        self.take(&self.early, asked, &[], &mut ticket.standings, |charges| {
            if !self.late.is_empty() {
                ticket.spent.extend_from_slice(charges);
            }
        })?;
        Ok(ticket)
    }

    /// Takes a place among the requests at a time, or gives `spent` back.
    fn enter(
        &self,
        limits: &[Limit],
        asked: Asked<'_>,
        spent: &[Charge],
    ) -> Result<Option<ConcurrencyPermit>, ApiError> {
        let bounds = covering(limits, asked).filter_map(|limit| match limit.bound {
            Bound::AtATime(most) => Some((limit, most)),
            Bound::Rate(_) => None,
        });
        let mut slots = bounds.peekable();
        if slots.peek().is_none() {
            return Ok(None);
        }
        let slots: Vec<_> = slots
            .map(|(limit, most)| {
                let key = limit.key(asked, self.endpoint);
                (limit, self.counts.concurrency.slot(most, &key))
            })
            .collect();
        let entered = self.counts.concurrency.acquire(slots.iter().map(|it| it.1));
        match entered {
            Ok(permit) => Ok(Some(permit)),
            Err(full) => {
                let (limit, _) = slots[full.index];
                Err(limit.denial(1, None, self.give_back(spent)))
            }
        }
    }

    /// Takes what the rates of `limits` count, and shows `keep` what was taken; or gives `spent`
    /// back.
    fn take(
        &self,
        limits: &[Limit],
        asked: Asked<'_>,
        spent: &[Charge],
        standings: &mut Standings,
        keep: impl FnOnce(&[Charge]),
    ) -> Result<(), ApiError> {
        let rates = || {
            covering(limits, asked).filter_map(|limit| match limit.bound {
                Bound::Rate(quota) => Some((limit, quota)),
                Bound::AtATime(_) => None,
            })
        };
        if limits.is_empty() {
            return Ok(());
        }
        CHARGES.with_borrow_mut(|charges| {
            charges.clear();
            charges.extend(rates().map(|(limit, quota)| {
                let key = limit.key(asked, self.endpoint);
                let bucket = self.counts.rates.bucket(quota, &key);
                limit.charge(bucket, quota, asked)
            }));
            let checked = self.counts.rates.check(charges);
            if checked.is_err() {
                *standings = self.give_back(spent);
            }
            for ((limit, _), charge) in rates().zip(&*charges) {
                standings.note(limit.unit, charge.standing());
            }
            let Err(denied) = checked else {
                keep(charges);
                return Ok(());
            };
            let mut from_denying = rates().zip(&*charges).skip(denied.index);
            let Some(((limit, _), charge)) = from_denying.next() else {
                return Err(ApiError::internal(&"a denial by no limit"));
            };
            standings.deny(limit.unit, charge.standing());
            Err(limit.denial(charge.cost(), denied.retry_after, *standings))
        })
    }

    /// Gives back what a request took that a later limit denies, and says how the earlier ones stand.
    pub(super) fn give_back(&self, spent: &[Charge]) -> Standings {
        let mut standings = Standings::default();
        for charge in spent {
            self.counts.rates.refund(charge);
            let standing = self.counts.rates.standing(charge.bucket());
            // INVARIANT: tokens are counted late.
            standings.note(Unit::Requests, standing);
        }
        standings
    }
}

impl Ticket {
    /// How the limits stand that were checked so far.
    pub(crate) fn standings(&self) -> Standings {
        self.standings
    }

    /// Whether anything counts the tokens of `model`.
    pub(crate) fn counts_tokens(&self, principal: &Principal, model: &str) -> bool {
        let Some(limits) = &self.limits else {
            return false;
        };
        let asked = Asked {
            principal,
            address: self.address,
            model: Some(limits.model(model)),
            estimate: Estimate::default(),
        };
        covering(&limits.late, asked).any(|limit| limit.unit.is_tokens())
    }

    /// Admits the request, now that its model is known and what it may use; and how the limits stand
    /// then, if there were more of them. Waits only where replicas share the limits.
    ///
    /// # Errors
    /// A 429 of the limit that denies it, and a 503 when shared limits cannot be asked. What was taken
    /// before is given back then.
    pub(crate) fn admit<'a>(
        self,
        principal: &'a Principal,
        model: &'a str,
        estimate: Estimate,
    ) -> impl Future<Output = Result<Admitted, ApiError>> + Send + use<'a> {
        match &self.limits {
            Some(limits) if limits.are_shared() => {
                let limits = Arc::clone(limits);
                let admitted = self.admit_shared(limits, principal, model, estimate);
                Either::Right(Box::pin(admitted))
            }
            Some(_) | None => Either::Left(ready(self.admit_alone(principal, model, estimate))),
        }
    }

    /// The same by the counts of this process.
    pub(super) fn admit_alone(
        self,
        principal: &Principal,
        model: &str,
        estimate: Estimate,
    ) -> Result<Admitted, ApiError> {
        let Self {
            limits,
            address,
            spent,
            permit,
            shared,
            mut standings,
        } = self;
        let Some(limits) = limits else {
            return Ok((None, None));
        };
        let asked = Asked {
            principal,
            address,
            model: Some(limits.model(model)),
            estimate,
        };
        let entered = limits.enter(&limits.late, asked, &spent)?;
        let mut held = Vec::new();
        let units = covering(&limits.late, asked).filter(|limit| limit.unit != Unit::Concurrency);
        limits.take(&limits.late, asked, &spent, &mut standings, |charges| {
            let all = units.map(|limit| limit.unit).zip(charges.iter().copied());
            held.extend(all.filter(|(unit, _)| unit.is_tokens()));
        })?;
        let told = (!limits.late.is_empty()).then_some(standings);
        let spending = limits.spending([permit, entered], held, [shared, None]);
        Ok((spending, told))
    }
}

impl RouteLimits {
    /// What a request takes until it has ended, if anything: what it took early, and late.
    pub(super) fn spending(
        &self,
        permits: [Option<ConcurrencyPermit>; 2],
        held: Vec<(Unit, Charge)>,
        shared: [Option<SharedHold>; 2],
    ) -> Option<Arc<Spending>> {
        let is_nothing = held.is_empty()
            && permits.iter().all(Option::is_none)
            && shared.iter().all(Option::is_none);
        if is_nothing {
            return None;
        }
        Some(Arc::new(Spending {
            counts: Arc::clone(&self.counts),
            held,
            input: AtomicU64::new(0),
            output: AtomicU64::new(0),
            _permits: permits,
            shared,
        }))
    }

    pub(super) fn model<'m>(&'m self, asked: &'m str) -> Model<'m> {
        let own = self.aliases.get(asked).map_or(asked, String::as_str);
        Model { asked, own }
    }
}

impl Spending {
    /// Takes note of what a run of the request used.
    pub(crate) fn record(&self, usage: &Usage) {
        self.input.fetch_add(usage.input_tokens, Relaxed);
        self.output.fetch_add(usage.output_tokens, Relaxed);
    }
}

impl Drop for Spending {
    fn drop(&mut self) {
        let used = Estimate {
            input: *self.input.get_mut(),
            output: *self.output.get_mut(),
            is_guess: false,
        };
        for (unit, charge) in &self.held {
            self.counts.rates.settle(charge, used.of(*unit));
        }
        for hold in self.shared.iter_mut().flatten() {
            hold.settle(|unit| used.of(unit));
        }
    }
}

impl Limit {
    pub(super) fn key<'a>(&'a self, asked: Asked<'a>, endpoint: &'static str) -> BucketKey<'a> {
        self.rule.bucket_key(self.unit, asked, endpoint)
    }

    /// What a request takes of its `bucket`.
    pub(super) fn charge(&self, bucket: Bucket, quota: Quota, asked: Asked<'_>) -> Charge {
        if self.unit.is_tokens() {
            Charge::held(bucket, self.cost(asked.estimate, quota.burst()))
        } else {
            Charge::new(bucket, 1)
        }
    }

    /// What a request takes of it. A guess is no reason to refuse what could be admitted.
    fn cost(&self, estimate: Estimate, burst: u64) -> u64 {
        let cost = estimate.of(self.unit);
        if estimate.is_guess && self.unit != Unit::InputTokens {
            let surely = match self.unit {
                Unit::Tokens => estimate.input,
                Unit::Requests | Unit::InputTokens | Unit::OutputTokens | Unit::Concurrency => 0,
            };
            return cost.min(burst.max(surely));
        }
        cost
    }
}

impl Estimate {
    /// The same, of so many answers to one input.
    pub(crate) fn of_choices(self, count: u32) -> Self {
        Self {
            output: self.output.saturating_mul(count.into()),
            ..self
        }
    }

    /// Input and output together.
    pub(crate) fn total(self) -> u64 {
        self.input.saturating_add(self.output)
    }

    fn of(self, unit: Unit) -> u64 {
        match unit {
            Unit::Requests | Unit::Concurrency => 1,
            Unit::InputTokens => self.input,
            Unit::OutputTokens => self.output,
            Unit::Tokens => self.total(),
        }
    }
}

/// Those of `limits` that cover a request.
pub(super) fn covering<'l>(
    limits: &'l [Limit],
    asked: Asked<'l>,
) -> impl Iterator<Item = &'l Limit> {
    limits
        .iter()
        .filter(move |limit| limit.rule.covers(asked.principal, asked.model))
}
