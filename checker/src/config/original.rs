//! Converts values that only the original Checkup's configuration can contain to ones with the same meaning in the
//! checker's dialect.
//!
//! The parser has already applied the rules of Go's decoder (see [`super::dialect`]). This module handles values: Go's
//! zero values mean "not set", and the original Checkup accepts some values that the checker's table rejects.

use std::borrow::Cow;

use super::dialect::Dialect;
use super::document::{JsonValue, Located, Member};
use super::notifiers::NOTIFIERS;
use super::parser;
use super::problem::{Problem, Problems};

/// Go's zero time, which the original Checkup writes for "not set".
pub(super) const ZERO_TIME: &str = "0001-01-01T00:00:00Z";

/// The time limit for `tls` checks that do not set one. The original Checkup does not limit them.
const TLS_TIMEOUT: &str = "10s";

/// The status codes that the original Checkup accepts by default.
const DEFAULT_STATUS: &str = "200-204";

/// Adds the single notifier of older files to the list of notifiers.
pub(super) fn rewrite_root(root: &mut Located) {
    let JsonValue::Object(members) = &mut root.value else { return };
    let Some(position) = members.iter().position(|member| member.key == "notifier") else { return };
    let Member { at, value, .. } = members.remove(position);
    let list = members.iter_mut().find(|member| member.key == NOTIFIERS).map(|member| &mut member.value.value);
    if let Some(JsonValue::Array(list)) = list {
        list.push(value);
    } else {
        let list = Located { at: value.at, value: JsonValue::Array(vec![value]) };
        members.push(Member { at, key: Cow::Borrowed(NOTIFIERS), value: list });
    }
}

/// Warns about variables outside of checks.
pub(super) fn report_root(root: &Located, problems: &mut Problems) {
    let JsonValue::Object(members) = &root.value else { return };
    for member in members {
        report_variables(&member.value, problems);
    }
}

/// Rewrites the check at `index` in the array.
pub(super) fn rewrite_check<'t>(check: &mut Located<'t>, index: usize, problems: &mut Problems) {
    let at = check.at;
    let text = |key: &str| check.member(key).and_then(Located::text).unwrap_or_default().to_owned();
    let kind = text("type");
    let (name_key, locator_key) = if kind == "exec" { ("name", "command") } else { ("endpoint_name", "endpoint_url") };
    let (name, locator, query) = (text(name_key), text(locator_key), text("hostname_fqdn"));
    let raise = text("raise");
    let JsonValue::Object(members) = &mut check.value else { return };

    // Commands and arguments often contain a shell's variables, so do not warn about those.
    for member in members.iter().filter(|member| !matches!(&*member.key, "command" | "arguments")) {
        report_variables(&member.value, problems);
    }
    members.retain(|member| match &*member.key {
        "timeout" => integer(member) != Some(0),
        "attempts" | "attempt_spacing" | "threshold_rtt" => integer(member).is_none_or(|number| number >= 0),
        "raise" => ["error", "warn", "warning"].contains(&raise.as_str()),
        _ => true,
    });
    if !["", "error", "warn", "warning"].contains(&raise.as_str()) {
        let text = format!(
            "unknown value `{raise}` for `checkers[{index}].raise` means `error`, as in the original Checkup: expected \
             `error`, `warn` or `warning`"
        );
        problems.add(Problem::warning(at, text));
    }
    let mut set = |key: &'static str, value: JsonValue<'t>| {
        members.retain(|member| member.key != key);
        members.push(Member { at, key: Cow::Borrowed(key), value: Located { at, value } });
    };
    let string = |text: &str| JsonValue::String(Cow::Owned(text.to_owned()));
    // Set an empty locator so that only this check is unusable and its result states the reason.
    if locator.is_empty() {
        set(locator_key, string(""));
    }
    if name.trim().is_empty() {
        set(name_key, string(if locator.trim().is_empty() { "a check without a name" } else { &locator }));
    }
    match kind.as_str() {
        // Without a name to query, the original Checkup just opens a connection.
        "dns" if query.is_empty() => {
            set("type", string("tcp"));
            members.retain(|member| member.key != "hostname_fqdn");
        }
        "tls" if !members.iter().any(|member| member.key == "timeout") => {
            members.push(Member {
                at,
                key: Cow::Borrowed("timeout"),
                value: Located { at, value: JsonValue::String(Cow::Borrowed(TLS_TIMEOUT)) },
            });
        }
        "http" => convert_status_range(members),
        _ => {}
    }
}

