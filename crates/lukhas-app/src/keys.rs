// SPDX-License-Identifier: Apache-2.0
//! Keys from the environment and from a file.

use std::error::Error;

use lukhas_auth::{KeyEntry, KeyError, KeySet, read_key_file};
use lukhas_redact::Secret;

use crate::Settings;
use crate::config::{API_TOKEN, Environment, Origin, Origins, Problem, Problems};

/// Every key that `settings` name, and the one in `LUKHAS_API_TOKEN`.
///
/// # Errors
/// [`Problems`] for keys that cannot be had or used, and for a public address without any key.
pub(crate) fn read(
    settings: &Settings,
    environment: &Environment,
    origins: &Origins,
) -> Result<KeySet, Problems> {
    let mut reader = Reader {
        environment,
        entries: Vec::new(),
        problems: Vec::new(),
    };
    reader.file(settings, origins);
    reader.variables(settings, origins);
    Problems::none_of(reader.problems)?;
    let set = KeySet::new(&mut rand::rng(), reader.entries).map_err(|error| {
        Problem::new(origins.get("auth.keys_file"), chain(&error)).with_key("auth")
    })?;
    if set.is_empty() && !settings.server().is_loopback() {
        return Err(public(settings, origins).into());
    }
    Ok(set)
}

fn public(settings: &Settings, origins: &Origins) -> Problem {
    let listen = settings.server().listen();
    let message =
        format!("`{listen}` can be reached from other machines, and no key is configured");
    Problem::new(origins.get("server.listen"), message)
        .with_key("server.listen")
        .with_help(format!(
            "set {API_TOKEN}, or name a file of keys in `auth.keys_file`, \
             or listen on 127.0.0.1:{}",
            listen.port()
        ))
}

struct Reader<'e> {
    environment: &'e Environment,
    entries: Vec<KeyEntry>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn file(&mut self, settings: &Settings, origins: &Origins) {
        let Some(path) = settings.auth().keys_file() else {
            return;
        };
        let origin = origins.get("auth.keys_file");
        let problem = match read_key_file(path) {
            Ok(entries) if !entries.is_empty() => return self.entries.extend(entries),
            Ok(_) => Problem::new(origin, format!("`{}` holds no key", path.display()))
                .with_help("write one key a line"),
            Err(error) => Problem::new(origin, chain(&error)),
        };
        self.problems.push(problem.with_key("auth.keys_file"));
    }

    fn variables(&mut self, settings: &Settings, origins: &Origins) {
        for (index, name) in settings.auth().keys_env().iter().enumerate() {
            let key = format!("auth.keys_env.{index}");
            self.variable(name, &Problem::new(origins.get(&key), "").with_key(key));
        }
        let token = self.environment.get(API_TOKEN);
        if token.is_some()
            && !settings
                .auth()
                .keys_env()
                .iter()
                .any(|name| name == API_TOKEN)
        {
            self.variable(API_TOKEN, &Problem::new(Origin::Env(API_TOKEN.into()), ""));
        }
    }

    fn variable(&mut self, name: &str, blame: &Problem) {
        let message = match self.environment.get(name).map(|value| value.to_str()) {
            None => format!("the environment variable `{name}` is not set"),
            Some(None) => format!("the key from `{name}` cannot be used: it is not UTF-8 text"),
            Some(Some(token)) => {
                match KeyEntry::new(format!("`{name}`"), Secret::new(token.to_owned())) {
                    Ok(entry) => return self.entries.push(entry),
                    Err(error) => chain(&error),
                }
            }
        };
        self.problems.push(Problem {
            message,
            ..blame.clone()
        });
    }
}

/// An error and its causes on one line.
fn chain(error: &KeyError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
