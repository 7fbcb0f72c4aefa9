// SPDX-License-Identifier: Apache-2.0
//! All that schemas for one value ask of it, taken together.

use std::collections::VecDeque;

use serde_json::{Map, Value};

use super::document::Document;

/// Keywords that generation follows only so far, so that a value has to be checked.
const DELICATE: &[&str] = &[
    "contains",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "format",
    "if",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "patternProperties",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "uniqueItems",
];

/// Schemas that apply to one value.
const MOST_MAPS: usize = 1024;

/// A set of JSON types. Whole numbers are a type of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Types(u8);

impl Types {
    pub(super) const NULL: Self = Self(1);
    pub(super) const BOOLEAN: Self = Self(2);
    pub(super) const INTEGER: Self = Self(4);
    pub(super) const FRACTION: Self = Self(8);
    pub(super) const STRING: Self = Self(16);
    pub(super) const ARRAY: Self = Self(32);
    pub(super) const OBJECT: Self = Self(64);
    pub(super) const NUMBER: Self = Self(4 | 8);
    pub(super) const ALL: Self = Self(127);
    pub(super) const NONE: Self = Self(0);

    /// Whether the sets have a type in common.
    pub(super) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    fn named(name: &str) -> Self {
        match name {
            "null" => Self::NULL,
            "boolean" => Self::BOOLEAN,
            "integer" => Self::INTEGER,
            "number" => Self::NUMBER,
            "string" => Self::STRING,
            "array" => Self::ARRAY,
            "object" => Self::OBJECT,
            _ => Self::NONE,
        }
    }

    /// The types that a `type` keyword allows.
    fn allowed(keyword: &Value) -> Self {
        match keyword {
            Value::String(name) => Self::named(name),
            Value::Array(names) => names
                .iter()
                .filter_map(Value::as_str)
                .fold(Self::NONE, |all, name| all.with(Self::named(name))),
            _ => Self::ALL,
        }
    }

    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number(number) if number.is_f64() => Self::NUMBER,
            Value::Number(_) => Self::INTEGER,
            Value::String(_) => Self::STRING,
            Value::Array(_) => Self::ARRAY,
            Value::Object(_) => Self::OBJECT,
        }
    }
}

/// A point where a value can satisfy a schema in several ways.
#[derive(Clone, Copy, Debug)]
pub(super) enum Choice<'s> {
    /// One of these, as `anyOf` and `oneOf` say.
    Either(&'s [Value]),
    /// `if`, with the schema around it.
    If(&'s Map<String, Value>),
    /// This schema applies to objects that have this property.
    With(&'s str, &'s Value),
}

/// What a value must satisfy, apart from the choices still open.
#[derive(Clone, Debug)]
pub(super) struct Shape<'s> {
    /// Schema objects: the keywords of all of them apply.
    pub(super) maps: Vec<&'s Map<String, Value>>,
    pub(super) choices: VecDeque<Choice<'s>>,
    pub(super) types: Types,
    /// Properties that the value must not have.
    pub(super) forbidden: Vec<&'s str>,
    /// Values that it must not be.
    pub(super) excluded: Vec<&'s Value>,
    /// Nothing satisfies it.
    pub(super) impossible: bool,
    /// Values have to be checked.
    pub(super) delicate: bool,
    /// An `if` was decided to hold.
    pub(super) met: bool,
}

impl<'s> Shape<'s> {
    pub(super) fn new() -> Self {
        Self {
            maps: Vec::new(),
            choices: VecDeque::new(),
            types: Types::ALL,
            forbidden: Vec::new(),
            excluded: Vec::new(),
            impossible: false,
            delicate: false,
            met: false,
        }
    }

    pub(super) fn of(document: &Document<'s>, schema: &'s Value) -> Self {
        let mut shape = Self::new();
        shape.absorb(document, schema);
        shape
    }

    /// Adds what `schema` asks, and what it refers to.
    pub(super) fn absorb(&mut self, document: &Document<'s>, schema: &'s Value) {
        let mut rest = vec![schema];
        while let Some(schema) = rest.pop() {
            match schema {
                Value::Bool(true) => {}
                Value::Object(map) if self.maps.iter().any(|known| std::ptr::eq(*known, map)) => {}
                // More would take too long to tell apart.
                Value::Object(_) if self.maps.len() >= MOST_MAPS => self.impossible = true,
                Value::Object(map) => {
                    self.add(map);
                    rest.extend(document.targets(schema).iter().rev());
                    rest.extend(list(map, "allOf").iter().rev());
                }
                _ => self.impossible = true,
            }
        }
        self.impossible |= self.types == Types::NONE;
    }

