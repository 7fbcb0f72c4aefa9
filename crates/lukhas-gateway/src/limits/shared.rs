// SPDX-License-Identifier: Apache-2.0
//! Limits that replicas share: the same checks as in this process, asked elsewhere.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use lukhas_core::Principal;
use lukhas_observability::{Metrics, SharedLimitMetrics};
use lukhas_reliability::{
    Bucket, Charge, SharedCall, SharedLimiter, SharedPermit, SharedRefusal, Slot,
};

use super::ticket::{Admitted, Asked, Ticket, covering};
use super::{Bound, Estimate, Limit, RouteLimits, Standings, Unit};
use crate::{ApiError, ErrorCode};

/// Limits that replicas share.
#[derive(Clone)]
pub struct SharedLimits {
    /// Where they are counted.
    pub limiter: Arc<dyn SharedLimiter>,
    /// What is done while that cannot be asked.
    pub on_failure: OnFailure,
}

/// What is done while limits that replicas share cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// Requests that a limit covers are answered 503, and the gateway is not ready.
    Deny,
    /// Each replica counts alone: together they may admit as many times as much as there are replicas.
    Local,
}

/// The same, at work.
pub(crate) struct Sharing {
    limits: SharedLimits,
    metrics: SharedLimitMetrics,
}

/// What a request takes until it has ended of limits that replicas share. Given back when dropped.
#[derive(Debug)]
pub(crate) struct SharedHold {
    permit: Option<Box<dyn SharedPermit>>,
    /// What each of its charges counts.
    units: Vec<Unit>,
}

/// A check that was not passed.
enum Unpassed {
    Refused(ApiError),
    /// This process decides alone.
    Alone,
}

impl Sharing {
    pub(crate) fn new(limits: SharedLimits, metrics: &Metrics) -> Self {
        Self {
            limits,
            metrics: metrics.shared_limits(),
        }
    }

    /// What they are kept in, whether it can be asked, and whether that has to be so.
    pub(crate) fn check(&self) -> (&'static str, Result<(), String>, OnFailure) {
        let SharedLimits {
            limiter,
            on_failure,
        } = &self.limits;
        let checked = limiter.check().map_err(|error| error.to_string());
        (limiter.name(), checked, *on_failure)
    }
}

impl RouteLimits {
    /// Whether replicas share them, so that they are to be asked elsewhere.
    pub(crate) fn are_shared(&self) -> bool {
        self.counts.sharing.is_some()
    }

    /// [`Self::admit`], where replicas share the limits.
    ///
    /// # Errors
    /// As there, and a 503 when the limits cannot be asked.
    pub(crate) async fn admit_shared(
        self: &Arc<Self>,
        principal: &Principal,
        address: Option<IpAddr>,
    ) -> Result<Ticket, ApiError> {
        let asked = Asked::early(principal, address);
        let mut standings = Standings::default();
        match self.ask(&self.early, asked, &[], &mut standings).await {
            Ok(hold) => Ok(Ticket {
                limits: Some(Arc::clone(self)),
                address,
                shared: hold,
                standings,
                ..Ticket::default()
            }),
            Err(Unpassed::Refused(error)) => Err(error),
            Err(Unpassed::Alone) => self.admit(principal, address),
        }
    }

    /// Asks whether `limits` admit a request, and notes how they stand; `None` when none of them covers
    /// it. What was `spent` before is given back when they do not.
    async fn ask(
        &self,
        limits: &[Limit],
        asked: Asked<'_>,
        spent: &[Charge],
        standings: &mut Standings,
    ) -> Result<Option<SharedHold>, Unpassed> {
        let Some(sharing) = &self.counts.sharing else {
            return Err(Unpassed::Alone);
        };
        let call = self.call(limits, asked, spent);
        if call.slots.is_empty() && call.charges.is_empty() {
            return Ok(None);
        }
        let refusal = match sharing.limits.limiter.admit(call).await {
            Ok(permit) => {
                let units: Vec<_> = rates(limits, asked).map(|limit| limit.unit).collect();
                for (unit, charge) in units.iter().zip(permit.charges()) {
                    standings.note(*unit, charge.standing());
                }
                let permit = Some(permit);
                return Ok(Some(SharedHold { permit, units }));
            }
            Err(refusal) => refusal,
        };
        let given_back = |spent: &[Charge]| {
            let mut standings = Standings::default();
            // INVARIANT: tokens are counted late.
            for charge in spent {
                standings.note(Unit::Requests, charge.standing());
            }
            standings
        };
        Err(Unpassed::Refused(match refusal {
            SharedRefusal::NoSlot { no_slot, spent } => {
                let limit = places(limits, asked).nth(no_slot.index);
                let limit = limit.map(|limit| limit.denial(1, None, given_back(&spent)));
                limit.unwrap_or_else(|| ApiError::internal(&"a denial by no limit"))
            }
            SharedRefusal::Denied {
                denied,
                charges,
                spent,
            } => {
                let mut standings = given_back(&spent);
                for (limit, charge) in rates(limits, asked).zip(&charges) {
                    standings.note(limit.unit, charge.standing());
                }
                let denying = rates(limits, asked).zip(&charges).nth(denied.index);
                let denied = denying.map(|(limit, charge)| {
                    standings.deny(limit.unit, charge.standing());
                    limit.denial(charge.cost(), denied.retry_after, standings)
                });
                denied.unwrap_or_else(|| ApiError::internal(&"a denial by no limit"))
            }
            SharedRefusal::Unreachable(_) => match sharing.limits.on_failure {
                OnFailure::Deny => {
                    sharing.metrics.denied();
                    ApiError::new(ErrorCode::StoreUnavailable, UNREACHABLE)
                }
                OnFailure::Local => {
                    sharing.metrics.local();
                    return Err(Unpassed::Alone);
                }
            },
        }))
    }

