// SPDX-License-Identifier: Apache-2.0
use super::*;

#[test]
fn every_problem_of_a_file_is_reported_at_its_place() {
    let text = "\
server:
  lisen: 127.0.0.1:8080
  listen: 8080
  max_body_bytes: lots
  max_header_bytes: 1e309
  idle_timeout_ms: -5
  drain_timeout_ms: 1.5
  max_connections: 0
  max_in_flight: 340282366920938463463374607431768211456
  stream_write_timeout_ms: .nan
  body_read_timeout_ms: \"30000\"
  header_read_timeout_ms:
listen: 127.0.0.1:1
log:
  filter: info
  format: jsom
  filter: debug
auth:
  keys: [a-secret-that-is-not-shown]
  keys_env: TEAM_A
models:
  aliases: [a]
engine: fast
store:
  max_entries: [1]
  max_bytes: true
workers: 4
reliability: 7
";
    insta::assert_snapshot!(Case::yaml(text).problems());
}

#[test]
fn a_file_that_cannot_be_read_says_why() {
    let bomb: String = ('b'..='i').fold("a: &a [x, x, x, x, x]\n".into(), |text, c| {
        let before = char::from(c as u8 - 1);
        let items = vec![format!("*{before}"); 10].join(", ");
        format!("{text}{c}: &{c} [{items}]\n")
    });
    let texts: [&[u8]; 17] = [
        b"",
        b"# only a comment\n",
        b"---\n",
        b"- a\n- b\n",
        b"just text",
        b"server:\n  listen: [\n",
        b"server: {listen: \"a\n",
        b"server:\n\tlisten: a\n",
        b"log:\n  filter: caf\xe9\n",
        b"\xff\xfes\0",
        b"a: 1\n---\nb: 2\n",
        b"? [a]\n: b\n",
        b"a: *nobody\n",
        b"a: &a {x: 1}\nb:\n  <<: *a\n",
        &b"[".repeat(1000),
        &b"x: y\n".repeat(300_000),
        bomb.as_bytes(),
    ];
    insta::assert_snapshot!(texts.map(|text| Case::yaml(text).problems()).join("\n\n"));
}

#[test]
fn a_file_that_is_named_must_exist() {
    let mut missing = Case::new();
    missing.sources.flags.config = Some(missing.folder.path().join("none.yaml"));
    let mut directory = Case::new();
    directory.sources.flags.config = Some(directory.folder.path().to_owned());
    let cases = [
        missing,
        directory,
        Case::new().env("LUKHAS_CONFIG", "/none/lukhas.yaml"),
        Case::yaml("reliability: none.yaml"),
        Case::new().env("LUKHAS_RELIABILITY", "/none/limits.yaml"),
        Case::yaml("auth: {keys_file: none.txt}"),
    ];
    insta::assert_snapshot!(cases.map(Case::problems).join("\n\n"));
}

#[test]
fn the_reliability_file_holds_limits_and_repeats_nothing() {
    let case = Case::yaml("reliability: r.yaml\nserver:\n  max_in_flight: 1\n").file(
        "r.yaml",
        "server:\n  max_in_flight: 2\n  listen: 127.0.0.1:1\nlog: {filter: info}\n",
    );
    insta::assert_snapshot!(case.problems());
}

#[test]
fn variables_are_checked_like_files() {
    let case = Case::new()
        .env("LUKHAS_SERVER__MAX_BODY_BYTES", "ten")
        .env("LUKHAS_SERVER__MAX_HEADER_BYTES", "10")
        .env("LUKHAS_SERVER__LISTENN", "a-secret-that-is-not-shown")
        .env("LUKHAS_SERVER", "x")
        .env("LUKHAS_OPENAI_KEY", "a-secret-that-is-not-shown")
        .env("LUKHAS_LOG__FORMAT", "JSON")
        .env("LUKHAS_LOG__FILTER", "info")
        .env("LUKHAS_LOG", "info")
        .env("LUKHAS_AUTH__KEYS_ENV", "TEAM_A")
        .env("LUKHAS_MODELS__ALIASES", "{a: ")
        .env("LUKHAS_server__listen", "127.0.0.1:1");
    insta::assert_snapshot!(case.problems());
}

#[test]
fn a_variable_that_is_not_text_is_refused() {
    let mut case = Case::new();
    let value = OsString::from_vec(b"caf\xe9".to_vec());
    for name in ["LUKHAS_LOG", "LUKHAS_SERVER__LISTEN"] {
        case.sources.environment.push((name.into(), value.clone()));
    }
    insta::assert_snapshot!(case.problems());
}

#[test]
fn values_that_are_well_formed_must_also_mean_something() {
    let text = "\
server: {listen: '8080'}
log: {filter: inof}
auth:
  keys_env: [A, A, 'lk_live_no']
models:
  aliases:
    gpt-4o-mini: lukhas-matrix
    lukhas-matriz: lukhas-matriz
    '': lukhas-matriz
    other: gpt-5
";
    insta::assert_snapshot!(Case::yaml(text).problems());
}

#[test]
fn private_hosts_are_hosts() {
    let text = "\
urls:
  private_hosts:
    - minio
    - '*.example.internal'
    - fd00::7
    - http://minio:9000
    - 10.0.0.0/8
    - 010.0.0.1
    - '*'
    - a.*
    - ''
    - MINIO.
";
    insta::assert_snapshot!(Case::yaml(text).problems());

    let many: String = (0..1_001).map(|n| format!("  - host-{n}\n")).collect();
    let many = Case::yaml(format!("urls:\n  private_hosts:\n{many}"));
    let expected = "DIR/lukhas.yaml:3:5: `urls.private_hosts`: there are 1001 hosts; at most 1000 \
                    are allowed\n  help: allow all names under one with `*.NAME`";
    assert_eq!(many.problems(), expected);
}

#[test]
fn short_forms_of_an_address_are_recognised() {
    #[track_caller]
    fn check(listen: &str, help: &str) {
        let problems = Case::new().listen(listen).problems();
        assert_eq!(
            problems.lines().last().unwrap().trim(),
            format!("help: {help}")
        );
    }
    check("8080", "write `127.0.0.1:8080`");
    check(":80", "write `127.0.0.1:80`");
    check("localhost:9000", "write `127.0.0.1:9000`");
    check("*:9000", "write `0.0.0.0:9000`");
    check("10.0.0.1", "write `10.0.0.1:8080`");
    check("::1", "write `[::1]:8080`");
    let general = "write `127.0.0.1:8080`, `0.0.0.0:8080` or `[::1]:8080`";
    check("127.0.0.1:70000", general);
    check("example.org:80", general);
    check("", general);
}
