// SPDX-License-Identifier: Apache-2.0
//! Which type of value to make where a schema allows several.

use super::shape::{Shape, Types};

const OBJECT: &[&str] = &[
    "properties",
    "required",
    "additionalProperties",
    "patternProperties",
    "minProperties",
    "propertyNames",
    "dependentRequired",
];
const ARRAY: &[&str] = &[
    "items",
    "prefixItems",
    "minItems",
    "contains",
    "uniqueItems",
];
const NUMBER: &[&str] = &[
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
];
const STRING: &[&str] = &["minLength", "maxLength", "pattern", "format"];

const ALL: [Types; 6] = [
    Types::OBJECT,
    Types::ARRAY,
    Types::STRING,
    Types::NUMBER,
    Types::BOOLEAN,
    Types::NULL,
];

impl Shape<'_> {
    /// The types to try, best first: those that the keywords are about, then containers, then plain
    /// values. A value that leads back to one around it is plain if it can be.
    pub(super) fn order(&self, object: bool, leads_back: bool) -> Vec<Types> {
        let mut order = Vec::with_capacity(12);
        if leads_back {
            order.push(Types::NULL);
        } else if object {
            order.push(Types::OBJECT);
        }
        if self.types == Types::ALL {
            order.extend(self.about());
            order.push(Types::STRING);
        }
        let mut rest = ALL;
        rest.rotate_left(if leads_back { 2 } else { 0 });
        order.extend(rest);
        let mut tried = Types::NONE;
        order.retain(|kind| {
            let new = self.types.has(*kind) && !tried.has(*kind);
            tried = tried.with(*kind);
            new
        });
        order
    }

    /// The types that the keywords are about.
    fn about(&self) -> impl Iterator<Item = Types> {
        let kinds = [
            (OBJECT, Types::OBJECT),
            (ARRAY, Types::ARRAY),
            (STRING, Types::STRING),
            (NUMBER, Types::NUMBER),
        ];
        let about =
            move |(keywords, kind): (&[&str], Types)| self.mentions(keywords).then_some(kind);
        kinds.into_iter().filter_map(about)
    }
}
