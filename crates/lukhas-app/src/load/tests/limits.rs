// SPDX-License-Identifier: Apache-2.0
use super::*;

/// The names of the rules in force.
fn in_force(case: Case) -> Vec<String> {
    let rules = case.load().unwrap().rate_limits.rules;
    rules.into_iter().map(|rule| rule.name).collect()
}

#[test]
fn the_defaults_are_for_servers_with_keys() {
    assert!(in_force(Case::new()).is_empty());
    let keyed = || Case::new().env("LUKHAS_API_TOKEN", &token("a"));
    assert_eq!(in_force(keyed()), ["responses", "embeddings"]);
    assert!(in_force(keyed().env("LUKHAS_LIMITS", "[]")).is_empty());
    let own = "limits: [{name: own, concurrency: 3}]";
    assert_eq!(
        in_force(Case::yaml(own)),
        ["own"],
        "rules of a file need no key"
    );
    let shown = Case::new().shown();
    let note = "# limits: not in force, because nobody set them and there is no key";
    assert!(shown.contains(note), "{shown}");
    assert!(!Case::yaml(own).shown().contains("not in force"));
}

#[test]
fn a_rule_means_what_it_says() {
    let text = "\
limits:
  - name: all
    classes: [chat, responses]
    models: ['gpt-*', lukhas-matriz]
    projects: [default]
    keys: [team-a]
    per: [key, project, model, endpoint]
    requests: {amount: 5, per: minute}
    input_tokens: {amount: 6, per: hour, burst: 7}
    output_tokens: {amount: 8, per: day}
    tokens: {amount: 9, per: second}
    concurrency: 10
";
    let case = Case::yaml(format!("auth: {{keys_file: keys.txt}}\n{text}"));
    let case = case.key_file("keys.txt", &format!("{} team-a\n", token("a")));
    insta::assert_debug_snapshot!(case.load().unwrap().rate_limits.rules);
}

#[test]
fn what_is_wrong_with_a_rule_is_named_at_its_place() {
    let text = "\
limits:
  - classes: [chat, chat]
    requests: {amount: 5}
  - name: a b
    models: [lukhas-matrix, 'nothing-*', 'nothing-*']
    tokens: {per: minute}
  - name: twice
    projects: [defalt]
    keys: [lk-live-secret-not-shown]
    concurrency: 3
  - name: twice
    per: [key, model, key]
  - name: never
    classes: [models, stored]
    tokens: {amount: 1, per: day, burst: 40000}
  - name: one
    classes: [responses, chat]
    per: [key, model]
    requests: {amount: 1, per: day}
    concurrency: 1
  - name: two
    classes: [chat, responses]
    per: [model, key]
    requests: {amount: 2, per: second}
    concurrency: 2
  - name: embed
    classes: [embeddings]
    output_tokens: {amount: 1, per: second}
";
    insta::assert_snapshot!(Case::yaml(text).problems());
}

#[test]
fn what_is_no_rule_is_refused_at_its_place() {
    let text = "\
limits:
  - name: a
    classes: [chats]
    per: [keys]
    requests: {amount: 0, per: seconds, burst: -1}
    tokens: 5
    input_tokens: {amount: 1.5, per: day, bursts: 3}
    concurrency: 0
    output_token: {amount: 1, per: second}
  - requests
";
    insta::assert_snapshot!(Case::yaml(text).problems());
}

#[test]
fn the_number_of_rules_is_bounded() {
    let rules: String = (0..65)
        .map(|n| format!("  - {{name: r{n}, concurrency: 1}}\n"))
        .collect();
    let expected = "DIR/lukhas.yaml:2:3: `limits`: there are 65 rules; at most 64 are allowed";
    assert_eq!(Case::yaml(format!("limits:\n{rules}")).problems(), expected);
}

#[test]
fn any_model_may_be_named_where_an_upstream_answers_for_all() {
    let limits = "limits: [{name: a, models: ['gpt-5*'], concurrency: 1}]";
    assert!(Case::yaml(limits).load().is_err());
    let other = "upstreams: {u: {base_url: 'http://127.0.0.1:1/v1'}}\nmodels: {other: u}\n";
    assert!(Case::yaml(format!("{other}{limits}")).load().is_ok());
}

/// Where keys stand in the lines of a YAML file: line, and from where to where.
fn keys_of(text: &str) -> Vec<(usize, std::ops::Range<usize>)> {
    let mut keys = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split('#').next().unwrap();
        for (colon, _) in code.match_indices(':') {
            let before = &code[..colon];
            let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let begin = before.rfind(|c| !is_part(c)).map_or(0, |at| at + 1);
            keys.push((number, begin..colon));
        }
    }
    keys
}

#[test]
fn one_wrong_character_in_any_key_of_the_shipped_file_is_refused_at_its_line() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/runtime/reliability.yaml");
    let text = fs::read_to_string(path).unwrap();
    let keys = keys_of(&text);
    assert!(keys.len() > 35, "{}", keys.len());
    let case = |text: &str| Case::yaml("reliability: r.yaml").file("r.yaml", text);
    case(&text).load().unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (number, range) in keys {
        let good = lines[number].clone();
        for at in range {
            let (before, rest) = good.split_at(at);
            let (one, after) = rest.split_at(1);
            let other = if one == "x" { "y" } else { "x" };
            for wrong in ["", &one.repeat(2), other] {
                lines[number] = format!("{before}{wrong}{after}");
                let problems = case(&lines.join("\n")).problems();
                let place = format!("DIR/r.yaml:{}:", number + 1);
                assert!(problems.contains(&place), "{}: {problems}", lines[number]);
            }
        }
        lines[number] = good;
    }
}
