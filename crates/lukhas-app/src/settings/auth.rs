// SPDX-License-Identifier: Apache-2.0
//! Who may ask.

use std::path::{Path, PathBuf};

use super::problem;
use crate::config::{AuthConfig, Problem};

/// How the keys of operators begin that are known to us; none of them is a path.
const KEY_PREFIXES: [&str; 2] = ["lk_live_", "sk-"];

/// Where keys are found; never a key.
#[derive(Clone, Debug)]
pub struct Auth {
    keys_file: Option<PathBuf>,
    keys_env: Vec<String>,
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

    /// The same, the path of the file relative to `folder`.
    pub(super) fn in_folder(mut self, folder: &Path) -> Self {
        self.keys_file = self.keys_file.map(|path| folder.join(path));
        self
    }
}

impl TryFrom<AuthConfig> for Auth {
    type Error = Vec<Problem>;

    fn try_from(config: AuthConfig) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        problems.extend(config.keys_file.as_deref().and_then(check_file));
        for (index, name) in config.keys_env.iter().enumerate() {
            problems.extend(check_variable(index, name, &config.keys_env[..index]));
        }
        if problems.is_empty() {
            Ok(Self {
                keys_file: config.keys_file,
                keys_env: config.keys_env,
            })
        } else {
            Err(problems)
        }
    }
}

// Whoever writes a key where its place should be named must not see it again in an error, a log or
// `config show`: these checks come first and their messages leave the value out.

fn check_file(path: &Path) -> Option<Problem> {
    let text = path.to_string_lossy();
    let (message, help) = if KEY_PREFIXES.iter().any(|prefix| text.starts_with(prefix)) {
        (
            "this is a key, not the path of a file",
            "write the key into a file and name that",
        )
    } else if text.trim().is_empty() {
        (
            "the path is empty",
            "name a file with one key a line, or leave the setting out",
        )
    } else {
        return None;
    };
    Some(problem("auth.keys_file", message).with_help(help))
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
