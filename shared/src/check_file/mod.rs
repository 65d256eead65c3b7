//! Check files: a JSON array of results, with the keys of the original Checkup and additional optional ones.
//!
//! Parsing is lenient: every key can be missing, unknown keys are ignored, and an invalid element does not affect the
//! others. Writing is exact ([`mod@format`]).

mod format;

pub use self::format::write_check_file;

use crate::json::{self, Json, UnexpectedType};
use crate::object_name::{CheckFileName, NodeName};
use crate::quorum::Quorum;
use crate::status::Status;
use crate::{Nanos, UnixNanos};

/// The maximum length of a title, in characters: pages show it on one line.
pub const TITLE_LIMIT: usize = 200;
/// The maximum length of a locator, in characters.
pub const LOCATOR_LIMIT: usize = 2_000;
/// The maximum length of an error or notice, in characters: a sentence and a line of output.
pub const ERROR_LIMIT: usize = 1_000;
/// The maximum length of a message, in characters: an announcement, not a document.
pub const MESSAGE_LIMIT: usize = 20_000;
/// The maximum number of attempts of a check.
pub const ATTEMPTS_LIMIT: usize = 1_000;
/// The size limit of a check file or history for the page, in bytes. A file with ten thousand results fits, and a larger
/// object does not block the page.
pub const OBJECT_SIZE_LIMIT: usize = 8 << 20;
/// The maximum number of results in a file. In 8 MB, there could be millions of empty ones, each of which takes 200 bytes
/// of memory.
pub const RESULTS_LIMIT: usize = 100_000;
/// The maximum number of attempts in a file, for the same reason.
pub const ATTEMPTS_PER_FILE_LIMIT: usize = 400_000;
/// The maximum number of JSON values in a result: more than [`ATTEMPTS_LIMIT`] attempts contain.
const VALUES_LIMIT: usize = 10_000;

/// One attempt of a check.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attempt {
    /// Round-trip time of the whole attempt in nanoseconds.
    pub rtt: Nanos,
    /// Why the attempt failed, in words.
    pub error: Option<String>,
    /// The parts of the round-trip time.
    pub phases: Phases,
}

/// The phases of an attempt, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Phases {
    /// Resolving the host name; `None` for an IP address.
    pub dns: Option<Nanos>,
    /// The TCP handshake, summed over redirects like all phases.
    pub connect: Option<Nanos>,
    /// The TLS handshake; `None` if the attempt did not use TLS.
    pub tls: Option<Nanos>,
    /// From sending the request to the first byte of the response.
    pub ttfb: Option<Nanos>,
}

/// One check of one endpoint by one node: its attempts and the resulting status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckResult {
    /// The name of the endpoint.
    pub title: String,
    /// The URL, `host:port` or command (the key `endpoint`).
    pub locator: String,
    /// When the check started; 0 if the file does not contain it (see [`CheckFile::stored_as`]).
    pub timestamp: UnixNanos,
    /// The attempts in order (the key `times`).
    pub attempts: Vec<Attempt>,
    /// If the median round-trip time is above this, the endpoint is degraded. In nanoseconds; 0 means no threshold.
    pub threshold: Nanos,
    /// Stored as the key `healthy`, `degraded` or `down`; if unknown, without any of them.
    pub status: Status,
    /// The reason for the status, in words. Can be empty.
    pub notice: String,
    /// An announcement in limited HTML that a person posted (see [`crate::message`]). Can be empty.
    pub message: String,
    /// The node that ran the check. The original's files do not contain it.
    pub node: Option<NodeName>,
    /// The kind of check, for example `http`. The original's files do not contain it.
    pub kind: Option<String>,
    /// The time until the next check in nanoseconds. The original's files do not contain it.
    pub interval: Option<Nanos>,
    /// How many nodes must agree (the key `verdict`), by default a majority. The original's files do not contain it.
    pub quorum: Quorum,
}

/// Identifies an endpoint. It includes the title, so that two checks of the same URL are separate endpoints.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EndpointKey {
    /// The name of the endpoint.
    pub title: String,
    /// The URL, `host:port` or command.
    pub locator: String,
}

impl CheckResult {
    /// The endpoint of this result.
    #[must_use]
    pub fn endpoint_key(&self) -> EndpointKey {
        EndpointKey { title: self.title.clone(), locator: self.locator.clone() }
    }

    /// The notice; without one, the error of the last failed attempt.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        if !self.notice.is_empty() {
            return Some(&self.notice);
        }
        self.attempts.iter().rev().find_map(|attempt| attempt.error.as_deref())
    }
}

