//! Tests DNS checks against local servers, some of which misbehave.

use crate::checks::dns::*;
use crate::checks::net::address_policy::AddressPolicy;
use crate::checks::test_server::{self, ServerAction};
use crate::checks::{Check, CheckContext, CheckKind, CheckOutcome, run};
use hickory_proto::rr::rdata::{A, CAA, CNAME, TXT};
use hickory_proto::rr::{RData, Record};
use tokio::net::TcpListener;

/// A function that returns a server's encoded answers to a query over UDP (false) or TCP (true).
pub(super) type ServerBehavior = fn(Message, bool) -> Vec<Vec<u8>>;

pub(super) fn address(name: &str, last: u8) -> Record {
    Record::from_rdata(Name::from_ascii(name).expect("a name"), 60, RData::A(A::new(192, 0, 2, last)))
}

pub(super) fn answer_with(query: &Message, records: &[Record]) -> Message {
    let mut answer = Message::response(query.metadata.id, OpCode::Query);
    answer.add_queries(query.queries.clone());
    answer.add_answers(records.to_vec());
    answer
}

pub(super) fn bytes(message: &Message) -> Vec<u8> {
    message.to_vec().expect("it can be written")
}

pub(super) async fn serve(behavior: ServerBehavior) -> u16 {
    let tcp = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = tcp.local_addr().expect("an address").port();
    let udp = UdpSocket::bind(("127.0.0.1", port)).await.expect("the same port");
    tokio::spawn(async move {
        let mut buffer = [0; 2_048];
        while let Ok((count, client)) = udp.recv_from(&mut buffer).await {
            let query = Message::from_vec(&buffer[..count]).expect("a query");
            for answer in behavior(query, false) {
                let _ = udp.send_to(&answer, client).await;
            }
        }
    });
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = tcp.accept().await {
            let length = stream.read_u16().await.expect("a length");
            let mut query = vec![0; usize::from(length)];
            stream.read_exact(&mut query).await.expect("a query");
            for answer in behavior(Message::from_vec(&query).expect("a query"), true) {
                let _ = stream.write_all(&(answer.len() as u16).to_be_bytes()).await;
                let _ = stream.write_all(&answer).await;
            }
        }
    });
    port
}

pub(super) fn check(port: u16, answers: &[&str], code: ResponseCode, dnssec: Dnssec) -> DnsCheck {
    DnsCheck {
        locator: "x".to_owned(),
        server: Address { host: "127.0.0.1".to_owned(), port },
        name: Name::from_ascii("shop.example.").expect("a name"),
        record: RecordType::A,
        timeout: Duration::from_millis(700),
        ip_version: None,
        answers: ExpectedAnswers {
            records: answers.iter().map(|text| (*text).to_owned()).collect(),
            mode: AnswerMatch::Exact,
        },
        rcode: code,
        dnssec,
    }
}

async fn error(port: u16, answers: &[&str], code: ResponseCode, dnssec: Dnssec) -> Option<String> {
    error_of(check(port, answers, code, dnssec)).await
}

pub(super) async fn error_of(check: DnsCheck) -> Option<String> {
    let kind = CheckKind::Dns(Box::new(check));
    match run(&Check::new("x", kind), &CheckContext::new(AddressPolicy::AllowAll, crate::now)).await {
        CheckOutcome::Attempts(mut records) => records.remove(0).attempt.error,
        CheckOutcome::Skipped { reason } => panic!("{reason}"),
    }
}

fn two(query: &Message) -> Message {
    answer_with(query, &[address("shop.example.", 2), address("shop.example.", 1)])
}

