//! Filters the addresses that a check can connect to by the address policy and the configured IP version.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::address_policy::AddressPolicy;
use crate::checks::Failure;

/// A version of the Internet Protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IpVersion {
    V4,
    V6,
}

impl IpVersion {
    /// The version numbers that a configuration can contain.
    pub const NUMBERS: &[i64] = &[4, 6];

    #[must_use]
    pub fn from_number(number: i64) -> Option<IpVersion> {
        match number {
            4 => Some(IpVersion::V4),
            6 => Some(IpVersion::V6),
            _ => None,
        }
    }

    /// Returns whether a connection to this address uses this version. An IPv4-mapped IPv6 address (`::ffff:1.1.1.1`)
    /// is reached over IPv4.
    #[must_use]
    pub fn reaches(self, address: IpAddr) -> bool {
        address.to_canonical().is_ipv4() == (self == IpVersion::V4)
    }
}

impl fmt::Display for IpVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            IpVersion::V4 => "IPv4",
            IpVersion::V6 => "IPv6",
        })
    }
}

/// The addresses that a check can connect to.
#[derive(Debug, Clone, Copy)]
pub struct AddressFilter {
    policy: AddressPolicy,
    version: Option<IpVersion>,
}

impl From<AddressPolicy> for AddressFilter {
    fn from(policy: AddressPolicy) -> AddressFilter {
        AddressFilter { policy, version: None }
    }
}

impl AddressFilter {
    /// Creates a filter. If `version` is `None`, both IP versions are allowed.
    #[must_use]
    pub fn new(policy: AddressPolicy, version: Option<IpVersion>) -> AddressFilter {
        AddressFilter { policy, version }
    }

    /// Returns an error if the check must not connect to this address.
    pub fn check(self, address: IpAddr) -> Result<(), Failure> {
        match self.version {
            Some(version) if !version.reaches(address) => {
                Err(format!("address {address} is not an {version} address, which `ip_version` requires"))
            }
            _ if self.policy.allows(address) => Ok(()),
            _ => Err(AddressPolicy::rejection(address)),
        }
    }

    /// Returns the host's allowed addresses, at least one. If none is allowed, the error states the reason.
    pub fn select(self, mut found: Vec<SocketAddr>, host: &str) -> Result<Vec<SocketAddr>, Failure> {
        if found.is_empty() {
            return Err(format!("no such host `{host}`"));
        }
        if let Some(version) = self.version {
            found.retain(|address| version.reaches(address.ip()));
            if found.is_empty() {
                return Err(format!("host `{host}` has no {version} address, which `ip_version` requires"));
            }
        }
        let first = found.first().copied();
        found.retain(|address| self.policy.allows(address.ip()));
        match first {
            Some(denied) if found.is_empty() => Err(AddressPolicy::rejection(denied.ip())),
            _ => Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().expect("an address"), 0)).collect()
    }

    #[test]
    fn only_addresses_of_the_ip_version_are_selected() {
        let found = ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.2", "192.0.2.3"];
        for (version, selected) in [
            (None, &found[..]),
            (Some(IpVersion::V4), &["192.0.2.1", "::ffff:192.0.2.2", "192.0.2.3"]),
            (Some(IpVersion::V6), &["2001:db8::1"]),
        ] {
            let filter = AddressFilter::new(AddressPolicy::AllowAll, version);
            assert_eq!(filter.select(addresses(&found), "a.example"), Ok(addresses(selected)), "{version:?}");
        }
    }

    #[test]
    fn a_missing_ip_version_is_named() {
        let only = |version| AddressFilter::new(AddressPolicy::AllowAll, Some(version));
        let missing = only(IpVersion::V6).select(addresses(&["192.0.2.1"]), "a.example");
        assert_eq!(missing, Err("host `a.example` has no IPv6 address, which `ip_version` requires".to_owned()));
        let wrong = only(IpVersion::V4).check("2001:db8::1".parse().expect("an address"));
        assert_eq!(wrong, Err("address 2001:db8::1 is not an IPv4 address, which `ip_version` requires".to_owned()));
        assert!(only(IpVersion::V4).select(Vec::new(), "a.example").is_err());
    }

    #[test]
    fn the_policy_applies_to_the_version() {
        let filter = AddressFilter::new(AddressPolicy::PublicOnly, Some(IpVersion::V6));
        let denied = filter.select(addresses(&["1.1.1.1", "::1"]), "a.example").expect_err("it is not public");
        assert!(denied.contains("address ::1 is not public"), "{denied}");
    }
}
