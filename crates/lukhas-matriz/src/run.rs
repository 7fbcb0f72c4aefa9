// SPDX-License-Identifier: Apache-2.0
//! A turn on its way through the nodes.

mod steps;

use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use lukhas_core::{Node, OutputEvent, Provider, RunCx, RunEnd, RunError, RunEvent, RunRequest};

use crate::matriz::Parts;
use crate::node::Wait;
use crate::node::action::{Act, Action};
use crate::node::intent::Intent;
use crate::node::{attention, intent, memory, risk, thought};

use self::steps::Steps;

/// One turn: the stream that [`lukhas_core::Orchestrator::run`] returns.
///
/// A state machine rather than an async block: it is one allocation, and a node that has nothing
/// to wait for is done in the poll that asks for it.
pub(crate) struct Run {
    parts: Arc<Parts>,
    cx: RunCx,
    request: RunRequest,
    stage: Stage,
    steps: Steps,
}

/// Where a turn is: the node it is at, with what the nodes before it found.
enum Stage {
    Memory,
    /// Memory has the request and waits for the store.
    Recalling(Wait),
    Attention,
    /// Attention has the request and counts, with pauses.
    Shortening(Wait),
    Thought,
    Risk(Arc<dyn Provider>),
    Intent(Arc<dyn Provider>),
    Action(Arc<dyn Provider>, Intent),
    /// The provider answers.
    Acting(Action),
    Ending(RunEnd),
    Over,
}

impl Run {
    pub(crate) fn new(parts: Arc<Parts>, cx: RunCx, request: RunRequest) -> Self {
        Self {
            parts,
            cx,
            request,
            stage: Stage::Memory,
            steps: Steps::default(),
        }
    }

    /// The pipeline: what each node does, and what comes after it.
    fn pass(&mut self, stage: Stage) -> Result<Stage, RunError> {
        let Self {
            parts, cx, request, ..
        } = self;
        Ok(match stage {
            Stage::Memory => match memory::recall(parts, &cx.principal, request) {
                Some(wait) => Stage::Recalling(wait),
                None => Stage::Attention,
            },
            Stage::Attention => match attention::fit(parts, &cx.principal, request)? {
                Some(wait) => Stage::Shortening(wait),
                None => Stage::Thought,
            },
            Stage::Thought => Stage::Risk(thought::choose(parts, &cx.principal, request)?),
            Stage::Risk(provider) => {
                risk::check(&parts.private_hosts, request)?;
                Stage::Intent(provider)
            }
            Stage::Intent(provider) => {
                let intent = intent::decide(request);
                Stage::Action(provider, intent)
            }
            Stage::Action(provider, intent) => {
                let request = mem::take(request);
                Stage::Acting(Action::start(&*provider, parts, cx, request, intent))
            }
            stage @ (Stage::Recalling(_)
            | Stage::Shortening(_)
            | Stage::Acting(_)
            | Stage::Ending(_)
            | Stage::Over) => stage,
        })
    }

    /// Goes one stage on, or gives the next piece of the answer.
    fn advance(&mut self, task: &mut Context<'_>) -> Poll<Option<OutputEvent>> {
        let next = match &mut self.stage {
            Stage::Acting(action) => match ready!(action.poll(&self.cx, task)) {
                Act::Output(event) => return Poll::Ready(Some(event)),
                Act::Ended(end) => Ok(Stage::Ending(end)),
            },
            Stage::Recalling(wait) => {
                let answer = ready!(wait.as_mut().poll(task));
                answer.map(|request| self.take_back(request, Stage::Attention))
            }
            Stage::Shortening(wait) => {
                let answer = ready!(wait.as_mut().poll(task));
                answer.map(|request| self.take_back(request, Stage::Thought))
            }
            stage => {
                let stage = mem::replace(stage, Stage::Over);
                self.pass(stage)
            }
        };
        self.stage = next.unwrap_or_else(|error| Stage::Ending(RunEnd::failed(error)));
        Poll::Ready(None)
    }

    /// The next output, without a look at the steps on the way to it.
    fn poll_output(&mut self, task: &mut Context<'_>) -> Poll<Option<RunEvent>> {
        while !matches!(self.stage, Stage::Ending(_) | Stage::Over) {
            if let Some(event) = ready!(self.advance(task)) {
                return Poll::Ready(Some(RunEvent::Output(event)));
            }
        }
        Poll::Ready(self.end())
    }

    fn take_back(&mut self, request: RunRequest, next: Stage) -> Stage {
        self.request = request;
        next
    }

    /// The last event, once.
    fn end(&mut self) -> Option<RunEvent> {
        let Stage::Ending(end) = mem::replace(&mut self.stage, Stage::Over) else {
            return None;
        };
        Some(RunEvent::Output(OutputEvent::Ended(end)))
    }
}

impl Stream for Run {
    type Item = RunEvent;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<RunEvent>> {
        let run = self.get_mut();
        if !run.cx.steps {
            return run.poll_output(task);
        }
        let Some(node) = run.stage.node() else {
            return Poll::Ready(run.end());
        };
        if let Some(started) = run.steps.start(node) {
            return Poll::Ready(Some(RunEvent::Step(started)));
        }
        run.steps.begin_work();
        while run.stage.node() == Some(node) {
            if let Some(event) = ready!(run.advance(task)) {
                return Poll::Ready(Some(RunEvent::Output(event)));
            }
        }
        Poll::Ready(Some(RunEvent::Step(run.steps.complete(node))))
    }
}

impl Stage {
    /// The node at work; `None` when none is left.
    fn node(&self) -> Option<Node> {
        Some(match self {
            Self::Memory | Self::Recalling(_) => Node::Memory,
            Self::Attention | Self::Shortening(_) => Node::Attention,
            Self::Thought => Node::Thought,
            Self::Risk(_) => Node::Risk,
            Self::Intent(_) => Node::Intent,
            Self::Action(..) | Self::Acting(_) => Node::Action,
            Self::Ending(_) | Self::Over => return None,
        })
    }
}

/// Number of input tokens of a turn: the nodes up to the provider's choice, then the provider.
pub(crate) async fn count_input(
    parts: &Parts,
    cx: RunCx,
    mut request: RunRequest,
) -> Result<u64, RunError> {
    if let Some(wait) = memory::recall(parts, &cx.principal, &mut request) {
        request = wait.await?;
    }
    if let Some(wait) = attention::fit(parts, &cx.principal, &mut request)? {
        request = wait.await?;
    }
    let provider = thought::choose(parts, &cx.principal, &mut request)?;
    provider.count_input(&request).await
}
