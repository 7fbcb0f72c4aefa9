// SPDX-License-Identifier: Apache-2.0
//! Looks for inputs that break a law, with the fuzzer of LLVM.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use crate::error::TaskError;
use crate::metadata;
use crate::tally::Tally;
use crate::{files, process, say};

/// The package of the targets.
const PACKAGE: &str = "lukhas-fuzz";
/// What the names of its programs begin with.
const PREFIX: &str = "fuzz_";

/// Most time for the build, and for a target beyond what it is given.
const LIMIT: Duration = Duration::from_secs(3600);

/// Tells the fuzzer which ways an input took: what `cargo fuzz` gives to the compiler, of which none
/// needs a nightly one.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions";

/// Most memory of a target, in MB, and most time for one input, in seconds.
const BOUNDS: [&str; 2] = ["-rss_limit_mb=2048", "-timeout=20"];

/// Runs the target `name`, or one after the other, for `seconds` each.
pub(crate) fn run(root: &Path, name: Option<&str>, seconds: u32) -> ExitCode {
    match run_targets(root, name, seconds) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(error);
            ExitCode::FAILURE
        }
    }
}

fn run_targets(root: &Path, name: Option<&str>, seconds: u32) -> Result<(), TaskError> {
    let names = names(root)?;
    let wanted: Vec<_> = match name {
        None => names.iter().map(String::as_str).collect(),
        Some(name) if names.iter().any(|known| known == name) => vec![name],
        Some(name) => {
            return Err(TaskError::UnknownTarget {
                name: name.to_owned(),
                known: names.join(", "),
            });
        }
    };
    let programs = build(root)?;
    for name in wanted {
        say(format_args!("== fuzz: {name}, {seconds} s"));
        let mut command = target(root, &programs, name, seconds)?;
        process::run(
            &mut command,
            LIMIT + Duration::from_secs(seconds.into()),
            &mut Tally::default(),
        )?;
    }
    Ok(())
}

/// The targets, by name.
fn names(root: &Path) -> Result<Vec<String>, TaskError> {
    let targets = metadata::targets(&metadata::read(root)?);
    let names = targets.iter().filter(|target| target.package == PACKAGE);
    let names = names.filter_map(|target| target.name.strip_prefix(PREFIX));
    Ok(names.map(str::to_owned).collect())
}

/// Builds the targets, and says where they are. What is built for this machine alone, such as build
/// scripts, needs no counters: so a target is named.
fn build(root: &Path) -> Result<PathBuf, TaskError> {
    let host = process::output(Command::new("rustc").args(["--print", "host-tuple"]))?;
    let (host, folder) = (host.trim(), root.join("target/fuzz"));
    let mut command = process::cargo(root, "build --release --features libfuzzer --bins");
    command
        .args(["--package", PACKAGE, "--target", host, "--target-dir"])
        .arg(&folder)
        .env("RUSTFLAGS", FLAGS)
        .env("CARGO_PROFILE_RELEASE_LTO", "off");
    process::run(&mut command, LIMIT, &mut Tally::default())?;
    Ok(folder.join(host).join("release"))
}

/// The command that runs a target. What it learns it keeps, and goes on from.
fn target(root: &Path, programs: &Path, name: &str, seconds: u32) -> Result<Command, TaskError> {
    let learnt = root.join("target/fuzz/corpus").join(name);
    let broken = root.join("target/fuzz/broken").join(name);
    for folder in [&learnt, &broken] {
        files::create(folder)?;
    }
    let mut command = Command::new(programs.join(format!("{PREFIX}{name}")));
    command
        .args(BOUNDS)
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", broken.display()))
        .args(["-print_final_stats=1", "-verbosity=0"])
        .arg(learnt)
        .arg(root.join("fuzz/seeds").join(name));
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_seeds() {
        let root = crate::root();
        let names = names(&root).unwrap();
        assert!(names.iter().any(|name| name == "redact"));
        for name in names {
            assert!(root.join("fuzz/seeds").join(&name).is_dir(), "{name}");
        }
    }

    #[test]
    fn an_unknown_target_is_told_the_known_ones() {
        let error = run_targets(&crate::root(), Some("nothing"), 1).unwrap_err();
        assert!(error.to_string().contains("redact"), "{error}");
    }
}
