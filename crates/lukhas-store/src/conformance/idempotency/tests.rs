// SPDX-License-Identifier: Apache-2.0
use std::sync::Arc;

use lukhas_core::{BoxFuture, StoreError};

use super::*;
use crate::MemoryIdempotency;

/// A store with one rule broken.
#[derive(Default)]
struct Broken {
    fault: Option<Fault>,
    inner: Arc<MemoryIdempotency>,
}

struct BrokenClaim {
    fault: Option<Fault>,
    inner: Box<dyn Claim>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    SharesTenants,
    SharesKeyIds,
    JoinsNames,
    FindsAnyCase,
    SeesNoDifference,
    CutsTheBeginning,
    LosesAPiece,
    KeepsNothing,
    KeepsTheForgotten,
    EndsWell,
    IsNeverDeserted,
    IsAlwaysDeserted,
}

impl IdempotencyStore for Broken {
    fn claim<'a>(
        &'a self,
        tenant: &'a str,
        key_id: &'a str,
        key: &'a str,
        fingerprint: Fingerprint,
    ) -> BoxFuture<'a, Result<Claimed, StoreError>> {
        let fault = self.fault;
        let [mut tenant, mut key_id, mut key] = [tenant, key_id, key].map(str::to_owned);
        let mut fingerprint = fingerprint;
        match fault {
            Some(Fault::SharesTenants) => tenant = tenant.replace('2', ""),
            Some(Fault::SharesKeyIds) => key_id = key_id.replace('2', ""),
            Some(Fault::JoinsNames) => {
                key = [tenant, key_id, key].concat();
                (tenant, key_id) = (String::new(), String::new());
            }
            Some(Fault::FindsAnyCase) => key = key.to_lowercase(),
            Some(Fault::SeesNoDifference) => fingerprint = ONE,
            _ => {}
        }
        Box::pin(async move {
            let claimed = self.inner.claim(&tenant, &key_id, &key, fingerprint).await;
            claimed.map(|claimed| match claimed {
                Claimed::New(inner, pieces) => Claimed::New(
                    Box::new(BrokenClaim { fault, inner }),
                    broken(fault, pieces),
                ),
                Claimed::Running(pieces) if fault == Some(Fault::CutsTheBeginning) => {
                    Claimed::Running(Box::pin(pieces.skip(1)))
                }
                other => other,
            })
        })
    }
}

fn broken(fault: Option<Fault>, pieces: AnswerPieces) -> AnswerPieces {
    if fault == Some(Fault::EndsWell) {
        return Box::pin(pieces.take_while(|piece| std::future::ready(piece.is_ok())));
    }
    pieces
}

impl Claim for BrokenClaim {
    fn append(&self, piece: Bytes) -> BoxFuture<'_, Result<(), StoreError>> {
        if self.fault == Some(Fault::LosesAPiece) && piece.is_empty() {
            return Box::pin(std::future::ready(Ok(())));
        }
        self.inner.append(piece)
    }

    fn deserted(&self, patience: Duration) -> BoxFuture<'_, ()> {
        match self.fault {
            Some(Fault::IsNeverDeserted) => Box::pin(std::future::pending()),
            Some(Fault::IsAlwaysDeserted) => Box::pin(std::future::ready(())),
            _ => self.inner.deserted(patience),
        }
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), StoreError>> {
        match self.fault {
            Some(Fault::KeepsNothing) => self.inner.forget(),
            _ => self.inner.finish(),
        }
    }

    fn forget(self: Box<Self>) -> BoxFuture<'static, Result<(), StoreError>> {
        match self.fault {
            Some(Fault::KeepsTheForgotten) => self.inner.finish(),
            _ => self.inner.forget(),
        }
    }
}

async fn broken_rule(fault: Option<Fault>) -> Option<&'static str> {
    let store = Broken {
        fault,
        ..Broken::default()
    };
    let checked = check_idempotency(&store).await;
    checked.err().map(|violation| violation.rule)
}

#[tokio::test(start_paused = true)]
async fn a_store_that_keeps_the_rules_passes() {
    assert_eq!(broken_rule(None).await, None);
}

#[tokio::test(start_paused = true)]
async fn every_fault_breaks_its_rule() {
    let comes_back = "an answer comes back as it was made, piece by piece";
    let owners = "another's keys do not exist";
    let deserted = "an answer that nobody reads is given up";
    for (fault, rule) in [
        (Fault::SharesTenants, owners),
        (Fault::SharesKeyIds, owners),
        (Fault::JoinsNames, owners),
        (Fault::FindsAnyCase, comes_back),
        (Fault::SeesNoDifference, "a key is for one request"),
        (
            Fault::CutsTheBeginning,
            "who comes later reads from the beginning, then live",
        ),
        (Fault::LosesAPiece, comes_back),
        (Fault::KeepsNothing, comes_back),
        (
            Fault::KeepsTheForgotten,
            "a forgotten answer is for its readers alone",
        ),
        (
            Fault::EndsWell,
            "a claim that is dropped is no whole answer",
        ),
        (Fault::IsNeverDeserted, deserted),
        (Fault::IsAlwaysDeserted, deserted),
    ] {
        assert_eq!(broken_rule(Some(fault)).await, Some(rule), "{fault:?}");
    }
}
