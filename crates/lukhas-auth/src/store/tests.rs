// SPDX-License-Identifier: Apache-2.0
use std::error::Error;
use std::sync::Arc;

use lukhas_core::{Glob, Scope};
use lukhas_redact::Secret;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

pub(super) fn pepper() -> Pepper {
    Pepper::new("the test", &Secret::new("p".repeat(64))).unwrap()
}

pub(super) fn time(seconds: u64) -> UtcTime {
    UtcTime::from_unix(seconds).unwrap()
}

pub(super) fn new_key() -> NewKey {
    NewKey {
        name: "billing".parse().unwrap(),
        rights: Rights {
            tenant: Label::default(),
            project: "search".parse().unwrap(),
            scopes: [Scope::Responses, Scope::Models].into(),
            models: ["gpt-*".parse().unwrap()].into(),
            indexes: ["docs-*".parse().unwrap()].into(),
        },
        expires_at: Some(time(2_000)),
    }
}

fn rng() -> StdRng {
    StdRng::seed_from_u64(1)
}

/// A store of `keys` keys, and the keys.
fn store_of(keys: usize) -> (KeyStore, Vec<GeneratedKey>) {
    let (mut store, mut rng) = (KeyStore::new(&pepper()), rng());
    let create = |_| store.create(&pepper(), &mut rng, new_key(), time(1_000));
    let keys: Result<_, _> = (0..keys).map(create).collect();
    (store, keys.unwrap())
}

fn parse(content: impl AsRef<[u8]>) -> Result<KeyStore, KeyError> {
    KeyStore::parse(Path::new("keys.jsonl"), content.as_ref())
}

/// What the error of a store with `content` says.
#[track_caller]
fn refused(content: impl AsRef<[u8]>) -> String {
    let error = parse(content).unwrap_err();
    let cause = error.source().map(ToString::to_string);
    format!("{error}: {}", cause.unwrap_or_default())
}

#[test]
fn a_store_is_lines_of_json_without_any_key() {
    let (mut store, keys) = store_of(2);
    store.revoke(&keys[1].id, time(1_500)).unwrap();
    insta::assert_snapshot!(store.to_text());
    for key in keys {
        let (_, secret) = key.secret.expose().rsplit_once('_').unwrap();
        assert!(!store.to_text().contains(secret));
    }
}

#[test]
fn a_key_is_found_by_its_digest_and_its_id() {
    let (store, keys) = store_of(3);
    let token = keys[1].secret.expose().as_bytes();
    assert_eq!(store.holder(&pepper(), token), Some(&store.records()[1]));
    assert_eq!(store.records()[1].id, keys[1].id);
    let other = Pepper::random(&mut rng());
    assert_eq!(store.holder(&other, token), None);
    assert_eq!(store.holder(&pepper(), &token[1..]), None);
    let path = Path::new("keys.jsonl");
    assert!(store.check_pepper(path, &pepper()).is_ok());
    let error = store.check_pepper(path, &other).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the keys of `keys.jsonl` were made with another pepper"
    );
}

#[test]
fn a_key_is_active_until_it_expires_or_is_revoked() {
    let (mut store, keys) = store_of(2);
    let state = |store: &KeyStore, at| store.records()[0].state(time(at)).as_str();
    assert_eq!(state(&store, 1_999), "active");
    assert_eq!(state(&store, 2_000), "expired");
    assert_eq!(
        (store.active(time(1_999)), store.active(time(2_000))),
        (2, 0)
    );
    store.revoke(&keys[0].id, time(1_500)).unwrap();
    assert_eq!(state(&store, 1_500), "revoked");
    assert_eq!(state(&store, 3_000), "revoked");
}

