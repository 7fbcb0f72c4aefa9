// SPDX-License-Identifier: Apache-2.0
//! The rules of the tree that no other tool holds.
//!
//! Each rule is a function from what is there to the [`Violation`]s it finds. The tests plant one
//! of each kind; one more test runs all rules on this workspace.

mod code;
mod layers;
mod layout;
mod links;
mod manifest;
mod sources;
mod table;
mod workspace;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::TaskError;
use crate::tally::Tally;
use crate::{files, say};

use self::table::{CRATES, Layer};
use self::workspace::Workspace;

/// A place where a rule does not hold, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    /// The file, from the top of the tree.
    file: PathBuf,
    /// The line, from 1.
    line: usize,
    /// What is wrong, then what to do.
    message: String,
}

/// Checks every rule on the tree at `root` and prints what is found; each violation is a failure.
///
/// # Errors
/// When a rule is broken, or the tree cannot be read.
pub(crate) fn run(root: &Path, tally: &mut Tally) -> Result<(), TaskError> {
    let found = check(root, CRATES)?;
    for violation in &found {
        say(violation);
        tally.failed += 1;
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(TaskError::Untidy(found.len()))
}

/// Every violation in the tree at `root`, whose crates stand where `table` says.
fn check(root: &Path, table: &[Layer]) -> Result<Vec<Violation>, TaskError> {
    let workspace = Workspace::load(root)?;
    let generated = layout::generated(root)?;
    let files = files::walk(root, &generated)?;
    let mut found = layout::check(root, &generated)?;
    found.extend(layers::check(&workspace, table));
    found.extend(layers::check_docs(root, table)?);
    found.extend(manifest::check(&workspace));
    found.extend(sources::check_crates(&workspace)?);
    for file in &files {
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => found.extend(sources::check_file(root, file)?),
            Some("md") => found.extend(links::check_file(root, file)?),
            _ => {}
        }
    }
    found.sort();
    Ok(found)
}

impl Violation {
    /// A violation in `file`, shown from `root`.
    fn new(root: &Path, file: &Path, line: usize, message: impl Into<String>) -> Self {
        Self {
            file: file.strip_prefix(root).unwrap_or(file).to_path_buf(),
            line,
            message: message.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.message)
    }
}
