// SPDX-License-Identifier: Apache-2.0
//! What operators do with a key store.

use std::fmt;
use std::path::{Path, PathBuf};

use lukhas_auth::{
    GeneratedKey, KeyError, KeyFault, KeyRecord, KeyStore, Pepper, Rotation, StoreFile, UtcTime,
    key_id,
};
use lukhas_redact::Secret;

use super::wish::{self, KeyWish};
use super::{chain, pepper, refused};
use crate::config::{Environment, Origin, Origins, Problem};
use crate::files::Files;
use crate::load::{Written, read};
use crate::settings::Auth;
use crate::{AppError, Sources};

const STORE: &str = "auth.key_store";

/// A key store, as `lukhas keys` works on it.
///
/// Every change locks the store, so that of two at once none is lost, and replaces it whole: it is
/// made or it is not.
pub struct KeyAdmin {
    path: PathBuf,
    /// What named it.
    named_by: Origin,
    auth: Auth,
    environment: Environment,
    origins: Origins,
}

/// A key that was just made.
#[derive(Debug)]
pub struct MadeKey {
    /// The key. Show it once: nobody can give it back.
    pub key: Secret<String>,
    /// What is kept of it.
    pub record: KeyRecord,
}

/// What can be said of a token.
#[derive(Debug)]
pub enum Checked {
    /// It is not of the form of this server's keys, or mistyped.
    Form(KeyFault),
    /// Its form is right, and there is no store to look into.
    Right {
        /// Its public identifier.
        id: String,
    },
    /// Its form is right, and it is no key of the store.
    Unknown {
        /// Its public identifier.
        id: String,
        /// The store.
        store: PathBuf,
    },
    /// It is a key of the store.
    Known(KeyRecord),
}

impl KeyAdmin {
    /// The store at `store`, or else the one that `sources` name.
    ///
    /// # Errors
    /// [`AppError::Config`] for a configuration that cannot be read, and when there is no store.
    pub fn open(sources: Sources, store: Option<PathBuf>) -> Result<Self, AppError> {
        Self::find(sources, store)?.ok_or_else(|| {
            let problem = Problem::new(Origin::Flag("--store"), "no key store is named");
            let help = "give `--store FILE`, or name it in `auth.key_store` of the configuration";
            AppError::Config(problem.with_help(help).into())
        })
    }

    fn find(sources: Sources, store: Option<PathBuf>) -> Result<Option<Self>, AppError> {
        let Written {
            settings,
            environment,
            origins,
            ..
        } = read(sources, &mut Files::default())?;
        let auth = settings.auth().clone();
        let (path, named_by) = match (store, auth.key_store()) {
            (Some(path), _) => (path, Origin::Flag("--store")),
            (None, Some(path)) => (path.to_owned(), origins.get(STORE)),
            (None, None) => return Ok(None),
        };
        Ok(Some(Self {
            path,
            named_by,
            auth,
            environment,
            origins,
        }))
    }

    /// Makes the key that is wished. The first one makes the store, and its pepper beside it where
    /// none is configured.
    ///
    /// # Errors
    /// [`AppError::Config`] for a wish that cannot be met and a store that cannot be used,
    /// [`AppError::Key`] for one that cannot be written. Nothing has changed then.
    pub fn create(&self, wish: &KeyWish, now: UtcTime) -> Result<MadeKey, AppError> {
        let new = wish.read(now)?;
        let file = self.lock()?;
        let (mut store, pepper) = match self.read(&file)? {
            Some(store) => {
                let pepper = self.pepper()?;
                (store, pepper)
            }
            None => {
                let pepper = self.first_pepper()?;
                (KeyStore::new(&pepper), pepper)
            }
        };
        self.checked(&store, &pepper)?;
        let made = store.create(&pepper, &mut rand::rng(), new, now);
        self.made(&file, &store, made, "--expires")
    }

    /// The store as it is.
    ///
    /// # Errors
    /// [`AppError::Config`] when it cannot be read.
    pub fn list(&self) -> Result<KeyStore, AppError> {
        Ok(KeyStore::read(&self.path).map_err(|error| self.problem(&error))?)
    }

    /// Ends the key `id` now.
    ///
    /// # Errors
    /// [`AppError::Config`] for a key that is not there or was revoked before, and for a store that
    /// cannot be used, [`AppError::Key`] for one that cannot be written. Nothing has changed then.
    pub fn revoke(&self, id: &str, now: UtcTime) -> Result<KeyRecord, AppError> {
        let (file, mut store) = self.existing()?;
        let revoked = store.revoke(id, now).cloned();
        let record = revoked.map_err(|error| refused(&error, Origin::Flag("ID")))?;
        self.write(&file, &store)?;
        Ok(record)
    }

