//! Opens connections: resolves names, and connects over TCP to the first address that accepts. Each step starts its
//! phase on the attempt's stopwatch.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use url::Url;

use super::address_filter::AddressFilter;
use super::idna;
use super::metered::{MeteredStream, TcpConnection};
use super::resolver;
use super::tls_config::TlsSettings;
use crate::checks::Failure;
use crate::checks::error_text;
use crate::checks::timing::Stopwatch;
use crate::redact::redact_userinfo;

/// How long to wait for one address before trying the next one in parallel (RFC 8305).
const CONNECTION_ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// A host name in ASCII, or an IP address without brackets.
    pub host: String,
    pub port: u16,
}

/// The error for a string that is not a valid address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid address `{0}`: expected a host and a port, for example `db.example:5432` or `[::1]:5432`")]
pub struct InvalidAddress(String);

/// The error for a string that is not a valid host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid host `{0}`: expected only a host name or an IP address")]
pub struct InvalidHost(String);

/// The parameters of a TLS handshake.
#[derive(Debug, Clone)]
pub struct TlsOptions {
    pub settings: TlsSettings,
    /// The server name to send (SNI), for which the certificate must be valid.
    pub server_name: ServerName<'static>,
}

impl TlsOptions {
    /// Checks that a TLS configuration can be built. Succeeds without options, because TLS is not used then.
    pub fn preflight(options: Option<&TlsOptions>) -> Result<(), String> {
        options.map_or(Ok(()), |options| options.settings.preflight())
    }
}

impl Address {
    /// Parses `host:port`, `[ipv6]:port` or, if there is a default port, a host alone. A scheme and a trailing slash,
    /// as in `tcp://host:port/`, are ignored.
    pub fn parse(text: &str, default_port: Option<u16>) -> Result<Address, InvalidAddress> {
        let invalid = || InvalidAddress(redact_userinfo(text));
        let rest = text.trim();
        let rest = rest.split_once("://").map_or(rest, |(_, rest)| rest).trim_end_matches('/');
        if let Ok(IpAddr::V6(address)) = rest.parse() {
            return Ok(Address { host: address.to_string(), port: default_port.ok_or_else(invalid)? });
        }
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']').ok_or_else(invalid)?;
                host.parse::<std::net::Ipv6Addr>().map_err(|_| invalid())?;
                (host, after.strip_prefix(':').or(after.is_empty().then_some("")).ok_or_else(invalid)?)
            }
            None => rest.split_once(':').unwrap_or((rest, "")),
        };
        let port = match port {
            "" => default_port.ok_or_else(invalid)?,
            port => port.parse().ok().filter(|port| *port > 0).ok_or_else(invalid)?,
        };
        let host = idna::to_ascii(host).ok_or_else(invalid)?;
        let is_allowed = |character: char| character.is_ascii_alphanumeric() || "-._:%".contains(character);
        if host.is_empty() || !host.chars().all(is_allowed) {
            return Err(invalid());
        }
        Ok(Address { host: host.into_owned(), port })
    }

    /// Parses a host without a port.
    pub fn parse_host(text: &str) -> Result<Address, InvalidHost> {
        // A default port that is used only to detect whether the text contains a port.
        const NO_PORT: u16 = 1;
        match Address::parse(text, Some(NO_PORT)) {
            // An IPv6 address can also end with `:1`.
            Ok(Address { host, port: NO_PORT }) if host.contains(':') || !text.contains(":1") => {
                Ok(Address { host, port: 0 })
            }
            _ => Err(InvalidHost(redact_userinfo(text))),
        }
    }

    /// Returns the host and port of a URL.
    #[must_use]
    pub fn from_url(url: &Url) -> Address {
        Address { host: url_host(url).to_owned(), port: url.port_or_known_default().unwrap_or_default() }
    }
}

/// Returns the host of a URL, without the brackets around an IPv6 address.
#[must_use]
pub fn url_host(url: &Url) -> &str {
    let host = url.host_str().unwrap_or_default();
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(formatter, "[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "{}:{}", self.host, self.port)
        }
    }
}

/// Resolves a host. Returns at least one address, and only addresses that the filter allows.
pub async fn resolve(
    address: &Address,
    filter: impl Into<AddressFilter>,
    stopwatch: &Stopwatch,
) -> Result<Vec<SocketAddr>, Failure> {
    let resolved = look_up(address, filter.into(), stopwatch).await;
    if resolved.is_err() {
        stopwatch.mark_inconclusive();
    }
    resolved
}

async fn look_up(address: &Address, filter: AddressFilter, stopwatch: &Stopwatch) -> Result<Vec<SocketAddr>, Failure> {
    if let Ok(ip) = address.host.parse::<IpAddr>() {
        return filter.check(ip).map(|()| vec![SocketAddr::new(ip, address.port)]);
    }
    stopwatch.start_lookup();
    let found = resolver::resolve(&address.host).await;
    let found = found.map_err(|error| error_text::describe_lookup_error(&error, &address.host))?;
    stopwatch.finish_lookup();
    let mut allowed = filter.select(found, &address.host)?;
    for socket_address in &mut allowed {
        socket_address.set_port(address.port);
    }
    Ok(allowed)
}

