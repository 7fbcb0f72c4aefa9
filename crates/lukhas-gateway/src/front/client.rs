// SPDX-License-Identifier: Apache-2.0
//! Which client a request came from: the other end of its connection, or, behind proxies that the
//! operator trusts, whom they say they had it from.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::{FORWARDED, HeaderName};

use crate::Network;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Most proxies of a chain that are looked at.
const MAX_HOPS: usize = 16;

/// The client of a request with `headers` that came from `peer`.
///
/// Each proxy adds the address it had the request from behind those it was told, so the last one is
/// the only one that the proxy here vouches for, and so on while the one before is trusted, too.
/// What the client itself has written stands before all of that, and is not looked at.
///
/// A proxy writes one of the two headers and may pass on whatever a client wrote into the other, so
/// when there are both and they disagree, neither is believed.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let peer = peer.to_canonical();
    if !is_trusted(peer, trusted) {
        return peer;
    }
    let x_forwarded = values(headers, X_FORWARDED_FOR).map(address);
    let forwarded = values(headers, FORWARDED).map(|element| address(forwarded_for(element)?));
    let x_forwarded = origin(peer, x_forwarded, trusted);
    let forwarded = origin(peer, forwarded, trusted);
    match (x_forwarded, forwarded) {
        (Some(a), Some(b)) if a != b => peer,
        (Some(client), _) | (None, Some(client)) => client,
        (None, None) => peer,
    }
}

/// The last address that is not a trusted proxy's; `None` when there is no address at all. `hops`
/// come last first.
fn origin(
    peer: IpAddr,
    hops: impl Iterator<Item = Option<IpAddr>>,
    trusted: &[Network],
) -> Option<IpAddr> {
    let mut found = None;
    for hop in hops.take(MAX_HOPS) {
        // What cannot be read hides who is behind it.
        let Some(hop) = hop else {
            return Some(found.unwrap_or(peer));
        };
        found = Some(hop);
        if !is_trusted(hop, trusted) {
            break;
        }
    }
    found
}

fn is_trusted(address: IpAddr, trusted: &[Network]) -> bool {
    trusted.iter().any(|network| network.contains(address))
}

/// The elements of every header of that name, the last one first.
fn values(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    // What is not text is one element that cannot be read.
    let lines = headers.get_all(name).into_iter();
    let mut lines: Vec<_> = lines.map(|line| line.to_str().unwrap_or("?")).collect();
    lines.reverse();
    lines
        .into_iter()
        .flat_map(|line| line.rsplit(',').map(str::trim))
}

/// The `for` of an element of `Forwarded` (RFC 7239), without quotes.
fn forwarded_for(element: &str) -> Option<&str> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    let value = value.trim();
    Some(
        value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'))
            .unwrap_or(value),
    )
}

/// An address, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let address = bare.unwrap_or(text).parse().ok();
    let address = address.or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    type Headers<'h> = &'h [(&'static str, &'h str)];

    #[track_caller]
    fn check(peer: &str, headers: Headers<'_>, expected: &str) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            map.append(HeaderName::from_static(name), value);
        }
        let trusted: Vec<Network> = ["10.0.0.0/8", "2001:db8::/32"]
            .iter()
            .map(|network| network.parse().unwrap())
            .collect();
        let client = client(peer.parse().unwrap(), &map, &trusted);
        assert_eq!(client.to_string(), expected, "{peer} {headers:?}");
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        const XFF: &str = "x-forwarded-for";
        let cases: &[(&str, Headers<'_>, &str)] = &[
            ("203.0.113.7", &[], "203.0.113.7"),
            ("::ffff:203.0.113.7", &[], "203.0.113.7"),
            ("203.0.113.7", &[(XFF, "198.51.100.1")], "203.0.113.7"),
            (
                "203.0.113.7",
                &[("forwarded", "for=198.51.100.1")],
                "203.0.113.7",
            ),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &[(XFF, "198.51.100.1")], "198.51.100.1"),
            ("10.0.0.1", &[(XFF, "198.51.100.1:4711")], "198.51.100.1"),
            (
                "10.0.0.1",
                &[(XFF, "192.0.2.9, 198.51.100.1")],
                "198.51.100.1",
            ),
            (
                "10.0.0.1",
                &[(XFF, "192.0.2.9,198.51.100.1 , 10.0.0.2")],
                "198.51.100.1",
            ),
            (
                "10.0.0.1",
                &[(XFF, "192.0.2.9"), (XFF, "198.51.100.1")],
                "198.51.100.1",
            ),
            ("10.0.0.1", &[(XFF, "10.0.0.3, 10.0.0.2")], "10.0.0.3"),
            ("10.0.0.1", &[(XFF, "198.51.100.1, unknown")], "10.0.0.1"),
            (
                "10.0.0.1",
                &[(XFF, "198.51.100.1, unknown, 10.0.0.2")],
                "10.0.0.2",
            ),
            ("10.0.0.1", &[(XFF, "")], "10.0.0.1"),
            ("10.0.0.1", &[(XFF, "ü")], "10.0.0.1"),
            (
                "10.0.0.1",
                &[("forwarded", "for=198.51.100.1;proto=https")],
                "198.51.100.1",
            ),
            (
                "10.0.0.1",
                &[(
                    "forwarded",
                    "for=192.0.2.9, proto=https;For=\"[2001:db9::1]:80\"",
                )],
                "2001:db9::1",
            ),
            (
                "10.0.0.1",
                &[("forwarded", "for=\"[2001:db9::1]\"")],
                "2001:db9::1",
            ),
            ("10.0.0.1", &[("forwarded", "for=_hidden")], "10.0.0.1"),
            ("10.0.0.1", &[("forwarded", "proto=https")], "10.0.0.1"),
            (
                "10.0.0.1",
                &[(XFF, "198.51.100.1"), ("forwarded", "for=198.51.100.1")],
                "198.51.100.1",
            ),
            (
                "10.0.0.1",
                &[(XFF, "198.51.100.1"), ("forwarded", "for=192.0.2.9")],
                "10.0.0.1",
            ),
            ("2001:db8::5", &[(XFF, "2001:db9::1")], "2001:db9::1"),
        ];
        for (peer, headers, expected) in cases {
            check(peer, headers, expected);
        }
    }

    #[test]
    fn a_chain_without_end_is_cut() {
        let hops = vec!["10.0.0.2"; 1_000].join(",");
        check("10.0.0.1", &[("x-forwarded-for", &hops)], "10.0.0.2");
        let hidden = format!("198.51.100.1,{hops}");
        check("10.0.0.1", &[("x-forwarded-for", &hidden)], "10.0.0.2");
    }
}
