//! Tests assertions from their text form to their outcome, including the examples in the documentation.

use proptest::prelude::*;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use shared::check_file::{Attempt, Phases};

use super::syntax::parse;
use super::{Assertion, Evidence};
use crate::checks::probe_data::ProbeData;

const DOCUMENTATION: &str = include_str!("../../../../docs/assertions.md");

/// The response used by the examples in the documentation.
fn example() -> (ProbeData, Attempt) {
    let body = DOCUMENTATION.split("```json\n").nth(1).and_then(|rest| rest.split("\n```").next());
    let headers = [("content-type", "application/json"), ("cache-control", "no-store")];
    let headers = headers.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    let data = ProbeData {
        status: Some(200),
        headers: Some(HeaderMap::from_iter(headers)),
        body: Some(body.expect("the documentation has an example").as_bytes().to_vec()),
        certificate_expires_in: Some(20 * shared::DAY),
        ..ProbeData::default()
    };
    let milliseconds = |count: i64| Some(count * 1_000_000);
    let phases =
        Phases { dns: milliseconds(4), connect: milliseconds(20), tls: milliseconds(45), ttfb: milliseconds(230) };
    (data, Attempt { rtt: 320_000_000, error: None, phases })
}

#[test]
fn the_documented_examples_are_correct() {
    let (data, attempt) = example();
    let (mut documented, mut actual) = (Vec::new(), Vec::new());
    for line in DOCUMENTATION.lines().filter(|line| line.starts_with("| `")) {
        // The documentation escapes pipes inside assertions, because pipes separate the columns of a table.
        let escaped = line.split(" | ").next().unwrap_or_default();
        let text = escaped.trim_start_matches("| ").trim_matches('`').replace("\\|", "|");
        let assertion = Assertion::parse(&text).unwrap_or_else(|problem| panic!("{problem}"));
        let result = assertion.evaluate(&Evidence::new(&data, &attempt));
        let outcome = result.failure.unwrap_or_else(|| "holds".to_owned());
        documented.push(line.to_owned());
        actual.push(format!("{escaped} | {} |", outcome.replace('|', "\\|")));
    }
    assert!(documented.len() > 25, "{} examples were found", documented.len());
    assert_eq!(documented.join("\n"), actual.join("\n"), "the correct table is:\n{}", actual.join("\n"));
}

