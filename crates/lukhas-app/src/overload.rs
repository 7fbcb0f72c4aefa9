// SPDX-License-Identifier: Apache-2.0
//! From what is written to what is done when there is more to do than room for it.

use lukhas_auth::KeySet;
use lukhas_gateway::{Overload, PriorityRule};
use lukhas_reliability::Priority;

use crate::config::{Config, Origins, OverloadConfig, PriorityClass, Problems};
use crate::rules::RuleChecker;

/// How runs are let in.
pub(crate) fn settings(config: &OverloadConfig) -> Overload {
    let delay = config.max_delay_ms.millis();
    Overload {
        max_queue: config.max_queue.size(),
        max_wait: config.max_wait_ms.millis(),
        min_limit: config.min_limit.size(),
        max_delay: (!delay.is_zero()).then_some(delay),
    }
}

/// Whose requests go first.
///
/// # Errors
/// [`Problems`] with everything that is wrong, each at its place.
pub(crate) fn priorities(
    config: &Config,
    origins: &Origins,
    keys: Option<&KeySet>,
) -> Result<Vec<PriorityRule>, Problems> {
    let rules = &config.overload.priorities;
    let mut checker = RuleChecker::new(origins, keys);
    if checker.number("overload.priorities", "rules", rules.len()) {
        for (index, rule) in rules.iter().enumerate() {
            let at = format!("overload.priorities.{index}");
            if rule.priority.is_none() {
                let help = "write `priority: high`, `normal` or `low`".to_owned();
                let key = format!("{at}.priority");
                checker.problem(&key, "a rule needs a `priority`", Some(help));
            }
            checker.names(&format!("{at}.projects"), &rule.projects);
            checker.names(&format!("{at}.keys"), &rule.keys);
            checker.holders(&at, &rule.projects, &rule.keys);
        }
    }
    Problems::none_of(checker.problems)?;
    let rules = rules.iter().map(|rule| PriorityRule {
        projects: rule.projects.clone(),
        keys: rule.keys.clone(),
        priority: match rule.priority {
            Some(PriorityClass::High) => Priority::High,
            Some(PriorityClass::Low) => Priority::Low,
            Some(PriorityClass::Normal) | None => Priority::Normal,
        },
    });
    Ok(rules.collect())
}
