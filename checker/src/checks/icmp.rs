//! ICMP checks: one attempt sends one echo request and waits for its reply, over an unprivileged socket if the system
//! allows that, and over a raw socket otherwise.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket as StdUdpSocket};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use super::net::address_filter::{AddressFilter, IpVersion};
use super::net::connect::{Address, first_to_succeed, resolve};
use super::net::metered::ForeignPackets;
use super::probe_data::{Capture, ProbeData};
use super::timing::{Stopwatch, timed};
use super::{CheckContext, Failure, Probe, ProbeResult, Probed, error_text};
use crate::platform::fd_limit;

pub const SUBJECTS: &[&str] = &["[RTT]", "[DNS]", "[TTFB]"];

/// The parameters of an ICMP check.
#[derive(Debug, Clone)]
pub struct IcmpCheck {
    pub locator: String,
    /// The host. The port is unused and always 0.
    pub address: Address,
    /// The time limit for one attempt.
    pub timeout: Duration,
    /// The IP version to connect over. If not set, both are tried.
    pub ip_version: Option<IpVersion>,
}

/// The payload length in bytes, which is also the default of `ping`.
const PAYLOAD: usize = 56;
const HEADER: usize = 8;
/// The number of payload bytes that identify the request.
const NONCE: usize = 8;

/// The error if no ICMP socket can be opened, with remedies.
const NO_SOCKET: &str = "failed to send echo requests: the system does not allow the checker to open an ICMP socket; \
                         allow its group with `sysctl -w net.ipv4.ping_group_range=\"0 2147483647\"`, or grant the \
                         program the capability with `setcap cap_net_raw+ep /path/to/checker`";

/// Returns the type of ICMP socket that this process can open, preferring the unprivileged one.
pub fn socket_type() -> Result<Type, String> {
    for kind in [Type::DGRAM, Type::RAW] {
        match Socket::new(Domain::IPV4, kind, Some(Protocol::ICMPV4)) {
            Ok(_) => return Ok(kind),
            Err(error) if fd_limit::is_limit_error(&error) => return Err(fd_limit::too_many_open_files()),
            Err(_) => {}
        }
    }
    Err(NO_SOCKET.to_owned())
}

/// Returns the [`socket_type`], which is detected once per process. Errors are not cached, because the system may allow
/// a socket later.
fn cached_socket_type(context: &CheckContext) -> Result<Type, String> {
    if let Some(kind) = context.icmp_socket_type.get() {
        return Ok(*kind);
    }
    let kind = socket_type()?;
    Ok(*context.icmp_socket_type.get_or_init(|| kind))
}

impl Probe for IcmpCheck {
    fn type_name(&self) -> &'static str {
        "icmp"
    }

    fn locator(&self) -> &str {
        &self.locator
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }

    fn host(&self) -> Option<&str> {
        Some(&self.address.host)
    }

    fn preflight(&self) -> Result<(), String> {
        socket_type().map(drop)
    }

    fn probe<'a>(&'a self, capture: Capture, context: &'a CheckContext) -> BoxFuture<'a, Probed> {
        Box::pin(async move {
            let kind = cached_socket_type(context)?;
            Ok(timed(self.timeout, capture, |stopwatch| {
                ping(self, kind, context.address_filter(self.ip_version), stopwatch)
            })
            .await)
        })
    }
}

async fn ping(check: &IcmpCheck, kind: Type, filter: AddressFilter, stopwatch: Arc<Stopwatch>) -> ProbeResult {
    let addresses = resolve(&check.address, filter, &stopwatch).await?;
    stopwatch.start_waiting();
    let no_addresses = format!("no such host `{}`", check.address.host);
    let peer = first_to_succeed(&addresses, &stopwatch, no_addresses, |address| echo(address.ip(), kind)).await?;
    stopwatch.first_byte();
    Ok(ProbeData { peer: Some(peer), ..ProbeData::default() })
}

/// Sends a request to one address and waits for the reply.
async fn echo(address: IpAddr, kind: Type) -> Result<SocketAddr, Failure> {
    let describe = |error: io::Error| error_text::describe_error(&error);
    let socket = open(address, kind).map_err(describe)?;
    socket.connect(SocketAddr::new(address, 0)).await.map_err(describe)?;
    let nonce = RandomState::new().build_hasher().finish().to_be_bytes();
    let request = echo_request(address, nonce);
    socket.send(&request).await.map_err(describe)?;
    let mut buffer = [0; 2_048];
    let mut foreign = ForeignPackets::default();
    loop {
        let count = socket.recv(&mut buffer).await.map_err(describe)?;
        if is_reply(&buffer[..count], address, kind, nonce) {
            return Ok(SocketAddr::new(address, 0));
        }
        foreign.add().await?;
    }
}

fn open(address: IpAddr, kind: Type) -> io::Result<UdpSocket> {
    let (domain, protocol) = match address {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
    };
    let socket = Socket::new(domain, kind, Some(protocol))?;
    socket.set_nonblocking(true)?;
    // ICMP sockets use the same system calls for sending and receiving as UDP sockets.
    UdpSocket::from_std(StdUdpSocket::from(socket))
}

