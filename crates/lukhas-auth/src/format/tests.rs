// SPDX-License-Identifier: Apache-2.0
use std::collections::HashSet;

use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

fn key(seed: u64) -> GeneratedKey {
    GeneratedKey::generate(&mut StdRng::seed_from_u64(seed))
}

#[test]
fn crc_matches_the_published_check_values() {
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    assert_eq!(crc32(b""), 0);
    assert_eq!(crc32(&[0xFF; 4]), 0xFFFF_FFFF);
}

#[test]
fn checksum_has_six_digits_in_base_62() {
    // 0xCBF43926 in base 62 has the digits 3, 45, 35, 27, 22, 14.
    assert_eq!(&checksum(b"123456789"), b"3jZRME");
    assert_eq!(&checksum(b""), b"000000");
}

#[test]
fn a_key_is_53_characters_of_the_documented_form() {
    let key = key(1);
    let text = key.secret.expose();
    assert_eq!(text.len(), 53);
    assert_eq!(
        text.capacity(),
        53,
        "a String that grew leaves copies behind"
    );
    let parts: Vec<&str> = text.split('_').collect();
    assert_eq!(parts[..2], ["lk", "live"]);
    assert_eq!(parts[2], &*key.id);
    assert_eq!((parts[2].len(), parts[3].len(), parts.len()), (8, 36, 4));
    assert!(parts[3].bytes().all(|byte| byte.is_ascii_alphanumeric()));
}

#[test]
fn keys_use_every_character_and_do_not_repeat() {
    let mut rng = StdRng::seed_from_u64(7);
    let mut keys = HashSet::new();
    let mut characters = HashSet::new();
    for _ in 0..1_000 {
        let key = GeneratedKey::generate(&mut rng);
        characters.extend(key.secret.expose().bytes().skip(17).take(30));
        assert!(keys.insert(key.secret.expose().clone()));
    }
    assert_eq!(characters.len(), 62);
}

#[test]
fn any_one_wrong_character_is_a_mistyped_key() {
    let key = key(2);
    let text = key.secret.expose();
    for at in 8..text.len() {
        for wrong in (b'!'..=b'~').filter(|&byte| byte != text.as_bytes()[at]) {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = wrong;
            let typo = String::from_utf8(bytes).unwrap();
            assert_eq!(
                read(&typo),
                Form::Mistyped,
                "`{}` at {at}",
                char::from(wrong)
            );
        }
    }
}

#[test]
fn swapped_lost_and_doubled_characters_are_mistyped() {
    let key = key(3);
    let text = key.secret.expose();
    for at in 8..text.len() - 1 {
        let mut bytes = text.clone().into_bytes();
        bytes.swap(at, at + 1);
        let swapped = String::from_utf8(bytes).unwrap();
        assert!(swapped == *text || read(&swapped) == Form::Mistyped);
        let lost = [&text[..at], &text[at + 1..]].concat();
        assert_eq!(read(&lost), Form::Mistyped);
        let doubled = [&text[..=at], &text[at..]].concat();
        assert_eq!(read(&doubled), Form::Mistyped);
    }
}

proptest! {
    #[test]
    fn generated_keys_are_read_back(seed: u64) {
        let key = key(seed);
        prop_assert_eq!(read(key.secret.expose()), Form::Own { id: &key.id });
    }

    #[test]
    fn no_text_breaks_the_reader(text: String, tail in "[ -~é]{0,60}") {
        let _ = read(&text);
        let own = ["lk", "live", &tail].join("_");
        prop_assert_eq!(read(&own), Form::Mistyped);
    }
}
