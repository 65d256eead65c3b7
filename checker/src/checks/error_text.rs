//! Turns a library's error chain into a description of why an attempt failed, in terms of the endpoint.

use std::error::Error;
use std::io::{self, ErrorKind};

use crate::platform::fd_limit;
use crate::sanitize::sanitize_for_terminal;
use crate::tls_error;

/// The error for an attempt that reached the open file limit. [`super::attempt`] turns it into a skipped check, because
/// the endpoint is not at fault.
pub(super) const TOO_MANY_OPEN_FILES: &str = "too many open files";

/// The limit of 408 KiB comes from hyper.
const HEAD_TOO_LARGE: &str = "response head is too large: more than 5,000 headers, or more than 408 KiB";

const CLOSED_EARLY: &str = "connection closed by the server before the response was complete";

const NETWORK_UNREACHABLE: &str = "network unreachable";
const NO_LOCAL_ADDRESS: &str = "no local address available";
const NOT_PERMITTED: &str = "connection not permitted on this machine";

/// Returns whether an error was caused by this machine rather than the endpoint.
pub(super) fn is_local(error: &str) -> bool {
    matches!(error, NETWORK_UNREACHABLE | NO_LOCAL_ADDRESS | NOT_PERMITTED)
}

/// Describes the first error in the chain that has a known description. Otherwise, returns the text of the last error.
pub(super) fn describe_error(error: &(dyn Error + 'static)) -> String {
    let mut fallback = error.to_string();
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(description) = describe_cause(error) {
            return description;
        }
        fallback = error.to_string();
        cause = error.source();
    }
    fallback
}

/// Formats the start of the data as a single line of text.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    const LIMIT: usize = 120;
    sanitize_for_terminal(&String::from_utf8_lossy(&bytes[..bytes.len().min(4 * LIMIT)]), LIMIT)
}

fn describe_cause(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(tls_error::describe(error));
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return describe_http_error(error);
    }
    let error = error.downcast_ref::<io::Error>()?;
    // The source chain of an `io::Error` skips its inner error.
    if let Some(inner) = error.get_ref() {
        let inner: &(dyn Error + 'static) = inner;
        if let Some(description) = describe_cause(inner) {
            return Some(description);
        }
    }
    describe_io_error(error)
}

fn describe_http_error(error: &hyper::Error) -> Option<String> {
    if error.is_incomplete_message() {
        Some(CLOSED_EARLY.to_owned())
    } else if error.is_parse_too_large() {
        Some(HEAD_TOO_LARGE.to_owned())
    } else if error.is_parse() {
        // hyper's error kinds are private, so compare messages.
        let description = match error.to_string().as_str() {
            "invalid content-length parsed" => "response has an invalid `Content-Length` header",
            "unexpected transfer-encoding parsed" => {
                "response has a `Transfer-Encoding` header, which HTTP/1.0 does not allow"
            }
            "invalid HTTP status-code parsed" => {
                "response has an invalid status code: expected a number from 100 to 999"
            }
            "invalid HTTP header parsed" => "response has an invalid header",
            _ => "server does not speak HTTP",
        };
        Some(description.to_owned())
    } else {
        None
    }
}

pub(super) fn describe_lookup_error(error: &io::Error, host: &str) -> String {
    if fd_limit::is_limit_error(error) || fd_limit::is_limit_reached() {
        return TOO_MANY_OPEN_FILES.to_owned();
    }
    let reason = error.to_string();
    if reason.contains("not known") || reason.contains("No address") {
        format!("no such host `{host}`")
    } else {
        let reason = reason.trim_start_matches("failed to lookup address information: ").to_owned();
        format!("failed to resolve `{host}`: {reason}")
    }
}

fn describe_io_error(error: &io::Error) -> Option<String> {
    if fd_limit::is_limit_error(error) {
        return Some(TOO_MANY_OPEN_FILES.to_owned());
    }
    if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::InvalidInput) && error.get_ref().is_some() {
        return Some(format!("response is malformed: {}", lowercase_first(&error.to_string())));
    }
    Some(
        match error.kind() {
            ErrorKind::ConnectionRefused => "connection refused",
            ErrorKind::ConnectionReset => "connection reset by the server",
            ErrorKind::ConnectionAborted => "connection aborted",
            ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof => CLOSED_EARLY,
            ErrorKind::HostUnreachable => "host unreachable",
            ErrorKind::NetworkUnreachable => NETWORK_UNREACHABLE,
            ErrorKind::AddrNotAvailable => NO_LOCAL_ADDRESS,
            ErrorKind::TimedOut => "connection timed out",
            ErrorKind::PermissionDenied => NOT_PERMITTED,
            _ => return None,
        }
        .to_owned(),
    )
}

/// Lowercases the first letter so that the text can continue a sentence.
pub(super) fn lowercase_first(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase()).into_iter();
    first.chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use crate::checks::error_text::*;
    use rustls::CertificateError;

    #[test]
    fn io_errors_are_described() {
        assert_eq!(describe_io_error(&ErrorKind::ConnectionRefused.into()).as_deref(), Some("connection refused"));
        assert_eq!(describe_io_error(&ErrorKind::Other.into()), None);
    }

    #[test]
    fn a_wrapped_tls_error_is_described() {
        let wrapped =
            io::Error::new(ErrorKind::InvalidData, rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer));
        assert_eq!(
            describe_cause(&wrapped).as_deref(),
            Some(
                "certificate is signed by an untrusted authority, or the server does not send an intermediate certificate"
            )
        );
    }
}
