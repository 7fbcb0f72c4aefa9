// SPDX-License-Identifier: Apache-2.0
use super::*;
use crate::detector::{Candidate, Check};

/// What `check` takes of `text`, alone.
#[track_caller]
fn value<'t>(check: Check, text: &'t str, expected: Option<&'t str>) {
    let candidate = Candidate { text, before: None };
    assert_eq!(
        check(candidate).map(|range| &text[range]),
        expected,
        "{text}"
    );
}

#[track_caller]
fn whole(check: Check, right: &[&str], wrong: &[&str]) {
    right.iter().for_each(|text| value(check, text, Some(text)));
    wrong.iter().for_each(|text| value(check, text, None));
}

#[test]
fn check_digits_are_checked() {
    whole(
        card::number,
        &[
            "4111111111111111",
            "5555 5555 5555 4444",
            "6011-1111-1111-1117",
            "3566002020360505",
        ],
        &[
            "4111111111111112",
            "4111 1111-1111 1111",
            "0000000000000000",
            "9111111111111111",
        ],
    );
    whole(
        iban::code,
        &[
            "NO9386011117947",
            "MT84MALT011000012345MTLCAST001S",
            "FR14 2004 1010 0505 0001 3M02 606",
        ],
        &[
            "NO9386011117948",
            "ZZ68539007547034",
            "DE8937040044053201300",
        ],
    );
    value(
        iban::code,
        "DE89 3704 0044 0532 0130 00 AND",
        Some("DE89 3704 0044 0532 0130 00"),
    );
    whole(
        crypto::base58,
        &[
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
            "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
        ],
        &[
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
            "1111111111111111111111111111111111",
        ],
    );
    whole(
        crypto::bech32,
        &["bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"],
        &["bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdp"],
    );
    whole(national::uk_nhs, &["9434765919"], &["9434765918"]);
    whole(
        national::es_nif,
        &["12345678Z", "X1234567L"],
        &["12345678A"],
    );
    whole(national::pl_pesel, &["44051401359"], &["44051401358"]);
    whole(
        national::in_aadhaar,
        &["234123412346"],
        &["234123412345", "234123412364"],
    );
    whole(
        national::br_cpf,
        &["111.444.777-35"],
        &["111.444.777-36", "111.111.111-11"],
    );
}

#[test]
fn a_checksum_of_a_token_is_its_crc32_in_base62() {
    // From GitHub's form, with a body of zeros: CRC32 0xd6ae5a2e of 30 `0`s would be another.
    let body = "0".repeat(30);
    let wrong = ["gh", "p_", &body, "000000"].concat();
    value(key::with_crc32, &wrong, None);
    // The check value of CRC-32/ISO-HDLC.
    assert_eq!(key::crc32(b"123456789"), 0xcbf4_3926);
    let mut rest = u64::from(key::crc32(body.as_bytes()));
    let mut checksum = Vec::new();
    for _ in 0..6 {
        let digit = u32::try_from(rest % 62).unwrap();
        checksum.push(match digit {
            0..10 => char::from_digit(digit, 10).unwrap(),
            10..36 => char::from(b'A' + u8::try_from(digit - 10).unwrap()),
            _ => char::from(b'a' + u8::try_from(digit - 36).unwrap()),
        });
        rest /= 62;
    }
    let checksum: String = checksum.into_iter().rev().collect();
    let right = ["gh", "p_", &body, &checksum].concat();
    value(key::with_crc32, &right, Some(&right));
}

#[test]
fn numbers_that_nobody_has_are_none() {
    whole(
        us::ssn,
        &["536-90-4399"],
        &[
            "000-12-3456",
            "666-12-3456",
            "900-12-3456",
            "536-00-4399",
            "536-90-0000",
            "536-90 4399",
            "078-05-1120",
        ],
    );
    whole(us::itin, &["912-71-1234"], &["912-49-1234", "812-71-1234"]);
    whole(
        ip::v4,
        &["8.8.8.8", "192.168.0.17"],
        &[
            "127.0.0.1",
            "0.0.0.0",
            "255.255.0.0",
            "1.2.3.400",
            "1.2.3.4.5",
        ],
    );
    whole(
        ip::v6,
        &["2001:db8::1", "fe80::1", "1:2:3:4:5:6:7:8"],
        &["::1", "abc::def", "12:30:45", "1::2"],
    );
    whole(
        ip::mac,
        &["00:1a:2b:3c:4d:5e"],
        &[
            "00:00:00:00:00:00",
            "00:1a-2b:3c:4d:5e",
            "00:1a:2b:3c:4d:5e:6f",
        ],
    );
    whole(
        email::address,
        &["a@b.co"],
        &[
            "a..b@c.de",
            "a.@b.de",
            "a@-b.de",
            "git@github.com",
            "i@2x.png",
        ],
    );
}

#[test]
fn what_shows_where_a_secret_would_be_is_none() {
    let body = "aB3dE5gH7jK9mN1pQ2sT4vW6";
    whole(
        key::random,
        &[body],
        &[
            "sk-xxxxxxxxxxxxxxxxxxxxxxxx",
            "sk-your-openai-api-key-goes-here",
        ],
    );
    for wrong in [
        "password: $PASSWORD",
        "password: ********",
        "password=password",
        "token=the_users_token",
        "tokens: 1234567890123",
        "credentialsId: 'ff083f76-7804-4ef1-80e4-fe975bb9141b'",
        "token_id=ff083f76-7804-4ef1-80e4-fe975bb9141b",
        "publicToken = 9Cnzj4p4WGeKLs1Pt8QuKUpRKfFLfRYC9AIK",
        "token, ff083f76-7804-4ef1-80e4-fe975bb9141b",
        "secret = config::get",
        "tiktoken::o200k_base_singleton",
        "passenger = a1b2c3d4e5f6a7b8",
        "file_path = a1b2c3d4e5f6a7b8",
        "addPassword = \"#add-password\"",
        "password: '/docs/v2/passwords'",
        "password is case-sensitive",
        "password is 8-character",
        "password = swordfish",
    ] {
        value(secret::assignment, wrong, None);
    }
    value(secret::assignment, "password: hunter22", Some("hunter22"));
    value(
        secret::assignment,
        "password = 12345678901234",
        Some("12345678901234"),
    );
    let argument = "token\", \"dafa7817-e246-48f3-91a7-e87653d587b8";
    value(secret::assignment, argument, Some(&argument[9..]));
    for (text, expected) in [
        ("DB_PASSWORD=swordfish", "swordfish"),
        ("SMTP_PASS=swordfish", "swordfish"),
        ("password is hunter22", "hunter22"),
        ("Password was 'hunter:22", "hunter:22"),
        ("password           => '4ian1234", "4ian1234"),
        ("MailPassword\" value=\"Prestige$", "Prestige$"),
        (
            "API_KEY', '\"951bc382db9cfee29c68634761dd6e19",
            "951bc382db9cfee29c68634761dd6e19",
        ),
        (
            "ado_pat = \"iyfmob6xjrfmit67anxbot64umfx2clw",
            "iyfmob6xjrfmit67anxbot64umfx2clw",
        ),
        ("Password=#gets0m3", "#gets0m3"),
    ] {
        value(secret::assignment, text, Some(expected));
    }
    value(
        secret::last_word,
        "machine a login b password c0ffee12",
        Some("c0ffee12"),
    );
    value(secret::last_word, "machine a login b password $TOKEN", None);
    value(secret::url_password, "http://a:8080@b", None);
    value(secret::url_password, "http://a:s3cr3t@b", Some("s3cr3t"));
    value(secret::authorization, "Bearer of-good-news-to-all", None);
}
