//! Tests comparisons of values that could mean the same as an operand of another type, or that contain it.

use super::value_tests::{INSIDE, MEANING, NUMBER, expect, with_body};

#[test]
fn values_that_can_mean_the_same_are_not_different() {
    let body = r#"{
        "percent": "100%", "time": "100 ms", "error": "HTTP 503 Service Unavailable", "count": 100, "zero": 0, "one": 1,
        "no": "no", "up": true, "down": false, "null": null, "none": "n/a", "blank": "", "empty": [], "state": "degraded",
        "seconds": 60, "wrapped": ["100%"], "flags": [false], "nothing": {"x": null}, "many": [0, 1, null, "100%"]
    }"#;
    expect(
        &with_body(body),
        &[
            "[BODY].percent != 10",
            "[BODY].error != 500",
            "[BODY].count != 10%",
            "[BODY].zero != true",
            "[BODY].one != false",
            "[BODY].no != true",
            "[BODY].up != 0",
            "[BODY].up != DOWN",
            "[BODY].down != up",
            "[BODY].null != true",
            "[BODY].null != 5",
            "[BODY].null != DOWN",
            "[BODY].zero != null",
            "[BODY].down != null",
            "[BODY].empty != null",
            "[BODY].blank != true",
            "[BODY].state != null",
            "[BODY].state != 0",
            "[BODY].many != null",
            "[BODY].many != false",
            "not [BODY].many contains false",
            "not [BODY].zero contains false",
            "[JSON $['percent', 'time']] != 99",
        ],
        &["[BODY].up == false", "[BODY].zero == true", "[BODY].no == true", "[BODY].percent == 10"],
        &[
            ("[BODY].percent != 100", NUMBER),
            ("[BODY].time != 100", NUMBER),
            ("[BODY].error != 503", NUMBER),
            ("[JSON $['state', 'percent']] != 100", NUMBER),
            ("[BODY].count != 100%", MEANING),
            ("[BODY].seconds != 60s", "it is a number without a unit"),
            ("[BODY].zero != false", MEANING),
            ("[BODY].one != true", MEANING),
            ("[BODY].count != true", MEANING),
            ("[BODY].up != 1", MEANING),
            ("[BODY].up != up", MEANING),
            ("[BODY].down != DOWN", MEANING),
            ("[BODY].no != false", MEANING),
            ("[BODY].state != true", "it is neither `true` nor `false`"),
            ("[BODY].null != false", MEANING),
            ("[BODY].null != 0", MEANING),
            ("[BODY].null != ''", MEANING),
            ("[BODY].none != null", MEANING),
            ("[BODY].blank != null", MEANING),
            ("[BODY].blank != 0", MEANING),
            ("[BODY].blank != []", MEANING),
            ("[BODY].empty != 0", MEANING),
            ("[BODY].empty != false", MEANING),
            ("[BODY].wrapped != 100", INSIDE),
            ("[BODY].flags != false", INSIDE),
            ("[BODY].nothing != null", INSIDE),
            (
                "has([JSON $[?@ == 503]])",
                "a filter distinguishes the value `\"HTTP 503 Service Unavailable\"` from 503",
            ),
        ],
    );
    for (body, operand, reason) in [
        ("100%\n", "100", NUMBER),
        ("HTTP 503", "503", NUMBER),
        ("True", "true", MEANING),
        ("0", "false", MEANING),
        ("degraded", "true", "it is neither `true` nor `false`"),
        ("None", "null", MEANING),
        ("60", "60s", "it is a number without a unit"),
        ("60 s", "60s", "it is equal, but written differently"),
        (r#""\tDOWN""#, "DOWN", "it is equal, but written differently"),
        (r#""DO\u200bWN""#, "DOWN", "it is equal, but written differently"),
    ] {
        expect(&with_body(body), &[], &[], &[(&format!("[BODY] != {operand}"), reason)]);
    }
    expect(&with_body("2.0.1"), &["[BODY] != 2", "[BODY] != null"], &[], &[]);
}

#[test]
fn json_text_is_not_different_from_a_value_in_it() {
    for body in [
        r#"["DOWN"]"#,
        r#"{"status": "DOWN"}"#,
        r#"{"a": {"b": ["UP", "DOWN"]}}"#,
        r#"{"DOWN": 1}"#,
        r#""{\"status\":\"DOWN\"}""#,
        r#"{"status": "DOWN", "status": "UP"}"#,
    ] {
        expect(&with_body(body), &["[BODY] != BROKEN"], &[], &[("[BODY] != DOWN", INSIDE)]);
    }
    let body =
        with_body(r#"{"payload": "{\"status\":\"DOWN\"}", "error": "disk full", "list": [{"x": 1}], "none": false}"#);
    expect(
        &body,
        &["not has([BODY].none.x)", "not has([BODY].missing.x)", "[BODY].payload != UP"],
        &[],
        &[
            ("[BODY].payload.status == DOWN", "`$.payload` is a string that contains JSON"),
            ("has([BODY].error.message)", "`$.error` is a string instead of an object"),
            ("[BODY].list.x == 1", "`$.list` is a list instead of an object"),
            ("[BODY].payload != DOWN", INSIDE),
        ],
    );
    let events = with_body(r#"{"events": [{"status": "UP"}, "{\"status\":\"DOWN\"}"]}"#);
    expect(
        &events,
        &["not has([JSON $..error])"],
        &[],
        &[
            ("[JSON $.events[*].status] != DOWN", "`@` is a string that contains JSON"),
            ("has([JSON $.events[?@.status == 'DOWN']])", "`@` is a string that contains JSON"),
            ("[JSON $..status] != DOWN", "a string contains JSON in which `$..status` selects values"),
        ],
    );
    let wrapped = with_body(r#""{\"status\":\"DOWN\"}""#);
    expect(&wrapped, &[], &[], &[("[BODY].status == DOWN", "body is a string that contains JSON")]);
    for (body, format) in [
        ("data: {\"status\":\"DOWN\"}\n\n", "body is a stream of server-sent events instead of JSON"),
        ("cb({\"status\":\"DOWN\"});", "body is JSONP instead of JSON"),
        ("{\"status\":\"UP\"}\n{\"status\":\"DOWN\"}\n", "body consists of several JSON values"),
    ] {
        expect(&with_body(body), &[], &[], &[("[BODY].status == DOWN", format), ("[JSON $] contains DOWN", format)]);
    }
}
