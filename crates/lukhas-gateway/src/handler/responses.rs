// SPDX-License-Identifier: Apache-2.0
//! The Responses API.

mod list;
mod stream;

use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use lukhas_core::{
    Api, Id, Item, Original, Principal, RunCx, RunRequest, RunStream, StoredResponse,
};
use lukhas_observability::Operation;
use lukhas_openai::{
    CountInputTokens, CreateResponse, DeletedResponse, InputTokens, ResponseCall, ResponseFold,
    ResponseObject,
};

use super::models::cannot_answer;
use super::query;
use crate::answer::{self, JsonMembers};
use crate::body::{json_of, read, read_json};
use crate::error::response_error;
use crate::gateway::{Shared, unix_now};
use crate::limits::{Estimate, Standings, Ticket, with_standings};
use crate::route::Call;
use crate::run::{self, Heartbeat, Held, Meter, Runs, ToldRuns};
use crate::telling::{self, RunAbout};
use crate::{ApiError, ErrorCode};

pub(crate) use list::input_items;

/// What the identifier of a response begins with.
const PREFIX: &str = "resp_";

/// The output that is expected of a run that names no bound, in tokens.
const USUAL_OUTPUT: u32 = 1_024;

/// `POST /v1/responses`.
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
        let asked: ResponseCall = CreateResponse::parse(&body)?.try_into()?;
        let permit = shared.admit(&principal, Some(&asked.run.model)).await?;
        let estimate = estimate(&shared, request_id, &principal, &ticket, &asked.run).await?;
        let held = hold(&shared, ticket, &principal, &asked.run.model, estimate, 1);
        let (held, standings) = held.await?;
        let id = new_id(&shared);
        let told = ToldRuns {
            telling: &telling,
            about: RunAbout {
                operation: Operation::Response,
                model: &asked.run.model,
                response_id: Some(&id),
                asked: telling::asked(&asked.run),
                request: Some(&asked.run),
            },
            count: 1,
            shows_steps: asked.steps,
        };
        let meter = Meter::new(&shared, held, &told);
        let cx = run_cx(&shared, request_id, Arc::clone(&principal), asked.steps);
        let cx = meter.watch(0, cx);
        let (events, answer) = begin(&shared, cx, asked, (id, body));
        let mut heartbeat = Heartbeat::new(shared.heartbeat.filter(|_| answer.stream));
        let streams = std::iter::once(events);
        let mut runs = Runs::new(permit, meter, streams);
        let started = runs.start(&mut heartbeat).await;
        started.map_err(|error| {
            let model = &answer.fold.object().model;
            cannot_answer(&shared, &principal, model, error)
        })?;
        let response = if answer.stream {
            run::stream(runs, heartbeat, stream::Writer::new(*answer))
        } else {
            whole(&mut runs, answer).await?
        };
        Ok(with_standings(response, standings))
    }
}

/// What the answer to a run needs.
struct Answering {
    fold: ResponseFold,
    stream: bool,
    steps: bool,
    keeping: Option<Keeping>,
}

/// Begins a run. What its answer needs is put beside it, so that what waits for it stays small.
fn begin(
    shared: &Arc<Shared>,
    cx: RunCx,
    asked: ResponseCall,
    (id, body): (String, Bytes),
) -> (RunStream, Box<Answering>) {
    let ResponseCall {
        mut run,
        options,
        stream,
        steps,
        is_plain,
    } = asked;
    let keeping = options.store().then(|| Keeping {
        shared: Arc::clone(shared),
        tenant: Arc::clone(&cx.principal.tenant),
        previous: run.previous.clone(),
        input: run.items.clone(),
    });
    let object = ResponseObject::new(id, unix_now(), *options);
    if is_plain && !steps && shared.orchestrator.uses_original(&run.model) {
        run.original = Some(Arc::new(original(&object, body)));
    }
    let entropy = Arc::clone(&shared.entropy);
    let fold = ResponseFold::new(object, entropy, unix_now, response_error);
    let answer = Answering {
        fold,
        stream,
        steps,
        keeping,
    };
    (shared.orchestrator.run(cx, run), Box::new(answer))
}

/// What `run` may use, if anything counts it.
pub(super) async fn estimate(
    shared: &Shared,
    request_id: Id,
    principal: &Arc<Principal>,
    ticket: &Ticket,
    run: &RunRequest,
) -> Result<Estimate, ApiError> {
    let is_counted = ticket.counts_tokens(principal, &run.model);
    if !is_counted && !shared.budgets.cover(principal) {
        return Ok(Estimate::default());
    }
    let cx = run_cx(shared, request_id, Arc::clone(principal), false);
    let input = shared.orchestrator.count_input(cx, run.clone()).await;
    let input =
        input.map_err(|error| cannot_answer(shared, principal, &run.model, error.into()))?;
    Ok(Estimate {
        input,
        output: run.max_output_tokens.unwrap_or(USUAL_OUTPUT).into(),
        is_guess: run.max_output_tokens.is_none(),
    })
}

/// Takes of the limits and budgets what `choices` answers may use, each as `estimate` says; and how the
/// limits stand then.
///
/// # Errors
/// What the limit or budget says that denies it. Nothing is held then.
pub(super) fn hold<'a>(
    shared: &'a Shared,
    ticket: Ticket,
    principal: &'a Principal,
    model: &'a str,
    estimate: Estimate,
    choices: u32,
) -> impl Future<Output = Result<(Held, Option<Standings>), ApiError>> + Send {
    let early = ticket.standings();
    let admitted = ticket.admit(principal, model, estimate.of_choices(choices));
    async move {
        let (spending, standings) = admitted.await?;
        let outlay = shared.budgets.reserve(principal, model, estimate, choices);
        let outlay = outlay
            .await
            .map_err(|error| error.with_standings(standings.unwrap_or(early)))?;
        Ok((Held { spending, outlay }, standings))
    }
}

