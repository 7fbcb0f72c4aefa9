// SPDX-License-Identifier: Apache-2.0
//! Logs.

use lukhas_observability::{LogError, Logs, Redaction};

use super::problem;
use crate::config::{LogConfig, LogFormat, Problem, excerpt};

/// What is logged, and how it is written; known to be valid.
#[derive(Clone, Debug)]
pub struct Log(lukhas_observability::LogConfig);

impl Log {
    pub(crate) fn init(&self, redaction: Redaction) -> Result<(), LogError> {
        let logs = Logs::try_from(self.0.clone())?;
        logs.with_redaction(redaction).init()
    }

    /// What is logged: a level, or `target=level` pairs joined by commas.
    #[must_use]
    pub fn filter(&self) -> &str {
        &self.0.filter
    }
}

impl TryFrom<LogConfig> for Log {
    type Error = Vec<Problem>;

    fn try_from(config: LogConfig) -> Result<Self, Vec<Problem>> {
        let format = match config.format {
            LogFormat::Pretty => lukhas_observability::LogFormat::Pretty,
            LogFormat::Json => lukhas_observability::LogFormat::Json,
        };
        let config = lukhas_observability::LogConfig {
            filter: config.filter,
            format,
        };
        let Err(error) = Logs::try_from(config.clone()) else {
            return Ok(Self(config));
        };
        let message = match error {
            LogError::Filter { directive, .. } => format!(
                "`{}` is neither a level (off, error, warn, info, debug, trace) nor a \
                 `target=level`",
                excerpt(&directive)
            ),
            error @ LogError::AlreadySetUp => error.to_string(),
        };
        let help = "write a level, as in `info`, or `info,lukhas_gateway=debug`";
        Err(vec![problem("log.filter", message).with_help(help)])
    }
}