/// Adds the original Checkup's `up_status_range` to `up_status`, so that codes in either of them are accepted.
fn convert_status_range(members: &mut Vec<Member<'_>>) {
    let Some(position) = members.iter().position(|member| member.key == "up_status_range") else { return };
    let Member { at, value, .. } = members.remove(position);
    let bound = |key: &str| {
        let number = value.member(key).and_then(|bound| number(bound));
        number.filter(|number| *number > 0)
    };
    let (min, max) = (bound("min"), bound("max"));
    if min.is_none() && max.is_none() {
        return;
    }
    let range = format!("{}-{}", min.unwrap_or(100).clamp(100, 999), max.unwrap_or(999).clamp(100, 999));
    let explicit = members.iter().find(|member| member.key == "up_status").map(|member| member.value.clone());
    let explicit = explicit.filter(|status| number(status) != Some(0));
    let others = explicit.map_or(JsonValue::String(Cow::Borrowed(DEFAULT_STATUS)), |status| status.value);
    let list = [JsonValue::String(Cow::Owned(range)), others].map(|value| Located { at, value });
    members.retain(|member| member.key != "up_status");
    let value = Located { at, value: JsonValue::Array(list.into()) };
    members.push(Member { at, key: Cow::Borrowed("up_status"), value });
}

fn integer(member: &Member<'_>) -> Option<i64> {
    number(&member.value)
}

fn number(value: &Located<'_>) -> Option<i64> {
    match &value.value {
        JsonValue::Number(number) => number.parse().ok(),
        _ => None,
    }
}

/// Warns about text that would be a variable in the checker's dialect. In the original Checkup's dialect, it is sent or
/// stored literally, which is rarely intended.
fn report_variables(value: &Located<'_>, problems: &mut Problems) {
    match &value.value {
        JsonValue::String(text) => {
            if let Some(variable) = variable_in(text) {
                let text = format!(
                    "`{variable}` is not replaced, because a file named `checkup.json` is read as the original \
                     Checkup reads it: rename the file to use variables"
                );
                problems.add(Problem::warning(value.at, text));
            }
        }
        JsonValue::Array(elements) => elements.iter().for_each(|element| report_variables(element, problems)),
        JsonValue::Object(members) => members.iter().for_each(|member| report_variables(&member.value, problems)),
        JsonValue::Null | JsonValue::Bool(_) | JsonValue::Number(_) => {}
    }
}

/// Returns the first `${NAME}` or `${NAME:-default}` in a string.
fn variable_in(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let after = &rest[start + 2..];
        let end = after.find('}')?;
        let name = after[..end].split(":-").next().unwrap_or_default();
        let is_name = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        if !name.is_empty() && name.bytes().all(is_name) {
            return Some(&rest[start..=start + 2 + end]);
        }
        rest = after;
    }
    None
}

/// Converts a configuration of the original Checkup to the checker's dialect, so that other files can be derived from
/// it. Returns `None` if it does not contain an object.
#[must_use]
pub fn to_own_dialect(text: &str) -> Option<serde_json::Map<String, serde_json::Value>> {
    let mut root = parser::parse(text, Dialect::Original, &mut Problems::default(), None).ok()?;
    rewrite_root(&mut root);
    if let JsonValue::Object(members) = &mut root.value
        && let Some(checkers) = members.iter_mut().find(|member| member.key == super::CHECKERS)
        && let JsonValue::Array(checks) = &mut checkers.value.value
    {
        for (index, check) in checks.iter_mut().enumerate() {
            rewrite_check(check, index, &mut Problems::default());
        }
    }
    let mut json = root.to_json();
    escape(&mut json);
    match json {
        serde_json::Value::Object(members) => Some(members),
        _ => None,
    }
}

