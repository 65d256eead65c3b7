//! Tests that one report contains all problems of a file.

use std::path::Path;

use super::{Environment, from_text};

/// Returns the problems, without their positions.
fn problems(text: &str) -> Vec<String> {
    let variable = &|name: &str| (name == "http_proxy").then(|| "http://proxy.example:3128".to_owned());
    let environment = Environment { variable, host_name: "here".to_owned() };
    let (_, problems) = from_text(text, Path::new(""), &environment);
    let lines = problems.lines("c.json", text);
    lines.iter().filter_map(|line| Some(line.split_once(": ")?.1.to_owned())).collect()
}

#[test]
fn errors_do_not_hide_warnings() {
    let with = |more: &str| {
        problems(&format!(
            r#"{{ "deny_private_addresses": true, "storage": {{ "type": "fs", "dir": "checks" }},
            "page": {{ "links": [{{ "text": "x", "url": "javascript:alert(1)" }}] }},
            "notifiers": [{{ "type": "ntfy", "url": "https://ntfy.sh/topic", "endpoints": ["Shpo"] }}],
            "checkers": [
                {{ "type": "http", "endpoint_name": "Shop", "endpoint_url": "http://a", "depends_on": ["Ruoter"] }},
                {{ "type": "exec", "name": "Router", "command": "true"{more} }}
            ] }}"#
        ))
    };
    let warnings = with("");
    assert_eq!(warnings.len(), 4, "{warnings:#?}");
    assert!(warnings.iter().all(|line| line.starts_with("warning: ")), "{warnings:#?}");
    let all = with(r#", "treshold_rtt": "1s""#);
    let errors: Vec<&String> = all.iter().filter(|line| !warnings.contains(line)).collect();
    assert_eq!(errors, ["error: unknown key `checkers[1].treshold_rtt`: did you mean `threshold_rtt`?"]);
    assert_eq!(all.len(), warnings.len() + 1, "{all:#?}");
}

#[test]
fn a_reference_to_an_invalid_check_is_not_a_mistake() {
    let with = |check: &str| {
        problems(&format!(
            r#"{{ "checkers": [{{ "type": "exec", "name": "Shop", "command": "true", "depends_on": ["Router"] }}, {check}] }}"#
        ))
    };
    for check in [r#"{ "type": "exec", "name": "Router" }"#, r#"{ "type": "exec", "command": "true" }"#] {
        let lines = with(check);
        assert!(lines.len() == 1 && lines[0].starts_with("error: missing key `checkers[1]."), "{lines:#?}");
    }
}

#[test]
fn all_mistakes_of_a_file_are_reported_at_once() {
    let text = r#"{ "evry": "1m", "node": "A B", "author": "Ä", "timestamp": "noon", "online_check": ["1.1.1.1"],
        "every": "soon", "metrics_file": "", "storage": { "type": "s3", "bucket": "", "prefix": "status" },
        "page": { "theme": { "radius": 99 }, "authors": ["C D"] },
        "notifiers": [{ "type": "exec", "id": "ops", "command": "no-such-command-anywhere" }],
        "checkers": [
            { "type": "exec", "name": "Missing", "command": "./no-such-program" },
            { "type": "tcp", "endpoint_name": "Port" }
        ] }"#;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("checker.json");
    std::fs::write(&path, text).expect("it can be written");
    let environment = Environment { variable: &|_| None, host_name: "here".to_owned() };
    let (lines, has_errors) = super::validate(&path, &environment).expect("it can be read");
    assert!(has_errors);
    for mistake in [
        "unknown key `evry`",
        "`node`: invalid node name `A B`",
        "`author`: invalid node name `Ä`",
        "invalid time `noon` for `timestamp`",
        "`online_check`: ",
        "invalid value `soon` for `every`",
        "`metrics_file` is empty",
        "`storage.bucket` is empty",
        "`storage.prefix`: ",
        "invalid value `99` for `page.theme.radius`",
        "invalid author name `C D` in `page.authors`",
        "channel `ops`: ",
        "check `Missing`: ",
        "missing key `checkers[1].endpoint_url`",
    ] {
        let count = lines.iter().filter(|line| line.contains(mistake)).count();
        assert_eq!(count, 1, "{mistake} is not reported once:\n{lines:#?}");
    }
}