#[tokio::test]
async fn answers_and_response_codes_are_compared() {
    use ResponseCode::{NXDomain, NoError, ServFail};
    let good: ServerBehavior = |query, _| vec![bytes(&two(&query))];
    let none: ServerBehavior = |query, _| {
        let mut answer = answer_with(&query, &[]);
        answer.metadata.recursion_available = true;
        vec![bytes(&answer)]
    };
    let alias: ServerBehavior = |query, _| {
        let (shop, cdn) = (Name::from_ascii("shop.example.").expect("a name"), "cdn.example.");
        let alias = RData::CNAME(CNAME(Name::from_ascii(cdn).expect("a name")));
        vec![bytes(&answer_with(&query, &[Record::from_rdata(shop, 60, alias), address(cdn, 7)]))]
    };
    let missing: ServerBehavior = |query, _| {
        let mut answer = answer_with(&query, &[]);
        answer.metadata.response_code = NXDomain;
        vec![bytes(&answer)]
    };
    let truncated: ServerBehavior = |query, over_tcp| {
        let mut answer = two(&query);
        answer.metadata.truncation = !over_tcp;
        vec![bytes(&answer)]
    };
    for (behavior, answers, code, expected) in [
        (good, &[][..], NoError, None),
        (good, &["192.0.2.1", "192.0.2.2"][..], NoError, None),
        (good, &["192.0.2.1"][..], NoError, Some("answer is `192.0.2.1`, `192.0.2.2`, expected `192.0.2.1`")),
        (none, &[][..], NoError, Some("no A record for `shop.example.`")),
        (none, &["192.0.2.1"][..], NoError, Some("answer is empty, expected `192.0.2.1`")),
        (alias, &["192.0.2.7"][..], NoError, None),
        (missing, &[][..], NoError, Some("response code NXDOMAIN, expected NOERROR")),
        (missing, &[][..], NXDomain, None),
        (good, &[][..], ServFail, Some("response code NOERROR, expected SERVFAIL")),
        (truncated, &["192.0.2.1", "192.0.2.2"][..], NoError, None),
    ] {
        let error = error(serve(behavior).await, answers, code, Dnssec::NotRequested).await;
        assert_eq!(error.as_deref(), expected, "{answers:?} {code}");
    }
    let unsigned = error(serve(good).await, &[], NoError, Dnssec::Authentic).await;
    assert_eq!(unsigned.as_deref(), Some("answer is not marked as authentic (DNSSEC)"));
    let signed: ServerBehavior = |query, _| {
        let mut answer = two(&query);
        answer.metadata.authentic_data = true;
        vec![bytes(&answer)]
    };
    assert_eq!(error(serve(signed).await, &[], NoError, Dnssec::Authentic).await, None);
}

#[tokio::test]
async fn answers_are_matched_in_every_mode() {
    use AnswerMatch::{All, Any, Exact, None};
    let both: ServerBehavior = |query, _| vec![bytes(&two(&query))];
    let empty: ServerBehavior = |query, _| {
        let mut answer = answer_with(&query, &[]);
        answer.metadata.authoritative = true;
        vec![bytes(&answer)]
    };
    let missing: ServerBehavior = |query, _| {
        let mut answer = answer_with(&query, &[]);
        answer.metadata.response_code = ResponseCode::NXDomain;
        vec![bytes(&answer)]
    };
    let (both, empty, missing) = (serve(both).await, serve(empty).await, serve(missing).await);
    let found = "answer is `192.0.2.1`, `192.0.2.2`, expected";
    for (port, mode, answers, expected) in [
        (both, Exact, &["192.0.2.1"][..], Some(format!("{found} `192.0.2.1`"))),
        (both, All, &["192.0.2.1"], Option::None),
        (both, All, &["192.0.2.1", "192.0.2.2"], Option::None),
        (both, All, &["192.0.2.1", "192.0.2.3"], Some(format!("{found} all of `192.0.2.1`, `192.0.2.3`"))),
        (both, Any, &["192.0.2.3", "192.0.2.2"], Option::None),
        (both, Any, &["192.0.2.3"], Some(format!("{found} one of `192.0.2.3`"))),
        (both, None, &["192.0.2.3"], Option::None),
        (both, None, &["192.0.2.3", "192.0.2.2"], Some(format!("{found} none of `192.0.2.2`, `192.0.2.3`"))),
        (both, None, &[], Some(format!("{found} no answer"))),
        (empty, None, &[], Option::None),
        (empty, None, &["192.0.2.1"], Option::None),
        (empty, Any, &["192.0.2.1"], Some("answer is empty, expected one of `192.0.2.1`".to_owned())),
        (missing, None, &[], Option::None),
        (missing, None, &["192.0.2.1"], Some("response code NXDOMAIN, expected NOERROR".to_owned())),
    ] {
        let mut check = check(port, answers, ResponseCode::NoError, Dnssec::NotRequested);
        check.answers.mode = mode;
        assert_eq!(error_of(check).await, expected, "{mode:?} {answers:?}");
    }
}