#[test]
fn invalid_assertions_are_rejected_with_a_reason() {
    for (text, reason) in [
        ("", "expected `[STATUS]`, `[RTT]`"),
        ("[STATUS]", "`matches` or `exists` after status"),
        ("[STATUS] == ", "missing value to compare with"),
        ("[STATUS] = 200", "`matches` or `exists` after status"),
        ("[STATUS] == 10xx", "invalid assertion `[STATUS] == 10xx`: invalid status"),
        ("[STATUS] == ok", "a status code such as"),
        ("[STATUS] < 2xx", "`==` or `!=`"),
        ("[STATUS] == 200 201", "unexpected `201`"),
        ("[STATE] == 200", "unknown subject `[STATE]`: expected `[STATUS]`"),
        ("[STATUS == 200", "missing `]`"),
        ("([STATUS] == 200", "missing `)`"),
        ("[RTT] < 500", "write a duration such as `500ms`"),
        ("[CERTIFICATE] > 30", "`30d`"),
        ("[BODY] matches \"(\"", "invalid regular expression `(`: unclosed group"),
        ("[BODY] contains \"x", "missing closing `\"`"),
        ("[JSON queue] == 1", "invalid JSON path `queue`"),
        ("[BODY].my-key == 1", "write `[BODY]['my-key']`"),
        ("[BODY][0].a.my-key exists", "write `[BODY][0].a['my-key']`"),
        ("[JSON $.my-key] == 1", "write `[JSON $['my-key']]`"),
        ("[JSON $[?match(@.a, 'x')]] exists", "`match` and `search` are not supported"),
        ("[JSON $.a[?search(@, 'x')]] exists", "`match` and `search` are not supported"),
        ("[JSON $..a..b] exists", "write `..` once"),
        ("[BODY]..*..* exists", "`$..*..*` contains more than one recursive descent (`..`)"),
        ("[JSON $..a['x..y']..[0]] exists", "write `..` once"),
        ("[JSON $..[?@.a == '\\'']..b] exists", "write `..` once"),
        ("[JSON $.a[?count(@..b..c) > 1]] exists", "write `..` once"),
        ("[JSON $[?@.a || $..b..c]] exists", "write `..` once"),
        ("[JSON $.i[?length(@.c[-2]) == 1]] exists", "write `value(@.c[-2:-1])`"),
        ("[JSON $.i[?@.c[-1].s == 'x']] exists", "write `value(@.c[-1:].s)`"),
        ("[HEADER] == 1", "unknown subject `[HEADER]`"),
        ("[HEADER a b] == 1", "invalid header name `a b`"),
        ("len [BODY] == 1", "missing `(` after `len`"),
        ("len([STATUS]) == 3", "status has no length: remove `len`"),
        ("len([RTT]) < 5", "round-trip time has no length"),
        ("not [RTT] contains 5", "round-trip time is a duration, which cannot be searched"),
        ("[CERTIFICATE] matches '^9'", "is a duration, which cannot be searched"),
        ("[HEADER x-depth] < many", "`<` compares numbers and durations, and `many` is neither"),
        ("[HEADER x-depth] >= '1.2.3'", "`>=` compares numbers and durations, and `1.2.3` is neither"),
        ("not [BODY] > x", "and `x` is neither"),
        ("[BODY].up <= true", "and `true` is neither"),
        ("[JSON $[*]] < null", "and `null` is neither"),
        ("[BODY].status != 5xx", "`5xx` is a set of status codes, and only `[STATUS]` can be compared with one"),
        ("not [BODY].status == 500-599", "compare `$.status` with numbers, as in `>= 500`"),
        ("[HEADER x-status] != 5xx", "or put `5xx` in quotes"),
        ("[BODY] != “DOWN”", "`“DOWN”` contains an unsupported quotation mark: use `\"` or `'`"),
        ("[BODY] != `DOWN`", "contains an unsupported quotation mark"),
        ("[BODY] != “out of memory”", "`“out` contains an unsupported quotation mark"),
        ("[BODY] != DOWN;", "`DOWN;` ends with `;`: remove it, or put the string in quotes"),
        ("not [BODY] matches /fatal/i", "write `'(?i)fatal'`"),
        ("not [BODY] matches /a/b/gi", "write `'(?i)a/b'`"),
        ("[REDIRECT] > 5", "redirect target is a URL, which `>` cannot compare"),
    ] {
        let refused = parse(text).expect_err(text);
        assert!(refused.contains(reason), "{text}: {refused}");
    }
    for valid in [
        "[STATUS] != 5xx",
        "[BODY].status != '5xx'",
        "[BODY] contains '“DOWN”;'",
        "[HEADER location] matches /login/",
        "[HEADER location] matches /login/index",
        "[BODY] matches '/fatal/i'",
        "[BODY].date == 2026-01-01",
    ] {
        assert!(parse(valid).is_ok(), "{valid}");
    }
    for once in [
        "$['it\\'s']",
        "$..a['..'][\"..\"].b",
        "$..[?@..a && @..b]",
        "$[?count($..a) > count($..b)]",
        "$..[?@['..\\'..'] == 1].c",
        "$.c[-1][?value(@.c[-1:].s) == 'x' && @.c[-1]]",
    ] {
        assert!(parse(&format!("[JSON {once}] exists")).is_ok(), "{once}");
    }
    assert!(parse(&"!".repeat(10_000)).is_err());
    assert!(parse(&"(".repeat(10_000)).is_err());
}

#[test]
fn invalid_json_and_huge_numbers_are_handled() {
    let attempt = Attempt::default();
    let evaluate = |text: &str, body: &[u8]| {
        let data = ProbeData { body: Some(body.to_vec()), ..ProbeData::default() };
        Assertion::parse(text).expect(text).evaluate(&Evidence::new(&data, &attempt)).failure
    };
    let no_json = evaluate("[BODY].a == 1", b"<html>");
    assert_eq!(no_json.as_deref(), Some("body is not JSON, expected `$.a` to be 1"));
    assert_eq!(evaluate("[BODY].a > 1", b"{\"a\":1e300}"), None);
    assert_eq!(evaluate("[BODY] == OK", b"OK\r\n"), None);
    assert_eq!(evaluate("[BODY] contains ä", "hä".as_bytes()), None);
    assert!(evaluate("[BODY].a == 1", &b"[".repeat(100_000)).is_some());
    assert!(evaluate("[BODY] contains x", b"\xff\xfe").is_some());
}

