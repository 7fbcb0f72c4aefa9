// SPDX-License-Identifier: Apache-2.0
//! A Redis for a test.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

/// Ports that are tried: below those that systems give to clients, so that a Redis that is started again
/// finds its own free.
const PORTS: std::ops::Range<u16> = 12_000..32_000;

/// How often it is looked whether it answers, and for how long at most.
const LOOK: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(30);

/// A `redis-server` of its own for a test, on a free port of this machine alone, in a folder of its
/// own. Killed when dropped.
#[derive(Debug)]
pub struct LocalRedis {
    folder: TempDir,
    port: u16,
    arguments: Vec<String>,
    child: Mutex<Option<Child>>,
}

impl LocalRedis {
    /// Starts one, with further `arguments` such as `["--requirepass", "word"]`, and waits until it
    /// answers.
    ///
    /// # Errors
    /// When it does not start; `cargo xtask test` installs it.
    pub fn start(arguments: &[&str]) -> io::Result<Self> {
        let folder = TempDir::new()?;
        let arguments: Vec<_> = arguments.iter().map(|&it| it.to_owned()).collect();
        loop {
            let port = rand::random_range(PORTS);
            // It may be taken between here and there; then the next one is tried.
            if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err() {
                continue;
            }
            if let Some(child) = spawn(folder.path(), port, &arguments)? {
                return Ok(Self {
                    folder,
                    port,
                    arguments,
                    child: Mutex::new(Some(child)),
                });
            }
        }
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Kills it, as a machine that loses power does.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn kill(&self) -> io::Result<()> {
        if let Some(mut child) = self.child().take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Starts it again, on the same port and in the same folder, and waits until it answers.
    ///
    /// # Errors
    /// When it does not start.
    pub fn restart(&self) -> io::Result<()> {
        self.kill()?;
        let started = spawn(self.folder.path(), self.port, &self.arguments)?;
        *self.child() = Some(started.ok_or(io::ErrorKind::AddrInUse)?);
        Ok(())
    }

    /// Sends it a signal, such as `STOP` and `CONT`.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub fn signal(&self, name: &str) -> io::Result<()> {
        let child = self.child();
        let id = child.as_ref().ok_or(io::ErrorKind::NotFound)?.id();
        let mut kill = Command::new("kill");
        match kill
            .args([format!("-{name}"), id.to_string()])
            .status()?
            .success()
        {
            true => Ok(()),
            false => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// The first line of what it answers to `command`, of words without spaces.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn ask(&self, command: &str) -> io::Result<String> {
        ask(self.port, command)
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for LocalRedis {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// A server on `port` that answers; `None` when it ended at once, as it does when the port is taken.
fn spawn(folder: &Path, port: u16, arguments: &[String]) -> io::Result<Option<Child>> {
    let mut command = Command::new("redis-server");
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--dir"])
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let mut child = command.spawn().map_err(|error| {
        let missing =
            format!("redis-server cannot be started (`cargo xtask test` installs it): {error}");
        io::Error::new(error.kind(), missing)
    })?;
    let mut waited = Duration::ZERO;
    while waited < PATIENCE {
        if child.try_wait()?.is_some() {
            return Ok(None);
        }
        match ask(port, "PING") {
            // It wants a password, or still reads its data.
            Ok(answer) if answer.starts_with("+PONG") || answer.starts_with("-NOAUTH") => {
                return Ok(Some(child));
            }
            Ok(_) | Err(_) => sleep(LOOK),
        }
        waited += LOOK;
    }
    let _ = child.kill();
    let _ = child.wait();
    Err(io::ErrorKind::TimedOut.into())
}

fn ask(port: u16, command: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{command}\r\n").as_bytes())?;
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line)?;
    // Of a text the length comes first.
    if let Some(length) = line.strip_prefix('$')
        && let Ok(length) = length.trim().parse::<usize>()
    {
        let mut text = vec![0; length];
        stream.read_exact(&mut text)?;
        return Ok(String::from_utf8_lossy(&text).into_owned());
    }
    Ok(line.trim().to_owned())
}
