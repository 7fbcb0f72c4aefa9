// SPDX-License-Identifier: Apache-2.0
//! Secrets of a standard's form, and those that a word before them gives away.

use crate::check::secret;
use crate::detector::Detector;
use crate::tail::Tail;

pub(super) const TABLE: &[Detector] = &[
    // RFC 7468, and what OpenSSL and OpenPGP (RFC 9580) write in the same manner. A label alone is no
    // key: something of the body has to follow.
    Detector::secret(
        "PRIVATE_KEY",
        "pem",
        r"-----BEGIN (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----(?:\s|\\[nr]){1,8}[A-Za-z0-9+/=:,. -]{16}",
    )
    .with_tail(Tail::Pem),
    // RFC 7519: two JSON objects in base64url, of which the text `{"` is `eyJ`.
    Detector::secret(
        "JWT",
        "jwt",
        r"eyJ[A-Za-z0-9_-]{10,180}\.eyJ[A-Za-z0-9_-]{8}",
    )
    .with_tail(Tail::Token),
    // RFC 3986, section 3.2.1: `user:password@host`. The password alone is the value.
    Detector::secret(
        "PASSWORD",
        "url_credentials",
        r#"(?i)[a-z][a-z0-9+.-]{1,20}://[a-z0-9._~%!$&'*+,;=-]{0,64}:[a-z0-9._~%!$&'()*+,;=:^|?#-]{1,100}@(?:[a-z0-9._-]{1,60})?"#,
    )
    .checked(secret::url_password),
    // RFC 6750 and RFC 7617.
    Detector::secret(
        "SECRET",
        "authorization",
        r"(?i)(?:bearer|basic) {1,2}[a-z0-9+/._~=-]{12,64}",
    )
    .checked(secret::authorization)
    .with_tail(Tail::Token)
    .with_score(0.85),
    // gnu.org/software/inetutils/manual/html_node/The-_002enetrc-file.html
    Detector::secret(
        "PASSWORD",
        "netrc",
        r"machine\s{1,4}[A-Za-z0-9.-]{1,60}\s{1,8}login\s{1,4}[!-Z\x5c-~]{1,64}\s{1,8}password\s{1,4}[!-Z\x5c-~]{4,64}",
    )
    .checked(secret::last_word)
    .with_tail(Tail::Word),
    // `client_secret = "..."`, `DB_PASSWORD: ...`, `"api_key": "..."`, `--token=...`, `password is ...`.
    Detector::secret(
        "SECRET",
        "assignment",
        r#"(?i)(?:[a-z0-9][a-z0-9_.-]{0,31}?[_.-]?)?(?:api_?-?key|user_?-?auth|_auth|secret|token|pass(?:wor[dt]|wd|phrase)?|[_.-]pat|pwd|credentials?|creds|access_?-?key|auth_?-?key|private_?-?key|encryption_?-?key|signing_?-?key|account_?-?key|shared_?-?access_?-?key)[a-z0-9_-]{0,16}["'\\]{0,2}(?:\s{0,20}(?:=>|:=|=|:|,)|\s(?:is|was)\s|\s{1,3}value\s?=)\s{0,3}["'`\\]{0,3}[a-z0-9+/_.~!@#$%^&*=?:|-]{6,64}"#,
    )
    .checked(secret::assignment)
    .with_tail(Tail::Word)
    .with_score(0.7),
];
