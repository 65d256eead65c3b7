//! The HTTP version that a check uses, and what earlier attempts learned about the server.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The HTTP version that a check uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HttpVersion {
    /// HTTP/1.1, or HTTP/2 if the server accepts nothing else in the TLS handshake.
    #[default]
    Auto,
    Http1,
    Http2,
}

impl HttpVersion {
    /// The names of the versions in a configuration.
    pub const NAMES: &[&str] = &["auto", "1.1", "2"];

    #[must_use]
    pub fn from_name(name: &str) -> Option<HttpVersion> {
        match name {
            "auto" => Some(HttpVersion::Auto),
            "1.1" => Some(HttpVersion::Http1),
            "2" => Some(HttpVersion::Http2),
            _ => None,
        }
    }
}

/// Properties of a server that earlier attempts discovered, so that later ones need only one connection.
#[derive(Debug, Default)]
pub struct ServerTraits {
    /// Whether the server sends heads that only a lenient parser accepts.
    pub(super) needs_leniency: AtomicBool,
    /// Whether the server refuses HTTP/1.1 in the TLS handshake.
    pub(super) refuses_http1: AtomicBool,
}

impl Clone for ServerTraits {
    fn clone(&self) -> ServerTraits {
        let copy = |flag: &AtomicBool| AtomicBool::new(flag.load(Relaxed));
        ServerTraits { needs_leniency: copy(&self.needs_leniency), refuses_http1: copy(&self.refuses_http1) }
    }
}
