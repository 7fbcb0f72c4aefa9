// SPDX-License-Identifier: Apache-2.0
//! `lukhas keys`, and a server before a key store.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use lukhas_auth::UtcTime;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::process::{Ended, PATIENCE, Server, Setup};

/// A folder with a key store, where commands are run one after the other.
struct Keys {
    folder: TempDir,
    /// What stands for each identifier and key that was seen.
    seen: BTreeMap<String, String>,
}

impl Keys {
    fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            seen: BTreeMap::new(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lukhas"));
        command
            .arg("keys")
            .args(arguments)
            .env_clear()
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end, with `input` on its standard input.
    fn run_with(&self, arguments: &[&str], input: &str) -> Ended {
        let mut child = self.command(arguments).spawn().unwrap();
        // A command that reads nothing may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        ended(child)
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, "")
    }

    /// Makes a key; its text.
    #[track_caller]
    fn create(&self, arguments: &[&str]) -> String {
        let create = ["create", "--store", "keys.jsonl", "--name", "billing"];
        let ended = self.run(&[&create, arguments].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        ended.out.trim_end().to_owned()
    }

    fn list(&self) -> Vec<serde_json::Value> {
        let ended = self.run(&["list", "--store", "keys.jsonl", "--json"]);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let list: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
        list["keys"].as_array().unwrap().clone()
    }

    /// Names and contents of every file.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect()
    }

    /// `text` with names in the place of what differs in every run.
    fn tidy(&mut self, text: &str) -> String {
        let mut tidy = text.to_owned();
        for start in 0..text.len() {
            let piece = |length| text.get(start..start + length).unwrap_or_default();
            if lukhas_auth::key_id(piece(53)).is_ok() {
                let number = self.seen.len() / 2 + 1;
                let (key, id) = (piece(53).to_owned(), piece(16)[8..].to_owned());
                self.seen.entry(id).or_insert(format!("ID_{number}____"));
                self.seen.entry(key).or_insert(format!("KEY_{number}"));
            }
            if piece(20).parse::<UtcTime>().is_ok() {
                tidy = tidy.replace(piece(20), "2___-__-__T__:__:__Z");
            }
        }
        // Keys before the identifiers inside them.
        let mut seen: Vec<_> = self.seen.iter().collect();
        seen.sort_by_key(|(found, _)| std::cmp::Reverse(found.len()));
        for (found, stands) in seen {
            tidy = tidy.replace(found, stands);
        }
        tidy
    }

    /// The session of a command, as a terminal shows it.
    fn show(&mut self, arguments: &[&str], input: &str) -> String {
        let Ended { code, out, err } = self.run_with(arguments, input);
        let shown = format!(
            "$ lukhas keys {}\n{err}{out}exit code {}\n",
            arguments.join(" "),
            code.unwrap()
        );
        // What was made is known before what was said of it.
        self.tidy(&out);
        self.tidy(&shown)
    }
}

fn ended(child: Child) -> Ended {
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended {
        code: status.code(),
        out: text(stdout),
        err: text(stderr),
    }
}

/// What of a key must be seen nowhere.
fn secret(key: &str) -> &str {
    &key[17..]
}

/// The words of `line`, and the store.
fn stored(line: &str) -> Vec<&str> {
    line.split(' ').chain(["--store", "keys.jsonl"]).collect()
}

#[test]
fn a_session_looks_like_this() {
    let mut keys = Keys::new();
    let mut session = keys.show(&stored("create --name billing --expires 90d"), "");
    let rights = "create --name search --tenant acme --project crawler --scope models:read \
                  --scope models:read --model gpt-* --json";
    session += &keys.show(&stored(rights), "");
    let id = keys.list()[0]["id"].as_str().unwrap().to_owned();
    let is_first = |key: &&String| key.len() > 8 && key.contains(&id);
    let key = keys.seen.keys().find(is_first).unwrap().clone();
    session += &keys.show(&stored("list"), "");
    session += &keys.show(&stored("list --json"), "");
    session += &keys.show(&stored(&format!("rotate {id} --grace 24h")), "");
    session += &keys.show(&stored("check"), &format!("{key}\n"));
    session += &keys.show(&stored(&format!("revoke {id}")), "");
    session += &keys.show(&stored("check"), &key);
    session += &keys.show(&["check"], &key);
    session += &keys.show(&["check"], &key.replace("lk_live", "lk_test"));
    session += &keys.show(&["check"], &key[..52]);
    session += &keys.show(&stored("list"), "");
    insta::assert_snapshot!(session);
}