#[test]
fn a_truncated_body_proves_only_what_was_read() {
    let truncation = "only the first 22 bytes of the body were read (`body_limit`)";
    let data = ProbeData {
        status: Some(200),
        body: Some(b"{\"a\":1,\"state\":\"ok!\",\"".to_vec()),
        truncation: Some(truncation.to_owned()),
        ..ProbeData::default()
    };
    let attempt = Attempt::default();
    let evidence = Evidence::new(&data, &attempt);
    let evaluate = |text: &str| Assertion::parse(text).expect(text).evaluate(&evidence).failure;
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
        ("[BODY_SIZE] < 2000000", "body size is more than 22, expected < 2000000; "),
        ("[BODY_SIZE] > 23", "body size is more than 22, expected > 23; "),
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
        assert!(failure.starts_with(why) && failure.contains(truncation), "{fails}: {failure}");
    }
    let decided = evaluate("[BODY] contains error and [STATUS] == 404");
    assert_eq!(decided.as_deref(), Some("status is 200, expected 404"));
    assert_eq!(
        evaluate("[BODY_SIZE] < 10").as_deref(),
        Some("body size is more than 22, expected < 10"),
        "the rest does not matter"
    );
    assert_eq!(
        evaluate("not [BODY] contains error").as_deref(),
        Some(&*format!("{truncation}, which does not rule out that body contains `error`"))
    );
}

#[test]
fn numbers_are_compared_exactly() {
    let attempt = Attempt::default();
    for (body, holds, fails) in [
        (
            r#"{"id":9007199254740993}"#,
            &["[BODY].id == 9007199254740993", "[BODY].id != 9007199254740992", "[BODY].id > 9007199254740992"][..],
            &[
                ("[BODY].id == 9007199254740992", "`$.id` is 9007199254740993, expected 9007199254740992"),
                ("not [BODY].id > 9007199254740992", "`$.id` is 9007199254740993, expected otherwise"),
                (
                    "[JSON $[?@ == 9007199254740992]] exists",
                    "filters cannot compare the number 9007199254740993 exactly",
                ),
                ("not [JSON $[?@ == 9007199254740992]] exists", "filters cannot compare the number 9007199254740993"),
            ][..],
        ),
        (
            r#"{"a":[18446744073709551617,0.1000000000000000000001],"b":1e400}"#,
            &[
                "[BODY].a[0] == 18446744073709551617",
                "[BODY].a[0] < 18446744073709551618",
                "[BODY].a[1] > 0.1",
                "[BODY].a contains 18446744073709551617",
                "not [BODY].a contains 18446744073709551616",
                "[JSON $.a[*]] contains 0.1000000000000000000001",
                "[BODY].b > 9e399",
                "[BODY].b == 1E400",
                "[BODY].b != 5",
            ],
            &[
                (
                    "[BODY].a[0] == 18446744073709551616",
                    "`$.a[0]` is 18446744073709551617, expected 18446744073709551616",
                ),
                ("[BODY].a[1] == 0.1", "`$.a[1]` is 0.1000000000000000000001, expected 0.1"),
                ("[BODY].a contains 0.1", "`$.a` does not contain `0.1`"),
                ("[BODY].b < 1e308", "`$.b` is 1e400, expected < 1e308"),
            ],
        ),
        (
            r#"{"a":1e99999999999999999999,"b":"7"}"#,
            &["[BODY].b != 8", "[BODY].b == '7'", "[BODY].b == 7", "[BODY].b > 5", "[BODY].a > 1e308"],
            &[
                ("[BODY].b != 7.0", "expected != 7.0; its type differs, but it reads the same"),
                ("[BODY].b != 7", "`$.b` is `7`, expected != 7"),
                ("[BODY].a > 1e400", "expected > 1e400; the number is too large to compare"),
                ("[BODY].a != 1e400", "the number is too large to compare"),
                ("not [BODY].a == 1e400", "the number is too large to compare"),
                ("not [BODY].b > 5", "`$.b` is `7`, expected otherwise"),
                ("[BODY].b > 7", "`$.b` is `7`, expected > 7"),
            ],
        ),
        (
            r#"{"a":1.50,"a":1.5}"#,
            &["[BODY].a > 1"],
            &[("[BODY].a == 1.5", "the exact number is unknown"), ("[BODY].a != 1.5", "the exact number is unknown")],
        ),
        (
            r#"{"load":0.50,"a":1.5,"a":1.5,"b":1,"b":2}"#,
            &["[BODY].load == 0.5", "[BODY].a < 1.6", "[BODY].load != 0.4", "[JSON $.load] contains 0.5"],
            &[("[BODY].b == 1", "an object in the body repeats the key `b` with different values")],
        ),
        (
            "9007199254740993\n",
            &["[BODY] == 9007199254740993", "[BODY] != 9007199254740992", "[BODY] contains 0993"],
            &[
                ("[BODY] <= 9007199254740992", "body is `9007199254740993"),
                ("not [BODY] < 5s", "it is not a duration with a unit"),
            ],
        ),
    ] {
        let data = ProbeData { body: Some(body.as_bytes().to_vec()), ..ProbeData::default() };
        let evidence = Evidence::new(&data, &attempt);
        let evaluate = |text: &str| Assertion::parse(text).expect(text).evaluate(&evidence).failure;
        for text in holds {
            assert_eq!(evaluate(text), None, "{text}");
        }
        for (text, reason) in fails {
            let failure = evaluate(text).unwrap_or_else(|| panic!("{text} holds"));
            assert!(failure.contains(reason), "{text}: {failure}");
        }
    }
}

