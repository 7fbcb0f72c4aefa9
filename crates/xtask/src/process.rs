// SPDX-License-Identifier: Apache-2.0
//! Runs other programs: shows what they print, counts their tests, stops them in time.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use crate::error::TaskError;
use crate::tally::Tally;

/// How often a running program is looked at.
const POLL: Duration = Duration::from_millis(20);

/// What `cargo run` tells this program of itself. Build scripts that look at it, as that of ring, would be
/// run again, and all that needs them built again, whenever cargo is run from here and from a shell in turn.
const OF_THIS_PACKAGE: [&str; 2] = ["CARGO_MANIFEST_", "CARGO_PKG_"];

/// `cargo` in the workspace at `root`, with `arguments` separated by spaces.
pub(crate) fn cargo(root: &Path, arguments: &str) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root).args(arguments.split_whitespace());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if OF_THIS_PACKAGE.iter().any(|start| text.starts_with(start)) {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs `command` to its end.
///
/// Its output is shown as it comes, and the tests it reports are added to `tally`, whatever its end.
///
/// # Errors
/// When it cannot be started, ends with anything but success, or is not done within `limit`.
pub(crate) fn run(
    command: &mut Command,
    limit: Duration,
    tally: &mut Tally,
) -> Result<(), TaskError> {
    run_into(command, limit, tally, std::io::stdout())
}

/// [`run`], with its output shown in `screen`.
fn run_into(
    command: &mut Command,
    limit: Duration,
    tally: &mut Tally,
    screen: impl Write + Send + 'static,
) -> Result<(), TaskError> {
    let program = describe(command);
    let start_error = |source| TaskError::Start {
        program: program.clone(),
        source,
    };
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(start_error)?;
    let reader = child.stdout.take();
    let reader = reader.map(|output| thread::spawn(|| show(output, screen)));
    let status = wait(&mut child, limit);
    if status.is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
    *tally += reader
        .and_then(|thread| thread.join().ok())
        .unwrap_or_default();
    match status {
        None => Err(TaskError::TimedOut { program, limit }),
        Some(status) if !status.success() => Err(TaskError::Ended { program, status }),
        Some(_) => Ok(()),
    }
}

/// What `command` prints, without showing it.
///
/// # Errors
/// When it cannot be started or ends with anything but success.
pub(crate) fn output(command: &mut Command) -> Result<String, TaskError> {
    let program = describe(command);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| TaskError::Start {
            program: program.clone(),
            source,
        })?;
    if !output.status.success() {
        return Err(TaskError::Ended {
            program,
            status: output.status,
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Waits for `child` up to `limit`; `None` when it is still running then.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let mut waited = Duration::ZERO;
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if waited >= limit {
            return None;
        }
        thread::sleep(POLL);
        waited += POLL;
    }
}

/// Copies lines to `screen` and counts tests in them. A screen that has gone away ends nothing.
fn show(output: impl Read, mut screen: impl Write) -> Tally {
    let mut output = BufReader::new(output);
    let mut tally = Tally::default();
    let mut line = Vec::new();
    while matches!(output.read_until(b'\n', &mut line), Ok(1..)) {
        let _ = screen.write_all(&line);
        tally += Tally::of_line(&String::from_utf8_lossy(&line));
        line.clear();
    }
    tally
}

/// The program and its arguments; the folder of the program left out.
fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program());
    std::iter::once(name)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    /// What the tests of `command` said, and how it ended. The lines must not reach the screen,
    /// where whoever counts these tests would count them too.
    fn run_quietly(command: &mut Command, limit: Duration) -> (String, Result<(), TaskError>) {
        let mut tally = Tally::default();
        let result = run_into(command, limit, &mut tally, std::io::sink());
        (tally.to_string(), result)
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn tests_of_several_summaries_add_up() {
        let script = "echo hello; echo '== 3 passed in 1s =='; echo '# pass 4'";
        let (tally, result) = run_quietly(&mut sh(script), LONG);
        assert_eq!(tally, "7 passed, 0 failed");
        result.unwrap();
    }

    #[test]
    fn a_failure_keeps_what_its_tests_said() {
        let script = "echo '== 1 failed, 3 passed in 1s =='; exit 1";
        let (tally, result) = run_quietly(&mut sh(script), LONG);
        assert_eq!(tally, "3 passed, 1 failed");
        let error = result.unwrap_err().to_string();
        assert!(error.ends_with("ended with exit status: 1"), "{error}");
    }

    #[test]
    fn a_program_that_takes_too_long_is_killed() {
        let (_, result) = run_quietly(&mut sh("exec sleep 600"), Duration::ZERO);
        assert!(matches!(result, Err(TaskError::TimedOut { .. })));
    }

    #[test]
    fn a_missing_program_is_named() {
        let (_, result) = run_quietly(&mut Command::new("no-such-program"), LONG);
        let error = result.unwrap_err().to_string();
        assert!(error.contains("`no-such-program`"), "{error}");
    }
}
