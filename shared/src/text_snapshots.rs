//! Snapshots of the texts of errors, and of durations as people read them. `INSTA_UPDATE=always` accepts a change of
//! wording.

use std::error::Error;
use std::fmt::Write as _;

use crate::heartbeat::Heartbeat;
use crate::history::{History, Latencies, NotAHistory, Outline};
use crate::json;
use crate::message::Message;
use crate::object_name::{HeartbeatName, NodeName, check_prefix, patterns};
use crate::page_config::PageConfig;
use crate::result::{Attempt, CheckFile, CheckResult};
use crate::status::Status;
use crate::verdict::Policy;
use crate::{DAY, HOUR, MINUTE, Nanos, SECOND, duration};

fn assert_text(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn assert_list(name: &str, texts: &[(&str, String)]) {
    let lines: Vec<String> = texts.iter().map(|(name, text)| format!("{name}: {text}")).collect();
    assert_text(name, &lines.join("\n"));
}

fn of<T: std::fmt::Debug>(result: Result<T, impl Error>) -> String {
    result.expect_err("it is refused").to_string()
}

#[test]
fn errors() {
    let history = |json: &str| of(History::parse(json.as_bytes()));
    let mut errors = vec![
        ("NotANodeName", of(NodeName::new("A B"))),
        ("NotANodeName, empty", of(NodeName::new(""))),
        ("NotAJobName", of(HeartbeatName::of("My job"))),
        ("NotAPrefix::OddSegments", of(check_prefix("/a//"))),
        ("NotAPrefix::NoSlashAtTheEnd", of(check_prefix("status"))),
        ("NotForPatterns", of(patterns::check_prefix("a*/"))),
        ("NotADuration", of(duration::parse("10 parsecs"))),
        ("NotAPolicy", of("most".parse::<Policy>())),
        ("UnknownStatus", of("x".parse::<Status>())),
        ("NotAHeartbeat", of(Heartbeat::parse(b"{}"))),
        ("NotAllowed, one", of(Message::parse_strictly("<script>x</script>"))),
        ("NotAllowed, more", of(Message::parse_strictly("<a href='javascript:1' onclick=1>x</a><img>"))),
        ("NotAHistory::Newer", NotAHistory::Newer(9).to_string()),
        ("NotAHistory::Contradictory", NotAHistory::Contradictory("`files`").to_string()),
    ];
    for text in ["", "[]", "{}", r#"{"version":1}"#, r#"{"version":1,"node":7}"#, r#"{"version":99}"#] {
        errors.push(("History::parse", format!("{text} -> {}", history(text))));
        errors.push(("Latencies::parse", format!("{text} -> {}", of(Latencies::parse(text.as_bytes())))));
        errors.push(("Outline::parse", format!("{text} -> {}", of(Outline::parse(text.as_bytes())))));
    }
    for text in ["", "{}", "[", "[1,]", "[\"a", "\u{feff}[]", "[{\"a\" 1}]", "nul"] {
        errors.push(("NotACheckFile", format!("{text} -> {}", of(CheckFile::parse(text.as_bytes())))));
    }
    errors.push(("NotACheckFile, bytes", of(CheckFile::parse(&[0xff]))));
    assert_list("errors", &errors);
}

#[test]
fn errors_of_json() {
    let mut told = String::new();
    for text in [
        "", "{", "[", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{a:1}", "[1 2]", "[1,]", "{\"a\":1,}", "\"a", "\"\\q\"",
        "\"\\ud800\"", "\"\\u12\"", "tru", "01", "1.", "1e", "-", "1 1", "\"\u{1}\"", "\n\n  x",
    ] {
        let outcome = json::parse(text).map_or_else(|error| error.to_string(), |value| format!("{value:?}"));
        let _ = writeln!(told, "{text:?}: {outcome}");
    }
    let deep = "[".repeat(100_000);
    let _ = writeln!(told, "deep: {}", of(json::parse(&deep)));
    assert_text("errors_of_json", &told);
}

#[test]
fn reasons_why_results_are_skipped() {
    let mut told = String::new();
    for text in [
        "1",
        "{}",
        r#"{"title":1}"#,
        r#"{"title":"a","endpoint":7}"#,
        r#"{"title":"a","timestamp":"x"}"#,
        r#"{"title":"a","timestamp":1.5}"#,
        r#"{"title":"a","times":7}"#,
        r#"{"title":"a","times":[7]}"#,
        r#"{"title":"a","times":[{"rtt":"x"}]}"#,
        r#"{"title":"a","healthy":"yes"}"#,
        r#"{"title":"a","node":"A B"}"#,
        r#"{"title":"a","verdict":"most"}"#,
    ] {
        let file = CheckFile::parse(format!("[{text}]").as_bytes()).expect("it is a list");
        let reasons: Vec<&str> = file.skipped.iter().map(|skipped| skipped.reason.as_str()).collect();
        let _ = writeln!(told, "{text}: {}", if reasons.is_empty() { "(read)".to_owned() } else { reasons.join("; ") });
    }
    assert_text("skipped_results", &told);
}

#[test]
fn problems_of_page_configurations() {
    let source = r#""source":{"type":"http","url":"store/"}"#;
    let s3 = |more: &str| format!(r#"{{"source":{{"type":"s3"{more}}}}}"#);
    let mut texts: Vec<String> = ["", "[]", "{", "{}", r#"{"source":1}"#, r#"{"source":{}}"#, r#"{"source":{"type":"s4"}}"#]
        .map(str::to_owned)
        .to_vec();
    texts.extend([
        r#"{"source":{"type":"http"}}"#.to_owned(),
        r#"{"source":{"type":"http","url":"ftp://a"}}"#.to_owned(),
        r#"{"source":{"type":"http","url":"a","ulr":"b"}}"#.to_owned(),
        s3(""),
        s3(r#","bucket":"b""#),
        s3(r#","bucket":"","region":"""#),
        s3(r#","bucket":"b","region":"r","prefix":"a""#),
        s3(r#","bucket":"b","region":"r","path_style":"yes""#),
        s3(r#","bucket":"b","region":"r","endpoint_url":"a b""#),
        s3(r#","bucket":"b","region":"r","public_access_key_id":"A""#),
        s3(r#","bucket":"b","region":"r","public_access_key":"A""#),
        s3(r#","bucket":"b","region":"r","access_key_id":"A","secret_access_key":"x""#),
    ]);
    for more in [
        r#""title":1"#,
        r#""titel":"x""#,
        r#""zzzz":"x""#,
        r#""range":"x""#,
        r#""range":"1m""#,
        r#""refresh":"1s""#,
        r#""interval":"1ms""#,
        r#""offline":"no""#,
        r#""language":"xx""#,
        r#""logo":7"#,
        r#""logo":"https://elsewhere.example/a.svg""#,
        r#""favicon":"javascript:1""#,
        r#""footer":[]"#,
        r#""links":{}"#,
        r#""links":[1]"#,
        r#""links":[{"text":"x"}]"#,
        r#""links":[{"text":"x","url":"javascript:1"}]"#,
        r#""look":1"#,
        r#""look":{"light":{"ground":"white","grund":"x"},"radius":99,"font":"comic","size":1}"#,
        r#""texts":{"down":{"word":1},"healty":{}}"#,
        r#""groups":1"#,
        r#""groups":[{"endpoints":["a"]},{"title":"b","groups":[{"title":"c","groups":[]}]}]"#,
        r#""groups":[{"title":"a","endpoints":["x"]},{"title":"b","endpoints":["x"]}]"#,
        r#""order":"a""#,
        r#""hide":{"errors":"a","urls":[]}"#,
    ] {
        texts.push(format!("{{{source},{more}}}"));
    }
    let mut told = String::new();
    for text in texts {
        let lines = match PageConfig::parse(&text) {
            Ok(config) if config.skipped.is_empty() => "(valid)".to_owned(),
            Ok(config) => config.skipped.iter().map(|line| format!("skipped: {line}")).collect::<Vec<_>>().join("\n"),
            Err(problems) => problems.to_string(),
        };
        let _ = writeln!(told, "{text}\n{lines}\n");
    }
    assert_text("page_configurations", &told);
}

#[test]
fn reasons_of_heartbeats_and_results() {
    let beat = |exit_status, failed: Option<&str>| {
        Heartbeat { at: 1, exit_status, failed: failed.map(str::to_owned) }.failure().unwrap_or("(none)".to_owned())
    };
    let failed = |error: &str| Attempt { error: Some(error.to_owned()), ..Attempt::default() };
    let result = |notice: &str, attempts| {
        let result = CheckResult { notice: notice.to_owned(), attempts, ..CheckResult::default() };
        result.reason().unwrap_or("(none)").to_owned()
    };
    assert_list(
        "reasons",
        &[
            ("heartbeat, success", beat(Some(0), None)),
            ("heartbeat, exit status", beat(Some(3), None)),
            ("heartbeat, text", beat(None, Some("disk full"))),
            ("heartbeat, both", beat(Some(3), Some("disk full"))),
            ("result, error", result("", vec![failed("connection refused")])),
            ("result, notice", result("a notice", Vec::new())),
            ("result, both", result("a notice", vec![failed("connection refused")])),
        ],
    );
}

#[test]
fn durations_as_people_read_them() {
    let lengths: [Nanos; 12] = [
        0,
        999,
        1_500_000,
        950_000_000,
        SECOND,
        90 * SECOND,
        12 * MINUTE,
        HOUR,
        HOUR + 5 * MINUTE,
        DAY,
        DAY + 2 * HOUR,
        400 * DAY,
    ];
    let mut told = String::new();
    for length in lengths {
        let (words, exact, rtt) = (duration::in_words(length), duration::exact(length), duration::rtt(length));
        let _ = writeln!(told, "{length}: {words} | {exact} | {rtt}");
    }
    assert_text("durations", &told);
}
