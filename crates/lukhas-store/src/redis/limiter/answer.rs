// SPDX-License-Identifier: Apache-2.0
//! What the answer of a script says of a call.

use std::time::Duration;

use lukhas_reliability::{Bucket, Charge, Denied, NoSlot, SharedCall};
use redis::Value;

use crate::redis::scale::Scale;

/// What came of a call; its charges say how their buckets stand.
#[derive(Debug)]
pub(super) enum Verdict {
    /// With all that was wanted besides, or without.
    Admitted {
        with_besides: bool,
    },
    NoSlot(NoSlot),
    Denied(Denied),
}

/// The numbers of an answer, in their order.
struct Numbers<'v>(std::slice::Iter<'v, Value>);

impl Iterator for Numbers<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        match self.0.next()? {
            Value::Int(number) => u64::try_from(*number).ok(),
            _ => None,
        }
    }
}

/// What `answer` says of `call`; `None` when it makes no sense.
pub(super) fn read(answer: &Value, call: &mut SharedCall) -> Option<Verdict> {
    let Value::Array(numbers) = answer else {
        return None;
    };
    let mut numbers = Numbers(numbers.iter());
    let (admitted, now) = (numbers.next()?, numbers.next()?.checked_mul(1_000)?);
    let mut no_slot = None;
    for (index, slot) in call.slots.iter().enumerate() {
        let [running, _] = [numbers.next()?, numbers.next()?];
        let limit = slot.limit().get();
        // A key that is named twice in one call takes two.
        let before = call.slots[..index].iter().filter(|it| it.id() == slot.id());
        let before = u64::try_from(before.count()).ok()?;
        if no_slot.is_none() && running + before >= limit.into() {
            no_slot = Some(NoSlot { index, limit });
        }
    }
    let mut denied: Option<Denied> = None;
    for index in 0..call.charges.len() {
        let bucket = call.charges[index].bucket();
        let missing = missing(bucket, &mut numbers)?;
        let retry_after = wait(&call.charges[..=index], bucket, missing);
        let is_longer = |than: Denied| endless(retry_after) > endless(than.retry_after);
        if retry_after != Some(Duration::ZERO) && denied.is_none_or(is_longer) {
            denied = Some(Denied { index, retry_after });
        }
        note(&mut call.charges[index], now, missing);
    }
    if admitted > 0 {
        let with_besides = admitted == 2;
        return Some(Verdict::Admitted { with_besides });
    }
    for charge in &mut call.spent {
        let missing = missing(charge.bucket(), &mut numbers)?;
        note(charge, charge.admitted_at(), missing);
    }
    match (no_slot, denied) {
        (Some(no_slot), _) => Some(Verdict::NoSlot(no_slot)),
        (None, Some(denied)) => Some(Verdict::Denied(denied)),
        (None, None) => None,
    }
}

/// The ticks that `bucket` lacks.
fn missing(bucket: Bucket, numbers: &mut Numbers<'_>) -> Option<u128> {
    let amount = [numbers.next()?, numbers.next()?];
    Some(Scale::of(bucket.quota()).join(amount))
}

fn note(charge: &mut Charge, at: u64, missing: u128) {
    let standing = charge.bucket().quota().standing(missing);
    charge.checked(at, standing);
}

/// How long the last of `charges` has to wait. Those of one bucket count together. The clock tells
/// microseconds, so one begun is one to wait.
fn wait(charges: &[Charge], bucket: Bucket, missing: u128) -> Option<Duration> {
    let same = charges.iter().filter(|it| it.bucket().id() == bucket.id());
    let cost = same.fold(0_u64, |sum, it| sum.saturating_add(it.cost()));
    let wait = bucket.quota().wait(missing, cost)?;
    let micros = wait.as_nanos().div_ceil(1_000);
    Some(Duration::from_micros(
        u64::try_from(micros).unwrap_or(u64::MAX),
    ))
}

fn endless(wait: Option<Duration>) -> Duration {
    wait.unwrap_or(Duration::MAX)
}
