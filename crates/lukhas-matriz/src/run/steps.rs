// SPDX-License-Identifier: Apache-2.0
//! Step events and their clock.

use std::time::Duration;

use lukhas_core::{Node, StepEvent, StepPhase};
use tokio::time::Instant;

/// Numbers the steps of a run and times them.
///
/// A latency is the time from a node's first poll to its end: it holds what the node waits for, not
/// what the reader of the stream does between `Started` and the next poll.
#[derive(Debug, Default)]
pub(super) struct Steps {
    step: u32,
    phase: Phase,
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Idle,
    Started,
    Working(Instant),
}

impl Steps {
    /// The event that `node` begins, unless it has been given.
    pub(super) fn start(&mut self, node: Node) -> Option<StepEvent> {
        match self.phase {
            Phase::Idle => {
                self.phase = Phase::Started;
                Some(self.event(node, StepPhase::Started))
            }
            Phase::Started | Phase::Working(_) => None,
        }
    }

    /// Starts the clock, unless it runs.
    pub(super) fn begin_work(&mut self) {
        match self.phase {
            Phase::Idle | Phase::Started => self.phase = Phase::Working(Instant::now()),
            Phase::Working(_) => {}
        }
    }

    /// The event that `node` has ended; the next step may start.
    pub(super) fn complete(&mut self, node: Node) -> StepEvent {
        let latency = match self.phase {
            Phase::Idle | Phase::Started => Duration::ZERO,
            Phase::Working(since) => since.elapsed(),
        };
        let event = self.event(node, StepPhase::Completed(latency));
        self.phase = Phase::Idle;
        self.step += 1;
        event
    }

    fn event(&self, node: Node, phase: StepPhase) -> StepEvent {
        StepEvent {
            step: self.step,
            node,
            phase,
        }
    }
}
