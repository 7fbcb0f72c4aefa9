// SPDX-License-Identifier: Apache-2.0
use std::collections::HashSet;

use super::*;
use crate::{Profile, Rules, RulesConfig, entities};

#[test]
fn every_row_compiles_and_has_a_name_of_its_own() {
    let config = entities().fold(RulesConfig::new(Profile::Logs), RulesConfig::with_entity);
    Rules::new(&config).unwrap();
    let mut rules = HashSet::new();
    for detector in all() {
        assert!(rules.insert(detector.rule), "{}", detector.rule);
        assert!(crate::placeholder::is_name(detector.entity));
        assert!(detector.score > 0.0 && detector.score <= 1.0);
    }
}

#[test]
fn the_documentation_names_every_entity() {
    let page = include_str!("../../../../docs/security/redaction.md");
    for entity in entities() {
        assert!(page.contains(&format!("`{entity}`")), "{entity}");
    }
}
