//! IANA's complete special-purpose address registries (RFC 6890) as of 2025, and the general address blocks to which
//! they are exceptions.
//!
//! <https://www.iana.org/assignments/iana-ipv4-special-registry>,
//! <https://www.iana.org/assignments/iana-ipv6-special-registry>

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use self::Reachability::{Global, Identifier, Ipv4, NotApplicable, NotGlobal};

/// An address block, as listed in a registry.
#[derive(Debug, Clone, Copy)]
pub(super) struct AddressBlock {
    network: IpAddr,
    prefix_length: u32,
    pub(super) name: &'static str,
    /// The number of the RFC that defines the block.
    pub(super) rfc: u16,
    pub(super) reachability: Reachability,
}

/// The registry's column "Globally Reachable".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reachability {
    Global,
    NotGlobal,
    /// "N/A", because the addresses belong to tunnels or experiments that are obsolete.
    NotApplicable,
    /// "True", although the addresses are identifiers and are not routed.
    Identifier,
    /// The same as for the IPv4 address in the last 32 bits, because a connection reaches that address.
    Ipv4,
}

const fn v4(
    octets: [u8; 4],
    prefix_length: u32,
    name: &'static str,
    rfc: u16,
    reachability: Reachability,
) -> AddressBlock {
    let [a, b, c, d] = octets;
    AddressBlock { network: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix_length, name, rfc, reachability }
}

const fn v6(
    segments: [u16; 8],
    prefix_length: u32,
    name: &'static str,
    rfc: u16,
    reachability: Reachability,
) -> AddressBlock {
    let (mut bits, mut index) = (0, 0);
    while index < segments.len() {
        bits = bits << 16 | segments[index] as u128;
        index += 1;
    }
    AddressBlock { network: IpAddr::V6(Ipv6Addr::from_bits(bits)), prefix_length, name, rfc, reachability }
}

