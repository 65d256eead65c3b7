//! A server that sends exactly the bytes that a test chooses, and then closes, resets or keeps the connection.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, yield_now};

/// The reaction to a request.
#[derive(Debug, Clone)]
pub struct RawResponse {
    pub bytes: Vec<u8>,
    /// The maximum number of bytes in each write.
    pub piece: usize,
    pub ending: RawEnding,
}

/// How a connection continues after the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RawEnding {
    Close,
    Reset,
    /// Sends nothing else, and waits until the client closes the connection.
    Hold,
}

/// A running server. Dropping it closes its port.
#[derive(Debug)]
pub struct RawServer {
    serving: JoinHandle<()>,
}

impl RawServer {
    /// Starts a server on this port. `respond` receives the head of each request.
    pub async fn start(port: u16, respond: impl Fn(&str) -> RawResponse + Send + Sync + 'static) -> RawServer {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        let respond = Arc::new(respond);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let respond = Arc::clone(&respond);
                // Errors are ignored, because clients can disconnect at any time.
                tokio::spawn(async move { connection(stream, &*respond).await });
            }
        });
        RawServer { serving }
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn connection(mut stream: TcpStream, respond: &(impl Fn(&str) -> RawResponse + Send + Sync)) -> Option<()> {
    // The pieces of a response are separate packets.
    stream.set_nodelay(true).ok()?;
    let response = respond(&read_head(&mut stream).await?);
    for piece in response.bytes.chunks(response.piece.max(1)) {
        stream.write_all(piece).await.ok()?;
        yield_now().await;
    }
    match response.ending {
        RawEnding::Close => {}
        RawEnding::Reset => stream.set_zero_linger().ok()?,
        RawEnding::Hold => while stream.read(&mut [0; 1_024]).await.ok()? > 0 {},
    }
    Some(())
}

async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let count = stream.read_buf(&mut head).await.ok()?;
        // Like real web servers, this one closes a connection on which a client starts TLS.
        if count == 0 || !head.first().is_some_and(u8::is_ascii_uppercase) {
            return None;
        }
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}
