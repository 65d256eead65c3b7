//! DNS checks: one attempt queries a server for a name's records over UDP, repeats the query over TCP if the answer
//! is truncated, and compares the answer with the expected one.

mod answers;
mod chain;
#[cfg(test)]
mod owner_tests;
mod record;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

use self::answers::evaluate;
pub use self::answers::{AnswerMatch, ExpectedAnswers};
use super::net::address_filter::{AddressFilter, IpVersion};
use super::net::connect::{Address, first_to_succeed, resolve};
use super::net::metered::{ForeignPackets, MeteredStream};
use super::probe_data::{Capture, ProbeData};
use super::timing::{Stopwatch, timed};
use super::{CheckContext, Failure, Probe, ProbeResult, Probed, error_text};

pub const SUBJECTS: &[&str] = &["[RTT]", "[DNS]", "[TTFB]"];

/// The parameters of a DNS check.
#[derive(Debug, Clone)]
pub struct DnsCheck {
    pub locator: String,
    /// The DNS server to query.
    pub server: Address,
    /// The domain name to query.
    pub name: Name,
    /// The type of the records to query.
    pub record: RecordType,
    /// The time limit for one attempt.
    pub timeout: Duration,
    /// The IP version to connect over. If not set, both are tried.
    pub ip_version: Option<IpVersion>,
    pub answers: ExpectedAnswers,
    pub rcode: ResponseCode,
    pub dnssec: Dnssec,
}

/// Whether the server must have validated the answer with DNSSEC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dnssec {
    NotRequested,
    /// The answer must have the `AD` flag (authentic data).
    Authentic,
}

