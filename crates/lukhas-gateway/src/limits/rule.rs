// SPDX-License-Identifier: Apache-2.0
//! Which requests a rule covers, and which of them it counts together.

use lukhas_core::Principal;

use super::{LimitRule, Per};

/// A rule, ready to be asked.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) name: String,
    models: Vec<String>,
    projects: Vec<String>,
    keys: Vec<String>,
    by_key: bool,
    by_project: bool,
    by_model: bool,
    by_endpoint: bool,
}

/// The model of a request: the name it was asked for by, and the one that this stands for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Model<'m> {
    pub(super) asked: &'m str,
    pub(super) own: &'m str,
}

/// What a bucket is found by: all that a rule counts by, and nothing else.
#[derive(Debug, Hash)]
pub(super) struct BucketKey<'k> {
    limit: u32,
    key: Option<&'k str>,
    /// With its tenant: those of two tenants are two, whatever they are called.
    project: Option<(&'k str, &'k str)>,
    model: Option<&'k str>,
    endpoint: Option<&'k str>,
}

impl Rule {
    pub(super) fn new(config: &LimitRule) -> Self {
        let by = |per| config.per.contains(&per);
        Self {
            name: config.name.clone(),
            models: config.models.clone(),
            projects: config.projects.clone(),
            keys: config.keys.clone(),
            by_key: by(Per::Key),
            by_project: by(Per::Project),
            by_model: by(Per::Model),
            by_endpoint: by(Per::Endpoint),
        }
    }

    /// Whether it cannot be asked before the model is known.
    pub(super) fn needs_model(&self) -> bool {
        self.by_model || !self.models.is_empty()
    }

    /// Whether it covers a request of `principal` for `model`.
    pub(super) fn covers(&self, principal: &Principal, model: Option<Model<'_>>) -> bool {
        let lists = |names: &[String], name: &str| {
            names.is_empty() || names.iter().any(|other| other == name)
        };
        lists(&self.keys, &principal.key_id)
            && lists(&self.projects, &principal.project)
            && (self.models.is_empty() || model.is_some_and(|model| self.covers_model(model)))
    }

    fn covers_model(&self, model: Model<'_>) -> bool {
        let names = [model.asked, model.own];
        self.models
            .iter()
            .any(|pattern| names.iter().any(|name| matches(pattern, name)))
    }

    /// What its limit `limit` counts a request by.
    pub(super) fn bucket_key<'k>(
        &self,
        limit: u32,
        principal: &'k Principal,
        model: Option<Model<'k>>,
        endpoint: &'static str,
    ) -> BucketKey<'k> {
        let project = (&*principal.tenant, &*principal.project);
        BucketKey {
            limit,
            key: self.by_key.then_some(&*principal.key_id),
            project: self.by_project.then_some(project),
            model: model.filter(|_| self.by_model).map(|model| model.own),
            endpoint: self.by_endpoint.then_some(endpoint),
        }
    }
}

/// Whether `name` is one that `pattern` stands for, whose `*` are any characters.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        // There is no star.
        return rest.is_empty();
    };
    // The earliest place of each part leaves the most to those behind it.
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_one_of_its_tenant() {
        let rule = Rule::new(&LimitRule {
            per: vec![Per::Project],
            ..LimitRule::default()
        });
        let bucket = |key: &str, tenant: &str, project: &str| {
            let principal = Principal {
                project: project.into(),
                ..Principal::new(key, tenant)
            };
            format!("{:?}", rule.bucket_key(0, &principal, None, "/"))
        };
        let own = bucket("a", "acme", "search");
        assert_eq!(bucket("b", "acme", "search"), own);
        assert_ne!(bucket("a", "acme", "crawler"), own);
        assert_ne!(bucket("a", "other", "search"), own);
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, good, bad) in [
            (
                "gpt-5",
                &["gpt-5"][..],
                &["gpt-5-mini", "a-gpt-5", "gpt-"][..],
            ),
            ("gpt-*", &["gpt-", "gpt-5/x"], &["gpt", "agpt-5"]),
            ("*", &["", "anything"], &[]),
            ("*-mini", &["gpt-mini", "-mini"], &["gpt-mini-2", "mini"]),
            ("a*b*c", &["abc", "a-b-b-c", "abbc"], &["ab", "acb", "abcd"]),
            ("a*a", &["aa", "aba"], &["a"]),
            ("**x", &["x", "yx"], &["xy"]),
        ] {
            for (names, expected) in [(good, true), (bad, false)] {
                for name in names {
                    assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
                }
            }
        }
    }
}
