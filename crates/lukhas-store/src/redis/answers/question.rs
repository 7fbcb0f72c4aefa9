// SPDX-License-Identifier: Apache-2.0
//! What is asked of the scripts of answers, as the comments of each say it.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use lukhas_core::Fingerprint;
use redis::{Script, Value};
use sha2::{Digest, Sha256};

use super::claim::Making;
use super::word;
use crate::IdempotencyLimits;
use crate::idempotency::table::ENTRY_BYTES;
use crate::redis::script::{Question, script};

/// How long the pieces of an answer that is not kept are there for those who read it.
const READ_OUT: Duration = Duration::from_secs(30);

/// Who has read within this time reads it still.
const READS: Duration = Duration::from_secs(2);

/// An idempotency key and whose it is: 256 bits, in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Id(String);

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Done,
    Forgotten,
    Lost,
    Deserted,
}

/// The scripts, with what all of them need.
pub(super) struct Scripts<'a> {
    pub(super) prefix: &'a str,
    pub(super) limits: &'a IdempotencyLimits,
    pub(super) lease: Duration,
}

macro_rules! scripts {
    ($($name:ident: $file:literal),* $(,)?) => {
        $(static $name: LazyLock<Script> =
            LazyLock::new(|| script(&[include_str!("index.lua"), include_str!($file)]));)*
    };
}

scripts! {
    CLAIM: "claim.lua",
    APPEND: "append.lua",
    FINISH: "finish.lua",
    RENEW: "renew.lua",
    READ: "read.lua",
}

impl Id {
    /// The lengths come first: no two triples make the same identifier.
    pub(super) fn new(tenant: &str, key_id: &str, key: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [tenant, key_id, key] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(
            hash.finalize()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        )
    }
}

impl How {
    fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Forgotten => "forgotten",
            Self::Lost => "lost",
            Self::Deserted => "deserted",
        }
    }
}

impl Scripts<'_> {
    fn of(&self, script: &'static Script, id: &Id, instance: &str) -> Question {
        let mut question = Question::of(script);
        question.arg(self.prefix).arg(&id.0).arg(instance);
        question
    }

    pub(super) fn claim(&self, id: &Id, fingerprint: Fingerprint, instance: &str) -> Question {
        let mut question = Question::of(&CLAIM);
        question.arg(self.prefix).arg(&id.0);
        question.arg(&fingerprint.0[..]).arg(instance);
        question
            .arg(micros(self.lease))
            .arg(micros(self.limits.ttl));
        question
            .arg(self.limits.bytes)
            .arg(self.limits.answers.get());
        question.arg(ENTRY_BYTES);
        question
    }

    /// Adds `pieces` of so many bytes behind `before` others; none of any bytes is an answer that is too
    /// large to be kept.
    pub(super) fn append(
        &self,
        id: &Id,
        instance: &str,
        before: usize,
        (pieces, bytes): (&[Bytes], Option<usize>),
    ) -> Question {
        let mut question = self.of(&APPEND, id, instance);
        question.arg(micros(self.lease)).arg(self.limits.bytes);
        match bytes {
            Some(bytes) => question.arg(bytes),
            None => question.arg(""),
        };
        question.arg(before);
        for piece in pieces {
            question.arg([b"d", &piece[..]].concat());
        }
        question
    }

    pub(super) fn finish(&self, id: &Id, instance: &str, how: How, pieces: usize) -> Question {
        let mut question = self.of(&FINISH, id, instance);
        question.arg(how.as_str());
        question.arg(micros(self.limits.ttl)).arg(micros(READ_OUT));
        question
            .arg(pieces)
            .arg(micros(READS))
            .arg(micros(self.lease));
        question
    }

    pub(super) fn renew(&self, making: &[(Id, Arc<Making>)]) -> Question {
        let mut question = Question::of(&RENEW);
        question.arg(self.prefix).arg("");
        question
            .arg(micros(self.lease))
            .arg(micros(self.limits.ttl));
        for (id, making) in making {
            question.arg(&id.0).arg(&making.instance);
        }
        question
    }

    pub(super) fn read(&self, id: &Id, instance: &str, from: usize, most: usize) -> Question {
        let mut question = self.of(&READ, id, instance);
        question.arg(from).arg(most);
        question
    }
}

/// What a claim has found, and by which instance it is made.
pub(super) fn read_found(answer: &Value) -> Option<(&str, &str)> {
    match answer {
        Value::Array(parts) => match parts.as_slice() {
            [found, instance] => Some((word(found), word(instance))),
            _ => None,
        },
        _ => None,
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
