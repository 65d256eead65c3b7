//! A proxy in front of an HTTP server that makes selected requests fail, before or after the server handles them.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::free_port;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The proxy responds with an internal error, and the server does not receive the request.
    Refused,
    /// The client receives no response, and the server does not receive the request.
    Unheard,
    /// The server handles the request, but the response is lost.
    AnswerLost,
}

/// The requests that fail. Requests are numbered from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Never,
    Once(usize, Fault),
    /// The request with this number and all later ones fail. The server does not receive the later ones.
    From(usize, Fault),
    /// All requests to IAM fail: the proxy responds like a service without IAM.
    IamIsUnknown,
    /// Deletions fail if the object's key contains this string. Each object in a batch is denied separately, as on AWS.
    /// The test server itself can only allow or deny a whole batch.
    UndeletableKeys(&'static str),
}

/// A running proxy. Dropping it closes its port.
#[derive(Debug)]
pub struct FaultyProxy {
    /// The proxy's URL, without a trailing slash.
    pub url: String,
    state: Arc<ProxyState>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct ProxyState {
    target: String,
    when: Mutex<When>,
    requests: Mutex<Vec<String>>,
}

impl FaultyProxy {
    /// Starts a proxy in front of a server such as `http://127.0.0.1:4566`. Initially, all requests succeed.
    pub async fn start(server: &str) -> FaultyProxy {
        let port = free_port();
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        let target = server.trim_start_matches("http://").to_owned();
        let state = Arc::new(ProxyState { target, when: Mutex::new(When::Never), requests: Mutex::default() });
        let shared_state = Arc::clone(&state);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream, Arc::clone(&shared_state)));
            }
        });
        FaultyProxy { url: format!("http://127.0.0.1:{port}"), state, serving }
    }

    /// Starts a proxy that makes a server appear to have no IAM.
    pub async fn without_iam(server: &str) -> FaultyProxy {
        let proxy = FaultyProxy::start(server).await;
        proxy.fail(When::IamIsUnknown);
        proxy
    }

    /// Makes these requests fail from now on, and restarts the numbering at one.
    pub fn fail(&self, when: When) {
        lock(&self.state.requests).clear();
        *lock(&self.state.when) = when;
    }

    /// Returns the requests since the last call to `fail`: method and path, or the action of IAM calls.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        lock(&self.state.requests).clone()
    }
}

impl Drop for FaultyProxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn connection(mut near: TcpStream, state: Arc<ProxyState>) {
    let Some((head, body)) = read_request(&mut near).await else { return };
    let name = name_of(&head, &body);
    if *lock(&state.when) == When::IamIsUnknown && !name.contains('/') {
        let body =
            "<?xml version=\"1.0\"?><Error><Code>MethodNotAllowed</Code><Message>not allowed here</Message></Error>";
        let head = "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: application/xml\r\nConnection: close";
        let answer = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let _ = near.write_all(answer.as_bytes()).await;
        return;
    }
    let when = *lock(&state.when);
    if let When::UndeletableKeys(text) = when
        && name.ends_with("?delete")
    {
        lock(&state.requests).push(name);
        let _ = near.write_all(&delete_all_but(text, &state.target, &head, &body).await).await;
        let _ = near.shutdown().await;
        return;
    }
    let number = {
        let mut requests = lock(&state.requests);
        requests.push(name);
        requests.len()
    };
    let fault = match *lock(&state.when) {
        When::Once(failing, fault) | When::From(failing, fault) if number == failing => Some(fault),
        When::From(failing, _) if number > failing => Some(Fault::Unheard),
        _ => None,
    };
    match fault {
        Some(Fault::Unheard) => {}
        Some(Fault::Refused) => {
            let body = "<?xml version=\"1.0\"?><ErrorResponse><Error><Code>InternalError</Code><Message>try again</Message></Error></ErrorResponse>";
            let head = "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/xml\r\nConnection: close";
            let answer = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            let _ = near.write_all(answer.as_bytes()).await;
        }
        Some(Fault::AnswerLost) => drop(forward(&state.target, &head, &body).await),
        None => {
            // Errors are ignored, because the client may have disconnected.
            let _ = near.write_all(&forward(&state.target, &head, &body).await).await;
        }
    }
    let _ = near.shutdown().await;
}

/// Deletes the objects in a batch, except for those whose keys contain a string. The response has AWS's error for
/// these.
async fn delete_all_but(text: &str, target: &str, head: &str, body: &[u8]) -> Vec<u8> {
    let body = String::from_utf8_lossy(body);
    let mut kept = body.to_string();
    let mut errors = String::new();
    for rest in body.split("<Object>").skip(1) {
        let (object, _) = rest.split_once("</Object>").expect("the batch is complete");
        if object.contains(text) {
            let whole = format!("<Object>{object}</Object>");
            // The signature covers the length, so the length must not change.
            kept = kept.replacen(&whole, &" ".repeat(whole.len()), 1);
            write!(errors, "<Error>{object}<Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
                .expect("a string can grow");
        }
    }
    if kept.contains("<Object>") {
        let answer = forward(target, head, kept.as_bytes()).await;
        if !answer.starts_with(b"HTTP/1.1 200") {
            return answer;
        }
    }
    let result = format!("<?xml version=\"1.0\"?><DeleteResult>{errors}</DeleteResult>");
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nConnection: close";
    format!("{head}\r\nContent-Length: {}\r\n\r\n{result}", result.len()).into_bytes()
}

/// Sends a request over a new connection, and returns the server's complete response.
pub(crate) async fn forward(target: &str, head: &str, body: &[u8]) -> Vec<u8> {
    let mut far = TcpStream::connect(target).await.expect("the server listens");
    let lines = head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let head = lines.collect::<Vec<_>>().join("\r\n");
    far.write_all(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes()).await.expect("the server reads");
    far.write_all(body).await.expect("the server reads");
    let mut answer = Vec::new();
    // Some servers reset the connection after their response.
    let _ = far.read_to_end(&mut answer).await;
    answer
}

pub(crate) async fn read_request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut request = Vec::new();
    loop {
        if let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&request[..end]).into_owned();
            if head.to_ascii_lowercase().contains("expect: 100-continue") && request.len() == end + 4 {
                stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.ok()?;
            }
            if request.len() >= end + 4 + announced_length(&head) {
                return Some((head, request.split_off(end + 4)));
            }
        }
        let mut buffer = [0; 4_096];
        match stream.read(&mut buffer).await {
            Ok(count) if count > 0 => request.extend_from_slice(&buffer[..count]),
            _ => return None,
        }
    }
}

fn announced_length(head: &str) -> usize {
    let headers = head.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = headers.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    lengths.next().and_then(|(_, length)| length.trim().parse().ok()).unwrap_or(0)
}

/// Returns a name for a request: `GET /bucket?cors`, or `CreateUser` for an IAM call.
pub(crate) fn name_of(head: &str, body: &[u8]) -> String {
    let line = head.lines().next().unwrap_or_default();
    let request = line.rsplit_once(' ').map_or(line, |(request, _)| request).to_owned();
    let body = String::from_utf8_lossy(body);
    let action = body.split('&').find_map(|parameter| parameter.strip_prefix("Action="));
    action.map_or(request, str::to_owned)
}