#[test]
fn what_cannot_be_done_is_told_and_changes_nothing() {
    let mut keys = Keys::new();
    let key = keys.create(&[]);
    let id = key[8..16].to_owned();
    keys.run(&["revoke", &id, "--store", "keys.jsonl"]);
    let stranger = Keys::new().create(&[]);
    keys.tidy(&key);
    keys.tidy(&stranger);
    let before = keys.files();
    let mut said = String::new();
    for arguments in [
        vec!["create", "--name", "a b", "--store", "keys.jsonl"],
        stored(&format!("create --name {key}")),
        stored("create --name a --scope responses:wite"),
        stored("create --name a --scope models:gpt-*"),
        stored("create --name a --model "),
        stored("create --name a --expires 2020-01-31T08:00:00Z"),
        stored("create --name a --expires soon"),
        stored("revoke nobody12"),
        stored(&format!("revoke {key}")),
        stored(&format!("revoke {id}")),
        stored(&format!("rotate {id}")),
        stored("rotate nobody12 --grace 1"),
        vec!["list", "--store", "none.jsonl"],
        vec!["revoke", &id, "--store", "none.jsonl"],
        vec!["list"],
        vec!["list", "--config", "none.yaml"],
    ] {
        let Ended { code, out, err } = keys.run(&arguments);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?}: {err}");
        assert!(!err.contains(secret(&key)), "{err}");
        said += &keys.tidy(&format!("$ {}\n{err}", arguments.join(" ")));
    }
    assert_eq!(keys.files(), before);
    let unknown = keys.show(&["check", "--store", "keys.jsonl"], &stranger);
    assert!(unknown.ends_with("exit code 1\n"), "{unknown}");
    insta::assert_snapshot!(said + &unknown);
}

#[test]
fn a_store_that_cannot_be_used_is_told_by_file_and_line() {
    let keys = Keys::new();
    let first = keys.create(&[]);
    keys.create(&[]);
    let store = keys.path("keys.jsonl");
    let text = fs::read_to_string(&store).unwrap();
    let mut said = String::new();
    let mut check = |content: &str| {
        fs::write(&store, content).unwrap();
        let ended = keys.run(&["create", "--name", "x", "--store", "keys.jsonl"]);
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""));
        assert_eq!(fs::read_to_string(&store).unwrap(), content);
        said += &ended.err;
    };
    check(&text[..text.len() - 40]);
    check(&text.replace("\"billing\"", "\"bill ing\""));
    check(&text.replacen("\"name\"", "\"nick\":0,\"name\"", 1));
    check("");
    fs::write(&store, &text).unwrap();
    let pepper = keys.path("keys.jsonl.pepper");
    fs::write(&pepper, "p".repeat(64)).unwrap();
    check(&text);
    fs::remove_file(&pepper).unwrap();
    check(&text);
    assert!(!said.contains(secret(&first)));
    insta::assert_snapshot!(said);
}

#[test]
fn keys_that_are_made_at_once_are_all_kept() {
    let keys = Keys::new();
    let create = ["create", "--name", "billing", "--store", "keys.jsonl"];
    let children: Vec<_> = (0..6)
        .map(|_| keys.command(&create).spawn().unwrap())
        .collect();
    let made: Vec<_> = children.into_iter().map(ended).collect();
    assert!(made.iter().all(|ended| ended.code == Some(0)), "{made:?}");
    assert_eq!(keys.list().len(), 6);
    for Ended { out, .. } in made {
        let ended = keys.run_with(&["check", "--store", "keys.jsonl"], &out);
        assert_eq!(ended.code, Some(0), "{}", ended.out);
    }
}

#[test]
fn a_change_that_is_killed_leaves_the_store_whole() {
    let keys = Keys::new();
    let create = ["create", "--name", "billing", "--store", "keys.jsonl"];
    let begun = Instant::now();
    let mut told = vec![keys.create(&[])];
    let whole = begun.elapsed();
    for step in 0..40 {
        let mut child = keys.command(&create).spawn().unwrap();
        // Killed at another moment each time, most of them before it is done.
        thread::sleep(whole * step / 40);
        child.kill().unwrap();
        let Ended { out, .. } = ended(child);
        told.extend(out.strip_suffix('\n').map(str::to_owned));
        assert!(keys.list().len() >= told.len(), "after {step}");
    }
    for key in told {
        let ended = keys.run_with(&["check", "--store", "keys.jsonl"], &key);
        assert_eq!(ended.code, Some(0), "{}", ended.out);
    }
    keys.create(&[]);
}

/// A server before the store of `keys`.
fn serve(keys: &Keys, variables: &[(&str, &str)]) -> Server {
    let store = keys.path("keys.jsonl");
    let mut setup =
        Setup::serve("log: {filter: trace}").env("LUKHAS_AUTH__KEY_STORE", store.to_str().unwrap());
    for (name, value) in variables {
        setup = setup.env(name, value);
    }
    setup.start()
}