const BLOCKS: &[AddressBlock] = &[
    // The general IPv4 and IPv6 address blocks, to which the registries' entries are exceptions.
    v4([0, 0, 0, 0], 0, "Global Unicast", 791, Global),
    v4([224, 0, 0, 0], 4, "Multicast", 5771, NotGlobal),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 0, "Not Global Unicast", 4291, NotGlobal),
    v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3, "Global Unicast", 4291, Global),
    // The IPv4 registry.
    v4([0, 0, 0, 0], 8, "\"This network\"", 791, NotGlobal),
    v4([0, 0, 0, 0], 32, "\"This host on this network\"", 1122, NotGlobal),
    v4([10, 0, 0, 0], 8, "Private-Use", 1918, NotGlobal),
    v4([100, 64, 0, 0], 10, "Shared Address Space", 6598, NotGlobal),
    v4([127, 0, 0, 0], 8, "Loopback", 1122, NotGlobal),
    v4([169, 254, 0, 0], 16, "Link Local", 3927, NotGlobal),
    v4([172, 16, 0, 0], 12, "Private-Use", 1918, NotGlobal),
    v4([192, 0, 0, 0], 24, "IETF Protocol Assignments", 6890, NotGlobal),
    v4([192, 0, 0, 0], 29, "IPv4 Service Continuity Prefix", 7335, NotGlobal),
    v4([192, 0, 0, 8], 32, "IPv4 dummy address", 7600, NotGlobal),
    v4([192, 0, 0, 9], 32, "Port Control Protocol Anycast", 7723, Global),
    v4([192, 0, 0, 10], 32, "Traversal Using Relays around NAT Anycast", 8155, Global),
    v4([192, 0, 0, 170], 32, "NAT64/DNS64 Discovery", 8880, NotGlobal),
    v4([192, 0, 0, 171], 32, "NAT64/DNS64 Discovery", 8880, NotGlobal),
    v4([192, 0, 2, 0], 24, "Documentation (TEST-NET-1)", 5737, NotGlobal),
    v4([192, 31, 196, 0], 24, "AS112-v4", 7535, Global),
    v4([192, 52, 193, 0], 24, "AMT", 7450, Global),
    v4([192, 88, 99, 0], 24, "Deprecated (6to4 Relay Anycast)", 7526, NotApplicable),
    v4([192, 88, 99, 2], 32, "6a44-relay anycast address", 6751, NotGlobal),
    v4([192, 168, 0, 0], 16, "Private-Use", 1918, NotGlobal),
    v4([192, 175, 48, 0], 24, "Direct Delegation AS112 Service", 7534, Global),
    v4([198, 18, 0, 0], 15, "Benchmarking", 2544, NotGlobal),
    v4([198, 51, 100, 0], 24, "Documentation (TEST-NET-2)", 5737, NotGlobal),
    v4([203, 0, 113, 0], 24, "Documentation (TEST-NET-3)", 5737, NotGlobal),
    v4([240, 0, 0, 0], 4, "Reserved", 1112, NotGlobal),
    v4([255, 255, 255, 255], 32, "Limited Broadcast", 919, NotGlobal),
    // The IPv6 registry.
    v6([0, 0, 0, 0, 0, 0, 0, 0x1], 128, "Loopback Address", 4291, NotGlobal),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 128, "Unspecified Address", 4291, NotGlobal),
    v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96, "IPv4-mapped Address", 4291, Ipv4),
    v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96, "IPv4-IPv6 Translation", 6052, Ipv4),
    v6([0x64, 0xff9b, 0x1, 0, 0, 0, 0, 0], 48, "IPv4-IPv6 Translation", 8215, NotGlobal),
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64, "Discard-Only Address Block", 6666, NotGlobal),
    v6([0x100, 0, 0, 0x1, 0, 0, 0, 0], 64, "Dummy IPv6 Prefix", 9780, NotGlobal),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "IETF Protocol Assignments", 2928, NotGlobal),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, "TEREDO", 4380, NotApplicable),
    v6([0x2001, 0x1, 0, 0, 0, 0, 0, 0x1], 128, "Port Control Protocol Anycast", 7723, Global),
    v6([0x2001, 0x1, 0, 0, 0, 0, 0, 0x2], 128, "Traversal Using Relays around NAT Anycast", 8155, Global),
    v6([0x2001, 0x1, 0, 0, 0, 0, 0, 0x3], 128, "DNS-SD Service Registration Protocol Anycast", 9665, Global),
    v6([0x2001, 0x2, 0, 0, 0, 0, 0, 0], 48, "Benchmarking", 5180, NotGlobal),
    v6([0x2001, 0x3, 0, 0, 0, 0, 0, 0], 32, "AMT", 7450, Global),
    v6([0x2001, 0x4, 0x112, 0, 0, 0, 0, 0], 48, "AS112-v6", 7535, Global),
    v6([0x2001, 0x10, 0, 0, 0, 0, 0, 0], 28, "Deprecated (previously ORCHID)", 4843, NotApplicable),
    v6([0x2001, 0x20, 0, 0, 0, 0, 0, 0], 28, "ORCHIDv2", 7343, Identifier),
    v6([0x2001, 0x30, 0, 0, 0, 0, 0, 0], 28, "Drone Remote ID Protocol Entity Tags Prefix", 9374, Identifier),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "Documentation", 3849, NotGlobal),
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "6to4", 3056, NotApplicable),
    v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48, "Direct Delegation AS112 Service", 7534, Global),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "Documentation", 9637, NotGlobal),
    v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, "Segment Routing (SRv6) SIDs", 9602, NotGlobal),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "Unique-Local", 4193, NotGlobal),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "Link-Local Unicast", 4291, NotGlobal),
];

/// Returns the smallest block that contains an address.
pub(super) fn block_of(address: IpAddr) -> Option<&'static AddressBlock> {
    BLOCKS.iter().filter(|block| block.contains(address)).max_by_key(|block| block.prefix_length)
}

