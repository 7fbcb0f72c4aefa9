// SPDX-License-Identifier: Apache-2.0
//! Reading an answer that is or was made elsewhere.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lukhas_core::{AnswerPieces, StoreError};
use redis::Value;
use tokio::time::sleep;

use super::Answers;
use super::question::Id;

/// Waits between two looks for more, while there is none: the first, and the longest.
const FIRST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_millis(100);

/// Most pieces that one look brings.
const AT_ONCE: usize = 32;

/// One who reads an answer of another process.
pub(super) struct Reader {
    answers: Arc<Answers>,
    id: Id,
    instance: String,
    /// How many pieces have been brought.
    brought: usize,
    /// Those that have not been read.
    pieces: VecDeque<Vec<u8>>,
    wait: Duration,
    /// For how long nothing could be asked.
    in_vain: Duration,
}

impl Reader {
    pub(super) fn new(answers: Arc<Answers>, id: Id, instance: String) -> Self {
        Self {
            answers,
            id,
            instance,
            brought: 0,
            pieces: VecDeque::new(),
            wait: FIRST,
            in_vain: Duration::ZERO,
        }
    }

    /// What it reads. Nothing comes after an error.
    pub(super) fn into_pieces(self) -> AnswerPieces {
        let next = |reader: Option<Self>| async {
            let mut reader = reader?;
            let piece = reader.next().await?;
            let reader = piece.is_ok().then_some(reader);
            Some((piece, reader))
        };
        Box::pin(futures_util::stream::unfold(Some(self), next))
    }

    /// The next piece, or `None` at the end of a whole answer.
    async fn next(&mut self) -> Option<Result<Bytes, StoreError>> {
        loop {
            if let Some(piece) = self.pieces.pop_front() {
                let mut piece = Bytes::from(piece);
                let kind = piece.split_to(1.min(piece.len()));
                return match &*kind {
                    b"d" => Some(Ok(piece)),
                    b"e" => None,
                    _ => Some(Err(lost("the answer was given up before its end"))),
                };
            }
            match self.look().await {
                Some(may_be_more) if self.pieces.is_empty() && !may_be_more => {
                    return Some(Err(lost("who made the answer is gone, or it was not kept")));
                }
                Some(_) if !self.pieces.is_empty() => self.wait = FIRST,
                Some(_) => self.pause().await,
                None if self.in_vain >= self.answers.lease => {
                    return Some(Err(lost("the answer cannot be reached any more")));
                }
                None => {
                    self.pause().await;
                    self.in_vain += self.wait;
                }
            }
        }
    }

    /// Brings more pieces, if there are any. Whether there may be more later; `None` when it cannot be
    /// asked.
    async fn look(&mut self) -> Option<bool> {
        let scripts = self.answers.scripts();
        let question = scripts.read(&self.id, &self.instance, self.brought, AT_ONCE);
        let answer = self.answers.redis.client().ask(question).await.ok()?;
        let Value::Array(parts) = answer else {
            return None;
        };
        let mut parts = parts.into_iter();
        let (Some(Value::Int(may_be_more)), Some(Value::Array(pieces))) =
            (parts.next(), parts.next())
        else {
            return None;
        };
        self.in_vain = Duration::ZERO;
        self.brought += pieces.len();
        self.pieces
            .extend(pieces.into_iter().map(|piece| match piece {
                Value::BulkString(bytes) => bytes,
                _ => Vec::new(),
            }));
        Some(may_be_more == 1)
    }

    async fn pause(&mut self) {
        sleep(self.wait).await;
        self.wait = (self.wait * 2).min(LONGEST);
    }
}

fn lost(why: &str) -> StoreError {
    StoreError(why.to_owned())
}
