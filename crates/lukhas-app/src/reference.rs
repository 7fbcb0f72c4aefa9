// SPDX-License-Identifier: Apache-2.0
//! References to keys.

use std::path::Path;

use lukhas_redact::Secret;
use zeroize::Zeroizing;

use crate::config::Environment;

/// What is wrong with a reference, and how to mend it. Never holds the reference: it may be a key.
type Wrong = (String, &'static str);

const HELP: &str =
    "write `env:NAME` for a variable or `file:PATH` for a file, never the key itself";

/// The key behind `reference`; a relative path starts at `folder`.
pub(super) fn read(
    reference: &str,
    environment: &Environment,
    folder: Option<&Path>,
) -> Result<Secret<String>, Wrong> {
    if let Some(name) = reference.strip_prefix("env:") {
        return variable(name.trim(), environment);
    }
    match reference.strip_prefix("file:") {
        Some(path) => file(&folder.unwrap_or(Path::new("")).join(path.trim())),
        None => Err(("this is not a reference to a key".to_owned(), HELP)),
    }
}

/// The key in the variable `name`.
pub(super) fn variable(name: &str, environment: &Environment) -> Result<Secret<String>, Wrong> {
    let value = environment.get(name).filter(|value| !value.is_empty());
    let Some(value) = value else {
        let message = format!("the environment variable `{name}` is not set");
        return Err((message, "set it to the key of the upstream"));
    };
    let text = value.to_str().map(str::trim).ok_or_else(|| {
        let message = format!("the environment variable `{name}` is not UTF-8 text");
        (message, "set it to the key of the upstream")
    })?;
    Ok(Secret::new(text.to_owned()))
}

fn file(path: &Path) -> Result<Secret<String>, Wrong> {
    let help = "name a file whose only content is the key";
    let text = std::fs::read_to_string(path).map(Zeroizing::new);
    let text = text.map_err(|error| {
        (
            format!("`{}` cannot be read: {error}", path.display()),
            help,
        )
    })?;
    let key = text.trim();
    if key.is_empty() || key.contains(char::is_whitespace) {
        return Err((format!("`{}` does not hold one key", path.display()), help));
    }
    Ok(Secret::new(key.to_owned()))
}
