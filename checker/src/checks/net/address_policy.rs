//! Which addresses checks may connect to. It is decided on the address itself, after every look-up and for every
//! redirect, so that no name can lead around it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which addresses checks may connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AddressPolicy {
    /// Any address.
    #[default]
    AllowAll,
    /// Only addresses of the public internet, as `deny_private_addresses` asks.
    PublicOnly,
    /// Only this address: so tests, which have no public one, see what happens on the way from an allowed address
    /// to one that is denied.
    #[cfg(test)]
    Only(IpAddr),
}

impl AddressPolicy {
    /// Whether checks may connect to this address.
    #[must_use]
    pub fn allows(self, address: IpAddr) -> bool {
        match self {
            AddressPolicy::AllowAll => true,
            AddressPolicy::PublicOnly => is_public(address),
            #[cfg(test)]
            AddressPolicy::Only(allowed) => address == allowed,
        }
    }

    /// What an attempt says that was not allowed to connect.
    #[must_use]
    pub fn rejection(address: IpAddr) -> String {
        format!("address {address} is not public, and `deny_private_addresses` forbids those")
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let shared_by_providers = a == 100 && (64..128).contains(&b);
    let for_protocols = (a, b, c) == (192, 0, 0);
    let for_benchmarks = a == 198 && (18..20).contains(&b);
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || shared_by_providers
        || for_protocols
        || for_benchmarks
        || a == 0
        // Multicast, reserved and broadcast.
        || a >= 224)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // An IPv4 address may stand inside: mapped, compatible, translated (64:ff9b::/96) or in 6to4 (2002::/16).
    let low = || Ipv4Addr::from(u32::from(segments[6]) << 16 | u32::from(segments[7]));
    match segments {
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => return is_public_v4(low()),
        [0x2002, high, low, ..] => return is_public_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))),
        _ => {}
    }
    let documentation = segments[0] == 0x2001 && segments[1] == 0xdb8;
    // All that is global lies in 2000::/3; unique local, link-local and multicast lie outside.
    segments[0] & 0xe000 == 0x2000 && !documentation
}

#[cfg(test)]
mod tests {
    use crate::checks::net::address_policy::*;

    #[test]
    fn what_is_not_public_is_known_in_every_disguise() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::169.254.169.254",
            "2002:7f00:1::",
            "2001:db8::1",
        ] {
            let address: IpAddr = private.parse().expect("an address");
            assert!(!AddressPolicy::PublicOnly.allows(address), "{private}");
            assert!(AddressPolicy::AllowAll.allows(address), "{private}");
        }
        for public in ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"] {
            assert!(AddressPolicy::PublicOnly.allows(public.parse().expect("an address")), "{public}");
        }
    }
}
