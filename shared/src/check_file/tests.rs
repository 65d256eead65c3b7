use super::*;
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

/// A check file with the results of a misconfigured check and of a missed check, and a result without a notice.
const UNKNOWN: &str = include_str!("../../golden/1796088000123456789-eu-west-check.json");

#[test]
fn a_result_without_attempts_has_a_placeholder_that_is_not_counted() {
    let file = CheckFile::parse(UNKNOWN.as_bytes()).expect("we wrote it");
    assert_eq!((file.results.len(), file.skipped.len()), (3, 0));
    for result in &file.results {
        assert_eq!((result.status, result.attempts.as_slice()), (Status::Unknown, &[][..]), "{result:?}");
    }
    assert_eq!(file.results[0].reason(), Some("invalid configuration: `checkers[0].endpoint_url`: invalid URL"));
    assert_eq!(write_check_file(&file.results), UNKNOWN.trim_end());

    let long = CheckResult { notice: "ä".repeat(2 * ERROR_LIMIT), ..CheckResult::default() };
    let written = write_check_file(&[long]);
    let file = CheckFile::parse(written.as_bytes()).expect("we wrote it");
    assert_eq!(file.results[0].attempts, []);
}

/// A check file with certificates that expire in several days or within a day, and a failed check's result without one.
const WITH_CERTIFICATES: &str = include_str!("../../golden/1796089000123456789-eu-west-check.json");

#[test]
fn the_days_of_a_certificate_in_earlier_files_are_converted() {
    let file = CheckFile::parse(WITH_CERTIFICATES.as_bytes()).expect("we wrote it");
    let days: Vec<Option<u32>> = file.results.iter().map(CheckResult::certificate_days).collect();
    assert_eq!((days.as_slice(), file.skipped.len()), (&[Some(80), Some(0), Some(13), None][..], 0));
    let first = &file.results[0];
    assert_eq!(first.certificate_expiry, Some(first.timestamp + 80 * DAY));
    let written = CheckFile::parse(write_check_file(&file.results).as_bytes()).expect("we wrote it");
    assert_eq!(written, file);
    for unusable in [r#""cert":-1,"timestamp":1"#, r#""cert":80"#] {
        let content = format!(r#"[{{"title":"A",{unusable}}}]"#);
        let file = CheckFile::parse(content.as_bytes()).expect("it is an array");
        assert_eq!(file.results[0].certificate_expiry, None, "{unusable}");
    }
}

/// A check file with status codes, exit statuses and the times at which certificates expire.
const WITH_CODES: &str = include_str!("../../golden/1796091000123456789-eu-west-check.json");

#[test]
fn codes_and_the_expiry_of_certificates_are_stored_and_optional() {
    let file = CheckFile::parse(WITH_CODES.as_bytes()).expect("we wrote it");
    let found: Vec<_> =
        file.results.iter().map(|result| (result.code, result.certificate_expiry, result.certificate_days())).collect();
    let expiry = 1_803_003_400_000_000_000;
    let expected =
        [(Some(200), Some(expiry), Some(80)), (Some(503), None, None), (Some(0), None, None), (None, None, None)];
    assert_eq!((found.as_slice(), file.skipped.len()), (&expected[..], 0));
    assert_eq!(write_check_file(&file.results), WITH_CODES.trim_end());
    let content = br#"[{"title":"A","code":4294967296}]"#;
    assert_eq!(CheckFile::parse(content).expect("it is an array").results[0].code, None);
}

#[test]
fn the_decisive_attempt_agrees_with_the_status() {
    let failed = |error: &str| Attempt { error: Some(error.to_owned()), ..Attempt::default() };
    let answered = Attempt { rtt: 1, ..Attempt::default() };
    let result =
        |status, attempts: &[Attempt]| CheckResult { status, attempts: attempts.to_vec(), ..CheckResult::default() };
    let down = result(Status::Down, &[failed("a"), failed("b"), answered.clone()]);
    assert_eq!(down.decisive_attempt(), Some(&failed("b")));
    let healthy = result(Status::Healthy, &[answered.clone(), failed("a")]);
    assert_eq!(healthy.decisive_attempt(), Some(&answered));
    // A missing answer can be the expected one.
    assert_eq!(result(Status::Healthy, &[failed("a")]).decisive_attempt(), Some(&failed("a")));
    assert_eq!(result(Status::Healthy, &[]).decisive_attempt(), None);
}

/// A check file with a message that is also a post, and one that is not.
const WITH_POST: &str = include_str!("../../golden/1796090000123456789-eu-west-check.json");

#[test]
fn a_result_names_the_post_of_its_message() {
    let file = CheckFile::parse(WITH_POST.as_bytes()).expect("we wrote it");
    let post = "1796089999123456789-anna".parse().expect("an id");
    assert_eq!(file.results.iter().map(|result| result.post.as_deref()).collect::<Vec<_>>(), [Some(&post), None]);
    assert_eq!(write_check_file(&file.results), WITH_POST.trim_end());
    for unusable in ["7", "\"anna\"", "null"] {
        let content = format!(r#"[{{"title":"A","message":"We know.","post":{unusable}}}]"#);
        let file = CheckFile::parse(content.as_bytes()).expect("it is an array");
        assert_eq!((file.results.len(), file.results[0].post.as_deref()), (1, None), "{unusable}");
    }
}

/// Computes the median of a result's attempts as the original Checkup's page does and, like that page, fails if there
/// are no attempts.
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
        assert_eq!(CheckFile::validate(content.as_bytes()).err().map(|error| error.to_string()), error);
        match expected {
            None => assert_eq!(error, None),
            Some(expected) => assert!(error.as_ref().is_some_and(|error| error.contains(expected)), "{error:?}"),
        }
    }
}

