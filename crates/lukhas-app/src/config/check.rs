// SPDX-License-Identifier: Apache-2.0
//! Comparing what was written with what may be written.

use crate::config::node::Entry;
use crate::config::suggest::closest;
use crate::config::{Node, Origin, Problem, Shape, Value};

/// All that is wrong with `node`, which should have `shape`; `whole` is the shape of a whole
/// configuration, for settings that were written in the wrong place.
pub(crate) fn check(node: &Node, shape: &Shape, whole: &Shape) -> Vec<Problem> {
    let mut checker = Checker {
        whole,
        path: Vec::new(),
        problems: Vec::new(),
    };
    checker.value(node, shape);
    checker.problems
}

/// The settings that both files set: one of the two would be without effect.
pub(crate) fn conflicts(main: &Node, other: &Node, shape: &Shape) -> Vec<Problem> {
    let both = |(path, _): (Vec<String>, &Shape)| {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        let (first, second) = (main.get(&names)?, other.get(&names)?);
        let message = format!("set in two files; the other is {}", second.origin);
        let problem = Problem::new(first.origin.clone(), message).with_key(path.join("."));
        Some(problem.with_help("keep one of the two"))
    };
    shape.leaves().into_iter().filter_map(both).collect()
}

struct Checker<'s> {
    whole: &'s Shape,
    path: Vec<String>,
    problems: Vec<Problem>,
}

