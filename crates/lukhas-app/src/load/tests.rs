// SPDX-License-Identifier: Apache-2.0
use std::fs;
use std::os::unix::ffi::OsStringExt;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

/// A folder of files, an environment and flags.
struct Case {
    folder: TempDir,
    sources: Sources,
}

impl Case {
    /// Nothing but defaults.
    fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            sources: Sources::default(),
        }
    }

    /// With `--config lukhas.yaml`, and that file.
    fn yaml(text: impl AsRef<[u8]>) -> Self {
        let mut case = Self::new().file("lukhas.yaml", text);
        case.sources.flags.config = Some(case.folder.path().join("lukhas.yaml"));
        case
    }

    fn file(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        fs::write(self.folder.path().join(name), text).unwrap();
        self
    }

    /// A key file, which nobody else may read.
    fn key_file(self, name: &str, text: &str) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let case = self.file(name, text);
        let path = case.folder.path().join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        case
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.sources.environment.push((name.into(), value.into()));
        self
    }

    fn listen(mut self, value: &str) -> Self {
        self.sources.flags.listen = Some(value.to_owned());
        self
    }

    fn load(self) -> Result<Loaded, String> {
        let folder = self.folder.path().display().to_string();
        load(self.sources).map_err(|error| error.to_string().replace(&folder, "DIR"))
    }

    #[track_caller]
    fn problems(self) -> String {
        self.load().err().expect("there is a problem")
    }

    #[track_caller]
    fn shown(self) -> String {
        let folder = self.folder.path().display().to_string();
        let loaded = self.load().unwrap();
        loaded.to_yaml().unwrap().replace(&folder, "DIR")
    }
}

fn token(letter: &str) -> String {
    letter.repeat(24)
}

#[test]
fn defaults_need_nothing() {
    let loaded = Case::new().load().unwrap();
    assert_eq!(loaded.config(), &Config::default());
    assert!(loaded.keys.is_empty());
    assert!(loaded.settings().server().is_loopback());
}

#[test]
fn later_layers_win_and_every_value_knows_its_origin() {
    let text = "server:\n  listen: 127.0.0.1:1\n  max_body_bytes: 2048\nlog: {filter: debug}\n\
                reliability: limits.yaml\nauth: {keys_env: [TEAM_A]}\nmodels:\n  aliases: {a.b: lukhas-matriz}\n";
    let case = Case::yaml(text)
        .file("limits.yaml", "server:\n  idle_timeout_ms: 1000\n")
        .env("LUKHAS_SERVER__MAX_BODY_BYTES", "4096")
        .env("LUKHAS_LOG", "warn")
        .env("TEAM_A", &token("a"))
        .env("OTHER", "ignored")
        .listen("127.0.0.1:3");
    insta::assert_snapshot!(case.shown());
}

#[test]
fn what_is_shown_is_a_configuration_that_gives_the_same() {
    let case = Case::yaml("log: {filter: 'info, a::b=debug'}\nserver: {max_connections: 7}\n");
    let loaded = case.load().unwrap();
    let again = Case::yaml(loaded.to_yaml().unwrap()).load().unwrap();
    assert_eq!(again.config(), loaded.config());
}

proptest! {
    #[test]
    fn any_name_is_shown_so_that_it_reads_the_same(
        names in proptest::collection::btree_set("[A-Za-z0-9_.:/-]{1,6}|null|true|0x1F|1e3|1_0", 1..9)
    ) {
        let aliases = names.iter().map(|name| format!("{}: lukhas-matriz", json!(name)));
        let yaml = format!("models: {{aliases: {{{}}}}}", aliases.collect::<Vec<_>>().join(", "));
        let loaded = Case::yaml(yaml).load().unwrap();
        prop_assert!(loaded.config().models.aliases.keys().eq(&names));
        let again = Case::yaml(loaded.to_yaml().unwrap()).load().unwrap();
        prop_assert_eq!(again.config(), loaded.config());
    }

    #[test]
    fn any_file_is_read_or_refused_with_a_place(
        text in "([a-z:{}\\[\\]&*!|>'\"#%@?,\n\t -]|server|log|filter|listen|: |\n  |- |null){0,40}"
    ) {
        if let Err(problems) = Case::yaml(&text).load() {
            prop_assert!(problems.starts_with("DIR/lukhas.yaml:"), "{}", problems);
        }
    }
}

