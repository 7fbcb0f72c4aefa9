// SPDX-License-Identifier: Apache-2.0
//! Bytes that are read before anybody wants them, to hear of a reset.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

/// Most bytes that are kept.
const LIMIT: usize = 4096;

/// What a client has sent behind a request that is under way.
///
/// hyper reads on while it answers, and so hears that its client has gone, unless it holds bytes of
/// the next request already: then it stops, and would hear of it when it has written into the void.
/// A reset is behind the bytes that came before it, so somebody has to read those.
///
/// The end of the bytes is no reset: a client that has sent its last request may close its side and
/// read on, and looks the same as one that has gone.
#[derive(Debug, Default)]
pub(crate) struct ReadAhead {
    bytes: Vec<u8>,
    /// The last to read was left waiting, and is woken when something comes.
    has_reader: bool,
    has_ended: bool,
}

impl ReadAhead {
    /// Reads what was kept, then from `inner`.
    pub(crate) fn poll_read<T: AsyncRead + Unpin>(
        &mut self,
        inner: &mut T,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.bytes.is_empty() {
            let read = Pin::new(inner).poll_read(cx, buf);
            self.has_reader = read.is_pending();
            return read;
        }
        let length = self.bytes.len().min(buf.remaining());
        buf.put_slice(&self.bytes[..length]);
        self.bytes.drain(..length);
        Poll::Ready(Ok(()))
    }

    /// Reads on where nobody else does, as long as there is room.
    ///
    /// # Errors
    /// The client has reset the connection.
    pub(crate) fn watch<T: AsyncRead + Unpin>(
        &mut self,
        inner: &mut T,
        cx: &mut Context<'_>,
    ) -> io::Result<()> {
        if self.has_reader {
            return Ok(());
        }
        let mut chunk = [0; LIMIT];
        while !self.has_ended && self.bytes.len() < LIMIT {
            let mut buf = ReadBuf::new(&mut chunk[self.bytes.len()..]);
            match Pin::new(&mut *inner).poll_read(cx, &mut buf) {
                Poll::Ready(read) => read?,
                Poll::Pending => break,
            }
            self.has_ended = buf.filled().is_empty();
            self.bytes.extend_from_slice(buf.filled());
        }
        Ok(())
    }
}
