// SPDX-License-Identifier: Apache-2.0
//! Hosts that URLs of a request may name although they are not public.

use std::net::IpAddr;
use std::str::FromStr;

use url::Host;

/// Most bytes of a host's name (RFC 1035, section 2.3.4).
pub(crate) const MAX_NAME_BYTES: usize = 253;

/// A host that URLs of a request may name although it is not public: a name, an address, or every
/// name under one, as in `minio`, `10.0.0.7`, `fd00::7` and `*.example.internal`.
///
/// `*.example.internal` is neither `example.internal` itself nor a name that merely ends alike.
/// Names are compared as URLs spell them: in lower case, in ASCII, without a dot at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateHost(Allowed);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Allowed {
    Address(IpAddr),
    Name(String),
    /// The dot before the name is part of it.
    Under(String),
}

/// Why a text is no [`PrivateHost`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrivateHostError {
    /// Neither a host's name nor an address.
    #[error("this is neither the name of a host nor an address")]
    NotAHost,
    /// A `*` that is not the whole first label of a name.
    #[error("a `*` stands only before a name, as its first label")]
    Wildcard,
    /// An address in a form that programs read in different ways.
    #[error("an IPv4 address is four decimal numbers without leading zeros")]
    OddAddress,
}

impl PrivateHost {
    /// Whether this is `host`, a name of which has no dot at its end.
    pub(crate) fn is(&self, host: &Host<&str>) -> bool {
        match (&self.0, host) {
            (Allowed::Address(IpAddr::V4(own)), Host::Ipv4(other)) => own == other,
            (Allowed::Address(IpAddr::V6(own)), Host::Ipv6(other)) => own == other,
            (Allowed::Name(own), Host::Domain(other)) => own == other,
            (Allowed::Under(suffix), Host::Domain(other)) => other.ends_with(suffix.as_str()),
            (Allowed::Address(_) | Allowed::Name(_) | Allowed::Under(_), _) => false,
        }
    }
}

impl FromStr for PrivateHost {
    type Err = PrivateHostError;

    fn from_str(text: &str) -> Result<Self, PrivateHostError> {
        if let Ok(address) = text.parse() {
            return Ok(Self(Allowed::Address(address)));
        }
        if let Some(rest) = text.strip_prefix("*.") {
            return Ok(Self(Allowed::Under(format!(".{}", name(rest)?))));
        }
        name(text).map(|name| Self(Allowed::Name(name)))
    }
}

/// `text` as URLs spell the name of a host.
fn name(text: &str) -> Result<String, PrivateHostError> {
    if text.contains('*') {
        return Err(PrivateHostError::Wildcard);
    }
    let name = match Host::parse(text) {
        Ok(Host::Domain(name)) => name,
        Ok(Host::Ipv4(_)) => return Err(PrivateHostError::OddAddress),
        Ok(Host::Ipv6(_)) | Err(_) => return Err(PrivateHostError::NotAHost),
    };
    let name = name.strip_suffix('.').unwrap_or(&name);
    let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(plain);
    if name.len() > MAX_NAME_BYTES || !name.split('.').all(is_label) {
        return Err(PrivateHostError::NotAHost);
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests;
