//! DNS checks of every record type: answers in wire format are compared with records in their usual text format.

use std::collections::BTreeSet;

use hickory_proto::op::{Message, OpCode, ResponseCode};
use hickory_proto::rr::rdata::NULL;
use hickory_proto::rr::{RData, Record, RecordType};
use serde_json::{Value, json};
use support::certificates::Authority;
use support::checker::Checker;
use support::configuration::{directory, watching};
use tokio::net::UdpSocket;

use crate::check_kinds::{WELL, down, expect_of_kind};

/// A record's data in wire format.
type Wire = (RecordType, Vec<u8>);

/// Starts a name server with these records for `shop.example`, and returns its address.
async fn serve(records: Vec<Wire>) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let address = socket.local_addr().expect("an address").to_string();
    tokio::spawn(async move {
        let mut buffer = [0; 2_048];
        while let Ok((count, client)) = socket.recv_from(&mut buffer).await {
            let question = Message::from_vec(&buffer[..count]).expect("a question");
            let query = question.queries[0].clone();
            let mut answer = Message::response(question.metadata.id, OpCode::Query);
            answer.add_queries(question.queries);
            if query.name().to_string() == "shop.example." {
                for (code, bytes) in records.iter().filter(|(code, _)| *code == query.query_type()) {
                    let data = RData::Unknown { code: *code, rdata: NULL::with(bytes.clone()) };
                    answer.add_answers([Record::from_rdata(query.name().clone(), 60, data)]);
                }
            } else {
                answer.metadata.response_code = ResponseCode::NXDomain;
            }
            let _ = socket.send_to(&answer.to_vec().expect("it can be written"), client).await;
        }
    });
    address
}

/// Encodes a name in wire format: each label is preceded by its length.
fn name(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    labels.flat_map(|label| text(label.as_bytes())).chain([0]).collect()
}

/// Encodes a character string in wire format, preceded by its length.
fn text(bytes: &[u8]) -> Vec<u8> {
    [&[bytes.len() as u8], bytes].concat()
}

