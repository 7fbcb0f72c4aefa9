// SPDX-License-Identifier: Apache-2.0
//! What `cargo metadata` knows of the workspace.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::TaskError;
use crate::process;

/// Something that cargo builds of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Name of the package.
    pub(crate) package: String,
    /// Path of its `Cargo.toml`.
    pub(crate) manifest: PathBuf,
    /// Name of the target.
    pub(crate) name: String,
    /// What it is: `lib`, `bin`, `bench` and others.
    pub(crate) kind: String,
    /// Its first source file.
    pub(crate) source: PathBuf,
}

/// The workspace at `root`; needs no network and no lock file.
///
/// # Errors
/// When cargo cannot read the workspace.
pub(crate) fn read(root: &Path) -> Result<Value, TaskError> {
    let arguments = "metadata --no-deps --offline --format-version 1";
    let text = process::output(&mut process::cargo(root, arguments))?;
    Ok(serde_json::from_str(&text)?)
}

/// The targets of the workspace that `metadata` describes.
pub(crate) fn targets(metadata: &Value) -> Vec<Target> {
    let targets =
        |package| array(package, "targets").map(move |target| Target::read(package, target));
    array(metadata, "packages").flat_map(targets).collect()
}

/// The entries of a list; none when there is no list.
pub(crate) fn array<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    let entries = value.get(key).and_then(Value::as_array);
    entries.into_iter().flatten()
}

/// A text; empty when there is none.
pub(crate) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

impl Target {
    fn read(package: &Value, target: &Value) -> Self {
        let kind = array(target, "kind").next().and_then(Value::as_str);
        Self {
            package: text(package, "name").to_owned(),
            manifest: PathBuf::from(text(package, "manifest_path")),
            name: text(target, "name").to_owned(),
            kind: kind.unwrap_or_default().to_owned(),
            source: PathBuf::from(text(target, "src_path")),
        }
    }
}
