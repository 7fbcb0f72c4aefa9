// SPDX-License-Identifier: Apache-2.0
//! URLs that an upstream may fetch: none of them names a host of the operator's network.
//!
//! Nothing is fetched or resolved here. Who fetches may read a URL otherwise than the standard
//! does, so a spelling that programs are known to disagree about is refused, whatever it means.

mod address;

use std::net::IpAddr;

use lukhas_core::{Media, MediaSource, RunError};
use url::{Host, Url};

use crate::private_hosts::{MAX_NAME_BYTES, PrivateHost};

/// Most bytes of a host and its port as they are written; a name in other scripts is longer than
/// in ASCII.
const MAX_AUTHORITY_BYTES: usize = 4 * MAX_NAME_BYTES;

/// Names that belong to one machine or one network, with all names under them: RFC 6761 and 6762
/// (appendix G), RFC 8375, ICANN's `internal`, and what resolvers and Kubernetes use.
const PRIVATE_NAMES: [&str; 11] = [
    "corp",
    "home",
    "home.arpa",
    "internal",
    "intranet",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "private",
    "svc",
];

/// Refuses `media` when an upstream would fetch it from a host that is neither public nor among
/// `allowed`.
pub(super) fn check(allowed: &[PrivateHost], media: &Media) -> Result<(), RunError> {
    match &media.source {
        MediaSource::Url(url) => check_url(allowed, url),
        // Base64 has no colon: what has one is a URL to an upstream that takes both.
        MediaSource::Inline(data) if data.contains(':') => check_url(allowed, data),
        MediaSource::Inline(_) | MediaSource::FileId(_) => Ok(()),
    }
}

fn check_url(allowed: &[PrivateHost], url: &str) -> Result<(), RunError> {
    let (scheme, rest) = url.split_once(':').unwrap_or_default();
    let is = |name: &str| scheme.eq_ignore_ascii_case(name);
    if is("data") {
        return Ok(());
    }
    if !is("http") && !is("https") {
        return refuse("is neither an `http`, an `https` nor a `data` URL.");
    }
    // With fewer slashes, the host begins right behind the scheme for some, and nowhere for others.
    let Some(rest) = rest.strip_prefix("//") else {
        return unclear();
    };
    // Old readers of URLs let a host begin behind any `@` before the first slash.
    if rest
        .split('/')
        .next()
        .is_some_and(|head| head.contains('@'))
    {
        return refuse("holds a user name or a password: leave it out.");
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if !is_clear(authority) || url.contains(|c: char| c.is_ascii_control()) {
        return unclear();
    }
    let Ok(parsed) = Url::parse(&format!("http://{authority}")) else {
        return unclear();
    };
    match parsed.host() {
        Some(Host::Ipv4(ip)) if !is_written(&ip.to_string(), authority) => unclear(),
        Some(Host::Domain(name)) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            if name.len() > MAX_NAME_BYTES || name.split('.').any(str::is_empty) {
                return unclear();
            }
            check_host(allowed, &Host::Domain(name))
        }
        Some(host) => check_host(allowed, &host),
        None => unclear(),
    }
}

fn check_host(allowed: &[PrivateHost], host: &Host<&str>) -> Result<(), RunError> {
    let is_public = match host {
        Host::Domain(name) => !is_private_name(name),
        Host::Ipv4(ip) => address::is_public(IpAddr::V4(*ip)),
        Host::Ipv6(ip) => address::is_public(IpAddr::V6(*ip)),
    };
    if is_public || allowed.iter().any(|private| private.is(host)) {
        return Ok(());
    }
    refuse(&format!(
        "names the host `{host}`, which is not public. The operator of this server can allow it \
         in `urls.private_hosts`."
    ))
}

/// Whether a name without a dot at its end means something else in every network.
fn is_private_name(name: &str) -> bool {
    let is_under = |private: &str| match name.strip_suffix(private) {
        Some(rest) => rest.is_empty() || rest.ends_with('.'),
        None => false,
    };
    !name.contains('.') || PRIVATE_NAMES.into_iter().any(is_under)
}

/// Whether everybody finds the same host in `authority`, as far as its characters go.
fn is_clear(authority: &str) -> bool {
    // Backslashes end a host for some, escapes are undone by some, white space is cut by some.
    let odd = |c: char| c.is_whitespace() || matches!(c, '\\' | '%');
    authority.len() <= MAX_AUTHORITY_BYTES && !authority.contains(odd)
}

/// Whether `authority` spells its host as `host`: `010.0.0.1` is 8.0.0.1 to some, 10.0.0.1 to others.
fn is_written(host: &str, authority: &str) -> bool {
    authority.split(':').next() == Some(host)
}

fn unclear() -> Result<(), RunError> {
    refuse(
        "names its host in a way that programs read differently: write it plainly, as in \
         `https://example.com/a.png`.",
    )
}

fn refuse(why: &str) -> Result<(), RunError> {
    let message = format!("The URL of an image, a file or an audio clip {why}");
    Err(RunError::invalid("input", message))
}

#[cfg(test)]
mod tests;