fn status(server: &Server, key: &str, path: &str) -> u16 {
    server.connect().with_key(key).get(path).status
}

#[test]
fn a_server_knows_the_keys_of_its_store_and_no_other() {
    let keys = Keys::new();
    let (all, ops) = (
        keys.create(&[]),
        keys.create(&["--scope", "operations:read"]),
    );
    let short = keys.create(&["--expires", "2s"]);
    let gone = keys.create(&[]);
    keys.run(&["revoke", &gone[8..16], "--store", "keys.jsonl"]);
    let token = "t".repeat(24);
    let server = serve(&keys, &[("LUKHAS_API_TOKEN", &token)]);
    assert!(!server.banner.contains("lk_live_"), "no key is made");

    assert_eq!(status(&server, &all, "/v1/models"), 200);
    assert_eq!(status(&server, &all, "/metrics"), 403);
    assert_eq!(status(&server, &ops, "/v1/models"), 403);
    assert_eq!(status(&server, &ops, "/metrics"), 200);
    assert_eq!(status(&server, &token, "/metrics"), 200);
    assert_eq!(status(&server, &gone, "/v1/models"), 401);
    // It ends while the server runs.
    while status(&server, &short, "/v1/models") == 200 {
        thread::sleep(Duration::from_millis(50));
    }
    let refused = |key: &str| server.connect().with_key(key).get("/v1/models").body;
    let mut wrong = all.clone();
    wrong.replace_range(20..21, if &all[20..21] == "a" { "b" } else { "a" });
    let bodies = [&short, &gone, &wrong, "nobody"].map(refused);
    assert!(bodies.iter().all(|body| body == &bodies[0]), "{bodies:?}");
    assert!(bodies[0].contains("\"invalid_api_key\""));

    let log = server.stop();
    for key in [&all, &ops, &short, &gone] {
        assert!(!log.contains(secret(key)), "{log}");
    }
}

#[test]
fn a_store_without_an_active_key_opens_no_door() {
    let keys = Keys::new();
    let key = keys.create(&[]);
    keys.run(&["revoke", &key[8..16], "--store", "keys.jsonl"]);
    let server = serve(&keys, &[]);
    assert!(!server.banner.contains("lk_live_"), "{}", server.banner);
    assert_eq!(status(&server, &key, "/v1/models"), 401);
    assert!(server.stop().contains("no key is active"));
}

#[test]
fn a_server_that_runs_follows_its_store() {
    let keys = Keys::new();
    let (stays, goes) = (keys.create(&[]), keys.create(&[]));
    let server = serve(&keys, &[]);
    let begun = Instant::now();
    let eventually = |key: &str, wanted: u16| {
        while status(&server, key, "/v1/models") != wanted {
            assert!(begun.elapsed() < PATIENCE, "never {wanted}");
            assert_eq!(status(&server, &stays, "/v1/models"), 200);
            thread::sleep(Duration::from_millis(20));
        }
    };
    let comes = keys.create(&[]);
    eventually(&comes, 200);
    keys.run(&["revoke", &goes[8..16], "--store", "keys.jsonl"]);
    eventually(&goes, 401);
    assert_eq!(status(&server, &goes, "/v1/models"), 401, "and stays so");
    assert_eq!(status(&server, &comes, "/v1/models"), 200);
    let log = server.stop();
    assert!(log.contains("the configuration was read again"), "{log}");
}

#[test]
fn a_pepper_may_be_elsewhere() {
    let keys = Keys::new();
    let pepper = "a pepper of more than thirty-two bytes";
    let run = |arguments: &[&str], pepper: &str| {
        let mut command = keys.command(arguments);
        command
            .env("LUKHAS_AUTH__PEPPER", "env:LUKHAS_PEPPER")
            .env("LUKHAS_PEPPER", pepper);
        ended(command.spawn().unwrap())
    };
    let create = ["create", "--name", "billing", "--store", "keys.jsonl"];
    let made = run(&create, pepper);
    assert_eq!(made.code, Some(0), "{}", made.err);
    assert!(!keys.path("keys.jsonl.pepper").exists());
    let other = run(&create, &pepper.to_uppercase());
    assert_eq!(other.code, Some(2));
    assert!(other.err.contains("another pepper"), "{}", other.err);

    let key = made.out.trim_end();
    let named = ("LUKHAS_AUTH__PEPPER", "env:LUKHAS_PEPPER");
    let server = serve(&keys, &[named, ("LUKHAS_PEPPER", pepper)]);
    assert_eq!(status(&server, key, "/v1/models"), 200);
    assert!(!server.stop().contains(pepper));
}

