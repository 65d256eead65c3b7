//! The configuration of `dns` checks: keys, defaults and the conversion to a [`DnsCheck`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hickory_proto::rr::{Name, RecordType};
use serde::Deserialize;

use super::common::{IP_VERSION, NAME, timeout};
use super::converter::CheckConverter;
use super::{CheckType, DEFAULT_CONNECTION_TIMEOUT};
use crate::checks::dns::{self, AnswerMatch, DnsCheck, Dnssec, ExpectedAnswers};
use crate::checks::net::connect::Address;
use crate::checks::net::idna;
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
            required(
                "hostname_fqdn",
                ValueKind::Pattern(patterns::DNS_NAME),
                "The name to query. For PTR records, it can be an IP address.",
            ),
            timeout("`1s`", "The time limit for an attempt."),
            IP_VERSION,
            optional("record_type", ValueKind::Enum(dns::RECORDS), "`A`", "The type of record to query."),
            optional(
                "expected_answers",
                ValueKind::List(&ValueKind::String),
                "any answer",
                "The expected answers, in any order. Names match regardless of case and a trailing dot; other values, for example in TXT and CAA records, must match exactly, with or without quotes. Aliases in the answer are followed; records for other names do not count.",
            ),
            optional(
                "match",
                ValueKind::Enum(&["exact", "all", "any", "none"]),
                "`exact`",
                "Which answers are accepted: exactly the expected ones, all of them and possibly others, at least one of them, or none of them. `none` without `expected_answers` expects no answer. An empty answer counts only if the server is authoritative for the name or is a resolver.",
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
    #[serde(rename = "match")]
    answer_match: Option<String>,
    rcode: Option<String>,
    #[serde(default)]
    dnssec: bool,
}

fn convert(converter: &mut CheckConverter<'_>) -> Option<CheckKind> {
    let raw: RawDns = converter.read()?;
    let server = converter.accept("endpoint_url", Address::parse(&raw.endpoint_url, Some(dns::PORT)))?;
    let record = raw.record_type.as_deref().unwrap_or("A");
    let Ok(record) = record.parse() else {
        converter.error("record_type", format!("unknown record type `{record}`"));
        return None;
    };
    let name = converter.accept("hostname_fqdn", parse_name(&raw.hostname_fqdn, record))?;
    let ip_version = converter.ip_version(&server.host);
    let rcode = raw.rcode.as_deref().and_then(dns::rcode).unwrap_or_default();
    if !raw.expected_answers.is_empty() && rcode != dns::rcode("NOERROR").unwrap_or_default() {
        let text = "contradicts `rcode`, since only `NOERROR` responses have answers: remove one of them";
        converter.reject("expected_answers", text);
    }
    for answer in &raw.expected_answers {
        if let Err(expected) = validate_answer(answer, record) {
            converter.reject("expected_answers", &format!("cannot contain `{answer}`: expected {expected}"));
        }
    }
    let mode = raw.answer_match.as_deref().and_then(AnswerMatch::from_name).unwrap_or_default();
    if raw.expected_answers.is_empty() && matches!(mode, AnswerMatch::All | AnswerMatch::Any) {
        converter.reject("match", "has no effect without `expected_answers`: add them, or remove it");
    }
    Some(CheckKind::Dns(Box::new(DnsCheck {
        // As in the original Checkup, the locator is only the server. Titles distinguish several queries to the same
        // server.
        locator: raw.endpoint_url,
        server,
        name,
        record,
        timeout: converter.timeout,
        ip_version,
        answers: ExpectedAnswers { records: raw.expected_answers, mode },
        rcode,
        dnssec: if raw.dnssec { Dnssec::Authentic } else { Dnssec::NotRequested },
    })))
}

/// Rejects an expected answer that no record of this type can have. The error describes an answer.
fn validate_answer(answer: &str, record: RecordType) -> Result<(), &'static str> {
    let fields: Vec<&str> = answer.split_whitespace().collect();
    let has_numbers =
        |count: usize| fields.len() == count + 1 && fields[..count].iter().all(|field| field.parse::<u16>().is_ok());
    let (is_valid, expected) = match record {
        RecordType::A => (answer.parse::<Ipv4Addr>().is_ok(), "an IPv4 address"),
        RecordType::AAAA => (answer.parse::<Ipv6Addr>().is_ok(), "an IPv6 address"),
        RecordType::MX => (has_numbers(1), "a preference and a host, such as `10 mail.shop.example`"),
        RecordType::SRV => {
            (has_numbers(3), "a priority, a weight, a port and a host, such as `0 5 443 www.shop.example`")
        }
        RecordType::NS | RecordType::CNAME | RecordType::PTR => (fields.len() == 1, "a name"),
        _ => (true, ""),
    };
    if is_valid { Ok(()) } else { Err(expected) }
}

/// Parses the name to query. An IP address is converted to the name of its PTR records.
fn parse_name(text: &str, record: RecordType) -> Result<Name, String> {
    let invalid = || format!("invalid host name `{text}`");
    let mut name = match text.parse::<IpAddr>() {
        Ok(address) if record == RecordType::PTR => Name::from(address),
        Ok(_) => {
            return Err(format!(
                "`{text}` is an IP address, which is valid only for PTR records: set `record_type` to `PTR`"
            ));
        }
        Err(_) if text.is_empty() => return Err(invalid()),
        Err(_) => {
            let ascii = idna::to_ascii(text).ok_or_else(invalid)?;
            Name::from_utf8(ascii).map_err(|_| invalid())?
        }
    };
    name.set_fqdn(true);
    Ok(name)
}

#[cfg(test)]
mod tests {
    use crate::config::checks::dns::*;

    #[test]
    fn answers_have_the_form_of_their_record() {
        for (answer, record, is_valid) in [
            ("192.0.2.1", RecordType::A, true),
            ("192.0.2.01", RecordType::A, false),
            ("", RecordType::A, false),
            ("192.0.2.1", RecordType::AAAA, false),
            ("2001:DB8::1", RecordType::AAAA, true),
            ("10 mail.shop.example.", RecordType::MX, true),
            ("mail.shop.example", RecordType::MX, false),
            ("0 5 443 www.shop.example", RecordType::SRV, true),
            ("0 5 www.shop.example", RecordType::SRV, false),
            ("www.shop.example", RecordType::CNAME, true),
            ("v=spf1 -all", RecordType::TXT, true),
            ("", RecordType::TXT, true),
        ] {
            assert_eq!(validate_answer(answer, record).is_ok(), is_valid, "{answer} {record}");
        }
    }

    #[test]
    fn names_and_addresses_are_queried() {
        for (text, record, name) in [
            ("shop.example", RecordType::A, Some("shop.example.")),
            ("münchen.example", RecordType::MX, Some("xn--mnchen-3ya.example.")),
            ("_dmarc.münchen.example.", RecordType::TXT, Some("_dmarc.xn--mnchen-3ya.example.")),
            ("192.0.2.1", RecordType::PTR, Some("1.2.0.192.in-addr.arpa.")),
            (
                "2001:db8::1",
                RecordType::PTR,
                Some("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa."),
            ),
            ("1.2.0.192.in-addr.arpa", RecordType::PTR, Some("1.2.0.192.in-addr.arpa.")),
            ("192.0.2.1", RecordType::A, None),
            ("2001:db8::1", RecordType::TXT, None),
            ("", RecordType::A, None),
            ("a\u{200d}ü", RecordType::A, None),
        ] {
            assert_eq!(parse_name(text, record).ok().map(|name| name.to_ascii()).as_deref(), name, "{text}");
        }
    }
}
