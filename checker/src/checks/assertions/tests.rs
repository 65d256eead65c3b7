//! What assertions say, from how they are written to what comes of them.

use proptest::prelude::*;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use shared::check_file::{Attempt, Phases};
use shared::status::Status;

use super::read::from_located;
use super::syntax::parse;
use super::{Assertion, Evidence};
use crate::checks::probe_data::ProbeData;
use crate::config::parser;
use crate::config::problem::Problems;

const DOCUMENTATION: &str = include_str!("../../../../docs/assertions.md");

/// What the documentation's example saw.
fn example() -> (ProbeData, Attempt) {
    let body = DOCUMENTATION.split("```json\n").nth(1).and_then(|rest| rest.split("\n```").next());
    let headers = [("content-type", "application/json"), ("cache-control", "no-store")];
    let headers = headers.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    let seen = ProbeData {
        status: Some(200),
        headers: Some(HeaderMap::from_iter(headers)),
        body: Some(body.expect("the documentation has an example").as_bytes().to_vec()),
        certificate_expires_in: Some(20 * shared::DAY),
        ..ProbeData::default()
    };
    let milliseconds = |count: i64| Some(count * 1_000_000);
    let phases =
        Phases { dns: milliseconds(4), connect: milliseconds(20), tls: milliseconds(45), ttfb: milliseconds(230) };
    (seen, Attempt { rtt: 320_000_000, error: None, phases })
}

#[test]
fn each_example_of_the_documentation_says_what_the_documentation_says() {
    let (seen, attempt) = example();
    let (mut written, mut true_ones) = (Vec::new(), Vec::new());
    for line in DOCUMENTATION.lines().filter(|line| line.starts_with("| `")) {
        // A bar inside an assertion is escaped, since bars part the columns.
        let escaped = line.split(" | ").next().unwrap_or_default();
        let text = escaped.trim_start_matches("| ").trim_matches('`').replace("\\|", "|");
        let expression = parse(&text).unwrap_or_else(|problem| panic!("{problem}"));
        let verdict = Assertion { text, otherwise: Status::Down, expression }.evaluate(&Evidence::new(&seen, &attempt));
        let said = verdict.failure.unwrap_or_else(|| "holds".to_owned());
        written.push(line.to_owned());
        true_ones.push(format!("{escaped} | {} |", said.replace('|', "\\|")));
    }
    assert!(written.len() > 25, "{} examples were observed", written.len());
    assert_eq!(written.join("\n"), true_ones.join("\n"), "what is right would be:\n{}", true_ones.join("\n"));
}

#[test]
fn what_is_no_assertion_is_refused_with_a_reason() {
    for (text, reason) in [
        ("", "it has to begin with `[STATUS]`"),
        ("[STATUS]", "after status there has to be"),
        ("[STATUS] == ", "something to compare with is missing"),
        ("[STATUS] = 200", "after status there has to be"),
        ("[STATUS] == 6xx", "`[STATUS] == 6xx` is none"),
        ("[STATUS] == ok", "a status code such as"),
        ("[STATUS] < 2xx", "`==` or `!=`"),
        ("[STATUS] == 200 201", "`201` is too much"),
        ("[STATE] == 200", "`[STATE]` is not known"),
        ("[STATUS == 200", "a `]` is missing"),
        ("([STATUS] == 200", "a `)` is missing"),
        ("[RTT] < 500", "write one such as `500ms`"),
        ("[CERTIFICATE] > 30", "`30d`"),
        ("[BODY] matches \"(\"", "`(` is no regular expression: unclosed group"),
        ("[BODY] contains \"x", "a closing \" is missing"),
        ("[JSON queue] == 1", "no JSON path"),
        ("[JSON $[?match(@.a, 'x')]] exists", "`match` and `search` are not supported"),
        ("[JSON $.a[?search(@, 'x')]] exists", "`match` and `search` are not supported"),
        ("[JSON $..a..b] exists", "write `..` once"),
        ("[BODY]..*..* exists", "`$..*..*` goes down into everything (`..`) and from there again"),
        ("[JSON $..a['x..y']..[0]] exists", "write `..` once"),
        ("[JSON $..[?@.a == '\\'']..b] exists", "write `..` once"),
        ("[JSON $.a[?count(@..b..c) > 1]] exists", "write `..` once"),
        ("[JSON $[?@.a || $..b..c]] exists", "write `..` once"),
        ("[HEADER] == 1", "`[HEADER]` is not known"),
        ("[HEADER a b] == 1", "no header's name"),
        ("len [BODY] == 1", "in `(` and `)`"),
    ] {
        let refused = parse(text).expect_err(text);
        assert!(refused.contains(reason), "{text}: {refused}");
    }
    for once in [
        "$['it\\'s']",
        "$..a['..'][\"..\"].b",
        "$..[?@..a && @..b]",
        "$[?count($..a) > count($..b)]",
        "$..[?@['..\\'..'] == 1].c",
    ] {
        assert!(parse(&format!("[JSON {once}] exists")).is_ok(), "{once}");
    }
    assert!(parse(&"!".repeat(10_000)).is_err());
    assert!(parse(&"(".repeat(10_000)).is_err());
}

