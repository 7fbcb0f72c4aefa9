// SPDX-License-Identifier: Apache-2.0
//! Validates values against a schema and its parts, within bounds.

use std::collections::HashMap;

use jsonschema::{Draft, PatternOptions, Registry, ValidationOptions, Validator};
use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::{Value, json};

use super::SchemaError;
use super::document::{Document, address};
use super::keywords::{Key, Place, Subschema, subschemas};

/// Steps that a backtracking pattern may take on one text.
const BACKTRACK_LIMIT: usize = 20_000;
/// Bytes that one compiled pattern may take.
const PATTERN_SIZE: usize = 1 << 20;
/// States that all patterns together may take, roughly.
const MOST_STATES: usize = 100_000;
/// Patterns with look-around or back references, which are costlier.
const MOST_FANCY: usize = 16;
/// Schemas that a validation may visit.
const MOST_VISITS: u32 = 200_000;
/// The same where there are patterns that backtrack, on texts that somebody else has written.
const MOST_FANCY_VISITS: u32 = 2_000;
/// Schemas that a validation may be inside of at once: each takes stack.
const DEEPEST_VISIT: u32 = 200;
/// Where references to the schema's parts start.
const BASE: &str = "lukhas:///schema";

/// Work that one generation may cost.
const FUEL: u32 = 150_000;

/// The work is more than one generation may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exhausted;

/// Validates against a schema and its parts.
pub(super) struct Checker<'d, 's> {
    document: &'d Document<'s>,
    draft: Draft,
    asserts_formats: bool,
    root: Validator,
    /// The schema as its draft has it, when that differs.
    standard: Option<Validator>,
    registry: Option<Registry<'s>>,
    parts: HashMap<usize, Option<Validator>>,
    patterns: HashMap<&'s str, Option<Validator>>,
    fuel: u32,
}

impl<'d, 's> Checker<'d, 's> {
    /// Compiles the schema. With `asserts_formats`, formats bind although newer drafts leave that
    /// open.
    pub(super) fn new(
        document: &'d Document<'s>,
        asserts_formats: bool,
    ) -> Result<Self, SchemaError> {
        bound_patterns(&document.patterns)?;
        let draft = Draft::default().detect(document.root);
        let root = build(document.root, asserts_formats)?;
        let differs = asserts_formats && document.has_formats;
        let standard = differs.then(|| build(document.root, false)).transpose()?;
        Ok(Self {
            document,
            draft,
            asserts_formats,
            root,
            standard,
            registry: None,
            parts: HashMap::new(),
            patterns: HashMap::new(),
            fuel: FUEL,
        })
    }

    /// Takes `work` from what the generation may cost.
    pub(super) fn spend(&mut self, work: u32) -> Result<(), Exhausted> {
        self.fuel = self.fuel.checked_sub(work).ok_or(Exhausted)?;
        Ok(())
    }

    /// Whether `value` is an instance of the whole schema.
    pub(super) fn is_instance(&self, value: &Value) -> bool {
        bound_visits(self.document, value, MOST_VISITS).is_ok()
            && self.root.is_valid(value)
            && self
                .standard
                .as_ref()
                .is_none_or(|standard| standard.is_valid(value))
    }

    /// Whether `value` is an instance of `schema`, a part of the whole one.
    pub(super) fn is_valid(&mut self, schema: &'s Value, value: &Value) -> Result<bool, Exhausted> {
        if let Value::Bool(anything) = schema {
            return Ok(*anything);
        }
        visit(self.document, schema, value, &mut self.fuel, 0)?;
        if !self.parts.contains_key(&address(schema)) {
            self.spend(100)?;
            let validator = self.compile(schema);
            self.parts.insert(address(schema), validator);
        }
        // What cannot be checked alone is checked with the whole.
        let part = self.parts.get(&address(schema));
        Ok(part
            .and_then(Option::as_ref)
            .is_none_or(|validator| validator.is_valid(value)))
    }

    /// Whether `pattern` is found in `text`.
    pub(super) fn matches(&mut self, pattern: &'s str, text: &str) -> Result<bool, Exhausted> {
        self.spend(4)?;
        let options = options(false);
        let validator = self
            .patterns
            .entry(pattern)
            .or_insert_with(|| options.build(&json!({ "pattern": pattern })).ok());
        let text = Value::from(text);
        Ok(validator
            .as_ref()
            .is_some_and(|validator| validator.is_valid(&text)))
    }

    fn compile(&mut self, schema: &'s Value) -> Option<Validator> {
        let pointer = self.document.pointer(schema)?;
        if self.registry.is_none() {
            let registry = Registry::new()
                .draft(self.draft)
                .add(BASE, self.document.root);
            self.registry = registry.and_then(|registry| registry.prepare()).ok();
        }
        let reference = json!({ "$ref": format!("{BASE}#{}", percent_encode(pointer)) });
        options(self.asserts_formats)
            .with_draft(self.draft)
            .with_registry(self.registry.as_ref()?)
            .build(&reference)
            .ok()
    }
}

