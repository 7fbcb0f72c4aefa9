// SPDX-License-Identifier: Apache-2.0
use std::fs;

use lukhas_mock::{FAULTS, Reply};
use tempfile::TempDir;

use super::*;

fn options(flags: MockFlags, environment: &[(&str, &str)]) -> Result<MockOptions, String> {
    let variables = environment
        .iter()
        .map(|(name, value)| (name.into(), value.into()));
    let sources = MockSources {
        flags,
        environment: variables.collect(),
    };
    mock_options(sources).map_err(|error| error.to_string())
}

/// The rules of a script, or what is wrong with it.
fn read(yaml: &str) -> Result<Vec<Rule>, String> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("script.yaml");
    fs::write(&path, yaml).unwrap();
    let problems = rules(&path).unwrap().map_err(|problems| {
        let texts = problems.iter().map(ToString::to_string);
        texts.collect::<Vec<_>>().join("\n")
    });
    let folder = folder.path().display().to_string();
    problems.map_err(|text| text.replace(&folder, "DIR"))
}

#[test]
fn loopback_is_where_it_listens_unless_told_otherwise() {
    let at = |listen: Option<&str>| {
        let listen = listen.map(str::to_owned);
        let flags = MockFlags {
            listen,
            ..MockFlags::default()
        };
        options(flags, &[]).map(|options| options.listen().to_string())
    };
    assert_eq!(at(None).as_deref(), Ok("127.0.0.1:9100"));
    assert_eq!(at(Some("[::1]:0")).as_deref(), Ok("[::1]:0"));
    let message = "--listen: `9100` is not an address and a port\n  help: write `127.0.0.1:9100`";
    assert_eq!(at(Some("9100")), Err(message.to_owned()));
}

#[test]
fn a_key_is_wanted_from_the_variable_that_is_named() {
    let flags = || MockFlags {
        require_key_env: Some("MOCK_KEY".to_owned()),
        ..MockFlags::default()
    };
    let message = "--require-key-env: the variable `MOCK_KEY` is not set\n  \
                   help: put a key into it, or leave the flag out to take any";
    for environment in [&[][..], &[("MOCK_KEY", "")]] {
        assert_eq!(options(flags(), environment).unwrap_err(), message);
    }
    let key = "k3y".repeat(5);
    let options = options(flags(), &[("MOCK_KEY", &key)]).unwrap();
    assert!(!format!("{options:?}").contains(&key));
}

#[test]
fn the_shipped_script_is_one_and_shows_every_kind_of_rule() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/mock/example.yaml");
    let rules = rules(&path).unwrap().unwrap();
    let any = |wanted: fn(&Rule) -> bool| rules.iter().any(wanted);
    assert!(any(|rule| rule.model.is_some()));
    assert!(any(|rule| rule.contains.is_some()));
    assert!(any(|rule| matches!(rule.reply, Some(Reply::Text(_)))));
    assert!(any(|rule| matches!(rule.reply, Some(Reply::ToolCalls(_)))));
    assert!(any(|rule| matches!(rule.reply, Some(Reply::Status(_)))));
    assert!(any(|rule| rule.reply.is_none()));
    assert!(any(|rule| rule.usage.is_some()));
    assert!(any(|rule| rule.times.is_some()));
    assert!(any(|rule| rule.faults.len() > 1));
}

#[test]
fn the_page_for_users_names_every_fault() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ops/MOCK.md");
    let page = fs::read_to_string(path).unwrap();
    for info in FAULTS {
        let row = format!("| `{}{}` | {}", info.name, info.argument, info.summary);
        assert!(page.contains(&row), "no row `{row}`");
    }
    let yaml = page.split_once("```yaml\n").unwrap().1;
    read(yaml.split_once("```").unwrap().0).unwrap();
}

#[test]
fn a_script_is_read_with_everything_in_it() {
    let yaml = "
rules:
  - match: {model: gpt-4o, contains: weather}
    reply:
      tool_calls:
        - {name: get_weather, arguments: '{\"city\": \"Paris\"}'}
        - {name: get_time}
    usage: {input_tokens: 9, cached_tokens: 4, output_tokens: 3}
    faults: [503x2, delay=20ms]
    times: 3
  - match: {contains: boom}
    reply: {status: 418}
  - reply: {text: 'Hello.'}
";
    insta::assert_debug_snapshot!(read(yaml).unwrap());
}

#[test]
fn what_is_wrong_is_told_with_place_and_help() {
    let scripts = [
        "rules: 3",
        "rule: []",
        "rules: [{match: {modle: a}}]",
        "rules: [{match: {contains: 42}}]",
        "rules:\n  - reply: hello\n",
        "rules:\n  - reply: {}\n",
        "rules:\n  - reply: {text: a, status: 500}\n",
        "rules:\n  - reply: {status: 200}\n",
        "rules:\n  - reply: {tool_calls: []}\n",
        "rules:\n  - reply: {tool_calls: [{arguments: '{}'}]}\n",
        "rules:\n  - reply: {tool_calls: [{name: f, arguments: {a: 1}}]}\n",
        "rules:\n  - faults: [gzip, clean_cot@3]\n",
        "rules:\n  - faults: [bang]\n",
        "rules:\n  - faults: [503]\n",
        "rules:\n  - faults:\n      - clean_cut\n",
        "rules:\n  - times: 0\n",
        "rules:\n  - usage: {input_tokens: 1, cached_tokens: 2}\n",
        "rules:\n  - reply: {text: a}\n  - reply: {text: b}\n    faults: [nothing=at=all]\n",
        "rules: [",
        "",
    ];
    let shown = scripts.map(|script| format!("# {}\n{}", script.trim(), read(script).unwrap_err()));
    insta::assert_snapshot!(shown.join("\n\n"));
}

#[test]
fn all_problems_are_told_at_once() {
    let flags = MockFlags {
        listen: Some("here".to_owned()),
        script: Some("none.yaml".into()),
        require_key_env: Some("NO_KEY".to_owned()),
    };
    insta::assert_snapshot!(options(flags, &[]).unwrap_err());
}
