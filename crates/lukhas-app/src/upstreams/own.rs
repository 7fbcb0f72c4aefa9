// SPDX-License-Identifier: Apache-2.0
//! Upstreams that are this server itself: every request to one would be asked again and again.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What is wrong with such an upstream.
pub(super) const ASKS_ITSELF: &str = "it is the address of this server, which would ask itself";

/// Whether `url` leads to the address `listen`, as far as they tell: names other than `localhost`
/// are not resolved.
pub(super) fn is_own_address(listen: &str, url: &str) -> bool {
    let Ok(listen) = listen.trim().parse::<SocketAddr>() else {
        return false;
    };
    let Some((scheme, rest)) = url.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()),
        Some(_) | None if scheme.eq_ignore_ascii_case("https") => (authority, Some(443)),
        Some(_) | None => (authority, Some(80)),
    };
    port == Some(listen.port()) && ips(host).into_iter().any(|ip| reaches(ip, listen.ip()))
}

/// The host that `url` names, without its port.
pub(super) fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        Some(_) | None => authority,
    };
    host.trim_end_matches('.')
}

/// The addresses that `host` is written as.
fn ips(host: &str) -> Vec<IpAddr> {
    if host.eq_ignore_ascii_case("localhost") {
        return vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    }
    let host = host.strip_prefix('[').unwrap_or(host);
    let host = host.strip_suffix(']').unwrap_or(host);
    host.parse().into_iter().collect()
}

/// Whether a connection to `ip` comes to whoever listens on `listen`. An unspecified address is every
/// address of the machine to those who listen, and its loopback address to those who connect.
fn reaches(ip: IpAddr, listen: IpAddr) -> bool {
    let is_local = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
    let is_heard = listen.is_unspecified() || (ip.is_unspecified() && listen.is_loopback());
    // `[::]` hears IPv4, too.
    let is_same_family = ip.is_ipv4() == listen.is_ipv4() || listen == Ipv6Addr::UNSPECIFIED;
    ip == listen || (is_local(ip) && is_heard && is_same_family)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(listen: &str, url: &str, expected: bool) {
        assert_eq!(is_own_address(listen, url), expected, "{listen}, {url}");
    }

    #[test]
    fn a_url_names_one_host() {
        for (url, host) in [
            ("https://api.test/v1", "api.test"),
            ("https://me:you@api.test.:443?x#y", "api.test"),
            ("http://[::1]:8080/v1", "[::1]"),
            ("http://[::1]", "[::1]"),
            ("nowhere", "nowhere"),
        ] {
            assert_eq!(host_of(url), host, "{url}");
        }
    }

    #[test]
    fn an_address_that_leads_back_is_known() {
        for (listen, url) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
            ("127.0.0.1:8080", "http://localhost:8080"),
            ("127.0.0.1:8080", "http://LOCALHOST:8080/v1/"),
            ("127.0.0.1:8080", "http://0.0.0.0:8080/v1"),
            ("127.0.0.1:80", "http://localhost/v1"),
            ("127.0.0.1:443", "https://localhost/v1"),
            ("0.0.0.0:8080", "http://127.0.0.1:8080/v1"),
            ("0.0.0.0:8080", "http://localhost:8080/v1"),
            ("[::]:8080", "http://127.0.0.1:8080/v1"),
            ("[::]:80", "http://[::1]/v1"),
            ("[::1]:8080", "http://[::1]:8080/v1"),
            ("[::1]:8080", "http://localhost:8080/v1"),
            ("10.0.0.7:8080", "http://10.0.0.7:8080/v1"),
        ] {
            check(listen, url, true);
        }
    }

    #[test]
    fn other_addresses_are_upstreams() {
        for (listen, url) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8081/v1"),
            ("127.0.0.1:8080", "http://127.0.0.2:8080/v1"),
            ("127.0.0.1:8080", "http://10.0.0.7:8080/v1"),
            ("127.0.0.1:8080", "http://localhost/v1"),
            ("127.0.0.1:8080", "http://[::1]:8080/v1"),
            ("0.0.0.0:8080", "http://[::1]:8080/v1"),
            ("0.0.0.0:8080", "http://10.0.0.7:8080/v1"),
            ("0.0.0.0:8080", "http://ollama:8080/v1"),
            ("10.0.0.7:8080", "http://localhost:8080/v1"),
            ("127.0.0.1:0", "http://127.0.0.1:8080/v1"),
            ("127.0.0.1:8080", "localhost:8080"),
            ("nowhere", "http://localhost:8080/v1"),
        ] {
            check(listen, url, false);
        }
    }
}
