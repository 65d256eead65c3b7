//! Performs the opening handshake of a WebSocket connection (RFC 6455). The library's handshake rejects headers that
//! list several tokens, such as `Connection: keep-alive, Upgrade`.

use http::header::{
    CONNECTION, HeaderMap, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use http::{Request, Response, StatusCode};
use httparse::{EMPTY_HEADER, ParserConfig, Status};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::handshake::client::generate_request;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::describe_websocket_error;
use crate::checks::{Failure, error_text};

/// The maximum size of a response head, in bytes.
const HEAD_LIMIT: usize = 64 << 10;
const MAX_HEADERS: usize = 128;
/// The initial buffer size for a response head, in bytes, which is enough to read a typical head at once.
const USUAL_HEAD: usize = 2 << 10;

/// The first bytes of every response that can accept the upgrade.
const START: &[u8] = b"HTTP/1.";

const NOT_HTTP: &str = "server does not speak HTTP";

/// Sends the request and verifies the response. Returns the response and any bytes that the server sent after it.
pub(super) async fn upgrade(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    mut request: Request<()>,
) -> Result<(Response<()>, Vec<u8>), Failure> {
    // Offer all subprotocols in one header, because many servers read only the first one.
    let offered = tokens(request.headers(), &SEC_WEBSOCKET_PROTOCOL);
    if let Ok(list) = offered.join(", ").parse()
        && !offered.is_empty()
    {
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, list);
    }
    let headers = request.headers().clone();
    let (bytes, key) = generate_request(request).map_err(|error| describe_websocket_error(&error))?;
    let describe = |error: std::io::Error| error_text::describe_error(&error);
    stream.write_all(&bytes).await.map_err(describe)?;
    stream.flush().await.map_err(describe)?;
    let mut received = Vec::with_capacity(USUAL_HEAD);
    let head_length = loop {
        let before = received.len();
        if stream.read_buf(&mut received).await.map_err(describe)? == 0 {
            return Err("connection closed by the server before the response was complete".to_owned());
        }
        let compared = received.len().min(START.len());
        if received[..compared] != START[..compared] {
            return Err(NOT_HTTP.to_owned());
        }
        match end_of_head(&received, before) {
            Some(end) if end <= HEAD_LIMIT => break end,
            None if received.len() <= HEAD_LIMIT => {}
            _ => return Err(format!("response head is too large: more than {} KiB", HEAD_LIMIT >> 10)),
        }
    };
    let rest = received.split_off(head_length);
    let response = parse_head(&received)?;
    verify(&headers, &derive_accept_key(key.as_bytes()), &response)?;
    Ok((response, rest))
}

/// Returns the length of the head if the received bytes contain its end. The first `searched` bytes have already been
/// searched.
fn end_of_head(received: &[u8], searched: usize) -> Option<usize> {
    let start = searched.saturating_sub(3);
    let newlines = memchr::memchr_iter(b'\n', &received[start..]).map(|index| start + index);
    newlines.into_iter().find_map(|index| match received[index + 1..] {
        [b'\n', ..] => Some(index + 2),
        [b'\r', b'\n', ..] => Some(index + 3),
        _ => None,
    })
}

fn parse_head(head: &[u8]) -> Result<Response<()>, Failure> {
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Response::new(&mut headers);
    let mut parser = ParserConfig::default();
    // Accept the same malformed headers as HTTP checks.
    parser.allow_spaces_after_header_name_in_responses(true).allow_obsolete_multiline_headers_in_responses(true);
    match parser.parse_response(&mut parsed, head) {
        Ok(Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => {
            return Err(format!("response head has more than {MAX_HEADERS} headers"));
        }
        Err(httparse::Error::HeaderName | httparse::Error::HeaderValue) => {
            return Err("response head has an invalid header".to_owned());
        }
        Ok(Status::Partial) | Err(_) => return Err(NOT_HTTP.to_owned()),
    }
    let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(NOT_HTTP)?;
    let mut response = Response::new(());
    *response.status_mut() = status;
    for header in parsed.headers {
        let invalid =
            || format!("response head has the invalid header `{}`", error_text::excerpt(header.name.as_bytes()));
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| invalid())?;
        // Replace the line breaks in values that continue on the next line.
        let value = header.value.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte });
        let value = value.collect::<Vec<u8>>().try_into().map_err(|_| invalid())?;
        response.headers_mut().append(name, value);
    }
    Ok(response)
}

