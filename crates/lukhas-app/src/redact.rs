// SPDX-License-Identifier: Apache-2.0
//! From flags and a file of patterns to the rules of redaction.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use figment::Figment;
use lukhas_redact::{CustomPattern, Kind, Profile, Rules, RulesConfig, RulesError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::AppError;
use crate::config::{Layer, Node, Origin, Problem, Problems, Shape, check, closest, excerpt};

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

/// One of them.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct PatternConfig {
    /// What placeholders call it.
    entity: String,
    /// A regular expression of bounded length.
    pattern: String,
    /// Personal data or a secret.
    kind: KindConfig,
    /// Words of which one must stand to its left; none are needed when absent.
    context: Vec<String>,
}

/// What sort of value a pattern finds.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum KindConfig {
    /// Personal data.
    #[default]
    Pii,
    /// A key, token or password.
    Secret,
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
            Err(problem) => problems.push(problem),
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

fn entity(name: &str) -> Result<(), Problem> {
    if lukhas_redact::entities().any(|entity| entity == name) {
        return Ok(());
    }
    let message = format!("no detector finds `{}`", excerpt(name));
    let help = match closest(name, lukhas_redact::entities()) {
        Some(entity) => format!("did you mean `{entity}`?"),
        None => "docs/security/redaction.md lists what can be found".to_owned(),
    };
    Err(Problem::new(Origin::Flag("--entity"), message).with_help(help))
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
    let kind = match config.kind {
        KindConfig::Pii => Kind::Pii,
        KindConfig::Secret => Kind::Secret,
    };
    let pattern = CustomPattern::new(&config.entity, &config.pattern).map_err(|fault| {
        let at = index.to_string();
        let member = match fault {
            lukhas_redact::PatternFault::Name => "entity",
            _ => "pattern",
        };
        let path = ["patterns", &at, member];
        let node = file.get(&path).or(file.get(&path[..2])).unwrap_or(file);
        Problem::new(node.origin.clone(), fault.to_string())
            .with_key(path.join("."))
            .with_help("docs/security/redaction.md says what a pattern may be")
    })?;
    Ok(pattern.with_kind(kind).with_context(config.context))
}