#[test]
fn no_key_is_in_any_file_or_anything_that_is_said_of_it() {
    let keys = Keys::new();
    let made = [keys.create(&[]), keys.create(&["--json"])];
    let id = &made[0][8..16];
    let rotated = keys.run(&stored(&format!("rotate {id} --grace 1h")));
    let json = keys.run(&stored("create --name x --json"));
    let mut said = format!("{}{}", rotated.err, json.err);
    for line in ["list", "list --json", &format!("revoke {id}")] {
        let ended = keys.run(&stored(line));
        said += &(ended.out + &ended.err);
    }
    for key in &made {
        let ended = keys.run_with(&stored("check"), key);
        said += &(ended.out + &ended.err);
        let ended = keys.run(&["revoke", key, "--store", "keys.jsonl"]);
        said += &(ended.out + &ended.err);
    }
    let files = keys.files();
    assert_eq!(files.len(), 3, "{:?}", files.keys());
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    let made_json: serde_json::Value = serde_json::from_str(&made[1]).unwrap();
    let texts = [
        made[0].as_str(),
        made_json["key"].as_str().unwrap(),
        rotated.out.trim_end(),
        json["key"].as_str().unwrap(),
    ];
    for key in texts {
        assert_eq!(key.len(), 53);
        for part in [&secret(key)[..12], &secret(key)[12..24]] {
            assert!(!said.contains(part), "{said}");
            for (path, content) in &files {
                let text = String::from_utf8_lossy(content);
                assert!(!text.contains(part), "{}", path.display());
            }
        }
    }
}

/// The text of the blocks of `language` in a page.
pub(crate) fn blocks(page: &str, language: &str) -> Vec<String> {
    let begin = format!("```{language}\n");
    let parts = page.split(&begin).skip(1);
    let block = |part: &str| part.split("```").next().unwrap().to_owned();
    parts.map(block).collect()
}

#[test]
fn what_the_page_says_works() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = fs::read_to_string(root.join("docs/security/keys.md")).unwrap();
    let yaml = blocks(&page, "yaml");
    let keys = Keys::new();
    fs::write(keys.path("lukhas.yaml"), &yaml[0]).unwrap();
    let folder = Path::new(env!("CARGO_BIN_EXE_lukhas")).parent().unwrap();
    let shell = Command::new("/bin/sh")
        .args(["-euc", &blocks(&page, "sh").join("\n")])
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", folder.display()))
        .current_dir(keys.folder.path())
        .output()
        .unwrap();
    let err = String::from_utf8(shell.stderr).unwrap();
    assert!(shell.status.success(), "{err}");
    assert_eq!(keys.list().len(), 4);

    // The other file is right as well, with the pepper it names.
    let pepper = fs::read_to_string(keys.path("keys.jsonl.pepper")).unwrap();
    fs::remove_file(keys.path("keys.jsonl.pepper")).unwrap();
    fs::write(keys.path("lukhas.yaml"), &yaml[1]).unwrap();
    let check = Command::new(env!("CARGO_BIN_EXE_lukhas"))
        .args(["config", "check", "--config", "lukhas.yaml"])
        .env_clear()
        .env("LUKHAS_PEPPER", pepper.trim_end())
        .current_dir(keys.folder.path())
        .output()
        .unwrap();
    assert!(check.status.success(), "{check:?}");
}

#[test]
fn wrong_keys_are_refused_by_client_and_key() {
    let keys = Keys::new();
    let (key, other) = (keys.create(&[]), keys.create(&[]));
    let store = keys.path("keys.jsonl");
    let yaml = "auth: {max_failures_per_key: 3, max_failures_per_address: 5}\n\
                server: {trusted_proxies: [127.0.0.1]}";
    let server = Setup::serve(yaml)
        .env("LUKHAS_AUTH__KEY_STORE", store.to_str().unwrap())
        .start();
    let wrong = format!("{}{}", &key[..20], "x".repeat(33));
    let via = |from: &str, key: &str| {
        let mut client = server.connect();
        client.send(format!(
            "GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\
             x-forwarded-for: {from}\r\n\r\n"
        ));
        client.answer()
    };
    let statuses: Vec<_> = (0..5).map(|_| via("203.0.113.7", &wrong).status).collect();
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
    let refused = via("203.0.113.7", &key);
    assert_eq!(refused.status, 429);
    let wait = refused.head.split("\r\nretry-after: ").nth(1).unwrap();
    let wait: u64 = wait.split("\r\n").next().unwrap().parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    assert_eq!(via("203.0.113.7", &other).status, 200);
    assert_eq!(via("203.0.113.8", &key).status, 200);
    // Without a word of the proxy, the client is the proxy itself.
    assert_eq!(status(&server, &key, "/v1/models"), 200);
    for number in 0..2 {
        let nobody = format!("{}{number}", "n".repeat(20));
        assert_eq!(via("203.0.113.7", &nobody).status, 401);
    }
    assert_eq!(via("203.0.113.7", &other).status, 429);
}
