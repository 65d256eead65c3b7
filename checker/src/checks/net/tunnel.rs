//! Opens tunnels through proxies with `CONNECT` (RFC 9110, section 9.3.6) or SOCKS 5 (RFC 1928, RFC 1929).

use std::io;

use memchr::memmem;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::connect::Address;
use super::proxy::{Proxy, ProxyCredentials, ProxyScheme};
use crate::checks::error_text;

/// The maximum size of a proxy's response to `CONNECT`, in bytes.
const HEAD_LIMIT: usize = 16 << 10;

/// Why a tunnel could not be opened.
#[derive(Debug, PartialEq, Eq)]
pub enum TunnelError {
    /// The proxy did not try to reach the endpoint, or violated the protocol.
    Proxy(String),
    /// The proxy could not reach the endpoint.
    Endpoint(String),
}

/// Asks a proxy to connect to `target`. On success, the stream carries that connection.
pub async fn open_tunnel<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    proxy: &Proxy,
    target: &Address,
) -> Result<(), TunnelError> {
    match proxy.scheme {
        ProxyScheme::Http | ProxyScheme::Https => connect(stream, proxy, target).await,
        ProxyScheme::Socks5 => socks(stream, proxy.credentials.as_ref(), target).await,
    }
}

fn broken(error: &io::Error) -> TunnelError {
    TunnelError::Proxy(match error.kind() {
        io::ErrorKind::UnexpectedEof => "connection closed by the proxy".to_owned(),
        _ => error_text::describe_error(error),
    })
}

async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    proxy: &Proxy,
    target: &Address,
) -> Result<(), TunnelError> {
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
    if let Some(authorization) = proxy.authorization() {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(authorization.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).await.map_err(|error| broken(&error))?;
    stream.flush().await.map_err(|error| broken(&error))?;
    let mut head = Vec::new();
    let end = loop {
        let count = stream.read_buf(&mut head).await.map_err(|error| broken(&error))?;
        if let Some(end) = head_end(&head) {
            break end;
        }
        if count == 0 && !head.is_empty() && !head.starts_with(b"HTTP/") {
            break head.len();
        }
        if count == 0 {
            return Err(TunnelError::Proxy("connection closed by the proxy".to_owned()));
        }
        if head.len() > HEAD_LIMIT {
            return Err(TunnelError::Proxy(format!("response to `CONNECT` is longer than {HEAD_LIMIT} bytes")));
        }
    };
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = error_text::excerpt(line);
    let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse::<u16>().ok());
    let shown = line.split_once(' ').map_or("", |(_, status)| status).trim();
    match status {
        Some(200..=299) if end == head.len() => Ok(()),
        Some(200..=299) => {
            Err(TunnelError::Proxy("proxy sent unexpected data after its response to `CONNECT`".to_owned()))
        }
        Some(407) => Err(TunnelError::Proxy(wrong_credentials(proxy.credentials.is_some()))),
        Some(502..=504) => {
            Err(TunnelError::Endpoint(format!("the proxy could not connect to the endpoint, status {shown}")))
        }
        Some(_) => Err(TunnelError::Proxy(format!("proxy refused to connect to `{target}`, status {shown}"))),
        None => Err(TunnelError::Proxy(format!("proxy does not speak HTTP; it responded `{line}`"))),
    }
}

/// Describes why a proxy demands credentials: it received none, or it rejected them.
#[must_use]
pub fn wrong_credentials(were_sent: bool) -> String {
    if were_sent {
        "proxy does not accept the user name and password".to_owned()
    } else {
        "proxy requires a user name and password; add them to its URL, as in `http://user:password@host:port`"
            .to_owned()
    }
}

/// Returns the length of the response head, or `None` if it is incomplete.
fn head_end(bytes: &[u8]) -> Option<usize> {
    let end = |text: &[u8]| memmem::find(bytes, text).map(|at| at + text.len());
    end(b"\r\n\r\n").into_iter().chain(end(b"\n\n")).min()
}

