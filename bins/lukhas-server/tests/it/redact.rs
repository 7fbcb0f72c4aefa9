// SPDX-License-Identifier: Apache-2.0
//! `lukhas redact` from outside.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::keys::blocks;
use crate::process::Setup;

/// The program while it redacts.
struct Redact {
    child: Child,
    input: Option<ChildStdin>,
    out: BufReader<ChildStdout>,
}

impl Redact {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lukhas"))
            .arg("redact")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            input: child.stdin.take(),
            out: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.input
            .as_mut()
            .unwrap()
            .write_all(bytes.as_ref())
            .unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line
    }

    /// Closes its input; its exit code, and the rest of what it says.
    fn end(mut self) -> (Option<i32>, String, String) {
        drop(self.input.take());
        let (mut out, mut err) = (String::new(), String::new());
        self.out.read_to_string(&mut out).unwrap();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut err).unwrap();
        (self.child.wait().unwrap().code(), out, err)
    }
}

#[test]
fn a_stream_is_masked_as_it_comes() {
    let mut redact = Redact::start(&[]);
    redact.send("Write to ada@exa");
    redact.send("mple.com today.\nThen");
    // The first line is there while the input goes on.
    assert_eq!(redact.line(), "Write to [REDACTED:EMAIL_ADDRESS] today.\n");
    redact.send(b" caf\xc3");
    redact.send(b"\xa9 \xff 4111 1111 1111 1111");
    let (code, out, err) = redact.end();
    assert_eq!(out, "Then café \u{FFFD} [REDACTED:CREDIT_CARD]");
    assert_eq!((code, err.as_str()), (Some(0), ""));
}

#[test]
fn lines_are_answered_one_by_one_with_places_in_characters() {
    let mut redact = Redact::start(&["--jsonl", "--entity", "UK_NHS"]);
    redact.send("{\"id\": 7, \"text\": \"é ada\\u0040example.com\"}\n");
    assert_eq!(
        redact.line(),
        "{\"id\":7,\"redacted\":\"é [REDACTED:EMAIL_ADDRESS]\",\"findings\":[{\"kind\":\"pii\",\
         \"entity\":\"EMAIL_ADDRESS\",\"start\":2,\"end\":17,\"rule\":\"email\",\"score\":1.0}]}\n"
    );
    redact.send("\n{\"text\": \"NHS 943 476 5919\"}");
    let (code, out, err) = redact.end();
    assert_eq!(
        out,
        "{\"id\":null,\"redacted\":\"NHS [REDACTED:UK_NHS]\",\"findings\":[{\"kind\":\"pii\",\
         \"entity\":\"UK_NHS\",\"start\":4,\"end\":16,\"rule\":\"uk_nhs\",\"score\":0.95}]}\n"
    );
    assert_eq!((code, err.as_str()), (Some(0), ""));
}

#[test]
fn a_line_that_cannot_be_read_is_named_and_not_quoted() {
    let help = "  help: each line is `{\"id\": …, \"text\": \"…\"}`\n";
    for (line, reason) in [
        ("{\"text\": \"ada@example.com", "no JSON at column 25"),
        (
            "{\"txt\": \"ada@example.com\"}",
            "expected an object with a string `text`",
        ),
        (
            "[\"ada@example.com\"]",
            "expected an object with a string `text`",
        ),
    ] {
        let mut redact = Redact::start(&["--jsonl"]);
        redact.send(format!("{{\"text\": \"\"}}\n{line}"));
        let (code, out, err) = redact.end();
        assert_eq!(code, Some(1));
        assert_eq!(out, "{\"id\":null,\"redacted\":\"\",\"findings\":[]}\n");
        assert_eq!(
            err,
            format!("error: standard input, line 2: {reason}\n{help}")
        );
    }
}

#[test]
fn what_cannot_be_looked_for_stops_the_start_with_2() {
    let arguments = ["redact", "--profile", "log", "--patterns", "patterns.yaml"];
    let ended = Setup::new(&arguments)
        .file(
            "patterns.yaml",
            "patterns:\n  - {entity: A, pattern: 'a+'}\n",
        )
        .run();
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""));
    insta::assert_snapshot!(ended.err);
}

#[test]
fn what_the_page_shows_can_be_had() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = fs::read_to_string(root.join("docs/security/redaction.md")).unwrap();
    let yaml = blocks(&page, "yaml");
    assert_eq!(yaml.len(), 3);
    for block in yaml {
        let setup = match block.starts_with("patterns:") {
            true => {
                Setup::new(&["redact", "--patterns", "patterns.yaml"]).file("patterns.yaml", &block)
            }
            false => Setup::new(&["config", "check"]).config(&block),
        };
        let ended = setup.run();
        assert_eq!(ended.code, Some(0), "{block}{}", ended.err);
    }
}
