//! A proxy in front of an S3 server that injects faults: it delays, truncates, corrupts, repeats or refuses requests. A
//! rule determines the fault for each request.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::faulty_proxy::{forward, name_of, read_request};
use crate::free_port;

/// A fault that the proxy injects into one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreFault {
    /// The response arrives after this delay.
    Delay(Duration),
    /// The response arrives in pieces of this many bytes, with this pause between them, until the client gives up.
    Trickle(usize, Duration),
    /// The connection is closed after this many thousandths of the response.
    Cut(usize),
    /// One bit of the response's body is flipped, at this many thousandths of its length.
    Corrupt(usize),
    /// The server receives the request twice, and the client receives the second response.
    Repeat,
    /// The server handles the request, but the response is lost.
    LoseResponse,
    /// The server does not receive the request, and the client receives this status, such as `503 Slow Down`.
    Refuse(&'static str),
    /// The server does not receive the request, and the client receives status 200 with this body.
    Answer(String),
    /// Requests for missing objects are denied. Some services do that to keys that are not allowed to list the bucket.
    DenyMissing,
    /// The proxy removes the `Content-Encoding` header from the response.
    HideEncoding,
    /// Conditional `PUT` requests fail, as with servers that do not support them.
    RefuseConditions,
}

/// A function that returns the fault for a request, if any. Its arguments are the request's name, such as `GET
/// /bucket/key`, and its number, starting at zero.
pub type Rule = dyn Fn(&str, usize) -> Option<StoreFault> + Send + Sync;

/// A running proxy. Dropping it closes its port and its connections.
pub struct FaultProxy {
    /// The proxy's URL, without a trailing slash.
    pub url: String,
    state: Arc<FaultProxyState>,
    serving: JoinHandle<()>,
}

struct FaultProxyState {
    target: String,
    rule: Mutex<Arc<Rule>>,
    requests: Mutex<Vec<String>>,
}

impl FaultProxy {
    /// Starts a proxy in front of a server such as `http://127.0.0.1:4566`.
    pub async fn start(
        server: &str,
        rule: impl Fn(&str, usize) -> Option<StoreFault> + Send + Sync + 'static,
    ) -> FaultProxy {
        let port = free_port();
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        let target = server.trim_start_matches("http://").to_owned();
        let state =
            Arc::new(FaultProxyState { target, rule: Mutex::new(Arc::new(rule)), requests: Mutex::new(Vec::new()) });
        let shared_state = Arc::clone(&state);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream, Arc::clone(&shared_state)));
            }
        });
        FaultProxy { url: format!("http://127.0.0.1:{port}"), state, serving }
    }

    /// Applies a different rule to all later requests.
    pub fn follow(&self, rule: impl Fn(&str, usize) -> Option<StoreFault> + Send + Sync + 'static) {
        *self.state.rule.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(rule);
    }

    /// Returns the names of all requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.state.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn connection(mut near: TcpStream, state: Arc<FaultProxyState>) {
    let Some((head, body)) = read_request(&mut near).await else { return };
    let name = name_of(&head, &body);
    let number = {
        let mut requests = state.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.push(name.clone());
        requests.len() - 1
    };
    let rule = Arc::clone(&state.rule.lock().unwrap_or_else(PoisonError::into_inner));
    let fault = rule(&name, number);
    let response = match &fault {
        Some(StoreFault::Refuse(status)) => {
            response(status, "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code></Error>")
        }
        Some(StoreFault::Answer(body)) => response("200 OK", body),
        Some(StoreFault::RefuseConditions) if is_conditional_put(&head) => response(
            "501 Not Implemented",
            "<?xml version=\"1.0\"?><Error><Code>NotImplemented</Code><Message>A header implies functionality that is \
             not implemented</Message></Error>",
        ),
        _ => forward(&state.target, &head, &body).await,
    };
    let body_at = response.windows(4).position(|four| four == b"\r\n\r\n").map_or(response.len(), |at| at + 4);
    // Errors are ignored, because the client may have disconnected.
    let _ = match fault {
        Some(StoreFault::Delay(duration)) => {
            tokio::time::sleep(duration).await;
            near.write_all(&response).await
        }
        Some(StoreFault::Trickle(size, interval)) => trickle(&mut near, &response, body_at, size, interval).await,
        Some(StoreFault::Cut(thousandths)) => near.write_all(&response[..response.len() * thousandths / 1_000]).await,
        Some(StoreFault::Corrupt(thousandths)) => {
            let mut response = response;
            let at = body_at + (response.len() - body_at) * thousandths / 1_000;
            if let Some(byte) = response.get_mut(at) {
                *byte ^= 1;
            }
            near.write_all(&response).await
        }
        Some(StoreFault::Repeat) => near.write_all(&forward(&state.target, &head, &body).await).await,
        Some(StoreFault::LoseResponse) => Ok(()),
        Some(StoreFault::DenyMissing) if response.starts_with(b"HTTP/1.1 404") => {
            let denied =
                "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
            near.write_all(&self::response("403 Forbidden", denied)).await
        }
        Some(StoreFault::HideEncoding) => {
            let head = String::from_utf8_lossy(&response[..body_at]).into_owned();
            let is_encoding = |line: &&str| line.to_ascii_lowercase().starts_with("content-encoding:");
            let lines: Vec<&str> = head.trim_end().lines().filter(|line| !is_encoding(line)).collect();
            let head = format!("{}\r\n\r\n", lines.join("\r\n"));
            near.write_all(&[head.as_bytes(), &response[body_at..]].concat()).await
        }
        None
        | Some(
            StoreFault::Refuse(_) | StoreFault::Answer(_) | StoreFault::DenyMissing | StoreFault::RefuseConditions,
        ) => near.write_all(&response).await,
    };
    let _ = near.shutdown().await;
}

