// SPDX-License-Identifier: Apache-2.0
//! Where a schema holds other schemas.

use serde_json::{Map, Value};

/// What a subschema applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The same value as the schema it is in.
    Here,
    /// An element or a property of that value.
    Inside,
    /// Nothing, until something refers to it.
    Apart,
}

enum Holds {
    One,
    List,
    Named,
}

/// A schema inside another one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subschema<'s> {
    pub(super) place: Place,
    pub(super) keyword: &'s str,
    pub(super) key: Key<'s>,
    pub(super) schema: &'s Value,
}

/// Which of a keyword's schemas.
#[derive(Clone, Copy, Debug)]
pub(super) enum Key<'s> {
    Only,
    Index(usize),
    Name(&'s str),
}

impl Subschema<'_> {
    /// The JSON pointer of this schema, when `outer` is that of the schema around it.
    pub(super) fn pointer(&self, outer: &str) -> String {
        let keyword = self.keyword;
        match self.key {
            Key::Only => format!("{outer}/{keyword}"),
            Key::Index(at) => format!("{outer}/{keyword}/{at}"),
            Key::Name(name) => {
                let name = name.replace('~', "~0").replace('/', "~1");
                format!("{outer}/{keyword}/{name}")
            }
        }
    }
}

/// Calls `each` with every subschema of `map`.
pub(super) fn subschemas<'s>(map: &'s Map<String, Value>, each: &mut dyn FnMut(Subschema<'s>)) {
    for (keyword, value) in map {
        let Some((place, holds)) = held(keyword, value) else {
            continue;
        };
        let mut found = |key, schema| {
            each(Subschema {
                place,
                keyword,
                key,
                schema,
            })
        };
        match (holds, value) {
            (Holds::One, schema) => found(Key::Only, schema),
            (Holds::List, Value::Array(list)) => {
                list.iter()
                    .enumerate()
                    .for_each(|(at, schema)| found(Key::Index(at), schema));
            }
            (Holds::Named, Value::Object(named)) => {
                // Draft 7's `dependencies` holds lists of names besides schemas.
                let schemas = named.iter().filter(|(_, schema)| !schema.is_array());
                schemas.for_each(|(name, schema)| found(Key::Name(name), schema));
            }
            (Holds::List | Holds::Named, _) => {}
        }
    }
}

fn held(keyword: &str, value: &Value) -> Option<(Place, Holds)> {
    Some(match keyword {
        "allOf" | "anyOf" | "oneOf" => (Place::Here, Holds::List),
        "not" | "if" | "then" | "else" => (Place::Here, Holds::One),
        "dependentSchemas" | "dependencies" => (Place::Here, Holds::Named),
        "properties" | "patternProperties" => (Place::Inside, Holds::Named),
        "prefixItems" => (Place::Inside, Holds::List),
        "items" if value.is_array() => (Place::Inside, Holds::List),
        "items" | "additionalItems" | "unevaluatedItems" | "contains" => {
            (Place::Inside, Holds::One)
        }
        "additionalProperties" | "unevaluatedProperties" | "propertyNames" => {
            (Place::Inside, Holds::One)
        }
        "$defs" | "definitions" => (Place::Apart, Holds::Named),
        _ => return None,
    })
}

/// The schemas that `map` refers to: the keywords and their texts.
pub(super) fn references(map: &Map<String, Value>) -> impl Iterator<Item = (&'static str, &str)> {
    ["$ref", "$dynamicRef", "$recursiveRef"]
        .into_iter()
        .filter_map(|keyword| Some((keyword, map.get(keyword)?.as_str()?)))
}
