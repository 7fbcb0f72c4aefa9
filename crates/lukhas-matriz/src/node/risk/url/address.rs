// SPDX-License-Identifier: Apache-2.0
//! Which addresses are public: those that IANA's registries of special-purpose addresses
//! (RFC 6890) do not set apart.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Blocks of IPv4 that are not public: an address and the length of its prefix.
const RESERVED_V4: [(Ipv4Addr, u32); 16] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),        // this network
    (Ipv4Addr::new(10, 0, 0, 0), 8),       // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),    // carrier-grade NAT
    (Ipv4Addr::new(127, 0, 0, 0), 8),      // loopback
    (Ipv4Addr::new(168, 63, 129, 16), 32), // Azure's host, inside every virtual network
    (Ipv4Addr::new(169, 254, 0, 0), 16),   // link-local, and the metadata of clouds
    (Ipv4Addr::new(172, 16, 0, 0), 12),    // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),     // protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24),     // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24),   // relays of 6to4
    (Ipv4Addr::new(192, 168, 0, 0), 16),   // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),    // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24),  // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),   // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4),      // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),      // reserved, and broadcast
];

/// Global unicast: all of IPv6 that is given out. Loopback, link-local, site-local, unique local,
/// multicast and IPv4-compatible addresses are outside of it.
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Blocks of global unicast that are not public. The tunnels among them carry an IPv4 address that
/// may be any; both are out of use.
const RESERVED_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments, Teredo
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

/// Addresses of IPv4 behind a NAT64 (RFC 6052).
const NAT64: (Ipv6Addr, u32) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// Whether `ip` is an address of the public internet.
pub(super) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => match carried_v4(ip) {
            Some(ip) => is_public_v4(ip),
            None => in_v6(ip, GLOBAL_V6) && !RESERVED_V6.iter().any(|block| in_v6(ip, *block)),
        },
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    !RESERVED_V4.iter().any(|block| in_v4(ip, *block))
}

/// The address that packets to `ip` go to, where it stands for one of IPv4.
fn carried_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., a, b, c, d] = ip.octets();
    let behind_nat = in_v6(ip, NAT64).then(|| Ipv4Addr::new(a, b, c, d));
    ip.to_ipv4_mapped().or(behind_nat)
}

fn in_v4(ip: Ipv4Addr, (block, prefix): (Ipv4Addr, u32)) -> bool {
    (ip.to_bits() ^ block.to_bits()) >> (32 - prefix) == 0
}

fn in_v6(ip: Ipv6Addr, (block, prefix): (Ipv6Addr, u32)) -> bool {
    (ip.to_bits() ^ block.to_bits()) >> (128 - prefix) == 0
}
