//! Restricts the addresses that checks may connect to. The policy applies to the address itself, after every name
//! resolution and every redirect, so no name can bypass it.

use std::net::{IpAddr, Ipv4Addr};

use super::special_purpose::{AddressBlock, Reachability, block_of};

/// The addresses that checks may connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AddressPolicy {
    #[default]
    AllowAll,
    /// Only addresses of the public internet (`deny_private_addresses`): those that IANA's registries list as globally
    /// reachable.
    PublicOnly,
    /// Only one address. Tests use this variant to redirect from an allowed address to a denied one, because they
    /// cannot use public addresses.
    #[cfg(test)]
    Only(IpAddr),
}

impl AddressPolicy {
    /// Returns whether checks may connect to this address.
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
        let block = deciding_block(address).map(|block| format!(" ({}, RFC {})", block.name, block.rfc));
        let block = block.unwrap_or_default();
        format!("address {address} is not public{block}, and `deny_private_addresses` forbids those")
    }
}

fn is_public(address: IpAddr) -> bool {
    deciding_block(address).is_some_and(|block| block.reachability == Reachability::Global)
}

/// Returns the block that determines whether an address is allowed. That is the block of the embedded IPv4 address, if
/// a connection would reach that address.
fn deciding_block(address: IpAddr) -> Option<&'static AddressBlock> {
    let block = block_of(address)?;
    match address {
        IpAddr::V6(v6) if block.reachability == Reachability::Ipv4 => {
            let [.., a, b, c, d] = v6.octets();
            block_of(Ipv4Addr::new(a, b, c, d).into())
        }
        _ => Some(block),
    }
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
            // Teredo, 6to4, local translation, ISATAP and obsolete addresses that embed an IPv4 address.
            "2001:0:7f00:1::1",
            "2002:0808:0808::1",
            "64:ff9b:1::8.8.8.8",
            "fe80::5efe:10.0.0.1",
            "::10.0.0.1",
            "::8.8.8.8",
            "::ffff:0:8.8.8.8",
            "64:ff9b::100.64.0.1",
            "::ffff:192.0.2.1",
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