/// The request as it came, to be passed on. What identifies the answer, and where it is kept, is
/// ours to say.
fn original(object: &ResponseObject, body: Bytes) -> Original {
    let mut own = JsonMembers::new()
        .with("id", &object.id)
        .with("created_at", &object.created_at)
        .with("model", &object.model)
        .with("store", &object.store);
    // Not every upstream repeats it.
    if let Some(key) = &object.prompt_cache_key {
        own = own.with("prompt_cache_key", key);
    }
    Original {
        api: Api::Responses,
        body,
        own: own.into_vec(),
    }
}

async fn whole(runs: &mut Runs, mut answer: Box<Answering>) -> Result<Response, ApiError> {
    runs.fold(|_, event| answer.fold.apply(event)).await?;
    let body = match answer.fold.verbatim() {
        Some(body) => body.clone(),
        None => answer::to_bytes(answer.fold.object())?,
    };
    let Answering { fold, keeping, .. } = *answer;
    if let Some(keeping) = keeping {
        let (id, output) = fold.into_parts();
        let kept = keeping.keep(id, output, body.clone()).await;
        kept.map_err(ApiError::after_beginning)?;
    }
    Ok(answer::json_bytes(body))
}

/// What is kept of a response beside the answer itself.
struct Keeping {
    shared: Arc<Shared>,
    tenant: Arc<str>,
    previous: Option<String>,
    input: Vec<Item>,
}

impl Keeping {
    async fn keep(self, id: String, output: Vec<Item>, body: Bytes) -> Result<(), ApiError> {
        let Self {
            shared,
            tenant,
            previous,
            mut input,
        } = self;
        identify(&mut input, &id);
        let stored = StoredResponse {
            id,
            previous,
            body,
            input,
            output,
        };
        Ok(shared.store.put(&tenant, stored).await?)
    }
}

/// Gives identifiers to the items of the request of `response` that have none: the response's own,
/// and the item's number.
fn identify(items: &mut [Item], response: &str) {
    let digits = response.strip_prefix(PREFIX).unwrap_or(response);
    for (number, item) in items.iter_mut().enumerate() {
        let (id, prefix) = match item {
            Item::Message(message) => (&mut message.id, "msg_"),
            Item::FunctionCall(call) => (&mut call.id, "fc_"),
            Item::FunctionOutput(output) => (&mut output.id, "fco_"),
            Item::Opaque(_) => continue,
        };
        if id.is_none() {
            *id = Some([prefix, digits, &number.to_string()].concat());
        }
    }
}

/// `GET /v1/responses/{response_id}`.
pub(crate) async fn get(call: Call) -> Result<Response, ApiError> {
    if query::get(&call.request, "stream").is_some_and(|stream| stream != "false") {
        let message = "A stored response is sent whole: leave `stream` out.";
        let error = ApiError::new(ErrorCode::UnsupportedParameter, message);
        return Err(error.with_param("stream"));
    }
    let id = query::path_parameter(call.request).await?;
    let found = call.shared.store.get(&call.principal.tenant, &id).await?;
    let response = found.ok_or_else(|| not_found(&id))?;
    Ok(answer::json_bytes(response.body.clone()))
}

/// `DELETE /v1/responses/{response_id}`.
pub(crate) async fn delete(call: Call) -> Result<Response, ApiError> {
    let id = query::path_parameter(call.request).await?;
    if call
        .shared
        .store
        .delete(&call.principal.tenant, &id)
        .await?
    {
        return answer::json(&DeletedResponse::new(&id));
    }
    Err(not_found(&id))
}

/// `POST /v1/responses/input_tokens`.
pub(crate) async fn count_input_tokens(call: Call) -> Result<Response, ApiError> {
    let Call {
        shared,
        principal,
        request_id,
        request,
        ticket,
        ..
    } = call;
    let body = read_json(request, &shared.limits).await?;
    let ResponseCall { run, .. } = CountInputTokens::parse(&body)?.try_into()?;
    let _permit = shared.admit(&principal, None).await?;
    // No model is asked, so no tokens are used.
    let nothing = Estimate::default();
    let (_spending, standings) = ticket.admit(&principal, &run.model, nothing).await?;
    let cx = run_cx(&shared, request_id, Arc::clone(&principal), false);
    let model = run.model.clone();
    let count = shared.orchestrator.count_input(cx, run).await;
    let count = count.map_err(|error| cannot_answer(&shared, &principal, &model, error.into()))?;
    let response = answer::json(&InputTokens::new(count))?;
    Ok(with_standings(response, standings))
}

fn new_id(shared: &Shared) -> String {
    Id::new(PREFIX, &*shared.entropy).into()
}

/// What the runs of a request carry. Logs name them by the identifier that its client was told.
pub(super) fn run_cx(
    shared: &Shared,
    request_id: Id,
    principal: Arc<Principal>,
    steps: bool,
) -> RunCx {
    RunCx {
        run_id: request_id,
        principal,
        entropy: Arc::clone(&shared.entropy),
        steps,
        trace: None,
        abandoned: None,
    }
}

fn not_found(id: &str) -> ApiError {
    let id: String = id.chars().take(64).collect();
    ApiError::new(
        ErrorCode::NotFound,
        format!("Response with id `{id}` not found."),
    )
}
