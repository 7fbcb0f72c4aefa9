// SPDX-License-Identifier: Apache-2.0
use super::*;

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
