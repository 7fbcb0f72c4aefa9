// SPDX-License-Identifier: Apache-2.0
//! Which tools a request calls, and with what.

use std::collections::HashSet;
use std::sync::Arc;

use lukhas_core::{RunError, ToolChoice, ToolMode, ToolSpec};
use serde_json::Value;

use crate::answer::arithmetic_in;
use crate::schema::{Wishes, instance};
use crate::turn::Turn;
use crate::words::{identifier_words, is_stop_word, stem, words};

/// The score from which on a tool is called without having to be.
///
/// A word of the message that is in the tool's name scores 3, or 1 when it is a verb that many
/// tools have in their names; one in its description 1, at most 3 in all; one in the names and
/// descriptions of its parameters 1, at most 2 in all. Words count once, by their stems, and stop
/// words not at all.
const RELEVANT: u32 = 3;

/// Verbs and nouns of tool names that tell nothing about what a tool is for.
const GENERIC: &[&str] = &[
    "get", "set", "fetch", "make", "do", "run", "use", "call", "tool", "function", "api", "current",
    "list", "show", "find", "create", "update", "delete", "new", "data", "info", "value", "name",
];

/// Words that a message with arithmetic in it is about.
const ARITHMETIC: &[&str] = &["calculate", "calculator", "math", "arithmetic", "compute", "evaluate"];

/// The tools to call, in order; none for an answer in text.
pub(crate) fn tools<'r>(turn: &Turn<'r>) -> Result<Vec<(usize, &'r Arc<ToolSpec>)>, RunError> {
    let request = turn.request;
    let (must, names) = match &request.tool_choice {
        ToolChoice::None => return Ok(Vec::new()),
        ToolChoice::Auto => (false, None),
        ToolChoice::Required => (true, None),
        ToolChoice::Function(name) => (true, Some(std::slice::from_ref(name))),
        ToolChoice::Allowed { mode, names } => (*mode == ToolMode::Required, Some(names.as_slice())),
    };
    // A loop of calls must come to an end: what a tool gave is answered in text.
    if request.tools.is_empty() && !must || !must && turn.outputs().next().is_some() {
        return Ok(Vec::new());
    }
    let tools = request.tools.iter().enumerate();
    let eligible = tools.filter(|(_, tool)| names.is_none_or(|names| names.contains(&tool.name)));
    let message = message_stems(&turn.text);
    let mut scored: Vec<_> = eligible.map(|tool| (Score::of(tool.1, &message), tool)).collect();
    // The sort is stable: among equals the first tool is called.
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(score.total));
    let Some((best, rest)) = scored.split_first() else {
        let error = "no tool can be called, but one has to be";
        return if must { Err(RunError::invalid("tool_choice", error)) } else { Ok(Vec::new()) };
    };
    if !must && best.0.total < RELEVANT {
        return Ok(Vec::new());
    }
    let mut chosen = vec![best];
    if request.parallel_tool_calls && best.0.total >= RELEVANT {
        for other in rest.iter().filter(|(score, _)| score.total >= RELEVANT) {
            // Asked for by name, by a word that no other tool has taken.
            let own = |stem: &String| !chosen.iter().any(|(score, _)| score.telling.contains(stem));
            if other.0.telling.iter().any(own) {
                chosen.push(other);
            }
        }
    }
    Ok(chosen.into_iter().map(|(_, tool)| *tool).collect())
}

/// Arguments for `tool`, the tool at `index`: a JSON text that is valid under its parameters.
pub(crate) fn arguments(turn: &Turn<'_>, index: usize, tool: &ToolSpec) -> Result<String, RunError> {
    let Some(parameters) = &tool.parameters else {
        return Ok("{}".to_owned());
    };
    let wishes = Wishes {
        text: &turn.material(),
        seed: turn.seed(),
        complete: tool.strict == Some(true),
        object: true,
    };
    instance(parameters, wishes)
        .map(|arguments| arguments.to_string())
        .map_err(|error| error.into_run_error(&format!("tools[{index}].parameters")))
}

/// The stems of what a message is about.
fn message_stems(text: &str) -> HashSet<String> {
    let mut stems: HashSet<_> = words(text)
        .map(str::to_lowercase)
        .filter(|word| !is_stop_word(word))
        .map(|word| stem(&word))
        .collect();
    if arithmetic_in(text).is_some() {
        stems.extend(ARITHMETIC.iter().map(|word| stem(word)));
    }
    stems
}

/// How well a tool suits a message.
struct Score {
    total: u32,
    /// The stems of its name that the message has and that tell it from others.
    telling: Vec<String>,
}

impl Score {
    fn of(tool: &ToolSpec, message: &HashSet<String>) -> Self {
        let mut seen = HashSet::new();
        let mut said = |word: &str| {
            let lower = word.to_lowercase();
            let stem = stem(&lower);
            (!is_stop_word(&lower) && message.contains(&stem) && seen.insert(stem.clone()))
                .then_some(stem)
        };
        let mut score = Self { total: 0, telling: Vec::new() };
        let name = identifier_words(&tool.name);
        let all_generic = name.iter().all(|word| GENERIC.contains(&word.as_str()));
        for word in &name {
            let Some(stem) = said(word) else {
                continue;
            };
            if GENERIC.contains(&word.as_str()) && !all_generic {
                score.total += 1;
            } else {
                score.total += 3;
                score.telling.push(stem);
            }
        }
        let description = tool.description.as_deref().unwrap_or_default();
        let described = words(description).filter_map(&mut said).take(3).count();
        let parameters = parameter_words(tool).iter().filter_map(|word| said(word)).take(2).count();
        score.total += u32::try_from(described + parameters).unwrap_or(0);
        score
    }
}

/// The words of the parameters' names and descriptions.
fn parameter_words(tool: &ToolSpec) -> Vec<String> {
    let properties = tool.parameters.as_ref().and_then(|parameters| parameters.get("properties"));
    let mut found = Vec::new();
    for (name, schema) in properties.and_then(Value::as_object).into_iter().flatten() {
        found.extend(identifier_words(name));
        let description = schema.get("description").and_then(Value::as_str);
        found.extend(words(description.unwrap_or_default()).map(str::to_owned));
    }
    found
}
