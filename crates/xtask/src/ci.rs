// SPDX-License-Identifier: Apache-2.0
//! The steps that must pass before a change goes in.

use std::borrow::Cow;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, SystemTime};

use clap::ValueEnum;

use crate::clients::{self, Profile, Run};
use crate::error::TaskError;
use crate::tally::Tally;
use crate::{alone, debian, process, say, tidy};

/// Most time for a step that compiles: a cold build on two cores takes minutes, not this.
const LIMIT: Duration = Duration::from_secs(3600);

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Fmt,
    Tidy,
    Clippy,
    Alone,
    Test,
    Doc,
    Build,
    Clients(Run),
}

/// Steps as they are chosen on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Group {
    Fmt,
    Tidy,
    Clippy,
    Alone,
    Test,
    Doc,
    Build,
    Clients,
}

/// All steps, quick ones first; those of the groups in `only` when it names any.
pub(crate) fn steps(only: &[Group]) -> Vec<Step> {
    let all = [
        Step::Fmt,
        Step::Tidy,
        Step::Clippy,
        Step::Alone,
        Step::Test,
        Step::Doc,
        Step::Build,
    ];
    all.into_iter()
        .chain(clients::steps(&[], &[]))
        .filter(|step| only.is_empty() || only.contains(&step.group()))
        .collect()
}

/// Runs `steps` in order up to the first failure, then says how many tests passed and failed.
pub(crate) fn run(root: &Path, steps: &[Step], profile: Profile) -> ExitCode {
    let mut total = Tally::default();
    let mut code = ExitCode::SUCCESS;
    for step in steps {
        let command = step.command();
        say(format_args!("\n== {command}: {}", step.promise()));
        let started = SystemTime::now();
        let mut tally = Tally::default();
        let result = step.run(root, profile, &mut tally);
        let seconds = started.elapsed().unwrap_or_default().as_secs_f64();
        total += tally.or_one(result.is_ok());
        if let Err(error) = result {
            say(format_args!(
                "== {command}: FAILED in {seconds:.1} s: {error}"
            ));
            say(format_args!("repeat it with: cargo xtask {command}"));
            code = ExitCode::FAILURE;
            break;
        }
        say(format_args!("== {command}: passed in {seconds:.1} s"));
    }
    say(format_args!("\n{total}"));
    code
}

impl Step {
    fn group(self) -> Group {
        match self {
            Self::Fmt => Group::Fmt,
            Self::Tidy => Group::Tidy,
            Self::Clippy => Group::Clippy,
            Self::Alone => Group::Alone,
            Self::Test => Group::Test,
            Self::Doc => Group::Doc,
            Self::Build => Group::Build,
            Self::Clients(_) => Group::Clients,
        }
    }

    /// What to type after `cargo xtask` for this step alone.
    fn command(self) -> String {
        let group = self.group();
        let name = group.to_possible_value();
        let name = name.as_ref().map_or("", |value| value.get_name());
        match self {
            Self::Clients(run) => run.command(),
            _ => name.to_owned(),
        }
    }

    /// What holds when it passes.
    fn promise(self) -> Cow<'static, str> {
        let promise = match self {
            Self::Fmt => "the sources are formatted",
            Self::Tidy => "the rules of the tree hold",
            Self::Clippy => "clippy finds nothing",
            Self::Alone => "every library crate builds by itself",
            Self::Test => "unit, integration and documentation tests pass",
            Self::Doc => "the documentation builds without a warning",
            Self::Build => "the `lukhas` binary builds",
            Self::Clients(run) => return run.promise().into(),
        };
        promise.into()
    }

    fn run(self, root: &Path, profile: Profile, tally: &mut Tally) -> Result<(), TaskError> {
        let mut command = match self {
            Self::Tidy => return tidy::run(root, tally),
            Self::Alone => return alone::run(root, tally),
            Self::Clients(run) => return clients::run(root, run, profile, tally),
            Self::Fmt => process::cargo(root, "fmt --all --check"),
            Self::Clippy => process::cargo(root, "clippy --workspace --all-targets -- -D warnings"),
            Self::Test => test(root)?,
            Self::Doc => {
                let mut doc = process::cargo(root, "doc --workspace --no-deps");
                doc.env("RUSTDOCFLAGS", "-D warnings");
                doc
            }
            Self::Build => process::cargo(root, profile.build_arguments()),
        };
        process::run(&mut command, LIMIT, tally)
    }
}

/// Every test of the workspace; snapshots are compared, never written or waved through. What they start
/// is installed first, so that none of them has a reason to be left out.
fn test(root: &Path) -> Result<Command, TaskError> {
    debian::ensure("redis-server", "redis-server")?;
    debian::ensure("promtool", "prometheus")?;
    let mut command = process::cargo(root, "test --workspace --no-fail-fast");
    command
        .env("INSTA_UPDATE", "no")
        .env_remove("INSTA_FORCE_PASS")
        .env_remove("LUKHAS_REGEN");
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_runs_when_none_is_chosen() {
        let commands: Vec<_> = steps(&[]).into_iter().map(Step::command).collect();
        let expected = [
            "fmt",
            "tidy",
            "clippy",
            "alone",
            "test",
            "doc",
            "build",
            "clients python --backend engine",
            "clients python --backend chat",
            "clients python --backend responses",
            "clients python --backend lukhas",
            "clients js --backend engine",
            "clients js --backend chat",
            "clients js --backend responses",
            "clients js --backend lukhas",
            "clients schema",
            "clients spectral",
            "clients llama",
        ];
        assert_eq!(commands, expected);
    }

    #[test]
    fn a_group_chooses_its_steps_in_their_order() {
        let chosen = steps(&[Group::Clients, Group::Fmt]);
        assert_eq!(chosen.len(), 1 + clients::steps(&[], &[]).len());
        assert_eq!(chosen.first(), Some(&Step::Fmt));
    }
}
