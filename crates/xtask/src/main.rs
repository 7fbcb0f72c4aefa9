// SPDX-License-Identifier: Apache-2.0
//! The project's own tasks, run as `cargo xtask <task>`.
//!
//! `ci` is what must pass before a change goes in. Each of its steps is a task of its own, so that
//! a failure can be repeated alone.

mod alone;
mod bench;
mod ci;
mod clients;
mod debian;
mod error;
mod faults;
mod files;
mod fuzz;
mod metadata;
mod process;
mod regen;
mod tally;
mod tidy;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::ci::{Group, Step};
use crate::clients::{Backend, Profile, Suite};

/// The project's own tasks.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Everything that must pass before a change goes in.
    Ci {
        /// Only these groups of steps, separated by commas.
        #[arg(long, value_delimiter = ',')]
        only: Vec<Group>,
        #[command(flatten)]
        build: Build,
    },
    /// The sources are formatted.
    Fmt,
    /// The rules of the tree that no other tool holds: floors, names, sizes, headers, links.
    Tidy,
    /// Clippy finds nothing.
    Clippy,
    /// Every library crate builds by itself.
    Alone,
    /// Unit, integration and documentation tests.
    Test,
    /// The documentation builds without a warning.
    Doc,
    /// The `lukhas` binary builds.
    Build {
        #[command(flatten)]
        build: Build,
    },
    /// Real clients against a real server process: all suites, or the named ones.
    Clients {
        /// Which.
        suites: Vec<Suite>,
        /// Only before these backends, separated by commas.
        #[arg(long, value_delimiter = ',')]
        backend: Vec<Backend>,
        #[command(flatten)]
        build: Build,
    },
    /// Lists the benches, or runs one.
    Bench {
        /// Which.
        name: Option<String>,
        /// For the bench itself: with criterion, what to run of it.
        #[arg(last = true, requires = "name")]
        arguments: Vec<String>,
    },
    /// Prints what every fault of an upstream becomes for clients, once a test has seen it.
    Faults,
    /// Looks for inputs that break a law, with every target or the named one; needs a C++ compiler.
    Fuzz {
        /// Which.
        target: Option<String>,
        /// How long each looks.
        #[arg(long, default_value_t = 60)]
        seconds: u32,
    },
    /// Rewrites the files that are generated from the code, and says which ones changed.
    Regen,
}

#[derive(Clone, Copy, Debug, clap::Args)]
struct Build {
    /// How the `lukhas` binary is built.
    #[arg(long, env = "LUKHAS_PROFILE", value_enum, default_value_t = Profile::Release)]
    profile: Profile,
}

fn main() -> ExitCode {
    let root = root();
    let (steps, build) = match Cli::parse().task {
        Task::Regen => return regen::run(&root),
        Task::Faults => return faults::run(&root),
        Task::Fuzz { target, seconds } => return fuzz::run(&root, target.as_deref(), seconds),
        Task::Bench { name, arguments } => {
            return bench::run(&root, name.as_deref(), &arguments);
        }
        Task::Ci { only, build } => (ci::steps(&only), build),
        Task::Fmt => (vec![Step::Fmt], Build::UNUSED),
        Task::Tidy => (vec![Step::Tidy], Build::UNUSED),
        Task::Clippy => (vec![Step::Clippy], Build::UNUSED),
        Task::Alone => (vec![Step::Alone], Build::UNUSED),
        Task::Test => (vec![Step::Test], Build::UNUSED),
        Task::Doc => (vec![Step::Doc], Build::UNUSED),
        Task::Build { build } => (vec![Step::Build], build),
        Task::Clients {
            suites,
            backend,
            build,
        } => (clients::steps(&suites, &backend), build),
    };
    if steps.is_empty() {
        say("no suite of these runs before such a backend; `cargo xtask clients` runs them all");
        return ExitCode::FAILURE;
    }
    ci::run(&root, &steps, build.profile)
}

impl Build {
    /// For steps that do not build the binary.
    const UNUSED: Self = Self {
        profile: Profile::Release,
    };
}

/// The top of the workspace.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// Prints one line. A reader that has gone away is no reason to fail.
fn say(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