/// Opens a TCP connection to the first address that accepts it. `TCP_NODELAY` is set, so writes are sent immediately.
pub async fn connect(
    address: &Address,
    filter: impl Into<AddressFilter>,
    stopwatch: &Stopwatch,
) -> Result<TcpConnection, Failure> {
    let stream = connect_for_single_write(address, filter, stopwatch).await?;
    // Requests are written as a whole, so waiting for more data gains nothing.
    let _ = stream.get_ref().set_nodelay(true);
    Ok(stream)
}

/// Opens a TCP connection for a single small write, which is sent immediately even without `TCP_NODELAY`. This saves a
/// system call.
pub async fn connect_for_single_write(
    address: &Address,
    filter: impl Into<AddressFilter>,
    stopwatch: &Stopwatch,
) -> Result<TcpConnection, Failure> {
    let addresses = resolve(address, filter, stopwatch).await?;
    let no_addresses = io::Error::from(io::ErrorKind::AddrNotAvailable);
    let stream = first_to_succeed(&addresses, stopwatch, no_addresses, TcpStream::connect).await;
    let stream = stream.map_err(|error| error_text::describe_error(&error))?;
    stopwatch.connected();
    stopwatch.record(|data| data.peer = stream.peer_addr().ok());
    Ok(MeteredStream::new(stream))
}

/// Tries one address after another, moving on when an attempt fails or takes too long. If all fail, returns the last
/// error, or `no_addresses` if the list is empty.
pub async fn first_to_succeed<T, E, F: Future<Output = Result<T, E>>>(
    addresses: &[SocketAddr],
    stopwatch: &Stopwatch,
    no_addresses: E,
    attempt: impl Fn(SocketAddr) -> F,
) -> Result<T, E> {
    if let [address] = addresses {
        stopwatch.record(|data| data.attempted.push(*address));
        return attempt(*address).await;
    }
    let mut untried = addresses.iter();
    let mut attempts = FuturesUnordered::new();
    let mut last_error = no_addresses;
    loop {
        let started = untried.next().map(|address| {
            stopwatch.record(|data| data.attempted.push(*address));
            attempts.push(attempt(*address));
        });
        let has_started = started.is_some();
        let delay = async {
            if has_started { tokio::time::sleep(CONNECTION_ATTEMPT_DELAY).await } else { std::future::pending().await }
        };
        tokio::select! {
            outcome = attempts.next() => match outcome {
                Some(Ok(success)) => return Ok(success),
                Some(Err(error)) => last_error = error,
                None => return Err(last_error),
            },
            () = delay => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::net::address_policy::AddressPolicy;
    use crate::checks::net::connect::*;

    #[test]
    fn addresses_are_parsed_in_every_spelling() {
        for (text, default_port, host, port) in [
            ("db.example:5432", None, "db.example", 5_432),
            ("127.0.0.1:8099", None, "127.0.0.1", 8_099),
            ("[::1]:25", None, "::1", 25),
            ("::1", Some(53), "::1", 53),
            ("[2001:db8::1]", Some(443), "2001:db8::1", 443),
            ("shop.example", Some(443), "shop.example", 443),
            ("https://shop.example/", Some(443), "shop.example", 443),
            ("tcp://shop.example:80", None, "shop.example", 80),
            ("münchen.example:80", None, "xn--mnchen-3ya.example", 80),
            ("tcp://mu\u{308}nchen.example/", Some(7), "xn--mnchen-3ya.example", 7),
        ] {
            let expected = Address { host: host.to_owned(), port };
            assert_eq!(Address::parse(text, default_port), Ok(expected), "{text}");
        }
        for text in [
            "",
            "host",
            ":80",
            "host:",
            "host:0",
            "host:99999",
            "[::1:80",
            "a b:80",
            "[host]:80",
            "a/b:80",
            "a\u{200d}ü:80",
        ] {
            assert!(Address::parse(text, None).is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn a_private_address_is_denied_before_a_connection() {
        let stopwatch = Stopwatch::start();
        for host in ["127.0.0.1", "::1", "localhost"] {
            let address = Address { host: host.to_owned(), port: 9 };
            let failure = connect(&address, AddressPolicy::PublicOnly, &stopwatch).await.expect_err("it is not public");
            assert!(failure.contains("deny_private_addresses"), "{failure}");
        }
    }

    #[tokio::test]
    async fn the_next_address_is_tried_after_a_refusal() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let open = listener.local_addr().expect("an address");
        let closed = SocketAddr::new(open.ip(), 9);
        let stopwatch = Stopwatch::start_recording();
        let connect_to = async |addresses: &[SocketAddr]| {
            let no_addresses = io::Error::from(io::ErrorKind::AddrNotAvailable);
            first_to_succeed(addresses, &stopwatch, no_addresses, TcpStream::connect).await
        };
        assert!(connect_to(&[closed, open]).await.is_ok());
        assert!(connect_to(&[closed]).await.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused));
        assert_eq!(stopwatch.recorded().attempted, [closed, open, closed]);
    }
}
