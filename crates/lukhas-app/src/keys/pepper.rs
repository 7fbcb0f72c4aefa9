// SPDX-License-Identifier: Apache-2.0
//! The pepper of a key store.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use lukhas_auth::Pepper;

use super::refused;
use crate::config::{Environment, Origins, Problem};
use crate::reference::{Kind, Reference, variable};
use crate::settings::Auth;

const KIND: Kind = Kind {
    name: "the pepper of the key store",
    content: "pepper",
    help: "write `env:NAME` for a variable or `file:PATH` for a file, never the pepper itself",
};

/// Where the pepper of the store at `store` is when nobody says: beside it.
pub(super) fn beside(store: &Path) -> PathBuf {
    let mut path = OsString::from(store);
    path.push(".pepper");
    path.into()
}

/// The file that the pepper of the store of `auth` is in, if it has a store and that a file.
pub(crate) fn file(auth: &Auth, origins: &Origins) -> Option<PathBuf> {
    let store = auth.key_store()?;
    let Some(text) = auth.pepper() else {
        return Some(beside(store));
    };
    match Reference::parse(text, KIND, origins.get("auth.pepper").folder()) {
        Ok(Reference::File(path)) => Some(path),
        Ok(Reference::Variable(_)) | Err(_) => None,
    }
}

/// The pepper that `auth` names, or else the one beside the store at `store`.
pub(super) fn read(
    auth: &Auth,
    store: &Path,
    environment: &Environment,
    origins: &Origins,
) -> Result<Pepper, Problem> {
    if let Some(configured) = configured(auth, environment, origins) {
        return configured;
    }
    let problem = |error| refused(&error, origins.get("auth.key_store")).with_key("auth.key_store");
    Pepper::read_file(&beside(store)).map_err(problem)
}

/// The pepper that `auth` names, if it names one.
pub(super) fn configured(
    auth: &Auth,
    environment: &Environment,
    origins: &Origins,
) -> Option<Result<Pepper, Problem>> {
    const KEY: &str = "auth.pepper";
    let origin = origins.get(KEY);
    let read = |text| {
        let wrong = |(message, help): (String, String)| {
            let problem = Problem::new(origin.clone(), message).with_key(KEY);
            problem.with_help(help)
        };
        let unusable = |error| refused(&error, origin.clone()).with_key(KEY);
        match Reference::parse(text, KIND, origin.folder()).map_err(wrong)? {
            Reference::Variable(name) => {
                let secret = variable(name, KIND, environment).map_err(wrong)?;
                Pepper::new(format!("`{name}`"), &secret).map_err(unusable)
            }
            Reference::File(path) => Pepper::read_file(&path).map_err(unusable),
        }
    };
    auth.pepper().map(read)
}
