//! Which addresses checks may connect to. The policy is applied to the address itself, after every name resolution
//! and every redirect, so that no name can bypass it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which addresses checks may connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AddressPolicy {
    #[default]
    AllowAll,
    /// Only addresses of the public internet (`deny_private_addresses`).
    PublicOnly,
    /// Only this address. Tests use this to redirect from an allowed address to a denied one, because they cannot use
    /// public addresses.
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

    /// Explains why an attempt could not connect to this address.
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
        // Multicast, reserved and broadcast addresses.
        || a >= 224)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // An IPv6 address can embed an IPv4 address: mapped, compatible, translated (64:ff9b::/96) or 6to4 (2002::/16).
    let low = || Ipv4Addr::from(u32::from(segments[6]) << 16 | u32::from(segments[7]));
    match segments {
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => return is_public_v4(low()),
        [0x2002, high, low, ..] => return is_public_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))),
        _ => {}
    }
    let documentation = segments[0] == 0x2001 && segments[1] == 0xdb8;
    // All global addresses are in 2000::/3; unique local, link-local and multicast addresses are not.
    segments[0] & 0xe000 == 0x2000 && !documentation
}

#[cfg(test)]
mod tests {
    use crate::checks::net::address_policy::*;

    #[test]
    fn private_addresses_are_denied_in_every_spelling() {
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
