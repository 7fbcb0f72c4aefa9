// SPDX-License-Identifier: Apache-2.0
//! Who is told of requests and runs.

use std::path::Path;
use std::time::Duration;

use lukhas_observability::RunLogConfig;

use super::{folder, problem};
use crate::config::{self, Origins, Problem};

/// Who is told of requests and runs; known to be possible, as far as it is written.
#[derive(Clone, Debug)]
pub struct Telemetry {
    run_log: Option<RunLogConfig>,
}

impl Telemetry {
    /// Files of run events.
    #[must_use]
    pub fn run_log(&self) -> Option<&RunLogConfig> {
        self.run_log.as_ref()
    }

    /// The same, the folder taken from that of the file that names it.
    pub(crate) fn in_folders(mut self, origins: &Origins) -> Self {
        if let Some(run_log) = &mut self.run_log {
            let origin = origins.get("telemetry.run_log.dir");
            let folder = origin.folder().unwrap_or(Path::new(""));
            run_log.dir = folder.join(&run_log.dir);
        }
        self
    }
}

impl TryFrom<config::TelemetryConfig> for Telemetry {
    type Error = Vec<Problem>;

    fn try_from(config: config::TelemetryConfig) -> Result<Self, Vec<Problem>> {
        let config::RunLogConfig {
            dir,
            max_file_bytes,
            max_file_age_s,
            max_total_bytes,
            content,
        } = config.run_log;
        let dir = folder("telemetry.run_log.dir", dir);
        let mut problems = Vec::new();
        if max_total_bytes.get() < max_file_bytes.get().saturating_mul(2) {
            let message = format!(
                "{} bytes are less than two files of `max_file_bytes`",
                max_total_bytes.get()
            );
            let help = "the file that is written and one before it need room: write more, or smaller files";
            let problem = problem("telemetry.run_log.max_total_bytes", message);
            problems.push(problem.with_help(help));
        }
        let dir = dir.unwrap_or_else(|found| {
            problems.extend(found);
            None
        });
        if !problems.is_empty() {
            return Err(problems);
        }
        let run_log = dir.map(|dir| RunLogConfig {
            dir,
            max_file_bytes: max_file_bytes.get(),
            max_file_age: Duration::from_secs(max_file_age_s.get()),
            max_total_bytes: max_total_bytes.get(),
            content: content == config::ContentConfig::Redacted,
        });
        Ok(Self { run_log })
    }
}
