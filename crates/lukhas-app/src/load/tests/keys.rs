// SPDX-License-Identifier: Apache-2.0
use lukhas_auth::UtcTime;

use super::*;
use crate::{KeyAdmin, KeyWish};

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
        assert_eq!(case.load().unwrap().keys.unwrap().len(), 1);
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
    assert_eq!(case.load().unwrap().keys.unwrap().len(), 4);
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

/// With a store of as many keys in `keys.jsonl`, and its pepper.
pub(super) fn with_store(case: Case, keys: usize) -> Case {
    for _ in 0..keys {
        let store = case.folder.path().join("keys.jsonl");
        let admin = KeyAdmin::open(Sources::default(), Some(store)).unwrap();
        let wish = KeyWish {
            name: "billing".to_owned(),
            ..KeyWish::default()
        };
        admin.create(&wish, UtcTime::now()).unwrap();
    }
    case
}

#[test]
fn a_store_is_found_from_the_file_that_names_it() {
    let case = Case::yaml("auth: {key_store: keys.jsonl}").env("LUKHAS_API_TOKEN", &token("a"));
    let loaded = with_store(case, 2).load().unwrap();
    assert_eq!(loaded.keys.unwrap().len(), 3);

    let pepper = "auth: {key_store: keys.jsonl, pepper: 'file:pepper.txt'}";
    let case = with_store(Case::yaml(pepper), 1);
    let folder = case.folder.path().to_owned();
    fs::rename(folder.join("keys.jsonl.pepper"), folder.join("pepper.txt")).unwrap();
    assert_eq!(case.load().unwrap().keys.unwrap().len(), 1);
}

#[test]
fn a_store_without_an_active_key_is_no_open_door() {
    let case = with_store(Case::yaml("auth: {key_store: keys.jsonl}"), 1).listen("0.0.0.0:80");
    let store = case.folder.path().join("keys.jsonl");
    let admin = KeyAdmin::open(Sources::default(), Some(store)).unwrap();
    let id = admin.list().unwrap().records()[0].id.clone();
    admin.revoke(&id, UtcTime::now()).unwrap();
    let keys = case.load().unwrap().keys.unwrap();
    assert_eq!((keys.len(), keys.active()), (1, 0));
}

#[test]
fn a_store_that_cannot_be_used_stops_the_start() {
    let secret = "p".repeat(40);
    let named = || with_store(Case::yaml("auth: {key_store: keys.jsonl}"), 1);
    let mode = |case: Case, name: &str, mode| {
        use std::os::unix::fs::PermissionsExt;
        let path = case.folder.path().join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        case
    };
    let without = |case: Case, name: &str| {
        fs::remove_file(case.folder.path().join(name)).unwrap();
        case
    };
    let peppered = |pepper: &str| {
        let yaml = format!("auth: {{key_store: keys.jsonl, pepper: '{pepper}'}}");
        with_store(Case::yaml(yaml), 1)
    };
    let cases = [
        Case::yaml("auth: {key_store: keys.jsonl}"),
        Case::yaml("auth: {key_store: ''}"),
        Case::yaml(format!(
            "auth: {{key_store: {}}}",
            ["lk", "live", &secret].join("_")
        )),
        mode(named(), "keys.jsonl", 0o640),
        mode(named(), "keys.jsonl.pepper", 0o604),
        named().key_file("keys.jsonl", "[]"),
        without(named(), "keys.jsonl.pepper"),
        named().key_file("keys.jsonl.pepper", &secret),
        named().key_file("keys.jsonl.pepper", "short"),
        peppered(&secret),
        peppered("file:none.txt"),
        peppered("env:LUKHAS_PEPPER"),
        peppered("env:LUKHAS_PEPPER").env("LUKHAS_PEPPER", &secret),
        peppered("env:LUKHAS_PEPPER").env("LUKHAS_PEPPER", "short"),
        Case::yaml("auth: {pepper: 'env:PEPPER'}").env("PEPPER", &secret),
    ];
    let problems = cases.map(Case::problems).join("\n\n");
    assert!(!problems.contains(&secret), "{problems}");
    insta::assert_snapshot!(problems);
}

#[test]
fn proxies_are_networks() {
    let good = Case::yaml("server: {trusted_proxies: [10.0.0.0/8, ' ::1 ']}");
    let loaded = good.load().unwrap();
    let networks = loaded.settings().server().trusted_proxies();
    let networks: Vec<_> = networks.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["10.0.0.0/8", "::1/128"]);
    let bad = "server: {listen: nowhere, trusted_proxies: [proxy, 10.1.2.3/8, '::/200', '*']}";
    insta::assert_snapshot!(Case::yaml(bad).problems());
}
