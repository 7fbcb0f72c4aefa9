// SPDX-License-Identifier: Apache-2.0
//! What is asked of the scripts of limits, as the comments of each say it.

use std::time::Duration;

use lukhas_reliability::{Bucket, SharedCall};
use redis::Script;

use crate::redis::holdings::{name, name_before};
use crate::redis::scale::{Amount, Scale};
use crate::redis::script::{Question, micros};

/// The scripts of limits.
pub(super) struct Scripts {
    /// How long a session holds things without saying so again.
    hold: Duration,
    admit: Script,
    settle: Script,
    renew: Script,
    give_back: Script,
}

/// What is said of one bucket at the end of a call: how much is held no more, and what was used in its
/// place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settlement {
    pub(super) id: u128,
    pub(super) held: Amount,
    pub(super) used: Amount,
}

impl Scripts {
    /// Scripts made by `script` of their parts.
    pub(super) fn new(hold: Duration, script: impl Fn(&[&str]) -> Script) -> Self {
        let amount = include_str!("../amount.lua");
        let bucket = include_str!("bucket.lua");
        Self {
            hold,
            admit: script(&[amount, bucket, include_str!("admit.lua")]),
            settle: script(&[amount, bucket, include_str!("settle.lua")]),
            renew: script(&[amount, bucket, include_str!("renew.lua")]),
            give_back: script(&[amount, bucket, include_str!("give_back.lua")]),
        }
    }

    pub(super) fn admit(
        &'static self,
        prefix: &str,
        session: u64,
        call: &SharedCall,
        besides: &[u64],
    ) -> Question {
        let mut question = Question::of(&self.admit);
        question.arg(name(session)).arg(micros(self.hold));
        question.arg(call.slots.len() + call.charges.len());
        for slot in &call.slots {
            question.key(key(prefix, slot.id())).arg("hold");
            question.arg(Scale::SLOTS.parts());
            question
                .arg(&[slot.limit().get(), 0])
                .arg(&[1, 0])
                .arg(&[0, 0]);
        }
        for (charge, besides) in call.charges.iter().zip(besides) {
            let (bucket, quota) = (charge.bucket(), charge.bucket().quota());
            let amounts = [quota.burst(), charge.cost(), *besides];
            let [room, cost, more] = amounts.map(|units| Amount::of(quota, units));
            let kind = if charge.is_held() { "hold" } else { "spend" };
            question.key(key(prefix, bucket.id())).arg(kind);
            question.arg(room.scale.parts());
            question.arg(&room.split()).arg(&cost.split());
            question.arg(&more.split());
        }
        for charge in &call.spent {
            let bucket = charge.bucket();
            let cost = Amount::of(bucket.quota(), charge.cost());
            question.key(key(prefix, bucket.id()));
            question.arg(cost.scale.parts()).arg(&cost.split());
            question.arg(charge.admitted_at() / 1_000);
        }
        question
    }

    pub(super) fn settle(
        &'static self,
        prefix: &str,
        session: u64,
        settlements: &[Settlement],
    ) -> Question {
        let mut question = Question::of(&self.settle);
        question.arg(name(session));
        for Settlement { id, held, used } in settlements {
            question.key(key(prefix, *id)).arg(held.scale.parts());
            question.arg(&held.split()).arg(&used.split());
        }
        question
    }

    pub(super) fn renew(
        &'static self,
        prefix: &str,
        sessions: [u64; 2],
        held: &[(u128, Amount)],
    ) -> Question {
        let mut question = Question::of(&self.renew);
        question.arg(name(sessions[0])).arg(name_before(sessions));
        question.arg(micros(self.hold));
        for (id, amount) in held {
            question.key(key(prefix, *id)).arg(amount.scale.parts());
            question.arg(&amount.split());
        }
        question
    }

    /// Gives back amounts of buckets, each with when it was spent.
    pub(super) fn give_back(&'static self, prefix: &str, spent: &[(Bucket, u64, u64)]) -> Question {
        let mut question = Question::of(&self.give_back);
        for (bucket, units, at) in spent {
            let amount = Amount::of(bucket.quota(), *units);
            question.key(key(prefix, bucket.id()));
            question.arg(amount.scale.parts()).arg(&amount.split());
            question.arg(at / 1_000);
        }
        question
    }
}

/// The name of a bucket.
fn key(prefix: &str, id: u128) -> String {
    format!("{prefix}:limit:{id:032x}")
}
