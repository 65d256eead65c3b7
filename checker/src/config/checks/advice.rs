//! Warns about valid checks that cannot work as intended.

use http::header::CONTENT_LENGTH;
use reqwest::Method;

use super::converter::CheckConverter;
use crate::checks::CheckKind;
use crate::checks::assertions::advice::string_advice;
use crate::checks::http::HttpCheck;
use crate::checks::probe_data::Capture;

/// The methods whose names are often written in lowercase by mistake.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];

/// Warns about settings that cannot work as intended. `capture` is the data that the check's assertions need.
pub(super) fn warn(kind: &CheckKind, capture: Capture, converter: &mut CheckConverter<'_>) {
    match kind {
        CheckKind::Http(check) => {
            warn_http(check, capture, converter);
            warn_strings([&check.must_contain, &check.must_not_contain], converter);
        }
        CheckKind::Exec(check) => warn_strings([&check.must_contain, &check.must_not_contain], converter),
        _ => {}
    }
}

/// Warns about the strings that the output must and must not contain.
fn warn_strings(strings: [&Option<String>; 2], converter: &mut CheckConverter<'_>) {
    for (key, text) in ["must_contain", "must_not_contain"].into_iter().zip(strings) {
        if let Some(advice) = text.as_deref().and_then(string_advice) {
            converter.warning(key, &format!("{advice} in `assertions`"));
        }
    }
}

fn warn_http(check: &HttpCheck, capture: Capture, converter: &mut CheckConverter<'_>) {
    let method = check.method.as_str();
    let usual = method.to_ascii_uppercase();
    if usual != method && METHODS.contains(&usual.as_str()) {
        converter.warning(
            "method",
            &format!("`{method}` is not a standard method, because methods are case-sensitive: write `{usual}`"),
        );
    }
    if check.method == Method::HEAD {
        let keys = [
            ("must_contain", check.must_contain.is_some()),
            ("must_not_contain", check.must_not_contain.is_some()),
            ("assertions", capture.body),
        ];
        for (key, _) in keys.into_iter().filter(|(_, is_set)| *is_set) {
            converter.warning(key, "responses to `HEAD` have no body to examine: use `GET`");
        }
    }
    let length = check.body.as_ref().map_or(0, String::len);
    for value in check.headers.get_all(CONTENT_LENGTH) {
        let value = value.to_str().unwrap_or_default().trim();
        if value.parse::<usize>() != Ok(length) {
            let text = format!(
                "the header `Content-Length: {value}` contradicts the body of {length} bytes: remove the header, which \
                 is set automatically"
            );
            converter.warning("headers", &text);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::{Environment, from_text};

    fn warnings(check: &str) -> Vec<String> {
        let text = format!(r#"{{"checkers":[{{"endpoint_name":"A",{check}}}]}}"#);
        let environment = Environment { variable: &|_| None, host_name: "here".to_owned() };
        let (config, problems) = from_text(&text, Path::new(""), &environment);
        let lines = problems.lines("c.json", &text);
        assert!(config.is_some() && lines.iter().all(|line| line.contains(": warning: ")), "{lines:?}");
        lines
    }

    #[test]
    fn checks_that_cannot_work_as_intended_are_reported() {
        let http = r#""type":"http","endpoint_url":"http://a""#;
        let dns = r#""type":"dns","endpoint_url":"a""#;
        for (check, expected) in [
            (
                format!(r#"{http},"method":"get""#),
                "`checkers[0].method`: `get` is not a standard method, because methods are case-sensitive: write `GET`",
            ),
            (format!(r#"{http},"method":"Post","body":"x""#), "write `POST`"),
            (
                format!(r#"{http},"method":"HEAD","must_contain":"ok""#),
                "`checkers[0].must_contain`: responses to `HEAD` have no body",
            ),
            (format!(r#"{http},"method":"HEAD","must_not_contain":"ok""#), "use `GET`"),
            (
                format!(r#"{http},"method":"HEAD","assertions":["[BODY].a == 1"]"#),
                "`checkers[0].assertions`: responses to `HEAD`",
            ),
            (
                format!(r#"{http},"must_not_contain":"error|fatal""#),
                "`checkers[0].must_not_contain`: `error|fatal` is compared as written: for alternatives, wildcards and \
                 other patterns, use `matches` in `assertions`",
            ),
            (
                format!(r#"{http},"assertions":["len([JSON $.n[?!@.up]]) == 0"]"#),
                "`!@.up` tests whether the value is missing, not whether it is false",
            ),
            (
                format!(r#"{http},"method":"POST","body":"abc","headers":{{"content-length":"5"}}"#),
                "`Content-Length: 5` contradicts the body of 3 bytes",
            ),
            (format!(r#"{http},"headers":{{"Content-Length":["7"]}}"#), "contradicts the body of 0 bytes"),
        ] {
            let lines = warnings(&check);
            assert!(lines.len() == 1 && lines[0].contains(expected), "{check}: {lines:?}");
        }
        for check in [
            format!(r#"{http},"method":"PURGE""#),
            format!(r#"{http},"method":"HEAD","assertions":["[STATUS] == 200"]"#),
            format!(r#"{http},"method":"POST","body":"äb","headers":{{"Content-Length":"3"}}"#),
            format!(r#"{dns},"record_type":"PTR","hostname_fqdn":"192.0.2.7""#),
        ] {
            assert_eq!(warnings(&check), [""; 0], "{check}");
        }
    }
}
