// SPDX-License-Identifier: Apache-2.0
//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use lukhas_app::{Flags, MockFlags};

/// One server that speaks the OpenAI API in front of any model.
#[derive(Debug, Parser)]
#[command(name = "lukhas", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the API until SIGTERM or Ctrl-C
    Serve(Settings),
    /// Serve a fake upstream for tests: scripted answers in four dialects, and faults
    Mock(MockSettings),
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the API's OpenAPI document
    Openapi {
        /// Print YAML instead of JSON
        #[arg(long)]
        yaml: bool,
    },
}

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say everything that is wrong with it
    Check(Settings),
    /// Print what it amounts to, and where each value comes from; keys are never shown
    Show {
        #[command(flatten)]
        settings: Settings,
        /// Print JSON instead of YAML
        #[arg(long)]
        json: bool,
    },
}

/// Flags that set something. They win over the environment, which wins over the file.
#[derive(Args, Debug)]
pub(crate) struct Settings {
    /// Configuration file (or LUKHAS_CONFIG); without one, defaults apply
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address and port to listen on, such as 127.0.0.1:8080; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// What is logged: a level, or target=level pairs joined by commas
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
}

/// Flags of the fake upstream.
#[derive(Args, Debug)]
pub(crate) struct MockSettings {
    /// Address and port to listen on, 127.0.0.1:9100 if absent; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Rules that say what is answered to which request; without them, the offline engine answers
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Environment variable with a key; requests without that key are answered 401
    #[arg(long, value_name = "NAME")]
    require_key_env: Option<String>,
}

impl From<MockSettings> for MockFlags {
    fn from(settings: MockSettings) -> Self {
        Self {
            listen: settings.listen,
            script: settings.script,
            require_key_env: settings.require_key_env,
        }
    }
}

impl From<Settings> for Flags {
    fn from(settings: Settings) -> Self {
        Self {
            config: settings.config,
            listen: settings.listen,
            log: settings.log,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
