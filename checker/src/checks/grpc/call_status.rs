//! Evaluates the final status of a gRPC call.

use http::HeaderMap;
use percent_encoding::percent_decode;

use super::subject;
use crate::checks::{Failure, error_text};

pub(super) const STATUS: &str = "grpc-status";
const MESSAGE: &str = "grpc-message";
/// The names of the gRPC status codes, in numerical order.
const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// Returns an error unless the headers or trailers contain the status `OK`. A status in `others` is ignored unless it
/// differs, which is an error.
pub(super) fn check_status(headers: &HeaderMap, others: &HeaderMap, service: &str) -> Result<(), Failure> {
    let Some(status) = headers.get(STATUS) else { return Err("response without a gRPC status".to_owned()) };
    let all = || headers.get_all(STATUS).iter().chain(others.get_all(STATUS));
    if let Some(other) = all().find(|other| *other != status) {
        let [status, other] = [status, other].map(|status| error_text::excerpt(status.as_bytes()));
        return Err(format!("contradictory gRPC status: both `{status}` and `{other}`"));
    }
    let message = headers.get(MESSAGE).map(|message| percent_decode(message.as_bytes()).collect::<Vec<u8>>());
    let message = error_text::excerpt(&message.unwrap_or_default());
    let message = if message.is_empty() { String::new() } else { format!(": {message}") };
    let digits = status.to_str().ok().filter(|status| status.bytes().all(|byte| byte.is_ascii_digit()));
    match digits.and_then(|digits| digits.parse::<usize>().ok()) {
        Some(0) => Ok(()),
        Some(5) => Err(format!("{} is unknown to the server{message}", subject(service))),
        Some(12) => Err(format!("server does not implement the health service{message}")),
        Some(code) => {
            let name = NAMES.get(code).map(|name| format!(" ({name})")).unwrap_or_default();
            Err(format!("gRPC status {code}{name}{message}"))
        }
        None => Err(format!("invalid gRPC status `{}`", error_text::excerpt(status.as_bytes()))),
    }
}

/// Returns the status as a number. Returns `None` if it is missing, contradictory or invalid.
pub(super) fn status_code(headers: &HeaderMap, others: &HeaderMap) -> Option<i32> {
    let mut all = headers.get_all(STATUS).iter().chain(others.get_all(STATUS));
    let first = all.next()?;
    let text = first.to_str().ok().filter(|_| all.all(|other| other == first))?;
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use crate::checks::grpc::call_status::*;

    #[test]
    fn an_ambiguous_status_has_no_code() {
        let map = |statuses: &[&str]| {
            let mut map = HeaderMap::new();
            for status in statuses {
                map.append(STATUS, status.parse().expect("a value"));
            }
            map
        };
        for (statuses, others, expected) in [
            (&["0"][..], &["0"][..], Some(0)),
            (&["14"], &[], Some(14)),
            (&["0"], &["14"], None),
            (&["0", "14"], &[], None),
            (&["-1"], &[], None),
            (&["99999999999"], &[], None),
            (&[], &[], None),
        ] {
            assert_eq!(status_code(&map(statuses), &map(others)), expected, "{statuses:?} {others:?}");
        }
    }

    #[test]
    fn the_status_and_its_message_are_described() {
        for (status, message, expected) in [
            ("0", "ignored", None),
            ("13", "disk%20full", Some("gRPC status 13 (INTERNAL): disk full")),
            ("14", "St%C3%B6rung%0A100%", Some("gRPC status 14 (UNAVAILABLE): Störung 100%")),
            ("5", "no%20such%20service", Some("service `shop` is unknown to the server: no such service")),
            ("12", "", Some("server does not implement the health service")),
            ("99", "", Some("gRPC status 99")),
            ("ok", "", Some("invalid gRPC status `ok`")),
            ("-1", "", Some("invalid gRPC status `-1`")),
            ("+0", "", Some("invalid gRPC status `+0`")),
            ("", "", Some("invalid gRPC status ``")),
            ("0, 13", "", Some("invalid gRPC status `0, 13`")),
        ] {
            let mut trailers = HeaderMap::new();
            trailers.insert(STATUS, status.parse().expect("a value"));
            trailers.insert(MESSAGE, message.parse().expect("a value"));
            assert_eq!(check_status(&trailers, &HeaderMap::new(), "shop").err().as_deref(), expected, "{status}");
        }
        let missing = check_status(&HeaderMap::new(), &HeaderMap::new(), "shop");
        assert_eq!(missing.err().as_deref(), Some("response without a gRPC status"));
    }
}