#[tokio::test]
async fn a_query_is_resent_if_a_packet_is_lost() {
    let udp = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let port = udp.local_addr().expect("an address").port();
    tokio::spawn(async move {
        let mut buffer = [0; 2_048];
        let mut lost = 0;
        while let Ok((count, client)) = udp.recv_from(&mut buffer).await {
            let query = Message::from_vec(&buffer[..count]).expect("a query");
            if lost == 0 {
                lost += 1;
            } else {
                let _ = udp.send_to(&bytes(&two(&query)), client).await;
            }
        }
    });
    assert_eq!(error(port, &[], ResponseCode::NoError, Dnssec::NotRequested).await, None);
}

#[tokio::test]
async fn a_server_without_edns_is_queried_without_it() {
    let old: ServerBehavior = |query, _| {
        let mut answer = if query.edns.is_some() { answer_with(&query, &[]) } else { two(&query) };
        if query.edns.is_some() {
            answer.metadata.response_code = ResponseCode::FormErr;
        }
        vec![bytes(&answer)]
    };
    let broken: ServerBehavior = |query, _| {
        let mut answer = answer_with(&query, &[]);
        answer.metadata.response_code = ResponseCode::FormErr;
        vec![bytes(&answer)]
    };
    let (old, broken) = (serve(old).await, serve(broken).await);
    for (port, code, expected) in [
        (old, ResponseCode::NoError, None),
        (old, ResponseCode::FormErr, None),
        (broken, ResponseCode::FormErr, None),
        (broken, ResponseCode::NoError, Some("response code FORMERR, expected NOERROR")),
    ] {
        assert_eq!(error(port, &[], code, Dnssec::NotRequested).await.as_deref(), expected, "{code}");
    }
}

