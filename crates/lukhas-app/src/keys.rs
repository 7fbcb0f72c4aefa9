// SPDX-License-Identifier: Apache-2.0
//! Keys from the environment, from a file and from a store.

pub(crate) mod admin;
mod pepper;
pub(crate) mod wish;

use std::error::Error;
use std::io::ErrorKind;
use std::path::PathBuf;

use lukhas_auth::{FileKind, KeyEntry, KeyError, KeySet, KeyStore, Pepper, read_key_file};
use lukhas_redact::Secret;

pub(crate) use self::pepper::file as pepper_file;

use crate::Settings;
use crate::config::{API_TOKEN, Environment, Origin, Origins, Problem, Problems};

/// Every key that `settings` name, and the one in `LUKHAS_API_TOKEN`; `None` when nothing names any.
/// Without a store, `pepper` digests them.
///
/// A store whose keys have all expired or been revoked is a set that lets nobody in, not none: to
/// revoke the last key must not open a door.
///
/// # Errors
/// [`Problems`] for keys that cannot be had or used, and for a public address without any key.
pub(crate) fn read(
    settings: &Settings,
    environment: &Environment,
    origins: &Origins,
    pepper: &Pepper,
) -> Result<Option<KeySet>, Problems> {
    let mut reader = Reader {
        environment,
        entries: Vec::new(),
        problems: Vec::new(),
    };
    reader.file(settings, origins);
    reader.variables(settings, origins);
    let store = reader.store(settings, origins);
    Problems::none_of(reader.problems)?;
    let entries = reader.entries;
    let (set, blamed) = match store {
        Some(Stored {
            path,
            store,
            pepper,
        }) => (
            KeySet::with_store(&path, &store, pepper, entries),
            "auth.key_store",
        ),
        None if entries.is_empty() && !settings.server().is_loopback() => {
            return Err(public(settings, origins).into());
        }
        None if entries.is_empty() => return Ok(None),
        None => (
            KeySet::with_pepper(pepper.clone(), entries),
            "auth.keys_file",
        ),
    };
    let set = set.map_err(|error| refused(&error, origins.get(blamed)).with_key("auth"))?;
    Ok(Some(set))
}

fn public(settings: &Settings, origins: &Origins) -> Problem {
    let listen = settings.server().listen();
    let message =
        format!("`{listen}` can be reached from other machines, and no key is configured");
    Problem::new(origins.get("server.listen"), message)
        .with_key("server.listen")
        .with_help(format!(
            "set {API_TOKEN}, or name a store of keys in `auth.key_store` or a file of keys in \
             `auth.keys_file`, or listen on 127.0.0.1:{}",
            listen.port()
        ))
}

struct Reader<'e> {
    environment: &'e Environment,
    entries: Vec<KeyEntry>,
    problems: Vec<Problem>,
}

/// A store, where it is, and what its digests are made with.
struct Stored {
    path: PathBuf,
    store: KeyStore,
    pepper: Pepper,
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

    fn store(&mut self, settings: &Settings, origins: &Origins) -> Option<Stored> {
        let auth = settings.auth();
        let Some(path) = auth.key_store() else {
            if auth.pepper().is_some() {
                let message = "it is for the keys of a store, and none is named";
                let problem = Problem::new(origins.get("auth.pepper"), message);
                let help = "name the store in `auth.key_store`, or leave the setting out";
                let problem = problem.with_key("auth.pepper").with_help(help);
                self.problems.push(problem);
            }
            return None;
        };
        let store = KeyStore::read(path).map_err(|error| {
            refused(&error, origins.get("auth.key_store")).with_key("auth.key_store")
        });
        let stored = store.and_then(|store| {
            let pepper = pepper::read(auth, path, self.environment, origins)?;
            let path = path.to_owned();
            Ok(Stored {
                path,
                store,
                pepper,
            })
        });
        stored.map_err(|problem| self.problems.push(problem)).ok()
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

/// What is said of `error`, and what to do about it where that is not plain.
fn refused(error: &KeyError, origin: Origin) -> Problem {
    let problem = Problem::new(origin, chain(error));
    let help = match error {
        KeyError::Read { kind, source, .. } if source.kind() == ErrorKind::NotFound => match kind {
            FileKind::Store => "`lukhas keys create --name NAME` makes it, with its first key",
            FileKind::Pepper => {
                "keys cannot be checked without the pepper they were made with: put the file \
                     back, or name the pepper in `auth.pepper`"
            }
            FileKind::Keys => return problem,
        },
        KeyError::OtherPepper { .. } => {
            "name the pepper they were made with in `auth.pepper`; without it, they are lost, and \
             a new store needs a new file"
        }
        KeyError::Record { .. } => "put back the last copy of it that was whole",
        KeyError::UnknownId(_) => "`lukhas keys list` lists the keys of the store",
        KeyError::Revoked { .. } => "a revoked key stays revoked: make another one",
        KeyError::Past { .. } => "give a later one with `--expires`, as in `--expires 90d`",
        KeyError::Unusable { .. }
        | KeyError::DuplicateKey { .. }
        | KeyError::DuplicateId { .. }
        | KeyError::Pepper { .. }
        | KeyError::Read { .. }
        | KeyError::Write { .. }
        | KeyError::Permissions { .. }
        | KeyError::TooLarge { .. } => return problem,
    };
    problem.with_help(help)
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