/// Escapes dollar signs, because they are literal in the original Checkup's dialect.
fn escape(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => *text = text.replace('$', "$$"),
        serde_json::Value::Array(elements) => elements.iter_mut().for_each(escape),
        serde_json::Value::Object(members) => members.values_mut().for_each(escape),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::CheckKind;
    use crate::config::model::Config;
    use crate::config::{Environment, from_file, from_text};
    use std::path::Path;
    use std::time::Duration;

    fn environment() -> Environment<'static> {
        Environment { variable: &|name| (name == "HOME").then(|| "/root".to_owned()), host_name: "here".to_owned() }
    }

    fn loaded(text: &str) -> (Config, Vec<String>) {
        let (config, problems) = from_file(text, Path::new("/etc/checkup/checkup.json"), &environment());
        let lines = problems.lines("checkup.json", text);
        (config.unwrap_or_else(|| panic!("{lines:#?}")), lines)
    }

    /// Loads a check that the checker's dialect rejects.
    fn loaded_check(check: &str) -> (crate::checks::Check, Vec<String>) {
        let text = format!(r#"{{"checkers":[{check}]}}"#);
        assert!(from_text(&text, Path::new(""), &environment()).1.has_errors(), "{check}");
        let (config, lines) = loaded(&text);
        ((*config.checks[0]).clone(), lines)
    }

    #[test]
    fn what_gos_serializer_writes_is_accepted() {
        let (config, lines) = loaded(
            r#"{"notifier":null,"storage":{"provider":"s3","access_key_id":"A","secret_access_key":"B","region":"","bucket":"b"},
            "checkers":[
                {"type":"http","endpoint_name":"A","endpoint_url":"http://a","up_status":0,"headers":null,"attempts":0},
                {"type":"tcp","endpoint_name":"B","endpoint_url":"a:1","timeout":0,"tls_ca_file":"","threshold_rtt":0}
            ],"concurrent_checks":0,"timestamp":"0001-01-01T00:00:00Z"}"#,
        );
        assert_eq!(lines, [""; 0]);
        assert_eq!((config.checks.len(), config.timestamp, config.concurrent_checks), (2, None, None));
        let CheckKind::Tcp(tcp) = &config.checks[1].kind else { panic!("{:?}", config.checks[1]) };
        assert_eq!(tcp.timeout, Duration::from_secs(1));
    }

    #[test]
    fn keys_have_any_case() {
        let (config, lines) = loaded(
            r#"{"Checkers":[{"Type":"http","Endpoint_Name":"A","ENDPOINT_URL":"http://a","Headers":{"X-From":["b"]},"attempts":2,"Attempts":3}],
            "Storage":{"Type":"fs","Dir":"checks"}}"#,
        );
        assert_eq!((config.checks[0].attempts, lines.len()), (3, 1), "{lines:?}");
        assert!(lines[0].contains("warning: duplicate key `attempts`: the last one is used"), "{lines:?}");
        assert!(config.storage.is_some());
    }

    #[test]
    fn keys_of_another_case_are_suggested_in_our_dialect() {
        let text = r#"{"checkers":[{"type":"tcp","endpoint_name":"A","ENDPOINT_URL":"a:1"}]}"#;
        let lines = from_text(text, Path::new(""), &environment()).1.lines("c.json", text);
        assert!(lines.iter().any(|line| line.contains("did you mean `endpoint_url`?")), "{lines:?}");
    }

    #[test]
    fn dollar_signs_are_literal() {
        let text = r#"{"checkers":[{"type":"exec","name":"A","command":"sh","arguments":["-c","test $$ -gt 1; for i in 1; do echo ${i} ${HOME}; done"]}]}"#;
        let (config, lines) = loaded(text);
        let CheckKind::Exec(exec) = &config.checks[0].kind else { panic!("{:?}", config.checks[0]) };
        assert_eq!(exec.arguments[1], "test $$ -gt 1; for i in 1; do echo ${i} ${HOME}; done");
        assert_eq!(lines, [""; 0], "a shell has its own variables");
        // The file that `checker provision` derives has the same meaning in the checker's dialect.
        let own = serde_json::Value::Object(to_own_dialect(text).expect("an object")).to_string();
        let (config, _) = from_text(&own, Path::new("/etc/checkup"), &environment());
        let CheckKind::Exec(derived) = &config.expect(&own).checks[0].kind.clone() else { panic!("{own}") };
        assert_eq!(derived.arguments, exec.arguments);
    }

    #[test]
    fn a_variable_that_is_not_replaced_is_reported() {
        let text = r#"{"checkers":[],"storage":{"type":"s3","bucket":"b","access_key_id":"A","secret_access_key":"${KEY:-x}"}}"#;
        let (_, lines) = loaded(text);
        assert!(lines.len() == 1 && lines[0].contains("warning: `${KEY:-x}` is not replaced"), "{lines:?}");
    }

    #[test]
    fn checks_without_a_name_are_named_after_their_endpoint() {
        for (check, title) in [
            (r#"{"type":"http","endpoint_url":"http://a"}"#, "http://a"),
            (r#"{"type":"tcp","endpoint_name":"","endpoint_url":"a:1"}"#, "a:1"),
            (r#"{"type":"exec","command":"true"}"#, "true"),
        ] {
            let (check, lines) = loaded_check(check);
            assert_eq!((check.title.as_str(), lines.len()), (title, 0), "{lines:?}");
        }
    }

    #[test]
    fn a_check_without_an_endpoint_does_not_affect_others() {
        let (check, lines) = loaded_check(r#"{"type":"http","endpoint_name":"A"}"#);
        assert!(matches!(check.kind, CheckKind::Misconfigured(_)), "{check:?}");
        assert!(lines.len() == 1 && lines[0].contains("`checkers[0].endpoint_url`"), "{lines:?}");
    }

    #[test]
    fn values_that_the_original_accepts_mean_the_same() {
        let (negative, lines) =
            loaded_check(r#"{"type":"tcp","endpoint_name":"A","endpoint_url":"a:1","attempts":-1,"threshold_rtt":-5}"#);
        assert_eq!((negative.attempts, negative.threshold, lines.len()), (1, 0, 0));
        let (fatal, lines) = loaded_check(r#"{"type":"exec","name":"A","command":"true","raise":"fatal"}"#);
        assert_eq!(fatal.kind.probe().failure_status(), shared::status::Status::Down);
        assert!(lines.len() == 1 && lines[0].contains("warning: unknown value `fatal`"), "{lines:?}");
        let (dns, lines) = loaded_check(r#"{"type":"dns","endpoint_name":"A","endpoint_url":"a:53"}"#);
        assert!(matches!(dns.kind, CheckKind::Tcp(_)) && lines.is_empty(), "{dns:?}");
        let (tls, _) = loaded_check(r#"{"type":"tls","endpoint_name":"A","endpoint_url":"a:443","timeout":0}"#);
        assert_eq!(tls.kind.probe().timeout(), Duration::from_secs(10));
    }

    #[test]
    fn a_range_of_status_codes_is_supported() {
        for (range, extra, up, down) in [
            (r#"{"min":200,"max":399}"#, "", &[200, 304, 399][..], &[400][..]),
            (r#"{"max":299}"#, r#","up_status":404"#, &[100, 299, 404], &[300]),
            (r#"{"min":400}"#, "", &[200, 204, 400, 599, 999], &[205, 399]),
        ] {
            let (check, _) = loaded_check(&format!(
                r#"{{"type":"http","endpoint_name":"A","endpoint_url":"http://a","up_status_range":{range}{extra}}}"#
            ));
            let CheckKind::Http(http) = &check.kind else { panic!("{check:?}") };
            assert!(up.iter().all(|code| http.up_status.contains(*code)), "{range}: {}", http.up_status);
            assert!(!down.iter().any(|code| http.up_status.contains(*code)), "{range}: {}", http.up_status);
        }
    }
}
