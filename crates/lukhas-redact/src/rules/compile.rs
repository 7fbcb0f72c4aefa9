// SPDX-License-Identifier: Apache-2.0
//! From tables and custom patterns to automata.

use std::sync::Arc;

use regex_automata::MatchKind;
use regex_automata::hybrid::dfa::{self, DFA};
use regex_automata::nfa::thompson::{self, NFA, WhichCaptures};
use regex_automata::util::pool::Pool;
use regex_syntax::hir::{Hir, Look};

use super::pattern::{self, Alphabet, Bytes};
use super::search::Starts;
use super::{Compiled, CustomPattern, MakeCache, Row, RowContext, RowValue};
use crate::context::{self, Context, Words};
use crate::detector::{Detector, whole};
use crate::detectors;
use crate::finding::{Kind, Rule};
use crate::placeholder;
use crate::profile::Profile;

/// Which detectors there are.
#[derive(Clone, Debug)]
pub struct RulesConfig {
    profile: Profile,
    entities: Vec<String>,
    patterns: Vec<CustomPattern>,
}

/// Why rules cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// No detector finds it.
    #[error("no detector finds `{0}`")]
    UnknownEntity(String),
    /// There are too many custom patterns, or context words of one.
    #[error("{what}: {count} are more than {most}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many may be.
        most: usize,
    },
    /// All patterns together make an automaton that is too large.
    #[error("the patterns together are too large")]
    TooLarge(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Bytes of the automaton of all patterns at most.
const MAX_SIZE: usize = 32 * 1024 * 1024;
/// Bytes that a running automaton may take to remember its states.
const CACHE_SIZE: usize = 8 * 1024 * 1024;

impl RulesConfig {
    /// The detectors of `profile`.
    #[must_use]
    pub const fn new(profile: Profile) -> Self {
        Self {
            profile,
            entities: Vec::new(),
            patterns: Vec::new(),
        }
    }

    /// And those that find `entity`, which may be one that no profile has.
    #[must_use]
    pub fn with_entity(mut self, entity: impl Into<String>) -> Self {
        self.entities.push(entity.into());
        self
    }

    /// And `pattern`.
    #[must_use]
    pub fn with_pattern(mut self, pattern: CustomPattern) -> Self {
        self.patterns.push(pattern);
        self
    }

    fn wants(&self, detector: &Detector) -> bool {
        let named = self.entities.iter().any(|name| name == detector.entity);
        named || self.profile.has(detector)
    }
}

/// A row and its syntax tree.
type Line = (Row, Hir);

pub(super) fn compile(config: &RulesConfig) -> Result<Compiled, RulesError> {
    check_counts(config)?;
    for name in &config.entities {
        if !crate::profile::entities().any(|entity| entity == name) {
            return Err(RulesError::UnknownEntity(name.clone()));
        }
    }
    let mut lines = Vec::new();
    let built_in = detectors::all().filter(|detector| config.wants(detector));
    for detector in built_in {
        lines.push(of_detector(detector)?);
    }
    lines.extend(config.patterns.iter().map(of_custom));
    // First, for nothing is a value that begins where a placeholder does.
    lines.insert(0, of_placeholders(config)?);
    assemble(lines)
}

fn check_counts(config: &RulesConfig) -> Result<(), RulesError> {
    let patterns = &config.patterns;
    let words = patterns.iter().map(|custom| custom.context.len()).max();
    for (what, count, most) in [
        ("patterns", patterns.len(), CustomPattern::MAX_COUNT),
        (
            "context words of a pattern",
            words.unwrap_or(0),
            CustomPattern::MAX_CONTEXT,
        ),
    ] {
        if count > most {
            return Err(RulesError::TooMany { what, count, most });
        }
    }
    Ok(())
}

fn of_detector(detector: &Detector) -> Result<Line, RulesError> {
    let tree = pattern::parse(detector.pattern, Alphabet::Ascii);
    let tree = tree.and_then(|tree| pattern::admit(&tree));
    // A test holds that no row of the tables fails.
    let tree = tree.map_err(|fault| RulesError::TooLarge(fault.into()))?;
    let ending = match detector.tail {
        Some(_) => Ending::Any,
        None => Ending::Word,
    };
    let row = Row {
        value: value(detector.kind, detector.entity, detector.rule),
        check: detector.check,
        context: of_context(detector),
        score: detector.score,
        tail: detector.tail,
        first: pattern::first_bytes(&tree),
    };
    Ok((row, words(tree, ending)))
}

fn of_context(detector: &Detector) -> RowContext {
    let raised = context::raised(detector.score);
    let words = |words: &[&str]| Words::new(words.iter().copied());
    match detector.context {
        Context::Free => RowContext::Free,
        Context::Raises(all) => RowContext::Raises(words(all), raised),
        Context::Required(all) => RowContext::Required(words(all), raised),
    }
}

fn of_custom(custom: &CustomPattern) -> Line {
    let context = match custom.context.as_slice() {
        [] => RowContext::Free,
        words => RowContext::Required(Words::new(words), 1.0),
    };
    let row = Row {
        value: value(custom.kind, &custom.entity, "custom"),
        check: whole,
        context,
        score: 1.0,
        tail: None,
        first: custom.first,
    };
    (row, custom.tree.clone())
}

/// Placeholders of every entity there is, whether it is looked for or not.
fn of_placeholders(config: &RulesConfig) -> Result<Line, RulesError> {
    let mut names: Vec<&str> = crate::profile::entities().collect();
    names.extend(config.patterns.iter().map(|custom| custom.entity.as_str()));
    let text = placeholder::pattern(&names);
    let tree = pattern::parse(&text, Alphabet::Ascii);
    let tree = tree.map_err(|fault| RulesError::TooLarge(fault.into()))?;
    let row = Row {
        value: RowValue::Placeholder,
        check: whole,
        context: RowContext::Free,
        score: 1.0,
        tail: None,
        first: pattern::first_bytes(&tree),
    };
    Ok((row, tree))
}

fn value(kind: Kind, entity: &str, name: &str) -> RowValue {
    let mut placeholder = String::new();
    placeholder::write(&mut placeholder, entity, None);
    let rule = Rule {
        kind,
        entity: entity.to_owned(),
        name: name.to_owned(),
    };
    RowValue::Entity {
        rule: Arc::new(rule),
        placeholder,
    }
}

/// Where a match may end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ending {
    /// Where a word ends.
    Word,
    /// Anywhere: a tail follows.
    Any,
}