impl std::fmt::Debug for Checker<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checker")
            .field("fuel", &self.fuel)
            .finish_non_exhaustive()
    }
}

/// Where in the schema the first rule stands that `value` breaks, as a JSON pointer; `None` when it
/// is an instance.
pub(super) fn broken_rule(
    document: &Document<'_>,
    value: &Value,
) -> Result<Option<String>, SchemaError> {
    let most = match bound_patterns(&document.patterns)? {
        0 => MOST_VISITS,
        _ => MOST_FANCY_VISITS,
    };
    let validator = build(document.root, false)?;
    bound_visits(document, value, most).map_err(|Exhausted| SchemaError::Intricate)?;
    let broken = validator.validate(value).err();
    Ok(broken.map(|error| shortened(error.schema_path().to_string())))
}

fn options<'r>(asserts_formats: bool) -> ValidationOptions<'r> {
    let patterns = PatternOptions::fancy_regex()
        .backtrack_limit(BACKTRACK_LIMIT)
        .size_limit(PATTERN_SIZE)
        .dfa_size_limit(PATTERN_SIZE);
    let options = jsonschema::options()
        .offline()
        .with_pattern_options(patterns);
    if asserts_formats {
        options.should_validate_formats(true)
    } else {
        options
    }
}

fn build(schema: &Value, asserts_formats: bool) -> Result<Validator, SchemaError> {
    options(asserts_formats)
        .build(schema)
        .map_err(|error| SchemaError::Invalid {
            path: format!("#{}", error.instance_path()),
            reason: reason(&error),
        })
}

/// What is wrong, without the values that may be long.
fn reason(error: &jsonschema::ValidationError<'_>) -> String {
    shortened(error.to_string())
}

fn shortened(mut text: String) -> String {
    const LONGEST: usize = 200;
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push('…');
    }
    text
}

/// Refuses what would visit more schemas than `most`.
fn bound_visits(document: &Document<'_>, value: &Value, most: u32) -> Result<(), Exhausted> {
    let mut visits = most;
    visit(document, document.root, value, &mut visits, 0)
}

/// Counts the schemas that validating `value` visits, and how deep it goes: validation itself
/// cannot be stopped.
fn visit(
    document: &Document<'_>,
    schema: &Value,
    value: &Value,
    left: &mut u32,
    depth: u32,
) -> Result<(), Exhausted> {
    *left = left
        .checked_sub(1)
        .filter(|_| depth < DEEPEST_VISIT)
        .ok_or(Exhausted)?;
    for target in document.targets(schema) {
        visit(document, target, value, left, depth + 1)?;
    }
    let Some(map) = schema.as_object() else {
        return Ok(());
    };
    let mut result = Ok(());
    subschemas(map, &mut |sub| {
        for value in places(&sub, value) {
            result = result.and_then(|()| visit(document, sub.schema, value, left, depth + 1));
        }
    });
    result
}

/// The values that a subschema applies to, or may apply to, in a value of the schema around it.
fn places<'v>(sub: &Subschema<'_>, value: &'v Value) -> Vec<&'v Value> {
    match (sub.place, sub.key, value) {
        (Place::Apart, ..) => Vec::new(),
        (Place::Here, ..) => vec![value],
        (Place::Inside, Key::Name(name), Value::Object(map)) if sub.keyword == "properties" => {
            Vec::from_iter(map.get(name))
        }
        (Place::Inside, Key::Index(at), Value::Array(list)) => Vec::from_iter(list.get(at)),
        (Place::Inside, _, Value::Object(map)) => map.values().collect(),
        (Place::Inside, _, Value::Array(list)) => list.iter().collect(),
        (Place::Inside, ..) => Vec::new(),
    }
}

/// Refuses patterns that are too large together, and counts those that backtrack.
fn bound_patterns(patterns: &[&str]) -> Result<usize, SchemaError> {
    let mut states = 0_usize;
    let mut fancy = 0;
    for pattern in patterns {
        match jsonschema_regex::to_rust_regex(pattern)
            .ok()
            .and_then(|p| regex_syntax::parse(&p).ok())
        {
            Some(hir) => states = states.saturating_add(self::states(&hir)),
            None => fancy += 1,
        }
    }
    if states > MOST_STATES || fancy > MOST_FANCY {
        return Err(SchemaError::Patterns);
    }
    Ok(fancy)
}

/// How many states a compiled pattern has, roughly.
fn states(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(Class::Unicode(class)) => class.ranges().len(),
        HirKind::Class(Class::Bytes(class)) => class.ranges().len(),
        HirKind::Repetition(repetition) => {
            let times = repetition
                .max
                .unwrap_or(repetition.min.saturating_add(1))
                .max(1);
            states(&repetition.sub).saturating_mul(times as usize)
        }
        HirKind::Capture(capture) => states(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts
            .iter()
            .fold(1, |sum, part| sum.saturating_add(states(part))),
    }
}

/// `pointer` as the fragment of a URI.
fn percent_encode(pointer: &str) -> String {
    let mut text = String::with_capacity(pointer.len());
    for byte in pointer.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}
