// SPDX-License-Identifier: Apache-2.0
mod budgets;
mod keys;
mod limits;
mod mistypes;
mod overload;
mod problems;
mod redis;
mod shipped;
mod upstreams;

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
        self.load().expect_err("there is a problem")
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
    assert!(loaded.keys.is_none());
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
