// SPDX-License-Identifier: Apache-2.0
//! Which layer set which setting.
//!
//! Kept beside figment, whose own attribution names the wrong layer once two of them set keys of
//! one section.

use std::collections::BTreeMap;

use crate::config::{Layer, Node, Origin, Shape, Value};

/// Where each setting of a configuration came from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins(BTreeMap<String, Origin>);

impl Origins {
    /// The origins of `layers` laid over each other, later ones on top.
    pub(crate) fn of(layers: &[Layer], shape: &Shape) -> Self {
        let mut origins = Self::default();
        for (path, _) in shape.leaves() {
            let names: Vec<&str> = path.iter().map(String::as_str).collect();
            let found = layers
                .iter()
                .rev()
                .find_map(|layer| layer.root().get(&names));
            if let Some(node) = found {
                origins.insert(path.join("."), node);
            }
        }
        origins
    }

    /// Where the setting `key`, dotted, came from.
    pub(crate) fn get(&self, key: &str) -> Origin {
        self.0.get(key).cloned().unwrap_or(Origin::Default)
    }

    /// Every setting with its origin.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Origin)> {
        self.0.iter().map(|(key, origin)| (key.as_str(), origin))
    }

    /// Remembers `node`, and everything in it.
    fn insert(&mut self, key: String, node: &Node) {
        match &node.value {
            Value::Map(entries) => {
                for entry in entries {
                    self.insert(format!("{key}.{}", entry.key), &entry.node);
                }
            }
            Value::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.insert(format!("{key}.{index}"), item);
                }
            }
            Value::Null
            | Value::Bool(_)
            | Value::Integer(_)
            | Value::Fraction(_)
            | Value::Text(_) => {}
        }
        self.0.insert(key, node.origin.clone());
    }
}
