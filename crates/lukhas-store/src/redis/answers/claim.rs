// SPDX-License-Identifier: Apache-2.0
//! An answer that is made here.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use lukhas_core::{BoxFuture, Claim, Fingerprint, StoreError};
use tokio::time::{sleep, timeout};

use super::question::{How, Id};
use super::{Answers, word};
use crate::idempotency::log::{End, Log};
use crate::idempotency::table::PIECE_BYTES;
use crate::redis::client::{Asked, Call};

/// Between two looks whether somebody reads it elsewhere.
const LOOK: Duration = Duration::from_millis(500);

/// An answer as it is made: here for those who read it here, and told to Redis for the others.
pub(super) struct Making {
    /// The session in which it was claimed. In another, Redis is told nothing more.
    pub(super) session: u64,
    pub(super) fingerprint: Fingerprint,
    pub(super) instance: String,
    pub(super) log: Arc<Log>,
    writing: Mutex<Writing>,
}

/// What Redis has been told.
#[derive(Debug)]
struct Writing {
    fate: Fate,
    /// Pieces that have been sent, answered or not.
    sent: usize,
    /// Bytes of all pieces, as they are accounted for.
    bytes: usize,
    /// Pieces that go with the next call: one at a time is on its way.
    waiting: Vec<Bytes>,
    is_sending: bool,
}

/// What becomes of an answer in Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Kept,
    /// It is too large, and remembered as that.
    Large,
    /// It is there no more, or nobody knows.
    Lost,
}

/// The right and the duty to make an answer.
pub(super) struct RedisClaim {
    answers: Arc<Answers>,
    id: Id,
    making: Arc<Making>,
    /// Whether Redis knows how it ended, or is about to.
    is_over: AtomicBool,
}

impl Making {
    pub(super) fn new(
        session: u64,
        fingerprint: Fingerprint,
        instance: String,
        log: Arc<Log>,
    ) -> Self {
        let writing = Writing {
            fate: Fate::Kept,
            sent: 0,
            bytes: 0,
            waiting: Vec::new(),
            is_sending: false,
        };
        Self {
            session,
            fingerprint,
            instance,
            log,
            writing: Mutex::new(writing),
        }
    }