impl Checker<'_> {
    fn value(&mut self, node: &Node, shape: &Shape) {
        match shape {
            Shape::Optional(inner) => {
                if node.value != Value::Null {
                    self.value(node, inner);
                }
            }
            Shape::Section(_) => self.section(node, shape),
            Shape::Map(values) => self.map(node, values),
            Shape::List(items) => self.list(node, items),
            Shape::Integer { min, max } => self.integer(node, *min, *max),
            Shape::Number { min, max } => self.number(node, *min, *max),
            Shape::Text => self.text(node),
            Shape::Choice(choices) => self.choice(node, choices),
        }
    }

    fn section(&mut self, node: &Node, shape: &Shape) {
        let Value::Map(entries) = &node.value else {
            return self.wrong_type(node, "settings (`key: value` lines)", None);
        };
        for (index, entry) in entries.iter().enumerate() {
            self.path.push(entry.key.clone());
            self.repeated(entry, &entries[..index]);
            match shape.field(&entry.key) {
                Some(field) => self.value(&entry.node, field),
                None => self.unknown(entry, shape),
            }
            self.path.pop();
        }
    }

    fn map(&mut self, node: &Node, values: &Shape) {
        let Value::Map(entries) = &node.value else {
            return self.wrong_type(node, "a mapping (`name: value` lines, or `{}`)", None);
        };
        for (index, entry) in entries.iter().enumerate() {
            self.path.push(entry.key.clone());
            self.repeated(entry, &entries[..index]);
            self.value(&entry.node, values);
            self.path.pop();
        }
    }

    fn list(&mut self, node: &Node, items: &Shape) {
        let Value::List(nodes) = &node.value else {
            return self.wrong_type(node, "a list", Some("write `[one, two]`".to_owned()));
        };
        for (index, item) in nodes.iter().enumerate() {
            self.path.push(index.to_string());
            self.value(item, items);
            self.path.pop();
        }
    }

    fn integer(&mut self, node: &Node, min: i128, max: i128) {
        let range = format!("from {min} to {max}");
        match &node.value {
            Value::Integer(number) if (min..=max).contains(number) => {}
            Value::Integer(number) => {
                self.report(node, format!("`{number}` is out of range"), Some(range));
            }
            Value::Text(text) if text.trim().parse::<i128>().is_ok() => {
                let help = "take the quotes away".to_owned();
                self.wrong_type(node, "a whole number", Some(help));
            }
            Value::Null
            | Value::Bool(_)
            | Value::Fraction(_)
            | Value::Text(_)
            | Value::List(_)
            | Value::Map(_) => self.wrong_type(node, "a whole number", Some(range)),
        }
    }

    fn number(&mut self, node: &Node, min: f64, max: f64) {
        let range = format!("from {min} to {max}, in steps of 0.001");
        let number: Option<f64> = match &node.value {
            Value::Integer(number) => number.to_string().parse().ok(),
            Value::Fraction(text) => text.parse().ok(),
            Value::Null | Value::Bool(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => None,
        };
        let Some(number) = number else {
            return self.wrong_type(node, "a number", Some(range));
        };
        let is_exact = (number * 1e3 - f64::round(number * 1e3)).abs() < 1e-6_f64;
        if !(min..=max).contains(&number) || !is_exact {
            self.report(node, format!("`{number}` is out of range"), Some(range));
        }
    }

    fn text(&mut self, node: &Node) {
        match &node.value {
            Value::Text(_) => {}
            Value::Bool(_) | Value::Integer(_) | Value::Fraction(_) => {
                let help = "put it in quotes".to_owned();
                self.wrong_type(node, "text", Some(help));
            }
            Value::Null | Value::List(_) | Value::Map(_) => self.wrong_type(node, "text", None),
        }
    }

    fn choice(&mut self, node: &Node, choices: &[String]) {
        let expected = format!("one of `{}`", choices.join("`, `"));
        match &node.value {
            Value::Text(text) if choices.contains(text) => {}
            Value::Text(text) => {
                let best = closest(text, choices.iter().map(String::as_str));
                let help = best.map(|best| format!("did you mean `{best}`?"));
                self.wrong_type(node, &expected, help);
            }
            Value::Null
            | Value::Bool(_)
            | Value::Integer(_)
            | Value::Fraction(_)
            | Value::List(_)
            | Value::Map(_) => self.wrong_type(node, &expected, None),
        }
    }

    fn repeated(&mut self, entry: &Entry, before: &[Entry]) {
        let Some(first) = before.iter().find(|other| other.key == entry.key) else {
            return;
        };
        let message = format!("set twice; the first is {}", first.origin);
        self.push(
            &entry.origin,
            message,
            Some("keep one of the two".to_owned()),
        );
    }

    fn unknown(&mut self, entry: &Entry, section: &Shape) {
        let help = self.elsewhere(&entry.key, section);
        // The value is not shown: a key that someone wrote into the file would be in it.
        self.push(
            &entry.origin,
            "there is no such setting".to_owned(),
            Some(help),
        );
    }

    /// What an unknown key may have been meant to be: a neighbour, or a setting of another section.
    fn elsewhere(&self, key: &str, section: &Shape) -> String {
        if self.whole.at(&self.path).is_some() {
            return "set it in the file that names this one".to_owned();
        }
        let names = section.fields().iter().map(|(name, _)| name.as_str());
        if let Some(best) = closest(key, names.clone()) {
            return format!("did you mean `{best}`?");
        }
        let leaves = self.whole.leaves();
        let same = |(path, _): &&(Vec<String>, &Shape)| path.last().is_some_and(|last| last == key);
        match leaves.iter().find(same) {
            Some((path, _)) => format!("it is `{}`", path.join(".")),
            None => format!("there are `{}`", names.collect::<Vec<_>>().join("`, `")),
        }
    }

    fn wrong_type(&mut self, node: &Node, expected: &str, help: Option<String>) {
        // Whoever writes a key where its place should be named must not see it again.
        let secret = self.path.first().is_some_and(|section| section == "auth")
            || self.path.last().is_some_and(|name| name == "key");
        let message = match &node.value {
            Value::Text(_) if secret => format!("expected {expected}, found text"),
            value => format!("expected {expected}, found {value}"),
        };
        self.report(node, message, help);
    }

    fn report(&mut self, node: &Node, message: String, help: Option<String>) {
        self.push(&node.origin, message, help);
    }

    fn push(&mut self, origin: &Origin, message: String, help: Option<String>) {
        let key = (!self.path.is_empty()).then(|| self.path.join("."));
        self.problems.push(Problem {
            origin: origin.clone(),
            key,
            message,
            help,
        });
    }
}
