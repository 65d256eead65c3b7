//! What an S3 service's answers and a connection's failures mean for a person, each with what helps. Pure: the
//! requests are [`crate::store::s3`]'s business.

use std::error::Error;
use std::io;

/// What is asked of a bucket, by the permission it needs.
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

    /// The resource that the permission is given on.
    fn resource(self, bucket: &str, prefix: &str) -> String {
        match self {
            Action::List => format!("arn:aws:s3:::{bucket}"),
            Action::Put | Action::Get | Action::Delete => format!("arn:aws:s3:::{bucket}/{prefix}*"),
        }
    }
}

/// A request, as far as a problem with it has to name it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) action: Action,
    pub(crate) bucket: &'a str,
    pub(crate) prefix: &'a str,
}

/// An answer that is no success.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::store) struct Answer<'a> {
    pub(in crate::store) status: u16,
    /// The error's code; `None` if the answer names none.
    pub(in crate::store) code: Option<&'a str>,
    pub(in crate::store) message: Option<&'a str>,
    /// The header `x-amz-bucket-region`.
    pub(in crate::store) region: Option<&'a str>,
    /// The header `content-type`.
    pub(in crate::store) content_type: Option<&'a str>,
    pub(in crate::store) body: &'a [u8],
}

/// What is wrong between us and an S3 service, and what helps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum S3Problem {
    /// `InvalidAccessKeyId`
    #[error(
        "the service does not know the access key's id; check `access_key_id`, and that `endpoint_url` is the service it belongs to"
    )]
    UnknownKey,
    /// `SignatureDoesNotMatch`
    #[error("the signature does not match; check `secret_access_key`, it does not belong to the access key's id")]
    WrongSecret,
    /// `ExpiredToken` and its kin.
    #[error("the temporary credentials are expired or no longer valid; renew them")]
    ExpiredCredentials,
    /// `AccessDenied`
    #[error("access is denied; give the key the permission `{permission}` on `{resource}`")]
    AccessDenied {
        /// Such as `s3:PutObject`.
        permission: &'static str,
        /// Such as `arn:aws:s3:::bucket/status/*`.
        resource: String,
    },
    /// `NoSuchBucket`
    #[error("there is no bucket `{0}`; create it, or check `bucket` and `endpoint_url`")]
    NoBucket(String),
    /// `PermanentRedirect`, `AuthorizationHeaderMalformed` and their kin.
    #[error("the bucket `{bucket}` is in another region; {}", region_remedy(region.as_deref()))]
    WrongRegion {
        /// The bucket's name.
        bucket: String,
        /// The right region, if the service says it.
        region: Option<String>,
    },
    /// `RequestTimeTooSkewed`
    #[error("this machine's clock is too far from the service's; set it, best by NTP")]
    ClockSkew,
    /// Nobody listens there.
    #[error("the connection is refused; check `endpoint_url`, and that the service runs")]
    ConnectionRefused,
    /// The host's name has no address.
    #[error(
        "the host's name cannot be resolved; check `endpoint_url` and `bucket`, set `path_style` to `true` if the service has no host for each bucket, and check the network"
    )]
    NameNotResolved,
    /// No TLS, or a certificate that nobody vouches for.
    #[error(
        "no secure connection can be made: {0}; check `endpoint_url`, the service's certificate, and that this machine has certificates to trust (`ca-certificates`)"
    )]
    Tls(String),
    /// The service was too slow.
    #[error("the service did not answer in time; check `endpoint_url` and the network")]
    TimedOut,
    /// The connection broke, or could not be made for another reason.
    #[error("the connection failed: {0}; check `endpoint_url` and the network")]
    Connection(String),
    /// What answers does not speak S3.
    #[error(
        "what answers there is no S3 service (status {status}); check `endpoint_url`: it is the address of the API, not of a web page, and no proxy may stand in between"
    )]
    NotS3 {
        /// The answer's HTTP status.
        status: u16,
    },
    /// The default chain has nothing to offer.
    #[error(
        "no credentials are found; write `access_key_id` and `secret_access_key`, or offer them where AWS's tools look: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, the profile in `~/.aws`, or the machine's role"
    )]
    NoCredentials,
    /// The default chain broke.
    #[error("the credentials cannot be read: {0}; mend that, or write `access_key_id` and `secret_access_key`")]
    BrokenCredentials(String),
    /// The service asks to come back later, or has an error of its own.
    #[error("the service cannot do it now ({0})")]
    Busy(String),
    /// The service refuses for a reason that has no words of ours.
    #[error("the service refuses: {0}")]
    Refused(String),
    /// The request could not even be made.
    #[error("the request cannot be made: {0}; check `endpoint_url`, `bucket` and `region`")]
    CannotAsk(String),
}

fn region_remedy(region: Option<&str>) -> String {
    match region {
        Some(region) => format!("set `region` to `{region}`"),
        None => "set `region` to the bucket's own".to_owned(),
    }
}

impl S3Problem {
    /// Whether the same request may well succeed a moment later.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            S3Problem::ConnectionRefused
                | S3Problem::NameNotResolved
                | S3Problem::TimedOut
                | S3Problem::Connection(_)
                | S3Problem::Busy(_)
        )
    }
}