fn echo_request(address: IpAddr, nonce: [u8; NONCE]) -> Vec<u8> {
    let mut request = vec![0; HEADER + PAYLOAD];
    request[0] = if address.is_ipv4() { 8 } else { 128 };
    // Set the identifier and sequence number. On an unprivileged socket, the system replaces the identifier.
    request[4..8].copy_from_slice(&nonce[..4]);
    request[HEADER..HEADER + NONCE].copy_from_slice(&nonce);
    if address.is_ipv4() {
        let sum = checksum(&request);
        request[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    request
}

fn is_reply(packet: &[u8], address: IpAddr, kind: Type, nonce: [u8; NONCE]) -> bool {
    // A raw IPv4 socket also receives the IP header, which states its length in four-byte words.
    let header = match (address, packet.first()) {
        (IpAddr::V4(_), Some(first)) if kind == Type::RAW => usize::from(first & 0x0f) * 4,
        _ => 0,
    };
    let Some(message) = packet.get(header..) else { return false };
    let reply = if address.is_ipv4() { 0 } else { 129 };
    message.first() == Some(&reply) && message.get(HEADER..HEADER + NONCE) == Some(&nonce)
}

/// Computes the internet checksum (RFC 1071) of a message with an even number of bytes.
fn checksum(message: &[u8]) -> u16 {
    let words = message.as_chunks::<2>().0.iter().map(|pair| u32::from(u16::from_be_bytes(*pair)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use crate::checks::icmp::*;
    use crate::checks::net::address_policy::AddressPolicy;
    use crate::checks::{Check, CheckContext, CheckKind, CheckOutcome, run};

    #[test]
    fn the_checksum_of_a_request_is_valid() {
        let request = echo_request("127.0.0.1".parse().expect("an address"), [7, 1, 2, 3, 4, 5, 6, 250]);
        assert_eq!(checksum(&request), 0);
    }

    #[test]
    fn only_the_reply_to_our_request_is_accepted() {
        let (v4, v6) = ("127.0.0.1".parse().expect("an address"), "::1".parse().expect("an address"));
        let nonce = [1, 2, 3, 4, 5, 6, 7, 8];
        for (address, kind, reply) in [(v4, Type::DGRAM, 0), (v6, Type::DGRAM, 129), (v6, Type::RAW, 129)] {
            let mut packet = echo_request(address, nonce);
            assert!(!is_reply(&packet, address, kind, nonce), "a request is not a reply");
            packet[0] = reply;
            assert!(is_reply(&packet, address, kind, nonce));
            assert!(!is_reply(&packet, address, kind, [0; 8]), "the reply to another request");
            assert!(!is_reply(&packet[..10], address, kind, nonce), "truncated");
        }
        let mut with_header = vec![0x45; 20];
        with_header.extend(echo_request(v4, nonce));
        with_header[20] = 0;
        assert!(is_reply(&with_header, v4, Type::RAW, nonce));
        for packet in [&[][..], &[0x4f], &[0x4f; 30]] {
            assert!(!is_reply(packet, v4, Type::RAW, nonce));
        }
    }

    #[test]
    fn both_remedies_are_documented_commands() {
        let documentation = include_str!("../../../docs/configuration.md");
        let commands: Vec<&str> = NO_SOCKET.split('`').skip(1).step_by(2).collect();
        assert_eq!(
            commands,
            ["sysctl -w net.ipv4.ping_group_range=\"0 2147483647\"", "setcap cap_net_raw+ep /path/to/checker"]
        );
        for command in commands {
            assert!(documentation.contains(&format!("`{command}`")), "{command}");
        }
    }

    #[tokio::test]
    async fn this_machine_replies() {
        let ping = async |host: &str| {
            let kind = CheckKind::Icmp(Box::new(IcmpCheck {
                locator: host.to_owned(),
                address: Address { host: host.to_owned(), port: 0 },
                timeout: Duration::from_millis(500),
                ip_version: None,
            }));
            run(&Check::new("x", kind), &CheckContext::new(AddressPolicy::AllowAll, crate::now)).await
        };
        if socket_type().is_err() {
            // Without an ICMP socket, the check is skipped and suggests a remedy.
            assert_eq!(ping("127.0.0.1").await, CheckOutcome::Skipped { reason: NO_SOCKET.to_owned() });
            return;
        }
        let CheckOutcome::Attempts(records) = ping("127.0.0.1").await else { panic!("it is skipped") };
        assert_eq!(records[0].attempt.error, None);
        assert!(records[0].attempt.phases.ttfb.is_some());
        let broadcast = SocketAddr::from(([255; 4], 0));
        let localhost = SocketAddr::from(([127, 0, 0, 1], 0));
        let stopwatch = Stopwatch::start();
        let kind = socket_type().expect("a socket could be opened before");
        let echoes = |address: SocketAddr| echo(address.ip(), kind);
        let replied = first_to_succeed(&[broadcast, localhost], &stopwatch, String::new(), echoes).await;
        assert_eq!(replied, Ok(localhost), "the next address is tried");
        // The system does not allow broadcasts on an ordinary socket.
        let CheckOutcome::Attempts(records) = ping("255.255.255.255").await else { panic!("it is skipped") };
        assert!(records[0].attempt.error.is_some());
    }
}
