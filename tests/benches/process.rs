// SPDX-License-Identifier: Apache-2.0
//! Servers as processes of their own, and what they use.

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// How variables begin that `lukhas` would take for settings.
const SETTINGS: [&str; 4] = ["ANTHROPIC_", "LUKHAS_", "OPENAI_", "OTEL_"];

/// A server that ends with this value.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    pub(crate) key: String,
}

/// The release build of the binary, built first where it is missing or old.
pub(crate) fn lukhas() -> io::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut build = Command::new(env!("CARGO"));
    build
        .args(["build", "--release", "--quiet", "--bin", "lukhas"])
        .current_dir(&root);
    // What cargo tells of this package is none of that build's: with it, ring and all that needs it would
    // be built again, and again for the next bench.
    remove_variables(&mut build, &["CARGO_MANIFEST_", "CARGO_PKG_"]);
    if !build.status()?.success() {
        return Err(io::Error::other("the release build failed"));
    }
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(target) => PathBuf::from(target),
        None => root.join("target"),
    };
    target.join("release/lukhas").canonicalize()
}

/// Has `command` inherit no variable that begins with one of `starts`. Its own stay.
fn remove_variables(command: &mut Command, starts: &[&str]) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let is_meant = starts.iter().any(|start| text.starts_with(start));
        if is_meant && command.get_envs().all(|(own, _)| own != name) {
            command.env_remove(&name);
        }
    }
}

/// What has `lukhas` serve on a free port and say little.
pub(crate) const SERVE: [&str; 5] = ["serve", "--listen", "127.0.0.1:0", "--log", "warn"];

impl Server {
    /// Starts `command` with settings of its own alone, none of this environment, and waits until it has
    /// said its address and its key, as `lukhas serve` says them.
    pub(crate) fn start(mut command: Command) -> io::Result<Self> {
        remove_variables(&mut command, &SETTINGS);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child
            .stdout
            .take()
            .ok_or_else(|| io::Error::other("no standard output"))?;
        let mut server = Self {
            child,
            address: String::new(),
            key: String::new(),
        };
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            if let Some(url) = line.trim().strip_prefix("url   http://") {
                url.clone_into(&mut server.address);
            }
            if let Some(key) = line.trim().strip_prefix("key   ") {
                let key = key.split_whitespace().next().unwrap_or_default();
                key.clone_into(&mut server.key);
            }
            if !server.address.is_empty() && !server.key.is_empty() {
                return Ok(server);
            }
        }
        Err(io::Error::other("the server ended before it was ready"))
    }

    /// CPU time of all its threads, in nanoseconds.
    pub(crate) fn cpu_ns(&self) -> io::Result<u64> {
        self.schedstat(0)
    }

    /// The sum of a figure of each thread, in nanoseconds: 0 is how long it was on a CPU, 1 how long it
    /// waited for one that something else had.
    pub(crate) fn schedstat(&self, figure: usize) -> io::Result<u64> {
        let mut sum = 0;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let stat = std::fs::read_to_string(task?.path().join("schedstat"))?;
            let figure = stat.split_whitespace().nth(figure).unwrap_or_default();
            sum += figure.parse::<u64>().map_err(io::Error::other)?;
        }
        Ok(sum)
    }

    /// What the system says of its memory under `name` (`VmRSS`, `VmHWM`), in KiB.
    pub(crate) fn memory_kib(&self, name: &str) -> io::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kib = line
            .and_then(|line| line.split_whitespace().next())
            .unwrap_or_default();
        kib.parse().map_err(io::Error::other)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
