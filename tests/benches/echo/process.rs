// SPDX-License-Identifier: Apache-2.0
//! Servers as processes of their own, and what they use.

use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A server that ends with this value.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    pub(crate) key: String,
    _answer: Option<tempfile::NamedTempFile>,
}

/// The release build of the binary, built first where it is missing or old.
pub(crate) fn lukhas() -> io::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let cargo = env!("CARGO");
    let built = Command::new(cargo)
        .args(["build", "--release", "--quiet", "--bin", "lukhas"])
        .current_dir(&root)
        .status()?;
    if !built.success() {
        return Err(io::Error::other("the release build failed"));
    }
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(target) => PathBuf::from(target),
        None => root.join("target"),
    };
    target.join("release/lukhas").canonicalize()
}

impl Server {
    pub(crate) fn lukhas(binary: &Path) -> io::Result<Self> {
        let mut command = Command::new(binary);
        command.args(["serve", "--listen", "127.0.0.1:0", "--log", "warn"]);
        Self::start(command, None)
    }

    /// The yardstick, answering `answer`: this binary again, in another role.
    pub(crate) fn bare(answer: &[u8]) -> io::Result<Self> {
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(answer)?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--bare").arg(file.path());
        Self::start(command, Some(file))
    }

    fn start(mut command: Command, answer: Option<tempfile::NamedTempFile>) -> io::Result<Self> {
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
            key: "none".to_owned(),
            _answer: answer,
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
            let bare = server._answer.is_some();
            if !server.address.is_empty() && (bare || server.key != "none") {
                return Ok(server);
            }
        }
        Err(io::Error::other("the server ended before it was ready"))
    }

    /// CPU time of all its threads, in nanoseconds.
    pub(crate) fn cpu_ns(&self) -> io::Result<u64> {
        let mut spent = 0;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let stat = std::fs::read_to_string(task?.path().join("schedstat"))?;
            let on_cpu = stat.split_whitespace().next().unwrap_or_default();
            spent += on_cpu.parse::<u64>().map_err(io::Error::other)?;
        }
        Ok(spent)
    }

    /// Resident memory, in megabytes.
    pub(crate) fn memory_mb(&self) -> io::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line
            .and_then(|line| line.split_whitespace().next())
            .unwrap_or_default();
        Ok(kib.parse::<f64>().map_err(io::Error::other)? * 1024.0 / 1e6)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
