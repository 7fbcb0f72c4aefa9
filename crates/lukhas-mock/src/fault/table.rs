// SPDX-License-Identifier: Apache-2.0
//! Every fault by name.

use std::time::Duration;

use super::Fault;

/// A fault, for lists of them.
#[derive(Clone, Copy, Debug)]
pub struct FaultInfo {
    /// Its name, as models and scripts write it.
    pub name: &'static str,
    /// What follows the name.
    pub argument: Argument,
    /// What the client sees.
    pub summary: &'static str,
    pub(super) make: Make,
}

/// What follows the name of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Nothing.
    None,
    /// `@N`: after how many content events.
    Count,
    /// `=DUR`: how long, as `300ms` or `2s`, at most an hour.
    Duration,
    /// `=SECS`: a `Retry-After` of that many seconds; may be left out.
    Seconds,
}

/// How a fault is made of its argument.
#[derive(Clone, Copy, Debug)]
pub(super) enum Make {
    Plain(Fault),
    At(fn(u32) -> Fault),
    For(fn(Duration) -> Fault),
    /// The status, and the `Retry-After` it has when none is written.
    Status(u16, Option<u32>),
}

/// Every fault there is.
pub const FAULTS: &[FaultInfo] = &[
    at(
        "clean_cut",
        Fault::CleanCut,
        "the body ends properly after N content events, without a terminal event",
    ),
    at(
        "tcp_cut",
        Fault::TcpCut,
        "the connection is reset after N content events",
    ),
    at(
        "stall",
        Fault::Stall,
        "nothing comes after N content events; the connection stays open",
    ),
    at(
        "garbage",
        Fault::Garbage,
        "a line that is not JSON comes after N content events, then it goes on",
    ),
    at(
        "error_event",
        Fault::ErrorEvent,
        "an error event in the dialect's shape ends the stream after N content events",
    ),
    lasting("slow_head", Fault::SlowHead, "the head comes so late"),
    lasting(
        "slow_first",
        Fault::SlowFirst,
        "the head comes at once, the first event so late",
    ),
    lasting(
        "delay",
        Fault::Delay,
        "a pause before every event but the first",
    ),
    status("400", 400, "an invalid request"),
    status("401", 401, "a wrong key"),
    status("403", 403, "a key that may not"),
    status("404", 404, "no such model"),
    status("408", 408, "the request took too long"),
    status("409", 409, "a conflict"),
    status("413", 413, "the request is too large"),
    status("422", 422, "a request that cannot be processed"),
    status(
        "429",
        429,
        "too many requests, with `Retry-After` (1 second when none is written)",
    ),
    status("500", 500, "a defect of the upstream"),
    status("502", 502, "a bad gateway"),
    status(
        "503",
        503,
        "an overloaded upstream, with `Retry-After` when it is written",
    ),
    status("504", 504, "an upstream that takes too long"),
    status("529", 529, "an overloaded upstream, as Anthropic says it"),
    plain(
        "reset_before_head",
        Fault::ResetBeforeHead,
        "the connection is reset before the head",
    ),
    plain(
        "reset_after_head",
        Fault::ResetAfterHead,
        "the connection is reset behind the head",
    ),
    plain("redirect", Fault::Redirect, "302 to the same address"),
    plain(
        "duplicate_terminal",
        Fault::DuplicateTerminal,
        "the terminal events come twice",
    ),
    plain(
        "after_terminal",
        Fault::AfterTerminal,
        "content comes after the finish, and again after the last event",
    ),
    plain(
        "usage_tail",
        Fault::UsageTail,
        "the usage comes behind the finish, asked for or not, and nowhere else",
    ),
    plain(
        "no_done",
        Fault::NoDone,
        "the finish comes, the last event (`[DONE]`, `message_stop`) does not",
    ),
    plain(
        "empty_stream",
        Fault::EmptyStream,
        "200 with an event stream that has no event",
    ),
    plain(
        "empty_body",
        Fault::EmptyBody,
        "200 with a body of no bytes",
    ),
    plain("html", Fault::Html, "200 with a page in HTML"),
    plain(
        "huge_body",
        Fault::HugeBody,
        "the body goes on until the client leaves",
    ),
    plain(
        "huge_line",
        Fault::HugeLine,
        "one line goes on until the client leaves",
    ),
    plain(
        "deep_json",
        Fault::DeepJson,
        "JSON that is nested 10,000 levels deep",
    ),
    plain(
        "unknown_event",
        Fault::UnknownEvent,
        "an event of an unknown type comes before the content",
    ),
    plain(
        "gzip",
        Fault::Gzip,
        "the body is compressed, whatever the client accepts",
    ),
    plain(
        "wrong_content_type",
        Fault::WrongContentType,
        "the answer says that it is `text/plain`",
    ),
];

impl FaultInfo {
    /// The fault as it can be written.
    #[must_use]
    pub fn example(&self) -> String {
        let argument = match (self.argument, self.name) {
            (Argument::None, _) => "",
            (Argument::Count, _) => "@3",
            (Argument::Duration, _) => "=300ms",
            (Argument::Seconds, "429" | "503") => "=2",
            (Argument::Seconds, _) => "",
        };
        format!("{}{argument}", self.name)
    }
}

const fn plain(name: &'static str, fault: Fault, summary: &'static str) -> FaultInfo {
    info(name, Argument::None, summary, Make::Plain(fault))
}

const fn at(name: &'static str, fault: fn(u32) -> Fault, summary: &'static str) -> FaultInfo {
    info(name, Argument::Count, summary, Make::At(fault))
}

const fn lasting(
    name: &'static str,
    fault: fn(Duration) -> Fault,
    summary: &'static str,
) -> FaultInfo {
    info(name, Argument::Duration, summary, Make::For(fault))
}

const fn status(name: &'static str, status: u16, summary: &'static str) -> FaultInfo {
    let usual = if status == 429 { Some(1) } else { None };
    info(
        name,
        Argument::Seconds,
        summary,
        Make::Status(status, usual),
    )
}

const fn info(
    name: &'static str,
    argument: Argument,
    summary: &'static str,
    make: Make,
) -> FaultInfo {
    FaultInfo {
        name,
        argument,
        summary,
        make,
    }
}
