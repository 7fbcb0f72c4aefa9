// SPDX-License-Identifier: Apache-2.0
//! Who may ask.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use super::problem;
use crate::config::{AuthConfig, Bounded, Origins, Problem};

/// How the keys of operators begin that are known to us; none of them is a path.
const KEY_PREFIXES: [&str; 2] = ["lk_live_", "sk-"];

/// Where keys are found; never a key.
#[derive(Clone, Debug)]
pub struct Auth {
    keys_file: Option<PathBuf>,
    keys_env: Vec<String>,
    key_store: Option<PathBuf>,
    pepper: Option<String>,
    max_failures_per_address: NonZeroU32,
    max_failures_per_key: NonZeroU32,
}

impl Auth {
    /// The file of keys.
    #[must_use]
    pub fn keys_file(&self) -> Option<&Path> {
        self.keys_file.as_deref()
    }

    /// Names of the variables that hold a key each, without repetitions.
    #[must_use]
    pub fn keys_env(&self) -> &[String] {
        &self.keys_env
    }

    /// The store of keys.
    #[must_use]
    pub fn key_store(&self) -> Option<&Path> {
        self.key_store.as_deref()
    }

    /// Where the pepper of the store is; may be anything that stands in its place.
    pub(crate) fn pepper(&self) -> Option<&str> {
        self.pepper.as_deref()
    }

    /// Most attempts of one client address in a minute that may fail.
    #[must_use]
    pub fn max_failures_per_address(&self) -> NonZeroU32 {
        self.max_failures_per_address
    }

    /// Most of them with one key.
    #[must_use]
    pub fn max_failures_per_key(&self) -> NonZeroU32 {
        self.max_failures_per_key
    }

    /// The same, each path relative to the folder of the file that names it.
    pub(super) fn in_folders(mut self, origins: &Origins) -> Self {
        let from = |key: &str, path: PathBuf| match origins.get(key).folder() {
            Some(folder) => folder.join(path),
            None => path,
        };
        self.keys_file = self.keys_file.map(|path| from("auth.keys_file", path));
        self.key_store = self.key_store.map(|path| from("auth.key_store", path));
        self
    }
}

impl TryFrom<AuthConfig> for Auth {
    type Error = Vec<Problem>;

    fn try_from(config: AuthConfig) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        for (key, path, help) in [
            (
                "auth.keys_file",
                &config.keys_file,
                "name a file with one key a line, or leave the setting out",
            ),
            (
                "auth.key_store",
                &config.key_store,
                "name the file that `lukhas keys` writes, or leave the setting out",
            ),
        ] {
            problems.extend(path.as_deref().and_then(|path| check_file(key, path, help)));
        }
        for (index, name) in config.keys_env.iter().enumerate() {
            problems.extend(check_variable(index, name, &config.keys_env[..index]));
        }
        if problems.is_empty() {
            Ok(Self {
                keys_file: config.keys_file,
                keys_env: config.keys_env,
                key_store: config.key_store,
                pepper: config.pepper,
                max_failures_per_address: count(config.max_failures_per_address),
                max_failures_per_key: count(config.max_failures_per_key),
            })
        } else {
            Err(problems)
        }
    }
}

/// The number, which is at least 1 and at most a million.
fn count(number: Bounded<1, 1_000_000>) -> NonZeroU32 {
    let number = u32::try_from(number.get()).unwrap_or(u32::MAX);
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

// Whoever writes a key where its place should be named must not see it again in an error, a log or
// `config show`: these checks come first and their messages leave the value out.

fn check_file(key: &str, path: &Path, empty: &str) -> Option<Problem> {
    let text = path.to_string_lossy();
    let (message, help) = if KEY_PREFIXES.iter().any(|prefix| text.starts_with(prefix)) {
        (
            "this is a key, not the path of a file",
            "write the key into a file and name that",
        )
    } else if text.trim().is_empty() {
        ("the path is empty", empty)
    } else {
        return None;
    };
    Some(problem(key, message).with_help(help))
}

fn check_variable(index: usize, name: &str, before: &[String]) -> Option<Problem> {
    let capital = |c: char| c.is_ascii_uppercase() || c == '_';
    let key = format!("auth.keys_env.{index}");
    if !name.starts_with(capital) || !name.chars().all(|c| capital(c) || c.is_ascii_digit()) {
        let message = "this is not the name of an environment variable";
        let help = "write its name (capital letters, digits and `_`), not the key itself";
        return Some(problem(&key, message).with_help(help));
    }
    before
        .iter()
        .any(|other| other == name)
        .then(|| problem(&key, format!("`{name}` is listed twice")))
}
