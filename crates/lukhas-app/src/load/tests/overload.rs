// SPDX-License-Identifier: Apache-2.0
use lukhas_gateway::{Overload, PriorityRule};
use lukhas_reliability::Priority;

use super::*;

#[test]
fn settings_mean_what_they_say() {
    let defaults = crate::overload::settings(&Config::default().overload);
    assert_eq!(defaults, Overload::default());
    let text = "overload: {max_queue: 1, max_wait_ms: 2, min_limit: 3, max_delay_ms: 0}";
    let config = Case::yaml(text).load().unwrap().config;
    let expected = Overload {
        max_queue: 1,
        max_wait: std::time::Duration::from_millis(2),
        min_limit: 3,
        max_delay: None,
    };
    assert_eq!(crate::overload::settings(&config.overload), expected);
}

#[test]
fn priorities_name_keys_and_projects_that_there_are() {
    let yaml = "auth: {keys_file: keys}\noverload:\n  priorities:\n";
    let case = |rules: &str| {
        let text = format!("{yaml}{rules}");
        Case::yaml(text).key_file("keys", &format!("{} team-a\n", token("a")))
    };
    let rules =
        "    - {keys: [team-a], priority: high}\n    - {projects: [default], priority: low}\n";
    let expected = [
        PriorityRule {
            keys: vec!["team-a".to_owned()],
            priority: Priority::High,
            ..PriorityRule::default()
        },
        PriorityRule {
            projects: vec!["default".to_owned()],
            priority: Priority::Low,
            ..PriorityRule::default()
        },
    ];
    assert_eq!(case(rules).load().unwrap().priorities, expected);
    let wrong = "    - {keys: [team-b], priority: high}\n    - {projects: [defaults]}\n";
    let error = case(wrong).problems();
    assert_eq!(
        error,
        "DIR/lukhas.yaml:4:15: `overload.priorities.0.keys.0`: there is no key of this name\n  \
           help: did you mean `team-a`?\n\
         DIR/lukhas.yaml:5:7: `overload.priorities.1.priority`: a rule needs a `priority`\n  \
           help: write `priority: high`, `normal` or `low`\n\
         DIR/lukhas.yaml:5:19: `overload.priorities.1.projects.0`: there is no project of this name\n  \
           help: did you mean `default`?"
    );
}
