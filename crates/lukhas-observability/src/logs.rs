// SPDX-License-Identifier: Apache-2.0
//! Where `tracing` events go.

mod fields;
mod json;
mod panics;

use std::fmt;
use std::io::{self, IsTerminal};

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::{MakeWriter, SubscriberBuilder};
use tracing_subscriber::util::SubscriberInitExt;

use crate::Redaction;
use json::RedactedLines;

/// What is logged, and how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// A level, or `target=level` pairs joined by commas: `info,lukhas_gateway=debug`. Levels are
    /// `off`, `error`, `warn`, `info`, `debug` and `trace`.
    pub filter: String,
    /// How it is written.
    pub format: LogFormat,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people, in colour on a terminal.
    #[default]
    Pretty,
    /// One JSON object a line.
    Json,
}

/// A valid [`LogConfig`], ready to be used.
///
/// Events go to standard error, without source paths and thread names, and without personal data and
/// secrets. So do panics, which are events then.
pub struct Logs {
    filter: EnvFilter,
    format: LogFormat,
    redaction: Redaction,
}

/// Why logs cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// A part of the filter is not a directive.
    #[error(
        "`{directive}` in the log filter `{filter}` is neither a level (off, error, warn, info, \
         debug, trace) nor a `target=level`"
    )]
    Filter {
        /// The whole filter.
        filter: String,
        /// The part at fault.
        directive: String,
    },
    /// This process has its logs set up already.
    #[error("logs are set up already")]
    AlreadySetUp,
}

/// Sends the events of this process to standard error, as `config` says.
///
/// # Errors
/// [`LogError`].
pub fn init_logs(config: LogConfig) -> Result<(), LogError> {
    Logs::try_from(config)?.init()
}

impl Logs {
    /// Has `redaction` decide what is kept out, instead of the rules for logs.
    #[must_use]
    pub fn with_redaction(mut self, redaction: Redaction) -> Self {
        self.redaction = redaction;
        self
    }

    /// Sends the events of this process to standard error from now on.
    ///
    /// # Errors
    /// [`LogError::AlreadySetUp`].
    pub fn init(self) -> Result<(), LogError> {
        let result = self
            .subscriber(io::stderr, io::stderr().is_terminal())
            .try_init();
        result.map_err(|_| LogError::AlreadySetUp)?;
        panics::log();
        Ok(())
    }

    fn subscriber<W>(self, writer: W, is_terminal: bool) -> Box<dyn Subscriber + Send + Sync>
    where
        W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
    {
        let builder = SubscriberBuilder::default().with_env_filter(self.filter);
        match self.format {
            LogFormat::Pretty => {
                let mut builder = builder.with_writer(writer);
                if !is_terminal {
                    // On one, the default stands: colour, unless the environment has `NO_COLOR`.
                    builder = builder.with_ansi(false);
                }
                Box::new(builder.fmt_fields(fields::fields(self.redaction)).finish())
            }
            LogFormat::Json => {
                let builder = builder.with_writer(RedactedLines::new(writer, self.redaction));
                let json = builder.with_ansi(false).json();
                let json = json.flatten_event(true).with_span_list(false);
                Box::new(json.finish())
            }
        }
    }
}

impl TryFrom<LogConfig> for Logs {
    type Error = LogError;

    fn try_from(config: LogConfig) -> Result<Self, LogError> {
        let LogConfig { filter, format } = config;
        let invalid = |directive: &str| LogError::Filter {
            directive: directive.to_owned(),
            filter: filter.clone(),
        };
        if filter.trim().is_empty() {
            return Err(invalid(""));
        }
        let directives = filter.split(',').map(str::trim);
        if let Some(directive) = directives
            .clone()
            .find(|directive| !is_directive(directive))
        {
            return Err(invalid(directive));
        }
        let joined = directives.collect::<Vec<_>>().join(",");
        let filter = EnvFilter::try_new(joined).map_err(|_| invalid(&filter))?;
        Ok(Self {
            filter,
            format,
            redaction: Redaction::default(),
        })
    }
}

/// Whether `directive` is a level or a `target=level`.
///
/// The filter's own parser takes a word that is no level for the name of a target, so that a typing
/// error (`inof`) would end all logs without a word.
fn is_directive(directive: &str) -> bool {
    let is_level = |text: &str| !text.is_empty() && text.parse::<LevelFilter>().is_ok();
    let is_target = |text: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-:.".contains(&byte);
        !text.is_empty() && text.bytes().all(plain)
    };
    match directive.split_once('=') {
        None => is_level(directive),
        Some((target, level)) => is_target(target) && is_level(level),
    }
}

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logs")
            .field("filter", &self.filter.to_string())
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
