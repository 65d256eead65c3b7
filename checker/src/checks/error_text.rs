//! Turns a library's error chain into a description of why an attempt failed, in terms of the endpoint.

use std::error::Error;
use std::io::{self, ErrorKind};

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError};
use shared::{Nanos, SECOND, duration};

use crate::platform::fd_limit;
use crate::sanitize::sanitize_for_terminal;

/// The error of an attempt that reached the open file limit. [`super::attempt`] turns it into a skipped check, because
/// the endpoint is not at fault.
pub(super) const TOO_MANY_OPEN_FILES: &str = "too many open files";

/// The limits are hyper's defaults for HTTP/1.
const HEAD_TOO_LARGE: &str = "response head is too large: more than 100 headers, or more than 408 KiB";

const CLOSED_EARLY: &str = "connection closed by the server before the response was complete";

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
        return Some(describe_tls_error(error));
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
        Some("server does not speak HTTP".to_owned())
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
            ErrorKind::NetworkUnreachable => "network unreachable",
            ErrorKind::AddrNotAvailable => "no local address available",
            ErrorKind::TimedOut => "connection timed out",
            ErrorKind::PermissionDenied => "connection not permitted on this machine",
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

fn describe_tls_error(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(reason) => describe_certificate_error(reason),
        rustls::Error::AlertReceived(alert) => describe_alert(*alert),
        rustls::Error::InvalidMessage(_) => "server does not speak TLS".to_owned(),
        rustls::Error::PeerIncompatible(_) => "server and checker have no TLS version or cipher in common".to_owned(),
        other => format!("TLS failed: {other}"),
    }
}

fn describe_alert(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::HandshakeFailure
        | AlertDescription::ProtocolVersion
        | AlertDescription::InsufficientSecurity => {
            "server and checker have no TLS version or cipher in common".to_owned()
        }
        AlertDescription::UnrecognisedName => "server has no certificate for this host name".to_owned(),
        AlertDescription::CertificateRequired | AlertDescription::AccessDenied => {
            "server requires a client certificate".to_owned()
        }
        other => format!("server aborted TLS with the alert `{other:?}`"),
    }
}

fn describe_certificate_error(error: &CertificateError) -> String {
    match error {
        CertificateError::ExpiredContext { time, not_after } => {
            format!("certificate expired {} ago", days_between(*not_after, *time))
        }
        CertificateError::Expired => "certificate expired".to_owned(),
        CertificateError::NotValidYetContext { time, not_before } => {
            format!("certificate becomes valid in {}", days_between(*time, *not_before))
        }
        CertificateError::NotValidYet => "certificate is not yet valid".to_owned(),
        CertificateError::NotValidForNameContext { expected, presented } => {
            let presented: Vec<&str> = presented.iter().map(|name| plain_name(name)).collect();
            let presented =
                if presented.is_empty() { "no host name".to_owned() } else { format!("`{}`", presented.join("`, `")) };
            format!("certificate is for {presented}, not for `{}`", expected.to_str())
        }
        CertificateError::NotValidForName => "certificate is for another host name".to_owned(),
        CertificateError::UnknownIssuer => {
            "certificate is signed by an untrusted authority, or the server does not send an intermediate certificate"
                .to_owned()
        }
        CertificateError::Revoked => "certificate is revoked".to_owned(),
        // rustls displays these errors only as identifiers.
        CertificateError::BadEncoding => "certificate is malformed".to_owned(),
        CertificateError::BadSignature => "certificate has an invalid signature".to_owned(),
        CertificateError::UnhandledCriticalExtension => "certificate has an unknown critical extension".to_owned(),
        other => format!("certificate is not valid: {other}"),
    }
}

/// Extracts the name from rustls' `DnsName("a.example")`.
fn plain_name(name: &str) -> &str {
    name.split('"').nth(1).unwrap_or(name)
}

/// Formats the time from `from` to `to` in days, or in smaller units if it is less than a day.
fn days_between(from: UnixTime, to: UnixTime) -> String {
    let seconds = to.as_secs().saturating_sub(from.as_secs());
    match seconds / 86_400 {
        0 => duration::format_coarse((seconds as Nanos).saturating_mul(SECOND)),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::error_text::*;

    fn at(days: u64) -> UnixTime {
        UnixTime::since_unix_epoch(std::time::Duration::from_secs(days * 86_400))
    }

    #[test]
    fn errors_name_when_certificates_expired() {
        let expired = CertificateError::ExpiredContext { time: at(10), not_after: at(7) };
        assert_eq!(describe_certificate_error(&expired), "certificate expired 3 days ago");
        let expired = CertificateError::ExpiredContext { time: at(10), not_after: at(9) };
        assert_eq!(describe_certificate_error(&expired), "certificate expired 1 day ago");
        let early = CertificateError::NotValidYetContext { time: at(7), not_before: at(9) };
        assert_eq!(describe_certificate_error(&early), "certificate becomes valid in 2 days");
    }

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
