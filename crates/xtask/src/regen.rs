// SPDX-License-Identifier: Apache-2.0
//! Rewrites the files that are generated from the code.
//!
//! A test holds each of them: it compares what the code gives with the file. With `LUKHAS_REGEN=1`
//! in its environment it writes the file instead.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use crate::error::TaskError;
use crate::tally::Tally;
use crate::{files, process, say};

/// Folders that hold generated files.
const FOLDERS: [&str; 2] = ["docs", "configs"];

const LIMIT: Duration = Duration::from_secs(3600);

/// The content of files by path.
type Tree = BTreeMap<PathBuf, Vec<u8>>;

/// Runs the tests with leave to write, then says what changed. A test that fails is reported, but
/// what the others wrote stays.
pub(crate) fn run(root: &Path) -> ExitCode {
    match rewrite(root) {
        Ok(changes) if changes.is_empty() => say("nothing changed"),
        Ok(changes) => changes.iter().for_each(say),
        Err(error) => {
            say(error);
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn rewrite(root: &Path) -> Result<Vec<String>, TaskError> {
    let before = snapshot(root)?;
    let mut tests = process::cargo(root, "test --workspace --no-fail-fast");
    let result = process::run(tests.env("LUKHAS_REGEN", "1"), LIMIT, &mut Tally::default());
    let changes = changes(root, &before, &snapshot(root)?);
    if result.is_err() {
        changes.iter().for_each(say);
    }
    result.map(|_| changes)
}

fn snapshot(root: &Path) -> Result<Tree, TaskError> {
    let mut tree = Tree::new();
    for folder in FOLDERS {
        tree.extend(files::contents(&root.join(folder))?);
    }
    Ok(tree)
}

/// One line for each file that differs.
fn changes(root: &Path, before: &Tree, after: &Tree) -> Vec<String> {
    let paths: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let line = |path: &PathBuf| {
        let verb = match (before.get(path), after.get(path)) {
            (None, _) => "wrote",
            (_, None) => "removed",
            (old, new) if old != new => "rewrote",
            _ => return None,
        };
        let path = path.strip_prefix(root).unwrap_or(path);
        Some(format!("{verb} {}", path.display()))
    };
    paths.into_iter().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_differ_are_named() {
        let tree = |files: &[(&str, &str)]| -> Tree {
            let entry = |(path, text): &(&str, &str)| {
                (Path::new("/top").join(path), text.as_bytes().to_vec())
            };
            files.iter().map(entry).collect()
        };
        let before = tree(&[("docs/a", "1"), ("docs/b", "1"), ("docs/c", "1")]);
        let after = tree(&[("docs/a", "1"), ("docs/b", "2"), ("docs/d", "1")]);
        let expected = ["rewrote docs/b", "removed docs/c", "wrote docs/d"];
        assert_eq!(changes(Path::new("/top"), &before, &after), expected);
    }
}
