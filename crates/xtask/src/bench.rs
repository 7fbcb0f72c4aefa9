// SPDX-License-Identifier: Apache-2.0
//! The project's benches: which there are, and one of them run.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use crate::error::TaskError;
use crate::metadata::{self, Target};
use crate::tally::Tally;
use crate::{files, process, say};

/// Most time for a bench and the build before it.
const LIMIT: Duration = Duration::from_secs(7200);

/// Runs the bench `name` with `arguments` of its own; without a name, lists the benches.
pub(crate) fn run(root: &Path, name: Option<&str>, arguments: &[String]) -> ExitCode {
    let result = match name {
        None => list(root),
        Some(name) => run_one(root, name, arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(error);
            ExitCode::FAILURE
        }
    }
}

/// Prints a line for each bench.
fn list(root: &Path) -> Result<(), TaskError> {
    let benches = benches(root)?;
    let width = benches.iter().map(|bench| bench.name.len()).max();
    for bench in &benches {
        let source = files::read(&bench.source)?;
        let (name, width) = (&bench.name, width.unwrap_or_default());
        say(format_args!("{name:width$}  {}", summary(&source)));
    }
    say("\nrun one with: cargo xtask bench NAME [-- FILTER]");
    Ok(())
}

fn run_one(root: &Path, name: &str, arguments: &[String]) -> Result<(), TaskError> {
    let benches = benches(root)?;
    let Some(bench) = benches.iter().find(|bench| bench.name == name) else {
        let known: Vec<_> = benches.iter().map(|bench| bench.name.as_str()).collect();
        return Err(TaskError::UnknownBench {
            name: name.to_owned(),
            known: known.join(", "),
        });
    };
    let mut command = process::cargo(root, "bench --package");
    command.args([&bench.package, "--bench", name, "--"]);
    process::run(command.args(arguments), LIMIT, &mut Tally::default())
}

/// Every bench of the workspace, by name.
fn benches(root: &Path) -> Result<Vec<Target>, TaskError> {
    let mut targets = metadata::targets(&metadata::read(root)?);
    targets.retain(|target| target.kind == "bench");
    targets.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(targets)
}

/// The first line of a source's documentation.
fn summary(source: &str) -> &str {
    let line = source.lines().find_map(|line| line.strip_prefix("//! "));
    line.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_bench_has_a_name_of_its_own_and_says_what_it_measures() {
        let benches = benches(&crate::root()).unwrap();
        let names: BTreeSet<_> = benches.iter().map(|bench| bench.name.as_str()).collect();
        assert_eq!(names.len(), benches.len());
        assert!(names.contains("echo"));
        for bench in &benches {
            let source = std::fs::read_to_string(&bench.source).unwrap();
            assert!(summary(&source).ends_with('.'), "{}", bench.name);
        }
    }

    #[test]
    fn a_bench_that_does_not_exist_is_refused_with_those_that_do() {
        let error = run_one(&crate::root(), "eco", &[]).unwrap_err().to_string();
        assert!(error.starts_with("there is no bench `eco`"), "{error}");
        assert!(error.contains("echo"), "{error}");
    }
}
