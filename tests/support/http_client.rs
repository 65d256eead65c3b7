//! A plain HTTP client for tests of a response's status, headers and bytes.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Creates a client that does not follow redirects, decompress bodies or use a proxy.
#[must_use]
pub fn client() -> reqwest::Client {
    // These tests do not use TLS, but a client with TLS support needs a provider. Repeated calls have no effect.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(30))
        .build()
        .expect("a client without TLS needs nothing")
}

#[derive(Debug, Clone)]
pub struct HttpResponse {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// Returns a header's value, or an empty string if the header is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

pub async fn get(url: &str) -> HttpResponse {
    get_with(url, &[]).await
}

/// Sends a GET request with these headers.
pub async fn get_with(url: &str, headers: &[(&str, &str)]) -> HttpResponse {
    let mut request = client().get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(request).await
}

/// Sends a request and reads the complete response.
pub async fn send(request: reqwest::RequestBuilder) -> HttpResponse {
    let response = request.send().await.expect("the server answers");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.bytes().await.expect("the body is complete").to_vec();
    HttpResponse { status, headers, body }
}

/// Whether a server responds at this URL.
pub async fn is_reachable(url: &str) -> bool {
    client().get(url).send().await.is_ok()
}

/// Requests a path exactly as written, without the normalization that HTTP clients perform. `url` ends with a slash.
pub async fn get_as_spelled(url: &str, path: &str) -> String {
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("the server reads");
    let mut answer = Vec::new();
    // A server can reset the connection after refusing a request. The test uses what was received before the reset.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}
