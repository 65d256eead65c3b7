//! Local servers that behave like healthy or failing endpoints. Each has one behavior at a time and records the
//! requests that it receives.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::free_port;

/// How an endpoint responds to a request.
#[derive(Debug, Clone)]
pub enum Behavior {
    /// Responds with a status line such as `503 Service Unavailable` and a body.
    Answer(&'static str, String),
    AnswerAfter(Duration, &'static str, String),
    Redirect(String),
    /// Reads the request and never responds.
    Hang,
    /// Sends half of the body and then resets the connection.
    ResetInTheMiddle,
    /// Closes the connection without sending a response.
    Close,
    Gibberish,
    EndlessBody,
}

impl Behavior {
    #[must_use]
    pub fn ok() -> Behavior {
        Behavior::Answer("200 OK", "all is well".to_owned())
    }
}

/// A running endpoint. Dropping it closes its port.
#[derive(Debug)]
pub struct Endpoint {
    /// The endpoint's URL, with a trailing slash.
    pub url: String,
    state: Arc<EndpointState>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct EndpointState {
    behavior: Mutex<Behavior>,
    requests: Mutex<Vec<String>>,
    given_up: AtomicUsize,
}

/// Returns a URL that refuses connections.
#[must_use]
pub fn refused() -> String {
    format!("http://127.0.0.1:{}/", free_port())
}

impl Endpoint {
    /// Starts an endpoint over plain HTTP.
    pub async fn start(behavior: Behavior) -> Endpoint {
        Endpoint::serve("http", free_port(), behavior, None).await
    }

    /// Starts a plain HTTP endpoint on this port.
    pub async fn start_at(port: u16, behavior: Behavior) -> Endpoint {
        Endpoint::serve("http", port, behavior, None).await
    }

    /// Starts an endpoint over TLS. The host in its URL is `127.0.0.1`.
    pub async fn start_tls(behavior: Behavior, server: Arc<ServerConfig>) -> Endpoint {
        Endpoint::serve("https", free_port(), behavior, Some(TlsAcceptor::from(server))).await
    }

    async fn serve(scheme: &str, port: u16, behavior: Behavior, tls: Option<TlsAcceptor>) -> Endpoint {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        let state = Arc::new(EndpointState {
            behavior: Mutex::new(behavior),
            requests: Mutex::default(),
            given_up: AtomicUsize::new(0),
        });
        let shared_state = Arc::clone(&state);
        let serving = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                tokio::spawn(connection(stream, tls.clone(), Arc::clone(&shared_state)));
            }
        });
        Endpoint { url: format!("{scheme}://127.0.0.1:{port}/"), state, serving }
    }

    pub fn behave(&self, behavior: Behavior) {
        *lock(&self.state.behavior) = behavior;
    }

    /// Returns all requests so far, each with head and body as received.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        lock(&self.state.requests).clone()
    }

    /// Returns how many clients have given up waiting for a response.
    #[must_use]
    pub fn given_up(&self) -> usize {
        self.state.given_up.load(Ordering::Relaxed)
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, state: Arc<EndpointState>) {
    // Errors are ignored, because clients can disconnect. Tests check what the checker reports.
    match tls {
        None => {
            let mut stream = stream;
            if answer(&mut stream, &state).await == Ending::Reset {
                let _ = stream.set_zero_linger();
            }
        }
        Some(tls) => {
            let Ok(mut stream) = tls.accept(stream).await else { return };
            if answer(&mut stream, &state).await == Ending::Reset {
                let _ = stream.get_ref().0.set_zero_linger();
            } else {
                let _ = stream.shutdown().await;
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Orderly,
    Reset,
}

async fn answer(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), state: &EndpointState) -> Ending {
    let Some(request) = read_request(stream).await else { return Ending::Orderly };
    lock(&state.requests).push(request);
    let behavior = lock(&state.behavior).clone();
    let response = match behavior {
        Behavior::Answer(status, body) => response(status, "", &body),
        Behavior::AnswerAfter(delay, status, body) => {
            tokio::time::sleep(delay).await;
            response(status, "", &body)
        }
        Behavior::Redirect(to) => response("302 Found", &format!("Location: {to}\r\n"), ""),
        Behavior::Hang => {
            // This read ends when the client gives up.
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
            state.given_up.fetch_add(1, Ordering::Relaxed);
            return Ending::Orderly;
        }
        Behavior::ResetInTheMiddle => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly the beg").await;
            let _ = stream.flush().await;
            return Ending::Reset;
        }
        Behavior::Close => return Ending::Orderly,
        Behavior::Gibberish => "SSH-2.0-OpenSSH_9.2\r\n".to_owned(),
        Behavior::EndlessBody => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").await;
            while stream.write_all(&[b'x'; 8_192]).await.is_ok() {}
            return Ending::Orderly;
        }
    };
    let _ = stream.write_all(response.as_bytes()).await;
    let _ = stream.flush().await;
    Ending::Orderly
}

fn response(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

/// Reads the head of a request, and a body of the length that the head announces.
async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && body.len() >= announced_length(head)
        {
            return Some(text);
        }
        let mut buffer = [0; 4_096];
        match stream.read(&mut buffer).await {
            Ok(count) if count > 0 => request.extend_from_slice(&buffer[..count]),
            _ => return None,
        }
    }
}

fn announced_length(head: &str) -> usize {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, length)| length.trim().parse().ok())
        .unwrap_or(0)
}
