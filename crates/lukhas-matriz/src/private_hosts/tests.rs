// SPDX-License-Identifier: Apache-2.0

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(text: &str, host: &str, expected: bool) {
    let private: PrivateHost = text.parse().unwrap();
    let host = Host::parse(host).unwrap();
    let host = match &host {
        Host::Domain(name) => Host::Domain(name.as_str()),
        Host::Ipv4(ip) => Host::Ipv4(*ip),
        Host::Ipv6(ip) => Host::Ipv6(*ip),
    };
    assert_eq!(private.is(&host), expected);
}

#[track_caller]
fn refuse(text: &str, expected: PrivateHostError) {
    assert_eq!(text.parse::<PrivateHost>(), Err(expected), "{text}");
}

#[test]
fn a_host_is_itself_and_no_other() {
    check("minio", "minio", true);
    check("minio", "minio2", false);
    check("minio", "a.minio", false);
    check("Files.Example.Internal.", "files.example.internal", true);
    check("10.0.0.7", "10.0.0.7", true);
    check("10.0.0.7", "10.0.0.70", false);
    check("10.0.0.7", "[::ffff:10.0.0.7]", false);
    check("fd00::7", "[fd00:0::7]", true);
    check("fd00::7", "[fd00::8]", false);
    check("bücher.internal", "xn--bcher-kva.internal", true);
}

#[test]
fn a_star_is_every_name_under_one() {
    check("*.example.internal", "a.example.internal", true);
    check("*.example.internal", "a.b.example.internal", true);
    check("*.example.internal", "example.internal", false);
    check("*.example.internal", "badexample.internal", false);
    check("*.example.internal", "a.example.internal.evil.com", false);
}

#[test]
fn what_is_no_host_is_refused() {
    use PrivateHostError::{NotAHost, OddAddress, Wildcard};
    for text in [
        "",
        ".",
        "a..b",
        "*.",
        "a b",
        "a:80",
        "http://a",
        "a/b",
        "u@a",
        "[::1",
        "10.0.0.0/8",
    ] {
        refuse(text, NotAHost);
    }
    refuse(&"a.".repeat(128), NotAHost);
    for text in ["*", "*.*.a", "a.*", "*a.b", "**.a"] {
        refuse(text, Wildcard);
    }
    for text in ["010.0.0.1", "10.1", "0x7f000001", "*.0.0.1"] {
        refuse(text, OddAddress);
    }
}

proptest! {
    #[test]
    fn what_is_allowed_is_never_more_than_what_was_written(
        suffix in "[a-z]{1,3}(\\.[a-z]{1,3}){0,2}",
        before in "([a-z]{1,2}\\.?){0,3}",
        after in "(\\.[a-z]{1,2}){0,2}",
    ) {
        let host = format!("{before}{suffix}{after}");
        let private: PrivateHost = format!("*.{suffix}").parse().unwrap();
        let labels: Vec<&str> = host.split('.').collect();
        let own: Vec<&str> = suffix.split('.').collect();
        let is_under = labels.len() > own.len() && labels.ends_with(&own);
        prop_assert_eq!(private.is(&Host::Domain(&host)), is_under);
        let private: PrivateHost = suffix.parse().unwrap();
        prop_assert_eq!(private.is(&Host::Domain(&host)), host == suffix);
    }
}