async fn socks<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    credentials: Option<&ProxyCredentials>,
    target: &Address,
) -> Result<(), TunnelError> {
    const NO_AUTHENTICATION: u8 = 0;
    const PASSWORD: u8 = 2;
    let method = if credentials.is_some() { PASSWORD } else { NO_AUTHENTICATION };
    send(stream, &[5, 1, method]).await?;
    let not_socks = || TunnelError::Proxy("proxy does not speak SOCKS 5".to_owned());
    match (receive::<2, S>(stream).await?, credentials) {
        ([5, NO_AUTHENTICATION], None) => {}
        ([5, PASSWORD], Some(ProxyCredentials { user, password })) => {
            let too_long = |_| TunnelError::Proxy("user name or password is longer than 255 bytes".to_owned());
            let mut request = vec![1];
            for text in [user, password] {
                request.push(u8::try_from(text.len()).map_err(too_long)?);
                request.extend_from_slice(text);
            }
            send(stream, &request).await?;
            if receive::<2, S>(stream).await?[1] != 0 {
                return Err(TunnelError::Proxy(wrong_credentials(true)));
            }
        }
        ([5, _], _) => return Err(TunnelError::Proxy(wrong_credentials(credentials.is_some()))),
        _ => return Err(not_socks()),
    }
    let mut request = vec![5, 1, 0];
    match target.host.parse() {
        Ok(std::net::IpAddr::V4(address)) => {
            request.push(1);
            request.extend_from_slice(&address.octets());
        }
        Ok(std::net::IpAddr::V6(address)) => {
            request.push(4);
            request.extend_from_slice(&address.octets());
        }
        Err(_) => {
            let too_long = |_| TunnelError::Endpoint("host name is longer than 255 bytes".to_owned());
            request.extend_from_slice(&[3, u8::try_from(target.host.len()).map_err(too_long)?]);
            request.extend_from_slice(target.host.as_bytes());
        }
    }
    request.extend_from_slice(&target.port.to_be_bytes());
    send(stream, &request).await?;
    let [version, reply, _, address] = receive::<4, S>(stream).await?;
    let unreachable =
        |why: &str| Err(TunnelError::Endpoint(format!("the proxy could not connect to the endpoint: {why}")));
    match (version, reply) {
        (5, 0) => {}
        (5, 3) => return unreachable("network unreachable"),
        (5, 4) => return unreachable("host unreachable"),
        (5, 5) => return unreachable("connection refused"),
        (5, 6) => return unreachable("time to live expired"),
        (5, code) => {
            let why = format!("proxy refused to connect to `{target}`, SOCKS reply {code}");
            return Err(TunnelError::Proxy(why));
        }
        _ => return Err(not_socks()),
    }
    // Skip the address and port that the proxy uses for the connection.
    match address {
        1 => drop(receive::<6, S>(stream).await?),
        4 => drop(receive::<18, S>(stream).await?),
        3 => {
            let [length] = receive::<1, S>(stream).await?;
            let mut rest = vec![0; usize::from(length) + 2];
            stream.read_exact(&mut rest).await.map_err(|error| broken(&error))?;
        }
        _ => return Err(not_socks()),
    }
    Ok(())
}

async fn send<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> Result<(), TunnelError> {
    stream.write_all(bytes).await.map_err(|error| broken(&error))?;
    stream.flush().await.map_err(|error| broken(&error))
}