#[test]
fn a_map_replaces_the_map_below_it() {
    let aliases = |case: Case| case.load().unwrap().config().models.aliases.clone();
    assert!(aliases(Case::yaml("models: {aliases: {}}")).is_empty());
    let case = Case::yaml("models: {aliases: {a: lukhas-matriz, b: lukhas-matriz}}")
        .env("LUKHAS_MODELS__ALIASES", "{\"c\": \"lukhas-matriz\"}");
    assert_eq!(aliases(case).into_keys().collect::<Vec<_>>(), ["c"]);
}

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

#[test]
fn a_public_address_needs_a_key() {
    for listen in [
        "0.0.0.0:8080",
        "[::]:8080",
        "192.0.2.1:80",
        "[::ffff:127.0.0.1]:80",
    ] {
        let problems = Case::new().listen(listen).problems();
        assert!(
            problems.starts_with("--listen: `server.listen`: "),
            "{problems}"
        );
        let case = Case::new()
            .listen(listen)
            .env("LUKHAS_API_TOKEN", &token("a"));
        assert_eq!(case.load().unwrap().keys.len(), 1);
    }
    insta::assert_snapshot!(Case::new().listen("0.0.0.0:80").problems());
}

#[test]
fn keys_come_from_all_their_sources() {
    let text = "auth: {keys_file: keys.txt, keys_env: [LUKHAS_TEAM_KEY, LUKHAS_API_TOKEN]}";
    let case = Case::yaml(text)
        .key_file("keys.txt", &format!("{}\n{} ops\n", token("a"), token("b")))
        .env("LUKHAS_TEAM_KEY", &token("c"))
        .env("LUKHAS_API_TOKEN", &token("d"));
    assert_eq!(case.load().unwrap().keys.len(), 4);
}

#[test]
fn keys_that_cannot_be_used_are_named_and_never_shown() {
    let secret = token("s");
    let short = "s3cret";
    let cases = [
        Case::yaml("auth: {keys_env: [TEAM_A, TEAM_B]}").env("TEAM_B", short),
        Case::new().env("LUKHAS_API_TOKEN", ""),
        Case::yaml("auth: {keys_file: keys.txt}").key_file("keys.txt", short),
        Case::yaml("auth: {keys_file: keys.txt}").key_file("keys.txt", "\n# none\n"),
        Case::yaml("auth: {keys_file: keys.txt}").file("keys.txt", &secret),
        Case::yaml("auth: {keys_file: keys.txt}")
            .key_file("keys.txt", &secret)
            .env("LUKHAS_API_TOKEN", &secret),
        Case::yaml(format!(
            "auth: {{keys_file: {}}}",
            ["lk", "live", &secret].join("_")
        )),
        Case::yaml(format!("auth: {{keys_env: ['{secret}']}}")),
        Case::yaml(format!("auth: {{keys_env: {secret}, keys: {secret}}}")),
        Case::new().env("LUKHAS_AUTH__KEYS_ENV", &secret),
        Case::new().env("LUKHAS_API_TOKENS", &secret),
    ];
    let problems = cases.map(Case::problems).join("\n\n");
    assert!(
        !problems.contains(&secret) && !problems.contains(short),
        "{problems}"
    );
    insta::assert_snapshot!(problems);
}

#[test]
fn what_is_shown_holds_no_key() {
    let secret = token("s");
    let case = || {
        Case::yaml("auth: {keys_file: keys.txt, keys_env: [TEAM_A]}")
            .key_file("keys.txt", &secret)
            .env("TEAM_A", &format!("{secret}2"))
            .env("LUKHAS_API_TOKEN", &format!("{secret}3"))
    };
    let loaded = case().load().unwrap();
    for text in [
        loaded.to_yaml().unwrap(),
        loaded.to_json().unwrap().to_string(),
        format!("{loaded:?}"),
    ] {
        assert!(!text.contains(&secret), "{text}");
    }
    assert_eq!(loaded.to_json().unwrap()["keys"], 3);
}

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