#[test]
fn a_rotated_key_has_the_same_rights_and_the_old_one_ends_after_the_grace() {
    for (grace, expires_at, old_ends, new_ends) in [
        (0, None, 1_500, Some(2_000)),
        (100, None, 1_600, Some(2_000)),
        (9_000, None, 2_000, Some(2_000)),
        (0, Some(5_000), 1_500, Some(5_000)),
    ] {
        let (mut store, keys) = store_of(1);
        let change = Rotation {
            grace: Duration::from_secs(grace),
            expires_at: expires_at.map(time),
        };
        let rotated = store.rotate(&pepper(), &mut rng(), &keys[0].id, change, time(1_500));
        let id = rotated.unwrap().id;
        let [old, new] = store.records() else {
            panic!("{store:?}")
        };
        assert_ne!(old.id, new.id);
        assert_eq!((&old.id, &new.id), (&keys[0].id, &id));
        assert_eq!((&old.rights, &old.name), (&new.rights, &new.name));
        assert_eq!(old.expires_at, Some(time(old_ends)));
        assert_eq!(new.expires_at, new_ends.map(time));
        assert_eq!((old.revoked_at, new.created_at), (None, time(1_500)));
    }
}

#[test]
fn what_cannot_be_done_says_why_and_changes_nothing() {
    let (mut store, keys) = store_of(2);
    store.revoke(&keys[1].id, time(1_500)).unwrap();
    let before = store.clone();
    let (live, revoked) = (&*keys[0].id, &*keys[1].id);
    let token = keys[0].secret.expose().as_str();
    let mut said = Vec::new();
    for (id, now) in [
        ("nobody12", 1_500),
        (token, 1_500),
        (revoked, 1_600),
        (live, 2_000),
    ] {
        let rotated = store.rotate(&pepper(), &mut rng(), id, Rotation::default(), time(now));
        said.push(rotated.unwrap_err().to_string().replace(revoked, "ID"));
    }
    let created = store.create(&pepper(), &mut rng(), new_key(), time(2_000));
    said.push(created.unwrap_err().to_string());
    let revoked = store
        .revoke(revoked, time(9))
        .map(|record| record.id.clone());
    assert!(matches!(revoked, Err(KeyError::Revoked { .. })));
    assert_eq!(
        said,
        [
            "there is no key `nobody12`",
            "there is no key `…`",
            "the key `ID` was revoked at 1970-01-01T00:25:00Z",
            "1970-01-01T00:33:20Z is not in the future",
            "1970-01-01T00:33:20Z is not in the future",
        ]
    );
    assert_eq!(store, before);
}

#[test]
fn a_line_of_before_there_were_indexes_leaves_them_all() {
    let (store, _) = store_of(1);
    let text = store.to_text();
    let older = text.replace(",\"indexes\":[\"docs-*\"]", "");
    assert_ne!(older, text);
    let older = KeyStore::parse(Path::new("keys.jsonl"), older.as_bytes()).unwrap();
    assert!(older.records()[0].rights.indexes.is_empty());
    assert!(older.to_text().contains("\"indexes\":[]"));
}

#[test]
fn what_is_not_written_by_us_is_named_by_line_and_member() {
    let (store, _) = store_of(2);
    let text = store.to_text();
    let [header, first, second] = text.lines().collect::<Vec<_>>()[..] else {
        panic!("{text}")
    };
    let with = |from: &str, to: &str| {
        assert!(second.contains(from), "{second} has no {from}");
        format!("{header}\n{first}\n{}\n", second.replacen(from, to, 1))
    };
    let hmac = |line: &str| line[line.find("\"hmac\"").unwrap()..].to_owned();
    let id = |line: &str| line[..line.find(",\"name\"").unwrap()].to_owned();
    let token = ["lk", "live", &"x".repeat(45)].join("_");
    let contents = [
        String::new(),
        "\n".to_owned(),
        format!("{first}\n"),
        header.to_owned(),
        format!("{}\n", header.replace(":1,", ":2,")),
        format!("{}\n", header.replace(":1,", ":1,\"more\":0,")),
        format!("{}\n", header.replace("\"pepper\"", "\"papper\"")),
        format!("{header}\n\n"),
        format!("{header}\n{first}"),
        format!("{header}\n{first}\r\n{second}x\n"),
        format!("{header}\n{token}\n"),
        with("\"name\"", "\"nam\""),
        with("{\"id\"", "{\"note\":1,\"id\""),
        with("{\"id\"", &format!("{{\"{token}\":1,\"id\"")),
        with("{\"id\"", "{\"name\":\"x\",\"id\""),
        with("\"billing\"", &format!("\"{token}\"")),
        with("\"billing\"", "7"),
        with("\"default\"", "\"a b\""),
        with("[\"responses:write\",", "[\"responses:wite\","),
        with("[\"responses:write\",", "[null,"),
        with("[\"gpt-*\"]", "\"gpt-*\""),
        with("[\"gpt-*\"]", "[\"\"]"),
        with("[\"docs-*\"]", "[7]"),
        with("\"1970-01-01T00:16:40Z\"", "1000"),
        with("\"1970-01-01T00:33:20Z\"", "\"tomorrow\""),
        with("\"revoked_at\":null", "\"revoked_at\":false"),
        with("\"hmac\":\"", "\"hmac\":\"0"),
        with(&id(second), &id(first)),
        with(&hmac(second), &hmac(first)),
        with("{\"id\":\"", "{\"id\":\"0"),
    ];
    let said = contents.map(refused).join("\n");
    assert!(!said.contains(&token), "{said}");
    insta::assert_snapshot!(said);
}