/// `tree` where a word begins, or behind the escape of white space in JSON.
pub(super) fn words(tree: Hir, ending: Ending) -> Hir {
    let escapes = ["\\n", "\\r", "\\t"].map(|escape| Hir::literal(escape.as_bytes()));
    let mut starts = vec![Hir::look(Look::WordStartHalfAscii)];
    starts.extend(escapes);
    let end = match ending {
        Ending::Word => Hir::look(Look::WordEndHalfAscii),
        Ending::Any => Hir::empty(),
    };
    Hir::concat(vec![Hir::alternation(starts), tree, end])
}

fn assemble(lines: Vec<Line>) -> Result<Compiled, RulesError> {
    let (rows, trees): (Vec<_>, Vec<_>) = lines.into_iter().unzip();
    let config = dfa::Config::new()
        .match_kind(MatchKind::LeftmostFirst)
        .starts_for_each_pattern(true)
        .cache_capacity(CACHE_SIZE);
    let automaton = DFA::builder()
        .configure(config)
        .build_from_nfa(nfa(&trees, MAX_SIZE)?)
        .map_err(too_large)?;
    let caches = {
        let automaton = automaton.clone();
        let make: MakeCache = Box::new(move || automaton.create_cache());
        Pool::new(make)
    };
    let starts = starts(&rows);
    Ok(Compiled {
        rows,
        automaton,
        starts,
        caches,
    })
}

/// Placeholders begin anywhere, all else where a word may begin.
fn starts(rows: &[Row]) -> Starts {
    let (mut first, mut anywhere) = (Bytes::default(), Bytes::default());
    for row in rows {
        match row.value {
            RowValue::Placeholder => anywhere.add_all(row.first),
            RowValue::Entity { .. } => first.add_all(row.first),
        }
    }
    Starts::new(first, anywhere)
}

/// The automaton that reads any of `trees`.
pub(super) fn nfa(trees: &[Hir], limit: usize) -> Result<NFA, RulesError> {
    let config = thompson::Config::new()
        .which_captures(WhichCaptures::None)
        .nfa_size_limit(Some(limit));
    let nfa = thompson::Compiler::new()
        .configure(config)
        .build_many_from_hir(trees);
    nfa.map_err(too_large)
}

fn too_large(error: impl std::error::Error + Send + Sync + 'static) -> RulesError {
    RulesError::TooLarge(Box::new(error))
}
