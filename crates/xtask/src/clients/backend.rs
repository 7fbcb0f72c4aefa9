// SPDX-License-Identifier: Apache-2.0
//! What answers for a model behind the server that clients talk to.

use std::path::Path;
use std::process::Command;

use clap::ValueEnum;

use super::Places;
use super::environment::Python;
use super::server::{Key, Server};
use crate::error::TaskError;
use crate::{files, say};

/// Most failures that the server can be told to allow.
const MANY: &str = "1000000";

/// The variable that the server reads its upstream's key from.
const UPSTREAM_KEY: &str = "UPSTREAM_KEY";

/// The key of an upstream that is told its key.
const KEY: &str = "key-of-the-upstream";

/// The variable with a key that no upstream knows.
const WRONG_KEY: &str = "WRONG_KEY";

/// A model's public name, the dialect that its upstream is asked in, and the variable with the key.
type Model = (&'static str, &'static str, &'static str);

/// What answers for a model behind the server that clients talk to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    /// The server's own offline engine.
    Engine,
    /// `lukhas mock`, which the server speaks Chat Completions with, by its variables alone.
    Chat,
    /// `lukhas mock`, which the server speaks Responses with, by its configuration.
    Responses,
    /// Another `lukhas serve`.
    Lukhas,
    /// The server of llama.cpp with a tiny model, in every dialect.
    Llama,
}

/// A server for clients, and what it stands before.
#[derive(Debug)]
pub(super) struct Stack {
    /// Where clients go.
    pub(super) front: Server,
    upstream: Option<Server>,
}

impl Backend {
    /// Its name on the command line, and for the suites.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Lukhas => "lukhas",
            Self::Llama => "llama",
        }
    }

    /// A running server before it, in words.
    pub(super) fn place(self) -> &'static str {
        match self {
            Self::Engine => "a running server",
            Self::Chat => "a server before `lukhas mock`, in Chat Completions",
            Self::Responses => "a server before `lukhas mock`, in Responses",
            Self::Lukhas => "a server before another one",
            Self::Llama => "a server before llama.cpp, in every dialect",
        }
    }

    /// The model that the suites ask for.
    pub(super) fn model(self) -> &'static str {
        match self {
            Self::Engine => "lukhas-matriz",
            Self::Chat => "mock",
            Self::Responses | Self::Lukhas => "behind",
            Self::Llama => "chat",
        }
    }

    /// What it lacks of what tests may need, as `tests/clients/python/conftest.py` explains it.
    pub(super) fn lacks(self) -> &'static str {
        match self {
            Self::Engine | Self::Lukhas | Self::Llama => "",
            Self::Chat => "known_models",
            Self::Responses => "seed stop",
        }
    }

    /// Starts it and the server before it, both `binary`.
    ///
    /// # Errors
    /// When one of them does not start.
    pub(super) fn start(self, places: &Places, binary: &Path) -> Result<Stack, TaskError> {
        let folder = &places.target;
        let upstream = self.start_upstream(places, binary)?;
        let mut front = command(binary, "serve");
        // The fuzzer sends wrong keys to every route, more of them than a client may.
        front
            .env("LUKHAS_AUTH__MAX_FAILURES_PER_ADDRESS", MANY)
            .env("LUKHAS_AUTH__MAX_FAILURES_PER_KEY", MANY);
        if let Some(upstream) = &upstream {
            say(format_args!("the upstream is at {}", upstream.url()));
            let url = format!("{}/v1", upstream.url());
            if self == Self::Chat {
                front
                    .env("OPENAI_BASE_URL", url)
                    .env("OPENAI_API_KEY", upstream.key());
            } else {
                let config = folder.join("front.yaml");
                files::write(&config, &self.config(&url))?;
                front
                    .arg("--config")
                    .arg(config)
                    .env(UPSTREAM_KEY, upstream.key())
                    .env(WRONG_KEY, "key-of-nobody");
            }
        }
        let front = Server::start("server", front, Key::Printed, folder)?;
        say(format_args!("the server is at {}", front.url()));
        Ok(Stack { front, upstream })
    }

    fn start_upstream(self, places: &Places, binary: &Path) -> Result<Option<Server>, TaskError> {
        let (command, key) = match self {
            Self::Engine => return Ok(None),
            Self::Chat | Self::Responses => {
                let mut mock = command(binary, "mock");
                mock.args(["--require-key-env", UPSTREAM_KEY])
                    .env(UPSTREAM_KEY, KEY);
                (mock, Key::Given(KEY))
            }
            Self::Lukhas => (command(binary, "serve"), Key::Printed),
            Self::Llama => {
                let mut llama = Python::install(places)?.command();
                llama
                    .arg(places.suites.join("python/llama/server.py"))
                    .env(UPSTREAM_KEY, KEY);
                (llama, Key::Given(KEY))
            }
        };
        let server = Server::start("upstream", command, key, &places.target)?;
        Ok(Some(server))
    }

    /// A configuration with models of the upstream at `url`.
    fn config(self, url: &str) -> String {
        let (models, own_name): (&[Model], _) = match self {
            Self::Engine | Self::Chat => (&[], ""),
            Self::Responses => (&[("behind", "responses", UPSTREAM_KEY)], "mock"),
            Self::Lukhas => (&[("behind", "chat", UPSTREAM_KEY)], "lukhas-matriz"),
            Self::Llama => (
                &[
                    ("chat", "chat", UPSTREAM_KEY),
                    ("responses", "responses", UPSTREAM_KEY),
                    ("messages", "messages", UPSTREAM_KEY),
                    ("wrong_key", "chat", WRONG_KEY),
                ],
                "tiny",
            ),
        };
        let mut upstreams = "upstreams:\n".to_owned();
        let mut table = "models:\n  table:\n".to_owned();
        for (name, api, key) in models {
            upstreams +=
                &format!("  {name}: {{api: {api}, base_url: \"{url}\", key: \"env:{key}\"}}\n");
            table +=
                &format!("    {name}: {{targets: [{{upstream: {name}, model: {own_name}}}]}}\n");
        }
        upstreams + &table
    }
}

impl Stack {
    /// Asks both to end, and waits.
    ///
    /// # Errors
    /// When one of them had ended before, does not end in time, or ends with anything but success.
    pub(super) fn stop(self) -> Result<(), TaskError> {
        let front = self.front.stop();
        let upstream = self.upstream.map_or(Ok(()), Server::stop);
        front.and(upstream)
    }
}

/// `lukhas` on a free port of the loopback.
fn command(binary: &Path, task: &str) -> Command {
    let mut command = Command::new(binary);
    command.args([task, "--listen", "127.0.0.1:0"]);
    command
}
