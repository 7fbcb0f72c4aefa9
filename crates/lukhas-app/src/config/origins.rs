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
        for (path, shape) in shape.leaves() {
            let names: Vec<&str> = path.iter().map(String::as_str).collect();
            let found = layers
                .iter()
                .rev()
                .find_map(|layer| layer.root().get(&names));
            if let Some(node) = found {
                origins.insert(path.join("."), node, shape);
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

    fn insert(&mut self, key: String, node: &Node, shape: &Shape) {
        if let (Shape::Map(_), Value::Map(entries)) = (shape, &node.value) {
            for entry in entries {
                let key = format!("{key}.{}", entry.key);
                self.0.insert(key, entry.node.origin.clone());
            }
        }
        if let Value::List(items) = &node.value {
            for (index, item) in items.iter().enumerate() {
                self.0.insert(format!("{key}.{index}"), item.origin.clone());
            }
        }
        self.0.insert(key, node.origin.clone());
    }
}
