// SPDX-License-Identifier: Apache-2.0
//! `lukhas serve` before the upstream.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use tempfile::TempDir;

use crate::cpus::{SERVER_CPU, pinned};
use crate::process::{self, Server};

/// The variable that `lukhas serve` reads its upstream's key from.
const UPSTREAM_KEY: &str = "BENCH_UPSTREAM_KEY";

/// Who is told of requests, beside those who read metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tells {
    Nobody,
    /// A file of run events.
    Events,
    /// That, and a receiver of spans.
    EventsAndSpans,
}

/// One that is served until this goes.
pub(crate) struct Lukhas {
    pub(crate) server: Server,
    /// What it looks at, and writes to, while it runs.
    _folder: TempDir,
}

impl Lukhas {
    /// Serves with a key for its clients, one for the upstream, a limit that counts every request and
    /// denies none, and its defaults. `upstream` takes spans, too.
    pub(crate) fn start(binary: &Path, upstream: &Server, tells: Tells) -> io::Result<Self> {
        let folder = TempDir::new()?;
        let url = format!("http://{}", upstream.address);
        let mut config = format!(
            "upstreams:
  chat: {{api: chat, base_url: \"{url}/v1\", key: \"env:{UPSTREAM_KEY}\"}}
  responses: {{api: responses, base_url: \"{url}/v1\", key: \"env:{UPSTREAM_KEY}\"}}
models:
  table:
    chat: {{targets: [{{upstream: chat}}]}}
    responses: {{targets: [{{upstream: responses}}]}}
limits:
  - {{name: all, per: [key], requests: {{amount: 1000000000, per: second}}}}
"
        );
        if tells != Tells::Nobody {
            let _ = writeln!(config, "telemetry: {{run_log: {{dir: runlogs}}}}");
        }
        let file = folder.path().join("lukhas.yaml");
        std::fs::write(&file, config)?;
        let mut command = pinned(SERVER_CPU, binary, &process::SERVE);
        command.arg("--config").arg(file);
        command.env(UPSTREAM_KEY, "upstream");
        if tells == Tells::EventsAndSpans {
            command.env("OTEL_EXPORTER_OTLP_ENDPOINT", url);
        }
        let server = Server::start(command)?;
        Ok(Self {
            server,
            _folder: folder,
        })
    }
}
