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
    let texts = ["lukhas.yaml", "runtime/reliability.yaml"]
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
