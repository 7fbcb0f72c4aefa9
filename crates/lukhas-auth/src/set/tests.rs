// SPDX-License-Identifier: Apache-2.0
use lukhas_core::Scope;
use lukhas_redact::Secret;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::GeneratedKey;

fn rng() -> StdRng {
    StdRng::seed_from_u64(1)
}

fn entry(origin: &str, token: &str) -> KeyEntry {
    KeyEntry::new(origin, Secret::new(token.to_owned())).unwrap()
}

fn foreign(number: usize) -> String {
    ["sk", "test", &format!("{number:016}")].join("-")
}

fn set_of(tokens: &[String]) -> KeySet {
    KeySet::new(
        &mut rng(),
        tokens.iter().map(|token| entry("the test", token)),
    )
    .unwrap()
}

#[test]
fn every_key_is_its_own_principal() {
    for count in [1, 2, 3, 100] {
        let tokens: Vec<String> = (0..count).map(foreign).collect();
        let set = set_of(&tokens);
        assert_eq!(set.len(), count);
        let ids: Vec<_> = tokens
            .iter()
            .map(|token| Arc::clone(&set.authenticate(token.as_bytes()).unwrap().key_id))
            .collect();
        let mut distinct = ids.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), count);
    }
}

#[test]
fn what_is_not_exactly_a_key_is_nobody() {
    let token = foreign(1);
    let set = set_of(std::slice::from_ref(&token));
    let mut flipped = token.clone().into_bytes();
    flipped[10] ^= 1;
    for wrong in [
        b"".to_vec(),
        b"x".to_vec(),
        token.as_bytes()[1..].to_vec(),
        token.as_bytes()[..token.len() - 1].to_vec(),
        [token.as_bytes(), b"\0"].concat(),
        token.to_uppercase().into_bytes(),
        flipped,
        b"key id\0".to_vec(),
        [b"key id\0", token.as_bytes()].concat(),
        vec![0xFF; 40],
        vec![b's'; MAX_TOKEN_CHARS],
        vec![b's'; 1 << 20],
    ] {
        assert_eq!(set.authenticate(&wrong), Err(AuthError));
    }
    assert!(set.authenticate(token.as_bytes()).is_ok());
}

#[test]
fn the_longest_token_authenticates() {
    let token = "s".repeat(MAX_TOKEN_CHARS);
    assert!(
        set_of(std::slice::from_ref(&token))
            .authenticate(token.as_bytes())
            .is_ok()
    );
}

#[test]
fn an_empty_set_knows_nobody() {
    let set = set_of(&[]);
    assert!(set.is_empty());
    assert_eq!(set.authenticate(b""), Err(AuthError));
    assert_eq!(set.authenticate(foreign(1).as_bytes()), Err(AuthError));
}

#[test]
fn principal_carries_what_the_entry_says() {
    let made = GeneratedKey::generate(&mut rng());
    let own = made.secret.expose().clone();
    let named = foreign(2);
    let set = KeySet::new(
        &mut rng(),
        [
            KeyEntry::new("a", made.secret).unwrap(),
            entry("b", &named)
                .with_name("billing")
                .unwrap()
                .with_tenant("acme")
                .with_project("search")
                .with_models(["gpt-*".parse().unwrap()])
                .with_indexes(["docs".parse().unwrap()])
                .with_scopes([Scope::Models]),
        ],
    )
    .unwrap();

    let principal = set.authenticate(own.as_bytes()).unwrap();
    assert_eq!(
        (&principal.key_id, &*principal.tenant, &*principal.project),
        (&made.id, "default", "default")
    );
    assert!(principal.may_use("any") && principal.may_use_index("any"));
    assert!(Scope::ALL.into_iter().all(|scope| principal.may(scope)));

    let principal = set.authenticate(named.as_bytes()).unwrap();
    assert_eq!(
        (&*principal.key_id, &*principal.tenant, &*principal.project),
        ("billing", "acme", "search")
    );
    assert!(principal.may_use("gpt-5") && !principal.may_use("claude"));
    assert!(principal.may_use_index("docs") && !principal.may_use_index("docs-1"));
    assert!(principal.may(Scope::Models) && !principal.may(Scope::Responses));
}

