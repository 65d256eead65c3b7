//! The configuration of `icmp` checks: keys, defaults and the conversion to an [`IcmpCheck`].

use serde::Deserialize;

use super::common::{IP_VERSION, NAME, timeout};
use super::converter::CheckConverter;
use super::{CheckType, DEFAULT_CONNECTION_TIMEOUT};
use crate::checks::icmp::IcmpCheck;
use crate::checks::net::connect::Address;
use crate::checks::{self as kinds, CheckKind};
use crate::config::patterns;
use crate::config::spec::{ValueKind, Variant, required};

pub(super) const TYPE: CheckType = CheckType {
    variant: Variant {
        name: "icmp",
        description: "An echo request (ping). It does not need privileges if the system's `ping_group_range` includes the checker's group.",
        fields: &[
            NAME,
            required("endpoint_url", ValueKind::Pattern(patterns::HOST), "A host name or an IP address."),
            timeout("`1s`", "The time limit for an attempt."),
            IP_VERSION,
        ],
    },
    subjects: kinds::icmp::SUBJECTS,
    default_timeout: DEFAULT_CONNECTION_TIMEOUT,
    convert,
};

#[derive(Deserialize)]
struct RawIcmp {
    endpoint_url: String,
}

fn convert(converter: &mut CheckConverter<'_>) -> Option<CheckKind> {
    let raw: RawIcmp = converter.read()?;
    let address = converter.accept("endpoint_url", Address::parse_host(&raw.endpoint_url))?;
    let ip_version = converter.ip_version(&address.host);
    let (locator, timeout) = (raw.endpoint_url, converter.timeout);
    Some(CheckKind::Icmp(Box::new(IcmpCheck { locator, address, timeout, ip_version })))
}
