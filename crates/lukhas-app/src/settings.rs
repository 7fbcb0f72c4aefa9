// SPDX-License-Identifier: Apache-2.0
//! A configuration that has been found possible.

mod aliases;
mod auth;
mod idempotency;
mod log;
mod server;
mod slo;
mod telemetry;
mod urls;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lukhas_gateway::RateClass;
use lukhas_matriz::PrivateHost;
use lukhas_observability::SloBudget;
use lukhas_store::MemoryLimits;

use crate::config::{Config, Origins, Problem, Problems, StoreConfig};

pub use self::aliases::Aliases;
pub use self::auth::Auth;
pub use self::idempotency::Idempotency;
pub use self::log::Log;
pub use self::server::Server;
pub use self::telemetry::Telemetry;

/// A configuration that has been found possible: every value is in range and what it names exists.
#[derive(Clone, Debug)]
pub struct Settings {
    server: Server,
    auth: Auth,
    log: Log,
    telemetry: Telemetry,
    slos: Vec<(RateClass, SloBudget)>,
    aliases: Aliases,
    private_hosts: Vec<PrivateHost>,
    token_delay: Duration,
    context_window: u64,
    heartbeat: Option<Duration>,
    store: MemoryLimits,
    data_dir: Option<PathBuf>,
    idempotency: Option<Idempotency>,
}

impl Settings {
    /// The listener and its limits.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Who may ask.
    #[must_use]
    pub fn auth(&self) -> &Auth {
        &self.auth
    }

    /// Logs.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Who is told of requests and runs.
    #[must_use]
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// What is promised of answers, by the class of their routes.
    #[must_use]
    pub fn slos(&self) -> &[(RateClass, SloBudget)] {
        &self.slos
    }

    /// Further names of models.
    #[must_use]
    pub fn aliases(&self) -> &Aliases {
        &self.aliases
    }

    /// Hosts that URLs of requests may name although they are not public.
    #[must_use]
    pub fn private_hosts(&self) -> &[PrivateHost] {
        &self.private_hosts
    }

    /// How long the engine waits between two pieces of an answer.
    #[must_use]
    pub fn token_delay(&self) -> Duration {
        self.token_delay
    }

    /// Most tokens of a conversation, answer included.
    #[must_use]
    pub fn context_window(&self) -> u64 {
        self.context_window
    }

    /// How long a streamed answer may be silent before it says that it is alive; `None` for ever.
    #[must_use]
    pub fn heartbeat(&self) -> Option<Duration> {
        self.heartbeat
    }

    /// How much the store keeps.
    #[must_use]
    pub fn store(&self) -> MemoryLimits {
        self.store
    }

    /// The folder of what has to outlast the process.
    #[must_use]
    pub fn data_dir(&self) -> Option<&Path> {
        self.data_dir.as_deref()
    }

    /// How requests with an `Idempotency-Key` are answered once; `None` passes over the header.
    #[must_use]
    pub fn idempotency(&self) -> Option<Idempotency> {
        self.idempotency
    }

    /// The same settings, the paths of files taken from the folder of the file that names each.
    pub(crate) fn with_files_from(mut self, origins: &Origins) -> Self {
        self.auth = self.auth.in_folders(origins);
        self.telemetry = self.telemetry.in_folders(origins);
        let origin = origins.get("store.dir");
        let folder = origin.folder().unwrap_or(Path::new(""));
        self.data_dir = self.data_dir.map(|path| folder.join(path));
        self
    }
}

impl TryFrom<Config> for Settings {
    type Error = Problems;

    /// Checks what the types of [`Config`] cannot say. The problems name keys, no places.
    fn try_from(config: Config) -> Result<Self, Problems> {
        let parts = (
            Server::try_from(config.server),
            Auth::try_from(config.auth),
            Log::try_from(config.log),
            Telemetry::try_from(config.telemetry),
            slo::budgets(&config.objectives),
            Aliases::try_from(config.models),
            urls::private_hosts(&config.urls),
            folder("store.dir", config.store.dir.clone()),
            idempotency::from_config(&config.idempotency),
        );
        let (
            Ok(server),
            Ok(auth),
            Ok(log),
            Ok(telemetry),
            Ok(slos),
            Ok(aliases),
            Ok(private_hosts),
            Ok(data_dir),
            Ok(idempotency),
        ) = parts
        else {
            let (server, auth, log, telemetry, slos, aliases, hosts, data_dir, idempotency) = parts;
            let problems = [
                server.err(),
                auth.err(),
                log.err(),
                telemetry.err(),
                slos.err(),
                aliases.err(),
                hosts.err(),
                data_dir.err(),
                idempotency.err(),
            ];
            let problems = problems.into_iter().flatten().flatten();
            return Err(Problems::from_failure(problems));
        };
        Ok(Self {
            server,
            auth,
            log,
            telemetry,
            slos,
            aliases,
            private_hosts,
            token_delay: config.engine.token_delay_ms.millis(),
            context_window: config.engine.context_window.get(),
            heartbeat: Some(config.timeouts.heartbeat_ms.millis()).filter(|beat| !beat.is_zero()),
            store: limits(&config.store),
            data_dir,
            idempotency,
        })
    }
}

/// The folder of the setting `key`, which has a name if it is set.
fn folder(key: &str, dir: Option<PathBuf>) -> Result<Option<PathBuf>, Vec<Problem>> {
    match dir {
        Some(dir) if dir.to_string_lossy().trim().is_empty() => {
            let help = "name a folder, or leave the setting out";
            Err(vec![problem(key, "the path is empty").with_help(help)])
        }
        dir => Ok(dir),
    }
}

fn limits(store: &StoreConfig) -> MemoryLimits {
    MemoryLimits {
        bytes: store.max_bytes.size(),
        responses: NonZeroUsize::new(store.max_entries.size()).unwrap_or(NonZeroUsize::MIN),
    }
}

/// A problem of the setting `key`, its place yet unknown.
fn problem(key: &str, message: impl Into<String>) -> Problem {
    Problem::new(crate::Origin::Default, message).with_key(key)
}
