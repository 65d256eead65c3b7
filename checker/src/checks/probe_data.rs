//! The data that an attempt collects about an endpoint. Assertions examine it, and `checker explain` shows it.

use std::net::SocketAddr;

use reqwest::header::HeaderMap;
use rustls::pki_types::CertificateDer;
use shared::Nanos;

use super::body_text::{BodyText, TextFacts};
use super::searched_text::{OutputStream, SearchedText};

/// The data of one attempt. Fields that do not apply to the kind of check, or were not captured, are empty.
#[derive(Debug, Clone, Default)]
pub struct ProbeData {
    /// Why the endpoint is degraded although the attempt succeeded.
    pub warning: Option<String>,
    /// The status code of a response, or the exit status of a command.
    pub status: Option<i64>,
    /// The headers of a response.
    pub headers: Option<HeaderMap>,
    /// The body of a response, or the output of a command, up to its limit. Content encodings are decoded, and text in
    /// a declared charset is converted to UTF-8. Bytes that are not valid in the body's charset stay invalid.
    pub body: Option<Vec<u8>>,
    /// Details about a body that was converted to UTF-8 or could not be decoded.
    pub encoded: Option<Box<EncodedBody>>,
    /// Facts about the text of `body`, unless it is plain text in a charset that is not declared. Text in such a
    /// charset, for example the output of a command, is not converted in `body`.
    pub facts: Option<Box<TextFacts>>,
    /// The output streams of a command, if it wrote to both.
    pub streams: Vec<OutputStream>,
    /// A clause that states which part of the body was read, if not all of it.
    pub truncation: Option<String>,
    /// Whether the body may be complete even though `truncation` is set.
    pub may_be_complete: bool,
    /// The time until the first certificate on the verified path expires, or, without verification, until the server's
    /// certificate expires. It is negative once the certificate has expired.
    pub certificate_expires_in: Option<Nanos>,
    /// The certificates that the server presented, starting with the server's certificate.
    pub certificates: Vec<CertificateDer<'static>>,
    /// The time since the last heartbeat.
    pub heartbeat_age: Option<Nanos>,
    /// The target of a redirect that was not followed.
    pub redirect: Option<String>,
    /// The addresses that the probe tried to connect to.
    pub attempted: Vec<SocketAddr>,
    pub peer: Option<SocketAddr>,
}

/// A body that was converted to UTF-8, or could not be decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EncodedBody {
    /// The length of the decoded body before it was converted to UTF-8, in bytes.
    pub size: usize,
    /// Why the body could not be decoded, as a complete clause.
    pub undecoded: Option<String>,
    /// Why the body's text could not be converted to UTF-8, as a complete clause.
    pub unknown_charset: Option<String>,
}

impl ProbeData {
    /// Returns the body in all forms in which it can contain text.
    #[must_use]
    pub fn text(&self) -> Option<BodyText<'_>> {
        self.body.as_deref().map(|body| BodyText::new(body, self.facts.as_deref()))
    }

    /// Returns the body as it is searched.
    #[must_use]
    pub fn searched_text(&self) -> Option<SearchedText<'_>> {
        let body = self.body.as_deref()?;
        Some(SearchedText::new(body, self.facts.as_deref(), &self.streams))
    }

    /// Returns the number of bytes that were received: the length of the body before it was converted to UTF-8, or of
    /// all output streams.
    #[must_use]
    pub fn body_size(&self, body: &[u8]) -> usize {
        match &self.encoded {
            Some(encoded) => encoded.size,
            None if self.streams.is_empty() => body.len(),
            None => self.streams.iter().map(OutputStream::size).sum(),
        }
    }

    /// Returns the reason why the body's text is unknown, if there is one.
    #[must_use]
    pub fn unreadable(&self) -> Option<&str> {
        let encoded = self.encoded.as_ref()?;
        encoded.undecoded.as_deref().or(encoded.unknown_charset.as_deref())
    }
}

/// The data to capture in addition to what determines the outcome of an attempt. Each field costs time or memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capture {
    /// Whether to capture the response headers.
    pub headers: bool,
    /// Whether to capture the response body.
    pub body: bool,
    /// Whether to capture everything that is known when the attempt ends, even if it fails, for `checker explain`.
    pub diagnostics: bool,
}

impl Capture {
    /// Combines two sets. The result captures everything that either of them captures.
    #[must_use]
    pub fn union(self, other: Capture) -> Capture {
        Capture {
            headers: self.headers || other.headers,
            body: self.body || other.body,
            diagnostics: self.diagnostics || other.diagnostics,
        }
    }
}
