// SPDX-License-Identifier: Apache-2.0
//! Embeddings of an upstream.

use bytes::Bytes;
use lukhas_core::{EmbedRequest, RunError, RunErrorKind};
use lukhas_reliability::FailureKind;
use tokio::task::spawn_blocking;

use super::patience::Patience;
use super::{Asking, Upstream, body, status};
use crate::embeddings::{self, Answer};
use crate::error::Failed;

/// Bytes of an answer that are read at once; more is read on a thread that may block.
const AT_ONCE: usize = 256 << 10;

impl Upstream {
    /// Whether it can be asked for embeddings.
    #[must_use]
    pub fn embeds(&self) -> bool {
        self.0.dialect.embeds()
    }

    /// Asks once, and reads the whole answer.
    pub(crate) async fn embed(
        &self,
        model: &str,
        request: &EmbedRequest,
        asking: Asking<'_>,
    ) -> Result<Answer, Failed> {
        let deadline = asking.deadline;
        let sent = embeddings::body(model, request).map_err(internal)?;
        let (path, accept) = (&self.0.embeddings, "application/json");
        let mut patience = Patience::default();
        let (response, connection) = self
            .post(path, sent.into(), accept, asking, &mut patience)
            .await?;
        if !response.status().is_success() {
            return Err(status::failure(response, deadline.limit(self.0.timeouts.idle())).await);
        }
        status::check_encoding(response.headers())?;
        let limit = embeddings::limit(request.input.count(), self.0.max_answer_bytes);
        let answer = body::read(response.into_body(), limit, deadline, &mut patience).await?;
        connection.keep();
        read(answer, request).await
    }
}

async fn read(answer: Bytes, request: &EmbedRequest) -> Result<Answer, Failed> {
    if answer.len() <= AT_ONCE {
        return Ok(embeddings::read(&answer, request)?);
    }
    let request = request.clone();
    let read = spawn_blocking(move || embeddings::read(&answer, &request));
    Ok(read.await.map_err(internal)??)
}

fn internal(error: impl std::fmt::Display) -> Failed {
    let error = RunError::new(RunErrorKind::Internal, error.to_string());
    Failed::new(FailureKind::Rejected, error)
}
