// SPDX-License-Identifier: Apache-2.0
//! Every library crate builds by itself.
//!
//! In a build of the workspace, a dependency has the features that any crate asks for. Who uses one
//! crate alone gets those it asks for itself, so each is checked alone.

use std::path::Path;
use std::time::Duration;

use crate::error::TaskError;
use crate::metadata::{self, Target};
use crate::tally::Tally;
use crate::{process, say};

/// Most time for one crate.
const LIMIT: Duration = Duration::from_secs(1800);

/// Checks each library crate of the workspace at `root`, whatever becomes of the others.
///
/// # Errors
/// When one of them does not build, or the workspace cannot be read.
pub(crate) fn run(root: &Path, tally: &mut Tally) -> Result<(), TaskError> {
    let mut result = Ok(());
    for package in libraries(root, &metadata::targets(&metadata::read(root)?)) {
        let mut check = process::cargo(root, "check --quiet --package");
        match process::run(check.arg(package), LIMIT, &mut Tally::default()) {
            Ok(()) => tally.passed += 1,
            Err(error) => {
                say(format_args!("`{package}` does not build alone"));
                tally.failed += 1;
                result = result.and(Err(error));
            }
        }
    }
    result
}

/// The packages of `targets` that others may build on: those in `crates/` with a library.
fn libraries<'t>(root: &Path, targets: &'t [Target]) -> impl Iterator<Item = &'t str> {
    let folder = root.join("crates");
    let is_library =
        move |target: &&Target| target.kind == "lib" && target.manifest.starts_with(&folder);
    let libraries = targets.iter().filter(is_library);
    libraries.map(|target| target.package.as_str())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_library_of_the_workspace_is_checked_and_nothing_else() {
        let root = crate::root();
        let targets = metadata::targets(&metadata::read(&root).unwrap());
        let found: BTreeSet<_> = libraries(&root, &targets).map(str::to_owned).collect();
        let mut expected = BTreeSet::new();
        for entry in std::fs::read_dir(root.join("crates")).unwrap() {
            let folder = entry.unwrap().path();
            if folder.join("src/lib.rs").exists() {
                let name = folder.file_name().unwrap();
                expected.insert(name.to_str().unwrap().to_owned());
            }
        }
        assert!(expected.len() > 5);
        assert_eq!(found, expected);
    }
}
