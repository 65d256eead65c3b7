//! A proxy in front of an S3 and IAM server that imitates other services' responses to selected requests.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::faulty_proxy::{forward, name_of, read_request};
use crate::free_port;

/// How the proxy responds to a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Forwards the request to the server behind the proxy.
    Forwarded,
    /// Responds with this status line and body, without contacting the server behind the proxy.
    Scripted(&'static str, String),
    /// Forwards the request, and replaces one string in the response's body.
    Replaced(&'static str, String),
}

/// A running proxy. Dropping it closes its port.
#[derive(Debug)]
pub struct QuirkyService {
    /// The proxy's URL, without a trailing slash.
    pub url: String,
    requests: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl QuirkyService {
    /// Starts a proxy in front of a server. `script` returns the reply to each request. Its arguments are the request's
    /// name (method and path, or the action of an IAM call) and the request's body.
    pub async fn start(server: &str, script: impl Fn(&str, &str) -> Reply + Send + Sync + 'static) -> QuirkyService {
        let port = free_port();
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        let target = server.trim_start_matches("http://").to_owned();
        let (script, requests) = (Arc::new(script), Arc::<Mutex<Vec<String>>>::default());
        let received = Arc::clone(&requests);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, target, requests) = (Arc::clone(&script), target.clone(), Arc::clone(&received));
                tokio::spawn(async move { connection(stream, &target, &*script, &requests).await });
            }
        });
        QuirkyService { url: format!("http://127.0.0.1:{port}"), requests, serving }
    }

    /// Returns all requests so far: method and path, or the action of IAM calls.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for QuirkyService {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn connection(
    mut near: TcpStream,
    target: &str,
    script: &(impl Fn(&str, &str) -> Reply + Send + Sync),
    requests: &Mutex<Vec<String>>,
) {
    let Some((head, body)) = read_request(&mut near).await else { return };
    let name = name_of(&head, &body);
    requests.lock().unwrap_or_else(PoisonError::into_inner).push(name.clone());
    let answer = match script(&name, &String::from_utf8_lossy(&body)) {
        Reply::Forwarded => forward(target, &head, &body).await,
        Reply::Scripted(status, text) => response(status, &text),
        Reply::Replaced(old, new) => {
            let answer = String::from_utf8_lossy(&forward(target, &head, &body).await).into_owned();
            let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
            let status = answer.lines().next().unwrap_or_default().trim_start_matches("HTTP/1.1 ").to_owned();
            response(&status, &body.replace(old, &new))
        }
    };
    // Errors are ignored, because the client may have disconnected.
    let _ = near.write_all(&answer).await;
    let _ = near.shutdown().await;
}

fn response(status: &str, body: &str) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nConnection: close");
    format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
