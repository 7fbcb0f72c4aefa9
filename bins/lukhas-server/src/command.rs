// SPDX-License-Identifier: Apache-2.0
//! What each command does.

use std::io::{self, Write};

use lukhas_app::{Flags, Loaded, Sources, load};

use crate::arguments::{BudgetsCommand, Command, ConfigCommand, SloCommand};
use crate::failure::Failure;
use crate::{budgets, keys, mock, redact, serve, slo};

/// Runs `command` to its end.
pub(crate) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(settings) => serve::run(read(settings)?),
        Command::Mock(flags) => mock::run(flags.into()),
        Command::Config(ConfigCommand::Check(settings)) => {
            read(settings)?;
            print("the configuration is valid\n")
        }
        Command::Config(ConfigCommand::Show { settings, json }) => show(&read(settings)?, json),
        Command::Budgets(BudgetsCommand::Show { config, json }) => {
            let flags = Flags {
                config,
                ..Flags::default()
            };
            budgets::show(read(flags)?, json)
        }
        Command::Slo(SloCommand::Report { file, json }) => slo::report(file.as_deref(), json),
        Command::Keys(command) => keys::run(command),
        Command::Redact(settings) => redact::run(settings),
        Command::Openapi { yaml } => openapi(yaml),
    }
}

fn read(flags: impl Into<Flags>) -> Result<Loaded, Failure> {
    Ok(load(Sources::of_process(flags.into()))?)
}

fn show(loaded: &Loaded, json: bool) -> Result<(), Failure> {
    if json {
        print(&pretty(&loaded.to_json()?)?)
    } else {
        print(&loaded.to_yaml()?)
    }
}

fn openapi(yaml: bool) -> Result<(), Failure> {
    let document = lukhas_gateway::openapi_json();
    if yaml {
        print(&lukhas_app::to_yaml(document)?)
    } else {
        print(&pretty(document)?)
    }
}

pub(crate) fn pretty(value: &serde_json::Value) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value);
    Ok(text.map_err(Failure::Document)? + "\n")
}

/// Writes `text` to standard output. That its reader has had enough (`| head`) is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Output(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}
