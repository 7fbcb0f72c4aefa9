// SPDX-License-Identifier: Apache-2.0
use lukhas_core::Provider as _;

use super::*;

#[test]
fn what_is_wrong_with_an_upstream_is_named_at_its_place() {
    let secret = ["sk", "not", "shown"].join("-");
    let text = format!(
        "\
upstreams:
  nowhere: {{}}
  typo:
    base_url: http://127.0.0.1:1/v1
    api: chatt
    kye: env:X
  plain:
    base_url: http://127.0.0.1:1/v1
    key: {secret}
"
    );
    insta::assert_snapshot!(Case::yaml(text).problems());
}

#[test]
fn what_an_upstream_means_must_be_possible() {
    let text = "\
upstreams:
  nowhere: {}
  words:
    base_url: not a url
  ftp:
    base_url: ftp://127.0.0.1/v1
  user:
    base_url: https://me:secret@127.0.0.1/v1
  unset:
    base_url: http://127.0.0.1:1/v1
    key: env:NOBODY_SETS_THIS
  absent:
    base_url: http://127.0.0.1:1/v1
    key: file:absent.key
  empty:
    base_url: http://127.0.0.1:1/v1
    key: file:empty.key
  raw:
    base_url: http://127.0.0.1:1/v1
    key: sk-raw-and-not-shown
  distrust:
    base_url: https://127.0.0.1:1/v1
    ca_file: empty.key
  hasty:
    base_url: http://127.0.0.1:1/v1
    read_ms: 5000
    total_ms: 4000
  good:
    base_url: http://127.0.0.1:1/v1
models:
  other: goood
  aliases:
    short: loong
  table:
    lukhas-matriz:
      targets: [{upstream: good}]
    lonely: {}
    long:
      targets:
        - {upstream: good}
        - {upstream: absent}
        - {upstream: nobody}
";
    let case = || Case::yaml(text).file("empty.key", "");
    insta::assert_snapshot!(case().problems());
    let without_alias = text.replace("short: loong", "short: long");
    let case = Case::yaml(without_alias).file("empty.key", "");
    let problems = case.problems();
    assert!(
        !problems.contains("not-shown") && !problems.contains("secret@"),
        "{problems}"
    );
    insta::assert_snapshot!(problems);
}

#[test]
fn the_variables_of_the_official_clients_switch_an_upstream_on() {
    let loaded = Case::new().env("OPENAI_API_KEY", "sk-x").load().unwrap();
    let [openai] = loaded.upstreams.infos.as_slice() else {
        panic!("{:?}", loaded.upstreams.infos);
    };
    let said = openai.to_string();
    assert_eq!(said, "openai at https://api.openai.com/v1");
    let prefixes = |loaded: &Loaded| -> Vec<_> {
        let others = loaded.upstreams.others.iter();
        others.map(|(prefix, _)| *prefix).collect()
    };
    assert_eq!(prefixes(&loaded), [""]);
    let anthropic = || Case::new().env("ANTHROPIC_API_KEY", "sk-y");
    assert_eq!(
        prefixes(&anthropic().load().unwrap()),
        [""],
        "one alone answers for every name"
    );
    let both = anthropic().env("OPENAI_API_KEY", "sk-x").load().unwrap();
    assert_eq!(prefixes(&both), ["", "claude"]);

    for empty in ["OPENAI_API_KEY", "OPENAI_BASE_URL"] {
        let loaded = Case::new().env(empty, "").load().unwrap();
        assert!(loaded.upstreams.others.is_empty());
    }
    let own = ["lk", "live", "x"].join("_");
    for case in [
        Case::new().env("OPENAI_API_KEY", &own),
        Case::new()
            .env("OPENAI_API_KEY", "sk-x")
            .env("OPENAI_BASE_URL", "nowhere"),
        Case::new()
            .env("OPENAI_API_KEY", &own)
            .env("OPENAI_BASE_URL", "http://localhost:8080/v1"),
    ] {
        let problems = case.problems();
        assert!(problems.contains("OPENAI_"), "{problems}");
        assert!(!problems.contains(&own), "{problems}");
    }
}