#[test]
fn several_values_never_pass_by_accident() {
    let attempt = Attempt::default();
    let body = br#"{"a":["up","down"],"n":[1,2],"same":["up","up"]}"#.to_vec();
    let data = ProbeData { body: Some(body), ..ProbeData::default() };
    let evaluate = |text: &str| Assertion::parse(text).expect(text).evaluate(&Evidence::new(&data, &attempt));
    for holds in [
        "[JSON $.a[*]] != broken",
        "[JSON $.n[*]] != 3",
        "[JSON $.a[*]] != 1",
        "[JSON $.a[*]] contains up",
        "not [JSON $.a[*]] contains broken",
        "[JSON $.a[?@ == 'up']] == up",
        "not [JSON $.a[*]] != down",
        "not [JSON $.a[?@ == 'broken']] exists",
    ] {
        assert_eq!(evaluate(holds).failure, None, "{holds}");
    }
    for (fails, found) in [
        ("[JSON $.a[*]] != down", "`$.a[*]` is `[\"up\",\"down\"]`, expected != `down`"),
        ("[JSON $.n[*]] != 2.0", "`$.n[*]` is `[1,2]`, expected != 2.0"),
    ] {
        let result = evaluate(fails);
        assert_eq!((result.failure.as_deref(), result.is_undetermined), (Some(found), false), "{fails}");
    }
    let remedy = "; the path selects several values; use `contains` or a filter";
    for (undetermined, found) in [
        ("[JSON $.same[*]] == up", "`$.same[*]` is `[\"up\",\"up\"]`, expected `up`"),
        ("not [JSON $.a[*]] == down", "`$.a[*]` is `[\"up\",\"down\"]`, expected not `down`"),
        ("[JSON $.n[*]] > 0", "`$.n[*]` is `[1,2]`, expected > 0"),
        ("not [JSON $.n[*]] > 5", "`$.n[*]` is `[1,2]`, expected not > 5"),
        (
            "not ([JSON $.a[*]] == down or [BODY] contains broken)",
            "`$.a[*]` is `[\"up\",\"down\"]`, expected not `down`",
        ),
    ] {
        let result = evaluate(undetermined);
        let expected = format!("{found}{remedy}");
        assert_eq!((result.failure.as_deref(), result.is_undetermined), (Some(&*expected), true), "{undetermined}");
    }
}

