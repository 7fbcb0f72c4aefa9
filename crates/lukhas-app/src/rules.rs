// SPDX-License-Identifier: Apache-2.0
//! What rules of limits and of budgets have in common: a name, and whom they cover.

use std::collections::BTreeSet;

use lukhas_auth::KeySet;

use crate::config::{Origin, Origins, Problem, closest, excerpt};

/// Most rules of a kind: each is asked of every request that it may cover.
pub(crate) const MAX_RULES: usize = 64;
/// Most bytes of a rule's name, which is a label of metrics.
const MAX_NAME: usize = 64;
/// Most names in a list of models, projects or keys.
const MAX_NAMES: usize = 1_000;

/// Checks rules, and gathers what is wrong with them.
pub(crate) struct RuleChecker<'c> {
    origins: &'c Origins,
    keys: BTreeSet<String>,
    projects: BTreeSet<String>,
    pub(crate) problems: Vec<Problem>,
}

impl<'c> RuleChecker<'c> {
    /// For the holders of `keys`; without any, for whoever runs the server for himself.
    pub(crate) fn new(origins: &'c Origins, keys: Option<&KeySet>) -> Self {
        let holders = || keys.into_iter().flat_map(KeySet::principals);
        let mut projects: BTreeSet<_> = holders().map(|it| it.project.to_string()).collect();
        if keys.is_none() {
            projects.insert("default".to_owned());
        }
        Self {
            origins,
            keys: holders().map(|it| it.key_id.to_string()).collect(),
            projects,
            problems: Vec::new(),
        }
    }

    /// Checks how many `what` there are.
    pub(crate) fn number(&mut self, key: &str, what: &str, number: usize) -> bool {
        if number > MAX_RULES {
            let message = format!("there are {number} {what}; at most {MAX_RULES} are allowed");
            self.problem(key, message, None);
        }
        number <= MAX_RULES
    }

    /// Checks that a rule, a `what`, has a name of its own.
    pub(crate) fn name<'n>(
        &mut self,
        at: &str,
        what: &str,
        name: &str,
        mut before: impl Iterator<Item = &'n str>,
    ) {
        let key = format!("{at}.name");
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        if name.is_empty() {
            let help = "write `name: ` and what it is for; messages and metrics show it";
            let message = format!("a {what} needs a `name`");
            self.problem(&key, message, Some(help.to_owned()));
        } else if name.len() > MAX_NAME || !name.bytes().all(plain) {
            let message = format!(
                "`{}` is not a name: 1 to {MAX_NAME} letters, digits, `_`, `.` or `-`",
                excerpt(name)
            );
            self.problem(&key, message, None);
        } else if before.any(|other| other == name) {
            let help = Some(format!("give each {what} a name of its own"));
            self.problem(&key, format!("there is another {what} `{name}`"), help);
        }
    }

    /// Checks a list of things of which each has an effect once.
    pub(crate) fn once<T: Ord>(&mut self, key: &str, items: &[T]) {
        if let Some(index) = repeated(items.iter()) {
            self.problem(&format!("{key}.{index}"), "this is listed twice", None);
        }
    }

    /// Checks a list of names.
    pub(crate) fn names(&mut self, key: &str, names: &[String]) {
        if names.len() > MAX_NAMES {
            let message = format!(
                "there are {} names; at most {MAX_NAMES} are allowed",
                names.len()
            );
            self.problem(key, message, None);
        } else if let Some(index) = repeated(names.iter()) {
            let message = format!("`{}` is listed twice", excerpt(&names[index]));
            self.problem(&format!("{key}.{index}"), message, None);
        }
    }

    /// Checks that whom a rule covers is there.
    pub(crate) fn holders(&mut self, at: &str, projects: &[String], keys: &[String]) {
        let lists = [
            ("project", projects, self.projects.clone()),
            ("key", keys, self.keys.clone()),
        ];
        for (what, names, known) in lists {
            for (index, name) in names.iter().enumerate().filter(|it| !known.contains(it.1)) {
                // What is written here may be a key itself, so it is not shown.
                let message = format!("there is no {what} of this name");
                let best = closest(name, known.iter().map(String::as_str));
                let help = match best {
                    Some(best) => format!("did you mean `{best}`?"),
                    None if what == "key" => {
                        "name keys in `auth.keys_file`, one a line: the key, then its name; keys of a \
                         store go by the identifiers of `lukhas keys list`"
                            .into()
                    }
                    None => format!("there are `{}`", Vec::from_iter(known.clone()).join("`, `")),
                };
                self.problem(&format!("{at}.{what}s.{index}"), message, Some(help));
            }
        }
    }

    pub(crate) fn problem(&mut self, key: &str, message: impl Into<String>, help: Option<String>) {
        // What is not written has the place of what it is missing in.
        let origin = key.rmatch_indices('.').map(|(end, _)| &key[..end]);
        let origin = std::iter::once(key)
            .chain(origin)
            .map(|key| self.origins.get(key))
            .find(|origin| *origin != Origin::Default);
        let problem = Problem::new(origin.unwrap_or(Origin::Default), message).with_key(key);
        self.problems.push(match help {
            Some(help) => problem.with_help(help),
            None => problem,
        });
    }
}

/// The place of the first item that stands before itself, too.
fn repeated<T: Ord>(items: impl Iterator<Item = T>) -> Option<usize> {
    let mut seen = BTreeSet::new();
    items
        .map(|item| seen.insert(item))
        .position(|is_new| !is_new)
}
