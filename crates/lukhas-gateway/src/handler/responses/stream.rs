// SPDX-License-Identifier: Apache-2.0
//! A streamed response.

use bytes::BytesMut;
use lukhas_core::{
    BoxFuture, Outcome, OutputEvent, RunEnd, RunError, RunErrorKind, RunEvent, Usage,
};
use lukhas_openai::ResponseStream;

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
    fn begin(&mut self, out: &mut BytesMut) -> Result<(), RunError> {
        self.stream.begin(out).map_err(|error| unwritable(&error))
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
            let body = answer::to_bytes(fold.object())?;
            keeping.keep(fold, body).await
        })
    }
}

fn unwritable(error: &serde_json::Error) -> RunError {
    RunError::new(RunErrorKind::Internal, error.to_string())
}
