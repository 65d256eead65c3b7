//! Tests output, messages and TCP data that hide text or cannot be read, with real commands and servers.

use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use shared::status::Status;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::check_kinds::{WELL, down, serve};
use crate::check_options::{expect, unknown};
use crate::undeclared_text::{Expected, both, gzip, printing, receiving, utf_16_le, with, zlib};

#[tokio::test]
async fn what_terminals_do_not_show_does_not_hide_a_string() {
    let mut cases = Vec::new();
    for (output, text) in [
        ("ERR\u{9b}31mOR: x", "ERROR"),
        ("FAIL\u{fe0f}ED", "FAILED"),
        ("FAIL\u{61c}E\u{34f}D", "FAILED"),
        ("\u{1b}[31m👩\u{200d}💻 down\u{1b}[0m: x", "👩\u{200d}💻 down: x"),
        ("Erreur : disque", "Erreur\u{a0}: d"),
    ] {
        let check = printing(output.as_bytes());
        cases.extend(both(&check, json!({ "must_contain": text }), json!({ "must_not_contain": text }), Expected::Yes));
        let assertions = [format!("[BODY] contains '{text}'"), format!("not [BODY] contains '{text}'")];
        let [positive, negative] = assertions.map(|assertion| json!({ "assertions": [assertion] }));
        cases.extend(both(&check, positive, negative, Expected::Yes));
    }
    // A space in a pattern is not a space in a number.
    let number = printing("0\u{a0}12 ERROR\u{a0}500".as_bytes());
    cases.push((with(&number, json!({ "assertions": [r"not [BODY] matches '\d \d'"] })), WELL));
    cases.push((with(&number, json!({ "assertions": [r"not [BODY] matches 'ERROR \d'"] })), down("escape sequences")));
    expect(&cases).await;
}

/// Sends the output whose index is in the first message, and closes the connection.
async fn send_and_close(stream: impl AsyncRead + AsyncWrite + Unpin, outputs: Arc<Vec<Vec<u8>>>) -> Option<()> {
    let mut socket = tokio_tungstenite::accept_async(stream).await.ok()?;
    let number: usize = socket.next().await?.ok()?.to_text().ok()?.parse().ok()?;
    socket.send(Message::binary(outputs.get(number)?.clone())).await.ok()?;
    socket.close(None).await.ok()?;
    while socket.next().await.is_some_and(|received| received.is_ok()) {}
    Some(())
}

#[tokio::test]
async fn an_unreadable_message_is_unknown_if_none_may_match() {
    let unclear = unknown("cannot determine whether the check fails as required");
    let messages = [
        (gzip("admin", 6), unclear),
        (zlib("admin", 6), unclear),
        ("admin".chars().flat_map(|character| u32::from(character).to_le_bytes()).collect(), unclear),
        ([b"log\n!".to_vec(), utf_16_le("admin")].concat(), unclear),
        (b"St\xf6rung".to_vec(), unclear),
        (b"\x1b[1mad\x1b[0mmin".to_vec(), unclear),
        ("ad\u{200b}min".into(), unclear),
        (b"STATE \xcd\xa3\xd6\xb9".to_vec(), unclear),
        (utf_16_le("admin"), down("check succeeded, but it must fail")),
        (utf_16_le("guest"), WELL),
        ("Störung".into(), WELL),
    ];
    let outputs = Arc::new(messages.iter().map(|(message, _)| message.clone()).collect::<Vec<_>>());
    let port = serve(move |stream| send_and_close(stream, Arc::clone(&outputs))).await;
    let cases: Vec<_> = messages
        .iter()
        .enumerate()
        .map(|(number, (_, expected))| {
            (with(&receiving(port, number), json!({ "expect": "admin|停止", "invert": true })), *expected)
        })
        .collect();
    expect(&cases).await;
}

#[tokio::test]
async fn an_uncertain_search_is_unknown_if_the_check_must_fail() {
    let inverted = |output: &[u8], more| with(&printing(output), with(&json!({ "invert": true }), more));
    let part = [utf_16_le("Fatal"), b"\n".to_vec()].concat();
    let forbidden = json!({ "must_not_contain": "Fatal" });
    let assertion = json!({ "assertions": ["not [BODY] contains Fatal"] });
    let mut cases = Vec::new();
    for more in [forbidden, assertion] {
        cases.push((inverted(&part, more.clone()), unknown("UTF-16 or UTF-32")));
        cases.push((inverted(&gzip("ok", 6), more.clone()), unknown("compressed with `gzip`")));
        cases.push((inverted(&utf_16_le("Fatal"), more.clone()), WELL));
        cases.push((inverted(&utf_16_le("ok"), more), (Status::Down, "check succeeded, but it must fail")));
    }
    // If a required string is absent, the failure is certain.
    let part = [b"logs\n".to_vec(), utf_16_le("Fatal")].concat();
    let requiring = |text| json!({ "must_contain": text, "must_not_contain": "Fatal" });
    cases.push((inverted(&part, requiring("absent")), WELL));
    cases.push((inverted(b"St\xf6rung", requiring("absent")), WELL));
    cases.push((inverted(b"St\xf6rung", requiring("Störung")), unknown("not valid in its charset")));
    cases.push((inverted(&gzip("ok", 6), requiring("absent")), unknown("compressed with `gzip`")));
    cases.push((inverted(&utf_16_le("\u{feff}Fatal"), requiring("absent")), WELL));
    expect(&cases).await;
}

/// Sends data to each client, and then closes the connection or waits.
async fn send_data(mut stream: TcpStream, data: Vec<u8>, closes: bool) -> Option<()> {
    stream.write_all(&data).await.ok()?;
    if closes {
        return stream.shutdown().await.ok();
    }
    while stream.read(&mut [0; 64]).await.is_ok_and(|count| count > 0) {}
    Some(())
}

#[tokio::test]
async fn unreadable_tcp_data_is_unknown_if_none_may_match() {
    let unclear = unknown("cannot determine whether the check fails as required");
    let mut cases = Vec::new();
    for (data, expected) in [
        (utf_16_le("admin"), unclear),
        ([b"log\n!".to_vec(), utf_16_le("admin")].concat(), unclear),
        (b"\x1b[1mad\x1b[0mmin:".to_vec(), unclear),
        ("ad\u{200b}min".into(), unclear),
        (b"STATE \xcd\xa3\xd6\xb9".to_vec(), unclear),
        (gzip("admin", 6), unclear),
        (b"admin".to_vec(), down("check succeeded, but it must fail")),
        (b"220 guest\r\n".to_vec(), WELL),
        (utf_16_le("guest"), WELL),
        (Vec::new(), WELL),
    ] {
        for closes in [true, false] {
            let data = data.clone();
            let port = serve(move |stream| send_data(stream, data.clone(), closes)).await;
            let script = json!([{ "expect": "admin|停止" }]);
            let check = json!({ "type": "tcp", "endpoint_url": format!("127.0.0.1:{port}"), "timeout": "1s" });
            cases.push((with(&check, json!({ "script": script, "invert": true })), expected));
        }
    }
    expect(&cases).await;
}
