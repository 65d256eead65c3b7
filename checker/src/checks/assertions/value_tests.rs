//! Tests comparisons and searches of JSON values of every type, of several values, and of headers.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use shared::check_file::Attempt;

use super::{Assertion, Evidence};
use crate::checks::body_text::TextFacts;
use crate::checks::probe_data::ProbeData;

const TEXT: &str = "only its JSON text does";
const TYPE: &str = "its type differs, but it reads the same";
pub(super) const INSIDE: &str = "it contains this value; use `contains`";
pub(super) const MEANING: &str = "its type differs, but it can mean the same; compare it with a value of its type";
pub(super) const NUMBER: &str = "it contains this number; use `contains` or `matches`";
const NOTATION: &str = "it is equal, but written differently";

pub(super) fn with_body(body: &str) -> ProbeData {
    ProbeData { body: Some(body.as_bytes().to_vec()), ..ProbeData::default() }
}

/// Compares the outcomes of assertions with the expected ones.
pub(super) fn expect(data: &ProbeData, holding: &[&str], failing: &[&str], undetermined: &[(&str, &str)]) {
    let attempt = Attempt::default();
    let evidence = Evidence::new(data, &attempt);
    let evaluate = |text: &str| Assertion::parse(text).expect(text).evaluate(&evidence);
    for text in holding {
        assert_eq!(evaluate(text).failure, None, "{text}");
    }
    for text in failing {
        let result = evaluate(text);
        assert!(result.failure.is_some() && !result.is_undetermined, "{text}: {result:?}");
    }
    for (text, reason) in undetermined {
        for text in [(*text).to_owned(), format!("not {text}")] {
            let result = evaluate(&text);
            let failure = result.failure.unwrap_or_default();
            assert!(result.is_undetermined && failure.contains(reason), "{text}: {failure:?}");
        }
    }
}

