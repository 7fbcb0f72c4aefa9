// SPDX-License-Identifier: Apache-2.0
//! From flags and a script to the options of a fake upstream.

mod script;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use lukhas_mock::{KeyDigest, MockOptions, Rule};

use crate::AppError;
use crate::config::{Environment, Origin, Problem, Problems, excerpt};

/// Where `lukhas mock` listens unless told otherwise.
const LISTEN: &str = "127.0.0.1:9100";

/// What `lukhas mock` is told: flags, and the environment that holds its key.
#[derive(Debug, Default)]
pub struct MockSources {
    /// Flags of the command line.
    pub flags: MockFlags,
    /// Variables of the environment.
    pub environment: Vec<(OsString, OsString)>,
}

/// Flags of `lukhas mock`.
#[derive(Clone, Debug, Default)]
pub struct MockFlags {
    /// `--listen`: address and port; `127.0.0.1:9100` when absent.
    pub listen: Option<String>,
    /// `--script`: the file with its rules.
    pub script: Option<PathBuf>,
    /// `--require-key-env`: the variable that holds the key it asks for.
    pub require_key_env: Option<String>,
}

impl MockSources {
    /// `flags` and the environment of this process.
    #[must_use]
    pub fn of_process(flags: MockFlags) -> Self {
        Self {
            flags,
            environment: std::env::vars_os().collect(),
        }
    }
}

/// Reads everything that `sources` name into the options of a mock.
///
/// # Errors
/// [`AppError::Config`] with all problems: an address that is none, a script that cannot be read
/// or understood, with line and column, a variable that is not set.
pub fn mock_options(sources: MockSources) -> Result<MockOptions, AppError> {
    let MockSources { flags, environment } = sources;
    let environment = Environment::new(environment);
    let mut problems = Vec::new();
    let mut options = MockOptions::default();
    match listen(flags.listen.as_deref().unwrap_or(LISTEN)) {
        Ok(address) => options = options.with_listen(address),
        Err(problem) => problems.push(problem),
    }
    if let Some(path) = &flags.script {
        match rules(path)? {
            Ok(rules) => options = options.with_rules(rules),
            Err(found) => problems.extend(found),
        }
    }
    if let Some(name) = &flags.require_key_env {
        match key(name, &environment) {
            Ok(key) => options = options.with_key(key),
            Err(problem) => problems.push(problem),
        }
    }
    Problems::none_of(problems)?;
    Ok(options)
}

fn listen(text: &str) -> Result<SocketAddr, Problem> {
    text.trim().parse().map_err(|_| {
        let message = format!("`{}` is not an address and a port", excerpt(text));
        Problem::new(Origin::Flag("--listen"), message).with_help(format!("write `{LISTEN}`"))
    })
}

/// The rules in the file at `path`, or what is wrong with them; an error is a defect.
fn rules(path: &Path) -> Result<Result<Vec<Rule>, Vec<Problem>>, AppError> {
    let named_by = Problem::new(Origin::Flag("--script"), "");
    match crate::config::read_file(path, &named_by) {
        Ok(node) => script::rules(&node),
        Err(problem) => Ok(Err(vec![problem])),
    }
}

/// The digest of the key in the variable `name`. The key itself is not kept.
fn key(name: &str, environment: &Environment) -> Result<KeyDigest, Problem> {
    let value = environment.get(name).filter(|value| !value.is_empty());
    let value = value.ok_or_else(|| {
        let message = format!("the variable `{}` is not set", excerpt(name));
        Problem::new(Origin::Flag("--require-key-env"), message)
            .with_help("put a key into it, or leave the flag out to take any")
    })?;
    Ok(KeyDigest::of(value.as_encoded_bytes()))
}
