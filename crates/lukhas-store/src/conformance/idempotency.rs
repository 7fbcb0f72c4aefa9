// SPDX-License-Identifier: Apache-2.0
//! What every [`IdempotencyStore`] must do.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::{FutureExt, StreamExt};
use lukhas_core::{AnswerPieces, Claim, Claimed, Fingerprint, IdempotencyStore};
use tokio::time::timeout;

use super::Violation;

/// How long what has to come may take.
const PATIENCE: Duration = Duration::from_secs(10);

const ONE: Fingerprint = Fingerprint([1; 32]);
const OTHER: Fingerprint = Fingerprint([2; 32]);

/// Checks that `store` keeps the rules of every [`IdempotencyStore`], for the tests of one.
///
/// The suite keeps some ten small answers under tenants of its own (`conformance-…`), and expects to
/// find none there. What is kept for how long is for the tests of each store.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), lukhas_store::Violation> {
/// lukhas_store::check_idempotency(&lukhas_store::MemoryIdempotency::default()).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// The first [`Violation`].
pub async fn check_idempotency(store: &dyn IdempotencyStore) -> Result<(), Violation> {
    let probe = |rule| Probe { store, rule };
    one_claim(probe("of many that ask at once, one gets the claim")).await?;
    comes_back(probe("an answer comes back as it was made, piece by piece")).await?;
    attaches(probe("who comes later reads from the beginning, then live")).await?;
    other_request(probe("a key is for one request")).await?;
    owners(probe("another's keys do not exist")).await?;
    forgets(probe("a forgotten answer is for its readers alone")).await?;
    gives_up(probe("a claim that is dropped is no whole answer")).await?;
    is_deserted(probe("an answer that nobody reads is given up")).await
}

/// A store under one rule.
#[derive(Clone, Copy)]
struct Probe<'s> {
    store: &'s dyn IdempotencyStore,
    rule: &'static str,
}

/// Who asks, with which key.
type Asked<'a> = (&'a str, &'a str, &'a str);

impl Probe<'_> {
    /// A violation of the rule, unless `kept`.
    fn hold(&self, kept: bool, detail: impl fmt::Display) -> Result<(), Violation> {
        if kept {
            Ok(())
        } else {
            Err(self.broken(detail))
        }
    }

    fn broken(&self, detail: impl fmt::Display) -> Violation {
        Violation {
            rule: self.rule,
            detail: detail.to_string(),
        }
    }

    async fn claim(&self, asked: Asked<'_>, print: Fingerprint) -> Result<Claimed, Violation> {
        let claimed = self.store.claim(asked.0, asked.1, asked.2, print).await;
        claimed.map_err(|error| self.broken(format!("claim: {error}")))
    }

    async fn first(&self, asked: Asked<'_>) -> Result<(Box<dyn Claim>, AnswerPieces), Violation> {
        match self.claim(asked, ONE).await? {
            Claimed::New(claim, pieces) => Ok((claim, pieces)),
            other => Err(self.broken(format!("{asked:?} is {other:?}, not New"))),
        }
    }

    async fn running(&self, asked: Asked<'_>) -> Result<AnswerPieces, Violation> {
        match self.claim(asked, ONE).await? {
            Claimed::Running(pieces) => Ok(pieces),
            other => Err(self.broken(format!("{asked:?} is {other:?}, not Running"))),
        }
    }

    async fn done(&self, asked: Asked<'_>, expected: &[&str]) -> Result<(), Violation> {
        match self.claim(asked, ONE).await? {
            Claimed::Done(mut pieces) => {
                self.reads(&mut pieces, expected).await?;
                self.ends(&mut pieces).await
            }
            other => Err(self.broken(format!("{asked:?} is {other:?}, not Done"))),
        }
    }

    async fn append(&self, claim: &dyn Claim, pieces: &[&str]) -> Result<(), Violation> {
        for piece in pieces {
            let appended = claim.append(Bytes::copy_from_slice(piece.as_bytes())).await;
            appended.map_err(|error| self.broken(format!("append: {error}")))?;
        }
        Ok(())
    }

    async fn finish(&self, claim: Box<dyn Claim>) -> Result<(), Violation> {
        let finished = claim.finish().await;
        finished.map_err(|error| self.broken(format!("finish: {error}")))
    }

    /// The next pieces are `expected`.
    async fn reads(&self, pieces: &mut AnswerPieces, expected: &[&str]) -> Result<(), Violation> {
        for expected in expected {
            let seen = match timeout(PATIENCE, pieces.next()).await {
                Ok(Some(Ok(piece))) => String::from_utf8_lossy(&piece).into_owned(),
                Ok(Some(Err(error))) => return Err(self.broken(format!("an error: {error}"))),
                Ok(None) => return Err(self.broken(format!("an end instead of `{expected}`"))),
                Err(_) => return Err(self.broken(format!("`{expected}` never comes"))),
            };
            self.hold(seen == *expected, format!("`{seen}`, not `{expected}`"))?;
        }
        Ok(())
    }

    fn waits(&self, pieces: &mut AnswerPieces) -> Result<(), Violation> {
        let next = pieces.next().now_or_never();
        self.hold(next.is_none(), format!("{next:?} before there is more"))
    }

    async fn ends(&self, pieces: &mut AnswerPieces) -> Result<(), Violation> {
        let next = timeout(PATIENCE, pieces.next()).await;
        self.hold(matches!(next, Ok(None)), format!("{next:?}, not the end"))
    }
}