/// Returns an error unless the response accepts the requested upgrade (RFC 6455, section 4.1).
fn verify(requested: &HeaderMap, accept_key: &str, response: &Response<()>) -> Result<(), Failure> {
    let (status, headers) = (response.status(), response.headers());
    if status != StatusCode::SWITCHING_PROTOCOLS {
        let reason = status.canonical_reason().map(|reason| format!(" {reason}")).unwrap_or_default();
        return Err(format!("response status {}{reason}, expected 101 Switching Protocols", status.as_u16()));
    }
    let violation = |text: &str| Err(format!("server violates the WebSocket protocol: {text}"));
    let has_token =
        |name: &HeaderName, token: &str| tokens(headers, name).iter().any(|one| one.eq_ignore_ascii_case(token));
    if !has_token(&UPGRADE, "websocket") {
        return violation("the `Upgrade` header of its response does not contain `websocket`");
    }
    if !has_token(&CONNECTION, "upgrade") {
        return violation("the `Connection` header of its response does not contain `Upgrade`");
    }
    let accepted = headers.get(SEC_WEBSOCKET_ACCEPT).map(|value| value.as_bytes().trim_ascii());
    if accepted != Some(accept_key.as_bytes()) {
        return violation(&format!("`{SEC_WEBSOCKET_ACCEPT}` does not match the request's `{SEC_WEBSOCKET_KEY}`"));
    }
    // Ignore the parameters that follow an extension's name.
    let extension = |token: &String| token.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let names = |headers: &HeaderMap| tokens(headers, &SEC_WEBSOCKET_EXTENSIONS).iter().map(extension).collect();
    let (requested_extensions, extensions): (Vec<String>, Vec<String>) = (names(requested), names(headers));
    if let Some(extension) = extensions.iter().find(|name| !requested_extensions.contains(name)) {
        let extension = error_text::excerpt(extension.as_bytes());
        return violation(&format!("it uses the extension `{extension}`, which was not requested"));
    }
    let offered = tokens(requested, &SEC_WEBSOCKET_PROTOCOL);
    match tokens(headers, &SEC_WEBSOCKET_PROTOCOL).as_slice() {
        [] if offered.is_empty() => Ok(()),
        // Browsers also reject a response that selects none of the offered subprotocols.
        [] => Err(format!("server selected no subprotocol, expected one of `{}`", offered.join("`, `"))),
        [selected] if offered.contains(selected) => Ok(()),
        [selected] => {
            let selected = error_text::excerpt(selected.as_bytes());
            violation(&format!("it selected the subprotocol `{selected}`, which was not requested"))
        }
        _ => violation("it selected more than one subprotocol"),
    }
}

/// Returns all tokens of a list header, which can occur several times.
fn tokens(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let lists = headers.get_all(name).into_iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    let split = |list: std::borrow::Cow<'_, str>| {
        list.split(',').map(|token| token.trim().to_owned()).filter(|token| !token.is_empty()).collect::<Vec<_>>()
    };
    lists.flat_map(split).collect()
}