/// 16-bit integers in wire format.
fn numbers(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

#[tokio::test]
async fn a_name_server_is_queried_as_configured() {
    let address = serve(vec![(RecordType::A, vec![192, 0, 2, 1]), (RecordType::TXT, text(b"token=AbC"))]).await;
    let (shop, gone) = ("shop.example", "gone.example");
    let cases = [
        (json!({ "hostname_fqdn": shop }), WELL),
        (json!({ "hostname_fqdn": gone }), down("response code NXDOMAIN, expected NOERROR")),
        (json!({ "hostname_fqdn": gone, "rcode": "NXDOMAIN" }), WELL),
        (json!({ "hostname_fqdn": shop, "rcode": "NXDOMAIN" }), down("response code NOERROR, expected NXDOMAIN")),
        (json!({ "hostname_fqdn": shop, "expected_answers": ["192.0.2.1"] }), WELL),
        (json!({ "hostname_fqdn": shop, "expected_answers": ["192.0.2.9"] }), down("expected `192.0.2.9`")),
        (json!({ "hostname_fqdn": shop, "record_type": "TXT", "expected_answers": ["token=AbC"] }), WELL),
        (
            json!({ "hostname_fqdn": shop, "record_type": "TXT", "expected_answers": ["token=abc"] }),
            down("`token=abc`"),
        ),
        (json!({ "hostname_fqdn": shop, "expected_answers": ["192.0.2.8"] }), down("answer is `192.0.2.1`")),
        (json!({ "hostname_fqdn": shop, "record_type": "AAAA" }), down("no AAAA record")),
        (json!({ "hostname_fqdn": shop, "dnssec": true }), down("DNSSEC")),
    ];
    expect_of_kind("dns", &address, &Authority::new(), &cases).await;
}

/// A record type, a record of that type in wire format, its usual spellings, another record of that type, and the
/// reason for the failure when the other record is expected.
type Row = (&'static str, Vec<u8>, &'static [&'static str], &'static str, &'static str);

/// Records that consist of names and numbers.
fn rows_of_names() -> Vec<Row> {
    vec![
        (
            "CNAME",
            name("cdn.example"),
            &["cdn.example.", "CDN.example"],
            "other.example",
            "answer is `cdn.example`, expected `other.example`",
        ),
        (
            "MX",
            [numbers(&[10]), name("mail.example")].concat(),
            &["10 mail.example.", "10 Mail.Example"],
            "20 mail.example",
            "answer is `10 mail.example`, expected `20 mail.example`",
        ),
        (
            "NS",
            name("ns.example"),
            &["ns.example.", "NS.example"],
            "ns2.example",
            "answer is `ns.example`, expected `ns2.example`",
        ),
        (
            "PTR",
            name("host.example"),
            &["host.example.", "HOST.example"],
            "a.example",
            "answer is `host.example`, expected `a.example`",
        ),
        (
            "SOA",
            [name("ns.example"), name("admin.example"), numbers(&[0, 7, 0, 7_200, 0, 3_600, 1, 2, 0, 300])].concat(),
            &["ns.example. admin.example. 7 7200 3600 65538 300"],
            "ns.example. admin.example. 8 7200 3600 65538 300",
            "answer is `ns.example admin.example 7 7200 3600 65538 300`, expected `ns.example admin.example 8",
        ),
        (
            "SRV",
            [numbers(&[1, 2, 5_060]), name("sip.example")].concat(),
            &["1 2 5060 sip.example.", "1 2 5060 SIP.example"],
            "1 2 5061 sip.example.",
            "answer is `1 2 5060 sip.example`, expected `1 2 5061 sip.example`",
        ),
    ]
}

fn rows_of_values() -> Vec<Row> {
    let service =
        [numbers(&[1]), name("edge.example"), numbers(&[1, 3]), text(b"h2"), numbers(&[3, 2, 8_443])].concat();
    let digest: Vec<u8> = (0..32).map(|number| number * 8 + 7).collect();
    vec![
        ("A", vec![192, 0, 2, 1], &["192.0.2.1"], "192.0.2.9", "answer is `192.0.2.1`, expected `192.0.2.9`"),
        (
            "AAAA",
            [&[0x20, 1, 0xd, 0xb8], &[0; 11][..], &[1]].concat(),
            &["2001:db8::1", "2001:DB8:0:0::1"],
            "2001:db8::2",
            "answer is `2001:db8::1`, expected `2001:db8::2`",
        ),
        (
            "CAA",
            [&[0][..], &text(b"issue"), b"ca.example"].concat(),
            &["0 issue \"ca.example\"", "0 ISSUE ca.example"],
            "0 issue \"other.example\"",
            "answer is `0 issue ca.example`, expected `0 issue other.example`",
        ),
        (
            "HTTPS",
            [
                [numbers(&[1]), name("."), numbers(&[1, 6]), text(b"h2"), text(b"h3")].concat(),
                // The parameters are `no-default-alpn`, an address, and one without a registered name.
                [numbers(&[2, 0, 4, 4]), vec![192, 0, 2, 1], numbers(&[7, 2]), b"/q".to_vec()].concat(),
            ]
            .concat(),
            &[
                "1 . alpn=\"h2,h3\" no-default-alpn ipv4hint=192.0.2.1 key7=\"/q\"",
                "1 . alpn=h2,h3 no-default-alpn ipv4hint=\"192.0.2.1\" key7=/q",
            ],
            "1 . alpn=h2",
            "answer is `1 . alpn=h2,h3 no-default-alpn ipv4hint=192.0.2.1 key7=/q`, expected `1 . alpn=h2`",
        ),
        (
            "NAPTR",
            [numbers(&[100, 10]), text(b"U"), text(b"E2U+sip"), text(b"!^.*$!sip:Shop@example!"), name(".")].concat(),
            &["100 10 \"U\" \"E2U+sip\" \"!^.*$!sip:Shop@example!\" .", "100 10 u E2U+sip !^.*$!sip:Shop@example! ."],
            "100 10 \"U\" \"E2U+sip\" \"!^.*$!sip:bank@example!\" .",
            "expected `100 10 u E2U+sip !^.*$!sip:bank@example! .`",
        ),
        (
            "SVCB",
            service,
            &["1 edge.example. alpn=\"h2\" port=8443", "1 Edge.example alpn=h2 port=8443"],
            "1 edge.example. alpn=h2 port=443",
            "answer is `1 edge.example alpn=h2 port=8443`, expected `1 edge.example alpn=h2 port=443`",
        ),
        (
            "TLSA",
            [&[3, 1, 1][..], &digest].concat(),
            // Some tools print the digest in groups or in capital letters.
            &[
                "3 1 1 070f171f272f373f474f575f676f777f878f979fa7afb7bfc7cfd7dfe7eff7ff",
                "3 1 1 070F171F272F373F474F575F676F777F878F979FA7AFB7BFC7CFD7DF E7EFF7FF",
            ],
            "3 1 1 170f171f272f373f474f575f676f777f878f979fa7afb7bfc7cfd7dfe7eff7ff",
            "answer is `3 1 1 070f171f",
        ),
        (
            "TXT",
            [text(b"v=spf1 "), text(b"-ALL")].concat(),
            &["v=spf1 -ALL", "\"v=spf1 \" \"-ALL\""],
            "v=spf1 -all",
            "answer is `v=spf1 -ALL`, expected `v=spf1 -all`",
        ),
    ]
}

/// Reads the record types from the configuration's schema.
async fn kinds_of_record() -> BTreeSet<String> {
    let checker = Checker::new(&watching(&[], &directory()));
    let schema: Value = serde_json::from_str(&checker.call(&["schema"]).await.stdout).expect("a schema is JSON");
    let checks = schema["$defs"]["check"]["oneOf"].as_array().expect("there are kinds of check");
    let words = checks.iter().find_map(|check| check["properties"]["record_type"]["enum"].as_array());
    let words = words.expect("one of them has record types");
    words.iter().filter_map(|word| Some(word.as_str()?.to_owned())).collect()
}

#[tokio::test]
async fn every_record_type_is_parsed_and_compared_as_people_write_it() {
    let rows = [rows_of_names(), rows_of_values()].concat();
    let covered: BTreeSet<String> = rows.iter().map(|(word, ..)| (*word).to_owned()).collect();
    assert_eq!(covered, kinds_of_record().await, "each type has a row");
    let wire = rows.iter().map(|(word, bytes, ..)| (word.parse().expect("a kind of record"), bytes.clone()));
    let address = serve(wire.collect()).await;
    let empty = serve(Vec::new()).await;
    for (word, _, written, other, reason) in rows {
        let expecting = |answers: &[&str]| json!({ "hostname_fqdn": "shop.example", "record_type": word, "expected_answers": answers });
        let mut cases = vec![(expecting(&[]), WELL), (expecting(&[other]), down(reason))];
        cases.extend(written.iter().map(|answer| (expecting(&[answer]), WELL)));
        cases.push((expecting(&[written[0], other]), down("expected ")));
        expect_of_kind("dns", &address, &Authority::new(), &cases).await;
        let missing = [
            (expecting(&[]), down(" record for `shop.example.`")),
            (expecting(&[written[0]]), down("answer is empty, expected ")),
        ];
        expect_of_kind("dns", &empty, &Authority::new(), &missing).await;
    }
}
