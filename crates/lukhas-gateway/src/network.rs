// SPDX-License-Identifier: Apache-2.0
//! Networks, and the address at the other end of a connection.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// The address at the other end of the connection that a request came by: an extension of the
/// request. Without it, the gateway does not know its clients apart: it limits no failed attempts, and
/// rate limits by address count all together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// A network by its first address and the bits that all of its addresses share, as in `10.0.0.0/8`
/// or `2001:db8::/32`; an address alone is a network of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    bits: u32,
}

/// Why a text is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// It is not an address, alone or with a number of bits.
    #[error("it is not an address, or an address and a number of bits, as in `10.0.0.0/8`")]
    Form,
    /// There are not so many bits in such an address.
    #[error("an address like this has {0} bits")]
    Bits(u32),
    /// Not its first address: whoever writes that may mean another network.
    #[error("its first address is `{0}`")]
    NotFirst(Network),
}

/// Bits of an IPv6 address that tell clients apart: each has a network of its own to choose from.
pub(crate) const CLIENT_BITS: u32 = 64;

impl Network {
    /// Whether `address` is one of it. IPv4 addresses written as IPv6 (`::ffff:10.0.0.1`) are IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4() && Self::of(address, self.bits) == *self
    }

    /// The network of `address` whose addresses share the first `bits`.
    pub(crate) fn of(address: IpAddr, bits: u32) -> Self {
        let first = match address {
            IpAddr::V4(ip) => IpAddr::V4((ip.to_bits() & mask_32(bits)).into()),
            IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & mask_128(bits))),
        };
        Self { first, bits }
    }

    /// The network that the client at `address` can choose from: of IPv4 the address itself.
    pub(crate) fn of_client(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::of(address, 32),
            IpAddr::V6(_) => Self::of(address, CLIENT_BITS),
        }
    }

    /// Its first address.
    pub(crate) fn first(&self) -> IpAddr {
        self.first
    }
}

fn mask_32(bits: u32) -> u32 {
    u32::MAX.checked_shl(32 - bits.min(32)).unwrap_or(0)
}

fn mask_128(bits: u32) -> u128 {
    u128::MAX.checked_shl(128 - bits.min(128)).unwrap_or(0)
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError::Form)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) if !bits.is_empty() && bits.bytes().all(|b| b.is_ascii_digit()) => {
                bits.parse().map_err(|_| NetworkError::Bits(most))?
            }
            Some(_) => return Err(NetworkError::Form),
            None => most,
        };
        if bits > most {
            return Err(NetworkError::Bits(most));
        }
        let network = Self::of(address, bits);
        if network.first != address {
            return Err(NetworkError::NotFirst(network));
        }
        Ok(network)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_the_addresses_that_share_its_bits() {
        for (network, address, expected) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("10.0.0.7", "10.0.0.7", true),
            ("10.0.0.7", "10.0.0.8", false),
            ("0.0.0.0/0", "203.0.113.7", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "203.0.113.7", false),
            ("2001:db8::/33", "2001:db8:7fff::1", true),
            ("2001:db8::/33", "2001:db8:8000::1", false),
            ("::1", "::1", true),
        ] {
            let network: Network = network.parse().unwrap();
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(network.contains(address), expected, "{network} {address}");
        }
    }

    #[test]
    fn what_is_no_network_says_why() {
        let first = Network::of([10, 0, 0, 0].into(), 8);
        for (text, error) in [
            ("", NetworkError::Form),
            ("10.0.0", NetworkError::Form),
            ("proxy", NetworkError::Form),
            ("10.0.0.0/", NetworkError::Form),
            ("10.0.0.0/+8", NetworkError::Form),
            ("10.0.0.0/8/8", NetworkError::Form),
            ("10.0.0.0/33", NetworkError::Bits(32)),
            ("::/129", NetworkError::Bits(128)),
            ("::/99999999999", NetworkError::Bits(128)),
            ("10.1.2.3/8", NetworkError::NotFirst(first)),
        ] {
            assert_eq!(text.parse::<Network>(), Err(error), "{text}");
        }
        assert_eq!(first.to_string(), "10.0.0.0/8");
    }
}