#[test]
fn an_address_alone_switches_on_an_upstream_that_needs_no_key() {
    for (variable, url, said) in [
        (
            "OPENAI_BASE_URL",
            "http://127.0.0.1:11434/v1",
            "openai at http://127.0.0.1:11434/v1, without a key",
        ),
        (
            "ANTHROPIC_BASE_URL",
            "https://api.anthropic.com.test",
            "anthropic at https://api.anthropic.com.test, without a key",
        ),
    ] {
        let loaded = Case::new().env(variable, url).load().unwrap();
        assert_eq!(loaded.upstreams.others.len(), 1);
        let shown = loaded.to_yaml().unwrap();
        assert!(shown.contains(&format!("# upstream: {said}\n")), "{shown}");
        let json = loaded.to_json().unwrap();
        assert_eq!(json["upstreams"][0]["address"], url);
        assert_eq!(json["upstreams"][0]["has_key"], false);
    }
    for (variable, url, key) in [
        (
            "OPENAI_BASE_URL",
            "https://api.openai.com/v1",
            "OPENAI_API_KEY",
        ),
        (
            "OPENAI_BASE_URL",
            "https://EU.api.OpenAI.com.:443/v1",
            "OPENAI_API_KEY",
        ),
        (
            "ANTHROPIC_BASE_URL",
            "https://api.anthropic.com",
            "ANTHROPIC_API_KEY",
        ),
    ] {
        let problems = Case::new().env(variable, url).env(key, "").problems();
        let expected = format!(
            "{variable}: that server needs a key, and {key} is not set\n  help: set {key}, or \
             unset {variable} to start without that upstream"
        );
        assert_eq!(problems.trim_end(), expected);
    }
}

