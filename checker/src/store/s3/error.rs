//! Errors from S3 services and from connections to them, each with a remedy. Pure.

use std::error::Error;
use std::io;

use http_body_util::LengthLimitError;
use shared::s3_request::S3ErrorKind;

use super::aws_files::IrregularFile;
use super::interceptor::RESPONSE_LIMIT;
use crate::store::limits::{GET_TIMEOUT, MIN_BYTES_PER_WINDOW, RATE_WINDOW, describe_size};
use crate::tls_error;

/// A kind of request to a bucket, named after the permission that it requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Put,
    List,
    Get,
    Delete,
}

impl Action {
    fn permission(self) -> &'static str {
        match self {
            Action::Put => "s3:PutObject",
            Action::List => "s3:ListBucket",
            Action::Get => "s3:GetObject",
            Action::Delete => "s3:DeleteObject",
        }
    }

    /// Returns the resource for which a policy must grant the permission.
    fn resource(self, bucket: &str, prefix: &str) -> String {
        match self {
            Action::List => format!("arn:aws:s3:::{bucket}"),
            Action::Put | Action::Get | Action::Delete => format!("arn:aws:s3:::{bucket}/{prefix}*"),
        }
    }
}

/// The parts of a request that appear in its errors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestContext<'a> {
    pub(crate) action: Action,
    pub(crate) bucket: &'a str,
    pub(crate) prefix: &'a str,
}

#[derive(Debug, Clone, Copy, Default)]
pub(in crate::store) struct ErrorResponse<'a> {
    pub(in crate::store) status: u16,
    /// The error code, or `None` if the response contains none.
    pub(in crate::store) code: Option<&'a str>,
    pub(in crate::store) message: Option<&'a str>,
    /// The bucket's actual region, from the `x-amz-bucket-region` header.
    pub(in crate::store) region: Option<&'a str>,
    pub(in crate::store) content_type: Option<&'a str>,
    pub(in crate::store) body: &'a [u8],
}

/// An S3 service refused a request, or could not be reached. The message contains a remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum S3Error {
    #[error(
        "the service does not recognize the access key ID; check `access_key_id`, and whether `endpoint_url` is the service that issued the key"
    )]
    UnknownKey,
    #[error("the signature does not match; check `secret_access_key`: it does not belong to the access key ID")]
    WrongSecret,
    #[error("the temporary credentials have expired or are no longer valid; renew them")]
    ExpiredCredentials,
    /// The key lacks a permission, such as `s3:PutObject` on `arn:aws:s3:::bucket/status/*`.
    #[error("access is denied; give the key the permission `{permission}` on `{resource}`")]
    AccessDenied { permission: &'static str, resource: String },
    #[error("there is no bucket `{0}`; create it, or check `bucket` and `endpoint_url`")]
    NoBucket(String),
    /// The service returned `PermanentRedirect`, `AuthorizationHeaderMalformed` or a similar code.
    #[error("the bucket `{bucket}` is in another region; {}", region_remedy(region.as_deref()))]
    WrongRegion {
        bucket: String,
        /// The correct region, if the response contains it.
        region: Option<String>,
    },
    #[error("this machine's clock differs too much from the service's; set it, preferably with NTP")]
    ClockSkew,
    /// No program is listening on the port.
    #[error("the connection was refused; check `endpoint_url`, and whether the service is running")]
    ConnectionRefused,
    /// The host name cannot be resolved to an address.
    #[error(
        "the host name cannot be resolved; check `endpoint_url`, `bucket` and the network, and set `path_style` to `true` if the service does not give each bucket its own host name"
    )]
    NameNotResolved,
    /// The server does not speak TLS, or its certificate is not trusted.
    #[error(
        "no secure connection could be established: {0}; check `endpoint_url`, the service's certificate, and whether this machine has root certificates (package `ca-certificates`)"
    )]
    Tls(String),
    #[error("the service did not respond in time; check `endpoint_url` and the network")]
    TimedOut,
    /// The body of a response arrives too slowly.
    #[error("the service sends the object too slowly: less than {} in {} s, or not all of it in {} s; check the network", describe_size(MIN_BYTES_PER_WINDOW), RATE_WINDOW.as_secs(), GET_TIMEOUT.as_secs())]
    TooSlow,
    /// The connection failed for another reason.
    #[error("the connection failed: {0}; check `endpoint_url` and the network")]
    Connection(String),
    /// The server does not speak S3.
    #[error(
        "the response is not from an S3 service (status {status}); check `endpoint_url`: it must be the address of the S3 API, not of a web page or a proxy"
    )]
    NotS3 { status: u16 },
    /// The default credential chain found no credentials.
    #[error(
        "no credentials were found; set `access_key_id` and `secret_access_key`, or provide credentials as you would for the AWS CLI: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, a profile in `~/.aws`, or the machine's role"
    )]
    NoCredentials,
    #[error("the credentials cannot be read: {0}; correct them, or set `access_key_id` and `secret_access_key`")]
    UnreadableCredentials(String),
    #[error("the AWS settings cannot be read: {0}")]
    IrregularFile(IrregularFile),
    /// The service is overloaded or has an internal error.
    #[error("the service is temporarily unavailable ({0})")]
    Busy(String),
    /// The service refused the request for any other reason.
    #[error("the service refused the request: {0}")]
    Refused(String),
    /// The service's response exceeds a limit of this program.
    #[error("{0}")]
    LimitExceeded(String),
    /// The request could not be built.
    #[error("the request is invalid: {0}; check `endpoint_url`, `bucket` and `region`")]
    InvalidRequest(String),
}

