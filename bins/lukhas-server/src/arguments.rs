// SPDX-License-Identifier: Apache-2.0
//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use lukhas_app::{Flags, KeyWish, MockFlags, RedactFlags};

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
    /// Look at what budgets have left
    #[command(subcommand)]
    Budgets(BudgetsCommand),
    /// See whether answers are as they were promised
    #[command(subcommand)]
    Slo(SloCommand),
    /// Make, list, revoke and check the keys of a key store
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Mask personal data and secrets in standard input, as it comes
    Redact(RedactSettings),
    /// Print the API's OpenAPI document
    Openapi {
        /// Print YAML instead of JSON
        #[arg(long)]
        yaml: bool,
    },
}

/// What to do with budgets.
#[derive(Debug, Subcommand)]
pub(crate) enum BudgetsCommand {
    /// Print what is spent and left of each account in its window, while a server runs or not
    Show {
        /// Configuration file (or LUKHAS_CONFIG)
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Print JSON instead of a table
        #[arg(long)]
        json: bool,
    },
}

/// What to do with objectives.
#[derive(Debug, Subcommand)]
pub(crate) enum SloCommand {
    /// Print how the objectives stand in the metrics of a server; exit code 1 when one is missed
    Report {
        /// What `/metrics` answered; standard input when left out
        file: Option<PathBuf>,
        /// Print JSON instead of a table
        #[arg(long)]
        json: bool,
    },
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a key and print it, once; the first one makes the store
    Create(NewKey),
    /// List the keys of the store; none is shown
    List {
        #[command(flatten)]
        store: StoreSettings,
        /// Print JSON instead of a table
        #[arg(long)]
        json: bool,
    },
    /// End a key now
    Revoke {
        /// Identifier of the key: the 8 characters behind `lk_live_`
        id: String,
        #[command(flatten)]
        store: StoreSettings,
    },
    /// Make a key with the rights of another, which ends
    Rotate {
        /// Identifier of the key that ends
        id: String,
        /// How long the old key goes on, as in 24h; not at all if absent
        #[arg(long, value_name = "TIME")]
        grace: Option<String>,
        /// When the new key ends, as in 90d or 2027-01-31T08:00:00Z; when the old one would have if
        /// absent
        #[arg(long, value_name = "WHEN")]
        expires: Option<String>,
        #[command(flatten)]
        store: StoreSettings,
        /// Print JSON instead of the key alone
        #[arg(long)]
        json: bool,
    },
    /// Read a key from standard input and say whether it is mistyped, and whose it is
    Check {
        #[command(flatten)]
        store: StoreSettings,
    },
}

/// Where the store of keys is.
#[derive(Args, Debug)]
pub(crate) struct StoreSettings {
    /// Key store; `auth.key_store` of the configuration if absent
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
    /// Configuration file (or LUKHAS_CONFIG)
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Flags of a key to be made.
#[derive(Args, Debug)]
pub(crate) struct NewKey {
    /// What people call it: letters, digits, `_`, `.` and `-`
    #[arg(long)]
    name: String,
    /// Whose objects its holder sees; `default` if absent
    #[arg(long)]
    tenant: Option<String>,
    /// Whose account it is, within the tenant; `default` if absent
    #[arg(long)]
    project: Option<String>,
    /// What its holder may do, repeatable; if absent, what an application needs of the API
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,
    /// Names of models its holder may use, with `*` and `?`, repeatable; if absent, every model
    #[arg(long, value_name = "PATTERN")]
    model: Vec<String>,
    /// Names of indexes its holder may use, with `*` and `?`, repeatable; if absent, every index of
    /// its tenant
    #[arg(long, value_name = "PATTERN")]
    index: Vec<String>,
    /// When it ends, as in 90d or 2027-01-31T08:00:00Z; never if absent
    #[arg(long, value_name = "WHEN")]
    expires: Option<String>,
    #[command(flatten)]
    pub(crate) store: StoreSettings,
    /// Print JSON instead of the key alone
    #[arg(long)]
    pub(crate) json: bool,
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

/// Flags of redaction.
#[derive(Args, Debug)]
pub(crate) struct RedactSettings {
    /// Where the text goes: logs, upstream or client; logs if absent
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// An entity to be found in any case, such as UK_NHS, repeatable
    #[arg(long, value_name = "NAME")]
    entity: Vec<String>,
    /// Patterns of your own
    #[arg(long, value_name = "FILE")]
    patterns: Option<PathBuf>,
    /// Read lines of {"id", "text"}, write lines of {"id", "redacted", "findings"}
    #[arg(long)]
    pub(crate) jsonl: bool,
}

impl From<RedactSettings> for RedactFlags {
    fn from(settings: RedactSettings) -> Self {
        Self {
            profile: settings.profile,
            entities: settings.entity,
            patterns: settings.patterns,
        }
    }
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

impl NewKey {
    /// What is wished of it.
    pub(crate) fn wish(&self) -> KeyWish {
        KeyWish {
            name: self.name.clone(),
            tenant: self.tenant.clone(),
            project: self.project.clone(),
            scopes: self.scope.clone(),
            models: self.model.clone(),
            indexes: self.index.clone(),
            expires: self.expires.clone(),
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
