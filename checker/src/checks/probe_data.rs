//! What an attempt saw of an endpoint: what assertions look at, and what `checker explain` shows.

use std::net::SocketAddr;

use reqwest::header::HeaderMap;
use rustls::pki_types::CertificateDer;
use shared::Nanos;

/// What an attempt saw. What a kind of check does not know, or was not asked for, is not there.
#[derive(Debug, Clone, Default)]
pub struct ProbeData {
    /// What is not as it should be, though the attempt did not fail.
    pub warning: Option<String>,
    /// The status code of a response, or the exit status of a command.
    pub status: Option<i64>,
    /// The headers of a response.
    pub headers: Option<HeaderMap>,
    /// The body of a response, or the output of a command, as far as it was read.
    pub body: Option<Vec<u8>>,
    /// Which part of it that is, as a sentence, if it is not all of it.
    pub truncation: Option<String>,
    /// How long it takes until the certificate expires.
    pub certificate_expires_in: Option<Nanos>,
    /// The certificates that the server showed, its own first.
    pub certificates: Vec<CertificateDer<'static>>,
    /// How long ago the last heartbeat came.
    pub heartbeat_age: Option<Nanos>,
    /// Where a redirect leads.
    pub redirect: Option<String>,
    /// The addresses that connections were tried to.
    pub attempted: Vec<SocketAddr>,
    /// The address that was talked to.
    pub peer: Option<SocketAddr>,
}

/// What an attempt has to look at besides what it needs for itself, since it costs time or memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a thing to look at, apart from the others")]
pub struct Capture {
    /// The head of a response.
    pub headers: bool,
    /// The body of a response.
    pub body: bool,
    /// The server's certificate.
    pub certificate: bool,
    /// All of it, also when the attempt fails; only who explains an attempt wants that.
    pub diagnostics: bool,
}

impl Capture {
    /// Both what one and what the other wants.
    #[must_use]
    pub fn union(self, other: Capture) -> Capture {
        Capture {
            headers: self.headers || other.headers,
            body: self.body || other.body,
            certificate: self.certificate || other.certificate,
            diagnostics: self.diagnostics || other.diagnostics,
        }
    }
}