#[test]
fn the_length_of_a_path_is_its_number_of_values() {
    let nodes = r#"{"n":[{"name":"a","up":true,"zone":"x"},{"up":false},{"up":false}],"s":"four","i":5,"z":null}"#;
    expect(
        &with_body(nodes),
        &[
            "len([JSON $.n[?@.up == true]]) == 1",
            "len([JSON $.n[?@.up == false]]) == 2",
            "len([JSON $.n[?@.up == 'x']]) == 0",
            "len([JSON $.n[?@.up == 'x']]) <= 2",
            "not len([JSON $.n[?@.up == true]]) >= 3",
            "len([JSON $.n[*]]) == 3",
            "len([JSON $.n[0:1]]) == 1",
            "len([JSON $.n[0,1]]) == 2",
            "len([JSON $.n[0]['name','zone']]) == 2",
            "len([JSON $..zone]) == 1",
            "len([JSON $.n]) == 3",
            "len([JSON $['n'][0]]) == 3",
            "len([BODY].n[-1]) == 1",
            "len([BODY].s) == 4",
            "not has([JSON $.n[?@.up == 'x']])",
        ],
        &["len([JSON $.n[?@.up == true]]) >= 3", "len([BODY].missing) == 0", "len([JSON $['a*', 'b']]) > 0"],
        &[
            ("len([BODY].i) > 0", "only lists, objects and strings have a length"),
            ("len([BODY].z) == 0", "length of `$.z` is unknown, expected"),
            ("len([JSON $.missing[*]]) == 0", "`$.missing` is missing"),
            ("len([JSON $.missing[?@.up == false]]) == 0", "`$.missing` is missing"),
            ("[JSON $.missing[?@.up == false]] exists", "`$.missing` is missing"),
            ("[JSON $.n[0].nodes[*]] contains x", "`$.n[0].nodes` is missing"),
            ("len([JSON $.s[*]]) == 0", "`$.s` is not a list or an object"),
            ("len([JSON $.z[*]]) == 0", "`$.z` is not a list or an object"),
        ],
    );
    let repeated = with_body(r#"{"n":0,"n":[]}"#);
    expect(&repeated, &[], &[], &[("len([JSON $.n[*]]) == 0", "`$.n` is not a list or an object")]);
    expect(&with_body("<html>"), &[], &[], &[("len([JSON $.n[*]]) == 0", "body is not JSON")]);
    expect(&ProbeData::default(), &[], &["len([JSON $.n[*]]) == 0"], &[]);
}

#[test]
fn every_inner_value_is_searched() {
    let body = r#"{
        "one": [{"m": "Fatal: disk"}],
        "two": [{"m": "ok"}, {"m": "Fatal: disk \"sda\""}],
        "flat": ["ok", "fatal"],
        "nested": {"a": [["C:\\temp"], {"b": "Fatal"}]},
        "keys": {"Fatal": 1, "disk \"sda\"": true},
        "numbers": [1500, 2.50, 1e400],
        "spaced": {"up": false},
        "text": "Fatal",
        "empty": [],
        "version": 1.50
    }"#;
    expect(
        &with_body(body),
        &[
            "[JSON $.one[*].m] contains Fatal",
            "[JSON $.two[*].m] contains Fatal",
            "[JSON $.two[*].m] contains 'disk \"sda\"'",
            "[BODY].two contains Fatal",
            "[BODY].two[1] contains 'disk \"sda\"'",
            "[BODY].two[1] matches '\"sda\"$'",
            "[JSON $.flat[*]] matches '^fatal$'",
            "[BODY].flat matches '^fatal$'",
            "[BODY].nested contains 'C:\\temp'",
            "[BODY].nested matches ^Fatal$",
            "[JSON $.numbers[*]] contains 1500",
            "[BODY].numbers contains 2.5",
            "[BODY].numbers contains 1e400",
            "[BODY].numbers matches '^2\\.50$'",
            "[BODY].keys contains true",
            "[BODY].numbers[0] contains 500",
            "[BODY].version contains 1.50",
            "[BODY].version contains 1.5",
            "[BODY].version matches '^1\\.50$'",
            "not [JSON $.two[*].m] contains fatal",
            "not [BODY].flat matches Fatal",
            "not [JSON $.empty[*]] contains Fatal",
            "not [BODY].empty contains Fatal",
            "not [BODY].numbers contains 7",
            "not [BODY].numbers contains 500",
            "not [JSON $.numbers[?@ == 1500]] contains 500",
            "not [BODY].empty matches .",
            r"not [JSON $.flat[*]] matches '\W'",
            "not [BODY].flat contains ,",
            "not [BODY].flat matches '[^a-z]'",
            "not [JSON $.two[*].m] matches 'ok.*disk'",
            "not [JSON $.keys.*] matches '[^1true]'",
            "not [BODY].version contains 1.51",
            "not has([BODY].keys.fatal)",
        ],
        &[
            "not [JSON $.one[*].m] contains Fatal",
            "not [JSON $.two[*].m] contains Fatal",
            "not [JSON $.flat[*]] matches '^fatal$'",
            "not [BODY].two contains Fatal",
            "not [BODY].nested contains 'C:\\temp'",
            "not [BODY].version contains 1.50",
            "[BODY].flat contains broken",
            "[JSON $.empty[*]] contains Fatal",
        ],
        &[
            ("[BODY].keys contains Fatal", TEXT),
            ("[BODY].keys contains 'disk \"sda\"'", TEXT),
            ("[BODY].keys matches '\"sda\"$'", TEXT),
            ("[JSON $.keys] contains '\"Fatal\":1'", TEXT),
            ("[BODY].spaced contains '\"up\":false'", TEXT),
            ("[BODY].spaced contains '\"up\": false'", TEXT),
            ("[BODY].spaced matches '\"up\": (false|null)'", TEXT),
            ("[JSON $.flat[*]] contains 'ok\",\"fatal'", TEXT),
            ("[BODY].numbers contains '2.50'", TYPE),
        ],
    );
    let repeated = with_body(r#"{"list":[1.50],"list":[1.5]}"#);
    expect(&repeated, &[], &[], &[("[BODY].list matches 5", "the exact number is unknown")]);
}

#[test]
fn values_of_different_types_are_not_different() {
    let body = r#"{
        "code": "500", "spaced": " 5e2 ", "number": 500, "list": ["down"], "codes": [[500]], "names": {"down": {}},
        "flag": "True", "null": "null", "on": true, "none": null, "exact": 1.50, "day": "24h", "other": "1d", "up": "ok"
    }"#;
    expect(
        &with_body(body),
        &[
            "[BODY].code == '500'",
            "[BODY].code == 500",
            "[BODY].code < 501",
            "[BODY].spaced >= 5e2",
            "[BODY].number == 5e2",
            "[BODY].code != 501",
            "[BODY].number != '501'",
            "[BODY].list != up",
            "[BODY].codes != 501",
            "[BODY].list contains down",
            "[BODY].up != false",
            "[BODY].up != null",
            "[BODY].none != down",
            "[BODY].on != null",
            "[BODY].day == 24h",
            "[BODY].day != 25h",
            "[BODY].day > 60s",
            "[BODY].other < 25h",
            "[JSON $['up', 'list', 'names']] != broken",
        ],
        &[
            "[BODY].code != '500'",
            "[BODY].code != 500",
            "not [BODY].code < 501",
            "[BODY].day != 24h",
            "not [BODY].list contains down",
            "not [BODY].code contains 500",
            "[JSON $.list[*]] != down",
        ],
        &[
            ("[BODY].code != 5e2", TYPE),
            ("[BODY].spaced != 500", TYPE),
            ("[BODY].number != '500'", TYPE),
            ("[BODY].number != '5e2'", TYPE),
            ("[BODY].exact != '1.50'", TYPE),
            ("[BODY].flag != true", TYPE),
            ("[BODY].on != 'true'", TYPE),
            ("[BODY].null != null", TYPE),
            ("[BODY].none != 'null'", TYPE),
            ("[BODY].list != down", INSIDE),
            ("[BODY].codes != 500", INSIDE),
            ("[BODY].codes != '500'", INSIDE),
            ("[BODY].names != down", INSIDE),
            ("[JSON $['up', 'list']] != down", INSIDE),
            ("[BODY].other != 24h", NOTATION),
            ("[BODY].number < 60s", "it is not a duration with a unit"),
            ("[BODY].up < 501", "it is not a number"),
        ],
    );
}

