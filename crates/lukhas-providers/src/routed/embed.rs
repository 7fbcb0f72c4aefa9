// SPDX-License-Identifier: Apache-2.0
//! Embeddings of a model: asked for, and asked for again, as answers are.

use std::sync::Arc;

use lukhas_core::{
    BoxFuture, EmbedInput, EmbedRequest, Embedded, Embedder, ModelInfo, RunCx, RunError,
    RunErrorKind, Tokenizer, Usage, UsageSource,
};
use tokio::task::spawn_blocking;

use super::ask::{Ask, Attempts};
use super::{RoutedModel, Target};
use crate::embeddings::Answer;
use crate::error::Failed;
use crate::upstream::Asking;

impl Ask for EmbedRequest {
    type Answer = Answer;

    fn shows_beginning(&self) -> bool {
        false
    }

    async fn ask(&self, target: &Target, asking: Asking<'_>) -> Result<Answer, Failed> {
        let name = target.model.as_deref().unwrap_or(&self.model);
        target.upstream.embed(name, self, asking).await
    }
}

impl RoutedModel {
    /// Whether it can be asked for embeddings: whether each of its targets can.
    #[must_use]
    pub fn embeds(&self) -> bool {
        let mut targets = self.0.pool.status();
        targets.all(|status| status.target.upstream.embeds())
    }
}

impl Embedder for RoutedModel {
    fn models(&self) -> &[ModelInfo] {
        &self.0.models
    }

    fn embed<'a>(
        &'a self,
        cx: &'a RunCx,
        request: EmbedRequest,
    ) -> BoxFuture<'a, Result<Embedded, RunError>> {
        Box::pin(async move {
            let asked = Attempts::new(&self.0, cx).ask(&self.0, &request).await;
            let (answer, call) = asked.map_err(|failed| {
                tracing::warn!(run_id = %cx.run_id, error = %failed.error, "no upstream answered");
                failed.error
            })?;
            let (input_tokens, source) = match answer.input_tokens {
                Some(tokens) => (tokens, UsageSource::Provider),
                None => {
                    let counted = count(&self.0.tokenizer, request.input).await?;
                    (counted, UsageSource::Estimated)
                }
            };
            let usage = call.target().priced(Usage {
                input_tokens,
                source,
                ..Usage::default()
            });
            call.succeed();
            Ok(Embedded {
                vectors: answer.vectors,
                usage,
            })
        })
    }
}

/// The tokens of `input`, where its upstream has not counted them.
async fn count(tokenizer: &Arc<dyn Tokenizer>, input: EmbedInput) -> Result<u64, RunError> {
    let tokenizer = Arc::clone(tokenizer);
    let counted = spawn_blocking(move || match input {
        EmbedInput::Texts(texts) => texts.iter().map(|text| tokenizer.count(text) as u64).sum(),
        EmbedInput::Tokens(lists) => lists.iter().map(|tokens| tokens.len() as u64).sum(),
    });
    counted
        .await
        .map_err(|error| RunError::new(RunErrorKind::Internal, error.to_string()))
}
