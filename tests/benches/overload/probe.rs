// SPDX-License-Identifier: Apache-2.0
//! How soon those hear of it that are refused, as a client sees it who has a CPU when it needs one.
//!
//! The load has a CPU to itself and the upstream; where that is busy, it sees answers late, and would
//! take that for the server's fault. A probe is a process that asks now and then, and that goes before
//! both of them (`SCHED_FIFO`, sched(7)).

use std::error::Error;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Stdio};

use crate::cpus::{LOAD_CPU, pinned};
use crate::load::{self, Question};
use crate::process::Server;
use crate::{MEASURED, WARM_UP};

/// What it asks a second.
const RATE: f64 = 100.0;

/// A probe at work, beside a load.
pub(crate) struct Probe(Child);

impl Probe {
    /// One that asks `server` what the clients of a scene ask, while that is measured.
    pub(crate) fn start(server: &Server, scene: &str) -> io::Result<Self> {
        let mut command = pinned(LOAD_CPU, Path::new("chrt"), &["--fifo", "1"]);
        command.arg(std::env::current_exe()?).args([
            "--probe",
            &server.address,
            &server.key,
            scene,
        ]);
        command.stdout(Stdio::piped()).spawn().map(Self)
    }

    /// How long each refusal took, in milliseconds.
    pub(crate) fn end(mut self) -> Result<Vec<f64>, Box<dyn Error + Send + Sync>> {
        let mut said = String::new();
        if let Some(stdout) = &mut self.0.stdout {
            stdout.read_to_string(&mut said)?;
        }
        if !self.0.wait()?.success() {
            return Err("a probe failed: `chrt --fifo` takes the rights of root".into());
        }
        said.lines().map(|line| Ok(line.parse()?)).collect()
    }
}

/// Asks, and prints how long each refusal took, in milliseconds.
pub(crate) async fn run(question: &Question) {
    let seen = load::offer(question, RATE, (WARM_UP, MEASURED), || {}).await;
    for took in seen.shed {
        println!("{took}");
    }
}
