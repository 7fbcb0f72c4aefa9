// SPDX-License-Identifier: Apache-2.0
//! From flags and a file of patterns, or a configuration, to the rules of redaction.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use figment::Figment;
use lukhas_observability::{Metrics, Redaction, Redactions};
use lukhas_redact::{CustomPattern, Kind, PatternFault, Profile, Rules, RulesConfig, RulesError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::AppError;
use crate::config::{
    KindConfig, Layer, Node, Origin, Origins, PatternConfig, Problem, Problems, RedactionConfig,
    Shape, check, closest, excerpt,
};

/// Flags of `lukhas redact`.
#[derive(Clone, Debug, Default)]
pub struct RedactFlags {
    /// `--profile`: where the text goes; `logs` when absent.
    pub profile: Option<String>,
    /// `--entity`: entities to be found in any case.
    pub entities: Vec<String>,
    /// `--patterns`: the file with patterns of the operator's own.
    pub patterns: Option<PathBuf>,
}

/// A file of patterns.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct PatternsConfig {
    /// What is found besides what the profile finds.
    patterns: Vec<PatternConfig>,
}

/// Compiles what `flags` name.
///
/// # Errors
/// [`AppError::Config`] with all problems: a profile or an entity that is unknown, a file that cannot
/// be read, a pattern that cannot be used, with line and column.
pub fn redact_rules(flags: &RedactFlags) -> Result<Rules, AppError> {
    let mut problems = Vec::new();
    let profile = flags.profile.as_deref().map_or(Ok(Profile::Logs), profile);
    let profile = profile.unwrap_or_else(|problem| {
        problems.push(problem);
        Profile::Logs
    });
    let mut config = RulesConfig::new(profile);
    for name in &flags.entities {
        match entity(name) {
            Ok(()) => config = config.with_entity(name),
            Err((message, help)) => {
                let problem = Problem::new(Origin::Flag("--entity"), message);
                problems.push(problem.with_help(help));
            }
        }
    }
    if let Some(path) = &flags.patterns {
        match patterns(path)? {
            Ok(patterns) => config = patterns.into_iter().fold(config, RulesConfig::with_pattern),
            Err(found) => problems.extend(found),
        }
    }
    Problems::none_of(problems)?;
    Rules::new(&config).map_err(|error| together(&error).into())
}

fn profile(name: &str) -> Result<Profile, Problem> {
    name.parse().map_err(|_| {
        let message = format!("`{}` is no profile", excerpt(name));
        let names = Profile::ALL.map(|profile| format!("`{}`", profile.as_str()));
        Problem::new(Origin::Flag("--profile"), message)
            .with_help(format!("write one of {}", names.join(", ")))
    })
}

/// Whether a detector finds the entity `name`; else what is wrong, and what helps.
fn entity(name: &str) -> Result<(), (String, String)> {
    if lukhas_redact::entities().any(|entity| entity == name) {
        return Ok(());
    }
    let help = match closest(name, lukhas_redact::entities()) {
        Some(entity) => format!("did you mean `{entity}`?"),
        None => "docs/security/redaction.md lists what can be found".to_owned(),
    };
    let message = format!("no detector finds `{}`", excerpt(name));
    Err((message, help))
}

/// What is wrong with all of it, though no part of it is.
fn together(error: &RulesError) -> Problem {
    Problem::new(Origin::Flag("--patterns"), error.to_string()).with_help("use fewer patterns")
}

