//! DNS checks: one attempt asks a server for the records of a name, over UDP and, where the answer does not fit,
//! over TCP, and holds the answer against what is expected.

mod record;

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

use self::record::canonical;
use super::net::address_policy::AddressPolicy;
use super::net::connect::{Address, first_to_succeed, resolve};
use super::probe_data::ProbeData;
use super::timing::Stopwatch;
use super::{Failure, ProbeResult, error_text};

/// A DNS check, ready to be made.
#[derive(Debug, Clone)]
pub struct DnsCheck {
    /// The server and the name, as people know the check by.
    pub locator: String,
    /// The server that is asked.
    pub server: Address,
    /// The name that is asked about.
    pub name: Name,
    /// The kind of record that is asked for.
    pub record: RecordType,
    /// The longest an attempt may take.
    pub timeout: Duration,
    /// The answers that are expected, all of them and no others; without any, at least one answer.
    pub answers: Vec<String>,
    /// The response code that is expected.
    pub rcode: ResponseCode,
    /// Whether the server has to say that it verified the answer by DNSSEC.
    pub dnssec: Dnssec,
}

/// What is expected of DNSSEC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dnssec {
    /// Nothing.
    NotAsked,
    /// The server says that the answer is authentic.
    Authentic,
}

/// The port that name servers listen on.
pub const PORT: u16 = 53;
/// The kinds of record that can be asked for.
pub const RECORDS: &[&str] =
    &["A", "AAAA", "CAA", "CNAME", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA", "SRV", "SVCB", "TLSA", "TXT"];
/// The response codes that can be expected, in the words people know.
pub const RCODES: &[&str] = &["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];
/// How long to wait before a question is sent again: UDP may lose it.
const RETRANSMIT_AFTER: Duration = Duration::from_secs(2);
/// The largest answer over UDP, in bytes: what passes through everywhere without being cut into pieces.
const UDP_PAYLOAD: u16 = 1_232;

/// The response code that a word stands for.
#[must_use]
pub fn rcode(word: &str) -> Option<ResponseCode> {
    Some(match word {
        "NOERROR" => ResponseCode::NoError,
        "FORMERR" => ResponseCode::FormErr,
        "SERVFAIL" => ResponseCode::ServFail,
        "NXDOMAIN" => ResponseCode::NXDomain,
        "NOTIMP" => ResponseCode::NotImp,
        "REFUSED" => ResponseCode::Refused,
        _ => return None,
    })
}

/// Makes one attempt.
pub async fn ask(check: &DnsCheck, policy: AddressPolicy, stopwatch: Arc<Stopwatch>) -> ProbeResult {
    let addresses = resolve(&check.server, policy, &stopwatch).await?;
    let (server, answer) = ask_any(check, &addresses, &stopwatch).await?;
    judge(check, &answer)?;
    Ok(ProbeData { peer: Some(server), ..ProbeData::default() })
}

/// The answer of the first of the server's addresses that gives one, right or wrong.
async fn ask_any(
    check: &DnsCheck,
    addresses: &[SocketAddr],
    stopwatch: &Stopwatch,
) -> Result<(SocketAddr, Message), Failure> {
    let question = &question(check);
    let bytes = &question.to_vec().map_err(|error| format!("question cannot be asked: {error}"))?;
    stopwatch.start_waiting();
    let ask_one = |server| async move {
        let mut answer = over_udp(server, question, bytes).await?;
        if answer.metadata.truncation {
            answer = over_tcp(server, question, bytes).await?;
            if answer.metadata.truncation {
                return Err("answer is cut off, also over TCP".to_owned());
            }
        }
        Ok((server, answer))
    };
    let no_addresses = format!("no such host `{}`", check.server.host);
    let answered = first_to_succeed(addresses, stopwatch, no_addresses, ask_one).await?;
    stopwatch.first_byte();
    stopwatch.record(|seen| seen.peer = Some(answered.0));
    Ok(answered)
}

fn question(check: &DnsCheck) -> Message {
    let mut question = Message::query();
    question.metadata.recursion_desired = true;
    question.add_query(Query::query(check.name.clone(), check.record));
    let mut edns = Edns::new();
    edns.set_max_payload(UDP_PAYLOAD);
    if check.dnssec == Dnssec::Authentic {
        question.metadata.authentic_data = true;
        edns.set_dnssec_ok(true);
    }
    question.set_edns(edns);
    question
}

async fn over_udp(server: SocketAddr, question: &Message, bytes: &[u8]) -> Result<Message, Failure> {
    let lost = |error: io::Error| error_text::describe_error(&error);
    let local: SocketAddr = if server.is_ipv4() { ([0; 4], 0).into() } else { ([0_u16; 8], 0).into() };
    let socket = UdpSocket::bind(local).await.map_err(lost)?;
    socket.connect(server).await.map_err(lost)?;
    let mut buffer = vec![0; usize::from(u16::MAX)];
    loop {
        socket.send(bytes).await.map_err(lost)?;
        let answer = async {
            loop {
                let count = socket.recv(&mut buffer).await.map_err(lost)?;
                if let Some(answer) = read(&buffer[..count], question)? {
                    return Ok(answer);
                }
            }
        };
        if let Ok(answer) = tokio::time::timeout(RETRANSMIT_AFTER, answer).await {
            return answer;
        }
    }
}

async fn over_tcp(server: SocketAddr, question: &Message, bytes: &[u8]) -> Result<Message, Failure> {
    let lost = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => "connection closed by the server before the answer was complete".to_owned(),
        _ => error_text::describe_error(&error),
    };
    let mut stream = TcpStream::connect(server).await.map_err(lost)?;
    let length = u16::try_from(bytes.len()).map_err(|_| "question is too long".to_owned())?;
    stream.write_all(&[&length.to_be_bytes(), bytes].concat()).await.map_err(lost)?;
    let length = stream.read_u16().await.map_err(lost)?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await.map_err(lost)?;
    read(&answer, question)?.ok_or_else(|| "server answered another question".to_owned())
}

/// Reads an answer; `None` if it is one to another question, as anybody on the way may send.
fn read(bytes: &[u8], question: &Message) -> Result<Option<Message>, Failure> {
    if bytes.get(..2) != Some(&question.metadata.id.to_be_bytes()) {
        return Ok(None);
    }
    let answer = Message::from_vec(bytes).map_err(|error| format!("answer is malformed: {error}"))?;
    let fits = answer.metadata.message_type == MessageType::Response
        && answer.metadata.op_code == OpCode::Query
        // A server that could not read the question may leave it out.
        && (answer.queries == question.queries
            || (answer.queries.is_empty() && answer.metadata.response_code != ResponseCode::NoError));
    Ok(fits.then_some(answer))
}

fn judge(check: &DnsCheck, answer: &Message) -> Result<(), Failure> {
    let code = answer.metadata.response_code;
    if code != check.rcode {
        return Err(format!("response code {}, expected {}", rcode_name(code), rcode_name(check.rcode)));
    }
    if check.dnssec == Dnssec::Authentic && !answer.metadata.authentic_data {
        return Err("server does not say that the answer is authentic (DNSSEC)".to_owned());
    }
    if code != ResponseCode::NoError {
        return Ok(());
    }
    let mut found: Vec<String> = answer
        .answers
        .iter()
        .filter(|record| record.record_type() == check.record)
        .map(|record| {
            let mut text = String::new();
            // What cannot be written as text is no answer that anybody expects.
            let _ = write!(text, "{}", record.data);
            // A text is what it is, quotes and all.
            if check.record == RecordType::TXT { text } else { canonical(check.record, &text) }
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    let as_found = |text: &String| if found.contains(text) { text.clone() } else { canonical(check.record, text) };
    let mut expected: Vec<String> = check.answers.iter().map(as_found).collect();
    expected.sort_unstable();
    expected.dedup();
    match (found.is_empty(), expected.is_empty()) {
        (true, true) => Err(format!("no {} record for `{}`", check.record, check.name)),
        (_, false) if found != expected => Err(format!("answer is {}, expected {}", listed(&found), listed(&expected))),
        _ => Ok(()),
    }
}

fn listed(texts: &[String]) -> String {
    const MOST: usize = 10;
    if texts.is_empty() {
        return "empty".to_owned();
    }
    let mut list = texts.iter().take(MOST).map(|text| format!("`{text}`")).collect::<Vec<_>>().join(", ");
    if texts.len() > MOST {
        let _ = write!(list, " and {} more", texts.len() - MOST);
    }
    list
}

fn rcode_name(code: ResponseCode) -> String {
    let known = RCODES.iter().find(|word| rcode(word) == Some(code));
    known.map_or_else(|| u16::from(code).to_string(), |word| (*word).to_owned())
}

#[cfg(test)]
mod tests {
    use crate::checks::dns::*;
    use crate::checks::test_server::{self, ServerAction};
    use crate::checks::{CheckContext, CheckOutcome, run};
    use crate::config::model::{Check, CheckKind};
    use hickory_proto::rr::rdata::{A, CAA, CNAME, TXT};
    use hickory_proto::rr::{RData, Record};
    use tokio::net::TcpListener;

    /// What a server makes of a question: the bytes that it answers, if any, over UDP (false) or TCP (true).
    type ServerBehavior = fn(Message, bool) -> Vec<Vec<u8>>;

    fn address(name: &str, last: u8) -> Record {
        Record::from_rdata(Name::from_ascii(name).expect("a name"), 60, RData::A(A::new(192, 0, 2, last)))
    }

    fn answered(question: &Message, records: &[Record]) -> Message {
        let mut answer = Message::response(question.metadata.id, OpCode::Query);
        answer.add_queries(question.queries.clone());
        answer.add_answers(records.to_vec());
        answer
    }

    fn bytes(message: &Message) -> Vec<u8> {
        message.to_vec().expect("it can be written")
    }

    async fn serve(behavior: ServerBehavior) -> u16 {
        let tcp = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = tcp.local_addr().expect("an address").port();
        let udp = UdpSocket::bind(("127.0.0.1", port)).await.expect("the same port");
        tokio::spawn(async move {
            let mut buffer = [0; 2_048];
            while let Ok((count, client)) = udp.recv_from(&mut buffer).await {
                let question = Message::from_vec(&buffer[..count]).expect("a question");
                for answer in behavior(question, false) {
                    let _ = udp.send_to(&answer, client).await;
                }
            }
        });
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = tcp.accept().await {
                let length = stream.read_u16().await.expect("a length");
                let mut question = vec![0; usize::from(length)];
                stream.read_exact(&mut question).await.expect("a question");
                for answer in behavior(Message::from_vec(&question).expect("a question"), true) {
                    let _ = stream.write_all(&(answer.len() as u16).to_be_bytes()).await;
                    let _ = stream.write_all(&answer).await;
                }
            }
        });
        port
    }

    fn check(port: u16, answers: &[&str], code: ResponseCode, dnssec: Dnssec) -> DnsCheck {
        DnsCheck {
            locator: "x".to_owned(),
            server: Address { host: "127.0.0.1".to_owned(), port },
            name: Name::from_ascii("shop.example.").expect("a name"),
            record: RecordType::A,
            timeout: Duration::from_millis(700),
            answers: answers.iter().map(|text| (*text).to_owned()).collect(),
            rcode: code,
            dnssec,
        }
    }

    async fn error(port: u16, answers: &[&str], code: ResponseCode, dnssec: Dnssec) -> Option<String> {
        error_of(check(port, answers, code, dnssec)).await
    }

    async fn error_of(check: DnsCheck) -> Option<String> {
        let kind = CheckKind::Dns(Box::new(check));
        match run(&Check::of_kind("x", kind), &CheckContext::new(AddressPolicy::AllowAll, crate::now)).await {
            CheckOutcome::Attempts(mut tried) => tried.remove(0).attempt.error,
            CheckOutcome::Skipped { reason: why } => panic!("{why}"),
        }
    }

    fn two(question: &Message) -> Message {
        answered(question, &[address("shop.example.", 2), address("shop.example.", 1)])
    }

    #[tokio::test]
    async fn answers_and_codes_are_held_against_what_is_expected() {
        use ResponseCode::{NXDomain, NoError, ServFail};
        let good: ServerBehavior = |question, _| vec![bytes(&two(&question))];
        let none: ServerBehavior = |question, _| vec![bytes(&answered(&question, &[]))];
        let alias: ServerBehavior = |question, _| {
            let (shop, cdn) = (Name::from_ascii("shop.example.").expect("a name"), "cdn.example.");
            let alias = RData::CNAME(CNAME(Name::from_ascii(cdn).expect("a name")));
            vec![bytes(&answered(&question, &[Record::from_rdata(shop, 60, alias), address(cdn, 7)]))]
        };
        let missing: ServerBehavior = |question, _| {
            let mut answer = answered(&question, &[]);
            answer.metadata.response_code = NXDomain;
            vec![bytes(&answer)]
        };
        let cut: ServerBehavior = |question, over_tcp| {
            let mut answer = two(&question);
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
            (cut, &["192.0.2.1", "192.0.2.2"][..], NoError, None),
        ] {
            let error = error(serve(behavior).await, answers, code, Dnssec::NotAsked).await;
            assert_eq!(error.as_deref(), expected, "{answers:?} {code}");
        }
        let unsigned = error(serve(good).await, &[], NoError, Dnssec::Authentic).await;
        assert_eq!(unsigned.as_deref(), Some("server does not say that the answer is authentic (DNSSEC)"));
        let signed: ServerBehavior = |question, _| {
            let mut answer = two(&question);
            answer.metadata.authentic_data = true;
            vec![bytes(&answer)]
        };
        assert_eq!(error(serve(signed).await, &[], NoError, Dnssec::Authentic).await, None);
    }

    #[tokio::test]
    async fn a_text_or_an_authority_that_differs_in_case_or_spaces_is_a_wrong_answer() {
        let texts: ServerBehavior = |question, _| {
            let owner = Name::from_ascii("shop.example.").expect("a name");
            let data = if question.queries[0].query_type() == RecordType::TXT {
                RData::TXT(TXT::new(vec!["token=A  ".to_owned(), "bC\"".to_owned()]))
            } else {
                let authority = Some(Name::from_ascii("CA.example").expect("a name"));
                RData::CAA(CAA::new_issue(false, authority, Vec::new()))
            };
            vec![bytes(&answered(&question, &[Record::from_rdata(owner, 60, data)]))]
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
            let check = DnsCheck { record, ..check(port, &[answer], ResponseCode::NoError, Dnssec::NotAsked) };
            assert_eq!(error_of(check).await.as_deref(), expected, "{answer}");
        }
    }

    #[tokio::test]
    async fn the_next_address_of_a_server_is_asked_when_one_refuses_or_is_silent() {
        let good = SocketAddr::from(([127, 0, 0, 1], serve(|question, _| vec![bytes(&two(&question))]).await));
        let silent = SocketAddr::from(([127, 0, 0, 1], serve(|_, _| Vec::new()).await));
        let closed = SocketAddr::from(([127, 0, 0, 1], 9));
        let stopwatch = Stopwatch::start_recording();
        let check = check(53, &[], ResponseCode::NoError, Dnssec::NotAsked);
        for first in [closed, silent] {
            let (server, _) = ask_any(&check, &[first, good], &stopwatch).await.expect("the second one answers");
            assert_eq!(server, good);
        }
        assert_eq!(stopwatch.recorded().attempted, [closed, good, silent, good]);
        assert_eq!(ask_any(&check, &[closed, closed], &stopwatch).await.err().as_deref(), Some("connection refused"));
    }

    #[tokio::test]
    async fn a_server_that_lies_loops_or_cuts_its_answer_off_is_found_out() {
        let silent: ServerBehavior = |_, _| Vec::new();
        let lying: ServerBehavior = |question, _| {
            let mut other_id = two(&question);
            other_id.metadata.id ^= 1;
            let mut other_name = two(&question);
            other_name.queries = vec![Query::query(Name::from_ascii("bank.example.").expect("a name"), RecordType::A)];
            vec![bytes(&other_id), bytes(&other_name), vec![], vec![1]]
        };
        let late_truth: ServerBehavior = |question, _| {
            let mut other_id = two(&question);
            other_id.metadata.id ^= 1;
            vec![bytes(&other_id), bytes(&two(&question))]
        };
        let looping: ServerBehavior = |question, _| {
            // The name in the answer is a pointer to itself.
            let mut answer = bytes(&answered(&question, &[]));
            answer[7] = 1;
            let here = answer.len() as u8;
            answer.extend([0xc0, here, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
            vec![answer]
        };
        let half: ServerBehavior = |question, _| {
            let mut answer = bytes(&two(&question));
            answer.truncate(answer.len() - 3);
            vec![answer]
        };
        let always_cut: ServerBehavior = |question, _| {
            let mut answer = answered(&question, &[]);
            answer.metadata.truncation = true;
            vec![bytes(&answer)]
        };
        for (behavior, expected) in [
            (silent, "no response within 700ms"),
            (lying, "no response within 700ms"),
            (late_truth, ""),
            (looping, "answer is malformed"),
            (half, "answer is malformed"),
            (always_cut, "answer is cut off, also over TCP"),
        ] {
            let error = error(serve(behavior).await, &[], ResponseCode::NoError, Dnssec::NotAsked).await;
            let error = error.unwrap_or_default();
            assert!(error.starts_with(expected) && error.is_empty() == expected.is_empty(), "{expected}: {error}");
        }
        for (acts, expected) in [
            (vec![ServerAction::Read, ServerAction::Hang], "no response within 700ms"),
            (vec![ServerAction::Read, ServerAction::Trickle], "no response within 700ms"),
            (
                vec![ServerAction::Read, ServerAction::Send(&[0xff, 0xff, 1]), ServerAction::HalfClose],
                "connection closed by the server before the answer was complete",
            ),
            (vec![ServerAction::Read, ServerAction::Send(&[0, 0])], "server answered another question"),
            (vec![ServerAction::Read, ServerAction::Reset], "connection reset by the server"),
        ] {
            // Over UDP everything is cut off, so that the client asks again over TCP.
            let port = test_server::serve(&acts).await;
            let udp = UdpSocket::bind(("127.0.0.1", port)).await.expect("the same port");
            tokio::spawn(async move {
                let mut buffer = [0; 2_048];
                while let Ok((count, client)) = udp.recv_from(&mut buffer).await {
                    let question = Message::from_vec(&buffer[..count]).expect("a question");
                    let _ = udp.send_to(&always_cut(question, false)[0], client).await;
                }
            });
            let error = error(port, &[], ResponseCode::NoError, Dnssec::NotAsked).await;
            assert_eq!(error.as_deref(), Some(expected), "{acts:?}");
        }
        let refused = error(9, &[], ResponseCode::NoError, Dnssec::NotAsked).await;
        assert_eq!(refused.as_deref(), Some("connection refused"));
    }
}