#[cfg(test)]
mod tests {
    use crate::checks::websocket::handshake::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    /// Verifies a response with these header lines to a request that offers these subprotocols. Returns the error, if
    /// there is one.
    fn error(offered: &[&str], lines: &str) -> Option<String> {
        let mut requested = HeaderMap::new();
        for protocol in offered {
            requested.append(SEC_WEBSOCKET_PROTOCOL, protocol.parse().expect("a value"));
        }
        let head = format!("HTTP/1.1 101 Switching Protocols\r\n{lines}\r\n\r\n");
        let accept = derive_accept_key(KEY.as_bytes());
        parse_head(head.replace("ACCEPT", &accept).as_bytes())
            .and_then(|response| verify(&requested, &accept, &response))
            .err()
    }

    #[test]
    fn headers_are_lists_of_tokens() {
        for lines in [
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT",
            "upgrade: WebSocket\r\nconnection: keep-alive, Upgrade\r\nsec-websocket-accept: ACCEPT",
            "Upgrade: websocket\r\nConnection: keep-alive\r\nConnection: ,UPGRADE\r\nSec-WebSocket-Accept: ACCEPT ",
            "Upgrade: h2c, websocket\r\nConnection:  Upgrade,close\r\nSec-WebSocket-Accept: ACCEPT",
            "Upgrade : websocket\r\nConnection: keep-alive,\r\n Upgrade\r\nSec-WebSocket-Accept: ACCEPT",
        ] {
            assert_eq!(error(&[], lines), None, "{lines}");
        }
        for (lines, expected) in [
            ("Connection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT", "`Upgrade`"),
            ("Upgrade: websockets\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT", "`Upgrade`"),
            ("Upgrade: websocket\r\nConnection: keep-alive\r\nSec-WebSocket-Accept: ACCEPT", "`Connection`"),
            ("Upgrade: websocket\r\nConnection: Upgraded\r\nSec-WebSocket-Accept: ACCEPT", "`Connection`"),
            ("Upgrade: websocket\r\nConnection: Upgrade", "`sec-websocket-accept`"),
            ("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x", "`sec-websocket-accept`"),
        ] {
            let error = error(&[], lines).unwrap_or_default();
            assert!(
                error.starts_with("server violates the WebSocket protocol: ") && error.contains(expected),
                "{error}"
            );
        }
    }

    #[test]
    fn a_subprotocol_must_be_one_of_those_offered() {
        let accepted = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT";
        for (offered, line, expected) in [
            (&["mqtt", "stomp"][..], "\r\nSec-WebSocket-Protocol: stomp", None),
            (&["mqtt, stomp"], "\r\nSec-WebSocket-Protocol: stomp", None),
            (&["mqtt", "stomp"], "\r\nSec-WebSocket-Protocol: mqtt", None),
            (&["mqtt"], "", Some("server selected no subprotocol, expected one of `mqtt`")),
            (&["mqtt"], "\r\nSec-WebSocket-Protocol: amqp", Some("the subprotocol `amqp`, which was not requested")),
            (&[], "\r\nSec-WebSocket-Protocol: amqp", Some("the subprotocol `amqp`, which was not requested")),
            (&["mqtt", "stomp"], "\r\nSec-WebSocket-Protocol: mqtt, stomp", Some("more than one subprotocol")),
            (&[], "\r\nSec-WebSocket-Extensions: permessage-deflate; a=1", Some("the extension `permessage-deflate`")),
        ] {
            let error = error(offered, &format!("{accepted}{line}"));
            let is_expected = match expected {
                None => error.is_none(),
                Some(expected) => error.as_ref().is_some_and(|error| error.contains(expected)),
            };
            assert!(is_expected, "{offered:?} {line}: {error:?}");
        }
    }

    #[test]
    fn the_end_of_a_head_is_found_across_packets() {
        let head = b"HTTP/1.1 101 x\r\nA: b\r\n\r\nrest";
        for length in 0..head.len() {
            let found = end_of_head(head, length.min(24));
            assert_eq!(found, Some(24), "{length}");
            assert_eq!(end_of_head(&head[..length.min(23)], 0), None, "{length}");
        }
        assert_eq!(end_of_head(b"HTTP/1.1 101 x\nA: b\n\nrest", 0), Some(21));
    }
}