/// The patterns in the file at `path`, or what is wrong with them; an error is a defect.
fn patterns(path: &Path) -> Result<Result<Vec<CustomPattern>, Vec<Problem>>, AppError> {
    let named_by = Problem::new(Origin::Flag("--patterns"), "");
    let file = match crate::config::read_file(path, &named_by) {
        Ok(file) => file,
        Err(problem) => return Ok(Err(vec![problem])),
    };
    let shape = Shape::of::<PatternsConfig>()?;
    let problems = check(&file, &shape, &shape);
    if !problems.is_empty() {
        return Ok(Err(problems));
    }
    let layer = Layer::new("patterns", file.clone());
    let config: PatternsConfig = match Figment::from(&layer).extract() {
        Ok(config) => config,
        Err(error) => {
            let problem = Problem::new(file.origin.clone(), error.kind.to_string());
            return Ok(Err(vec![problem]));
        }
    };
    let (mut patterns, mut problems) = (Vec::new(), Vec::new());
    for (index, pattern) in config.patterns.into_iter().enumerate() {
        match custom(&file, index, pattern) {
            Ok(pattern) => patterns.push(pattern),
            Err(problem) => problems.push(problem),
        }
    }
    Ok(if problems.is_empty() {
        Ok(patterns)
    } else {
        Err(problems)
    })
}

fn custom(file: &Node, index: usize, config: PatternConfig) -> Result<CustomPattern, Problem> {
    pattern(config).map_err(|(member, message)| {
        let at = index.to_string();
        let path = ["patterns", &at, member];
        let node = file.get(&path).or(file.get(&path[..2])).unwrap_or(file);
        Problem::new(node.origin.clone(), message)
            .with_key(path.join("."))
            .with_help(PATTERN_HELP)
    })
}

const PATTERN_HELP: &str = "docs/security/redaction.md says what a pattern may be";

/// The pattern that `config` writes; else the member at fault, and what is wrong with it.
fn pattern(config: PatternConfig) -> Result<CustomPattern, (&'static str, String)> {
    let kind = match config.kind {
        KindConfig::Pii => Kind::Pii,
        KindConfig::Secret => Kind::Secret,
    };
    let pattern = CustomPattern::new(&config.entity, &config.pattern).map_err(|fault| {
        let member = match fault {
            PatternFault::Name => "entity",
            _ => "pattern",
        };
        (member, fault.to_string())
    })?;
    Ok(pattern.with_kind(kind).with_context(config.context))
}

/// The stages that everything passes that is told of requests, which count in `metrics`.
///
/// # Errors
/// [`Problems`] with everything that is wrong with `config`, each at its place.
pub(crate) fn stages(
    config: &RedactionConfig,
    origins: &Origins,
    metrics: &Metrics,
) -> Result<Redactions, Problems> {
    let of = |profile| stage(config, profile, origins).map(|stage| stage.counted_in(metrics));
    Ok(Redactions {
        logs: of(Profile::Logs)?,
        upstream: of(Profile::Upstream)?,
        client: of(Profile::Client)?,
    })
}

fn stage(
    config: &RedactionConfig,
    profile: Profile,
    origins: &Origins,
) -> Result<Redaction, Problems> {
    if config.entities.is_empty() && config.patterns.is_empty() {
        return Ok(Redaction::new(profile));
    }
    let mut problems = Vec::new();
    let mut problem = |key: String, message: String, help: String| {
        let problem = Problem::new(origins.get(&key), message).with_key(key);
        problems.push(problem.with_help(help));
    };
    let mut rules = RulesConfig::new(profile);
    for (index, name) in config.entities.iter().enumerate() {
        match entity(name) {
            Ok(()) => rules = rules.with_entity(name),
            Err((message, help)) => problem(format!("redaction.entities.{index}"), message, help),
        }
    }
    for (index, written) in config.patterns.iter().enumerate() {
        match pattern(written.clone()) {
            Ok(pattern) => rules = rules.with_pattern(pattern),
            Err((member, message)) => {
                let key = format!("redaction.patterns.{index}.{member}");
                problem(key, message, PATTERN_HELP.to_owned());
            }
        }
    }
    Problems::none_of(problems)?;
    let stage = Redaction::with_rules(rules).map_err(|error| {
        let problem = Problem::new(origins.get("redaction.patterns"), error.to_string());
        problem
            .with_key("redaction.patterns")
            .with_help("use fewer patterns")
    })?;
    Ok(stage)
}
