// SPDX-License-Identifier: Apache-2.0
//! Programs that Debian has and a fresh machine may lack.

use std::process::Command;
use std::time::Duration;

use crate::error::TaskError;
use crate::tally::Tally;
use crate::{process, say};

/// Most time for one installation.
const LIMIT: Duration = Duration::from_secs(600);

/// Installs `package` unless `program` is there. Needs root, as a fresh machine of CI gives it.
pub(crate) fn ensure(program: &str, package: &str) -> Result<(), TaskError> {
    if process::output(Command::new(program).arg("--version")).is_ok() {
        return Ok(());
    }
    say(format_args!("installing `{package}`"));
    for arguments in [&["update"][..], &["install", "--yes", package]] {
        let mut apt = Command::new("apt-get");
        apt.arg("--quiet")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive");
        process::run(&mut apt, LIMIT, &mut Tally::default())?;
    }
    Ok(())
}