fn region_remedy(region: Option<&str>) -> String {
    match region {
        Some(region) => format!("set `region` to `{region}`"),
        None => "set `region` to the bucket's region".to_owned(),
    }
}

impl S3Error {
    /// Returns whether the same request may succeed a moment later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            S3Error::ConnectionRefused
                | S3Error::NameNotResolved
                | S3Error::TimedOut
                | S3Error::TooSlow
                | S3Error::Connection(_)
                | S3Error::Busy(_)
        )
    }
}

pub(in crate::store) fn from_response(context: &RequestContext<'_>, response: &ErrorResponse<'_>) -> S3Error {
    let region = || response.region.or_else(|| region_in(response.body)).map(single_line);
    let wrong_region = || S3Error::WrongRegion { bucket: context.bucket.to_owned(), region: region() };
    let denied = || S3Error::AccessDenied {
        permission: context.action.permission(),
        resource: context.action.resource(context.bucket, context.prefix),
    };
    let busy = || S3Error::Busy(describe(response));
    if let Some(code) = response.code {
        return match S3ErrorKind::from_code(code, response.message.unwrap_or_default()) {
            Some(S3ErrorKind::UnknownKey) => S3Error::UnknownKey,
            Some(S3ErrorKind::WrongSecret) => S3Error::WrongSecret,
            Some(S3ErrorKind::ExpiredCredentials) => S3Error::ExpiredCredentials,
            Some(S3ErrorKind::AccessDenied) => denied(),
            Some(S3ErrorKind::NoSuchBucket) => S3Error::NoBucket(context.bucket.to_owned()),
            Some(S3ErrorKind::WrongRegion) => wrong_region(),
            Some(S3ErrorKind::ClockSkew | S3ErrorKind::ExpiredUrl) => S3Error::ClockSkew,
            Some(S3ErrorKind::Busy) => busy(),
            _ if response.status >= 500 && response.status != 501 => busy(),
            _ => S3Error::Refused(describe(response)),
        };
    }
    match response.status {
        429 => busy(),
        status if status >= 500 && status != 501 => busy(),
        status if is_html(response) => S3Error::NotS3 { status },
        300..=400 if response.region.is_some() => wrong_region(),
        // Some services deny access with an empty body.
        403 if response.body.is_empty() => denied(),
        status => S3Error::NotS3 { status },
    }
}

/// Converts a connection error, based on its chain of causes.
pub(crate) fn from_connection(error: &(dyn Error + 'static)) -> S3Error {
    let mut texts: Vec<String> = Vec::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(problem) = from_cause(error) {
            return problem;
        }
        texts.push(single_line(&error.to_string()));
        cause = error.source();
    }
    // The last cause is the most specific.
    S3Error::Connection(texts.pop().unwrap_or_default())
}