#[tokio::test]
async fn txt_and_caa_values_are_compared_exactly() {
    let texts: ServerBehavior = |query, _| {
        let owner = Name::from_ascii("shop.example.").expect("a name");
        let data = if query.queries[0].query_type() == RecordType::TXT {
            RData::TXT(TXT::new(vec!["token=A  ".to_owned(), "bC\"".to_owned()]))
        } else {
            let authority = Some(Name::from_ascii("CA.example").expect("a name"));
            RData::CAA(CAA::new_issue(false, authority, Vec::new()))
        };
        vec![bytes(&answer_with(&query, &[Record::from_rdata(owner, 60, data)]))]
    };
    let port = serve(texts).await;
    for (record, answer, expected) in [
        (RecordType::TXT, "token=A  bC\"", None),
        (RecordType::TXT, r#""token=A  " "bC\"""#, None),
        (RecordType::TXT, "token=a  bC\"", Some("answer is `token=A  bC\"`, expected `token=a  bC\"`")),
        (RecordType::TXT, "token=A bC\"", Some("answer is `token=A  bC\"`, expected `token=A bC\"`")),
        (RecordType::CAA, "0 issue \"CA.example\"", None),
        (
            RecordType::CAA,
            "0 issue \"ca.example\"",
            Some("answer is `0 issue CA.example`, expected `0 issue ca.example`"),
        ),
    ] {
        let check = DnsCheck { record, ..check(port, &[answer], ResponseCode::NoError, Dnssec::NotRequested) };
        assert_eq!(error_of(check).await.as_deref(), expected, "{answer}");
    }
}

#[tokio::test]
async fn the_next_address_of_a_server_is_queried() {
    let good = SocketAddr::from(([127, 0, 0, 1], serve(|query, _| vec![bytes(&two(&query))]).await));
    let silent = SocketAddr::from(([127, 0, 0, 1], serve(|_, _| Vec::new()).await));
    let closed = SocketAddr::from(([127, 0, 0, 1], 9));
    let stopwatch = Stopwatch::start_recording();
    let check = check(53, &[], ResponseCode::NoError, Dnssec::NotRequested);
    for first in [closed, silent] {
        let (server, _) = query_any(&check, &[first, good], &stopwatch).await.expect("the second address answers");
        assert_eq!(server, good);
    }
    assert_eq!(stopwatch.recorded().attempted, [closed, good, silent, good]);
    assert_eq!(query_any(&check, &[closed, closed], &stopwatch).await.err().as_deref(), Some("connection refused"));
}

#[tokio::test]
async fn forged_and_malformed_answers_are_rejected() {
    let silent: ServerBehavior = |_, _| Vec::new();
    let forged: ServerBehavior = |query, _| {
        let mut other_id = two(&query);
        other_id.metadata.id ^= 1;
        let mut other_name = two(&query);
        other_name.queries = vec![Query::query(Name::from_ascii("bank.example.").expect("a name"), RecordType::A)];
        vec![bytes(&other_id), bytes(&other_name), vec![], vec![1]]
    };
    let forgery_first: ServerBehavior = |query, _| {
        let mut other_id = two(&query);
        other_id.metadata.id ^= 1;
        vec![bytes(&other_id), bytes(&two(&query))]
    };
    let looping: ServerBehavior = |query, _| {
        // In the answer, the name is a compression pointer to itself.
        let mut answer = bytes(&answer_with(&query, &[]));
        answer[7] = 1;
        let here = answer.len() as u8;
        answer.extend([0xc0, here, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
        vec![answer]
    };
    let half: ServerBehavior = |query, _| {
        let mut answer = bytes(&two(&query));
        answer.truncate(answer.len() - 3);
        vec![answer]
    };
    let always_truncated: ServerBehavior = |query, _| {
        let mut answer = answer_with(&query, &[]);
        answer.metadata.truncation = true;
        vec![bytes(&answer)]
    };
    for (behavior, expected) in [
        (silent, "no response within 700ms"),
        (forged, "no response within 700ms"),
        (forgery_first, ""),
        (looping, "answer is malformed"),
        (half, "answer is malformed"),
        (always_truncated, "answer is truncated even over TCP"),
    ] {
        let error = error(serve(behavior).await, &[], ResponseCode::NoError, Dnssec::NotRequested).await;
        let error = error.unwrap_or_default();
        assert!(error.starts_with(expected) && error.is_empty() == expected.is_empty(), "{expected}: {error}");
    }
    for (actions, expected) in [
        (vec![ServerAction::Read, ServerAction::Hang], "no response within 700ms"),
        (vec![ServerAction::Read, ServerAction::Trickle], "no response within 700ms"),
        (
            vec![ServerAction::Read, ServerAction::Send(&[0xff, 0xff, 1]), ServerAction::HalfClose],
            "connection closed by the server before the answer was complete",
        ),
        (vec![ServerAction::Read, ServerAction::Send(&[0, 0])], "server answered a different query"),
        (vec![ServerAction::Read, ServerAction::Reset], "connection reset by the server"),
    ] {
        // Answers over UDP are truncated, so the client repeats the query over TCP.
        let port = test_server::serve(&actions).await;
        let udp = UdpSocket::bind(("127.0.0.1", port)).await.expect("the same port");
        tokio::spawn(async move {
            let mut buffer = [0; 2_048];
            while let Ok((count, client)) = udp.recv_from(&mut buffer).await {
                let query = Message::from_vec(&buffer[..count]).expect("a query");
                let _ = udp.send_to(&always_truncated(query, false)[0], client).await;
            }
        });
        let error = error(port, &[], ResponseCode::NoError, Dnssec::NotRequested).await;
        assert_eq!(error.as_deref(), Some(expected), "{actions:?}");
    }
    let refused = error(9, &[], ResponseCode::NoError, Dnssec::NotRequested).await;
    assert_eq!(refused.as_deref(), Some("connection refused"));
}