#[test]
fn an_upstream_is_another_server() {
    let text = "\
server: {listen: 0.0.0.0:8157}
upstreams:
  me: {base_url: http://localhost:8157/v1}
";
    let case = Case::yaml(text).env("LUKHAS_API_TOKEN", &token("t"));
    let expected = "DIR/lukhas.yaml:3:18: `upstreams.me.base_url`: it is the address of this \
        server, which would ask itself\n  help: write the address of another server";
    assert_eq!(case.problems().trim_end(), expected);
}

#[test]
fn models_of_the_table_are_listed_and_have_aliases() {
    let text = "\
upstreams:
  one: {base_url: http://127.0.0.1:1/v1}
  two: {base_url: http://127.0.0.1:2/v1, key: env:TWO, read_ms: 60000}
models:
  other: two
  aliases: {gpt-4o: chat}
  table:
    chat:
      context_window: 32768
      targets: [{upstream: one, model: a, weight: 3}, {upstream: two, weight: 1}, {upstream: two}]
";
    let loaded = Case::yaml(text).env("TWO", "sk-two").load().unwrap();
    let [model] = loaded.upstreams.models.as_slice() else {
        panic!("{:?}", loaded.upstreams);
    };
    assert_eq!(model.models()[0].id, "chat");
    assert_eq!(model.models()[0].context_window, 32_768);
    let targets: Vec<_> = model
        .pool()
        .status()
        .map(|status| {
            let target = status.target;
            let name = target.model.as_deref().unwrap_or_default();
            (
                target.upstream.name(),
                name,
                target.weight.get(),
                target.tier,
            )
        })
        .collect();
    assert_eq!(
        targets,
        [
            ("one", "a", 3, 0),
            ("two", "chat", 1, 0),
            ("two", "chat", 1, 1)
        ]
    );
    assert_eq!(loaded.settings().aliases().chat()["gpt-4o"], "chat");
}

#[test]
fn targets_have_prices_and_times_of_their_own_or_those_above_them() {
    let text = "\
upstreams:
  one: {base_url: http://127.0.0.1:1/v1, read_ms: 5000, total_ms: 60000}
models:
  table:
    chat:
      max_output_tokens: 4096
      price: {input: \"2.50\", cached_input: \"1.25\", output: \"10\"}
      targets:
        - {upstream: one}
        - {upstream: one, read_ms: 700, price: {input: \"0.1\", output: \"0\"}}
        - {upstream: one, total_ms: 9000}
";
    let loaded = Case::yaml(text).load().unwrap();
    let targets = loaded.upstreams.models[0].pool().status();
    let seen: Vec<_> = targets
        .map(|status| {
            let price = status.target.price.unwrap();
            let price = [price.input, price.cached_input, price.output].map(|part| part.0);
            let times = status.target.upstream.timeouts();
            let times = [times.first_byte(), times.idle(), times.total()];
            (price, times.map(|time| time.as_millis()))
        })
        .collect();
    let dear = [2_500_000, 1_250_000, 10_000_000];
    let expected = [
        (dear, [5000, 5000, 60_000]),
        ([100_000, 100_000, 0], [700, 700, 60_000]),
        (dear, [5000, 5000, 9000]),
    ];
    assert_eq!(seen, expected);
    let again = Case::yaml(loaded.to_yaml().unwrap()).load().unwrap();
    assert_eq!(again.config(), loaded.config());
    let shown = loaded.to_yaml().unwrap();
    assert!(shown.contains("cached_input: \"1.25\""), "{shown}");
}

#[test]
fn prices_and_times_that_cannot_be_are_named_at_their_line() {
    let text = "\
upstreams:
  one: {base_url: http://127.0.0.1:1/v1}
models:
  table:
    a:
      price: {input: free, cached_input: \"1,5\", output: \"0.0000001\"}
      targets: [{upstream: one}]
    b:
      targets:
        - upstream: one
          price:
            input: \"1\"
    c:
      targets:
        - {upstream: one, read_ms: 2000, total_ms: 1000}
";
    insta::assert_snapshot!(Case::yaml(text).problems());
    for (price, expected) in [
        ("{input: 2.5, output: \"1\"}", "put it in quotes"),
        ("{inputs: \"1\"}", "did you mean `input`?"),
        ("\"1\"", "expected settings"),
    ] {
        let text = format!("models: {{table: {{a: {{price: {price}}}}}}}");
        let problems = Case::yaml(text).problems();
        assert!(problems.contains(expected), "{problems}");
        assert!(problems.contains("models.table.a.price"), "{problems}");
    }
    let most = Case::yaml("models: {table: {a: {max_output_tokens: 0}}}").problems();
    assert!(most.contains("`0` is out of range"), "{most}");
}

#[test]
fn the_examples_of_the_documentation_are_configurations() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = fs::read_to_string(root.join("docs/ops/RELIABILITY_TUNING.md")).unwrap();
    let example = page
        .split("```yaml\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let case = Case::yaml(example).env("OPENAI_API_KEY", "sk-x");
    assert_eq!(case.load().unwrap().upstreams.models.len(), 1);
}

#[test]
fn retries_that_contradict_themselves_are_named_at_their_line() {
    let problems = Case::yaml("retry:\n  base_s: 2.5\n  max_s: 2\n").problems();
    let expected = "DIR/lukhas.yaml:3:10: `retry.max_s`: it must be at least `base_s`";
    assert_eq!(problems, expected);
    for text in [
        "retry: {jitter: 1.5}",
        "retry: {budget: 0.0001}",
        "retry: {factor: \"2\"}",
    ] {
        let problems = Case::yaml(text).problems();
        assert!(problems.contains("in steps of 0.001"), "{problems}");
    }
}

#[test]
fn a_second_attempt_must_be_able_to_come_about() {
    let text = "\
upstreams:
  local:
    base_url: http://127.0.0.1:1/v1
    read_ms: 500
  far:
    base_url: http://127.0.0.1:2/v1
models:
  table:
    quick:
      targets: [{upstream: local}]
    slow:
      hedge_after_ms: 20000
      targets: [{upstream: local}, {upstream: far}]
    going:
      max_continuations: 1
      targets: [{upstream: local}, {upstream: far}]
    good:
      hedge_after_ms: 9999
      max_continuations: 0
      targets: [{upstream: local}, {upstream: far}]
retry:
  hedge_after_ms: 499
  max_continuations: 2
  max_attempts: 1
";
    insta::assert_snapshot!(Case::yaml(text).problems());
}

#[test]
fn continuations_are_attempts() {
    let with = |continuations: u32, attempts: u32| {
        let text =
            format!("retry: {{max_continuations: {continuations}, max_attempts: {attempts}}}");
        Case::yaml(text)
    };
    let expected = "DIR/lukhas.yaml:1:28: `retry.max_continuations`: each is an attempt, but \
         `retry.max_attempts` is 3\n  help: write at most 2, or raise `retry.max_attempts`";
    assert_eq!(with(3, 3).problems(), expected);
    assert!(with(2, 3).load().is_ok());
}