fn tree_of(json: &str) -> Result<Vec<Assertion>, String> {
    let located = parser::parse(json, &|_| None, &mut Problems::default(), None).expect("it is JSON");
    from_located(&located).map_err(|(_, problem)| problem)
}

#[test]
fn objects_combine_assertions_and_say_what_they_mean() {
    let (seen, attempt) = example();
    let assertions = tree_of(
        r#"["[STATUS] == 200",
            {"that": "[RTT] < 100ms", "otherwise": "degraded"},
            {"any": ["[STATUS] == 404", {"all": ["[STATUS] == 2xx", {"not": "[BODY] contains error"}]}]},
            {"not": {"any": ["[STATUS] == 200", "[STATUS] == 404"]}}]"#,
    )
    .expect("they are assertions");
    let evaluated: Vec<_> = assertions
        .iter()
        .map(|assertion| (assertion.otherwise, assertion.evaluate(&Evidence::new(&seen, &attempt)).failure))
        .collect();
    assert_eq!(evaluated[0], (Status::Down, None));
    let slow = "round-trip time is 320 ms, expected < 100ms".to_owned();
    assert_eq!(evaluated[1], (Status::Degraded, Some(slow)));
    assert_eq!(evaluated[2], (Status::Down, None));
    assert!(
        evaluated[3].1.as_deref().is_some_and(|failure| failure.contains("expected not to be so")),
        "{evaluated:?}"
    );
    assert!(assertions[2].capture().body && !assertions[1].capture().body);
    for wrong in [
        "{}",
        "[1]",
        "[{}]",
        r#"[{"any": []}]"#,
        r#"[{"any": ["[STATUS] == 1"], "all": ["[STATUS] == 1"]}]"#,
        r#"[{"that": 1}]"#,
        r#"[{"that": "[STATUS] == 200", "otherwise": "bad"}]"#,
        r#"[{"thta": "[STATUS] == 200"}]"#,
    ] {
        assert!(tree_of(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_body_that_is_no_json_and_numbers_beyond_all_measure_are_said_so() {
    let attempt = Attempt::default();
    let evaluate = |text: &str, body: &[u8]| {
        let seen = ProbeData { body: Some(body.to_vec()), ..ProbeData::default() };
        let expression = parse(text).expect(text);
        let assertion = Assertion { text: String::new(), otherwise: Status::Down, expression };
        assertion.evaluate(&Evidence::new(&seen, &attempt)).failure
    };
    let no_json = evaluate("[BODY].a == 1", b"<html>");
    assert_eq!(no_json.as_deref(), Some("body is no JSON, expected `$.a` 1"));
    assert_eq!(evaluate("[BODY].a > 1", b"{\"a\":1e300}"), None);
    assert_eq!(evaluate("[BODY] == OK", b"OK\r\n"), None);
    assert_eq!(evaluate("[BODY] contains ä", "hä".as_bytes()), None);
    assert!(evaluate("[BODY].a == 1", &b"[".repeat(100_000)).is_some());
    assert!(evaluate("[BODY] contains x", b"\xff\xfe").is_some());
}

#[test]
fn a_body_that_was_cut_off_proves_what_was_found_in_it_and_nothing_else() {
    let cut = "only the first 22 bytes of the body were read (`body_limit`)";
    let seen = ProbeData {
        status: Some(200),
        body: Some(b"{\"a\":1,\"state\":\"ok!\",\"".to_vec()),
        truncation: Some(cut.to_owned()),
        ..ProbeData::default()
    };
    let attempt = Attempt::default();
    let evidence = Evidence::new(&seen, &attempt);
    let evaluate = |text: &str| {
        let expression = parse(text).expect(text);
        Assertion { text: String::new(), otherwise: Status::Down, expression }.evaluate(&evidence).failure
    };
    for holds in [
        "[BODY] contains state",
        "[BODY] matches '\"state\":.*'",
        "[BODY] exists",
        "[BODY_SIZE] > 22",
        "[BODY_SIZE] != 22",
        "len([BODY]) > 21",
        "not [BODY_SIZE] < 10",
        "[BODY] contains error or [STATUS] == 200",
        "not ([BODY] contains error and [STATUS] == 404)",
    ] {
        assert_eq!(evaluate(holds), None, "{holds}");
    }
    for (fails, why) in [
        ("[BODY_SIZE] < 2000000", "size of the body is more than 22, expected < 2000000; "),
        ("[BODY_SIZE] > 23", "size of the body is more than 22, expected > 23; "),
        ("not [BODY] contains error", ""),
        ("not not [BODY] contains error", ""),
        ("[BODY] contains error", "body does not contain `error`"),
        ("[BODY] matches '\"$'", "body does not match"),
        ("not [BODY] matches '\"$'", ""),
        ("[BODY] != error", "body is `{"),
        ("len([BODY]) < 100", "length of body is more than 21, expected < 100; "),
        ("[BODY].a == 1", ""),
        ("not has([BODY].error)", ""),
        ("not ([BODY] contains error or [STATUS] == 404)", ""),
        ("[BODY] contains error or [STATUS] == 404", "body does not contain `error`"),
    ] {
        let failure = evaluate(fails).unwrap_or_else(|| panic!("{fails} holds"));
        assert!(failure.starts_with(why) && failure.contains(cut), "{fails}: {failure}");
    }
    let settled = evaluate("[BODY] contains error and [STATUS] == 404");
    assert_eq!(settled.as_deref(), Some("status is 200, expected 404"));
    assert_eq!(
        evaluate("[BODY_SIZE] < 10").as_deref(),
        Some("size of the body is more than 22, expected < 10"),
        "that is known without the rest"
    );
    assert_eq!(
        evaluate("not [BODY] contains error").as_deref(),
        Some(&*format!("{cut}, which does not rule out body to contain `error`"))
    );
}

#[test]
fn only_a_path_that_looks_around_may_take_longer_than_the_body_is_long() {
    for (text, long) in [
        ("[BODY].a.b[0] == 1", false),
        ("[BODY] contains '..?'", false),
        ("[JSON $[*]] contains 1", false),
        ("[STATUS] == 200 and len([JSON $..a]) > 1", true),
        ("not [JSON $[?count($[*]) > 1]] exists", true),
    ] {
        let expression = parse(text).expect(text);
        assert_eq!(
            Assertion { text: String::new(), otherwise: Status::Down, expression }.can_be_expensive(),
            long,
            "{text}"
        );
    }
}

#[test]
fn what_a_path_leads_to_everywhere_is_neither_copied_nor_written_whole() {
    // Each of the lists contains all that are in it: copies of them all would be ten million values.
    let depth = 120;
    let chains = vec![format!("{}{}", "[".repeat(depth), "]".repeat(depth)); 1_400].join(",");
    let seen = ProbeData { body: Some(format!("[{chains}]").into_bytes()), ..ProbeData::default() };
    let attempt = Attempt::default();
    let evidence = Evidence::new(&seen, &attempt);
    let evaluate = |text: &str| {
        let expression = parse(text).expect(text);
        Assertion { text: String::new(), otherwise: Status::Down, expression }.evaluate(&evidence).failure
    };
    assert_eq!(evaluate("len([JSON $..*]) == 168000"), None);
    // Written one after the other they would be as many bytes, of a body of 336 KB.
    for text in ["[JSON $..*] matches x", "not [JSON $..*] matches x"] {
        let failure = evaluate(text).expect("nobody knows");
        assert_eq!(
            failure, "`$..*` is more than 4194304 bytes, which are not searched, expected `$..*` to match `x`",
            "{text}"
        );
    }
    assert_eq!(evaluate("[JSON $[*]] matches '\\[\\[\\['"), None);
    let failure = evaluate("[JSON $..*] contains 1").expect("there is none");
    assert!(failure.len() < 400 && failure.starts_with("`$..*` does not contain `1` (it is `[[["), "{failure}");
}

proptest! {
    #[test]
    fn no_text_makes_reading_panic(text in "(\\[(STATUS|BODY|JSON|HEADER a)?\\]?|[ -~ä]{0,4}|==|\\(|len){0,12}") {
        let _ = parse(&text);
    }
}
