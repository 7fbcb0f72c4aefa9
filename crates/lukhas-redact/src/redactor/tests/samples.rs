// SPDX-License-Identifier: Apache-2.0
//! Values of every kind. Secrets are put together here, so that no scanner takes them for real ones.

/// Values, each with its entity.
pub(super) fn values() -> Vec<(&'static str, String)> {
    let body = "aB3dE5gH7jK9mN1pQ2sT4vW6yZ8bC0dF2hJ4kL6nP8rS0uV2";
    let hex = "0123456789abcdef0f1e2d3c4b5a69788796a5b4c3d2e1f0fedcba9876543210";
    let of = |parts: &[&str]| parts.concat();
    let pem = |label: &str| {
        let line = body.repeat(2);
        format!("-----BEGIN {label}-----\n{line}\n{line}==\n-----END {label}-----")
    };
    vec![
        (
            "EMAIL_ADDRESS",
            of(&["ada.lovelace+x@", "mail.example.co.uk"]),
        ),
        ("EMAIL_ADDRESS", of(&["josé@", "exämple.de"])),
        ("CREDIT_CARD", of(&["4111 1111 ", "1111 1111"])),
        ("CREDIT_CARD", of(&["3782822463", "10005"])),
        ("IBAN_CODE", of(&["DE89 3704 0044 ", "0532 0130 00"])),
        ("IBAN_CODE", of(&["GB82WEST1234", "5698765432"])),
        ("US_SSN", of(&["536-90-", "4399"])),
        ("US_ITIN", of(&["912-71-", "1234"])),
        ("MAC_ADDRESS", of(&["3c:22:fb:", "9a:10:7e"])),
        ("IP_ADDRESS", of(&["203.0.", "113.77"])),
        ("IP_ADDRESS", of(&["2001:db8::", "8a2e:370:7334"])),
        ("CRYPTO", of(&["1BoatSLRHtKNngkdXEeo", "bR76b53LETtpyT"])),
        (
            "CRYPTO",
            of(&["bc1qw508d6qejxtdg4y5r3zarv", "ary0c5xw7kv8f3t4"]),
        ),
        (
            "CRYPTO",
            of(&["0x52908400098527886E0F", "7030069857D2E4169EE7"]),
        ),
        ("PHONE_NUMBER", of(&["+49 30 ", "901820"])),
        ("PHONE_NUMBER", of(&["(212) 555-", "0187 x42"])),
        ("PHONE_NUMBER", of(&["020 7946 ", "0958"])),
        ("UK_NHS", of(&["943 476 ", "5919"])),
        ("BR_CPF", of(&["529.982.", "247-25"])),
        ("EMPLOYEE", of(&["EMP-", "12345"])),
        ("API_KEY", of(&["sk-", "proj-", body])),
        ("API_KEY", of(&["sk-ant-", "api03-", body])),
        ("API_KEY", of(&["AK", "IA", "Q3EGRBX7LW2MZ5TA"])),
        ("API_KEY", of(&["AIz", "a", &body[..35]])),
        ("API_KEY", of(&["gh", "p_", &body[..36]])),
        ("API_KEY", of(&["glp", "at-", &body[..20]])),
        ("API_KEY", of(&["xox", "b-", "123456789012-", &body[..24]])),
        (
            "API_KEY",
            of(&["xox", "p-", "513768634356-513201028496-", &hex[..32]]),
        ),
        ("API_KEY", of(&["sk_", "live_", &body[..24]])),
        ("API_KEY", of(&["np", "m_", &body[..36]])),
        ("API_KEY", of(&["pypi-", "AgEIcHlwaS5vcmc", body])),
        ("API_KEY", of(&["dop", "_v1_", hex])),
        (
            "JWT",
            of(&[
                "ey",
                "JhbGciOiJIUzI1NiJ9.ey",
                "JzdWIiOiIxMjM0NTY3ODkwIn0.",
                body,
            ]),
        ),
        ("PRIVATE_KEY", pem("RSA PRIVATE KEY")),
        ("PRIVATE_KEY", pem("PGP PRIVATE KEY BLOCK")),
    ]
}

/// Whole texts with a secret inside, and what is left of them.
pub(super) fn surrounded() -> Vec<(String, &'static str)> {
    let body = "aB3dE5gH7jK9mN1pQ2sT4vW6";
    vec![
        (
            ["postgres://app:", "hunter2x@db/main"].concat(),
            "postgres://app:[REDACTED:PASSWORD]@db/main",
        ),
        (
            ["Authorization: Bearer ", body, "\n"].concat(),
            "Authorization: Bearer [REDACTED:SECRET]\n",
        ),
        (
            ["client_secret = \"", body, "\";"].concat(),
            "client_secret = \"[REDACTED:SECRET]\";",
        ),
        (
            [r#"{"api_key": ""#, body, r#""}"#].concat(),
            r#"{"api_key": "[REDACTED:SECRET]"}"#,
        ),
        (
            ["DB_PASSWORD='", "c0rrect!'"].concat(),
            "DB_PASSWORD='[REDACTED:SECRET]'",
        ),
        (
            "Come to room 101.".to_owned(),
            "Come to room [REDACTED:ROOM].",
        ),
    ]
}

/// Texts in which there is nothing to find.
pub(super) const PROSE: &[&str] = &[
    "The quick brown fox jumps over 13 lazy dogs, at 12:30:45 on 2024-05-17.",
    "let total = items.iter().map(|item| item.price * 1.19).sum::<f64>();",
    "Version 10.2.33 of lib-foo costs $1,234.56; see https://example.com/a/b?c=d#e.",
    "https://user:8080@/path has no password, and postgres://app:$PASS@db has a variable",
    "password = get_password()",
    "max_tokens: 123456789012, token_type: Bearer12345678",
    "ISBN 978-3-16-148410-0, commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
    "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "Ça va? 日本語のテキスト, emoji 👩‍👩‍👧 and … dots",
    "127.0.0.1 0.0.0.0 255.255.255.0 1.2.3 1.2.3.4.5 ::1 a::b std::fmt",
    "4111 1111 1111 1112, DE89370400440532013001, 000-12-3456, 666-12-3456",
    "uuid 123e4567-e89b-12d3-a456-426614174000",
    "git@github.com:lukhas/lukhas.git and icon@2x.png",
    "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQ\n-----END PUBLIC KEY-----",
];
