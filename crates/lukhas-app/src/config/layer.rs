// SPDX-License-Identifier: Apache-2.0
//! One source of settings, as figment takes it, and several of them as one configuration.

use figment::value::{Dict, Empty, Map, Num, Tag, Value as FigmentValue};
use figment::{Figment, Metadata, Profile, Provider};

use crate::config::node::Entry;
use crate::config::{Config, Node, Origins, Problem, Problems, Shape, Value};

/// One source of settings.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    name: &'static str,
    root: Node,
}

impl Layer {
    /// The settings of `root`, which have been checked, under a name for people.
    pub(crate) fn new(name: &'static str, root: Node) -> Self {
        Self { name, root }
    }

    /// Its settings.
    pub(crate) fn root(&self) -> &Node {
        &self.root
    }
}

/// Lays `layers` over each other, later ones on top.
///
/// # Errors
/// [`Problems`] when the result is no configuration, which the checks before exclude.
pub(crate) fn merge(mut layers: Vec<Layer>, shape: &Shape) -> Result<(Config, Origins), Problems> {
    replace_maps(&mut layers, shape);
    let origins = Origins::of(&layers, shape);
    let figment = layers
        .iter()
        .fold(Figment::new(), |figment, layer| figment.merge(layer));
    let config = figment.extract().map_err(|error| {
        let problems = error.into_iter().map(|error| {
            let key = error.path.join(".");
            Problem::new(origins.get(&key), error.kind.to_string()).with_key(key)
        });
        Problems::from_failure(problems)
    })?;
    Ok((config, origins))
}

/// Figment joins maps; a user who writes a map means that map. So a layer's map takes the maps at
/// the same place in the layers below away.
fn replace_maps(layers: &mut [Layer], shape: &Shape) {
    let is_map = |(_, shape): &(Vec<String>, &Shape)| matches!(shape, Shape::Map(_));
    for (path, _) in shape.leaves().into_iter().filter(is_map) {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        let top = layers
            .iter()
            .rposition(|layer| layer.root.get(&names).is_some());
        for layer in &mut layers[..top.unwrap_or(0)] {
            layer.root.remove(&path);
        }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(dict(&self.root)))
    }
}

fn dict(node: &Node) -> Dict {
    let Value::Map(entries) = &node.value else {
        return Dict::new();
    };
    let pair = |entry: &Entry| (entry.key.clone(), convert(&entry.node));
    entries.iter().map(pair).collect()
}

fn convert(node: &Node) -> FigmentValue {
    match &node.value {
        Value::Null => FigmentValue::Empty(Tag::Default, Empty::Unit),
        Value::Bool(value) => (*value).into(),
        Value::Integer(value) => match u64::try_from(*value) {
            Ok(value) => FigmentValue::Num(Tag::Default, Num::U64(value)),
            Err(_) => FigmentValue::Num(Tag::Default, Num::I128(*value)),
        },
        Value::Fraction(text) => match text.parse::<f64>() {
            Ok(number) => FigmentValue::Num(Tag::Default, Num::F64(number)),
            Err(_) => text.clone().into(),
        },
        Value::Text(text) => text.clone().into(),
        Value::List(items) => {
            FigmentValue::Array(Tag::Default, items.iter().map(convert).collect())
        }
        Value::Map(_) => FigmentValue::Dict(Tag::Default, dict(node)),
    }
}
