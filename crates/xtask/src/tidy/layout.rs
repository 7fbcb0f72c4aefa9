// SPDX-License-Identifier: Apache-2.0
//! What may stand at the top of the tree.

use std::fs;
use std::path::{Path, PathBuf};

use super::Violation;
use crate::error::TaskError;
use crate::files;

/// Everything that may, beside dotfiles and what `.gitignore` names.
const TOP: [&str; 15] = [
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "bins",
    "clippy.toml",
    "configs",
    "crates",
    "deny.toml",
    "docs",
    "evals",
    "fuzz",
    "rustfmt.toml",
    "tests",
];

/// Folders that are generated: the entries `/name/` of `.gitignore`.
pub(super) fn generated(root: &Path) -> Result<Vec<PathBuf>, TaskError> {
    let ignore = files::read(&root.join(".gitignore"))?;
    let top = |line: &str| line.strip_prefix('/')?.strip_suffix('/').map(str::to_owned);
    let names = ignore.lines().filter_map(top);
    Ok(names.map(|name| root.join(name)).collect())
}

/// Checks that nothing else stands at the top.
pub(super) fn check(root: &Path, generated: &[PathBuf]) -> Result<Vec<Violation>, TaskError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root).map_err(TaskError::file(root))? {
        let entry = entry.map_err(TaskError::file(root))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let known = name.starts_with('.') || TOP.contains(&name.as_ref());
        if !known && !generated.contains(&entry.path()) {
            let message = "nothing else stands at the top: move it into one of the folders there, \
                           or add it to `crates/xtask/src/tidy/layout.rs` and say why";
            found.push(Violation::new(root, &entry.path(), 1, message));
        }
    }
    Ok(found)
}