#[test]
fn a_list_or_an_object_is_a_value_whatever_it_contains() {
    let body = r#"{"data":{"id":1,"next":null,"up":false,"note":""},"list":[null,"",false],"a":1,"a":2,"x":1.5}"#;
    expect(
        &with_body(body),
        &[
            "[BODY].data != null",
            "[BODY].list != null",
            "not [BODY].data == null",
            "[BODY].data != false",
            r#"[BODY].data != """#,
            r#"[BODY].list != """#,
            "[BODY].x != ok",
        ],
        &["[BODY].data == null", "[BODY].data.next != null", "[JSON $.list[*]] != null"],
        &[("[BODY].data == 1", INSIDE), ("[BODY].x == '1.5'", TYPE)],
    );
}

#[test]
fn an_empty_list_or_object_can_be_compared() {
    let body = r#"{"list":[],"object":{},"full":[[],{}],"null":null,"text":"[]","numbers":[1,2.0],"zero":0}"#;
    expect(
        &with_body(body),
        &[
            "[BODY].list == []",
            "[BODY].object == {}",
            "[BODY].full != []",
            "[BODY].full != {}",
            "[JSON $.full[*]] != 5",
            "[BODY].text == '[]'",
            "[BODY].numbers != [1,3]",
            "not [BODY].missing == []",
        ],
        &[
            "[BODY].list != []",
            "[BODY].object != {}",
            "[BODY].full == []",
            "[JSON $.full[*]] != []",
            "[BODY].missing != []",
        ],
        &[
            ("[BODY].object != []", "its type differs, but it is also empty"),
            ("[BODY].list == {}", "its type differs, but it is also empty"),
            ("[BODY].list != '[]'", TYPE),
            ("[BODY].text != []", TYPE),
            ("[BODY].null != []", MEANING),
            ("[BODY].zero == {}", MEANING),
            ("[BODY].numbers != [1,2.0]", TYPE),
        ],
    );
    let list = with_body("[]\n");
    let both_empty = "its type differs, but it is also empty";
    expect(&list, &["[BODY] == []", "[BODY] contains []"], &["[BODY] != []"], &[("[BODY] != {}", both_empty)]);
    expect(&with_body("[ ]"), &["[BODY] != [1]"], &[], &[("[BODY] != []", NOTATION)]);
    expect(&with_body("{\"a\": 1}"), &["[JSON $] != {}"], &[], &[("[BODY] != '{\"a\":1}'", NOTATION)]);
}