/// What an answer that is no success means.
pub(in crate::store) fn of_answer(asked: &Asked<'_>, answer: &Answer<'_>) -> S3Problem {
    let region = || answer.region.or_else(|| region_in(answer.body)).map(plain);
    let wrong_region = || S3Problem::WrongRegion { bucket: asked.bucket.to_owned(), region: region() };
    let denied = || S3Problem::AccessDenied {
        permission: asked.action.permission(),
        resource: asked.action.resource(asked.bucket, asked.prefix),
    };
    match answer.code {
        Some("InvalidAccessKeyId" | "InvalidClientTokenId" | "UnrecognizedClientException") => S3Problem::UnknownKey,
        // IAM tells a wrong clock by this code, too.
        Some("SignatureDoesNotMatch") if answer.message.is_some_and(is_about_time) => S3Problem::ClockSkew,
        Some("SignatureDoesNotMatch") => S3Problem::WrongSecret,
        Some("ExpiredToken" | "ExpiredTokenException" | "InvalidToken" | "TokenRefreshRequired") => {
            S3Problem::ExpiredCredentials
        }
        Some("AccessDenied" | "AccessDeniedException" | "AllAccessDisabled" | "AccountProblem" | "Forbidden") => {
            denied()
        }
        Some("NoSuchBucket") => S3Problem::NoBucket(asked.bucket.to_owned()),
        Some(
            "PermanentRedirect"
            | "TemporaryRedirect"
            | "AuthorizationHeaderMalformed"
            | "AuthorizationQueryParametersError"
            | "IllegalLocationConstraintException"
            | "IncorrectEndpoint",
        ) => wrong_region(),
        Some("RequestTimeTooSkewed" | "RequestExpired") => S3Problem::ClockSkew,
        Some(
            "SlowDown"
            | "RequestTimeout"
            | "Throttling"
            | "ThrottlingException"
            | "TooManyRequests"
            | "OperationAborted"
            | "ConditionalRequestConflict"
            | "InternalError"
            | "ServiceUnavailable",
        ) => busy(answer),
        Some(_) if answer.status >= 500 && answer.status != 501 => busy(answer),
        Some(_) => S3Problem::Refused(named(answer)),
        None if answer.status == 429 || (answer.status >= 500 && answer.status != 501) => busy(answer),
        None if is_html(answer) => S3Problem::NotS3 { status: answer.status },
        None if (300..=400).contains(&answer.status) && answer.region.is_some() => wrong_region(),
        // Some services deny without a word.
        None if answer.status == 403 && answer.body.is_empty() => denied(),
        None => S3Problem::NotS3 { status: answer.status },
    }
}

/// What it means that no answer came, by the error and its causes.
pub(crate) fn of_failed_connection(error: &(dyn Error + 'static)) -> S3Problem {
    let mut texts: Vec<String> = Vec::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(problem) = of_cause(error) {
            return problem;
        }
        texts.push(plain(&error.to_string()));
        cause = error.source();
    }
    // The last cause says most; those before it say that something failed.
    S3Problem::Connection(texts.pop().unwrap_or_default())
}