#[test]
fn attempts_take_no_more_memory_than_they_need() {
    let file = CheckFile::parse(br#"[{"times":[{"rtt":1}]},{"times":[]},{}]"#).expect("it is an array");
    assert_eq!(file.results.iter().map(|result| result.attempts.capacity()).collect::<Vec<_>>(), [1, 0, 0]);
    assert_eq!(file.results.capacity(), 3);
}

#[test]
fn the_memory_of_results_has_a_bound() {
    for golden in GOLDEN {
        let file = CheckFile::parse(golden.as_bytes()).expect("the original wrote this file");
        let texts = |result: &CheckResult| result.title.len() + result.locator.len() + result.notice.len();
        let attempts = file.results.iter().map(|result| size_of_val(result.attempts.as_slice()));
        let all = size_of_val(file.results.as_slice()) + file.results.iter().map(texts).chain(attempts).sum::<usize>();
        let bound = CheckFile::memory_bound(golden.as_bytes());
        assert!(bound >= all && bound < 10 * golden.len(), "{bound} for {all}");
    }
    let empty = format!("[{}{{}}]", "{},".repeat(999));
    assert!(CheckFile::memory_bound(empty.as_bytes()) >= 1_000 * size_of::<CheckResult>());
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

/// Generates a code, and a time at which a certificate expires.
fn any_code_and_expiry() -> impl Strategy<Value = (Option<i32>, Option<UnixNanos>)> {
    (prop::option::of(any::<i32>()), prop::option::of(MAX_CERTIFICATE_DAYS + 1..i64::MAX))
}

/// Generates any result that a checker can write.
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
        (any_code_and_expiry(), prop::option::of(prop::sample::select(vec!["99.9% over 30d", "50% over 1d"]))),
        prop::option::of("[a-z0-9._-]{1,64}"),
        (prop::option::of(any::<u32>()), prop::option::of("1[0-9]{18}-[a-z0-9]{1,9}")),
    );
    (first, second).prop_map(
        |(
            (title, locator, timestamp, attempts, threshold),
            (
                status,
                notice,
                message,
                node,
                kind,
                interval,
                verdict,
                ((code, certificate_expiry), objective),
                id,
                (position, post),
            ),
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
                code,
                certificate_expiry,
                objective: objective.map(|objective| Box::new(objective.parse().expect("it is an objective"))),
                id: id.map(String::into_boxed_str),
                position,
                post: post.map(|post| Box::new(post.parse().expect("it is an ID"))),
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
                "title" | "endpoint" | "notice" | "message" | "node" | "kind" | "verdict" | "slo" | "id" | "post" => {
                    value.is_string()
                }
                "timestamp" | "threshold" | "interval" | "code" | "cert" | "position" => value.is_i64(),
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
    fn any_key_can_be_missing(result in any_result(), left_out in prop::collection::hash_set(0_usize..20, 0..20)) {
        let keys = ["title", "endpoint", "timestamp", "times", "threshold", "healthy", "degraded", "down", "notice", "message", "node", "kind", "interval", "verdict", "code", "cert", "slo", "id", "position", "post"];
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
        prop_assert_eq!(CheckFile::validate(&content), CheckFile::parse(&content).map(|_| ()));
    }

    #[test]
    fn a_truncated_file_is_rejected(cut in 0_usize..2_000) {
        let golden = GOLDEN[0].trim_end().as_bytes();
        prop_assert!(CheckFile::parse(&golden[..cut.min(golden.len() - 1)]).is_err());
    }
}
