// SPDX-License-Identifier: Apache-2.0
//! `lukhas config`, and what a bad configuration looks like from outside.

use crate::process::Setup;

fn check() -> Setup {
    Setup::new(&["config", "check"])
}

/// What `setup` says, which must be exit code 2 and nothing on standard output.
#[track_caller]
fn refused(setup: Setup) -> String {
    let ended = setup.run();
    assert_eq!(
        (ended.code, ended.out.as_str()),
        (Some(2), ""),
        "{}",
        ended.err
    );
    ended.err
}

#[test]
fn files_are_refused_with_place_key_reason_and_help() {
    let bomb: String = ('b'..='i').fold("a: &a [x, x, x, x, x]\n".to_owned(), |text, c| {
        let before = char::from(c as u8 - 1);
        let items = vec![format!("*{before}"); 10].join(", ");
        format!("{text}{c}: &{c} [{items}]\n")
    });
    let files: [(&str, &[u8]); 22] = [
        ("unknown key", b"server:\n  max_body_byte: 4096\n"),
        ("unknown section", b"sever: {}\n"),
        ("misplaced key", b"listen: 127.0.0.1:1\n"),
        ("text for a number", b"server:\n  max_body_bytes: lots\n"),
        ("number for text", b"server:\n  listen: 8080\n"),
        ("list for text", b"log:\n  filter: [info]\n"),
        ("text for a section", b"server: fast\n"),
        ("no such choice", b"log:\n  format: yaml\n"),
        ("too small", b"server:\n  max_connections: 0\n"),
        ("negative", b"server:\n  idle_timeout_ms: -1\n"),
        ("not whole", b"server:\n  drain_timeout_ms: 1.5\n"),
        ("not finite", b"store:\n  max_bytes: 1e309\n"),
        ("not a number", b"store:\n  max_bytes: .nan\n"),
        ("impossible address", b"server:\n  listen: localhost\n"),
        ("impossible filter", b"log:\n  filter: verbose\n"),
        (
            "no such model",
            b"models:\n  aliases: {gpt-4o: lukhas-matris}\n",
        ),
        ("repeated key", b"log:\n  filter: info\n  filter: warn\n"),
        ("not YAML", b"server: {listen: [\n"),
        ("not UTF-8", b"log:\n  filter: \xff\n"),
        ("empty", b""),
        ("too large", &b"# comment\n".repeat(200_000)),
        ("alias bomb", bomb.as_bytes()),
    ];
    let texts = files.map(|(name, file)| {
        let text = refused(check().config(file));
        format!("# {name}\n{text}")
    });
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn files_that_cannot_be_read_are_refused() {
    let missing = Setup::new(&["config", "check", "--config", "none.yaml"]);
    let directory = Setup::new(&["config", "check", "--config", "."]);
    let cases = [
        missing,
        directory,
        check().env("LUKHAS_CONFIG", "none.yaml"),
        check().config("reliability: runtime/none.yaml\n"),
        check().config("auth: {keys_file: none.txt}\n"),
        check()
            .config("auth: {keys_file: keys.txt}\n")
            .file("keys.txt", "x"),
        check().config("auth: {keys_env: [TEAM_KEY]}\n"),
    ];
    insta::assert_snapshot!(cases.map(refused).join("\n"));
}

#[test]
fn variables_and_flags_are_refused_by_name() {
    let cases = [
        check().env("LUKHAS_SERVER__MAX_BODY_BYTES", "lots"),
        check().env("LUKHAS_SERVER__MAX_BODY_BYTE", "4096"),
        check().env("LUKHAS_SERVER__LISTEN", "nowhere"),
        check().env("LUKHAS_SERVER", "127.0.0.1:1"),
        check().env("LUKHAS_LOG", "loud"),
        check().env("LUKHAS_API_TOKEN", "short"),
        Setup::new(&["config", "check", "--listen", "8080"]),
        Setup::new(&["config", "check", "--log", "loud"]),
    ];
    insta::assert_snapshot!(cases.map(refused).join("\n"));
}

#[test]
fn all_problems_are_told_at_once() {
    let setup = check()
        .config("server:\n  lisen: x\n  max_connections: 0\nreliability: none.yaml\n")
        .env("LUKHAS_LOGS", "info");
    insta::assert_snapshot!(refused(setup));
}

#[test]
fn serving_refuses_what_checking_refuses() {
    let setup = Setup::new(&["serve"]).config("server:\n  lisen: x\n");
    let text = refused(setup);
    assert_eq!(text, refused(check().config("server:\n  lisen: x\n")));
}

#[test]
fn a_public_address_without_a_key_is_refused() {
    insta::assert_snapshot!(refused(Setup::new(&["serve", "--listen", "0.0.0.0:0"])));
    let file = Setup::new(&["serve"]).config("server: {listen: '[::]:8080'}\n");
    insta::assert_snapshot!(refused(file));
}

#[test]
fn a_valid_configuration_is_said_to_be_valid() {
    let ended = check().config("log: {filter: debug}\n").run();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(
        (ended.out.as_str(), ended.err.as_str()),
        ("the configuration is valid\n", "")
    );
}

#[test]
fn show_gives_origins_and_no_keys() {
    let token = "t0ken".repeat(5);
    let setup = |arguments: &[&str]| {
        Setup::new(arguments)
            .config("auth: {keys_file: keys.txt}\nreliability: r.yaml\n")
            .file("r.yaml", "server:\n  max_in_flight: 3\n")
            .secret_file("keys.txt", &format!("{token}1 ops\n"))
            .env("LUKHAS_API_TOKEN", &format!("{token}2"))
            .env("LUKHAS_SERVER__MAX_BODY_BYTES", "2048")
    };
    let yaml = setup(&["config", "show", "--log", "warn"]).run();
    let json = setup(&["config", "show", "--json"]).run();
    for ended in [&yaml, &json] {
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
        assert!(!ended.out.contains(&token), "{}", ended.out);
    }
    insta::assert_snapshot!(yaml.out);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["config"]["server"]["max_in_flight"], 3);
    assert_eq!(json["origins"]["server.max_in_flight"], "DIR/r.yaml:2:18");
    assert_eq!(json["keys"], 2);
}
