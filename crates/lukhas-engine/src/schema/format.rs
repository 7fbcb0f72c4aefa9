// SPDX-License-Identifier: Apache-2.0
//! Texts of the formats that JSON Schema names.

use crate::random::Random;

/// A text of `format`, at least `min` characters long where the format allows that; `None` when
/// nothing is known about the format.
pub(super) fn sample(format: &str, min: usize, random: &mut Random) -> Option<String> {
    let number = random.below(900) + 100;
    let long = |len: usize| "x".repeat(min.saturating_sub(len));
    Some(match format {
        "date" => date(random),
        "time" => format!("{}Z", time(random)),
        "date-time" => format!("{}T{}Z", date(random), time(random)),
        "duration" => format!("PT{}M", random.below(59) + 1),
        "email" | "idn-email" => {
            let name = format!("user{number}");
            // The part before the sign holds 64 characters, the labels after it 63 each.
            let more = long(name.len() + 12);
            format!("{name}@{}example.com", labels(&more))
        }
        "hostname" | "idn-hostname" => format!("host{number}.{}example.com", labels(&long(19))),
        "ipv4" => format!("192.0.2.{}", random.below(254) + 1),
        "ipv6" => format!("2001:db8::{:x}", random.below(0xffff) + 1),
        "uri" | "iri" | "uri-reference" | "iri-reference" | "url" => {
            format!("https://example.com/{number}{}", long(23))
        }
        "uri-template" => format!("https://example.com/{{id}}/{number}{}", long(28)),
        "uuid" => uuid(random),
        "json-pointer" => format!("/item/{number}{}", long(9)),
        "relative-json-pointer" => format!("1/item{number}{}", long(9)),
        "regex" => format!("^[a-z]{{1,{}}}$", random.below(20) + 1),
        "phone" => format!("+1555010{number}"),
        "byte" | "base64" => "dGV4dA==".repeat(min.div_ceil(8).max(1)),
        _ => return None,
    })
}

/// `text` as labels of a host name.
fn labels(text: &str) -> String {
    let mut labels = String::new();
    for label in text.as_bytes().chunks(60) {
        labels.push_str(&"x".repeat(label.len()));
        labels.push('.');
    }
    labels
}

fn date(random: &mut Random) -> String {
    let (year, month, day) = (random.below(30), random.below(12), random.below(28));
    format!("{}-{:02}-{:02}", 2000 + year, month + 1, day + 1)
}

fn time(random: &mut Random) -> String {
    let (hour, minute, second) = (random.below(24), random.below(60), random.below(60));
    format!("{hour:02}:{minute:02}:{second:02}")
}

/// A version 4 identifier.
fn uuid(random: &mut Random) -> String {
    let bits = u128::from(random.next()) << 64 | u128::from(random.next());
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}
