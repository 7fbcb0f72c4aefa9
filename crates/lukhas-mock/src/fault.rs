// SPDX-License-Identifier: Apache-2.0
//! Ways in which an upstream misbehaves, and how they are written.

mod table;

#[cfg(test)]
mod tests;

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

pub use table::{Argument, FAULTS, FaultInfo};

use table::Make;

/// What the name of every model with faults begins with.
const PREFIX: &str = "mock+";

/// Longest pause that a fault can ask for.
const LONGEST: Duration = Duration::from_secs(3600);

/// One way in which an upstream misbehaves. [`FAULTS`] says what each does.
///
/// `N` counts content events: the ones that carry text or arguments, or the 64-byte pieces of an
/// answer that is not streamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The body ends properly after `N` content events, and is not complete.
    CleanCut(u32),
    /// The connection is reset after `N` content events.
    TcpCut(u32),
    /// Nothing comes after `N` content events; the connection stays open.
    Stall(u32),
    /// Something that is not JSON comes after `N` content events; then it goes on.
    Garbage(u32),
    /// An error event ends the stream after `N` content events.
    ErrorEvent(u32),
    /// The head comes late.
    SlowHead(Duration),
    /// The head comes at once, the first event late.
    SlowFirst(Duration),
    /// A pause between events.
    Delay(Duration),
    /// An error instead of an answer.
    Status {
        /// The status code.
        status: u16,
        /// Seconds of its `Retry-After`.
        retry_after: Option<u32>,
    },
    /// The connection is reset before the head.
    ResetBeforeHead,
    /// The connection is reset behind the head.
    ResetAfterHead,
    /// 302 to the same place.
    Redirect,
    /// The terminal events come twice.
    DuplicateTerminal,
    /// Content comes after the terminal events.
    AfterTerminal,
    /// The usage comes behind the finish, asked for or not, and nowhere else.
    UsageTail,
    /// The finish comes, the stream's last event does not.
    NoDone,
    /// An event stream without an event.
    EmptyStream,
    /// 200 without a body.
    EmptyBody,
    /// 200 with a page for people.
    Html,
    /// The body goes on until the client leaves.
    HugeBody,
    /// One line goes on until the client leaves.
    HugeLine,
    /// JSON that is nested very deep.
    DeepJson,
    /// An event of a type that nobody knows.
    UnknownEvent,
    /// The body is compressed, whatever the client accepts.
    Gzip,
    /// The answer says that it is `text/plain`.
    WrongContentType,
}

/// A fault, and how many requests it strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Injection {
    /// What goes wrong.
    pub fault: Fault,
    /// For how many requests, the first ones; `None` for all.
    pub first: Option<NonZeroU32>,
}

/// Why a text is no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// There is none of that name.
    #[error("unknown fault `{0}`; there are {names}", names = names())]
    Unknown(String),
    /// What follows the name is not what the fault takes.
    #[error("fault `{written}`: write it as `{example}`")]
    Argument {
        /// The fault as it was written.
        written: String,
        /// One that is right.
        example: String,
    },
}

impl Injection {
    /// The faults in the name of a model: `mock+clean_cut@3+gzip`. Any name that does not begin
    /// with `mock+` has none.
    ///
    /// # Errors
    /// [`FaultError`] for the first part that is no fault.
    pub fn of_model(model: &str) -> Result<Vec<Self>, FaultError> {
        model.strip_prefix(PREFIX).map_or(Ok(Vec::new()), |faults| {
            faults.split('+').map(str::parse).collect()
        })
    }

    /// Whether it strikes the request with that number, from 1.
    pub(crate) fn strikes(&self, number: u64) -> bool {
        self.first.is_none_or(|first| number <= first.get().into())
    }
}

impl From<Fault> for Injection {
    fn from(fault: Fault) -> Self {
        Self { fault, first: None }
    }
}

impl FromStr for Injection {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let (name, first) = counted(text);
        let end = name.find(['@', '=']).unwrap_or(name.len());
        let (name, argument) = name.split_at(end);
        let unknown = || FaultError::Unknown(shortened(text));
        let info = FAULTS.iter().find(|info| info.name == name);
        let info = info.ok_or_else(unknown)?;
        let fault = info.make(argument).ok_or_else(|| FaultError::Argument {
            written: shortened(text),
            example: info.example(),
        })?;
        Ok(Self { fault, first })
    }
}

impl FaultInfo {
    /// The fault with what stands behind its name, such as `@3` or `=2s`.
    fn make(&self, argument: &str) -> Option<Fault> {
        match self.make {
            Make::Plain(fault) => argument.is_empty().then_some(fault),
            Make::At(fault) => Some(fault(argument.strip_prefix('@')?.parse().ok()?)),
            Make::For(fault) => Some(fault(duration(argument.strip_prefix('=')?)?)),
            Make::Status(status, usual) => {
                let retry_after = match argument.strip_prefix('=') {
                    Some(seconds) => Some(seconds.parse().ok()?),
                    None if argument.is_empty() => usual,
                    None => return None,
                };
                Some(Fault::Status {
                    status,
                    retry_after,
                })
            }
        }
    }
}

/// A text without its count suffix (`x2`), and the count.
fn counted(text: &str) -> (&str, Option<NonZeroU32>) {
    let split = text.rsplit_once('x');
    let counted = split.and_then(|(name, count)| {
        let digits = count.bytes().all(|byte| byte.is_ascii_digit());
        Some((name, digits.then(|| count.parse().ok())??))
    });
    counted.map_or((text, None), |(name, count)| (name, Some(count)))
}

/// `300ms` or `2s`.
fn duration(text: &str) -> Option<Duration> {
    let duration = match text.strip_suffix("ms") {
        Some(millis) => Duration::from_millis(millis.parse().ok()?),
        None => Duration::from_secs(text.strip_suffix('s')?.parse().ok()?),
    };
    (duration <= LONGEST).then_some(duration)
}

fn names() -> String {
    let examples: Vec<_> = FAULTS
        .iter()
        .map(|info| format!("`{}`", info.example()))
        .collect();
    examples.join(", ")
}

/// The start of what someone wrote, for a message.
fn shortened(text: &str) -> String {
    const MOST: usize = 60;
    let short: String = text
        .chars()
        .take(MOST)
        .filter(|c| !c.is_control())
        .collect();
    if text.chars().nth(MOST).is_some() {
        short + "…"
    } else {
        short
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "",
            Self::Count => "@N",
            Self::Duration => "=DUR",
            Self::Seconds => "[=SECS]",
        })
    }
}
