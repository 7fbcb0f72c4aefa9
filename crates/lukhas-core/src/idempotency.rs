// SPDX-License-Identifier: Apache-2.0
//! One answer for all requests that are the same.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;

use crate::{BoxFuture, StoreError};

/// What a request asks for, in 32 bytes: equal for the same request, different for any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

/// An answer, piece by piece: those that are there, and then those that come. An error is the last:
/// the rest of the answer will never come. Dropping it leaves the answer to others.
pub type AnswerPieces = Pin<Box<dyn Stream<Item = Result<Bytes, StoreError>> + Send>>;

/// Keeps the answers to requests that carry an idempotency key, so that the same request is answered
/// once.
///
/// The tenant comes first, then the public identifier of the API key: what belongs to another of them
/// does not exist. What an answer is made of is the caller's affair: pieces come back as they were
/// appended, in order, boundaries included.
///
/// Implementers bound what they keep and for how long. A claim is never taken from whoever makes its
/// answer; answers that have ended may go, the oldest first.
pub trait IdempotencyStore: Send + Sync {
    /// Claims `key` for a request of this `fingerprint`, or finds what became of an earlier one. Of
    /// several that ask at once, one gets the claim.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is claimed then.
    fn claim<'a>(
        &'a self,
        tenant: &'a str,
        key_id: &'a str,
        key: &'a str,
        fingerprint: Fingerprint,
    ) -> BoxFuture<'a, Result<Claimed, StoreError>>;
}

/// What came of a claim.
pub enum Claimed {
    /// The key is new: the answer is the caller's to make, and this is how it is read like anybody
    /// else's.
    New(Box<dyn Claim>, AnswerPieces),
    /// The same request is being answered.
    Running(AnswerPieces),
    /// The same request has been answered.
    Done(AnswerPieces),
    /// The key was used for another request.
    Reused,
    /// The same request was or is being answered, with more than is kept.
    TooLarge,
    /// There is no room for another answer under way.
    Full,
    /// Nobody knows: what keeps the answers cannot be asked now.
    Unreachable,
}

/// The right and the duty to make one answer.
///
/// Dropping it gives the claim up: who reads the answer gets an error after the pieces there are, and
/// the next request with the key is new.
pub trait Claim: Send + Sync {
    /// Adds a piece to the answer. An answer that becomes too large to be kept still reaches those
    /// who read it already: then this waits until all of them have caught up.
    ///
    /// # Errors
    /// [`StoreError`]; the answer cannot be gone on with.
    fn append(&self, piece: Bytes) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Waits until nobody has read the answer for as long as `patience`. The claim is given up then:
    /// nobody can have come in between. Of an answer that is too large to be kept, nobody has to wait
    /// for who cannot come.
    fn deserted(&self, patience: Duration) -> BoxFuture<'_, ()>;

    /// The answer is whole and is kept.
    ///
    /// # Errors
    /// [`StoreError`]; the claim is given up then.
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), StoreError>>;

    /// The answer is whole, for those who read it already; the next request with the key is new.
    ///
    /// # Errors
    /// [`StoreError`]; the claim is given up then.
    fn forget(self: Box<Self>) -> BoxFuture<'static, Result<(), StoreError>>;
}

impl fmt::Debug for Claimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::New(..) => "New",
            Self::Running(_) => "Running",
            Self::Done(_) => "Done",
            Self::Reused => "Reused",
            Self::TooLarge => "TooLarge",
            Self::Full => "Full",
            Self::Unreachable => "Unreachable",
        })
    }
}