fn is_conditional_put(head: &str) -> bool {
    head.starts_with("PUT") && head.to_ascii_lowercase().contains("\r\nif-none-match:")
}

/// Sends the head of the response immediately, and the body in pieces.
async fn trickle(
    near: &mut TcpStream,
    response: &[u8],
    body_at: usize,
    size: usize,
    interval: Duration,
) -> std::io::Result<()> {
    near.write_all(&response[..body_at]).await?;
    for piece in response[body_at..].chunks(size.max(1)) {
        near.write_all(piece).await?;
        tokio::time::sleep(interval).await;
    }
    Ok(())
}

fn response(status: &str, body: &str) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nConnection: close");
    format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Returns a rule that injects faults into about a third of all requests. The seed determines which requests and which
/// faults.
pub fn by_seed(seed: u64) -> impl Fn(&str, usize) -> Option<StoreFault> + Send + Sync {
    move |name, number| {
        let random = hash(seed.wrapping_mul(1_000_003).wrapping_add(number as u64));
        if !random.is_multiple_of(3) {
            return None;
        }
        let part = (random >> 16) as usize % 1_000;
        // Only compressed objects and XML reveal a flipped bit, by their checksum or grammar. For other bodies, only
        // TLS would detect it, but these tests do not use TLS.
        let is_checked = name.starts_with("GET") && name.contains("/history/");
        Some(match (random >> 8) % 9 {
            0 => StoreFault::Delay(Duration::from_millis(part as u64)),
            1 => StoreFault::Delay(Duration::from_millis(2_000 + part as u64)),
            2 => StoreFault::Trickle(64, Duration::from_millis(50)),
            3 => StoreFault::Cut(part),
            4 if is_checked => StoreFault::Corrupt(part),
            4 | 5 => StoreFault::Repeat,
            6 => StoreFault::LoseResponse,
            7 => StoreFault::Refuse("503 Slow Down"),
            _ => StoreFault::Refuse("500 Internal Server Error"),
        })
    }
}

/// Returns a pseudorandom number: one step of splitmix64.
#[must_use]
pub fn hash(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}
