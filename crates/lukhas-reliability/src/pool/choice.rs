// SPDX-License-Identifier: Apache-2.0
//! Which endpoint is called.

use std::cmp::Ordering;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use rand::Rng;
use tokio::time::Instant;

use super::{Balance, Shared};
use crate::random::below;

/// How long an endpoint is taken to be out when calls under way are about to tell.
const SOON: Duration = Duration::from_nanos(1);

/// An endpoint that could be called.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice {
    pub(super) index: usize,
    pub(super) rank: Rank,
    in_flight: u64,
    weight: u64,
}

/// How little an endpoint is wanted, what matters most first: the least is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    /// Whether it is out.
    pub(super) out: bool,
    /// How long it wants to be left alone. What an upstream asks for weighs more than what we
    /// think of it.
    pub(super) cooling: Duration,
    /// How lately it was tried for this request: 0 for never, then counting up.
    tried: usize,
    /// How much longer it is ejected or being probed, or its circuit breaker open.
    blocked: Duration,
    tier: u32,
}

impl<T> Shared<T> {
    /// The endpoint to call. Those in `tried` have failed, the last one last.
    ///
    /// One pass over all: with the true numbers of calls under way at hand, looking at two by
    /// chance would be no cheaper, and worse.
    pub(super) fn best(
        &self,
        tried: &[usize],
        now: Instant,
        rng: &mut (impl Rng + ?Sized),
    ) -> Choice {
        let mut best = self.candidate(0, tried, now);
        let mut equals = best.weight;
        for index in 1..self.members.len() {
            let candidate = self.candidate(index, tried, now);
            match candidate.compare(&best, self.balance) {
                Ordering::Greater => {}
                Ordering::Less => {
                    equals = candidate.weight;
                    best = candidate;
                }
                Ordering::Equal => {
                    equals += candidate.weight;
                    // So each of the equals ends up as the best with the share of its weight.
                    if below(equals, rng) < candidate.weight {
                        best = candidate;
                    }
                }
            }
        }
        best
    }

    fn candidate(&self, index: usize, tried: &[usize], now: Instant) -> Choice {
        let member = &self.members[index];
        let cooling = member.cooldown.remaining_at(now);
        let opens = member.breaker.as_ref().map(|it| it.blocked_for(now));
        let ejected = match member.health.ejected_for(now) {
            Duration::ZERO if member.health.is_fully_probed() => SOON,
            ejected => ejected,
        };
        let blocked = ejected.max(opens.unwrap_or_default());
        let last = tried.iter().rposition(|it| *it == index);
        Choice {
            index,
            rank: Rank {
                out: !cooling.is_zero() || !blocked.is_zero(),
                cooling,
                tried: last.map_or(0, |at| at + 1),
                blocked,
                tier: member.tier,
            },
            in_flight: member.in_flight.load(Relaxed).into(),
            weight: member.weight.get().into(),
        }
    }
}

impl Choice {
    fn compare(&self, other: &Self, balance: Balance) -> Ordering {
        let load = match balance {
            Balance::WeightedRandom => Ordering::Equal,
            // Fractions, compared without dividing.
            Balance::LeastLoaded => {
                (self.in_flight * other.weight).cmp(&(other.in_flight * self.weight))
            }
        };
        self.rank.cmp(&other.rank).then(load)
    }
}