async fn one_claim(probe: Probe<'_>) -> Result<(), Violation> {
    let asked = ("conformance-one", "key", "once");
    let all = join_all((0..20).map(|_| probe.claim(asked, ONE))).await;
    let mut counts = [0; 2];
    // All are held until all have asked.
    for claimed in &all {
        match claimed {
            Ok(Claimed::New(..)) => counts[0] += 1,
            Ok(Claimed::Running(_)) => counts[1] += 1,
            other => return Err(probe.broken(format!("{other:?}"))),
        }
    }
    probe.hold(counts == [1, 19], format!("{counts:?} of 20"))
}

async fn comes_back(probe: Probe<'_>) -> Result<(), Violation> {
    let made = ["a", "", "bc", "d\0\r\né"];
    // No two of these are one key.
    let keys = ["k", "K", "k ", "' or '1'='1", "x:y*?[a]%"];
    for key in keys {
        let asked = ("conformance-back", "key", key);
        let (claim, mut own) = probe.first(asked).await?;
        probe.append(&*claim, &made).await?;
        probe.append(&*claim, &[key]).await?;
        probe.finish(claim).await?;
        probe.reads(&mut own, &made).await?;
        probe.reads(&mut own, &[key]).await?;
        probe.ends(&mut own).await?;
    }
    for key in keys {
        let [a, b, c, d] = made;
        let asked = ("conformance-back", "key", key);
        probe.done(asked, &[a, b, c, d, key]).await?;
        probe.done(asked, &[a, b, c, d, key]).await?;
    }
    Ok(())
}

async fn attaches(probe: Probe<'_>) -> Result<(), Violation> {
    let asked = ("conformance-attach", "key", "once");
    let (claim, mut own) = probe.first(asked).await?;
    let mut early = probe.running(asked).await?;
    probe.waits(&mut early)?;
    probe.append(&*claim, &["a", "b"]).await?;
    probe.reads(&mut own, &["a", "b"]).await?;
    let mut late = probe.running(asked).await?;
    probe.reads(&mut early, &["a", "b"]).await?;
    probe.waits(&mut early)?;
    probe.append(&*claim, &["c"]).await?;
    probe.reads(&mut late, &["a", "b", "c"]).await?;
    // The one who asked first is a reader like any other: it may go.
    drop(own);
    probe.append(&*claim, &["d"]).await?;
    probe.finish(claim).await?;
    probe.reads(&mut early, &["c", "d"]).await?;
    probe.reads(&mut late, &["d"]).await?;
    probe.ends(&mut early).await?;
    probe.ends(&mut late).await?;
    probe.done(asked, &["a", "b", "c", "d"]).await
}

