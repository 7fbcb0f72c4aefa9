// SPDX-License-Identifier: Apache-2.0
use lukhas_auth::UtcTime;
use lukhas_core::Picodollars;
use lukhas_gateway::{BudgetPer, BudgetRule};
use lukhas_reliability::Period;

use super::keys::with_store;
use super::*;
use crate::{KeyAdmin, KeyWish};

const UPSTREAM: &str = "upstreams: {u: {base_url: 'http://127.0.0.1:1/v1'}}\n";

#[test]
fn a_budget_means_what_it_says() {
    let budgets = "budgets:\n  - {name: a, per: [key, project], per_window: day, tokens: 5}\n  \
                   - {name: b, projects: [default], per_window: month, usd: '12.50'}\n";
    let loaded = Case::yaml("reliability: r.yaml")
        .file("r.yaml", budgets)
        .load()
        .unwrap();
    let rules = &loaded.budgets.rules;
    let expected = [
        BudgetRule {
            name: "a".into(),
            projects: Vec::new(),
            keys: Vec::new(),
            per: vec![BudgetPer::Key, BudgetPer::Project],
            period: Period::Day,
            tokens: Some(5),
            money: None,
        },
        BudgetRule {
            name: "b".into(),
            projects: vec!["default".into()],
            keys: Vec::new(),
            per: Vec::new(),
            period: Period::Month,
            tokens: None,
            money: Some(Picodollars(12_500_000_000_000)),
        },
    ];
    assert_eq!(rules[..], expected);
}

#[test]
fn models_cost_what_the_dearest_of_their_targets_costs() {
    let table = "models:\n  aliases: {short: m, gpt-4o-mini: lukhas-matriz}\n  table:\n    m:\n      \
                 max_output_tokens: 500\n      price: {input: '1', output: '8'}\n      targets:\n        \
                 - {upstream: u}\n        - {upstream: u, model: x, price: {input: '2', output: '4'}}\n";
    let loaded = Case::yaml(format!("{UPSTREAM}{table}")).load().unwrap();
    let prices = &loaded.budgets.prices;
    let price = prices["m"];
    let parts = [price.most.input, price.most.cached_input, price.most.output];
    assert_eq!(
        parts,
        [2, 2, 8].map(|dollars| Picodollars(dollars * 1_000_000))
    );
    assert_eq!(price.max_output_tokens, Some(500));
    assert_eq!(prices["short"], price);
    assert_eq!(
        prices["gpt-4o-mini"].most.output,
        Picodollars(0),
        "this process asks nothing"
    );
    assert_eq!(prices.get("other"), None);
}

#[test]
fn a_budget_of_money_needs_the_price_of_every_listed_model() {
    let table = "models: {table: {m: {targets: [{upstream: u, price: {input: '1', output: '1'}}, \
                 {upstream: u, model: x}]}}}\n";
    let money = "budgets: [{name: a, per_window: day, usd: '1'}]\n";
    let expected = "DIR/lukhas.yaml:3:43: `budgets.0.usd`: model `m` has no price, so what it costs is \
                    not known\n  help: write `models.table.m.price`, or the price of each of its \
                    targets; \"0\" is one, too";
    assert_eq!(
        Case::yaml(format!("{UPSTREAM}{table}{money}")).problems(),
        expected
    );
    let tokens = "budgets: [{name: a, per_window: day, tokens: 1}]\n";
    assert!(
        Case::yaml(format!("{UPSTREAM}{table}{tokens}"))
            .load()
            .is_ok()
    );
}

#[test]
fn the_example_of_the_documentation_is_a_configuration() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = fs::read_to_string(root.join("docs/ops/BUDGETS.md")).unwrap();
    let example = page.split("```").nth(1).unwrap();
    let example = example.strip_prefix("yaml\n").unwrap();
    let case = Case::yaml(format!("auth: {{key_store: keys.jsonl}}\n{example}"));
    let store = case.folder.path().join("keys.jsonl");
    let wish = KeyWish {
        name: "search".to_owned(),
        project: Some("search".to_owned()),
        ..KeyWish::default()
    };
    let admin = KeyAdmin::open(Sources::default(), Some(store)).unwrap();
    admin.create(&wish, UtcTime::now()).unwrap();
    assert_eq!(case.load().unwrap().budgets.rules.len(), 2);
}

#[test]
fn an_account_of_each_key_needs_keys_that_are_known_again() {
    let case = |covers: &str, more: &str, keys: &str| {
        let budget = format!("{{name: a, per_window: day, tokens: 1{covers}}}");
        let yaml = format!("budgets: [{budget}]\n{more}\n");
        Case::yaml(yaml).key_file("keys", keys)
    };
    let token = "t".repeat(24);
    let both = "store: {dir: data}\nauth: {keys_file: keys}";
    let expected = "DIR/lukhas.yaml:1:54: `budgets.0.per`: the key of `DIR/keys` line 1 has no name, \
                    so its account would begin anew with each start\n  help: name keys in \
                    `auth.keys_file`, one a line: the key, then its name; or make them with `lukhas \
                    keys create`";
    for covers in [
        ", per: [key]",
        ", per: [project, key]",
        ", per: [key], projects: [default]",
    ] {
        assert_eq!(case(covers, both, &token).problems(), expected, "{covers}");
    }
    let named = format!("{token} alice");
    let two = format!("{token}\n{} alice", "u".repeat(24));
    for (covers, more, keys) in [
        (", per: [key]", both, &named),
        (", per: [key]", "auth: {keys_file: keys}", &token),
        (", per: [project]", both, &token),
        ("", both, &token),
        (", per: [key], keys: [alice]", both, &two),
    ] {
        let loaded = case(covers, more, keys).load();
        assert!(loaded.is_ok(), "{covers} {more} {keys}: {loaded:?}");
    }
    let stored = "store: {dir: data}\nauth: {keys_file: keys, key_store: keys.jsonl}";
    let case = with_store(case(", per: [key]", stored, &token), 1);
    assert!(case.load().is_ok(), "the pepper of a store stays");
}

#[test]
fn every_problem_of_budgets_is_reported_at_its_place() {
    let text = "\
budgets:
  - {per_window: day, tokens: 1}
  - {name: a b, per_window: day, usd: '0'}
  - {name: c, per_window: day, usd: '-1', per: [key, key]}
  - {name: c, tokens: 5}
  - {name: d, per_window: month, projects: [nobody], keys: [nobody]}
  - {name: e, per_window: month, usd: 1.2.3}
  - {name: f, per_window: day, tokens: 1}
  - {name: g, per_window: day, usd: '1000000'}
store: {dir: ''}
";
    let (rules, store) = text.split_at(text.find("store").unwrap());
    insta::assert_snapshot!(Case::yaml(rules).problems());
    let expected = "DIR/lukhas.yaml:1:14: `store.dir`: the path is empty\n  help: name a folder, or \
                    leave the setting out";
    assert_eq!(Case::yaml(store).problems(), expected);
}

#[test]
fn what_cannot_be_read_as_a_budget_is_refused_at_its_place() {
    let text = "\
budgets:
  - {name: a, per_window: week, tokens: 0}
  - {name: b, per_window: day, tokens: -5, per: [model]}
  - {name: c, per_window: day, usd: 12.5, token: 1}
";
    insta::assert_snapshot!(Case::yaml(text).problems());
}
