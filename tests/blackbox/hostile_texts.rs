//! Strings from the network are stored without characters that control a terminal or change the direction of text,
//! whatever the type of check.

use futures_util::SinkExt as _;
use hickory_proto::op::{Message, OpCode};
use hickory_proto::rr::rdata::TXT;
use hickory_proto::rr::{RData, Record};
use http::{HeaderMap, Response};
use serde_json::{Value, json};
use shared::status::Status;
use support::checker::Checker;
use support::configuration::{directory, watching};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio_tungstenite::tungstenite::Message as WebSocketMessage;

use crate::check_kinds::serve;

/// A string that clears the screen, sets the terminal's title, and reverses the direction of the following text.
const HOSTILE: &str = "ab\u{1b}[2J\u{1b}]0;x\u{7}\u{202e}cd";
/// The hostile string, percent-encoded for a gRPC header.
const PERCENT_ENCODED: &str = "ab%1B[2J%1B]0;x%07%E2%80%AEcd";
/// The hostile string after sanitizing.
const HARMLESS: &str = "ab[2J]0;xcd";

async fn banner() -> String {
    let port =
        serve(async |mut stream: TcpStream| stream.write_all(format!("{HOSTILE}\r\n").as_bytes()).await.ok()).await;
    format!("127.0.0.1:{port}")
}

/// A web server with the hostile string in its body. Headers cannot contain control characters, but they can contain
/// direction marks.
async fn web_server() -> String {
    let port = serve(async |mut stream: TcpStream| {
        let _ = stream.read(&mut [0; 4_096]).await;
        let length = HOSTILE.len();
        let head =
            format!("HTTP/1.1 200 OK\r\nX-A: \u{202e}a\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        stream.write_all(&[head.as_bytes(), HOSTILE.as_bytes()].concat()).await.ok()
    })
    .await;
    format!("http://127.0.0.1:{port}/")
}

async fn web_socket() -> String {
    let port = serve(async |stream| {
        let mut socket = tokio_tungstenite::accept_async(stream).await.ok()?;
        socket.send(WebSocketMessage::text(HOSTILE)).await.ok()?;
        socket.close(None).await.ok()
    })
    .await;
    format!("ws://127.0.0.1:{port}/")
}

async fn health_service() -> String {
    let port = serve(async |stream| {
        let mut connection = h2::server::handshake(stream).await.ok()?;
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            let mut sender = respond.send_response(Response::new(()), false).ok()?;
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", "13".parse().expect("a value"));
            trailers.insert("grpc-message", PERCENT_ENCODED.parse().expect("a value"));
            sender.send_trailers(trailers).ok()?;
        }
        Some(())
    })
    .await;
    format!("127.0.0.1:{port}")
}

async fn name_server() -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let address = socket.local_addr().expect("an address").to_string();
    tokio::spawn(async move {
        let mut buffer = [0; 2_048];
        while let Ok((count, client)) = socket.recv_from(&mut buffer).await {
            let question = Message::from_vec(&buffer[..count]).expect("a question");
            let mut answer = Message::response(question.metadata.id, OpCode::Query);
            let text = RData::TXT(TXT::new(vec![HOSTILE.to_owned()]));
            answer.add_answers([Record::from_rdata(question.queries[0].name().clone(), 60, text)]);
            answer.add_queries(question.queries);
            let _ = socket.send_to(&answer.to_vec().expect("it can be written"), client).await;
        }
    });
    address
}

#[tokio::test]
async fn network_strings_are_stored_without_control_characters() {
    let (web, tcp) = (web_server().await, banner().await);
    let checks: [(Value, &str); 8] = [
        (json!({ "type": "tcp", "endpoint_url": tcp, "script": [{ "expect": "^x" }] }), HARMLESS),
        (json!({ "type": "tls", "endpoint_url": tcp, "starttls": "smtp" }), "server answered"),
        (json!({ "type": "http", "endpoint_url": web, "assertions": ["[BODY] == x"] }), HARMLESS),
        (json!({ "type": "http", "endpoint_url": web, "assertions": ["[HEADER x-a] == x"] }), "header `x-a` is `a`"),
        (json!({ "type": "websocket", "endpoint_url": web_socket().await, "expect": "^x" }), HARMLESS),
        (json!({ "type": "grpc", "endpoint_url": health_service().await }), HARMLESS),
        (
            json!({ "type": "dns", "endpoint_url": name_server().await, "hostname_fqdn": "a.example",
                "record_type": "TXT", "expected_answers": ["x"] }),
            "cd",
        ),
        (
            json!({ "type": "exec", "command": "sh", "arguments": ["-c", format!("printf '%s' '{HOSTILE}'; exit 1")] }),
            HARMLESS,
        ),
    ];
    let mut titled: Vec<Value> = checks.iter().map(|(check, _)| check.clone()).collect();
    for (number, check) in titled.iter_mut().enumerate() {
        let key = if check["type"] == "exec" { "name" } else { "endpoint_name" };
        check[key] = json!(number.to_string());
    }
    titled.push(json!({ "type": "heartbeat", "endpoint_name": "8", "job": "backup", "interval": "10m" }));
    let checker = Checker::new(&watching(&titled, &directory()));
    let failed = checker.call(&["beat", "backup", "--failed", HOSTILE]).await;
    assert_eq!(failed.code, 0, "{}", failed.output());
    let run = checker.run(&["--format", "json"]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let expected = checks.iter().map(|(_, expected)| *expected).chain([HARMLESS]);
    for (result, expected) in checker.all_results("checks").iter().zip(expected) {
        let reason = result.reason().unwrap_or_default();
        assert!(result.status == Status::Down && reason.contains(expected), "{}: {reason:?}", result.title);
        assert!(!reason.chars().any(|character| character.is_control() || character == '\u{202e}'), "{reason:?}");
    }
}
