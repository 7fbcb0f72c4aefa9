// SPDX-License-Identifier: Apache-2.0
//! Which tools a request calls, and with what.

use std::collections::HashSet;
use std::sync::Arc;

use lukhas_core::{RunError, ToolChoice, ToolMode, ToolSpec};
use serde_json::Value;

use crate::answer::arithmetic_in;
use crate::schema::{Wishes, instance};
use crate::source::Source;
use crate::turn::Turn;
use crate::words::{identifier_words, is_stop_word, stem, words};

/// The score from which on a tool is called without having to be.
///
/// A word of the message that is in the tool's name scores 3, or 1 when it is a word that many
/// tools have in their names; one in its description 1, at most 3 in all; one in the names,
/// descriptions and values of its parameters 1, at most 2 in all. Words count once, by their stems,
/// and stop words not at all. When a word scored, a value for a parameter (`in Paris` for a city)
/// scores 2 more.
const RELEVANT: u32 = 3;

/// Verbs and nouns of tool names that tell nothing about what a tool is for.
const GENERIC: &[&str] = &[
    "get", "set", "fetch", "make", "do", "run", "use", "call", "tool", "function", "api",
    "current", "list", "show", "find", "create", "update", "delete", "new", "data", "info",
    "value", "name",
];

/// Words that a message with arithmetic in it is about.
const ARITHMETIC: &[&str] = &[
    "calculate",
    "calculator",
    "math",
    "arithmetic",
    "compute",
    "evaluate",
];

/// A tool and its place in the request.
type Placed<'r> = (usize, &'r Arc<ToolSpec>);

/// The tools to call, in order; none for an answer in text.
pub(crate) fn tools<'r>(turn: &Turn<'r>) -> Result<Vec<Placed<'r>>, RunError> {
    let request = turn.request;
    let (must, names) = match &request.tool_choice {
        ToolChoice::None => return Ok(Vec::new()),
        ToolChoice::Auto => (false, None),
        ToolChoice::Required => (true, None),
        ToolChoice::Function(name) => (true, Some(std::slice::from_ref(name))),
        ToolChoice::Allowed { mode, names } => {
            (*mode == ToolMode::Required, Some(names.as_slice()))
        }
    };
    // A loop of calls must come to an end: what a tool gave is answered in text.
    if !must && (request.tools.is_empty() || turn.outputs().next().is_some()) {
        return Ok(Vec::new());
    }
    let tools = request.tools.iter().enumerate();
    let scored = scored(
        tools.filter(|(_, tool)| names.is_none_or(|names| names.contains(&tool.name))),
        &Asked::by(&turn.text),
    );
    if scored.is_empty() && must {
        let error = "no tool can be called, but one has to be";
        return Err(RunError::invalid("tool_choice", error));
    }
    let mut chosen = relevant(&scored, request.parallel_tool_calls);
    if chosen.is_empty() && must {
        chosen.extend(scored.first().map(|(_, tool)| *tool));
    }
    Ok(chosen)
}

/// The tools with their scores, best first; among equals in the order of the request.
fn scored<'r>(
    tools: impl Iterator<Item = Placed<'r>>,
    message: &Asked<'_>,
) -> Vec<(Score, Placed<'r>)> {
    let mut scored: Vec<_> = tools
        .map(|tool| (Score::of(tool.1, message), tool))
        .collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(score.total));
    scored
}

/// The best tool if it is relevant, and in parallel those that are asked for by name, by a word
/// that no better tool has.
fn relevant<'r>(scored: &[(Score, Placed<'r>)], parallel: bool) -> Vec<Placed<'r>> {
    let mut taken: HashSet<&str> = HashSet::new();
    let mut chosen = Vec::new();
    for (score, tool) in scored.iter().filter(|(score, _)| score.total >= RELEVANT) {
        let own = score
            .telling
            .iter()
            .any(|stem| !taken.contains(stem.as_str()));
        if chosen.is_empty() || parallel && own {
            taken.extend(score.telling.iter().map(String::as_str));
            chosen.push(*tool);
        }
    }
    chosen
}

/// Arguments for `tool`, the tool at `index`: a JSON text that is valid under its parameters.
pub(crate) fn arguments(
    turn: &Turn<'_>,
    index: usize,
    tool: &ToolSpec,
) -> Result<String, RunError> {
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
        .map_err(|error| RunError::from(error).with_param(format!("tools[{index}].parameters")))
}

/// What a message is about.
struct Asked<'t> {
    stems: HashSet<String>,
    values: Source<'t>,
}

impl<'t> Asked<'t> {
    fn by(text: &'t str) -> Self {
        let mut stems: HashSet<_> = words(text)
            .map(str::to_lowercase)
            .filter(|word| !is_stop_word(word))
            .map(|word| stem(&word))
            .collect();
        if arithmetic_in(text).is_some() {
            stems.extend(ARITHMETIC.iter().map(|word| stem(word)));
        }
        let values = Source::new(text, std::iter::empty());
        Self { stems, values }
    }
}

/// How well a tool suits a message.
#[derive(Default)]
struct Score {
    total: u32,
    /// The stems of its name that the message has and that tell it from others.
    telling: Vec<String>,
}

impl Score {
    fn of(tool: &ToolSpec, message: &Asked<'_>) -> Self {
        let mut seen = HashSet::new();
        let mut said = |word: &str| {
            let lower = word.to_lowercase();
            let stem = stem(&lower);
            let new =
                !is_stop_word(&lower) && message.stems.contains(&stem) && seen.insert(stem.clone());
            new.then_some(stem)
        };
        let mut score = Self::default();
        let name = identifier_words(&tool.name);
        let is_generic = |word: &String| GENERIC.contains(&word.as_str());
        let telling = !name.iter().all(is_generic);
        for word in &name {
            match said(word) {
                Some(_) if telling && is_generic(word) => score.total += 1,
                Some(stem) => {
                    score.total += 3;
                    score.telling.push(stem);
                }
                None => {}
            }
        }
        let description = tool.description.as_deref().unwrap_or_default();
        let described = words(description).filter_map(&mut said).take(3).count();
        let parameters = parameters(tool);
        let named = parameters
            .iter()
            .flat_map(|(name, schema)| parameter_words(name, schema));
        let named = named.filter_map(|word| said(&word)).take(2).count();
        score.total += u32::try_from(described + named).unwrap_or(0);
        if score.total > 0
            && parameters
                .iter()
                .any(|(name, _)| message.values.suggests(name))
        {
            score.total += 2;
        }
        score
    }
}

/// The parameters and their schemas.
fn parameters(tool: &ToolSpec) -> Vec<(&String, &Value)> {
    let properties = tool
        .parameters
        .as_ref()
        .and_then(|schema| schema.get("properties"));
    properties
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .collect()
}

/// The words of a parameter's name, description and values.
fn parameter_words(name: &str, schema: &Value) -> Vec<String> {
    let description = schema.get("description").and_then(Value::as_str);
    let values = schema
        .get("enum")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let mut found = identifier_words(name);
    found.extend(words(description.unwrap_or_default()).map(str::to_owned));
    found.extend(values.filter_map(Value::as_str).flat_map(identifier_words));
    found
}