#[test]
fn an_anonymous_id_depends_on_the_pepper() {
    let token = foreign(1);
    let id = |seed| {
        let mut rng = StdRng::seed_from_u64(seed);
        let set = KeySet::new(&mut rng, [entry("the test", &token)]).unwrap();
        set.authenticate(token.as_bytes())
            .unwrap()
            .key_id
            .to_string()
    };
    assert_eq!(id(1), id(1));
    assert_ne!(id(1), id(2));
    let hex = id(1).strip_prefix("key_").unwrap().to_owned();
    assert!(hex.len() == 8 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
}

#[test]
fn who_has_no_name_is_told_by_where_the_key_comes_from() {
    let named = entry("`b`", &foreign(2)).with_name("billing").unwrap();
    let own = KeyEntry::new("`c`", GeneratedKey::generate(&mut rng()).secret).unwrap();
    let set = KeySet::new(&mut rng(), [entry("`a`", &foreign(1)), named, own]).unwrap();
    let nameless: Vec<_> = set.nameless().collect();
    let holder = set.authenticate(foreign(1).as_bytes()).unwrap();
    assert_eq!(nameless, [("`a`", &*holder)]);
}

#[test]
fn duplicates_are_named_by_where_they_came_from() {
    let error = |entries: Vec<KeyEntry>| KeySet::new(&mut rng(), entries).unwrap_err().to_string();
    let token = foreign(1);
    assert_eq!(
        error(vec![
            entry("`a`", &foreign(2)),
            entry("`b`", &token),
            entry("`c`", &token)
        ]),
        "`b` and `c` hold the same key"
    );
    let named = |origin, number| {
        entry(origin, &foreign(number))
            .with_name("billing")
            .unwrap()
    };
    assert_eq!(
        error(vec![named("`a`", 1), named("`b`", 2)]),
        "the keys from `a` and `b` have the same name or id `billing`"
    );
}

#[test]
fn debug_shows_only_how_many() {
    assert_eq!(
        format!("{:?}", set_of(&[foreign(1)])),
        "KeySet { keys: 1, .. }"
    );
}

proptest! {
    #[test]
    fn only_members_are_somebody(tokens in prop::collection::btree_set("[!-~]{16,40}", 0..20), other in "[!-~]{16,40}") {
        // `lk_live_` tokens need a checksum to be entries at all.
        let tokens: Vec<String> = tokens.into_iter().filter(|t| !t.starts_with("lk_live_")).collect();
        let set = set_of(&tokens);
        for token in &tokens {
            prop_assert!(set.authenticate(token.as_bytes()).is_ok());
        }
        prop_assert_eq!(set.authenticate(other.as_bytes()).is_ok(), tokens.contains(&other));
    }
}

/// A store with one key of each kind, their tokens, and the set of it at a time that stands still.
mod stored {
    use std::path::Path;
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

    use super::*;
    use crate::{GeneratedKey, Label, NewKey, Rights};

    const NOW: u64 = 1_000;

    struct Case {
        set: KeySet,
        now: Arc<AtomicU64>,
        /// How often the clock was asked.
        looks: Arc<AtomicUsize>,
        live: String,
        expiring: String,
        revoked: String,
    }

    fn time(seconds: u64) -> UtcTime {
        UtcTime::from_unix(seconds).unwrap()
    }

    fn new_key(expires_at: Option<u64>) -> NewKey {
        NewKey {
            name: "billing".parse().unwrap(),
            rights: Rights {
                tenant: "acme".parse().unwrap(),
                project: Label::default(),
                scopes: [Scope::Embeddings].into(),
                models: ["gpt-*".parse().unwrap()].into(),
                indexes: ["docs-*".parse().unwrap()].into(),
            },
            expires_at: expires_at.map(time),
        }
    }

    fn case(entries: impl IntoIterator<Item = KeyEntry>) -> Result<Case, KeyError> {
        let (pepper, mut rng) = (Pepper::random(&mut rng()), rng());
        let mut store = KeyStore::new(&pepper);
        let mut create = |store: &mut KeyStore, expires_at| {
            let key = store.create(&pepper, &mut rng, new_key(expires_at), time(NOW));
            let GeneratedKey { id, secret } = key.unwrap();
            (id, secret.expose().clone())
        };
        let (_, live) = create(&mut store, None);
        let (_, expiring) = create(&mut store, Some(NOW + 10));
        let (id, revoked) = create(&mut store, None);
        store.revoke(&id, time(NOW)).unwrap();

        let now = Arc::new(AtomicU64::new(NOW));
        let looks = Arc::new(AtomicUsize::new(0));
        let clock: Clock = {
            let (now, looks) = (Arc::clone(&now), Arc::clone(&looks));
            Arc::new(move || {
                looks.fetch_add(1, Ordering::SeqCst);
                time(now.load(Ordering::SeqCst))
            })
        };
        let set = KeySet::with_store(Path::new("keys.jsonl"), &store, pepper.clone(), entries)?;
        Ok(Case {
            set: set.with_clock(clock),
            now,
            looks,
            live,
            expiring,
            revoked,
        })
    }

    #[test]
    fn a_stored_key_is_its_principal_until_it_ends() {
        let plain = foreign(1);
        let case = case([entry("the test", &plain)]).unwrap();
        assert_eq!(case.set.len(), 4);
        let knows = |token: &str| case.set.authenticate(token.as_bytes()).is_ok();
        assert!(knows(&case.live) && knows(&case.expiring) && knows(&plain));
        assert!(!knows(&case.revoked));
        case.now.store(NOW + 9, Ordering::SeqCst);
        assert!(knows(&case.expiring));
        case.now.store(NOW + 10, Ordering::SeqCst);
        assert!(!knows(&case.expiring));
        assert!(knows(&case.live) && knows(&plain));

        let principal = case.set.authenticate(case.live.as_bytes()).unwrap();
        assert_eq!(principal.key_id, case.live[8..16].into());
        assert_eq!(
            (&*principal.tenant, &*principal.project),
            ("acme", "default")
        );
        assert!(principal.may(Scope::Embeddings) && !principal.may(Scope::Responses));
        assert!(principal.may_use("gpt-5") && !principal.may_use("claude"));
        assert!(principal.may_use_index("docs-1") && !principal.may_use_index("mail"));
    }

    #[test]
    fn every_refusal_is_the_same_after_the_same_work() {
        let case = case([]).unwrap();
        case.now.store(NOW + 10, Ordering::SeqCst);
        let swapped = |token: &str, from: usize| {
            let mut bytes = token.as_bytes().to_vec();
            bytes[from] = if bytes[from] == b'a' { b'b' } else { b'a' };
            String::from_utf8(bytes).unwrap()
        };
        for (what, token) in [
            ("unknown id", swapped(&case.live, 8)),
            ("wrong secret", swapped(&case.live, 20)),
            ("wrong checksum", swapped(&case.live, 50)),
            ("expired", case.expiring.clone()),
            ("revoked", case.revoked.clone()),
            ("foreign", foreign(1)),
            ("mistyped", case.live[1..].to_owned()),
        ] {
            let before = case.looks.load(Ordering::SeqCst);
            let refused = case.set.authenticate(token.as_bytes());
            assert_eq!(refused, Err(AuthError), "{what}");
            assert_eq!(case.looks.load(Ordering::SeqCst), before + 1, "{what}");
        }
    }

    #[test]
    fn a_key_stands_in_one_place_only() {
        let case = case([]).unwrap();
        let again = KeyEntry::new("`keys.txt` line 1", Secret::new(case.live.clone())).unwrap();
        let error = super::stored::case([again]).map(|_| ()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`keys.jsonl` line 2 and `keys.txt` line 1 hold the same key"
        );
        let named = entry("`keys.txt` line 1", &foreign(1));
        let named = named.with_name(&case.live[8..16]).unwrap();
        let error = super::stored::case([named]).map(|_| ()).unwrap_err();
        assert!(matches!(error, KeyError::DuplicateId { .. }), "{error}");
    }

    #[test]
    fn another_pepper_is_told() {
        let store = KeyStore::new(&Pepper::random(&mut StdRng::seed_from_u64(1)));
        let other = Pepper::random(&mut StdRng::seed_from_u64(2));
        let set = KeySet::with_store(Path::new("keys.jsonl"), &store, other, []);
        assert!(matches!(set, Err(KeyError::OtherPepper { .. })));
    }
}
