// SPDX-License-Identifier: Apache-2.0
//! References to secrets: `env:NAME` and `file:PATH`.

use std::path::{Path, PathBuf};

use lukhas_redact::Secret;
use zeroize::Zeroizing;

use crate::config::Environment;

/// Where a secret is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reference<'r> {
    /// In the variable of that name.
    Variable(&'r str),
    /// In the file at that path.
    File(PathBuf),
}

/// A secret by what it is, as people read of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// What it is, as in `the key of the upstream`.
    pub(crate) name: &'static str,
    /// What a file that holds it holds, in a word.
    pub(crate) content: &'static str,
    /// What to do when the text is no reference to one.
    pub(crate) help: &'static str,
}

/// What is wrong with a reference, and how to mend it. Never holds the reference: it may be a secret.
pub(crate) type Wrong = (String, String);

/// The key of an upstream.
pub(crate) const UPSTREAM_KEY: Kind = Kind {
    name: "the key of the upstream",
    content: "key",
    help: "write `env:NAME` for a variable or `file:PATH` for a file, never the key itself",
};

impl<'r> Reference<'r> {
    /// What `text` refers to; a relative path starts at `folder`.
    pub(crate) fn parse(text: &'r str, kind: Kind, folder: Option<&Path>) -> Result<Self, Wrong> {
        if let Some(name) = text.strip_prefix("env:") {
            return Ok(Self::Variable(name.trim()));
        }
        match text.strip_prefix("file:") {
            Some(path) => Ok(Self::File(
                folder.unwrap_or(Path::new("")).join(path.trim()),
            )),
            None => {
                let name = kind.name;
                let message = format!("this is not a reference to {name}");
                Err((message, kind.help.to_owned()))
            }
        }
    }

    /// The secret itself, which is a word: it holds no white space.
    pub(crate) fn read(
        &self,
        kind: Kind,
        environment: &Environment,
    ) -> Result<Secret<String>, Wrong> {
        match self {
            Self::Variable(name) => variable(name, kind, environment),
            Self::File(path) => file(path, kind),
        }
    }
}

/// The secret in the variable `name`.
pub(crate) fn variable(
    name: &str,
    kind: Kind,
    environment: &Environment,
) -> Result<Secret<String>, Wrong> {
    let help = || format!("set it to {}", kind.name);
    let value = environment.get(name).filter(|value| !value.is_empty());
    let Some(value) = value else {
        let message = format!("the environment variable `{name}` is not set");
        return Err((message, help()));
    };
    let text = value.to_str().map(str::trim).ok_or_else(|| {
        let message = format!("the environment variable `{name}` is not UTF-8 text");
        (message, help())
    })?;
    Ok(Secret::new(text.to_owned()))
}

fn file(path: &Path, kind: Kind) -> Result<Secret<String>, Wrong> {
    let content = kind.content;
    let help = format!("name a file whose only content is the {content}");
    let text = std::fs::read_to_string(path).map(Zeroizing::new);
    let text = text.map_err(|error| {
        (
            format!("`{}` cannot be read: {error}", path.display()),
            help.clone(),
        )
    })?;
    let key = text.trim();
    if key.is_empty() || key.contains(char::is_whitespace) {
        let message = format!("`{}` does not hold one {content}", path.display());
        return Err((message, help));
    }
    Ok(Secret::new(key.to_owned()))
}
