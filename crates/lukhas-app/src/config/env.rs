// SPDX-License-Identifier: Apache-2.0
//! The environment as a layer: `LUKHAS_SERVER__LISTEN` is `server.listen`.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::suggest::closest;
use crate::config::yaml::parse;
use crate::config::{Node, Origin, Problem, Shape, Value};

const PREFIX: &str = "LUKHAS_";
/// Names the configuration file.
const CONFIG: &str = "LUKHAS_CONFIG";
/// Short for `LUKHAS_LOG__FILTER`.
const LOG: &str = "LUKHAS_LOG";
/// Holds a key.
pub(crate) const API_TOKEN: &str = "LUKHAS_API_TOKEN";
/// Holds the URL of the Redis that replicas share.
pub(crate) const REDIS_URL: &str = "LUKHAS_REDIS_URL";
/// The variables that are no settings by their own names.
const OTHERS: [&str; 4] = [CONFIG, LOG, API_TOKEN, REDIS_URL];

/// The variables of the process, as they were at the start.
pub(crate) struct Environment(Vec<(OsString, OsString)>);

impl Environment {
    /// Takes `variables`, sorted, so that problems come in the same order every time.
    pub(crate) fn new(mut variables: Vec<(OsString, OsString)>) -> Self {
        variables.sort();
        Self(variables)
    }

    /// The configuration file it names, and where.
    pub(crate) fn config_file(&self) -> Option<(PathBuf, Origin)> {
        let path = self.get(CONFIG)?;
        Some((path.into(), origin(CONFIG)))
    }

    /// The value of `name`.
    pub(crate) fn get(&self, name: &str) -> Option<&OsStr> {
        let mut variables = self.0.iter();
        let (_, value) = variables.find(|(other, _)| other == name)?;
        Some(value)
    }

    /// The settings in it, and what is wrong with them. Variables that `auth` and `redis` name, here or
    /// in `file`, hold secrets and are no settings, whatever their name.
    pub(crate) fn layer(&self, shape: &Shape, file: Option<&Node>) -> (Node, Vec<Problem>) {
        let mut layer = Node::empty(Origin::Default);
        let mut problems = Vec::new();
        let mut unknown = Vec::new();
        let leaves = shape.leaves();
        for (name, value) in &self.0 {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
                continue;
            };
            let setting = leaves.iter().find(|(path, _)| variable(path) == name);
            match setting {
                Some((path, shape)) => match node(name, value, shape) {
                    Ok(node) => layer.insert(path, node),
                    Err(problem) => problems.push(problem.with_key(path.join("."))),
                },
                None => unknown.push(name),
            }
        }
        problems.extend(self.short_log(&mut layer));
        let keys = secrets(file.into_iter().chain([&layer]));
        let strangers = unknown
            .into_iter()
            .filter(|name| !OTHERS.contains(name))
            .filter(|name| !keys.iter().any(|key| key == name));
        problems.extend(strangers.map(|name| stranger(name, shape)));
        (layer, problems)
    }

    /// Puts `LUKHAS_LOG` into the layer.
    fn short_log(&self, layer: &mut Node) -> Option<Problem> {
        let value = self.get(LOG)?;
        let path = ["log".to_owned(), "filter".to_owned()];
        if let Some(long) = layer.get(&["log", "filter"]) {
            let message = format!("set twice; the other is {}", long.origin);
            let problem = Problem::new(origin(LOG), message).with_key("log.filter");
            return Some(problem.with_help("keep one of the two"));
        }
        match node(LOG, value, &Shape::Text) {
            Ok(node) => {
                layer.insert(&path, node);
                None
            }
            Err(problem) => Some(problem.with_key("log.filter")),
        }
    }
}

/// The variable that sets `path`.
fn variable(path: &[String]) -> String {
    format!("{PREFIX}{}", path.join("__").to_uppercase())
}

fn origin(name: &str) -> Origin {
    Origin::Env(Arc::from(name))
}

fn node(name: &str, value: &OsStr, shape: &Shape) -> Result<Node, Problem> {
    let origin = origin(name);
    let Some(text) = value.to_str() else {
        return Err(Problem::new(origin, "the value is not UTF-8 text"));
    };
    let value = match shape {
        Shape::Optional(inner) => return node(name, value, inner),
        Shape::Integer { .. } => match text.trim().parse() {
            Ok(number) => Value::Integer(number),
            Err(_) => Value::Text(text.to_owned()),
        },
        Shape::Number { .. } => match text.trim().parse::<f64>() {
            Ok(number) => Value::Fraction(number.to_string()),
            Err(_) => Value::Text(text.to_owned()),
        },
        Shape::Text | Shape::Choice(_) => Value::Text(text.to_owned()),
        Shape::Section(_) | Shape::Map(_) | Shape::List(_) => {
            return parse(text, &origin).map(|node| node.moved_to(&origin));
        }
    };
    Ok(Node::new(origin, value))
}

/// The variables that `auth.keys_env`, `auth.pepper` and `redis.url` name in any layer.
fn secrets<'n>(layers: impl Iterator<Item = &'n Node>) -> Vec<&'n str> {
    let of = |layer: &'n Node| {
        let references = [["auth", "pepper"], ["redis", "url"]].map(|path| layer.get(&path));
        let references = references.into_iter().flatten().filter_map(text);
        let references = references.filter_map(|text| text.strip_prefix("env:"));
        let keys = layer.get(&["auth", "keys_env"]).map(items);
        let keys = keys.into_iter().flatten().filter_map(text);
        keys.chain(references.map(str::trim))
    };
    layers.flat_map(of).collect()
}

fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        Value::Null
        | Value::Bool(_)
        | Value::Integer(_)
        | Value::Fraction(_)
        | Value::Text(_)
        | Value::Map(_) => &[],
    }
}

fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

fn stranger(name: &str, shape: &Shape) -> Problem {
    let mut names: Vec<_> = shape
        .leaves()
        .iter()
        .map(|(path, _)| variable(path))
        .collect();
    names.extend(OTHERS.map(str::to_owned));
    let problem = Problem::new(origin(name), "there is no such setting");
    let section = names
        .iter()
        .find(|other| other.starts_with(&format!("{name}__")));
    match section
        .map(String::as_str)
        .or_else(|| closest(name, names.iter().map(String::as_str)))
    {
        Some(best) if section.is_some() => problem.with_help(format!(
            "it is a section: set one of its settings, as in `{best}`"
        )),
        Some(best) => problem.with_help(format!("did you mean `{best}`?")),
        None => problem.with_help(
            "variables that start with `LUKHAS_` are settings, as in `LUKHAS_SERVER__LISTEN`; \
             name one that holds a key in `auth.keys_env`",
        ),
    }
}