async fn receive<const LENGTH: usize, S: AsyncRead + Unpin>(stream: &mut S) -> Result<[u8; LENGTH], TunnelError> {
    let mut bytes = [0; LENGTH];
    stream.read_exact(&mut bytes).await.map_err(|error| broken(&error))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Opens a tunnel through a proxy that sends `answers`, one after each request. Also returns the requests.
    async fn tunnel(proxy: &str, target: &str, answers: &[&[u8]]) -> (Result<(), TunnelError>, Vec<u8>) {
        let proxy = Proxy::parse(proxy).expect("a proxy");
        let target = Address::parse(target, None).expect("an address");
        let (mut client, mut server) = tokio::io::duplex(1 << 20);
        let serving = async move {
            let mut requests = Vec::with_capacity(4_096);
            for answer in answers {
                if server.read_buf(&mut requests).await.unwrap_or_default() == 0 {
                    break;
                }
                let _ = server.write_all(answer).await;
            }
            requests
        };
        tokio::join!(open_tunnel(&mut client, &proxy, &target), serving)
    }

    fn proxy_error<T>(text: &str) -> Result<T, TunnelError> {
        Err(TunnelError::Proxy(text.to_owned()))
    }

    fn endpoint_error<T>(text: &str) -> Result<T, TunnelError> {
        Err(TunnelError::Endpoint(text.to_owned()))
    }

    #[tokio::test]
    async fn connect_names_the_endpoint_and_the_credentials() {
        let (opened, request) =
            tunnel("http://me:word@p", "shop.example:443", &[b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n"]).await;
        assert_eq!(opened, Ok(()));
        let expected = "CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\n\
                        Proxy-Authorization: Basic bWU6d29yZA==\r\n\r\n";
        assert_eq!(String::from_utf8_lossy(&request), expected);
        let (opened, request) = tunnel("http://p", "[::1]:443", &[b"HTTP/1.0 200 Connection established\n\n"]).await;
        assert_eq!(opened, Ok(()));
        assert_eq!(String::from_utf8_lossy(&request), "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n");
    }

    #[tokio::test]
    async fn responses_to_connect_are_attributed() {
        let long: &[u8] = &[b"HTTP/1.1 200 OK\r\nA: ".as_slice(), &b"x".repeat(20_000)].concat();
        for (answer, expected) in [
            (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n".as_slice(), proxy_error(&wrong_credentials(false))),
            (
                b"HTTP/1.1 502 Bad Gateway\r\n\r\n",
                endpoint_error("the proxy could not connect to the endpoint, status 502 Bad Gateway"),
            ),
            (
                b"HTTP/1.1 504 Gateway Timeout\r\n\r\n",
                endpoint_error("the proxy could not connect to the endpoint, status 504 Gateway Timeout"),
            ),
            (b"HTTP/1.1 403 Forbidden\r\n\r\n", proxy_error("proxy refused to connect to `a:1`, status 403 Forbidden")),
            (b"HTTP/1.1 200 OK\r\n\r\nx", proxy_error("proxy sent unexpected data after its response to `CONNECT`")),
            (b"SSH-2.0-x\r\n\r\n", proxy_error("proxy does not speak HTTP; it responded `SSH-2.0-x`")),
            (b"HTTP/1.1 200", proxy_error("connection closed by the proxy")),
            (b"", proxy_error("connection closed by the proxy")),
            (long, proxy_error("response to `CONNECT` is longer than 16384 bytes")),
        ] {
            assert_eq!(tunnel("http://p", "a:1", &[answer]).await.0, expected, "{answer:?}");
        }
        let (refused, _) = tunnel("http://me:word@p", "a:1", &[b"HTTP/1.1 407 No\r\n\r\n"]).await;
        assert_eq!(refused, proxy_error("proxy does not accept the user name and password"));
    }

    #[tokio::test]
    async fn socks_requests_follow_the_standard() {
        const OPENED: &[u8] = &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for (proxy, target, answers, sent) in [
            ("socks5://p", "a.b:80", vec![&[5, 0][..], OPENED], b"\x05\x01\0\x05\x01\0\x03\x03a.b\0\x50".as_slice()),
            ("socks5h://p", "1.2.3.4:80", vec![&[5, 0], OPENED], b"\x05\x01\0\x05\x01\0\x01\x01\x02\x03\x04\0\x50"),
            (
                "socks5://u:pw@p",
                "a.b:80",
                vec![&[5, 2], &[1, 0], b"\x05\0\0\x03\x01x\0\x01"],
                b"\x05\x01\x02\x01\x01u\x02pw\x05\x01\0\x03\x03a.b\0\x50",
            ),
        ] {
            let (opened, requests) = tunnel(proxy, target, &answers).await;
            assert_eq!((opened, requests.as_slice()), (Ok(()), sent), "{proxy} {target}");
        }
    }

    #[tokio::test]
    async fn socks_replies_are_attributed() {
        for (answers, expected) in [
            (
                vec![&[5, 0][..], &[5, 5, 0, 1]],
                endpoint_error("the proxy could not connect to the endpoint: connection refused"),
            ),
            (
                vec![&[5, 0], &[5, 4, 0, 1]],
                endpoint_error("the proxy could not connect to the endpoint: host unreachable"),
            ),
            (vec![&[5, 0], &[5, 2, 0, 1]], proxy_error("proxy refused to connect to `a:1`, SOCKS reply 2")),
            (vec![&[5, 255]], proxy_error(&wrong_credentials(false))),
            (vec![b"HT"], proxy_error("proxy does not speak SOCKS 5")),
            (vec![&[5]], proxy_error("connection closed by the proxy")),
        ] {
            assert_eq!(tunnel("socks5://p", "a:1", &answers).await.0, expected, "{answers:?}");
        }
        let (refused, _) = tunnel("socks5://u:pw@p", "a:1", &[&[5, 2], &[1, 1]]).await;
        assert_eq!(refused, proxy_error("proxy does not accept the user name and password"));
    }
}
