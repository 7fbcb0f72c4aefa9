// SPDX-License-Identifier: Apache-2.0
//! From a request to what happens to it.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use lukhas_core::{Outcome, OutputEvent};
use serde_json::json;

use crate::answer::Answerer;
use crate::body::{Cut, Player};
use crate::dialect::{CREATED, NoAnswer, chat, embeddings, messages, responses};
use crate::plan::{Answer, Effects, Plan};
use crate::record::{Recorder, Running, key};
use crate::request::Asked;
use crate::rule::Reply;
use crate::server::ResetSwitch;
use crate::{Dialect, Ending, Injection, KeyDigest, MockOptions, Rule};

/// Largest body of a request, in bytes.
const LARGEST: usize = 8 << 20;

/// The model that `GET /v1/models` lists.
const MODEL: &str = "mock";

/// Answers requests.
#[derive(Debug)]
pub(crate) struct Service {
    rules: Vec<Rule>,
    key: Option<KeyDigest>,
    answerer: Answerer,
    recorder: Arc<Recorder>,
}

/// What is decided about a request before there is an answer.
struct Decision<'s> {
    effects: Effects,
    rule: Option<&'s Rule>,
}

impl Service {
    pub(crate) fn new(options: MockOptions, recorder: Arc<Recorder>) -> Self {
        Self {
            rules: options.rules,
            key: options.key,
            answerer: Answerer::new(),
            recorder,
        }
    }

    pub(crate) fn recorder(&self) -> &Arc<Recorder> {
        &self.recorder
    }

    /// Answers one request, or resets its connection.
    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
        switch: ResetSwitch,
    ) -> Result<Response<Player>, Cut> {
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        if path.starts_with("/__mock/") {
            let plan = self.control(&head);
            return Ok(respond(plan, None, switch, &head));
        }
        let dialect = Dialect::of_path(path);
        let mut running = self
            .recorder
            .begin(dialect, (&head.method, path, &head.headers));
        let plan = self.plan(dialect, &head, body, &running).await;
        if !plan.wait.is_zero() {
            tokio::time::sleep(plan.wait).await;
        }
        let Some(answer) = &plan.head else {
            running.end(Ending::Reset);
            switch.reset();
            return Err(Cut);
        };
        running.answer(answer.status);
        Ok(respond(plan, Some(running), switch, &head))
    }

    /// What it was asked, and forgetting it.
    fn control(&self, head: &Parts) -> Plan {
        let dialect = Dialect::Models;
        if !self.knows(head) {
            return refusal(dialect, 401, "This mock wants its key.");
        }
        match (&head.method, head.uri.path()) {
            (&Method::GET, "/__mock/stats") => {
                let stats = serde_json::to_value(self.recorder.stats());
                Plan::json(200, &stats.unwrap_or_default())
            }
            (&Method::GET, "/__mock/requests") => {
                let requests = serde_json::to_value(self.recorder.requests());
                Plan::json(200, &requests.unwrap_or_default())
            }
            (&Method::POST, "/__mock/reset") => {
                self.recorder.reset();
                Plan::json(200, &json!({"reset": true}))
            }
            (_, "/__mock/stats" | "/__mock/requests" | "/__mock/reset") => {
                let message = "Use GET /__mock/stats, GET /__mock/requests or POST /__mock/reset.";
                refusal(dialect, 405, message)
            }
            (_, _) => {
                let message = "There are /__mock/stats, /__mock/requests and /__mock/reset.";
                refusal(dialect, 404, message)
            }
        }
    }

    async fn plan(
        &self,
        dialect: Dialect,
        head: &Parts,
        body: Incoming,
        running: &Running,
    ) -> Plan {
        let body = match Limited::new(body, LARGEST).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                let message = format!("The body is larger than {LARGEST} bytes.");
                return refusal(dialect, 413, &message);
            }
            Err(_) => return refusal(dialect, 400, "The body cannot be read."),
        };
        if !self.knows(head) {
            running.read("", false, &body);
            return refusal(dialect, 401, "The key is wrong, or there is none.");
        }
        if dialect == Dialect::Models {
            running.read("", false, &body);
            return models(head);
        }
        let asked = match readable(dialect, head, &body) {
            Ok(asked) => asked,
            Err((status, message)) => {
                running.read("", false, &body);
                return refusal(dialect, status, &message);
            }
        };
        let number = running.read(&asked.model, asked.stream, &body);
        let decision = match self.decide(&asked, number) {
            Ok(decision) => decision,
            Err(message) => return refusal(dialect, 400, &message),
        };
        self.carry_out(dialect, &asked, &decision)
            .await
            .unwrap_or_else(|error| refusal(dialect, 400, &error.0))
    }

    fn knows(&self, head: &Parts) -> bool {
        let brought = || key(&head.headers).map(KeyDigest::of);
        self.key.is_none() || self.key == brought()
    }

    /// The rule for a request, and the faults that strike it; it is the `number`th for its model.
    fn decide(&self, asked: &Asked, number: u64) -> Result<Decision<'_>, String> {
        let named = Injection::of_model(&asked.model).map_err(|error| error.to_string())?;
        let struck = |number| {
            move |injection: &Injection| injection.strikes(number).then_some(injection.fault)
        };
        let mut faults: Vec<_> = named.iter().filter_map(struck(number)).collect();
        let mut rules = self.rules.iter().enumerate();
        let rule = rules.find_map(|(index, rule)| {
            let matches = rule.matches(&asked.model, &asked.newest);
            let times = rule.times.map(|times| times.get().into());
            let number = matches.then(|| self.recorder.count_rule(index, times))??;
            Some((rule, number))
        });
        if let Some((rule, number)) = rule {
            faults.extend(rule.faults.iter().filter_map(struck(number)));
        }
        Ok(Decision {
            effects: Effects::of(faults),
            rule: rule.map(|(rule, _)| rule),
        })
    }

    async fn carry_out(
        &self,
        dialect: Dialect,
        asked: &Asked,
        decision: &Decision<'_>,
    ) -> Result<Plan, NoAnswer> {
        let Decision { effects, rule } = decision;
        if let Some(plan) = Plan::instead(dialect, effects) {
            return Ok(plan);
        }
        let reply = rule.and_then(|rule| rule.reply.as_ref());
        if let Some(Reply::Status(status)) = reply {
            return Ok(Plan::status(dialect, *status));
        }
        let usage = rule.and_then(|rule| rule.usage);
        if dialect == Dialect::Embeddings {
            let answer = Answer::Whole(embeddings::whole(asked, usage)?);
            return Ok(Plan::answer(dialect, answer, effects));
        }
        let events = self.answerer.events(asked, reply, usage).await;
        if let Some(OutputEvent::Ended(end)) = events.last()
            && let Outcome::Failed(error) = &end.outcome
        {
            return Err(error.clone().into());
        }
        let answer = answer(dialect, asked, &events, effects)?;
        Ok(Plan::answer(dialect, answer, effects))
    }
}

