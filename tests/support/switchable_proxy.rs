//! A proxy that forwards to a server while it is open and refuses connections while it is closed, like a network that
//! fails and recovers.

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::{free_port, wait_for};

/// A proxy in front of a server. It is either open or closed.
#[derive(Debug)]
pub struct SwitchableProxy {
    /// The proxy's URL, without a trailing slash.
    pub url: String,
    port: u16,
    target: String,
    forwarding: Option<JoinHandle<()>>,
}

impl SwitchableProxy {
    /// Creates a proxy in front of a server such as `http://127.0.0.1:4566`. It refuses connections until it is opened.
    #[must_use]
    pub fn new(server: &str) -> SwitchableProxy {
        SwitchableProxy::with_port(free_port(), server)
    }

    /// Creates a proxy on this port. It refuses connections until it is opened.
    #[must_use]
    pub fn with_port(port: u16, server: &str) -> SwitchableProxy {
        let target = server.trim_start_matches("http://").to_owned();
        SwitchableProxy { url: format!("http://127.0.0.1:{port}"), port, target, forwarding: None }
    }

    /// Binds the port, and forwards connections to the server until the proxy is closed.
    pub async fn open(&mut self) {
        let bind = || async { TcpListener::bind(("127.0.0.1", self.port)).await.ok() };
        let listener = wait_for("the proxy's port", bind).await;
        let target = self.target.clone();
        self.forwarding = Some(tokio::spawn(async move {
            // Dropping the set of tasks closes the connections.
            let mut connections = JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                let target = target.clone();
                connections.spawn(async move {
                    if let Ok(mut far) = TcpStream::connect(target).await {
                        let _ = copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        }));
    }

    /// Closes all connections and refuses new ones.
    pub fn close(&mut self) {
        if let Some(forwarding) = self.forwarding.take() {
            forwarding.abort();
        }
    }
}

impl Drop for SwitchableProxy {
    fn drop(&mut self) {
        self.close();
    }
}