    /// Makes another key with the rights of `id`, which ends after `grace`, at once when absent.
    ///
    /// # Errors
    /// As of [`Self::revoke`], and for times that are none.
    pub fn rotate(
        &self,
        id: &str,
        grace: Option<&str>,
        expires: Option<&str>,
        now: UtcTime,
    ) -> Result<MadeKey, AppError> {
        let change = Rotation {
            grace: wish::grace(grace)?,
            expires_at: wish::expires(expires, now)?,
        };
        let (file, mut store) = self.existing()?;
        let pepper = self.pepper()?;
        self.checked(&store, &pepper)?;
        let made = store.rotate(&pepper, &mut rand::rng(), id, change, now);
        self.made(&file, &store, made, "ID")
    }

    /// What can be said of `token`: by its form alone, and by the store where there is one.
    ///
    /// # Errors
    /// [`AppError::Config`] for a configuration or a store that cannot be used.
    pub fn check(
        sources: Sources,
        store: Option<PathBuf>,
        token: &Secret<String>,
    ) -> Result<Checked, AppError> {
        let token = token.expose();
        let id = match key_id(token) {
            Ok(id) => id.to_owned(),
            Err(fault) => return Ok(Checked::Form(fault)),
        };
        let Some(admin) = Self::find(sources, store)? else {
            return Ok(Checked::Right { id });
        };
        let (store, pepper) = (admin.list()?, admin.pepper()?);
        admin.checked(&store, &pepper)?;
        Ok(match store.holder(&pepper, token.as_bytes()) {
            Some(record) => Checked::Known(record.clone()),
            None => Checked::Unknown {
                id,
                store: admin.path,
            },
        })
    }

    /// Where the store is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn lock(&self) -> Result<StoreFile, AppError> {
        Ok(StoreFile::lock(&self.path)?)
    }

    fn read(&self, file: &StoreFile) -> Result<Option<KeyStore>, AppError> {
        Ok(file.read().map_err(|error| self.problem(&error))?)
    }

    /// The store, locked for a change, which must be there already.
    fn existing(&self) -> Result<(StoreFile, KeyStore), AppError> {
        // First without a lock, which would leave a file beside no store.
        self.list()?;
        let file = self.lock()?;
        let store = self.list()?;
        Ok((file, store))
    }

    fn pepper(&self) -> Result<Pepper, Problem> {
        match pepper::configured(&self.auth, &self.environment, &self.origins) {
            Some(pepper) => pepper,
            None => {
                Pepper::read_file(&pepper::beside(&self.path)).map_err(|error| self.problem(&error))
            }
        }
    }

    /// The pepper of a store that is not there yet: one that is there, or a new one.
    fn first_pepper(&self) -> Result<Pepper, AppError> {
        if let Some(pepper) = pepper::configured(&self.auth, &self.environment, &self.origins) {
            return Ok(pepper?);
        }
        let path = pepper::beside(&self.path);
        if path.exists() {
            return Ok(Pepper::read_file(&path).map_err(|error| self.problem(&error))?);
        }
        Ok(Pepper::create_file(&path, &mut rand::rng())?)
    }

    fn checked(&self, store: &KeyStore, pepper: &Pepper) -> Result<(), Problem> {
        let checked = store.check_pepper(&self.path, pepper);
        checked.map_err(|error| self.problem(&error))
    }

    fn made(
        &self,
        file: &StoreFile,
        store: &KeyStore,
        made: Result<GeneratedKey, KeyError>,
        flag: &'static str,
    ) -> Result<MadeKey, AppError> {
        let GeneratedKey { id, secret } =
            made.map_err(|error| refused(&error, Origin::Flag(flag)))?;
        self.write(file, store)?;
        let mut records = store.records().iter();
        let record = records.find(|record| record.id == id).cloned();
        let record = record.ok_or_else(|| KeyError::UnknownId(id.to_string()))?;
        Ok(MadeKey {
            key: secret,
            record,
        })
    }

    fn write(&self, file: &StoreFile, store: &KeyStore) -> Result<(), AppError> {
        file.write(store).map_err(|error| match error {
            KeyError::Write { .. } => error.into(),
            // What was asked for cannot be kept.
            KeyError::Record { .. } | KeyError::TooLarge { .. } => {
                AppError::Config(Problem::new(self.named_by.clone(), chain(&error)).into())
            }
            other => AppError::Config(self.problem(&other).into()),
        })
    }

    /// A problem of the store.
    fn problem(&self, error: &KeyError) -> Problem {
        refused(error, self.named_by.clone())
    }
}

impl fmt::Debug for KeyAdmin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyAdmin")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
