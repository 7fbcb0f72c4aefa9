// SPDX-License-Identifier: Apache-2.0
//! Personal data that has the same form everywhere, and the numbers of the United States.

use crate::check::{card, crypto, email, iban, ip, us};
use crate::context::Context;
use crate::detector::Detector;

const SSN_WORDS: &[&str] = &["ssn", "ssns", "social", "security", "itin", "tin"];

pub(super) const TABLE: &[Detector] = &[
    // RFC 5321, section 4.5.3.1: 64 bytes before the `@`. Real domains are far below its 255.
    Detector::pii(
        "EMAIL_ADDRESS",
        "email",
        r"(?i)[a-z0-9_][a-z0-9._%+&'-]{0,63}@[a-z0-9][a-z0-9.-]{0,150}\.(?:[a-z]{2,24}|xn--[a-z0-9]{2,20})",
    )
    .checked(email::address),
    // The same with letters of Latin, Greek and Cyrillic beyond ASCII (RFC 6531).
    Detector::pii(
        "EMAIL_ADDRESS",
        "email_international",
        r"[A-Za-z0-9._%+-]{0,16}(?u:[A-Za-z0-9\u{C0}-\u{24F}\u{370}-\u{52F}._+-]{1,24})@(?u:[A-Za-z0-9\u{C0}-\u{24F}\u{370}-\u{52F}.-]{1,64})\.(?u:[A-Za-z\u{C0}-\u{24F}\u{370}-\u{52F}]{2,12})",
    )
    .checked(email::address),
    // ISO/IEC 7812: prefixes and lengths of issuers, and the groups in which cards show them.
    Detector::pii(
        "CREDIT_CARD",
        "card",
        r"[0-9]{12,19}|[0-9]{4}[ -][0-9]{4}[ -][0-9]{4}[ -][0-9]{1,4}(?:[ -][0-9]{1,3})?|[0-9]{4}[ -][0-9]{6}[ -][0-9]{4,5}",
    )
    .checked(card::number),
    // ISO 13616, grouped by four or not at all.
    Detector::pii(
        "IBAN_CODE",
        "iban",
        r"[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?",
    )
    .checked(iban::code),
    // Social Security Administration, randomization of 2011: which numbers are never given.
    Detector::pii("US_SSN", "us_ssn", r"[0-9]{3}[ .-][0-9]{2}[ .-][0-9]{4}")
        .checked(us::ssn)
        .with_context(Context::Raises(SSN_WORDS))
        .with_score(0.65),
    Detector::pii("US_SSN", "us_ssn_bare", r"[0-9]{9}")
        .checked(us::ssn)
        .with_context(Context::Required(&["ssn", "ssns", "social"]))
        .with_score(0.5),
    // IRS: tax numbers of those who have no social security number.
    Detector::pii("US_ITIN", "us_itin", r"9[0-9]{2}[ -][0-9]{2}[ -][0-9]{4}")
        .checked(us::itin)
        .with_context(Context::Raises(SSN_WORDS))
        .with_score(0.65),
    Detector::pii(
        "MAC_ADDRESS",
        "mac",
        r"(?i)[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5,6}|[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}",
    )
    .checked(ip::mac),
    // One more part than an address has, so that it can be told from longer numbers.
    Detector::pii("IP_ADDRESS", "ipv4", r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:\.[0-9])?")
        .checked(ip::v4)
        .with_score(0.9),
    // RFC 4291, section 2.2.
    Detector::pii(
        "IP_ADDRESS",
        "ipv6",
        r"(?i)[0-9a-f]{1,4}:(?:[0-9a-f]{0,4}:){1,7}(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9a-f]{1,4})?",
    )
    .checked(ip::v6)
    .with_score(0.9),
    // Base58 with the first four bytes of a double SHA-256: <https://en.bitcoin.it/wiki/Base58Check_encoding>.
    Detector::pii("CRYPTO", "bitcoin_base58", r"[13][1-9A-HJ-NP-Za-km-z]{25,34}")
        .checked(crypto::base58),
    // BIP 173 and BIP 350.
    Detector::pii("CRYPTO", "bitcoin_bech32", r"(?:bc|tb)1[02-9ac-hj-np-z]{11,71}")
        .checked(crypto::bech32),
    // EIP-55 makes its checksum optional.
    Detector::pii("CRYPTO", "ethereum", r"0x[0-9A-Fa-f]{40}")
        .checked(crypto::ethereum)
        .with_score(0.85),
];