#[test]
fn a_duration_keeps_its_written_form() {
    let data = with_body("timeout after 60s, then 120s and 1000ms, 10 errors");
    expect(
        &data,
        &["[BODY] contains 60s", "[BODY] matches 120s", "[BODY] contains 1000ms", "not [BODY] contains 2m"],
        &["not [BODY] contains 60s", "not [BODY] matches 60s", "not [BODY] contains 1000ms", "[BODY] contains 90s"],
        &[],
    );
    expect(&with_body("10 errors"), &["not [BODY] contains 0ms", "[BODY] contains 0"], &["[BODY] contains 0ms"], &[]);
    expect(
        &with_body("60s\n"),
        &["[BODY] == 60s", "[BODY] < 61s", "[BODY] >= 1m"],
        &["[BODY] != 60s"],
        &[("[BODY] != 1m", NOTATION), ("[BODY] < 5", "it is not a number")],
    );
}

#[test]
fn headers_are_compared_as_text_and_by_value() {
    let headers = [
        ("x-depth", "1000"),
        ("x-left", "9"),
        ("x-wait", "60s"),
        ("x-version", "1.10"),
        ("x-state", "ok"),
        ("x-state", "down"),
        ("cache-control", "no-store, max-age=0"),
        ("content-type", "text/html; charset=utf-8"),
        ("x-result", "failed; code=3"),
        ("x-quoted", "\"FAILED\""),
    ];
    let headers = headers.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(name, value);
    }
    let data = ProbeData { headers: Some(map), redirect: Some("/login".to_owned()), ..ProbeData::default() };
    expect(
        &data,
        &[
            "[HEADER x-depth] > 500",
            "[HEADER x-depth] < '2000'",
            "[HEADER x-left] < 10",
            "[HEADER x-wait] == 60s",
            "[HEADER x-wait] <= 1m",
            "[HEADER x-version] == 1.10",
            "[HEADER x-version] != 1.2",
            "[HEADER x-version] != '1.1'",
            "[HEADER cache-control] contains no-store",
            "[HEADER content-type] != text/plain",
            "[HEADER content-type] != 'text/html; charset=koi8-r'",
            "[HEADER x-state] matches '^ok, down$'",
            "not [HEADER x-state] matches '^broken$'",
            "not [HEADER cache-control] matches '^max-age'",
            "len([HEADER x-left]) == 1",
            "[REDIRECT] == /login",
        ],
        &[
            "[HEADER x-depth] < 500",
            "[HEADER x-left] > 10",
            "[HEADER x-wait] != 60s",
            "not [HEADER x-wait] contains 60s",
            "[HEADER x-missing] < 5",
            "[REDIRECT] != /login",
        ],
        &[
            ("[HEADER x-version] != 1.1", NOTATION),
            ("[HEADER x-wait] != 1m", NOTATION),
            ("[HEADER content-type] != 'Text/HTML;charset=\"UTF-8\"'", NOTATION),
            ("[HEADER x-result] != 'failed; code = 3'", NOTATION),
            ("[HEADER x-state] != down", INSIDE),
            ("[HEADER cache-control] != no-store", INSIDE),
            ("[HEADER content-type] != text/html", INSIDE),
            ("[HEADER x-result] != failed", INSIDE),
            ("[HEADER x-quoted] != FAILED", NOTATION),
            ("[HEADER x-depth] != 1000s", "it is a number without a unit"),
            ("[HEADER cache-control] != 0", NUMBER),
            ("[HEADER cache-control] == No-Store", "it is equal if case is ignored"),
            ("[REDIRECT] == /Login", "it is equal if case is ignored"),
            ("[HEADER cache-control] contains 'NO-STORE'", "it does if case is ignored"),
            ("[HEADER x-state] matches '^down$'", "one of the headers with this name does"),
            ("[HEADER x-state] < 5", "it is not a number"),
            ("[HEADER x-depth] < 5s", "it is not a duration with a unit"),
        ],
    );
}

