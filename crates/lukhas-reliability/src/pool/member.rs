// SPDX-License-Identifier: Apache-2.0
//! An endpoint and all that is known about it.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use tokio::time::Instant;

use super::ejection::Health;
use super::{Endpoint, EndpointStatus, PoolConfig};
use crate::{BreakerOpen, CircuitBreaker, Cooldown, Permit, SettingError};

/// An endpoint and all that is known about it.
#[derive(Debug)]
pub(super) struct Member<T> {
    pub(super) target: T,
    pub(super) weight: NonZeroU32,
    pub(super) tier: u32,
    pub(super) in_flight: AtomicU32,
    pub(super) cooldown: Cooldown,
    pub(super) breaker: Option<CircuitBreaker>,
    pub(super) health: Health,
}

/// Leave to make a call.
#[derive(Debug, Default)]
pub(super) struct Admission {
    /// Whether the call is part of a probation.
    pub(super) probes: bool,
    /// Leave of the circuit breaker, if there is one.
    pub(super) permit: Option<Permit>,
}

impl<T> Member<T> {
    /// `endpoint`, in service.
    pub(super) fn new(endpoint: Endpoint<T>, config: &PoolConfig) -> Result<Self, SettingError> {
        Ok(Self {
            target: endpoint.target,
            weight: endpoint.weight,
            tier: endpoint.tier,
            in_flight: AtomicU32::new(0),
            cooldown: Cooldown::new(config.max_cooldown),
            breaker: config.breaker.map(CircuitBreaker::new).transpose()?,
            health: Health::new(&config.ejection),
        })
    }

    /// Leave to make a call; none while its probation or its circuit breaker lets none through.
    pub(super) fn admit(&self) -> Option<Admission> {
        let probes = self.health.begin_call()?;
        let acquire = |breaker: &CircuitBreaker| breaker.acquire();
        match self.breaker.as_ref().map(acquire).transpose() {
            Ok(permit) => Some(Admission { probes, permit }),
            Err(BreakerOpen { .. }) => {
                if probes {
                    self.health.end_probe();
                }
                None
            }
        }
    }

    /// How it does.
    pub(super) fn status(&self, now: Instant) -> EndpointStatus<'_, T> {
        EndpointStatus {
            target: &self.target,
            in_flight: self.in_flight.load(Relaxed),
            ejected_for: self.health.ejected_for(now),
            ejections: self.health.ejections(),
            cooling_for: self.cooldown.remaining_at(now),
            breaker: self.breaker.as_ref().map(CircuitBreaker::state),
        }
    }
}
