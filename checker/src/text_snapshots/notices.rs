//! Snapshots of the reasons in results: why an assertion fails, and which status follows from the attempts.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use shared::check_file::{Attempt, Phases};
use shared::status::Status;
use shared::{DAY, Nanos, SECOND};

use super::{assert_list, assert_text, environment};
use crate::checks::assertions::Evidence;
use crate::checks::probe_data::ProbeData;
use crate::checks::status_codes::StatusCodes;
use crate::checks::{AttemptRecord, Check, CheckOutcome};
use crate::config::from_text;
use crate::monitor::result_status::{evaluate, tests::check_with};

/// Assertions that hold, fail or are undetermined.
const ASSERTIONS: &[&str] = &[
    "[STATUS] == 200",
    "[STATUS] == 503",
    "[STATUS] != 2xx",
    "[STATUS] == 4xx",
    "[STATUS] < 100",
    "[RTT] < 50ms",
    "[DNS] < 1ms",
    "[CONNECT] < 1ms",
    "[TLS] < 1ms",
    "[TTFB] < 1ms",
    "[CERTIFICATE] > 30d",
    "[REDIRECT] == '/home'",
    "[HEADER server] == 'apache'",
    "[HEADER server] contains 'apache'",
    "[HEADER x-missing] == 'a'",
    "has([HEADER x-missing])",
    "[BODY] contains 'error'",
    "[BODY] matches '^error'",
    "[BODY] == 'error'",
    "[BODY_SIZE] > 1000",
    "len([BODY]) > 1000",
    "[JSON $.queue] < 5",
    "[JSON $.name] == 'shop'",
    "[JSON $.missing] == 1",
    "[JSON $.list[*]] contains 9",
    "len([JSON $.list]) > 9",
    "[JSON $.list] == 1",
    "not [STATUS] == 200",
    "not ([STATUS] == 200 and [BODY] contains 'queue')",
    "[STATUS] == 503 or [STATUS] == 404",
    "[STATUS] == 503 and [RTT] < 1ms",
    "[STATUS] == 200 and [RTT] < 1ms",
];

fn assertions() -> Arc<[crate::checks::assertions::Assertion]> {
    let list = serde_json::to_string(ASSERTIONS).expect("it is JSON");
    let check = r#""type": "http", "endpoint_name": "A", "endpoint_url": "https://a", "max_redirects": 1"#;
    let text = format!(r#"{{"checkers": [{{{check}, "assertions": {list}}}]}}"#);
    let (config, problems) = from_text(&text, Path::new(""), &environment());
    assert!(problems.is_empty(), "{:#?}", problems.lines("", &text));
    Arc::clone(&config.expect("it is valid").checks[0].assertions)
}

fn evaluated(heading: &str, text: &mut String, seen: &ProbeData, attempt: &Attempt) {
    let _ = writeln!(text, "## {heading}\n");
    let evidence = Evidence::new(seen, attempt);
    for assertion in assertions().iter() {
        let verdict = assertion.evaluate(&evidence);
        let failure = verdict.failure.unwrap_or_else(|| "(holds)".to_owned());
        let _ = writeln!(text, "{}\n  found: {}\n  {failure}", assertion.text, verdict.observed);
    }
    text.push('\n');
}

#[test]
fn outcomes_of_assertions() {
    let milliseconds = |count: Nanos| Some(count * 1_000_000);
    let phases =
        Phases { dns: milliseconds(2), connect: milliseconds(20), tls: milliseconds(30), ttfb: milliseconds(40) };
    let attempt = Attempt { rtt: 95_000_000, error: None, phases };
    let body = |text: &str| Some(text.as_bytes().to_vec());
    let seen = ProbeData {
        status: Some(200),
        headers: Some(HeaderMap::from_iter([(http::header::SERVER, HeaderValue::from_static("nginx"))])),
        body: body(r#"{"queue": 7, "name": "store", "list": [1, 2, 3]}"#),
        certificate_expires_in: Some(9 * DAY),
        redirect: Some("/login".to_owned()),
        ..ProbeData::default()
    };
    let mut text = String::new();
    evaluated("all data", &mut text, &seen, &attempt);
    let cut = Some("only the first 9 bytes of the body were read (`body_limit`)".to_owned());
    evaluated(
        "the body was cut off",
        &mut text,
        &ProbeData { body: body("queue: [7"), truncation: cut, ..seen.clone() },
        &attempt,
    );
    evaluated("the body is not JSON", &mut text, &ProbeData { body: body("all is well"), ..seen }, &attempt);
    evaluated("no data", &mut text, &ProbeData::default(), &Attempt::default());
    assert_text("assertions", &text);
}

#[test]
fn sets_of_status_codes() {
    let read = |text: &str| {
        let codes = StatusCodes::try_from(serde_json::from_str::<serde_json::Value>(text).expect("it is JSON"));
        codes.map_or_else(|error| format!("refused: {error}"), |codes| codes.to_string())
    };
    assert_list(
        "status_codes",
        &["200", "0", r#""2xx""#, r#""200-299""#, r#"["2xx", 404, "500-503"]"#, r#""9xx""#, "[]", "true", "99"]
            .map(|text| (text, read(text))),
    );
}

#[test]
fn statuses_and_their_reasons() {
    let record = |error: Option<&str>, warning: Option<&str>| AttemptRecord {
        attempt: Attempt { rtt: SECOND, error: error.map(str::to_owned), ..Attempt::default() },
        warning: warning.map(str::to_owned),
        ..AttemptRecord::default()
    };
    let outcome = |outcome, check: &Check| {
        let evaluation = evaluate(outcome, check);
        let notice = if evaluation.notice.is_empty() { "(no notice)" } else { &evaluation.notice };
        format!("{}: {notice}", evaluation.status)
    };
    let attempt = |error, warning| CheckOutcome::Attempts(vec![record(error, warning)]);
    let (usual, warns, slow) =
        (check_with(0, Status::Down), check_with(0, Status::Degraded), check_with(SECOND / 2, Status::Down));
    assert_list(
        "conclusions",
        &[
            ("no attempt", outcome(CheckOutcome::Attempts(Vec::new()), &usual)),
            ("skipped", outcome(CheckOutcome::Skipped { reason: "a reason".to_owned() }, &usual)),
            ("failed", outcome(attempt(Some("refused"), None), &usual)),
            ("failed, only a warning", outcome(attempt(Some("refused"), None), &warns)),
            ("a warning", outcome(attempt(None, Some("certificate expires in 9 d")), &usual)),
            ("too slow", outcome(attempt(None, None), &slow)),
            ("healthy", outcome(attempt(None, None), &usual)),
        ],
    );
}