#[test]
fn patterns_recognize_every_line_break() {
    expect(
        &with_body("ok\r\nFatal\r\n50%\rERROR\n"),
        &["[BODY] matches '(?m)^Fatal$'", "[BODY] matches '(?m)^ERROR'", r"[BODY] matches 'Fa.*\n'"],
        &["not [BODY] matches '(?m)^Fatal$'", "not [BODY] matches '(?m)^ERROR'", r"not [BODY] matches 'Fa.*\n'"],
        &[],
    );
}

#[test]
fn text_in_json_and_headers_is_read_like_a_body() {
    let body = r#"{
        "color": "\u001b[31mERROR\u001b[0m: disk", "state": "FAILED\u0000", "line": "FAILED\n", "zero": "FAI\u200bLED",
        "space": "disk\u00a0full", "code": "500\u0000", "list": ["\u001b[1mERR\u001b[0mOR"], "quoted": "\"DOWN\"",
        "gbk": "\u0363\u05b9", "lines": "ok\r\nFatal\r\n", "emoji": "⚠\ufe0f ok"
    }"#;
    let visible = "without escape sequences and invisible characters";
    let legacy = "its bytes do in another charset";
    expect(
        &with_body(body),
        &[
            "[BODY].color contains 'ERROR: disk'",
            "[BODY].color == 'ERROR: disk'",
            "[BODY].state == FAILED",
            "[BODY].zero == FAILED",
            "[BODY].zero contains FAILED",
            "[BODY].space contains 'disk full'",
            "[BODY].list contains ERROR",
            "[BODY].lines matches '(?m)^Fatal$'",
            "[BODY].emoji == '⚠ ok'",
            "[BODY].state != OK",
            "not [BODY].color matches '^FATAL'",
        ],
        &[
            "[BODY].state != FAILED",
            "not [BODY].color contains 'ERROR: disk'",
            "not [BODY].list contains ERROR",
            "[JSON $.list[*]] != ERROR",
        ],
        &[
            ("[BODY].color matches '^ERROR'", visible),
            ("[BODY].list matches ERROR", visible),
            ("[BODY].line != FAILED", NOTATION),
            ("[BODY].quoted != DOWN", NOTATION),
            ("[BODY].code != 500", TYPE),
            ("[BODY].gbk != 停止", legacy),
            ("[BODY].gbk contains 停止", legacy),
            ("[BODY].gbk matches 停止", legacy),
        ],
    );
    let declared =
        ProbeData { facts: Some(Box::new(TextFacts { is_utf_8: true, ..TextFacts::default() })), ..with_body(body) };
    expect(&declared, &["[BODY].gbk != 停止", "not [BODY].gbk matches 停止"], &["[BODY].state != FAILED"], &[]);
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("x-zero", &b"FAI\xe2\x80\x8bLED"[..]),
        ("x-gbk", b"\xcd\xa3\xd6\xb9"),
        ("x-latin", b"St\xf6rung"),
        ("x-mixed", b"St\xc3\xb6rung \xff"),
    ] {
        headers.append(HeaderName::from_static(name), HeaderValue::from_bytes(value).expect("a value"));
    }
    expect(
        &ProbeData { headers: Some(headers), ..ProbeData::default() },
        &["[HEADER x-zero] == FAILED", "[HEADER x-latin] == Störung", "[HEADER x-latin] != Fatal"],
        &["[HEADER x-zero] != FAILED", "not [HEADER x-zero] contains FAILED"],
        &[
            ("[HEADER x-gbk] contains 停止", legacy),
            ("[HEADER x-gbk] != 停止", legacy),
            ("[HEADER x-mixed] contains Störung", "before they are converted"),
            ("[HEADER x-mixed] matches Störung", "before they are converted"),
        ],
    );
}

