// SPDX-License-Identifier: Apache-2.0
use std::fs;

use tempfile::TempDir;

use super::*;

/// What the rules of a file of patterns make of `text`, or what is wrong with them.
fn redacted(yaml: &str, text: &str) -> Result<String, String> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("patterns.yaml");
    fs::write(&path, yaml).unwrap();
    let flags = RedactFlags {
        patterns: Some(path),
        ..RedactFlags::default()
    };
    let rules = redact_rules(&flags).map_err(|error| {
        let folder = folder.path().display().to_string();
        error.to_string().replace(&folder, "DIR")
    });
    rules.map(|rules| rules.redact(text).text)
}

#[test]
fn patterns_of_a_file_are_found() {
    let yaml = r"
patterns:
  - entity: EMPLOYEE
    pattern: 'EMP-\d{4,6}'
  - entity: BADGE
    pattern: '\d{3}'
    kind: secret
    context: [badge]
";
    let text = redacted(yaml, "EMP-1234, badge 777, 888 of ada@example.com");
    let expected = "[REDACTED:EMPLOYEE], badge [REDACTED:BADGE], 888 of [REDACTED:EMAIL_ADDRESS]";
    // `888` is within reach of `badge`, but what was found between them ends that reach.
    assert_eq!(text.as_deref(), Ok(expected));
}

#[test]
fn every_pattern_that_cannot_be_used_is_told_with_its_place() {
    let yaml = r"
patterns:
  - {entity: FIRST, pattern: '(\d+'}
  - {entity: SECOND, pattern: '\d+'}
  - {entity: third, pattern: '\d{3}'}
  - {entity: FOURTH}
";
    insta::assert_snapshot!(redacted(yaml, "").unwrap_err());
    insta::assert_snapshot!(redacted("patterns:\n  - {entiti: A}\n", "").unwrap_err());
}

#[test]
fn what_no_flag_can_say_is_told_by_its_name() {
    let flags = RedactFlags {
        profile: Some("log".to_owned()),
        entities: vec![
            "UK_NSH".to_owned(),
            "UK_NHS".to_owned(),
            "NOTHING".to_owned(),
        ],
        patterns: Some("no/such/file.yaml".into()),
    };
    insta::assert_snapshot!(redact_rules(&flags).unwrap_err().to_string());
}

#[test]
fn too_many_patterns_are_refused() {
    let line = "  - {entity: A, pattern: a}\n";
    let error = redacted(&format!("patterns:\n{}", line.repeat(101)), "").unwrap_err();
    assert_eq!(
        error,
        "--patterns: patterns: 101 are more than 100\n  help: use fewer patterns"
    );
}

#[test]
fn the_shipped_patterns_can_be_used() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/redact/example.yaml");
    assert!(!patterns(&path).unwrap().unwrap().is_empty());
}
