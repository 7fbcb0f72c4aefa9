// SPDX-License-Identifier: Apache-2.0
use super::*;

const SECRET: &str = "hunter2";

/// Asserts that a URL is refused where it comes from, and not shown.
#[track_caller]
fn check(case: Case, expected: &str) {
    let error = case.problems();
    assert!(!error.contains(SECRET), "{error}");
    assert_eq!(error, expected);
}

#[test]
fn a_redis_is_named_by_its_variable_or_by_a_reference() {
    assert!(Case::new().load().unwrap().redis.is_none());
    let url = format!("redis://:{SECRET}@cache/1");
    let by_variable = Case::new().env("LUKHAS_REDIS_URL", &url);
    let by_name = Case::yaml("redis: {url: 'env:LUKHAS_CACHE'}").env("LUKHAS_CACHE", &url);
    let by_file = Case::yaml("redis: {url: 'file:url'}").file("url", format!("{url}\n"));
    for case in [by_variable, by_name, by_file] {
        let loaded = case.load().unwrap();
        assert!(loaded.redis.is_some());
        assert!(!format!("{:?}", loaded.redis).contains(SECRET));
        assert!(!loaded.to_yaml().unwrap().contains(SECRET));
    }
    assert!(
        Case::new()
            .env("LUKHAS_REDIS_URL", "")
            .load()
            .unwrap()
            .redis
            .is_none()
    );
}

#[test]
fn what_is_wrong_with_it_is_named_at_its_place() {
    let reference = "write `env:NAME` for a variable or `file:PATH` for a file, never the URL itself, \
                     which may hold a password; or set LUKHAS_REDIS_URL to it";
    check(
        Case::yaml(format!("redis:\n  url: redis://:{SECRET}@cache")),
        &format!(
            "DIR/lukhas.yaml:2:8: `redis.url`: this is not a reference to the URL of a Redis\n  \
             help: {reference}"
        ),
    );
    check(
        Case::yaml("redis: {url: 'env:NOWHERE'}"),
        "DIR/lukhas.yaml:1:14: `redis.url`: the environment variable `NOWHERE` is not set\n  \
         help: set it to the URL of a Redis",
    );
    check(
        Case::yaml("redis: {url: 'file:url'}").file("url", format!("{SECRET} {SECRET}")),
        "DIR/lukhas.yaml:1:14: `redis.url`: `DIR/url` does not hold one URL\n  \
         help: name a file whose only content is the URL",
    );
    check(
        Case::new().env("LUKHAS_REDIS_URL", &format!("redis://cache/{SECRET}")),
        "LUKHAS_REDIS_URL: `redis.url`: this is not the URL of a Redis: what follows its host is not \
         the number of a database, as in `/0`\n  \
         help: write `redis://:PASSWORD@HOST:PORT/DATABASE`, or `rediss://` for TLS",
    );
    check(
        Case::yaml("redis: {prefix: 'a b', ca_file: nowhere.pem}"),
        "DIR/lukhas.yaml:1:17: `redis.prefix`: a prefix is 1 to 64 letters, digits, `_`, `.`, `-` or \
         `:`\n  help: write `lukhas`, or what tells this service from others\n\
         DIR/lukhas.yaml:1:33: `redis.ca_file`: `DIR/nowhere.pem` cannot be read: No such file or \
         directory (os error 2)\n  help: name a file of certificate authorities in PEM form",
    );
    check(
        Case::yaml("redis: {lease: 0.6}"),
        "DIR/lukhas.yaml:1:16: `redis.lease`: `0.6` is out of range\n  \
         help: from 0 to 0.5, in steps of 0.001",
    );
}

#[test]
fn keys_have_to_be_the_same_to_all_replicas() {
    let shared = || Case::new().env("LUKHAS_REDIS_URL", "redis://cache");
    check(
        shared().env("LUKHAS_API_TOKEN", &token("a")),
        "LUKHAS_REDIS_URL: `redis.url`: the key of `LUKHAS_API_TOKEN` has no name, so that each replica \
         would take its holder for another one\n  help: name keys in `auth.keys_file`, one a line: \
         the key, then its name; or make them with `lukhas keys create`",
    );
    let named =
        Case::yaml("auth: {keys_file: keys}").key_file("keys", &format!("{} a\n", token("a")));
    let named = named.env("LUKHAS_REDIS_URL", "redis://cache");
    assert!(named.load().is_ok());
    let own = lukhas_auth::GeneratedKey::generate(&mut rand::rng());
    assert!(
        shared()
            .env("LUKHAS_API_TOKEN", own.secret.expose())
            .load()
            .is_ok()
    );
}
