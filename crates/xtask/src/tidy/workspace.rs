// SPDX-License-Identifier: Apache-2.0
//! The packages of the workspace, as `cargo metadata` knows them.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::TaskError;
use crate::files;
use crate::metadata::{self, array, text};

/// The packages of the workspace.
#[derive(Debug)]
pub(super) struct Workspace {
    /// Its top.
    pub(super) root: PathBuf,
    /// Its packages.
    pub(super) packages: Vec<Package>,
}

/// One package.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) name: String,
    /// Path of its `Cargo.toml`.
    pub(super) manifest: PathBuf,
    /// Text of its `Cargo.toml`.
    pub(super) manifest_text: String,
    /// What it names in its dependency tables.
    pub(super) dependencies: Vec<Dependency>,
}

/// One entry of a dependency table.
#[derive(Clone, Debug)]
pub(super) struct Dependency {
    pub(super) name: String,
    /// Whether only its tests, examples and benches see it.
    pub(super) dev: bool,
    /// Whether it lies in this tree.
    pub(super) own: bool,
}

impl Workspace {
    /// Reads the workspace at `root`; needs no network and no lock file.
    pub(super) fn load(root: &Path) -> Result<Self, TaskError> {
        let metadata = metadata::read(root)?;
        let packages = array(&metadata, "packages").map(Package::read);
        Ok(Self {
            root: root.to_path_buf(),
            packages: packages.collect::<Result<_, _>>()?,
        })
    }
}

impl Package {
    fn read(package: &Value) -> Result<Self, TaskError> {
        let manifest = PathBuf::from(text(package, "manifest_path"));
        Ok(Self {
            name: text(package, "name").to_owned(),
            manifest_text: files::read(&manifest)?,
            manifest,
            dependencies: array(package, "dependencies")
                .map(Dependency::read)
                .collect(),
        })
    }

    /// Its folder.
    pub(super) fn folder(&self) -> &Path {
        self.manifest.parent().unwrap_or(&self.manifest)
    }
}

impl Dependency {
    fn read(dependency: &Value) -> Self {
        Self {
            name: text(dependency, "name").to_owned(),
            dev: text(dependency, "kind") == "dev",
            own: dependency.get("path").is_some_and(Value::is_string),
        }
    }
}