    /// Nothing under the lock panics, and no change leaves it half done.
    fn writing(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RedisClaim {
    pub(super) fn new(answers: Arc<Answers>, id: Id, making: Arc<Making>) -> Self {
        Self {
            answers,
            id,
            making,
            is_over: AtomicBool::new(false),
        }
    }

    /// Adds a piece to what Redis is told.
    fn write(&self, piece: Bytes) {
        let mut writing = self.making.writing();
        if writing.fate != Fate::Kept {
            return;
        }
        let more = piece.len().saturating_add(PIECE_BYTES);
        writing.bytes = writing.bytes.saturating_add(more);
        if writing.bytes > self.answers.limits.entry_bytes {
            writing.fate = Fate::Large;
            writing.waiting.clear();
            self.making.log.keep_no_longer();
            send(&self.answers, &self.id, &self.making, &mut writing);
            return;
        }
        writing.waiting.push(piece);
        if !writing.is_sending {
            send(&self.answers, &self.id, &self.making, &mut writing);
        }
    }

    /// Tells Redis how the answer ends, and what is still to be said of it before that. How many pieces
    /// there are is told, too: it is not kept unless all of them have arrived.
    fn finish_as(&self, how: How) -> impl Future<Output = Asked> + Send + use<> {
        let mut writing = self.making.writing();
        if !writing.waiting.is_empty() {
            send(&self.answers, &self.id, &self.making, &mut writing);
        }
        let (instance, pieces) = (&self.making.instance, writing.sent);
        let question = self
            .answers
            .scripts()
            .finish(&self.id, instance, how, pieces);
        self.answers
            .redis
            .client()
            .ask_in(self.making.session, question)
    }

    async fn end(self: Box<Self>, how: How) -> Result<(), StoreError> {
        self.is_over.store(true, Ordering::Relaxed);
        let finished = self.finish_as(how).await;
        self.answers.end(&self.id, &self.making);
        self.making.log.end(End::Whole);
        let finished = finished.map_err(|error| StoreError(error.to_string()))?;
        match (how, word(&finished)) {
            (How::Done, "kept") | (How::Forgotten, "gone") => Ok(()),
            (_, _) => Err(StoreError("the claim was lost".to_owned())),
        }
    }

    /// Gives the claim up if nobody reads its answer, here or elsewhere.
    async fn give_up_if_deserted(&self) -> bool {
        {
            // Readers come under this lock alone. Those who come later ask Redis, after this does.
            let mut making = self.answers.making();
            if self.making.log.has_readers() {
                return false;
            }
            making.remove(&self.id);
        }
        let finished = self.finish_as(How::Deserted).await;
        if finished.as_ref().is_ok_and(|answer| word(answer) == "read") {
            let making = Arc::clone(&self.making);
            self.answers.making().insert(self.id.clone(), making);
            return false;
        }
        self.making.log.end(End::Lost);
        self.is_over.store(true, Ordering::Relaxed);
        true
    }
}

/// Sends what waits to be sent.
fn send(answers: &Arc<Answers>, id: &Id, making: &Arc<Making>, writing: &mut Writing) {
    let pieces = std::mem::take(&mut writing.waiting);
    let bytes = pieces.iter().map(|piece| piece.len() + PIECE_BYTES).sum();
    let bytes = (writing.fate == Fate::Kept).then_some(bytes);
    let pieces_of = (&*pieces, bytes);
    let question = answers
        .scripts()
        .append(id, &making.instance, writing.sent, pieces_of);
    writing.sent += pieces.len();
    writing.is_sending = true;
    let (to, of, by) = (Arc::clone(answers), id.clone(), Arc::clone(making));
    let reply = Box::new(move |answer: Asked| {
        let mut writing = by.writing();
        writing.is_sending = false;
        match answer.as_ref().map(word) {
            Ok("kept") => {}
            Ok("large") => {
                writing.fate = Fate::Large;
                by.log.keep_no_longer();
            }
            Ok(_) | Err(_) => writing.fate = Fate::Lost,
        }
        if writing.fate == Fate::Kept && !writing.waiting.is_empty() {
            send(&to, &of, &by, &mut writing);
        }
    });
    let call = Call { question, reply };
    if answers
        .redis
        .client()
        .try_submit(making.session, call)
        .is_err()
    {
        writing.fate = Fate::Lost;
        writing.is_sending = false;
    }
}

impl Claim for RedisClaim {
    fn append(&self, piece: Bytes) -> BoxFuture<'_, Result<(), StoreError>> {
        // A copy, because a slice would keep the whole buffer that it is cut from.
        let piece = Bytes::copy_from_slice(&piece);
        self.write(piece.clone());
        Box::pin(async move {
            self.making.log.push(piece).await;
            Ok(())
        })
    }

    fn deserted(&self, patience: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let log = &self.making.log;
            loop {
                let moved = log.moved();
                if log.has_readers() {
                    moved.await;
                } else if log.is_kept() && timeout(patience, moved).await.is_ok() {
                    // Somebody came.
                } else if self.give_up_if_deserted().await {
                    return;
                } else if !log.has_readers() {
                    // Somebody reads it elsewhere.
                    sleep(LOOK).await;
                }
            }
        })
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), StoreError>> {
        Box::pin(self.end(How::Done))
    }

    fn forget(self: Box<Self>) -> BoxFuture<'static, Result<(), StoreError>> {
        Box::pin(self.end(How::Forgotten))
    }
}

impl Drop for RedisClaim {
    /// Changes nothing where the answer has ended already.
    fn drop(&mut self) {
        self.answers.end(&self.id, &self.making);
        self.making.log.end(End::Lost);
        if !self.is_over.load(Ordering::Relaxed) {
            // Nobody waits for it.
            drop(self.finish_as(How::Lost));
        }
    }
}