/// The content of a check file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckFile {
    /// The valid results, in the order of the file.
    pub results: Vec<CheckResult>,
    /// The elements that are not valid results.
    pub skipped: Vec<SkippedElement>,
}

/// An invalid element of a check file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedElement {
    /// The index in the file's array.
    pub index: usize,
    /// Why it is invalid, in at most [`ERROR_LIMIT`] characters.
    pub reason: String,
}

/// The object is not a check file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid check file: {0}")]
pub struct InvalidCheckFile(String);

impl CheckFile {
    /// Parses a check file, except for invalid elements. The elements are read one by one, so that a hostile file takes
    /// little more memory than its results.
    pub fn parse(content: &[u8]) -> Result<CheckFile, InvalidCheckFile> {
        let text = std::str::from_utf8(content).map_err(|error| InvalidCheckFile(error.to_string()))?;
        if !text.trim_start().starts_with('[') {
            return Err(InvalidCheckFile("expected an array of results".to_owned()));
        }
        let mut file = CheckFile::default();
        let mut attempts_left = ATTEMPTS_PER_FILE_LIMIT;
        let read = json::each_element(text, VALUES_LIMIT, |element| {
            let index = file.results.len() + file.skipped.len();
            if index >= RESULTS_LIMIT {
                return Err("more results than a check file can have");
            }
            match read_result(&element) {
                Ok(result) => {
                    let attempts = result.attempts.len();
                    attempts_left =
                        attempts_left.checked_sub(attempts).ok_or("more attempts than a check file can have")?;
                    file.results.push(result);
                }
                Err(reason) => file.skipped.push(SkippedElement { index, reason: shortened(reason, ERROR_LIMIT) }),
            }
            Ok(())
        });
        read.map_err(|error| InvalidCheckFile(error.to_string()))?;
        Ok(file)
    }

    /// Takes the node, and times that results lack, from the name of the object.
    #[must_use]
    pub fn stored_as(mut self, name: &CheckFileName) -> CheckFile {
        for result in &mut self.results {
            if result.timestamp <= 0 {
                result.timestamp = name.stored_at;
            }
            // Permissions restrict which names a node can write, but not the content: a node can report only for
            // itself.
            result.node.clone_from(&name.node);
        }
        self
    }
}

/// Shortens a string to `limit` characters. The last one is then an ellipsis.
#[must_use]
pub fn shortened(mut text: String, limit: usize) -> String {
    if text.len() <= limit {
        return text;
    }
    if let Some((cut, _)) = text.char_indices().nth(limit) {
        let last = text[..cut].char_indices().next_back().map_or(0, |(at, _)| at);
        text.truncate(last);
        text.push('…');
    }
    text
}

fn read_result(element: &Json<'_>) -> Result<CheckResult, String> {
    if !matches!(element, Json::Object(_)) {
        return Err("expected an object".to_owned());
    }
    read_members(element).map_err(|wrong| wrong.to_string())
}

fn read_members(element: &Json<'_>) -> Result<CheckResult, UnexpectedType> {
    // If several are set, the worst one counts.
    let mut status = Status::Unknown;
    for (key, each) in [("healthy", Status::Healthy), ("degraded", Status::Degraded), ("down", Status::Down)] {
        if element.bool(key)? {
            status = each;
        }
    }
    let attempts = element.array("times")?.iter().take(ATTEMPTS_LIMIT).map(read_attempt);
    let mut attempts = attempts.collect::<Result<Vec<Attempt>, _>>()?;
    let notice = read_text(element, "notice", ERROR_LIMIT)?;
    if attempts.len() == 1 && attempts[0].rtt == 0 && attempts[0] == format::placeholder(&notice) {
        attempts.clear();
    }
    Ok(CheckResult {
        title: read_text(element, "title", TITLE_LIMIT)?,
        locator: read_text(element, "endpoint", LOCATOR_LIMIT)?,
        timestamp: read_nanos(element, "timestamp")?.unwrap_or(0),
        attempts,
        threshold: read_nanos(element, "threshold")?.unwrap_or(0),
        status,
        notice,
        message: read_text(element, "message", MESSAGE_LIMIT)?,
        node: element.string("node")?.and_then(|node| NodeName::new(node).ok()),
        kind: Some(read_text(element, "kind", TITLE_LIMIT)?).filter(|kind| !kind.is_empty()),
        interval: read_nanos(element, "interval")?.filter(|interval| *interval > 0),
        quorum: element.string("verdict")?.and_then(|policy| policy.parse().ok()).unwrap_or_default(),
    })
}