/// Reads a request of that language.
fn readable(dialect: Dialect, head: &Parts, body: &Bytes) -> Result<Asked, (u16, String)> {
    if head.method != Method::POST {
        return Err((405, "Use POST.".to_owned()));
    }
    if dialect == Dialect::Messages && !head.headers.contains_key("anthropic-version") {
        return Err((400, "anthropic-version: header is required".to_owned()));
    }
    Asked::read(dialect, body).map_err(|message| (400, message))
}

/// The answer in that language.
fn answer(
    dialect: Dialect,
    asked: &Asked,
    events: &[OutputEvent],
    effects: &Effects,
) -> Result<Answer, NoAnswer> {
    let place = effects.usage;
    Ok(match (dialect, asked.stream) {
        (Dialect::Messages, true) => Answer::Stream(messages::stream(asked, events, place)?),
        (Dialect::Messages, false) => Answer::Whole(messages::whole(asked, events)?),
        (Dialect::Responses, true) => Answer::Stream(responses::stream(asked, events)?),
        (Dialect::Responses, false) => Answer::Whole(responses::whole(asked, events)?),
        (Dialect::Chat | Dialect::Embeddings | Dialect::Models, true) => {
            Answer::Stream(chat::stream(asked, events, place)?)
        }
        (Dialect::Chat | Dialect::Embeddings | Dialect::Models, false) => {
            Answer::Whole(chat::whole(asked, events)?)
        }
    })
}

/// `GET /v1/models`; everything else is not there.
fn models(head: &Parts) -> Plan {
    let model = json!({
        "id": MODEL,
        "object": "model",
        "created": CREATED,
        "owned_by": "lukhas-mock",
        "description": "A scripted fake upstream for tests. It is not a language model.",
    });
    match (&head.method, head.uri.path()) {
        (&Method::GET, "/v1/models") => {
            Plan::json(200, &json!({"object": "list", "data": [model]}))
        }
        (_, "/v1/models") => refusal(Dialect::Models, 405, "Use GET."),
        (_, path) => {
            let short: String = path.chars().take(100).collect();
            let message = format!("There is no `{short}` in this mock.");
            refusal(Dialect::Models, 404, &message)
        }
    }
}

fn refusal(dialect: Dialect, status: u16, message: &str) -> Plan {
    Plan::json(status, &dialect.error(status, message))
}

/// The head and the body of a plan.
fn respond(
    plan: Plan,
    running: Option<Running>,
    switch: ResetSwitch,
    asked: &Parts,
) -> Response<Player> {
    let Plan {
        head,
        steps,
        length,
        ..
    } = plan;
    let mut response = Response::new(Player::new(steps, length, switch, running));
    let Some(head) = head else { return response };
    *response.status_mut() = StatusCode::from_u16(head.status).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(header::SERVER, HeaderValue::from_static("lukhas-mock"));
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(head.content_type),
    );
    if let Some(seconds) = head.retry_after {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    if head.gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    let here = HeaderValue::from_str(asked.uri.path()).ok();
    if let Some(here) = here.filter(|_| head.redirect) {
        headers.insert(header::LOCATION, here);
    }
    response
}