async fn other_request(probe: Probe<'_>) -> Result<(), Violation> {
    let asked = ("conformance-other", "key", "once");
    let (claim, _own) = probe.first(asked).await?;
    let running = probe.claim(asked, OTHER).await?;
    probe.hold(matches!(running, Claimed::Reused), format!("{running:?}"))?;
    probe.append(&*claim, &["a"]).await?;
    probe.finish(claim).await?;
    let done = probe.claim(asked, OTHER).await?;
    probe.hold(matches!(done, Claimed::Reused), format!("{done:?}"))?;
    probe.done(asked, &["a"]).await
}

async fn owners(probe: Probe<'_>) -> Result<(), Violation> {
    let all = [
        ("conformance-owner", "key", "once"),
        ("conformance-owner", "key2", "once"),
        ("conformance-owner2", "key", "once"),
        // What is the same only when it is put together.
        ("conformance-owner", "ke", "yonce"),
        ("conformance-ownerk", "ey", "once"),
    ];
    for (index, asked) in all.into_iter().enumerate() {
        let (claim, _own) = probe.first(asked).await?;
        probe.append(&*claim, &[&index.to_string()]).await?;
        probe.finish(claim).await?;
    }
    for (index, asked) in all.into_iter().enumerate() {
        probe.done(asked, &[&index.to_string()]).await?;
    }
    Ok(())
}

async fn forgets(probe: Probe<'_>) -> Result<(), Violation> {
    let asked = ("conformance-forget", "key", "once");
    let (claim, mut own) = probe.first(asked).await?;
    let mut attached = probe.running(asked).await?;
    probe.append(&*claim, &["a"]).await?;
    let forgotten = claim.forget().await;
    forgotten.map_err(|error| probe.broken(format!("forget: {error}")))?;
    for pieces in [&mut own, &mut attached] {
        probe.reads(pieces, &["a"]).await?;
        probe.ends(pieces).await?;
    }
    let (claim, _own) = probe.first(asked).await?;
    probe.append(&*claim, &["b"]).await?;
    probe.finish(claim).await?;
    probe.done(asked, &["b"]).await
}

async fn gives_up(probe: Probe<'_>) -> Result<(), Violation> {
    let asked = ("conformance-drop", "key", "once");
    let (claim, mut own) = probe.first(asked).await?;
    probe.append(&*claim, &["a"]).await?;
    drop(claim);
    probe.reads(&mut own, &["a"]).await?;
    let next = timeout(PATIENCE, own.next()).await;
    let is_error = matches!(next, Ok(Some(Err(_))));
    probe.hold(is_error, format!("{next:?}, not an error"))?;
    probe.ends(&mut own).await?;
    probe.first(asked).await.map(drop)
}

async fn is_deserted(probe: Probe<'_>) -> Result<(), Violation> {
    let asked = ("conformance-desert", "key", "once");
    let (claim, own) = probe.first(asked).await?;
    let attached = probe.running(asked).await?;
    probe.append(&*claim, &["a"]).await?;
    drop(own);
    let early = claim.deserted(Duration::ZERO).now_or_never();
    probe.hold(early.is_none(), "it has a reader, and was given up")?;
    drop(attached);
    let patient = claim.deserted(Duration::from_secs(3_600)).now_or_never();
    probe.hold(patient.is_none(), "it was given up before its time")?;
    let back = probe.running(asked).await?;
    drop(back);
    let deserted = timeout(PATIENCE, claim.deserted(Duration::ZERO)).await;
    probe.hold(deserted.is_ok(), "nobody reads it, and it was not given up")?;
    let (again, mut own) = probe.first(asked).await?;
    // What is done with the claim that was given up is nothing to the new one.
    drop(claim);
    probe.append(&*again, &["b"]).await?;
    probe.finish(again).await?;
    probe.reads(&mut own, &["b"]).await?;
    probe.ends(&mut own).await?;
    probe.done(asked, &["b"]).await
}

#[cfg(test)]
mod tests;
