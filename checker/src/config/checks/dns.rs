//! The configuration of `dns` checks: keys, defaults and the conversion to a [`DnsCheck`].

use hickory_proto::rr::Name;
use serde::Deserialize;

use super::common::{NAME, timeout};
use super::converter::CheckConverter;
use super::{CheckType, DEFAULT_CONNECTION_TIMEOUT};
use crate::checks::dns::{self, DnsCheck, Dnssec};
use crate::checks::net::connect::Address;
use crate::checks::{self as kinds, CheckKind};
use crate::config::patterns;
use crate::config::spec::{ValueKind, Variant, optional, required};

pub(super) const TYPE: CheckType = CheckType {
    variant: Variant {
        name: "dns",
        description: "A query to a DNS server. If the answer is not the expected one, the endpoint is down.",
        fields: &[
            NAME,
            required(
                "endpoint_url",
                ValueKind::Pattern(patterns::ADDRESS),
                "The server: a host, and a port unless it is 53.",
            ),
            required("hostname_fqdn", ValueKind::Pattern(patterns::DNS_NAME), "The name to query."),
            timeout("`1s`", "The time limit for an attempt."),
            optional("record_type", ValueKind::Enum(dns::RECORDS), "`A`", "The type of record to query."),
            optional(
                "expected_answers",
                ValueKind::List(&ValueKind::String),
                "any answer",
                "The complete list of expected answers, in any order. Comparing names ignores case and a trailing dot; other values, for example in TXT and CAA records, must match exactly, with or without quotes.",
            ),
            optional("rcode", ValueKind::Enum(dns::RCODES), "`NOERROR`", "The expected response code."),
            optional(
                "dnssec",
                ValueKind::Bool,
                "`false`",
                "Whether the server must confirm that it validated the answer with DNSSEC.",
            ),
        ],
    },
    subjects: kinds::dns::SUBJECTS,
    default_timeout: DEFAULT_CONNECTION_TIMEOUT,
    convert,
};

#[derive(Deserialize)]
struct RawDns {
    endpoint_url: String,
    hostname_fqdn: String,
    record_type: Option<String>,
    #[serde(default)]
    expected_answers: Vec<String>,
    rcode: Option<String>,
    #[serde(default)]
    dnssec: bool,
}

fn convert(converter: &mut CheckConverter<'_>) -> Option<CheckKind> {
    let raw: RawDns = converter.read()?;
    let server = converter.accept("endpoint_url", Address::parse(&raw.endpoint_url, Some(dns::PORT)))?;
    let Some(mut name) = Name::from_utf8(&raw.hostname_fqdn).ok().filter(|_| !raw.hostname_fqdn.is_empty()) else {
        converter.error("hostname_fqdn", format!("invalid host name `{}`", raw.hostname_fqdn));
        return None;
    };
    name.set_fqdn(true);
    let record = raw.record_type.as_deref().unwrap_or("A");
    let Ok(record) = record.parse() else {
        converter.error("record_type", format!("unknown record type `{record}`"));
        return None;
    };
    let rcode = raw.rcode.as_deref().and_then(dns::rcode).unwrap_or_default();
    if !raw.expected_answers.is_empty() && rcode != dns::rcode("NOERROR").unwrap_or_default() {
        let text = "contradicts `rcode`, since only `NOERROR` responses have answers: remove one of them";
        converter.reject("expected_answers", text);
    }
    Some(CheckKind::Dns(Box::new(DnsCheck {
        // As in the original Checkup, the locator is only the server. Titles distinguish several queries to the same
        // server.
        locator: raw.endpoint_url,
        server,
        name,
        record,
        timeout: converter.timeout,
        answers: raw.expected_answers,
        rcode,
        dnssec: if raw.dnssec { Dnssec::Authentic } else { Dnssec::NotRequested },
    })))
}
