//! Endpoints that never stop sending: for each protocol, the ways in which a server can waste a client's time or
//! memory. They send as fast as the client receives, and stop when the client disconnects.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_rustls::TlsAcceptor;

/// How long a name server floods a client after one query. The limit is necessary because a UDP client cannot
/// disconnect.
const PACKETS_FOR: Duration = Duration::from_secs(2);
/// The number of bytes per write.
const BATCH: usize = 64 << 10;

/// Starts an endpoint for each kind of flood, and returns checks of all of them with this timeout. Their titles start
/// with `Flood: `. `server` is a TLS configuration with any certificate.
pub async fn flooding_checks(server: &Arc<ServerConfig>, timeout: &str) -> Vec<Value> {
    let tls = TlsAcceptor::from(Arc::clone(server));
    let http = async |first: &str, repeated: &[u8]| {
        let port = serve_plain(true, first.as_bytes().to_vec(), repeated.to_vec()).await;
        format!("http://127.0.0.1:{port}/")
    };
    let web_socket = async |first: &'static [u8], repeated: &'static [u8]| {
        format!("ws://127.0.0.1:{}/", serve_web_socket(first, repeated).await)
    };
    let ok = "HTTP/1.1 200 OK\r\nConnection: close\r\n";
    let chunked = format!("{ok}Transfer-Encoding: chunked\r\n\r\n");
    let name_servers = [name_server(false).await, name_server(true).await];
    let dns = json!({ "type": "dns", "hostname_fqdn": "shop.example" });
    let smtp = serve_plain(false, Vec::new(), b"220-hello\r\n".to_vec()).await;
    let mut ping = [b'x'; 127];
    (ping[0], ping[1]) = (0x89, 125);
    let floods = [
        ("informational responses", at("http", &http("", b"HTTP/1.1 100 Continue\r\n\r\n").await, json!({}))),
        ("header lines", at("http", &http(ok, b"X-A: b\r\n").await, json!({}))),
        ("a body", at("http", &http(&format!("{ok}\r\n"), b"x").await, json!({ "must_contain": "end" }))),
        ("chunks of one byte", at("http", &http(&chunked, b"1\r\nx\r\n").await, json!({ "must_contain": "end" }))),
        (
            "tiny JSON objects",
            at("http", &http(&json_head(ok), b"{\"\":0},").await, json!({ "assertions": ["[BODY][0].a == 1"] })),
        ),
        ("a redirect to itself", at("http", &redirecting().await, json!({ "max_redirects": 50 }))),
        ("bytes", tcp(serve_plain(false, Vec::new(), vec![b'x']).await, json!({}))),
        ("bytes in separate packets", tcp(serve_packets().await, json!({}))),
        ("bytes over TLS", tcp(serve_tls(tls).await, json!({ "tls": true, "tls_skip_verify": true }))),
        ("greeting lines", at("tls", &format!("127.0.0.1:{smtp}"), json!({ "starttls": "smtp" }))),
        // These are HTTP/2 SETTINGS and PING frames.
        ("settings", at("grpc", &serve_http_2(b"\0\0\0\x04\0\0\0\0\0").await, json!({}))),
        ("HTTP/2 pings", at("grpc", &serve_http_2(b"\0\0\x08\x06\0\0\0\0\0abcdefgh").await, json!({}))),
        ("other answers", at("dns", &name_servers[0], dns.clone())),
        ("an answer over TCP", at("dns", &name_servers[1], dns)),
        ("empty messages", at("websocket", &web_socket(b"", b"\x81\0").await, json!({ "expect": "^end$" }))),
        ("fragments", at("websocket", &web_socket(b"\x01\0", b"\0\0").await, json!({ "expect": "^end$" }))),
        (
            "WebSocket pings",
            at("websocket", &web_socket(b"", Box::leak(Box::new(ping))).await, json!({ "expect": "^end$" })),
        ),
        ("output", json!({ "type": "exec", "command": "yes" })),
    ];
    let titled = |(title, mut check): (&str, Value)| {
        let key = if check["type"] == "exec" { "name" } else { "endpoint_name" };
        check[key] = json!(format!("Flood: {title}"));
        check["timeout"] = json!(timeout);
        check
    };
    floods.into_iter().map(titled).collect()
}

fn at(kind: &str, url: &str, more: Value) -> Value {
    let mut check = json!({ "type": kind, "endpoint_url": url });
    if let (Value::Object(check), Value::Object(more)) = (&mut check, more) {
        check.extend(more);
    }
    check
}

fn tcp(port: u16, more: Value) -> Value {
    let mut check = at("tcp", &format!("127.0.0.1:{port}"), more);
    check["script"] = json!([{ "expect": "end$" }]);
    check
}

