// SPDX-License-Identifier: Apache-2.0
//! What faults do, sorted by where they do it.

use std::time::Duration;

use crate::Fault;

/// What the faults of one request do. Without faults, the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Effects {
    /// What happens instead of an answer.
    pub(super) instead: Option<Instead>,
    /// What is sent instead of the answer's body.
    pub(super) replacement: Option<Replacement>,
    /// What changes the answer's pieces, in order.
    pub(super) edits: Vec<Edit>,
    /// After how many content events the answer ends early, and how; the earliest counts.
    pub(super) ends: Vec<(u32, End)>,
    /// Where the usage of a streamed answer stands.
    pub(crate) usage: UsagePlace,
    /// The pause before the head.
    pub(super) before_head: Duration,
    /// The pause behind the head.
    pub(super) before_body: Duration,
    /// The pause between two pieces.
    pub(super) between: Duration,
    pub(super) gzip: bool,
    pub(super) wrong_content_type: bool,
}

/// What happens instead of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Instead {
    Status {
        status: u16,
        retry_after: Option<u32>,
    },
    Redirect,
    Reset,
}

/// What is sent instead of an answer's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replacement {
    /// Nothing, and the connection is reset.
    Reset,
    /// Nothing.
    Nothing,
    /// An event stream without events.
    NoEvents,
    /// A page for people.
    Page,
}

/// What changes the pieces of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    UnknownEvent,
    DeepJson,
    /// After how many content events.
    Garbage(u32),
    TerminalTwice,
    ContentAfterTerminal,
    WithoutLast,
}

/// How an answer ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// As if it were whole.
    Clean,
    /// The connection is reset.
    Reset,
    /// Nothing comes any more.
    Stall,
    /// With an error event.
    Error,
    /// Never: events go on.
    Events,
    /// Never: a line goes on.
    Line,
}

/// Where the usage of a streamed answer stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum UsagePlace {
    /// Where the dialect has it.
    #[default]
    Usual,
    /// Behind the finish, and nowhere else.
    Tail,
}

impl Effects {
    /// What `faults` do together.
    pub(crate) fn of(faults: impl IntoIterator<Item = Fault>) -> Self {
        let mut effects = Self::default();
        for fault in faults {
            effects.add(fault);
        }
        effects
    }

    fn add(&mut self, fault: Fault) {
        match fault {
            Fault::CleanCut(n) => self.ends.push((n, End::Clean)),
            Fault::TcpCut(n) => self.ends.push((n, End::Reset)),
            Fault::Stall(n) => self.ends.push((n, End::Stall)),
            Fault::ErrorEvent(n) => self.ends.push((n, End::Error)),
            Fault::HugeBody => self.ends.push((1, End::Events)),
            Fault::HugeLine => self.ends.push((0, End::Line)),
            Fault::Garbage(n) => self.edits.push(Edit::Garbage(n)),
            Fault::UnknownEvent => self.edits.push(Edit::UnknownEvent),
            Fault::DeepJson => self.edits.push(Edit::DeepJson),
            Fault::DuplicateTerminal => self.edits.push(Edit::TerminalTwice),
            Fault::AfterTerminal => self.edits.push(Edit::ContentAfterTerminal),
            Fault::NoDone => self.edits.push(Edit::WithoutLast),
            Fault::SlowHead(duration) => self.before_head = duration,
            Fault::SlowFirst(duration) => self.before_body = duration,
            Fault::Delay(duration) => self.between = duration,
            Fault::Status {
                status,
                retry_after,
            } => self.instead(Instead::Status {
                status,
                retry_after,
            }),
            Fault::Redirect => self.instead(Instead::Redirect),
            Fault::ResetBeforeHead => self.instead(Instead::Reset),
            Fault::ResetAfterHead => self.replace(Replacement::Reset),
            Fault::EmptyBody => self.replace(Replacement::Nothing),
            Fault::EmptyStream => self.replace(Replacement::NoEvents),
            Fault::Html => self.replace(Replacement::Page),
            Fault::UsageTail => self.usage = UsagePlace::Tail,
            Fault::Gzip => self.gzip = true,
            Fault::WrongContentType => self.wrong_content_type = true,
        }
    }

    /// The first wins.
    fn instead(&mut self, instead: Instead) {
        self.instead.get_or_insert(instead);
    }

    /// The first wins.
    fn replace(&mut self, replacement: Replacement) {
        self.replacement.get_or_insert(replacement);
    }
}
