// SPDX-License-Identifier: Apache-2.0
//! A server as a process of its own.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use super::banner::Banner;
use crate::error::TaskError;
use crate::{files, process};

/// Most time between two lines before the server has said where it is.
const START_LIMIT: Duration = Duration::from_secs(30);

/// Most time for it to end once asked to.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// Lines of its log that a failure shows.
const LOG_LINES: usize = 40;

/// A server that runs; dropping it kills it.
#[derive(Debug)]
pub(super) struct Server {
    name: &'static str,
    child: Child,
    url: String,
    key: String,
    log: PathBuf,
}

/// Where a server's key comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Key<'k> {
    /// It makes one and says it.
    Printed,
    /// It was told this one.
    Given(&'k str),
}

impl Server {
    /// Starts `command`, with no settings of this environment but those that it was given, and
    /// waits until it has said where it is.
    ///
    /// It works in `folder` and logs to a file there that has its `name`.
    pub(super) fn start(
        name: &'static str,
        mut command: Command,
        key: Key<'_>,
        folder: &Path,
    ) -> Result<Self, TaskError> {
        let log = folder.join(name).with_extension("log");
        files::write(&log, "")?;
        let log_file = File::create(&log).map_err(TaskError::file(&log))?;
        command
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log_file);
        forget_settings(&mut command, std::env::vars_os().map(|(name, _)| name));
        let mut child = command.spawn().map_err(|source| TaskError::Start {
            program: command.get_program().to_string_lossy().into_owned(),
            source,
        })?;
        let lines = child.stdout.take().map(lines);
        let mut server = Self {
            name,
            child,
            url: String::new(),
            key: String::new(),
            log,
        };
        match lines.map(|lines| banner(&lines, key)) {
            Some(Ok((url, key))) => (server.url, server.key) = (url, key),
            Some(Err(what)) => return Err(server.fault(what)),
            None => return Err(server.fault("has no output")),
        }
        Ok(server)
    }

    /// Where it is, without a path.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The key it asks for.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Most memory that it has used, as Linux tells it.
    pub(super) fn peak_memory(&self) -> Option<String> {
        let status = format!("/proc/{}/status", self.child.id());
        let status = files::read(Path::new(&status)).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(line.trim().to_owned())
    }

    /// Asks it to end and waits.
    ///
    /// # Errors
    /// When it had ended before, does not end in time, or ends with anything but success.
    pub(super) fn stop(mut self) -> Result<(), TaskError> {
        if let Ok(Some(status)) = self.child.try_wait() {
            return Err(self.fault(&format!("ended during the tests with {status}")));
        }
        // The shell's own `kill`: no other program need be there, and no unsafe code here.
        let terminate = format!("kill -TERM {}", self.child.id());
        process::output(Command::new("sh").args(["-c", &terminate]))?;
        match process::wait(&mut self.child, STOP_LIMIT) {
            None => Err(self.fault("did not end when asked to")),
            Some(status) if !status.success() => {
                Err(self.fault(&format!("ended with {status} when asked to end")))
            }
            Some(_) => Ok(()),
        }
    }

    fn fault(&self, what: &str) -> TaskError {
        let log = files::read(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        TaskError::Server {
            name: self.name,
            what: what.to_owned(),
            log: lines[lines.len().saturating_sub(LOG_LINES)..].join("\n"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Takes away every one of the variables `names` that the server would read, and that `command` was
/// not given itself.
fn forget_settings(command: &mut Command, names: impl Iterator<Item = OsString>) {
    for name in names {
        let ours = name.to_str().is_some_and(|name| {
            ["ANTHROPIC_", "LUKHAS_", "OPENAI_", "OTEL_"]
                .iter()
                .any(|prefix| name.starts_with(prefix))
        });
        let is_given = command.get_envs().any(|(given, _)| given == name);
        if ours && !is_given {
            command.env_remove(name);
        }
    }
}

/// The lines of `output` as they come. Reading goes on to the end, so that the writer never waits.
fn lines(output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    receiver
}

fn banner(lines: &Receiver<String>, key: Key<'_>) -> Result<(String, String), &'static str> {
    let mut banner = match key {
        Key::Printed => Banner::default(),
        Key::Given(key) => Banner::with_key(key),
    };
    loop {
        match lines.recv_timeout(START_LIMIT) {
            Ok(line) => banner.read(&line),
            Err(RecvTimeoutError::Timeout) => return Err("did not say where it is"),
            Err(RecvTimeoutError::Disconnected) => return Err("ended before it was ready"),
        }
        if let Some(found) = banner.complete() {
            return Ok(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// Runs `script` as the server, in a folder that lives as long as the first value.
    fn start(script: &str) -> (TempDir, Result<Server, TaskError>) {
        let folder = tempfile::tempdir().unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", script]);
        let server = Server::start("server", shell, Key::Printed, folder.path());
        (folder, server)
    }

    /// A script that says where it is, and runs `end` when asked to end.
    fn serving(end: &str) -> String {
        let banner = "echo '  url   http://127.0.0.1:4321'; echo '  key   lk_live_x'";
        format!("trap '{end}' TERM; {banner}; while :; do sleep 0.01; done")
    }

    #[test]
    fn address_and_key_are_read_and_the_server_is_stopped() {
        let (_folder, server) = start(&serving("exit 0"));
        let server = server.unwrap();
        assert_eq!(server.url(), "http://127.0.0.1:4321");
        assert_eq!(server.key(), "lk_live_x");
        assert!(server.peak_memory().unwrap().ends_with(" kB"));
        server.stop().unwrap();
    }

    #[test]
    fn settings_of_this_environment_are_forgotten_and_those_that_were_given_are_not() {
        let mut command = Command::new("lukhas");
        command.env("OPENAI_API_KEY", "given");
        let names = ["LUKHAS_LOG", "OPENAI_API_KEY", "PATH"].map(OsString::from);
        forget_settings(&mut command, names.into_iter());
        let changed: Vec<_> = command.get_envs().collect();
        let expected = [
            ("LUKHAS_LOG".as_ref(), None),
            ("OPENAI_API_KEY".as_ref(), Some("given".as_ref())),
        ];
        assert_eq!(changed, expected);
    }

    #[test]
    fn a_server_that_was_told_its_key_need_not_say_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo http://127.0.0.1:4321; exec sleep 60"]);
        let server = Server::start("upstream", shell, Key::Given("told"), folder.path()).unwrap();
        assert_eq!(server.key(), "told");
        assert!(folder.path().join("upstream.log").exists());
    }

    #[test]
    fn a_bad_end_is_an_error() {
        let (_folder, server) = start(&serving("exit 7"));
        let error = server.unwrap().stop().unwrap_err();
        assert!(error.to_string().contains("exit status: 7"), "{error}");
    }

    #[test]
    fn an_end_of_its_own_is_an_error() {
        let (_folder, server) = start("echo http://127.0.0.1:1 lk_live_x");
        let mut server = server.unwrap();
        server.child.wait().unwrap();
        let error = server.stop().unwrap_err().to_string();
        assert!(
            error.contains("ended during the tests with exit status: 0"),
            "{error}"
        );
    }

    #[test]
    fn a_server_that_cannot_start_shows_its_log() {
        let (_folder, server) = start("echo 'the port is taken' >&2; exit 2");
        let error = server.unwrap_err().to_string();
        let expected = "ended before it was ready; the end of its log:\nthe port is taken";
        assert!(error.contains(expected), "{error}");
    }
}
