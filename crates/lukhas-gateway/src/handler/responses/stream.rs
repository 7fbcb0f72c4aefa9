// SPDX-License-Identifier: Apache-2.0
//! A streamed response.

use bytes::{Bytes, BytesMut};
use lukhas_core::{
    BoxFuture, Outcome, OutputEvent, RunEnd, RunError, RunErrorKind, RunEvent, Usage, Verbatim,
};
use lukhas_openai::{ResponseStream, member};

use super::{Answering, Keeping};
use crate::run::EventWriter;
use crate::{ApiError, answer};

/// Writes the events of a response, and keeps it at the end.
pub(super) struct Writer {
    stream: ResponseStream,
    keeping: Option<Keeping>,
}

impl Writer {
    pub(super) fn new(answer: Answering) -> Self {
        Self {
            stream: ResponseStream::new(answer.fold, answer.steps),
            keeping: answer.keeping,
        }
    }
}

impl EventWriter for Writer {
    fn begin(&mut self, first: &RunEvent, out: &mut BytesMut) -> Result<(), RunError> {
        let first = match first {
            RunEvent::Output(output) => Some(output),
            RunEvent::Step(_) => None,
        };
        self.stream
            .begin(first, out)
            .map_err(|error| unwritable(&error))
    }

    fn passes(&mut self, said: &Verbatim) -> bool {
        self.stream.passes(said)
    }

    fn event(
        &mut self,
        _index: usize,
        event: &RunEvent,
        out: &mut BytesMut,
    ) -> Result<(), RunError> {
        let written = match event {
            RunEvent::Step(step) => self.stream.step(step, out),
            RunEvent::Output(output) => self.stream.output(output, out),
        };
        written.map_err(|error| unwritable(&error))
    }

    fn fail(
        &mut self,
        error: &RunError,
        usage: Option<Usage>,
        out: &mut BytesMut,
    ) -> Result<(), RunError> {
        let end = RunEnd {
            outcome: Outcome::Failed(error.clone()),
            usage,
        };
        self.stream
            .output(&OutputEvent::Ended(end), out)
            .map_err(|error| unwritable(&error))
    }

    fn finish(&mut self, _out: &mut BytesMut) -> Result<(), RunError> {
        Ok(())
    }

    fn keep(&mut self) -> BoxFuture<'_, Result<(), ApiError>> {
        let keeping = self.keeping.take();
        Box::pin(async {
            let Some(keeping) = keeping else {
                return Ok(());
            };
            let fold = self.stream.fold();
            let body = match fold.verbatim().filter(|_| !fold.has_failed()) {
                Some(last) => response_of(last)?,
                None => answer::to_bytes(fold.object())?,
            };
            let (id, output) = (fold.object().id.clone(), fold.items());
            keeping.keep(id, output, body).await
        })
    }
}

/// The response that the last event of a stream carries.
fn response_of(last: &[u8]) -> Result<Bytes, ApiError> {
    let text = std::str::from_utf8(last).unwrap_or_default();
    let mut data = text
        .lines()
        .rev()
        .filter_map(|line| line.strip_prefix("data: "));
    let response = data.next().and_then(|data| member(data, "response"));
    let response = response.ok_or_else(|| ApiError::internal(&"a last event without a response"));
    // A copy: what is kept must not hold more than itself.
    response.map(|response| Bytes::copy_from_slice(response.as_bytes()))
}

fn unwritable(error: &serde_json::Error) -> RunError {
    RunError::new(RunErrorKind::Internal, error.to_string())
}