/// Converts one cause from a chain, if it is specific enough.
fn from_cause(error: &(dyn Error + 'static)) -> Option<S3Error> {
    if let Some(error) = error.downcast_ref::<io::Error>() {
        // `source` skips the inner error, in which TLS libraries wrap their own errors, sometimes twice.
        let inner = error.get_ref().map(|inner| inner as &(dyn Error + 'static));
        if let Some(problem) = inner.and_then(from_cause) {
            return Some(problem);
        }
        match error.kind() {
            io::ErrorKind::ConnectionRefused => return Some(S3Error::ConnectionRefused),
            io::ErrorKind::TimedOut => return Some(S3Error::TimedOut),
            _ => {}
        }
    }
    if error.is::<LengthLimitError>() {
        let size = describe_size(RESPONSE_LIMIT);
        return Some(S3Error::LimitExceeded(format!("the service's response is larger than {size}")));
    }
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return Some(S3Error::Tls(single_line(&tls_error::describe(tls))));
    }
    let text = error.to_string();
    if text.contains("dns error") || text.contains("failed to lookup address") {
        return Some(S3Error::NameNotResolved);
    }
    None
}

/// Returns the response in the service's own words: `status 503 SlowDown: Please reduce your request rate.`
fn describe(response: &ErrorResponse<'_>) -> String {
    let code = response.code.map(|code| format!(" {}", single_line(code))).unwrap_or_default();
    let message = response.message.map(|message| format!(": {}", single_line(message))).unwrap_or_default();
    format!("status {}{code}{message}", response.status)
}

/// Shortens a message from a service to one short line.
pub(in crate::store) fn single_line(text: &str) -> String {
    const LONGEST: usize = 200;
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect();
    line.trim().trim_end_matches('.').to_owned()
}

fn is_html(response: &ErrorResponse<'_>) -> bool {
    let start =
        String::from_utf8_lossy(&response.body[..response.body.len().min(64)]).trim_start().to_ascii_lowercase();
    response.content_type.is_some_and(|kind| kind.starts_with("text/html"))
        || start.starts_with("<!doctype html")
        || start.starts_with("<html")
}

/// Returns the region in the body of an error response.
fn region_in(body: &[u8]) -> Option<&str> {
    let text = str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once("<Region>")?;
    let (region, _) = rest.split_once("</Region>")?;
    let is_region = !region.is_empty() && region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_region.then_some(region)
}

#[cfg(test)]
mod tests {
    use crate::store::s3::error::*;

    const CONTEXT: RequestContext<'_> = RequestContext { action: Action::Put, bucket: "b", prefix: "status/" };

    fn error(status: u16, code: &str) -> S3Error {
        from_response(&CONTEXT, &ErrorResponse { status, code: Some(code), ..ErrorResponse::default() })
    }

    #[test]
    fn each_error_has_a_remedy() {
        for (status, code, remedy) in [
            (403, "InvalidAccessKeyId", "check `access_key_id`"),
            (403, "SignatureDoesNotMatch", "check `secret_access_key`"),
            (403, "AccessDenied", "the permission `s3:PutObject` on `arn:aws:s3:::b/status/*`"),
            (404, "NoSuchBucket", "no bucket `b`; create it"),
            (301, "PermanentRedirect", "set `region` to the bucket's region"),
            (403, "RequestTimeTooSkewed", "with NTP"),
            (400, "ExpiredToken", "renew them"),
            (400, "EntityTooLarge", "status 400 EntityTooLarge"),
        ] {
            let error = error(status, code);
            assert!(error.to_string().contains(remedy), "{code}: {error}");
            assert!(!error.is_transient(), "{code}");
        }
    }

    #[test]
    fn each_action_names_its_own_permission() {
        for (action, expected) in [
            (Action::List, "`s3:ListBucket` on `arn:aws:s3:::b`"),
            (Action::Get, "`s3:GetObject` on `arn:aws:s3:::b/status/*`"),
            (Action::Delete, "`s3:DeleteObject` on `arn:aws:s3:::b/status/*`"),
        ] {
            let response = ErrorResponse { status: 403, code: Some("AccessDenied"), ..ErrorResponse::default() };
            let error = from_response(&RequestContext { action, ..CONTEXT }, &response).to_string();
            assert!(error.ends_with(expected), "{error}");
        }
    }

    #[test]
    fn the_error_contains_the_region_of_the_response() {
        let by_header = ErrorResponse {
            status: 301,
            code: Some("PermanentRedirect"),
            region: Some("eu-west-1"),
            ..ErrorResponse::default()
        };
        let body = b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>";
        let by_body =
            ErrorResponse { status: 400, code: Some("AuthorizationHeaderMalformed"), body, ..ErrorResponse::default() };
        for response in [by_header, by_body] {
            assert!(from_response(&CONTEXT, &response).to_string().ends_with("set `region` to `eu-west-1`"));
        }
    }

    #[test]
    fn tls_errors_are_described_in_words() {
        use rustls::{AlertDescription, CertificateError, OtherError};
        let ca = OtherError(std::sync::Arc::new(webpki::Error::CaUsedAsEndEntity));
        for (error, expected) in [
            (CertificateError::UnknownIssuer.into(), "certificate is signed by an untrusted authority"),
            (CertificateError::Other(ca).into(), "certificate belongs to an authority (CA), so servers cannot use it"),
            (
                rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol),
                "no application protocol in common",
            ),
            (
                rustls::Error::AlertReceived(AlertDescription::InternalError),
                "server aborted TLS: an internal error occurred",
            ),
        ] {
            // The HTTP client wraps the error twice.
            let wrapped = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, error));
            let S3Error::Tls(reason) = from_connection(&wrapped) else { panic!("{expected}") };
            assert!(reason.contains(expected), "{reason}");
        }
    }

    #[test]
    fn a_wrong_clock_differs_from_a_wrong_secret() {
        let message = Some("Signature expired: 20261122T190000Z is now earlier than 20261122T191000Z");
        let response =
            ErrorResponse { status: 403, code: Some("SignatureDoesNotMatch"), message, ..ErrorResponse::default() };
        assert_eq!(from_response(&CONTEXT, &response), S3Error::ClockSkew);
    }

    #[test]
    fn errors_of_busy_services_are_transient() {
        for (status, code) in
            [(503, "SlowDown"), (500, "InternalError"), (409, "ConditionalRequestConflict"), (502, "Bad")]
        {
            assert!(error(status, code).is_transient(), "{code}");
        }
        assert!(
            from_response(&CONTEXT, &ErrorResponse { status: 503, body: b"<html>", ..ErrorResponse::default() })
                .is_transient()
        );
        assert!(!error(501, "NotImplemented").is_transient());
    }

    #[test]
    fn a_web_page_is_not_an_s3_service() {
        for body in [b"<!DOCTYPE html><html>".as_slice(), b"\n<html>", b"404 page not found"] {
            let error = from_response(&CONTEXT, &ErrorResponse { status: 404, body, ..ErrorResponse::default() });
            assert_eq!(error, S3Error::NotS3 { status: 404 });
        }
    }

    #[test]
    fn a_message_of_a_service_is_one_short_line() {
        let message = format!("first\nsecond{}", "x".repeat(1000));
        let response =
            ErrorResponse { status: 400, code: Some("Odd"), message: Some(&message), ..ErrorResponse::default() };
        let error = from_response(&CONTEXT, &response).to_string();
        assert!(error.contains("first second") && error.len() < 300, "{error}");
    }

    #[test]
    fn a_connection_error_is_classified_by_its_cause() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(from_connection(&refused), S3Error::ConnectionRefused);
        let name = io::Error::other("failed to lookup address information: Name or service not known");
        assert_eq!(from_connection(&name), S3Error::NameNotResolved);
        let tls = io::Error::new(
            io::ErrorKind::InvalidData,
            rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer),
        );
        let tls = io::Error::other(tls);
        let error = from_connection(&tls);
        assert!(matches!(error, S3Error::Tls(_)) && error.to_string().contains("untrusted authority"), "{error}");
        assert!(!error.is_transient());
        assert!(from_connection(&io::Error::other("broken pipe")).is_transient());
    }
}
