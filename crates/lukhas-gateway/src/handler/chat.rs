// SPDX-License-Identifier: Apache-2.0
//! Chat completions.

use std::sync::Arc;

use axum::response::Response;
use bytes::{Bytes, BytesMut};
use lukhas_core::{
    Api, BoxFuture, Id, Original, RunError, RunErrorKind, RunEvent, Usage, Verbatim,
};
use lukhas_observability::Operation;
use lukhas_openai::{
    ChatCall, ChatCompletion, ChatFold, ChatHead, ChatStream, CreateChatCompletion, ServiceTier,
    chat_param,
};

use super::models::cannot_answer;
use super::responses::{estimate, hold, run_cx};
use crate::ApiError;
use crate::answer::{self, JsonMembers};
use crate::body::{json_of, read};
use crate::gateway::unix_now;
use crate::limits::with_standings;
use crate::route::Call;
use crate::run::{self, EventWriter, Heartbeat, Meter, Runs, ToldRuns};
use crate::telling::{self, RunAbout};

/// `POST /v1/chat/completions`.
pub(crate) fn create(call: Call) -> impl Future<Output = Result<Response, ApiError>> + Send {
    let Call {
        shared,
        principal,
        request_id,
        request,
        ticket,
        telling,
    } = call;
    let body = json_of(request, &shared.limits);
    async move {
        let body = read(body?, &shared.limits).await?;
        let mut call: ChatCall = CreateChatCompletion::parse(&body)?.try_into()?;
        let permit = shared.admit(&principal, Some(&call.run.model)).await?;
        let estimate = estimate(&shared, request_id, &principal, &ticket, &call.run).await;
        let estimate = estimate.map_err(|error| error.map_param(chat_param))?;
        let held = hold(
            &shared,
            ticket,
            &principal,
            &call.run.model,
            estimate,
            call.n,
        );
        let (held, standings) = held.await?;
        let head = ChatHead {
            id: Id::new("chatcmpl-", &*shared.entropy).into(),
            created: unix_now(),
            model: call.run.model.clone(),
            service_tier: ServiceTier::Default,
            system_fingerprint: None,
        };
        if call.is_plain && shared.orchestrator.uses_original(&head.model) {
            call.run.original = Some(Arc::new(original(&head, body)));
        }
        let told = ToldRuns {
            telling: &telling,
            about: RunAbout {
                operation: Operation::Chat,
                model: &head.model,
                response_id: Some(&head.id),
                asked: telling::asked(&call.run),
                request: Some(&call.run),
            },
            count: call.n,
            shows_steps: false,
        };
        let meter = Meter::new(&shared, held, &told);
        let (n, stream, include_usage) = (call.n, call.stream, call.include_usage);
        let streams = call.into_runs().enumerate().map(|(index, run)| {
            let cx = run_cx(&shared, request_id, Arc::clone(&principal), false);
            shared.orchestrator.run(meter.watch(index, cx), run)
        });
        let streams: Vec<_> = streams.collect();
        let mut heartbeat = Heartbeat::new(shared.heartbeat.filter(|_| stream));
        let mut runs = Runs::new(permit, meter, streams.into_iter());
        let started = runs.start(&mut heartbeat).await;
        started.map_err(|error| {
            let error = cannot_answer(&shared, &principal, &head.model, error);
            error.map_param(chat_param)
        })?;
        if stream {
            let writer = Writer(ChatStream::new(head, n, include_usage));
            let response = run::stream(runs, heartbeat, writer);
            return Ok(with_standings(response, standings));
        }
        let mut folds = vec![ChatFold::new(); n as usize];
        let folded = runs.fold(|index, event| folds[index].apply(event)).await;
        folded.map_err(|error| error.map_param(chat_param))?;
        let response = match folds.first().and_then(ChatFold::verbatim) {
            Some(body) => answer::json_bytes(body.clone()),
            None => answer::json(&ChatCompletion::new(head, folds)?)?,
        };
        Ok(with_standings(response, standings))
    }
}

/// The request as it came, to be passed on. What identifies the answer is ours to say.
fn original(head: &ChatHead, body: Bytes) -> Original {
    let own = JsonMembers::new()
        .with("id", &head.id)
        .with("created", &head.created)
        .with("model", &head.model);
    Original {
        api: Api::ChatCompletions,
        body,
        own: own.into_vec(),
    }
}

/// Writes the chunks of a chat completion.
struct Writer(ChatStream);

impl EventWriter for Writer {
    fn begin(&mut self, _first: &RunEvent, _out: &mut BytesMut) -> Result<(), RunError> {
        Ok(())
    }

    fn passes(&mut self, said: &Verbatim) -> bool {
        self.0.passes(said)
    }

    fn event(
        &mut self,
        index: usize,
        event: &RunEvent,
        out: &mut BytesMut,
    ) -> Result<(), RunError> {
        match event {
            RunEvent::Step(_) => Ok(()),
            RunEvent::Output(output) => {
                self.0
                    .output(u32::try_from(index).unwrap_or(u32::MAX), output, out)
            }
        }
    }

    fn fail(
        &mut self,
        error: &RunError,
        _usage: Option<Usage>,
        out: &mut BytesMut,
    ) -> Result<(), RunError> {
        let error = ApiError::from(error.clone()).map_param(chat_param);
        let written = ChatStream::fail(&error.detail(), out);
        written.map_err(|error| RunError::new(RunErrorKind::Internal, error.to_string()))
    }

    fn finish(&mut self, out: &mut BytesMut) -> Result<(), RunError> {
        self.0.finish(out)
    }

    fn keep(&mut self) -> BoxFuture<'_, Result<(), ApiError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