/// What one cause in a chain means, if it says enough.
fn of_cause(error: &(dyn Error + 'static)) -> Option<S3Problem> {
    if let Some(error) = error.downcast_ref::<io::Error>() {
        // An error inside is not among the causes, and TLS libraries put their own there, sometimes twice deep.
        let inner = error.get_ref().map(|inner| inner as &(dyn Error + 'static));
        if let Some(problem) = inner.and_then(of_cause) {
            return Some(problem);
        }
        match error.kind() {
            io::ErrorKind::ConnectionRefused => return Some(S3Problem::ConnectionRefused),
            io::ErrorKind::TimedOut => return Some(S3Problem::TimedOut),
            _ => {}
        }
    }
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return Some(S3Problem::Tls(plain(&tls.to_string())));
    }
    let text = error.to_string();
    if text.contains("dns error") || text.contains("failed to lookup address") {
        return Some(S3Problem::NameNotResolved);
    }
    None
}

/// Whether a message about a signature complains of its time.
fn is_about_time(message: &str) -> bool {
    message.contains("Signature expired") || message.contains("Signature not yet current")
}

fn busy(answer: &Answer<'_>) -> S3Problem {
    S3Problem::Busy(named(answer))
}

/// The answer as the service names it: `503 SlowDown: Please reduce your request rate.`
fn named(answer: &Answer<'_>) -> String {
    let code = answer.code.map(|code| format!(" {}", plain(code))).unwrap_or_default();
    let message = answer.message.map(|message| format!(": {}", plain(message))).unwrap_or_default();
    format!("status {}{code}{message}", answer.status)
}

/// A foreign text on one short line.
pub(in crate::store) fn plain(text: &str) -> String {
    const LONGEST: usize = 200;
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect();
    line.trim().trim_end_matches('.').to_owned()
}

fn is_html(answer: &Answer<'_>) -> bool {
    let start = String::from_utf8_lossy(&answer.body[..answer.body.len().min(64)]).trim_start().to_ascii_lowercase();
    answer.content_type.is_some_and(|kind| kind.starts_with("text/html"))
        || start.starts_with("<!doctype html")
        || start.starts_with("<html")
}

/// The region that an error's body names.
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

    const ASKED: Asked<'_> = Asked { action: Action::Put, bucket: "b", prefix: "status/" };

    fn problem(status: u16, code: &str) -> S3Problem {
        of_answer(&ASKED, &Answer { status, code: Some(code), ..Answer::default() })
    }

    #[test]
    fn each_error_says_what_helps() {
        for (status, code, remedy) in [
            (403, "InvalidAccessKeyId", "check `access_key_id`"),
            (403, "SignatureDoesNotMatch", "check `secret_access_key`"),
            (403, "AccessDenied", "the permission `s3:PutObject` on `arn:aws:s3:::b/status/*`"),
            (404, "NoSuchBucket", "no bucket `b`; create it"),
            (301, "PermanentRedirect", "set `region` to the bucket's own"),
            (403, "RequestTimeTooSkewed", "by NTP"),
            (400, "ExpiredToken", "renew them"),
            (400, "EntityTooLarge", "status 400 EntityTooLarge"),
        ] {
            let problem = problem(status, code);
            assert!(problem.to_string().contains(remedy), "{code}: {problem}");
            assert!(!problem.is_passing(), "{code}");
        }
    }

    #[test]
    fn each_action_names_its_own_permission() {
        for (action, expected) in [
            (Action::List, "`s3:ListBucket` on `arn:aws:s3:::b`"),
            (Action::Get, "`s3:GetObject` on `arn:aws:s3:::b/status/*`"),
            (Action::Delete, "`s3:DeleteObject` on `arn:aws:s3:::b/status/*`"),
        ] {
            let answer = Answer { status: 403, code: Some("AccessDenied"), ..Answer::default() };
            let problem = of_answer(&Asked { action, ..ASKED }, &answer).to_string();
            assert!(problem.ends_with(expected), "{problem}");
        }
    }

    #[test]
    fn the_right_region_is_told_if_the_service_says_it() {
        let by_header =
            Answer { status: 301, code: Some("PermanentRedirect"), region: Some("eu-west-1"), ..Answer::default() };
        let body = b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>";
        let by_body = Answer { status: 400, code: Some("AuthorizationHeaderMalformed"), body, ..Answer::default() };
        for answer in [by_header, by_body] {
            assert!(of_answer(&ASKED, &answer).to_string().ends_with("set `region` to `eu-west-1`"));
        }
    }

    #[test]
    fn a_wrong_clock_is_told_from_a_wrong_secret() {
        let message = Some("Signature expired: 20261122T190000Z is now earlier than 20261122T191000Z");
        let answer = Answer { status: 403, code: Some("SignatureDoesNotMatch"), message, ..Answer::default() };
        assert_eq!(of_answer(&ASKED, &answer), S3Problem::ClockSkew);
    }

    #[test]
    fn what_is_busy_may_be_asked_again() {
        for (status, code) in
            [(503, "SlowDown"), (500, "InternalError"), (409, "ConditionalRequestConflict"), (502, "Bad")]
        {
            assert!(problem(status, code).is_passing(), "{code}");
        }
        assert!(of_answer(&ASKED, &Answer { status: 503, body: b"<html>", ..Answer::default() }).is_passing());
        assert!(!problem(501, "NotImplemented").is_passing());
    }

    #[test]
    fn a_web_page_is_no_s3_service() {
        for body in [b"<!DOCTYPE html><html>".as_slice(), b"\n<html>", b"404 page not found"] {
            let problem = of_answer(&ASKED, &Answer { status: 404, body, ..Answer::default() });
            assert_eq!(problem, S3Problem::NotS3 { status: 404 });
        }
    }

    #[test]
    fn a_foreign_message_stays_on_one_short_line() {
        let message = format!("first\nsecond{}", "x".repeat(1000));
        let answer = Answer { status: 400, code: Some("Odd"), message: Some(&message), ..Answer::default() };
        let problem = of_answer(&ASKED, &answer).to_string();
        assert!(problem.contains("first second") && problem.len() < 300, "{problem}");
    }

    #[test]
    fn a_connections_failure_is_told_by_its_cause() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(of_failed_connection(&refused), S3Problem::ConnectionRefused);
        let name = io::Error::other("failed to lookup address information: Name or service not known");
        assert_eq!(of_failed_connection(&name), S3Problem::NameNotResolved);
        let tls = io::Error::new(
            io::ErrorKind::InvalidData,
            rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer),
        );
        let tls = io::Error::other(tls);
        let problem = of_failed_connection(&tls);
        assert!(matches!(problem, S3Problem::Tls(_)) && problem.to_string().contains("UnknownIssuer"), "{problem}");
        assert!(!problem.is_passing());
        assert!(of_failed_connection(&io::Error::other("broken pipe")).is_passing());
    }
}
