// SPDX-License-Identifier: Apache-2.0
//! An answer in the pieces that it is sent in.

use bytes::{Bytes, BytesMut};

/// Length of a piece of an answer that is not streamed, in bytes.
const PIECE: usize = 64;

/// One piece: an event of a stream, or a part of a whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: FrameKind,
    pub(crate) bytes: Bytes,
}

/// What a piece is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// It carries text or arguments.
    Content,
    /// It says that the answer is whole.
    Finish,
    /// The stream's last.
    Last,
    /// Everything else.
    Other,
}

impl Frame {
    pub(crate) fn new(kind: FrameKind, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { kind, bytes }
    }

    /// The events in `written`, in order, the last of them of that kind.
    pub(crate) fn events(written: BytesMut, last: FrameKind) -> impl Iterator<Item = Self> {
        let mut rest = written.freeze();
        std::iter::from_fn(move || {
            let end = rest.windows(2).position(|pair| pair == b"\n\n")? + 2;
            let bytes = rest.split_to(end);
            let kind = if rest.is_empty() {
                last
            } else {
                FrameKind::Other
            };
            Some(Self { kind, bytes })
        })
    }

    /// A whole answer in pieces; none for an empty one.
    pub(crate) fn pieces(mut body: Bytes) -> Vec<Self> {
        let mut pieces = Vec::with_capacity(body.len() / PIECE + 1);
        while !body.is_empty() {
            let piece = body.split_to(body.len().min(PIECE));
            pieces.push(Self::new(FrameKind::Content, piece));
        }
        pieces
    }
}
