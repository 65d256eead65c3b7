//! Interprets HTTP responses by status and headers, as most providers document them. Response text is discarded,
//! because it could echo a secret.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use shared::{SECOND, UnixNanos};

use super::{FailureReason, SendOutcome};

/// The maximum wait that a provider can request.
const WAIT_LIMIT: Duration = Duration::from_hours(24);

/// Interprets a response. `fallback_wait` returns the wait if there is no valid `Retry-After` header.
#[must_use]
pub fn by_status(
    status: StatusCode,
    headers: &HeaderMap,
    now: UnixNanos,
    fallback_wait: impl FnOnce() -> Option<Duration>,
) -> SendOutcome {
    let code = status.as_u16();
    match code {
        200..=299 => SendOutcome::Delivered,
        408 | 425 | 429 | 500..=599 => SendOutcome::Retry {
            reason: match code {
                429 => FailureReason::RateLimited,
                _ => FailureReason::Refused(code),
            },
            after: retry_after(headers, now).or_else(fallback_wait).map(|wait| wait.min(WAIT_LIMIT)),
        },
        _ => SendOutcome::Refused { reason: FailureReason::Refused(code) },
    }
}

/// Parses the `Retry-After` header, which contains seconds or a date.
fn retry_after(headers: &HeaderMap, now: UnixNanos) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return seconds_wait(seconds);
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_nanosecond();
    let wait = i128::max(date - i128::from(now), 0) / i128::from(SECOND);
    Some(Duration::from_secs(u64::try_from(wait).ok()?))
}

/// Reads a wait from a number in a JSON body. `unit_seconds` is the number's unit, in seconds.
#[must_use]
pub fn body_wait(body: &[u8], pointer: &str, unit_seconds: f64) -> Option<Duration> {
    let body: Value = serde_json::from_slice(body).ok()?;
    seconds_wait(body.pointer(pointer)?.as_f64()? * unit_seconds)
}

fn seconds_wait(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds.max(0.0)).ok()
}

/// The exit status with which a command asks to run again later: `EX_TEMPFAIL` from `sysexits.h`.
pub const TEMPORARY_FAILURE: u16 = 75;

/// Suggests a remedy for a failure, as the second clause of an error. `is_repeated` is whether another attempt
/// follows if the failure is temporary.
#[must_use]
pub fn remedy(reason: FailureReason, is_repeated: bool) -> &'static str {
    let is_temporary = match reason {
        FailureReason::RateLimited | FailureReason::TimedOut => true,
        FailureReason::Refused(status) => {
            matches!(status, TEMPORARY_FAILURE | 408 | 421 | 425 | 450..=452 | 500..=599)
        }
        FailureReason::Unreachable | FailureReason::Failed => false,
    };
    match reason {
        FailureReason::Unreachable => "check its address and the network",
        FailureReason::Refused(300..=399) => {
            "redirects are not followed; set the final URL, which usually starts with `https://`"
        }
        // Codes of 530 and above are SMTP replies. Lower ones are HTTP status codes.
        FailureReason::Refused(401 | 403 | 407 | 530 | 534 | 535 | 538) => "check its token or password",
        FailureReason::Refused(550 | 551 | 553) => "check the sender and recipient addresses",
        FailureReason::Refused(404 | 410) => "check its URL and whether it still exists",
        _ if is_temporary && !is_repeated => "try again later",
        FailureReason::RateLimited => "it will be retried later",
        _ if is_temporary => "it will be retried",
        FailureReason::TimedOut | FailureReason::Refused(_) | FailureReason::Failed => "check its settings",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const NOW: UnixNanos = 1_795_957_320 * SECOND;

    fn outcome(status: u16, retry_after: Option<&'static str>) -> SendOutcome {
        let mut headers = HeaderMap::new();
        if let Some(text) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(text));
        }
        by_status(StatusCode::from_u16(status).unwrap(), &headers, NOW, || None)
    }

    #[test]
    fn every_status_has_an_outcome() {
        for status in [200, 201, 202, 204] {
            assert_eq!(outcome(status, None), SendOutcome::Delivered);
        }
        for status in [301, 302, 307, 400, 401, 403, 404, 410, 413, 422] {
            assert_eq!(outcome(status, None), SendOutcome::Refused { reason: FailureReason::Refused(status) });
        }
        for (status, reason) in [
            (408, FailureReason::Refused(408)),
            (425, FailureReason::Refused(425)),
            (429, FailureReason::RateLimited),
            (500, FailureReason::Refused(500)),
            (502, FailureReason::Refused(502)),
            (503, FailureReason::Refused(503)),
            (504, FailureReason::Refused(504)),
        ] {
            assert_eq!(outcome(status, None), SendOutcome::Retry { reason, after: None });
        }
    }

    #[test]
    fn a_wait_is_seconds_or_a_date() {
        for (text, seconds) in [
            ("30", Some(30.0)),
            ("0", Some(0.0)),
            ("1.5", Some(1.5)),
            ("-3", Some(0.0)),
            ("Sun, 29 Nov 2026 13:04:00 GMT", Some(120.0)),
            ("Sun, 29 Nov 2026 12:00:00 GMT", Some(0.0)),
            ("99999999", Some(86_400.0)),
            ("soon", None),
            ("NaN", Some(0.0)),
            ("inf", None),
        ] {
            let SendOutcome::Retry { after, .. } = outcome(429, Some(text)) else { panic!("{text}") };
            assert_eq!(after.map(|after| after.as_secs_f64()), seconds, "{text}");
        }
    }

    #[test]
    fn a_wait_in_the_body_needs_a_number() {
        let body = br#"{"parameters":{"retry_after":7},"ms":2500,"text":"7"}"#;
        assert_eq!(body_wait(body, "/parameters/retry_after", 1.0), Some(Duration::from_secs(7)));
        assert_eq!(body_wait(body, "/ms", 0.001), Some(Duration::from_millis(2_500)));
        assert_eq!(body_wait(body, "/text", 1.0), None);
        assert_eq!(body_wait(b"<html>", "/ms", 1.0), None);
    }
}
