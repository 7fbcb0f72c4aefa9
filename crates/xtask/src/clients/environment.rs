// SPDX-License-Identifier: Apache-2.0
//! What the clients need, installed under `target/clients`.
//!
//! A stamp holds the lists that were installed. While they stay the same, nothing is done.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::Places;
use crate::error::TaskError;
use crate::tally::Tally;
use crate::{files, process, say};

/// Most time for one installation.
const LIMIT: Duration = Duration::from_secs(1200);

/// A virtual environment of Python.
#[derive(Debug)]
pub(super) struct Python {
    folder: PathBuf,
}

/// A folder with Node packages, and the JavaScript suite beside them.
#[derive(Debug)]
pub(super) struct Node {
    folder: PathBuf,
    tests: Vec<PathBuf>,
}

impl Python {
    /// Makes the environment, unless it is there.
    pub(super) fn install(places: &Places) -> Result<Self, TaskError> {
        let folder = places.target.join("python");
        let list = places.suites.join("python/requirements.txt");
        let version = process::output(Command::new("python3").arg("--version"))?;
        let stamp = format!("{version}{}", files::read(&list)?);
        let python = Self { folder };
        if is_stamped(&python.folder, &stamp) {
            return Ok(python);
        }
        say("installing the Python clients");
        renew(&python.folder)?;
        // Debian ships `venv` without pip's bundle: the pip that is there installs into it.
        let mut make = Command::new("python3");
        make.args(["-m", "venv", "--without-pip"])
            .arg(&python.folder);
        process::run(&mut make, LIMIT, &mut Tally::default())?;
        let mut install = Command::new("python3");
        install
            .args(["-m", "pip", "--python"])
            .arg(python.program("python"))
            .args(["install", "--quiet", "--requirement"])
            .arg(&list);
        process::run(&mut install, LIMIT, &mut Tally::default())?;
        files::write(&stamp_file(&python.folder), &stamp)?;
        Ok(python)
    }

    /// Python itself, leaving no compiled files in the tree.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(self.program("python"));
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    /// A program of the environment.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.join("bin").join(name)
    }
}

impl Node {
    /// Installs the packages, unless they are there, and brings the suite up to date.
    ///
    /// The suite is copied: Node looks for packages from the folder of the file that asks.
    pub(super) fn install(places: &Places) -> Result<Self, TaskError> {
        let folder = places.target.join("js");
        let suite = places.suites.join("js");
        let version = process::output(Command::new("node").arg("--version"))?;
        let lock = files::read(&suite.join("package-lock.json"))?;
        let stamp = format!("{version}{lock}");
        let is_there = is_stamped(&folder, &stamp);
        if !is_there {
            renew(&folder)?;
        }
        let tests = copy_suite(&suite, &folder)?;
        if !is_there {
            say("installing the JavaScript clients");
            let mut install = Command::new("npm");
            install.current_dir(&folder).args([
                "ci",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--loglevel=error",
            ]);
            process::run(&mut install, LIMIT, &mut Tally::default())?;
            files::write(&stamp_file(&folder), &stamp)?;
        }
        Ok(Self { folder, tests })
    }

    /// Where the packages and the suite are.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The files of the suite that hold tests.
    pub(super) fn test_files(&self) -> &[PathBuf] {
        &self.tests
    }
}

/// Copies every file of `suite` and gives those that hold tests.
fn copy_suite(suite: &Path, folder: &Path) -> Result<Vec<PathBuf>, TaskError> {
    let mut tests = Vec::new();
    for file in files::walk(suite, &[])? {
        let copy = folder.join(file.strip_prefix(suite).unwrap_or(&file));
        files::write(&copy, &files::read(&file)?)?;
        if copy.to_string_lossy().ends_with(".test.js") {
            tests.push(copy);
        }
    }
    Ok(tests)
}

fn stamp_file(folder: &Path) -> PathBuf {
    folder.join("installed")
}

fn is_stamped(folder: &Path, stamp: &str) -> bool {
    files::read(&stamp_file(folder)).is_ok_and(|installed| installed == stamp)
}

/// Removes what an earlier list has left.
fn renew(folder: &Path) -> Result<(), TaskError> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(TaskError::file(folder))?;
    }
    files::create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_holds_until_the_list_changes() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_stamped(folder.path(), "a==1"));
        files::write(&stamp_file(folder.path()), "a==1").unwrap();
        assert!(is_stamped(folder.path(), "a==1"));
        assert!(!is_stamped(folder.path(), "a==2"));
        renew(folder.path()).unwrap();
        assert!(!is_stamped(folder.path(), "a==1"));
    }

    #[test]
    fn only_test_files_are_run() {
        let suite = tempfile::tempdir().unwrap();
        let folder = tempfile::tempdir().unwrap();
        files::write(&suite.path().join("chat.test.js"), "1").unwrap();
        files::write(&suite.path().join("client.js"), "2").unwrap();
        files::write(&suite.path().join("node_modules/a/a.test.js"), "3").unwrap();
        let tests = copy_suite(suite.path(), folder.path()).unwrap();
        assert_eq!(tests, [folder.path().join("chat.test.js")]);
        let copied = files::read(&folder.path().join("client.js")).unwrap();
        assert_eq!(copied, "2");
    }
}