    fn add(&mut self, map: &'s Map<String, Value>) {
        self.maps.push(map);
        if let Some(types) = map.get("type") {
            self.types = self.types.and(Types::allowed(types));
        }
        self.delicate |= DELICATE.iter().any(|keyword| map.contains_key(*keyword));
        for keyword in ["anyOf", "oneOf"] {
            let branches = list(map, keyword);
            if map.contains_key(keyword) {
                self.choices.push_back(Choice::Either(branches));
            }
        }
        if map.contains_key("if") {
            self.choices.push_back(Choice::If(map));
        }
        for keyword in ["dependentSchemas", "dependencies"] {
            let schemas = map
                .get(keyword)
                .and_then(Value::as_object)
                .into_iter()
                .flatten();
            for (name, schema) in schemas.filter(|(_, schema)| !schema.is_array()) {
                self.choices.push_back(Choice::With(name, schema));
            }
        }
        if let Some(not) = map.get("not") {
            self.refuse(not);
        }
    }

    /// Keeps away from the plain cases of `not`; checking finds the others.
    pub(super) fn refuse(&mut self, not: &'s Value) {
        self.delicate = true;
        let Value::Object(map) = not else {
            self.impossible |= *not == Value::Bool(true);
            return;
        };
        self.impossible |= map.is_empty();
        self.excluded.extend(map.get("const"));
        self.excluded.extend(list(map, "enum"));
        if let (Some(types), 1) = (map.get("type"), map.len()) {
            self.types = Types(self.types.0 & !Types::allowed(types).0);
        }
        let required = list(map, "required").iter().filter_map(Value::as_str);
        if let Some(name) = required.rev().find(|name| !self.requires(name)) {
            self.forbidden.push(name);
        }
        for choice in [list(map, "anyOf"), list(map, "allOf")]
            .into_iter()
            .take(1)
            .flatten()
        {
            self.refuse(choice);
        }
    }

    /// Whether the value must have the property.
    pub(super) fn requires(&self, name: &str) -> bool {
        let names = self.maps.iter().flat_map(|map| list(map, "required"));
        names.into_iter().any(|required| required == name)
    }

    /// The values it can be, when schemas list them; checked against each other and no more.
    pub(super) fn candidates(&self) -> Option<Vec<&'s Value>> {
        let mut listed = self.maps.iter().filter_map(|map| match map.get("const") {
            Some(value) => Some(std::slice::from_ref(value)),
            None => map.get("enum").and_then(Value::as_array).map(Vec::as_slice),
        });
        let first = listed.next()?;
        let others: Vec<_> = listed.collect();
        let fits = |value: &&Value| {
            self.types.has(Types::of(value))
                && !self.excluded.contains(value)
                && others
                    .iter()
                    .all(|other| other.iter().any(|other| same(other, value)))
        };
        Some(first.iter().filter(fits).collect())
    }

    /// Whether the value is of an allowed type.
    pub(super) fn allows(&self, value: &Value) -> bool {
        self.types.has(Types::of(value))
    }

    /// Whether it says nothing but which values there are.
    pub(super) fn lists_only(&self) -> bool {
        const PLAIN: &[&str] = &[
            "type",
            "enum",
            "const",
            "title",
            "description",
            "default",
            "examples",
        ];
        let mut keywords = self.maps.iter().flat_map(|map| map.keys());
        !self.delicate && keywords.all(|keyword| PLAIN.contains(&keyword.as_str()))
    }

    /// How much work it is to copy.
    pub(super) fn weight(&self) -> u32 {
        let parts = self.maps.len() + self.choices.len() + self.forbidden.len();
        u32::try_from(1 + parts / 4).unwrap_or(u32::MAX)
    }

    /// The values of a keyword in all schemas that have it.
    pub(super) fn all(&self, keyword: &str) -> impl Iterator<Item = &'s Value> {
        self.maps.iter().filter_map(move |map| map.get(keyword))
    }

    /// The largest of the sizes that a keyword such as `minItems` asks for; else 0.
    pub(super) fn least(&self, keyword: &str) -> usize {
        self.all(keyword).filter_map(size).max().unwrap_or(0)
    }

    /// The smallest of the sizes that a keyword such as `maxItems` allows; else no limit.
    pub(super) fn most(&self, keyword: &str) -> usize {
        self.all(keyword)
            .filter_map(size)
            .min()
            .unwrap_or(usize::MAX)
    }

    /// Whether a schema has one of the keywords.
    pub(super) fn mentions(&self, keywords: &[&str]) -> bool {
        keywords
            .iter()
            .any(|keyword| self.all(keyword).next().is_some())
    }
}

/// The elements of a keyword's list; none when it is not one.
pub(super) fn list<'s>(map: &'s Map<String, Value>, keyword: &str) -> &'s [Value] {
    map.get(keyword)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Whether the values are the same to JSON Schema, which has but one kind of number.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(_), Value::Number(_)) => one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}

/// A size; drafts allow `2.0`.
fn size(value: &Value) -> Option<usize> {
    let number = value.as_u64().or_else(|| {
        let float = value.as_f64().filter(|float| *float >= 0.0)?;
        // A float too large saturates, which is what a bound needs.
        Some(float as u64)
    })?;
    Some(usize::try_from(number).unwrap_or(usize::MAX))
}
