// SPDX-License-Identifier: Apache-2.0
//! Starting the program.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tempfile::TempDir;

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A folder, an environment and arguments to start the program with.
pub(crate) struct Setup {
    folder: TempDir,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
}

/// A server that is ready. Killed when dropped.
pub(crate) struct Server {
    /// The port it listens on.
    pub(crate) port: u16,
    /// What it printed when it was ready.
    pub(crate) banner: String,
    child: Child,
    log: Option<JoinHandle<String>>,
    folder: TempDir,
}

/// How the program ended.
#[derive(Debug, PartialEq)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Setup {
    pub(crate) fn new(arguments: &[&str]) -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            arguments: arguments.iter().map(ToString::to_string).collect(),
            variables: Vec::new(),
        }
    }

    /// `lukhas serve` on a free port, with a configuration file.
    pub(crate) fn serve(yaml: &str) -> Self {
        Self::new(&["serve", "--listen", "127.0.0.1:0"]).config(yaml)
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Puts a file into the folder.
    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        fs::write(self.path(name), content).unwrap();
        self
    }

    /// Puts a file into the folder that only its owner may read.
    pub(crate) fn secret_file(self, name: &str, content: &str) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let setup = self.file(name, content);
        let mode = fs::Permissions::from_mode(0o600);
        fs::set_permissions(setup.path(name), mode).unwrap();
        setup
    }

    /// Puts `lukhas.yaml` into the folder and names it.
    pub(crate) fn config(mut self, yaml: impl AsRef<[u8]>) -> Self {
        let path = self.path("lukhas.yaml").display().to_string();
        self.arguments.extend(["--config".to_owned(), path]);
        self.file("lukhas.yaml", yaml)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lukhas"));
        command.args(&self.arguments);
        self.prepare(&mut command);
        command
    }

    fn prepare(&self, command: &mut Command) {
        command
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
    }

    /// Runs it to its end. The folder is called `DIR` in what it says.
    pub(crate) fn run(self) -> Ended {
        let Output {
            status,
            stdout,
            stderr,
        } = self.command().output().unwrap();
        let folder = self.folder.path().display().to_string();
        let text = |bytes| String::from_utf8(bytes).unwrap().replace(&folder, "DIR");
        Ended {
            code: status.code(),
            out: text(stdout),
            err: text(stderr),
        }
    }

    /// Starts it and waits until it is ready.
    pub(crate) fn start(self) -> Server {
        let command = self.command();
        self.spawn(command)
    }

    /// The same, allowed so many open files.
    pub(crate) fn start_with_files(self, files: u32) -> Server {
        self.start_after(&format!("ulimit -n {files}"))
    }

    /// The same, from a shell that has run `script`.
    pub(crate) fn start_after(self, script: &str) -> Server {
        let mut command = Command::new("/bin/sh");
        let program = env!("CARGO_BIN_EXE_lukhas");
        let script = format!("{script}; exec \"$0\" \"$@\"");
        command.args(["-c", &script, program]).args(&self.arguments);
        self.prepare(&mut command);
        self.spawn(command)
    }

    fn spawn(self, mut command: Command) -> Server {
        let mut child = command.spawn().unwrap();
        let log = collect(child.stderr.take().unwrap());
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut banner = String::new();
        // The last line of the banner is the body of the third request.
        while !banner.ends_with("}'\n\n") || banner.matches("curl ").count() < 3 {
            let read = out.read_line(&mut banner).unwrap();
            if read == 0 {
                panic!(
                    "it ended instead of becoming ready: {}",
                    log.join().unwrap()
                );
            }
        }
        let after = banner.split_once("http://127.0.0.1:").unwrap().1;
        let port: String = after.chars().take_while(char::is_ascii_digit).collect();
        Server {
            port: port.parse().unwrap(),
            banner,
            child,
            log: Some(log),
            folder: self.folder,
        }
    }
}

fn collect(mut stderr: ChildStderr) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).unwrap();
        text
    })
}

impl Server {
    /// The key it made for this start.
    pub(crate) fn key(&self) -> &str {
        let start = self.banner.find("lk_live_").unwrap();
        self.banner[start..].split_whitespace().next().unwrap()
    }

    /// The path of a file in its folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Lets it write files of so many bytes at most, `unlimited` for any.
    #[cfg(target_os = "linux")]
    pub(crate) fn limit_files(&self, bytes: &str) {
        let (pid, limit) = (self.child.id(), format!("--fsize={bytes}:unlimited"));
        let status = Command::new("prlimit")
            .args(["--pid", &pid.to_string(), &limit])
            .status();
        assert!(status.unwrap().success());
    }

    /// Sends it a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let script = format!("kill -{name} {}", self.child.id());
        let status = Command::new("/bin/sh").args(["-c", &script]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for its end; its exit code and its log.
    pub(crate) fn wait(mut self) -> (Option<i32>, String) {
        // The log ends when the process does.
        let log = self.log.take().unwrap();
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || sender.send(log.join().unwrap()));
        let log = receiver.recv_timeout(PATIENCE).expect("it does not end");
        (self.child.wait().unwrap().code(), log)
    }

    /// Stops it; its log. It has to end well.
    pub(crate) fn stop(self) -> String {
        self.signal("TERM");
        let (code, log) = self.wait();
        assert_eq!(code, Some(0), "{log}");
        log
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