    /// What a request takes of `limits`.
    fn call(&self, limits: &[Limit], asked: Asked<'_>, spent: &[Charge]) -> SharedCall {
        let id = |limit: &Limit| {
            let key = limit.key(asked, self.endpoint);
            key.id(match limit.bound {
                Bound::Rate(quota) => Some(quota),
                Bound::AtATime(_) => None,
            })
        };
        let mut call = SharedCall {
            spent: spent.to_vec(),
            ..SharedCall::default()
        };
        for limit in covering(limits, asked) {
            match limit.bound {
                Bound::AtATime(most) => call.slots.push(Slot::of(most, id(limit))),
                Bound::Rate(quota) => {
                    let bucket = Bucket::of(quota, id(limit));
                    call.charges.push(limit.charge(bucket, quota, asked));
                }
            }
        }
        call
    }
}

const UNREACHABLE: &str = "The limits that cover this request cannot be checked now: what the \
                           servers count them in cannot be reached. Retry shortly.";

impl Ticket {
    /// [`Self::admit`], where replicas share the limits.
    pub(super) async fn admit_shared(
        mut self,
        limits: Arc<RouteLimits>,
        principal: &Principal,
        model: &str,
        estimate: Estimate,
    ) -> Result<Admitted, ApiError> {
        let asked = Asked {
            principal,
            address: self.address,
            model: Some(limits.model(model)),
            estimate,
        };
        let spent = match &self.shared {
            Some(SharedHold {
                permit: Some(permit),
                ..
            }) => permit.charges().to_vec(),
            Some(SharedHold { permit: None, .. }) | None => Vec::new(),
        };
        let asked = limits.ask(&limits.late, asked, &spent, &mut self.standings);
        let late = match asked.await {
            Ok(late) => late,
            Err(Unpassed::Refused(error)) => {
                // It may have been admitted early by the counts of this process.
                limits.give_back(&self.spent);
                return Err(error);
            }
            Err(Unpassed::Alone) => return self.admit_alone(principal, model, estimate),
        };
        let told = (!limits.late.is_empty()).then_some(self.standings);
        let (permits, shared) = ([self.permit, None], [self.shared, late]);
        Ok((limits.spending(permits, Vec::new(), shared), told))
    }
}

impl SharedHold {
    /// Ends it with what was used, as `used` says of each unit.
    pub(super) fn settle(&mut self, used: impl Fn(Unit) -> u64) {
        if let Some(permit) = self.permit.take() {
            let units = &self.units;
            permit.settle(&|index| units.get(index).map_or(0, |unit| used(*unit)));
        }
    }
}

/// Those of `limits` that are rates and cover a request.
fn rates<'l>(limits: &'l [Limit], asked: Asked<'l>) -> impl Iterator<Item = &'l Limit> {
    covering(limits, asked).filter(|limit| limit.unit != Unit::Concurrency)
}

/// Those of `limits` that count requests at a time and cover a request.
fn places<'l>(limits: &'l [Limit], asked: Asked<'l>) -> impl Iterator<Item = &'l Limit> {
    covering(limits, asked).filter(|limit| limit.unit == Unit::Concurrency)
}

impl fmt::Debug for SharedLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedLimits")
            .field("name", &self.limiter.name())
            .field("on_failure", &self.on_failure)
            .finish()
    }
}

impl fmt::Debug for Sharing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sharing").field(&self.limits).finish()
    }
}
