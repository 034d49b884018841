//! Which IP addresses are public: reachable by everyone, and by nobody better than by others.
//!
//! By IANA's registries of special-purpose addresses (IPv4 and IPv6, 2026), read strictly: what is not known to be public is not. An IPv6
//! address that carries an IPv4 address is judged by that one where networks use it to reach the public internet (NAT64), and refused
//! where nobody needs it (6to4, Teredo).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Blocks of IPv4 that are not public: first address, bits.
const NOT_PUBLIC_V4: [([u8; 4], u32); 17] = [
    ([0, 0, 0, 0], 8),          // this network
    ([10, 0, 0, 0], 8),         // private
    ([100, 64, 0, 0], 10),      // carriers' own; Alibaba's metadata
    ([127, 0, 0, 0], 8),        // this host
    ([168, 63, 129, 16], 32),   // Azure's own services on every virtual machine
    ([169, 254, 0, 0], 16),     // link-local; metadata of AWS, Azure, Google and others
    ([172, 16, 0, 0], 12),      // private
    ([192, 0, 0, 0], 24),       // protocol assignments; Oracle's metadata
    ([192, 0, 2, 0], 24),       // documentation
    ([192, 88, 99, 0], 24),     // 6to4 relays, given up
    ([192, 168, 0, 0], 16),     // private
    ([198, 18, 0, 0], 15),      // benchmarks
    ([198, 51, 100, 0], 24),    // documentation
    ([203, 0, 113, 0], 24),     // documentation
    ([224, 0, 0, 0], 4),        // multicast
    ([240, 0, 0, 0], 4),        // reserved
    ([255, 255, 255, 255], 32), // everyone here
];

/// Blocks within IPv6's global unicast space (2000::/3) that are not public.
const NOT_PUBLIC_V6: [(u128, u32); 5] = [
    (0x2001_0000 << 96, 23),      // protocol assignments: Teredo, benchmarks, ORCHID
    (0x2001_0db8 << 96, 32),      // documentation
    (0x2002_0000 << 96, 16),      // 6to4
    (0x3fff_0000 << 96, 20),      // documentation
    (0x2620_004f_8000 << 80, 48), // AS112
];

/// Whether everyone can reach this address.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let address = u32::from(address);
    !NOT_PUBLIC_V4.iter().any(|&(block, bits)| (address ^ u32::from_be_bytes(block)) >> (32 - bits) == 0)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(carried) = carried_v4(address) {
        return is_public_v4(carried);
    }
    let address = u128::from(address);
    let global = address >> 125 == 0b001;
    global && !NOT_PUBLIC_V6.iter().any(|&(block, bits)| (address ^ block) >> (128 - bits) == 0)
}

/// The IPv4 address behind `::ffff:a.b.c.d` and, in networks without IPv4, behind `64:ff9b::a.b.c.d`.
fn carried_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let nat64 = address.segments()[..6] == [0x64, 0xff9b, 0, 0, 0, 0];
    let low = Ipv4Addr::from(u128::from(address) as u32);
    address.to_ipv4_mapped().or(nat64.then_some(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(address: &str) -> bool {
        is_public(address.parse().unwrap_or_else(|_| panic!("{address}")))
    }

    #[test]
    fn the_first_and_last_of_every_block_are_judged_with_it_and_their_neighbours_are_not() {
        for (first, last) in [
            ("0.0.0.0", "0.255.255.255"),
            ("10.0.0.0", "10.255.255.255"),
            ("100.64.0.0", "100.127.255.255"),
            ("127.0.0.0", "127.255.255.255"),
            ("168.63.129.16", "168.63.129.16"),
            ("169.254.0.0", "169.254.255.255"),
            ("172.16.0.0", "172.31.255.255"),
            ("192.0.0.0", "192.0.0.255"),
            ("192.0.2.0", "192.0.2.255"),
            ("192.88.99.0", "192.88.99.255"),
            ("192.168.0.0", "192.168.255.255"),
            ("198.18.0.0", "198.19.255.255"),
            ("198.51.100.0", "198.51.100.255"),
            ("203.0.113.0", "203.0.113.255"),
            ("224.0.0.0", "255.255.255.255"),
        ] {
            assert!(!public(first) && !public(last), "{first} to {last}");
            let (first, last): (Ipv4Addr, Ipv4Addr) = (first.parse().unwrap(), last.parse().unwrap());
            let before = u32::from(first).checked_sub(1).map(Ipv4Addr::from);
            let after = u32::from(last).checked_add(1).map(Ipv4Addr::from);
            for neighbour in [before, after].into_iter().flatten() {
                assert!(is_public(neighbour.into()), "{neighbour}");
            }
        }
    }

    #[test]
    fn ipv6_is_public_where_it_is_assigned_to_everyone() {
        for good in ["2606:4700::1111", "2a00:1450:4001::200e", "2400:cb00::1", "3ffe::1", "2001:200::1", "2001:4860:4860::8888"]
        {
            assert!(public(good), "{good}");
        }
        for bad in [
            "::",
            "::1",
            "::2",
            "::127.0.0.1",
            "100::1",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "fd00:ec2::254",
            "2001::1",
            "2001:0:53aa:64c:0:0:3fff:fdfe",
            "2001:2::1",
            "2001:10::1",
            "2001:1ff::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:808:808::1",
            "3fff::1",
            "3fff:fff::1",
            "4000::1",
            "5f00::1",
            "64:ff9b:1::808:808",
            "1fff::1",
            "2620:4f:8000::1",
        ] {
            assert!(!public(bad), "{bad}");
        }
    }

    #[test]
    fn carried_addresses_are_judged_themselves() {
        for (prefix, counts) in [("::ffff:", true), ("64:ff9b::", true), ("::", false)] {
            assert_eq!(public(&format!("{prefix}8.8.8.8")), counts, "{prefix}");
            for bad in ["127.0.0.1", "10.1.2.3", "169.254.169.254", "0.0.0.0"] {
                assert!(!public(&format!("{prefix}{bad}")), "{prefix}{bad}");
            }
        }
    }
}