fn labels() -> impl Strategy<Value = Label> {
    "[a-z][A-Za-z0-9_.-]{0,20}".prop_filter_map("a label", |text| text.parse().ok())
}

fn patterns() -> impl Strategy<Value = Arc<[Glob]>> {
    let pattern = "[a-z*?\"\\\\é/]{1,12}".prop_map(|text| text.parse().unwrap());
    prop::collection::vec(pattern, 0..4).prop_map(Arc::from)
}

prop_compose! {
    fn new_keys()(
        name in labels(),
        tenant in labels(),
        project in labels(),
        scopes in prop::collection::vec(prop::sample::select(&Scope::ALL[..]), 0..4),
        models in patterns(),
        indexes in patterns(),
        expires_at in prop::option::of(1_001..9_999_999_u64),
    ) -> NewKey {
        NewKey {
            name,
            rights: Rights { tenant, project, scopes: scopes.into(), models, indexes },
            expires_at: expires_at.map(time),
        }
    }
}

prop_compose! {
    fn stores()(keys in prop::collection::vec((new_keys(), any::<bool>()), 0..5), seed: u64) -> KeyStore {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut store = KeyStore::new(&pepper());
        for (key, revoked) in keys {
            let key = store.create(&pepper(), &mut rng, key, time(1_000)).unwrap();
            if revoked {
                store.revoke(&key.id, time(1_001)).unwrap();
            }
        }
        store
    }
}

proptest! {
    #[test]
    fn every_store_reads_back(store in stores()) {
        prop_assert_eq!(parse(store.to_text()).unwrap(), store);
    }

    #[test]
    fn a_store_that_breaks_off_is_a_shorter_one_or_names_its_last_line(
        store in stores(),
        cut: prop::sample::Index,
    ) {
        let text = store.to_text();
        let kept = &text.as_bytes()[..cut.index(text.len() + 1)];
        match parse(kept) {
            Ok(read) => {
                prop_assert!(kept.ends_with(b"\n"));
                prop_assert!(store.records().starts_with(read.records()));
            }
            Err(KeyError::Record { line, .. }) => {
                let lines = kept.split_inclusive(|&byte| byte == b'\n').count();
                prop_assert_eq!(line, lines.max(1));
            }
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_byte_that_changed_is_refused_at_its_line_or_stays_readable(
        store in stores(),
        at: prop::sample::Index,
        byte: u8,
    ) {
        let text = store.to_text();
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let line = bytes[..at].iter().filter(|&&byte| byte == b'\n').count() + 1;
        match parse(&bytes) {
            Ok(read) => prop_assert_eq!(read.records().len(), store.records().len()),
            Err(KeyError::Record { line: found, .. }) => {
                // What became the same as another record is found at the later one of the two.
                prop_assert!(found >= line);
            }
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn no_bytes_break_the_reader(bytes: Vec<u8>, text in "[{}\\[\\]\":,a-z0-9\n\\\\]{0,80}") {
        let _ = (parse(&bytes), parse(&text));
        let header = KeyStore::new(&pepper()).to_text();
        let _ = parse(format!("{header}{text}"));
    }
}
