// SPDX-License-Identifier: Apache-2.0
use super::*;

#[test]
fn the_first_rule_that_covers_a_request_decides() {
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let rule = |projects: &[&str], keys: &[&str], priority| PriorityRule {
        projects: names(projects),
        keys: names(keys),
        priority,
    };
    let rules = [
        rule(&["a"], &["k"], Priority::High),
        rule(&["a", "b"], &[], Priority::Low),
    ];
    let check = |key: &str, project: &str, expected| {
        let principal = Principal {
            project: project.into(),
            ..Principal::new(key, "tenant")
        };
        assert_eq!(priority(&rules, &principal), expected, "{key} {project}");
    };
    check("k", "a", Priority::High);
    check("l", "a", Priority::Low);
    check("k", "b", Priority::Low);
    check("k", "c", Priority::Normal);
}

#[tokio::test]
async fn names_of_one_model_share_a_gate_which_a_reload_keeps() {
    let make = || Overload::default().gate(1);
    let names = ["m", "alias", "n"].map(String::from);
    let aliases = HashMap::from([("alias".to_owned(), "m".to_owned())]);
    let gates = ModelGates::new(None, make, &names, &aliases);
    let _runs = gates.get("alias").enter(Priority::Normal).await.unwrap();
    let _other = gates.get("x").enter(Priority::Normal).await.unwrap();
    let running = |gates: &ModelGates, name: &str| gates.get(name).status().running;
    for gates in [
        &gates,
        &ModelGates::new(Some(&gates), make, &names[..2], &aliases),
    ] {
        let seen = ["m", "alias", "x", "y"].map(|name| running(gates, name));
        assert_eq!(seen, [1; 4]);
    }
    assert_eq!(running(&gates, "n"), 0);
}
