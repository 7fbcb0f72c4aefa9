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

/// RFC 4231, test case 2: what the digests are made with is HMAC-SHA-256.
#[test]
fn digest_is_hmac_sha_256() {
    let mut key = [0; PEPPER_BYTES];
    key[..4].copy_from_slice(b"Jefe");
    let digest = digest(
        &Hmac::new(&key.into()),
        &[b"what do ya want ", b"for nothing?"],
    );
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        hex,
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
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
                .with_scopes([Scope::Models]),
        ],
    )
    .unwrap();

    let principal = set.authenticate(own.as_bytes()).unwrap();
    assert_eq!(
        (&principal.key_id, &*principal.tenant),
        (&made.id, "default")
    );
    assert!(Scope::ALL.into_iter().all(|scope| principal.may(scope)));

    let principal = set.authenticate(named.as_bytes()).unwrap();
    assert_eq!(
        (&*principal.key_id, &*principal.tenant),
        ("billing", "acme")
    );
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
