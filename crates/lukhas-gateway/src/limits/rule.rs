// SPDX-License-Identifier: Apache-2.0
//! Which requests a rule covers, and which of them it counts together.

use std::net::IpAddr;

use lukhas_core::{Glob, Principal};
use lukhas_reliability::Quota;
use sha2::{Digest, Sha256};

use super::ticket::Asked;
use super::{LimitRule, Per, Unit};

/// A rule, ready to be asked.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) name: String,
    models: Vec<Glob>,
    projects: Vec<String>,
    keys: Vec<String>,
    by_key: bool,
    by_project: bool,
    by_model: bool,
    by_endpoint: bool,
    by_address: bool,
}

/// The model of a request: the name it was asked for by, and the one that this stands for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Model<'m> {
    pub(super) asked: &'m str,
    pub(super) own: &'m str,
}

/// What a bucket is found by: the limit, as it is configured, and all that its rule counts by. So a
/// rule that a reload leaves as it was goes on with its counts.
#[derive(Debug, Hash)]
pub(super) struct BucketKey<'k> {
    rule: &'k str,
    unit: Unit,
    key: Option<&'k str>,
    /// With its tenant: those of two tenants are two, whatever they are called.
    project: Option<(&'k str, &'k str)>,
    model: Option<&'k str>,
    endpoint: Option<&'k str>,
    address: Option<IpAddr>,
}

impl BucketKey<'_> {
    /// What identifies it in every process, whichever build of this program that runs: the first half of
    /// the SHA-256 of all there is to it. Buckets of other quotas are other buckets.
    pub(super) fn id(&self, quota: Option<Quota>) -> u128 {
        let mut hash = Sha256::new();
        let mut put = |part: Option<&[u8]>| match part {
            None => hash.update([0]),
            Some(bytes) => {
                hash.update([1]);
                hash.update((bytes.len() as u64).to_le_bytes());
                hash.update(bytes);
            }
        };
        let (tenant, project) = self.project.unzip();
        let texts = [Some(self.rule), Some(self.unit.as_str()), self.key];
        let others = [tenant, project, self.model, self.endpoint];
        for text in texts.into_iter().chain(others) {
            put(text.map(str::as_bytes));
        }
        match self.address {
            None => put(None),
            Some(IpAddr::V4(address)) => put(Some(&address.octets())),
            Some(IpAddr::V6(address)) => put(Some(&address.octets())),
        }
        for number in quota.iter().flat_map(|quota| {
            let period = u64::try_from(quota.period().as_nanos()).unwrap_or(u64::MAX);
            [quota.amount(), period, quota.burst()]
        }) {
            put(Some(&number.to_le_bytes()));
        }
        let hash = hash.finalize();
        let half = hash.iter().take(16);
        half.fold(0, |id, byte| id << 8 | u128::from(*byte))
    }
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
            by_address: by(Per::Address),
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
            .any(|pattern| names.iter().any(|name| pattern.matches(name)))
    }

    /// Whether it counts by the address that a request comes from.
    pub(super) fn needs_address(&self) -> bool {
        self.by_address
    }

    /// What its limit on `unit` counts a request by.
    pub(super) fn bucket_key<'k>(
        &'k self,
        unit: Unit,
        asked: Asked<'k>,
        endpoint: &'static str,
    ) -> BucketKey<'k> {
        let Asked {
            principal, model, ..
        } = asked;
        let project = (&*principal.tenant, &*principal.project);
        BucketKey {
            rule: &self.name,
            unit,
            key: self.by_key.then_some(&*principal.key_id),
            project: self.by_project.then_some(project),
            model: model.filter(|_| self.by_model).map(|model| model.own),
            endpoint: self.by_endpoint.then_some(endpoint),
            address: asked.address.filter(|_| self.by_address),
        }
    }
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
            let asked = Asked::early(&principal, None);
            format!("{:?}", rule.bucket_key(Unit::Requests, asked, "/"))
        };
        let own = bucket("a", "acme", "search");
        assert_eq!(bucket("b", "acme", "search"), own);
        assert_ne!(bucket("a", "acme", "crawler"), own);
        assert_ne!(bucket("a", "other", "search"), own);
    }
}
