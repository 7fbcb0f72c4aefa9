// SPDX-License-Identifier: Apache-2.0
use super::*;

/// The files of the repository, loaded as users load them.
fn shipped() -> Loaded {
    let mut sources = Sources::default();
    sources.flags.config = Some(configs().join("lukhas.yaml"));
    load(sources).unwrap()
}

fn configs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs")
}

#[test]
fn the_shipped_files_hold_exactly_the_defaults() {
    let expected = Config {
        reliability: Some("runtime/reliability.yaml".into()),
        slo_budgets: Some("observability/slo_budgets.yaml".into()),
        ..Config::default()
    };
    assert_eq!(shipped().config(), &expected);
}

#[test]
fn the_shipped_files_name_every_setting() {
    let shape = Shape::of_config().unwrap();
    let loaded = shipped();
    for (path, _) in shape.leaves() {
        let key = path.join(".");
        let origin = loaded.origins.get(&key);
        assert!(matches!(origin, Origin::File { .. }), "`{key}` is missing");
    }
}

#[test]
fn the_shipped_files_explain_every_setting() {
    let texts = [
        "lukhas.yaml",
        "runtime/reliability.yaml",
        "observability/slo_budgets.yaml",
    ]
    .map(|name| fs::read_to_string(configs().join(name)).unwrap());
    let lines: Vec<&str> = texts.iter().flat_map(|text| text.lines()).collect();
    for (path, _) in Shape::of_config().unwrap().leaves() {
        let setting = format!("{}:", path.last().unwrap());
        let at = lines
            .iter()
            .position(|line| line.trim_start().starts_with(&setting));
        let before = lines[at.unwrap() - 1].trim_start();
        assert!(before.starts_with('#'), "`{setting}` has no comment");
    }
}

/// The lines of comments below one that ends with `Example:`, a text for each such comment.
fn examples(text: &str) -> Vec<String> {
    let mut examples: Vec<String> = Vec::new();
    let mut is_example = false;
    for line in text.lines() {
        let comment = line.trim_start().strip_prefix('#');
        match (comment, examples.last_mut()) {
            (None, _) => is_example = false,
            (Some(line), Some(example)) if is_example => {
                example.push_str(line);
                example.push('\n');
            }
            (Some(line), _) if line.ends_with("Example:") => {
                is_example = true;
                examples.push(String::new());
            }
            (Some(_), _) => {}
        }
    }
    examples
}

#[test]
fn the_examples_of_the_shipped_file_can_be_used() {
    let text = fs::read_to_string(configs().join("lukhas.yaml")).unwrap();
    let [redaction, upstreams, models] = examples(&text).try_into().unwrap();
    // Their lines are indented by three; the certificate of the first is the reader's own.
    let upstreams = upstreams.replace("\n   ", "\n");
    let upstreams = upstreams.lines().filter(|line| !line.contains("ca_file:"));
    let upstreams: Vec<&str> = upstreams.collect();
    let case = Case::yaml(format!(
        "redaction:\n{redaction}\n{}\nmodels:\n{models}",
        upstreams.join("\n")
    ));
    let keys = case.env("LOCAL_KEY", "sk-x").env("OPENAI_API_KEY", "sk-y");
    let loaded = keys.load().unwrap();
    assert_eq!(loaded.upstreams.models.len(), 1);
    let text = "her badge is B-000123";
    let redacted = "her badge is [REDACTED:BADGE]";
    assert_eq!(loaded.redactions.logs.text(text), redacted);
}
