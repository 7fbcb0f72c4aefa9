// SPDX-License-Identifier: Apache-2.0
//! Further names of models.

use std::collections::BTreeMap;

use super::problem;
use crate::config::{ModelConfig, ModelsConfig, Problem, closest, excerpt};
use crate::models::{CHAT_MODEL, EMBEDDING_MODEL};

/// Most characters of an alias.
const MAX_CHARS: usize = 128;

/// Further names of models, each for a model that exists.
#[derive(Clone, Debug, Default)]
pub struct Aliases {
    chat: BTreeMap<String, String>,
    embedding: BTreeMap<String, String>,
}

impl Aliases {
    /// Names for models that answer.
    #[must_use]
    pub fn chat(&self) -> &BTreeMap<String, String> {
        &self.chat
    }

    /// Names for models that embed.
    #[must_use]
    pub fn embedding(&self) -> &BTreeMap<String, String> {
        &self.embedding
    }
}

impl TryFrom<ModelsConfig> for Aliases {
    type Error = Vec<Problem>;

    fn try_from(config: ModelsConfig) -> Result<Self, Vec<Problem>> {
        let mut aliases = Self::default();
        let mut problems = Vec::new();
        for (alias, model) in config.aliases {
            match check(&alias, &model, &config.table) {
                Err(problem) => problems.push(problem),
                Ok(Kind::Chat) => drop(aliases.chat.insert(alias, model)),
                Ok(Kind::Embedding) => drop(aliases.embedding.insert(alias, model)),
            }
        }
        if problems.is_empty() {
            Ok(aliases)
        } else {
            Err(problems)
        }
    }
}

enum Kind {
    Chat,
    Embedding,
}

fn check(alias: &str, model: &str, table: &BTreeMap<String, ModelConfig>) -> Result<Kind, Problem> {
    let key = format!("models.aliases.{alias}");
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/".contains(c);
    if alias.is_empty() || alias.len() > MAX_CHARS || !alias.chars().all(plain) {
        let message = format!(
            "`{}` is not a model's name: 1 to {MAX_CHARS} letters, digits, `-`, `_`, `.`, `:` or `/`",
            excerpt(alias)
        );
        return Err(problem(&key, message));
    }
    if [CHAT_MODEL, EMBEDDING_MODEL].contains(&alias) || table.contains_key(alias) {
        return Err(problem(&key, format!("`{alias}` is a model already")));
    }
    match model {
        CHAT_MODEL => Ok(Kind::Chat),
        EMBEDDING_MODEL => Ok(Kind::Embedding),
        _ if table.contains_key(model) => Ok(Kind::Chat),
        _ => Err(unknown(&key, model, table)),
    }
}

fn unknown(key: &str, model: &str, table: &BTreeMap<String, ModelConfig>) -> Problem {
    let named = table.keys().map(String::as_str);
    let help = match closest(
        model,
        [CHAT_MODEL, EMBEDDING_MODEL].into_iter().chain(named),
    ) {
        Some(best) => format!("did you mean `{best}`?"),
        None => format!("there are `{CHAT_MODEL}` and `{EMBEDDING_MODEL}`"),
    };
    let message = format!("there is no model `{}`", excerpt(model));
    problem(key, message).with_help(help)
}