#[test]
fn a_body_in_another_notation_is_not_different() {
    for (body, operand) in [
        ("\"DOWN\"\n", "DOWN"),
        ("\"500\"", "500"),
        ("'DOWN'", "DOWN"),
        (r#""Gr\u00f6\u00dfe""#, "Größe"),
        ("DOWN", "'\"DOWN\"'"),
    ] {
        let different = format!("[BODY] != {operand}");
        expect(&with_body(body), &["[BODY] != OK", "[BODY] != 501"], &["[BODY] == OK"], &[(&different, NOTATION)]);
    }
}

#[test]
fn filters_do_not_hide_values_of_other_types() {
    let indexes = with_body(r#"{"i":[{"c":[{"s":"True"},{"s":"False"}]}]}"#);
    expect(&indexes, &["len([JSON $.i[?value(@.c[-1:].s) == 'False']]) == 1"], &[], &[]);
    let services = with_body(r#"{"n":[{"Port":80,"Meta":{"Port":"80"}},{"Port":["81"]},{"Port":"82\u200b"}]}"#);
    expect(
        &services,
        &["len([JSON $.n[?@.Port == 80]]) == 1", "len([JSON $.n[?@.Port == 83]]) == 0"],
        &[],
        &[
            ("has([JSON $.n[?@.Port == '81']])", "a filter distinguishes the value `[\"81\"]` from `\"81\"`"),
            ("has([JSON $.n[?@.Port == '82']])", "a filter distinguishes"),
            ("has([JSON $.n[?@.Port > 90]])", "a filter distinguishes"),
        ],
    );
    let body =
        r#"{"n":[{"code":"500","up":"false"},{"code":200,"up":true,"load":"7.5","id":7}],"c":["1",2],"code":500}"#;
    expect(
        &with_body(body),
        &[
            "len([JSON $.n[?@.code == 201]]) == 0",
            "len([JSON $.n[?@.code == '500']]) == 1",
            "len([JSON $.n[?@.up == true]]) == 1",
            "len([JSON $.n[?@.id > 5]]) == 1",
            "len([JSON $.c[?@ == 2]]) == 1",
            "not has([JSON $.n[?@.name == 'x']])",
        ],
        &["len([JSON $.n[?@.code == 200]]) == 0"],
        &[
            ("len([JSON $.n[?@.code == 500]]) == 0", "a filter distinguishes the value `\"500\"` from 500"),
            ("has([JSON $.n[?500 == @['code']]])", "a filter distinguishes the value `\"500\"` from 500"),
            ("has([JSON $.n[?@.code == '200']])", "a filter distinguishes the value `200` from `\"200\"`"),
            ("has([JSON $.n[?@.up == false]])", "a filter distinguishes the value `\"false\"` from false"),
            ("has([JSON $.n[?@.load > 5]])", "a filter distinguishes the value `\"7.5\"` from 5"),
            ("has([JSON $..[?@.up == false]])", "a filter distinguishes the value `\"false\"` from false"),
            ("has([JSON $.c[?@ == 1]])", "a filter distinguishes the value `\"1\"` from 1"),
        ],
    );
}