fn read_attempt(element: &Json<'_>) -> Result<Attempt, UnexpectedType> {
    Ok(Attempt {
        rtt: read_nanos(element, "rtt")?.unwrap_or(0),
        error: Some(read_text(element, "error", ERROR_LIMIT)?).filter(|error| !error.is_empty()),
        phases: Phases {
            dns: read_nanos(element, "dns")?,
            connect: read_nanos(element, "connect")?,
            tls: read_nanos(element, "tls")?,
            ttfb: read_nanos(element, "ttfb")?,
        },
    })
}

fn read_text(element: &Json<'_>, key: &str, limit: usize) -> Result<String, UnexpectedType> {
    Ok(shortened(element.string(key)?.unwrap_or_default().to_owned(), limit))
}

/// Negative times and durations become 0.
fn read_nanos(element: &Json<'_>, key: &str) -> Result<Option<Nanos>, UnexpectedType> {
    Ok(element.integer(key)?.map(|nanos| nanos.max(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Stats;
    use proptest::prelude::*;

    const GOLDEN: [&str; 3] = [
        include_str!("../../golden/1795330254340493978-check.json"),
        include_str!("../../golden/1795330255356052177-check.json"),
        include_str!("../../golden/1795330256374067482-check.json"),
    ];

    #[test]
    fn files_of_the_original_round_trip_to_the_byte() {
        for golden in GOLDEN {
            let file = CheckFile::parse(golden.as_bytes()).expect("the original wrote this file");
            assert_eq!((file.results.len(), file.skipped.len()), (10, 0));
            assert_eq!(write_check_file(&file.results), golden.trim_end());
        }
    }

    #[test]
    fn files_of_the_original_have_the_expected_content() {
        let file = CheckFile::parse(GOLDEN[1].as_bytes()).expect("the original wrote this file");
        let shop = &file.results[0];
        assert_eq!((shop.title.as_str(), shop.status, shop.attempts.len()), ("Shop", Status::Healthy, 5));
        assert!(shop.message.starts_with("We're <b>investigating</b>"));
        assert_eq!(shop.attempts[0].rtt, 746_861);
        assert_eq!((shop.node.clone(), shop.interval), (None, None));
        let refused = &file.results[4];
        assert_eq!(refused.status, Status::Down);
        assert!(refused.reason().is_some_and(|reason| reason.ends_with("connection refused")));
    }

    #[test]
    fn an_invalid_element_is_skipped_and_reported() {
        let content =
            br#"[{"title":"A","healthy":true},{"title":7},"text",{"title":"B","times":[{"rtt":1e300}]},{"title":"C"}]"#;
        let file = CheckFile::parse(content).expect("it is an array");
        let titles: Vec<&str> = file.results.iter().map(|result| result.title.as_str()).collect();
        assert_eq!(titles, ["A", "C"]);
        assert_eq!(file.skipped.iter().map(|skipped| skipped.index).collect::<Vec<_>>(), [1, 2, 3]);
    }

    /// The results of a misconfigured check and of a missed check, and a result without a notice.
    const UNKNOWN: &str = include_str!("../../golden/1796088000123456789-eu-west-check.json");

    #[test]
    fn a_result_without_attempts_has_a_placeholder_that_is_not_counted() {
        let file = CheckFile::parse(UNKNOWN.as_bytes()).expect("we wrote it");
        assert_eq!((file.results.len(), file.skipped.len()), (3, 0));
        for result in &file.results {
            assert_eq!((result.status, result.attempts.as_slice()), (Status::Unknown, &[][..]), "{result:?}");
            assert_eq!(Stats::from_attempts(&result.attempts), None);
        }
        assert_eq!(file.results[0].reason(), Some("invalid configuration: `checkers[0].endpoint_url`: invalid URL"));
        assert_eq!(write_check_file(&file.results), UNKNOWN.trim_end());

        let long = CheckResult { notice: "ä".repeat(2 * ERROR_LIMIT), ..CheckResult::default() };
        let written = write_check_file(&[long]);
        let file = CheckFile::parse(written.as_bytes()).expect("we wrote it");
        assert_eq!(file.results[0].attempts, []);
    }

    /// What the original's page computes for each result; without attempts, it fails.
    fn median_of_the_original(result: &serde_json::Value) -> f64 {
        let mut rtts: Vec<f64> =
            result["times"].as_array().expect("times").iter().map(|time| time["rtt"].as_f64().expect("rtt")).collect();
        rtts.sort_by(f64::total_cmp);
        let half = rtts.len() / 2;
        if rtts.len().is_multiple_of(2) { f64::midpoint(rtts[half - 1], rtts[half]).round() } else { rtts[half] }
    }

    #[test]
    fn the_original_can_compute_the_statistics_of_every_result() {
        let mut unknown = CheckResult { status: Status::Unknown, ..CheckResult::default() };
        for notice in ["", "1 check missed: the checker was suspended or overloaded"] {
            notice.clone_into(&mut unknown.notice);
            let written: serde_json::Value =
                serde_json::from_str(&write_check_file(std::slice::from_ref(&unknown))).expect("it is JSON");
            assert!(median_of_the_original(&written[0]).abs() < f64::EPSILON);
            assert!(["healthy", "degraded", "down"].iter().all(|key| written[0].get(key).is_none()), "{written}");
        }
    }

    #[test]
    fn a_real_attempt_is_kept() {
        for times in [
            r#"[{"rtt":1,"error":"refused"}]"#,
            r#"[{"rtt":0,"error":"other"}]"#,
            r#"[{"rtt":0,"error":"refused"},{"rtt":0,"error":"refused"}]"#,
            r#"[{"rtt":0}]"#,
        ] {
            let content = format!(r#"[{{"down":true,"notice":"refused","times":{times}}}]"#);
            let file = CheckFile::parse(content.as_bytes()).expect("it is an array");
            assert!(!file.results[0].attempts.is_empty(), "{times}");
        }
    }

    #[test]
    fn other_content_is_rejected() {
        for content in ["", "{}", "null", "[{\"title\":\"A\"", "\u{0}", "[1,2"] {
            assert!(CheckFile::parse(content.as_bytes()).is_err(), "{content}");
        }
        assert!(CheckFile::parse(&[0xff, 0xfe]).is_err());
    }

    #[test]
    fn files_with_too_many_results_or_attempts_are_rejected() {
        let array = |element: &str, count: usize| format!("[{}]", vec![element; count].join(","));
        let attempts = format!("{{\"times\":{}}}", array("{}", ATTEMPTS_LIMIT));
        for (content, expected) in [
            (array("{}", RESULTS_LIMIT), None),
            (array("{}", RESULTS_LIMIT + 1), Some("more results than a check file can have")),
            (array("1", RESULTS_LIMIT + 1), Some("more results than a check file can have")),
            (array(&attempts, ATTEMPTS_PER_FILE_LIMIT / ATTEMPTS_LIMIT), None),
            (
                array(&attempts, ATTEMPTS_PER_FILE_LIMIT / ATTEMPTS_LIMIT + 1),
                Some("more attempts than a check file can have"),
            ),
            (format!("[{{\"times\":{}}}]", array("{}", VALUES_LIMIT)), Some("an element with too many values")),
        ] {
            let error = CheckFile::parse(content.as_bytes()).err().map(|error| error.to_string());
            match expected {
                None => assert_eq!(error, None),
                Some(expected) => assert!(error.as_ref().is_some_and(|error| error.contains(expected)), "{error:?}"),
            }
        }
    }

    #[test]
    fn missing_times_null_and_unknown_keys_are_accepted() {
        let content = br#"[{"title":"A","down":true,"times":null,"color":"red"},{}]"#;
        let file = CheckFile::parse(content).expect("it is an array");
        assert_eq!(file.results.len(), 2);
        assert_eq!(file.results[0].status, Status::Down);
        assert_eq!(file.results[1], CheckResult::default());
    }

    #[test]
    fn the_worst_of_several_statuses_counts() {
        let file = CheckFile::parse(br#"[{"healthy":true,"down":true}]"#).expect("it is an array");
        assert_eq!(file.results[0].status, Status::Down);
    }

    #[test]
    fn long_strings_are_shortened_when_parsed_and_written() {
        let endless = "ä".repeat(5_000_000);
        let content = serde_json::json!([{ "title": endless, "times": [{ "rtt": 1, "error": endless }] }]);
        let file = CheckFile::parse(content.to_string().as_bytes()).expect("it is an array");
        assert_eq!(file.results[0].title.chars().count(), TITLE_LIMIT);
        let result = CheckResult { message: endless, ..CheckResult::default() };
        assert!(write_check_file(&[result]).len() < 3 * MESSAGE_LIMIT);
    }

    #[test]
    fn a_file_without_a_node_in_its_name_does_not_speak_for_nodes() {
        let name = CheckFileName::parse("1795330254340493978-check.json").expect("it is a name");
        let file = CheckFile::parse(br#"[{"title":"A","node":"eu-west"}]"#).expect("it is an array").stored_as(&name);
        assert_eq!(file.results[0].node, None);
    }

    #[test]
    fn the_name_gives_the_node_and_a_missing_time() {
        let name = CheckFileName::parse("1795330254340493978-eu-west-check.json").expect("it is a name");
        let content = br#"[{"title":"A","node":"mallory"},{"title":"B","timestamp":7}]"#;
        let file = CheckFile::parse(content).expect("it is an array").stored_as(&name);
        assert_eq!(file.results[0].timestamp, 1_795_330_254_340_493_978);
        assert_eq!(file.results[1].timestamp, 7);
        assert_eq!(file.results[0].node.as_ref().map(NodeName::as_str), Some("eu-west"));
    }

    /// Any result that a checker can write.
    fn any_result() -> impl Strategy<Value = CheckResult> {
        let text = || "[a-zA-Z<>&\u{2028}\"'\\\\ äß☃\n]{0,40}";
        let optional = || prop::option::of(0..i64::MAX);
        let phases = (optional(), optional(), optional(), optional()).prop_map(|(dns, connect, tls, ttfb)| Phases {
            dns,
            connect,
            tls,
            ttfb,
        });
        let error = prop::option::of(text().prop_filter("errors are not empty", |text| !text.is_empty()));
        let attempt = (0..i64::MAX, error, phases).prop_map(|(rtt, error, phases)| Attempt { rtt, error, phases });
        let first = (text(), text(), 0..i64::MAX, prop::collection::vec(attempt, 0..6), 0..i64::MAX);
        let second = (
            prop::sample::select(Status::ALL.to_vec()),
            text(),
            text(),
            prop::option::of("[a-z0-9-]{1,32}"),
            prop::option::of("[a-z]{1,9}"),
            prop::option::of(1..i64::MAX),
            prop::sample::select(vec!["any", "majority", "all", "1", "7"]),
        );
        (first, second).prop_map(
            |(
                (title, locator, timestamp, attempts, threshold),
                (status, notice, message, node, kind, interval, verdict),
            )| {
                CheckResult {
                    title,
                    locator,
                    timestamp,
                    attempts,
                    threshold,
                    status,
                    notice,
                    message,
                    node: node.and_then(|node| NodeName::new(&node).ok()),
                    kind,
                    interval,
                    quorum: verdict.parse().expect("it is a policy"),
                }
            },
        )
    }

    proptest! {
        #[test]
        fn any_result_round_trips(results in prop::collection::vec(any_result(), 0..5)) {
            let written = write_check_file(&results);
            let file = CheckFile::parse(written.as_bytes()).expect("we wrote it");
            prop_assert_eq!(file, CheckFile { results, skipped: Vec::new() });
        }

        #[test]
        fn written_keys_and_types_are_the_originals(result in any_result()) {
            let written: serde_json::Value = serde_json::from_str(&write_check_file(&[result])).expect("it is JSON");
            let result = &written[0];
            for (key, value) in result.as_object().expect("a result is an object") {
                let as_in_go = match key.as_str() {
                    "title" | "endpoint" | "notice" | "message" | "node" | "kind" | "verdict" => value.is_string(),
                    "timestamp" | "threshold" | "interval" => value.is_i64(),
                    "healthy" | "degraded" | "down" => value == &serde_json::Value::Bool(true),
                    "times" => value.as_array().is_some_and(|times| times.iter().all(|attempt| attempt["rtt"].is_i64())),
                    _ => false,
                };
                prop_assert!(as_in_go, "{key}: {value}");
            }
            let attempts = result.get("times").and_then(serde_json::Value::as_array).map_or(0, Vec::len);
            prop_assert!(attempts > 0, "the original's page fails without attempts");
            let statuses = ["healthy", "degraded", "down"].iter().filter(|key| result.get(**key).is_some()).count();
            prop_assert!(statuses <= 1);
        }

        #[test]
        fn any_key_can_be_missing(result in any_result(), left_out in prop::collection::hash_set(0_usize..14, 0..14)) {
            let keys = ["title", "endpoint", "timestamp", "times", "threshold", "healthy", "degraded", "down", "notice", "message", "node", "kind", "interval", "verdict"];
            let mut written: serde_json::Value = serde_json::from_str(&write_check_file(&[result])).expect("it is JSON");
            let object = written[0].as_object_mut().expect("a result is an object");
            for index in left_out {
                object.remove(keys[index]);
            }
            let file = CheckFile::parse(written.to_string().as_bytes()).expect("it is an array");
            prop_assert_eq!((file.results.len(), file.skipped.len()), (1, 0));
        }

        #[test]
        fn parsing_never_panics(content in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = CheckFile::parse(&content);
        }

        #[test]
        fn a_truncated_file_is_rejected(cut in 0_usize..2_000) {
            let golden = GOLDEN[0].trim_end().as_bytes();
            prop_assert!(CheckFile::parse(&golden[..cut.min(golden.len() - 1)]).is_err());
        }
    }
}