/// The default port of a DNS server.
pub const PORT: u16 = 53;
/// The record types that can be queried.
pub const RECORDS: &[&str] =
    &["A", "AAAA", "CAA", "CNAME", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA", "SRV", "SVCB", "TLSA", "TXT"];
/// The names of the response codes that can be expected.
pub const RCODES: &[&str] = &["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];
/// The maximum time to wait for an answer over UDP before resending the query. It is shorter if the time limit of the
/// attempt is short.
const RETRANSMIT_AFTER: Duration = Duration::from_secs(2);
/// The number of times that a query is sent within a short time limit, because packets can be lost.
const TRANSMISSIONS: u32 = 3;
/// The maximum size of an answer over UDP, in bytes. Answers of this size are safe from fragmentation (DNS flag day
/// 2020).
const UDP_PAYLOAD: u16 = 1_232;

/// Returns the response code with this name.
#[must_use]
pub fn rcode(name: &str) -> Option<ResponseCode> {
    Some(match name {
        "NOERROR" => ResponseCode::NoError,
        "FORMERR" => ResponseCode::FormErr,
        "SERVFAIL" => ResponseCode::ServFail,
        "NXDOMAIN" => ResponseCode::NXDomain,
        "NOTIMP" => ResponseCode::NotImp,
        "REFUSED" => ResponseCode::Refused,
        _ => return None,
    })
}

impl Probe for DnsCheck {
    fn type_name(&self) -> &'static str {
        "dns"
    }

    fn locator(&self) -> &str {
        &self.locator
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }

    fn host(&self) -> Option<&str> {
        Some(&self.server.host)
    }

    fn probe<'a>(&'a self, capture: Capture, context: &'a CheckContext) -> BoxFuture<'a, Probed> {
        Box::pin(async move {
            Ok(timed(self.timeout, capture, |stopwatch| {
                query(self, context.address_filter(self.ip_version), stopwatch)
            })
            .await)
        })
    }
}

async fn query(check: &DnsCheck, filter: AddressFilter, stopwatch: Arc<Stopwatch>) -> ProbeResult {
    let addresses = resolve(&check.server, filter, &stopwatch).await?;
    let (server, answer) = query_any(check, &addresses, &stopwatch).await?;
    evaluate(check, &answer, &stopwatch)?;
    Ok(ProbeData { peer: Some(server), ..ProbeData::default() })
}

/// Queries the server's addresses one after another and returns the first answer, whether or not it is the expected
/// one.
async fn query_any(
    check: &DnsCheck,
    addresses: &[SocketAddr],
    stopwatch: &Stopwatch,
) -> Result<(SocketAddr, Message), Failure> {
    let query = &QueryMessage::new(check, true)?;
    stopwatch.start_waiting();
    let retransmit_after = RETRANSMIT_AFTER.min(check.timeout / TRANSMISSIONS);
    let query_one = |server| async move {
        let mut answer = exchange(server, query, retransmit_after).await?;
        // Retry without EDNS, because servers that do not support it reject queries that use it (RFC 6891, section 7).
        let rejects_edns = answer.metadata.response_code == ResponseCode::FormErr && answer.edns.is_none();
        if rejects_edns && check.rcode != ResponseCode::FormErr {
            answer = exchange(server, &QueryMessage::new(check, false)?, retransmit_after).await?;
        }
        Ok((server, answer))
    };
    let no_addresses = format!("no such host `{}`", check.server.host);
    let (server, answer) = first_to_succeed(addresses, stopwatch, no_addresses, query_one).await?;
    stopwatch.first_byte();
    stopwatch.record(|data| data.peer = Some(server));
    Ok((server, answer))
}

/// A DNS query, and its encoded form.
struct QueryMessage {
    message: Message,
    bytes: Vec<u8>,
}

impl QueryMessage {
    fn new(check: &DnsCheck, uses_edns: bool) -> Result<QueryMessage, Failure> {
        let mut message = Message::query();
        message.metadata.recursion_desired = true;
        message.add_query(Query::query(check.name.clone(), check.record));
        message.metadata.authentic_data = check.dnssec == Dnssec::Authentic;
        if uses_edns {
            let mut edns = Edns::new();
            edns.set_max_payload(UDP_PAYLOAD);
            edns.set_dnssec_ok(check.dnssec == Dnssec::Authentic);
            message.set_edns(edns);
        }
        let bytes = message.to_vec().map_err(|error| format!("invalid query: {error}"))?;
        Ok(QueryMessage { message, bytes })
    }
}

/// Sends the query over UDP, and again over TCP if the answer is truncated.
async fn exchange(server: SocketAddr, query: &QueryMessage, retransmit_after: Duration) -> Result<Message, Failure> {
    let QueryMessage { message, bytes } = query;
    let mut answer = over_udp(server, message, bytes, retransmit_after).await?;
    if answer.metadata.truncation {
        answer = over_tcp(server, message, bytes).await?;
        if answer.metadata.truncation {
            return Err("answer is truncated even over TCP".to_owned());
        }
    }
    Ok(answer)
}

async fn over_udp(
    server: SocketAddr,
    query: &Message,
    bytes: &[u8],
    retransmit_after: Duration,
) -> Result<Message, Failure> {
    let describe = |error: io::Error| error_text::describe_error(&error);
    let local: SocketAddr = if server.is_ipv4() { ([0; 4], 0).into() } else { ([0_u16; 8], 0).into() };
    let socket = UdpSocket::bind(local).await.map_err(describe)?;
    socket.connect(server).await.map_err(describe)?;
    let mut buffer = vec![0; usize::from(u16::MAX)];
    let mut foreign = ForeignPackets::default();
    loop {
        socket.send(bytes).await.map_err(describe)?;
        let answer = async {
            loop {
                let count = socket.recv(&mut buffer).await.map_err(describe)?;
                if let Some(answer) = parse(&buffer[..count], query)? {
                    return Ok(answer);
                }
                foreign.add().await?;
            }
        };
        if let Ok(answer) = tokio::time::timeout(retransmit_after, answer).await {
            return answer;
        }
    }
}

async fn over_tcp(server: SocketAddr, query: &Message, bytes: &[u8]) -> Result<Message, Failure> {
    let describe = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => "connection closed by the server before the answer was complete".to_owned(),
        _ => error_text::describe_error(&error),
    };
    let mut stream = MeteredStream::new(TcpStream::connect(server).await.map_err(describe)?);
    let length = u16::try_from(bytes.len()).map_err(|_| "query is too long".to_owned())?;
    stream.write_all(&[&length.to_be_bytes(), bytes].concat()).await.map_err(describe)?;
    let length = stream.read_u16().await.map_err(describe)?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await.map_err(describe)?;
    parse(&answer, query)?.ok_or_else(|| "server answered a different query".to_owned())
}

/// Parses an answer. Returns `None` if it does not belong to the query, because it may be forged.
fn parse(bytes: &[u8], query: &Message) -> Result<Option<Message>, Failure> {
    if bytes.get(..2) != Some(&query.metadata.id.to_be_bytes()) {
        return Ok(None);
    }
    let answer = Message::from_vec(bytes).map_err(|error| format!("answer is malformed: {error}"))?;
    let is_ours = answer.metadata.message_type == MessageType::Response
        && answer.metadata.op_code == OpCode::Query
        // A server that could not parse the query may omit the question from its answer.
        && (answer.queries == query.queries
            || (answer.queries.is_empty() && answer.metadata.response_code != ResponseCode::NoError));
    Ok(is_ours.then_some(answer))
}