#[test]
fn unknown_values_are_explained_for_both_outcomes() {
    let attempt = Attempt::default();
    let no_json = ProbeData { body: Some(b"<html>".to_vec()), ..ProbeData::default() };
    let truncated = ProbeData { truncation: Some("it was cut".to_owned()), ..no_json.clone() };
    let invalid = ProbeData { body: Some(b"\xff".to_vec()), ..ProbeData::default() };
    for (data, text, expected) in [
        (&no_json, "has([BODY].error)", "body is not JSON, expected `$.error` to exist"),
        (&no_json, "not has([BODY].error)", "body is not JSON, which does not rule out that `$.error` exists"),
        (&no_json, "not not has([BODY].error)", "body is not JSON, expected `$.error` to exist"),
        (&no_json, "[BODY].a == up", "body is not JSON, expected `$.a` to be `up`"),
        (&no_json, "[BODY].a > 1", "body is not JSON, expected `$.a` > 1"),
        (&no_json, "not [BODY].a > 1", "body is not JSON, which does not rule out that `$.a` is > 1"),
        (&no_json, "not [BODY].a != up", "body is not JSON, which does not rule out that `$.a` is not `up`"),
        (&no_json, "not [BODY].a matches up", "body is not JSON, which does not rule out that `$.a` matches `up`"),
        (&no_json, "not [CERTIFICATE] < 1d", "time until the certificate expires is missing, expected not < 1d"),
        (&truncated, "not [BODY] contains error", "it was cut, which does not rule out that body contains `error`"),
        (&truncated, "not has([BODY].error)", "it was cut, which does not rule out that `$.error` exists"),
        (
            &invalid,
            "not [BODY] contains ö",
            "body is `\u{fffd}`, expected not to contain `ö`; it contains bytes that are not valid in its charset (UTF-8 \
             by default)",
        ),
    ] {
        let failure = Assertion::parse(text).expect(text).evaluate(&Evidence::new(data, &attempt)).failure;
        assert_eq!(failure.as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn a_missing_certificate_is_never_healthy() {
    let (data, attempt) = (ProbeData::default(), Attempt::default());
    let evaluate =
        |text: &str| Assertion::parse(text).expect(text).evaluate(&Evidence::new(&data, &attempt)).failure.is_none();
    assert!(!evaluate("[CERTIFICATE] > 14d") && !evaluate("not [CERTIFICATE] < 14d"));
    assert!(evaluate("not [CERTIFICATE] exists") && evaluate("not [HEADER x-error] contains fatal"));
}

#[test]
fn only_filters_and_descents_are_expensive() {
    for (text, is_expensive) in [
        ("[BODY].a.b[0] == 1", false),
        ("[BODY] contains '..?'", false),
        ("[JSON $[*]] contains 1", false),
        ("[STATUS] == 200 and len([JSON $..a]) > 1", true),
        ("not [JSON $[?count($[*]) > 1]] exists", true),
    ] {
        assert_eq!(Assertion::parse(text).expect(text).can_be_expensive(), is_expensive, "{text}");
    }
}

#[test]
fn nested_values_are_neither_copied_nor_written_whole() {
    // Each list contains all inner lists, so copying them all would create ten million values.
    let depth = 120;
    let chains = vec![format!("{}{}", "[".repeat(depth), "]".repeat(depth)); 1_400].join(",");
    let data = ProbeData { body: Some(format!("[{chains}]").into_bytes()), ..ProbeData::default() };
    let attempt = Attempt::default();
    let evidence = Evidence::new(&data, &attempt);
    let evaluate = |text: &str| Assertion::parse(text).expect(text).evaluate(&evidence).failure;
    assert_eq!(evaluate("len([JSON $..*]) == 168000"), None);
    // Together, all selected values of this 336 KB body would exceed the limit.
    for text in ["[JSON $..*] matches x", "not [JSON $..*] matches x", "not [JSON $..*] contains x", "[JSON $..*] != x"]
    {
        let failure = evaluate(text).expect("it is undetermined");
        assert!(failure.starts_with("`$..*` exceeds 4194304 bytes, the search limit, "), "{text}: {failure}");
    }
    let failure = evaluate("[JSON $[*]] contains 1").expect("no value is 1");
    assert!(failure.len() < 400 && failure.starts_with("`$[*]` does not contain `1` (it is `[[["), "{failure}");
}

proptest! {
    #[test]
    fn parsing_never_panics(text in "(\\[(STATUS|BODY|JSON|HEADER a)?\\]?|[ -~ä]{0,4}|==|\\(|len){0,12}") {
        let _ = parse(&text);
    }
}
