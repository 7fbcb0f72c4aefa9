// SPDX-License-Identifier: Apache-2.0
//! Two CPUs: what is measured has one of its own, and what asks it has the other.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// The CPU of what is measured.
pub(crate) const SERVER_CPU: &str = "0";
/// The CPU of all else.
pub(crate) const LOAD_CPU: &str = "1";

/// `program` on one CPU. `taskset` becomes the program, so its process is the program's.
pub(crate) fn pinned(cpu: &str, program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("taskset");
    command
        .args(["--cpu-list", cpu])
        .arg(program)
        .args(arguments);
    command
}

/// Keeps this process on the load's CPU.
pub(crate) fn pin_this() -> io::Result<()> {
    let this = std::process::id().to_string();
    let mut command = Command::new("taskset");
    let pinned = command.args(["--all-tasks", "--pid", "--cpu-list", LOAD_CPU, &this]);
    if pinned.stdout(Stdio::null()).status()?.success() {
        return Ok(());
    }
    let message = "`taskset` failed: this needs two CPUs and Linux";
    Err(io::Error::other(message))
}
