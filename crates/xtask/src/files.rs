// SPDX-License-Identifier: Apache-2.0
//! The files of a tree, and what is in them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::TaskError;

/// Folders that hold nothing of the project's own, wherever they stand.
const FOREIGN: [&str; 4] = [".git", "node_modules", "__pycache__", "target"];

/// The text of `path`.
pub(crate) fn read(path: &Path) -> Result<String, TaskError> {
    fs::read_to_string(path).map_err(TaskError::file(path))
}

/// Writes `text` to `path`, and makes its folder.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), TaskError> {
    if let Some(folder) = path.parent() {
        create(folder)?;
    }
    fs::write(path, text).map_err(TaskError::file(path))
}

/// Makes `folder`, and those it is in.
pub(crate) fn create(folder: &Path) -> Result<(), TaskError> {
    fs::create_dir_all(folder).map_err(TaskError::file(folder))
}

/// Every file under `folder`, in order, without the folders in [`FOREIGN`] and `skip`.
pub(crate) fn walk(folder: &Path, skip: &[PathBuf]) -> Result<Vec<PathBuf>, TaskError> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).map_err(TaskError::file(&folder))? {
            let entry = entry.map_err(TaskError::file(&folder))?;
            let kind = entry.file_type().map_err(TaskError::file(&folder))?;
            let foreign = entry.file_name().to_str().is_some_and(is_foreign);
            let path = entry.path();
            if kind.is_file() {
                found.push(path);
            } else if kind.is_dir() && !foreign && !skip.contains(&path) {
                open.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The content of every file under `folder`; nothing when there is no such folder.
pub(crate) fn contents(folder: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>, TaskError> {
    if !folder.is_dir() {
        return Ok(BTreeMap::new());
    }
    let load = |path: PathBuf| {
        let bytes = fs::read(&path).map_err(TaskError::file(&path))?;
        Ok((path, bytes))
    };
    walk(folder, &[])?.into_iter().map(load).collect()
}

fn is_foreign(name: &str) -> bool {
    FOREIGN.contains(&name)
}