/// The head of a response with a body of 1 MiB, which is the default limit, and the start of a JSON array.
fn json_head(ok: &str) -> String {
    format!("{ok}Content-Length: 1048576\r\n\r\n[")
}

/// Starts a server that handles each connection in a separate task, and returns its port.
async fn serve<F: Future<Output = Option<()>> + Send + 'static>(
    handle: impl Fn(TcpStream) -> F + Send + 'static,
) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Handlers fail once the client has enough data and disconnects.
            tokio::spawn(handle(stream));
        }
    });
    port
}

/// Starts a server that sends `first` and then repeats `repeated` indefinitely. If `waits` is set, it waits for a
/// request first.
async fn serve_plain(waits: bool, first: Vec<u8>, repeated: Vec<u8>) -> u16 {
    let (first, batch) = (Arc::new(first), Arc::new(batch(&repeated)));
    serve(move |mut stream| {
        let (first, batch) = (Arc::clone(&first), Arc::clone(&batch));
        async move {
            if waits {
                let _ = stream.read(&mut [0; 4_096]).await;
            }
            stream.write_all(&first).await.ok()?;
            flood(&mut stream, &batch).await
        }
    })
    .await
}

fn batch(repeated: &[u8]) -> Vec<u8> {
    repeated.repeat(BATCH / repeated.len())
}

async fn flood(stream: &mut (impl AsyncWrite + Unpin), batch: &[u8]) -> Option<()> {
    loop {
        stream.write_all(batch).await.ok()?;
    }
}

/// Starts a server that sends one byte at a time, each in a separate packet if the client is fast enough.
async fn serve_packets() -> u16 {
    serve(async |mut stream: TcpStream| {
        stream.set_nodelay(true).ok()?;
        flood(&mut stream, b"x").await
    })
    .await
}

async fn serve_tls(tls: TlsAcceptor) -> u16 {
    serve(move |stream| {
        let tls = tls.clone();
        async move {
            let mut stream = tls.accept(stream).await.ok()?;
            flood(&mut stream, &batch(b"x")).await
        }
    })
    .await
}

/// Starts a server that redirects to the same URL, each time over a new connection.
async fn redirecting() -> String {
    let port = serve(async |mut stream: TcpStream| {
        let _ = stream.read(&mut [0; 4_096]).await;
        stream.write_all(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n").await.ok()
    })
    .await;
    format!("http://127.0.0.1:{port}/")
}

/// Starts a server that sends its HTTP/2 settings and then repeats a frame indefinitely, without reading anything.
async fn serve_http_2(frame: &[u8]) -> String {
    let port = serve_plain(true, b"\0\0\0\x04\0\0\0\0\0".to_vec(), frame.to_vec()).await;
    format!("127.0.0.1:{port}")
}

/// Starts a server that accepts a WebSocket connection, sends `first` and then repeats `repeated` indefinitely, without
/// reading anything.
async fn serve_web_socket(first: &'static [u8], repeated: &'static [u8]) -> u16 {
    serve(move |stream| async move {
        let mut socket = tokio_tungstenite::accept_async(stream).await.ok()?;
        let stream = socket.get_mut();
        stream.write_all(first).await.ok()?;
        flood(stream, &batch(repeated)).await
    })
    .await
}

/// Starts a name server that floods clients: over UDP with answers to a different query, or over TCP after a truncated
/// UDP answer.
async fn name_server(over_tcp: bool) -> String {
    let port = serve(async |mut stream: TcpStream| {
        let _ = stream.read(&mut [0; 4_096]).await;
        stream.write_all(&[0xff, 0xff]).await.ok()?;
        flood(&mut stream, &batch(b"x")).await
    })
    .await;
    let socket = Arc::new(UdpSocket::bind(("127.0.0.1", port)).await.expect("the port is also free for UDP"));
    tokio::spawn(async move {
        let mut query = [0; 4_096];
        while let Ok((count, client)) = socket.recv_from(&mut query).await {
            let mut answer = query[..count].to_vec();
            // The answer is truncated, or has a different name: byte 12, after the header, is the length of the name's
            // first label, and byte 13 is its first letter.
            answer[2] |= 0x80;
            if over_tcp {
                answer[2] |= 0x02;
                let _ = socket.send_to(&answer, client).await;
                continue;
            }
            answer[13] = b'z';
            let (socket, start) = (Arc::clone(&socket), Instant::now());
            tokio::spawn(async move {
                while start.elapsed() < PACKETS_FOR && socket.send_to(&answer, client).await.is_ok() {}
            });
        }
    });
    format!("127.0.0.1:{port}")
}
