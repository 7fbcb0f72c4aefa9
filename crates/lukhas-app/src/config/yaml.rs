// SPDX-License-Identifier: Apache-2.0
//! Reading YAML into values that know their line and column.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{
    DuplicateKeyPolicy, Location, MergeKeyPolicy, MessageFormatter, NonFiniteFloatPolicy, Options,
    Spanned, UserMessageFormatter,
};

use crate::config::node::{Entry, excerpt};
use crate::config::{Node, Origin, Problem, Value};

/// Largest configuration file.
const MAX_BYTES: u64 = 1 << 20;

/// Reads the file at `path`, named by `named_by`.
///
/// # Errors
/// A [`Problem`] with line and column when the file cannot be read or is not one YAML mapping.
pub(crate) fn read_file(path: &Path, named_by: &Problem) -> Result<Node, Problem> {
    let origin = Origin::file(&Arc::from(path));
    let text = read_text(path, &origin).map_err(|fault| match fault {
        Fault::Io(error) => Problem {
            message: format!("cannot read `{}`: {}", path.display(), reason(&error)),
            ..named_by.clone()
        },
        Fault::Content(problem) => problem,
    })?;
    let node = parse(&text, &origin)?;
    match node.value {
        Value::Map(_) => Ok(node),
        Value::Null => Err(empty(origin)),
        Value::Bool(_)
        | Value::Integer(_)
        | Value::Fraction(_)
        | Value::Text(_)
        | Value::List(_) => Err(Problem::new(
            node.origin,
            format!(
                "expected settings (`key: value` lines), found {}",
                node.value
            ),
        )),
    }
}

/// Reads `text` as one YAML document.
///
/// # Errors
/// A [`Problem`] at the place of the mistake.
pub(crate) fn parse(text: &str, origin: &Origin) -> Result<Node, Problem> {
    let raw = serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options());
    match raw {
        Ok(raw) => Ok(node(raw, text, origin)),
        Err(error) => Err(syntax(&error, text, origin)),
    }
}

enum Fault {
    Io(io::Error),
    Content(Problem),
}

fn read_text(path: &Path, origin: &Origin) -> Result<String, Fault> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(Fault::Io)?;
    // One byte more than allowed tells "exactly the limit" from "more"; the length that the file
    // system reports is no use for pipes and devices.
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(Fault::Io)?;
    if bytes.len() as u64 > MAX_BYTES {
        let message = format!("the file is too large: more than {MAX_BYTES} bytes");
        return Err(Fault::Content(Problem::new(origin.clone(), message)));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.split(|byte| *byte == b'\n').count() as u64;
        let start = valid
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let column = String::from_utf8_lossy(&valid[start..]).chars().count() as u64 + 1;
        let problem = Problem::new(origin.at(line, column), "the file is not UTF-8 text");
        Fault::Content(problem.with_help("save it in the encoding UTF-8"))
    })
}

/// Why a file cannot be read, in words that are the same on every system.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "no permission".to_owned(),
        io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        _ => error.to_string(),
    }
}

fn empty(origin: Origin) -> Problem {
    Problem::new(origin, "the file is empty")
        .with_help("write at least one setting, or do not name the file")
}

/// Tight limits: a configuration has no use for deep nesting, and none for thousands of aliases.
fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_documents: 1,
            max_depth: 16,
            flow_nesting_limit: 16,
            max_nodes: 20_000,
            max_events: 100_000,
            max_anchors: 100,
            max_aliases: 100,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 10_000,
            max_replay_stack_depth: 4,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::Error,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        strict_booleans: true,
        with_snippet: false,
    }
}

fn syntax(error: &serde_saphyr::Error, text: &str, origin: &Origin) -> Problem {
    if text.lines().all(|line| {
        let line = line.trim();
        line.is_empty() || line.starts_with('#')
    }) {
        return empty(origin.clone());
    }
    let origin = match error.location() {
        Some(place) if place != Location::UNKNOWN => origin.at(place.line(), place.column()),
        _ => origin.clone(),
    };
    use serde_saphyr::Error;
    let mut cause = error;
    while let Error::AliasError { error, .. } | Error::WithSnippet { error, .. } = cause {
        cause = error;
    }
    let message = match cause {
        Error::MultipleDocuments { .. }
        | Error::Budget {
            breach: BudgetBreach::Documents { .. },
            ..
        } => "more than one document (`---`)".to_owned(),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            "too many values, levels or repetitions for a configuration".to_owned()
        }
        error => format!(
            "not valid YAML: {}",
            excerpt(&UserMessageFormatter.format_message(error))
        ),
    };
    Problem::new(origin, message)
}

/// What the parser gives; [`node`] adds the text of odd numbers and the origin.
enum Raw {
    Null,
    Bool(bool),
    Integer(i128),
    Fraction(f64),
    Text(String),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

fn node(raw: Spanned<Raw>, text: &str, file: &Origin) -> Node {
    let place = raw.referenced;
    let origin = file.at(place.line(), place.column());
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Bool(value) => Value::Bool(value),
        Raw::Integer(value) => Value::Integer(value),
        Raw::Fraction(value) => {
            Value::Fraction(source(place, text).map_or_else(|| value.to_string(), str::to_owned))
        }
        Raw::Text(value) => Value::Text(value),
        Raw::List(items) => Value::List(
            items
                .into_iter()
                .map(|item| node(item, text, file))
                .collect(),
        ),
        Raw::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| Entry {
                    origin: file.at(key.referenced.line(), key.referenced.column()),
                    key: key.value,
                    node: node(value, text, file),
                })
                .collect(),
        ),
    };
    Node::new(origin, value)
}

/// The characters at `place`, so that a message shows `1e309` and not `inf`.
fn source(place: Location, text: &str) -> Option<&str> {
    let span = place.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let length = usize::try_from(span.byte_len()?).ok()?;
    let text = text.get(start..start.checked_add(length)?)?.trim();
    (!text.is_empty()).then_some(text)
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Integer(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Fraction(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}