impl AddressBlock {
    fn contains(&self, address: IpAddr) -> bool {
        // `rest` is the number of low bits that are not part of the prefix. Shifting by all bits results in 0.
        let (difference, rest) = match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                (u128::from(network.to_bits() ^ address.to_bits()), 32 - self.prefix_length)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                (network.to_bits() ^ address.to_bits(), 128 - self.prefix_length)
            }
            _ => return false,
        };
        difference.checked_shr(rest).unwrap_or(0) == 0
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::net::address_policy::AddressPolicy;
    use crate::checks::net::special_purpose::*;

    /// The address blocks in the text of the registries, and whether checks may connect to them.
    const REGISTRIES: &str = "
        0.0.0.0/8 no
        0.0.0.0/32 no
        10.0.0.0/8 no
        100.64.0.0/10 no
        127.0.0.0/8 no
        169.254.0.0/16 no
        172.16.0.0/12 no
        192.0.0.0/24 no
        192.0.0.0/29 no
        192.0.0.8/32 no
        192.0.0.9/32 yes
        192.0.0.10/32 yes
        192.0.0.170/32 no
        192.0.0.171/32 no
        192.0.2.0/24 no
        192.31.196.0/24 yes
        192.52.193.0/24 yes
        192.88.99.0/24 no
        192.88.99.2/32 no
        192.168.0.0/16 no
        192.175.48.0/24 yes
        198.18.0.0/15 no
        198.51.100.0/24 no
        203.0.113.0/24 no
        240.0.0.0/4 no
        255.255.255.255/32 no
        ::1/128 no
        ::/128 no
        ::ffff:0:0/96 embedded
        64:ff9b::/96 embedded
        64:ff9b:1::/48 no
        100::/64 no
        100:0:0:1::/64 no
        2001::/23 no
        2001::/32 no
        2001:1::1/128 yes
        2001:1::2/128 yes
        2001:1::3/128 yes
        2001:2::/48 no
        2001:3::/32 yes
        2001:4:112::/48 yes
        2001:10::/28 no
        2001:20::/28 no
        2001:30::/28 no
        2001:db8::/32 no
        2002::/16 no
        2620:4f:8000::/48 yes
        3fff::/20 no
        5f00::/16 no
        fc00::/7 no
        fe80::/10 no
    ";

    fn parse(line: &str) -> Option<(&str, IpAddr, u32, &str)> {
        let (block, allowed) = line.trim().split_once(' ')?;
        let (network, prefix_length) = block.split_once('/')?;
        Some((block, network.parse().ok()?, prefix_length.parse().ok()?, allowed))
    }

    /// Returns the last address of a block.
    fn last(network: IpAddr, prefix_length: u32) -> IpAddr {
        match network {
            IpAddr::V4(network) => {
                Ipv4Addr::from_bits(network.to_bits() | u32::MAX.checked_shr(prefix_length).unwrap_or(0)).into()
            }
            IpAddr::V6(network) => {
                Ipv6Addr::from_bits(network.to_bits() | u128::MAX.checked_shr(prefix_length).unwrap_or(0)).into()
            }
        }
    }

    #[test]
    fn every_block_of_both_registries_is_known() {
        let rows: Vec<_> = REGISTRIES.lines().filter_map(parse).collect();
        assert_eq!(rows.len(), BLOCKS.len() - 4, "the first four are not special");
        for (block, network, prefix_length, allowed) in rows {
            let known = BLOCKS.iter().find(|known| known.network == network && known.prefix_length == prefix_length);
            let known = known.unwrap_or_else(|| panic!("{block} is missing"));
            assert!(!known.name.is_empty() && known.rfc > 0);
            if allowed == "embedded" {
                assert_eq!(known.reachability, Ipv4, "{block}");
                continue;
            }
            let is_inner = |address| block_of(address).is_some_and(|inner| inner.prefix_length > prefix_length);
            for address in [network, last(network, prefix_length)].into_iter().filter(|address| !is_inner(*address)) {
                assert_eq!(AddressPolicy::PublicOnly.allows(address), allowed == "yes", "{block}: {address}");
            }
        }
    }

    #[test]
    fn the_smallest_block_decides() {
        for (address, name) in [
            ("0.0.0.0", "\"This host on this network\""),
            ("0.0.0.1", "\"This network\""),
            ("9.255.255.255", "Global Unicast"),
            ("10.0.0.0", "Private-Use"),
            ("11.0.0.0", "Global Unicast"),
            ("192.0.0.9", "Port Control Protocol Anycast"),
            ("192.0.0.11", "IETF Protocol Assignments"),
            ("223.255.255.255", "Global Unicast"),
            ("239.1.2.3", "Multicast"),
            ("255.255.255.255", "Limited Broadcast"),
            ("::", "Unspecified Address"),
            ("::2", "Not Global Unicast"),
            ("2001::1", "TEREDO"),
            ("2001:1::1", "Port Control Protocol Anycast"),
            ("2001:1::4", "IETF Protocol Assignments"),
            ("2001:200::1", "Global Unicast"),
            ("fec0::1", "Not Global Unicast"),
            ("ff02::1", "Not Global Unicast"),
        ] {
            let found = block_of(address.parse().expect("an address"));
            assert_eq!(found.map(|block| block.name), Some(name), "{address}");
        }
    }
}
