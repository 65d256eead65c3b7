//! DNS targets: record types, response codes, and expected and unexpected answers.

use hickory_proto::op::{Message, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, MX, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use serde_json::{Value, json};
use support::free_port;
use support::mutants::Random;
use tokio::net::UdpSocket;

use super::target::Target;

/// Record types, each with its record and another one in the checker's notation.
const RECORDS: &[(&str, &str, &str)] = &[
    ("A", "192.0.2.1", "192.0.2.10"),
    ("AAAA", "2001:db8::1", "2001:db8::2"),
    ("MX", "10 mail.example", "20 mail.example"),
    ("TXT", "token=AbC", "token=abc"),
];
/// Names, each with the response code of a query for it.
const NAMES: &[(&str, &str)] = &[
    ("ok.example", "NOERROR"),
    ("gone.example", "NXDOMAIN"),
    ("broken.example", "SERVFAIL"),
    ("refused.example", "REFUSED"),
];

/// Starts a name server, and returns its address.
pub(super) async fn start() -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let address = socket.local_addr().expect("an address").to_string();
    tokio::spawn(async move {
        let mut buffer = [0; 2_048];
        while let Ok((count, client)) = socket.recv_from(&mut buffer).await {
            if let Some(answer) = answer(&buffer[..count]) {
                let _ = socket.send_to(&answer, client).await;
            }
        }
    });
    address
}

/// Answers a query. Returns `None` for the name that never gets an answer.
fn answer(query: &[u8]) -> Option<Vec<u8>> {
    let question = Message::from_vec(query).expect("a question");
    let query = question.queries[0].clone();
    let mut answer = Message::response(question.metadata.id, OpCode::Query);
    answer.add_queries(question.queries);
    match query.name().to_string().as_str() {
        "ok.example." => {
            let data = record(query.query_type());
            answer.add_answers([Record::from_rdata(query.name().clone(), 60, data)]);
        }
        "empty.example." => {}
        "silent.example." => return None,
        "broken.example." => answer.metadata.response_code = ResponseCode::ServFail,
        "refused.example." => answer.metadata.response_code = ResponseCode::Refused,
        _ => answer.metadata.response_code = ResponseCode::NXDomain,
    }
    Some(answer.to_vec().expect("it can be written"))
}

fn record(record_type: RecordType) -> RData {
    match record_type {
        RecordType::AAAA => RData::AAAA(AAAA::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
        RecordType::MX => RData::MX(MX::new(10, Name::from_ascii("mail.example.").expect("a name"))),
        RecordType::TXT => RData::TXT(TXT::new(vec!["token=AbC".to_owned()])),
        _ => RData::A(A::new(192, 0, 2, 1)),
    }
}

pub(super) fn targets(address: &str, random: &mut Random) -> Vec<Target> {
    let mut targets = vec![
        dns("no record", address, ("empty.example", "A"), json!({}), json!({})),
        dns("no answer", address, ("silent.example", "A"), json!({}), json!({})).impatiently(),
        dns("no server", &format!("127.0.0.1:{}", free_port()), ("ok.example", "A"), json!({}), json!({}))
            .impatiently(),
    ];
    for _ in 0..7 {
        let ((name, code), (record_type, ..)) = (random.pick(NAMES), random.pick(RECORDS));
        // The checker always expects a record if the response code is NOERROR.
        let (expected, title) = if random.below(2) == 0 {
            (None, format!("{code} where NOERROR is expected"))
        } else {
            let (_, expected) = random.pick(NAMES);
            (Some(expected), format!("{code} where {expected} is expected"))
        };
        let prober = expected.map_or(json!({}), |expected| json!({ "valid_rcodes": [expected] }));
        let keys = expected.map_or(json!({}), |expected| json!({ "rcode": expected }));
        targets.push(dns(&title, address, (name, record_type), prober, keys));
    }
    for _ in 0..8 {
        let (record_type, record, other) = random.pick(RECORDS);
        let expected = if random.below(2) == 0 { record } else { other };
        // The exporter matches the pattern against the record in zone-file format.
        let pattern = expected.split(' ').map(|word| word.replace('.', "\\.")).collect::<Vec<_>>().join("\\s");
        let (key, matching, verb) = random.pick(&[
            ("fail_if_not_matches_regexp", "exact", "is expected"),
            ("fail_if_matches_regexp", "none", "is not expected"),
        ]);
        let prober = json!({ "validate_answer_rrs": { key: [format!("\\s\"?{pattern}\\.?\"?$")] } });
        let keys = json!({ "expected_answers": [expected], "match": matching });
        let title = format!("{record_type} record where `{expected}` {verb}");
        targets.push(dns(&title, address, ("ok.example", record_type), prober, keys));
    }
    targets
}

fn dns(title: &str, address: &str, (name, record_type): (&str, &str), mut prober: Value, mut keys: Value) -> Target {
    (prober["query_name"], prober["query_type"]) = (json!(name), json!(record_type));
    prober["preferred_ip_protocol"] = json!("ip4");
    (keys["hostname_fqdn"], keys["record_type"]) = (json!(name), json!(record_type));
    Target::new("dns", title, address, prober, &keys)
}
