//! Snapshots of every problem in a configuration, as `checker validate` prints it with line and column.

use std::fmt::Write as _;

use super::{assert_text, environment};
use crate::config;

/// Configurations that are not valid JSON.
const INVALID_JSON: &[&str] = &[
    "",
    "// nothing but a comment",
    "[]",
    "{",
    "[1",
    r#"{"checkers": [] "node": "a"}"#,
    r#"{"checkers" []}"#,
    "{checkers: []}",
    r#"{"checkers": }"#,
    r#"{"checkers": [1 2]}"#,
    r#"{"checkers": [1, ,]}"#,
    r#"{"checkers": []} {}"#,
    r#"{"checkers": yes}"#,
    r#"{"checkers": "no end}"#,
    r#"{"checkers": "\q"}"#,
    "{\n  \"checkers\": [] /* no end",
];

/// Members of the root object, each added to `"checkers": []`.
const ROOT: &[&str] = &[
    r#""nod": "a""#,
    r#""zzz": 1"#,
    r#""node": 1"#,
    r#""node": "a", "node": "b""#,
    r#""node": "Büro""#,
    r#""node": "${NONE}""#,
    r#""node": "${NO NE}""#,
    r#""node": "${NONE""#,
    r#""every": "10 parsecs""#,
    r#""every": "10ms""#,
    r#""every": 20"#,
    r#""every": 20000"#,
    r#""every": true"#,
    r#""concurrent_checks": -1"#,
    r#""concurrent_checks": "many""#,
    r#""online_check": "1.1.1.1:443""#,
    r#""online_check": ["1.1.1.1"]"#,
    r#""connectivity": ["1.1.1.1:443"]"#,
    r#""connectivity": ["1.1.1.1:443"], "online_check": ["1.1.1.1:443"]"#,
    r#""deny_private_addresses": "yes""#,
    r#""summaries": 1"#,
    r#""outputs": { "store": ["feed", "calendar"], "url": "status.example" }"#,
    r#""timestamp": "noon""#,
    r#""notifiers": []"#,
    r#""notifier": {}"#,
    r#""notifier": {"type": "ping", "url": "https://hc-ping.com/x"}"#,
    r#""notifiers": {"type": "pigeon"}"#,
    r#""notifiers": [{"type": "slack"}, {"type": "telegram", "token": "${NONE}", "chat": true}]"#,
    r#""notifiers": [{"type": "slack", "webhook": "hooks.slack.com/x", "on": ["dwon"], "id": "Ops"}]"#,
    r#""notifiers": [{"type": "slack", "webhook": "https://hooks.slack.com/x", "id": "Ops", "on": []}]"#,
    r#""notifiers": [{"type": "mail", "from": "me", "to": [], "smtp": {"server": "a", "username": "u"}}]"#,
    r##""notifiers": [{"type": "matrix", "url": "https://a", "access_token": "", "room": "#ops:a"}]"##,
    r#""notifiers": [{"type": "ntfy", "url": "https://ntfy.sh"}, {"type": "gotify", "url": "https://a", "token": ""}]"#,
    r#""notifiers": [{"type": "alertmanager", "url": "https://a", "labels": {"a-b": "c", "d": 1}}]"#,
    r#""notifiers": [{"type": "alertmanager", "url": "https://a", "labels": {"severity": "c"}, "token": "x", "username": "y"}]"#,
    r#""notifiers": [{"type": "webhook", "url": "https://a", "secret": "x", "headers": {"a b": "c"}}]"#,
    r#""notifiers": [{"type": "webhook", "url": "https://a", "body": {"text": ["{{ summry }}"]}}]"#,
    r#""notifiers": [{"type": "webhook", "url": "https://a", "body": {"text": "{% for %}"}}]"#,
    r#""notifiers": [{"type": "exec", "command": "no-such-command-anywhere"}, {"type": "apprise", "urls": []}]"#,
    r#""notifiers": [{"type": "ntfy", "url": "http://", "after": 20, "repeat": [20]}]"#,
    r#""notifiers": [{"type": "pagerduty", "routing_key": "k"}, {"type": "pagerduty", "routing_key": "k", "on": ["down"]}]"#,
    r#""notify": {"rank": 1}"#,
    r#""notify": {"after": "3d", "time_zone": "Berlin", "repeat": ["1s"], "flapping": {"outages": 1}, "zone": "UTC"}"#,
    r#""notify": {"time_zone": "Berlin"}"#,
    r#""storage": "s3""#,
    r#""storage": {}"#,
    r#""storage": {"type": 7}"#,
    r#""storage": {"type": "s4", "bucket": "b"}"#,
    r#""storage": {"type": "tape"}"#,
    r#""storage": {"type": "mysql", "dsn": "x"}"#,
    r#""storage": {"type": "fs"}"#,
    r#""storage": {"type": "fs", "dir": "a", "history_expiry": "1h", "check_expiry": "old"}"#,
    r#""storage": {"type": "s3"}"#,
    r#""storage": {"type": "s3", "bucket": ""}"#,
    r#""storage": {"type": "s3", "bucket": "b", "access_key_id": "A"}"#,
    r#""storage": {"type": "s3", "bucket": "b", "secret_access_key": "${KEY}"}"#,
    r#""storage": {"type": "s3", "bucket": "b", "prefix": "a"}"#,
    r#""storage": {"type": "s3", "bucket": "b", "prefix": "/a//"}"#,
    r#""storage": {"type": "s3", "bucket": "b", "endpoint_url": "ftp://a"}"#,
    r#""storage": {"type": "s3", "bucket": "b", "endpoint_url": "a b"}"#,
    r#""storage": {"type": "s3", "bucket": "b", "endpoint_url": 1, "path_style": 0}"#,
    r#""page": []"#,
    r#""page": {"titel": "x"}"#,
    r#""page": {"range": "1m", "refresh": 1, "interval": "1ms", "offline": "no", "language": "xx"}"#,
    r#""page": {"embed_by": ["https://a.example/path"]}"#,
    r#""page": {"logo": "https://elsewhere.example/logo.svg", "favicon": "javascript:1"}"#,
    r#""page": {"links": [{"text": "x", "url": "javascript:alert(1)"}, {"text": "y"}]}"#,
    r#""page": {"links": [{"text": "x", "url": "javascript:alert(1)"}]}"#,
    r#""page": {"subscribe": [{"text": "x", "url": "javascript:alert(1)"}], "outputs": {"url": "ftp://a"}}"#,
    r#""page": {"theme": {"light": {"ground": "white"}, "dark": {"grund": "white"}}}"#,
    r#""page": {"theme": {"light": {"ground": "white"}, "radius": 99, "font": "comic"}}"#,
    r#""page": {"theme": {"light": {"ground": "white"}}}"#,
    r#""page": {"look": {"light": {"ground": "white"}}}"#,
    r#""page": {"labels": {"down": {"word": 1}, "healty": {}}}"#,
    r#""page": {"groups": [{"endpoints": ["a"]}, {"title": "b", "groups": [{"title": "c", "groups": []}]}]}"#,
    r#""page": {"groups": [{"title": "a", "endpoints": ["x"]}, {"title": "b", "endpoints": ["x"]}]}"#,
    r#""page": {"order": "a", "hidden": {"errors": "a"}}"#,
];

/// Checks, each of them the only element of `checkers`.
const CHECKS: &[&str] = &[
    "1",
    "{}",
    r#"{"type": 1}"#,
    r#"{"type": "htp"}"#,
    r#"{"type": "carrier-pigeon"}"#,
    r#"{"type": "http"}"#,
    r#"{"type": "http", "endpoint_name": "A", "endpoint_url": "http://a", "treshold_rtt": 1, "zzzzzz": 2}"#,
    r#"{"type": "http", "endpoint_name": "", "endpoint_url": "http://a"}"#,
    r#"{"type": "exec", "name": " ", "command": "true"}"#,
    r#"{"type": "http", "endpoint_name": "A", "endpoint_url": "shop.example"}"#,
    r#"{"type": "http", "endpoint_name": "A", "endpoint_url": "ftp://a"}"#,
    r#"{"type": "http", "endpoint_name": "A", "endpoint_url": 1}"#,
    r#"{"type": "http", "endpoint_name": "A", "endpoint_url": "http://me:pass@a/"}"#,
    r#"{"type": "http", "endpoint_name": "A", "endpoint_url": "http://a", "method": "G T"}"#,
    r#"{"type": "http", "endpoint_name": "A", "endpoint_url": "http://a", "headers": {"a b": "c"}}"#,
    r#"{"type": "http", "endpoint_name": "A", "endpoint_url": "http://a", "headers": {"a": 1}}"#,
    r#"{"type": "http", "endpoint_name": "A", "endpoint_url": "http://a", "up_status": "2yy"}"#,
    r#"{"type": "http", "endpoint_name": "A", "endpoint_url": "http://a", "quorum": "most"}"#,
    r#"{"type": "http", "endpoint_name": "A", "endpoint_url": "http://a", "quorum": 0, "attempts": 5000}"#,
    r#"{"type": "exec", "name": "A", "command": "true", "confirm": 2, "verdict": "any", "every_when_down": "1m"}"#,
    r#"{"type": "exec", "name": "A", "command": "true", "confirm": 2, "failures_before_down": 3}"#,
    r#"{"type": "http", "endpoint_name": "A", "endpoint_url": "http://a", "timeout": "10 parsecs", "every": "0s"}"#,
    r#"{"type": "http", "endpoint_name": "A", "endpoint_url": "http://a", "tls_ca_file": "missing.pem"}"#,
    r#"{"type": "http", "endpoint_name": "A", "endpoint_url": "http://a", "tls_ca_file": "checker.json"}"#,
    r#"{"type": "tcp", "endpoint_name": "A", "endpoint_url": "db.example"}"#,
    r#"{"type": "tcp", "endpoint_name": "A", "endpoint_url": "a:1", "script": [{}, {"expect": "("}]}"#,
    r#"{"type": "tcp", "endpoint_name": "A", "endpoint_url": "a:1", "script": "x"}"#,
    r#"{"type": "tcp", "endpoint_name": "A", "endpoint_url": "a:1", "tls": false, "starttls": "smtp"}"#,
    r#"{"type": "tcp", "endpoint_name": "A", "endpoint_url": "a:1", "starttls": "ftp"}"#,
    r#"{"type": "tls", "endpoint_name": "A", "endpoint_url": "a", "cert_expiry_down": "30d"}"#,
    r#"{"type": "tls", "endpoint_name": "A", "endpoint_url": "a", "server_name": "a b"}"#,
    r#"{"type": "tls", "endpoint_name": "A", "endpoint_url": "a_b."}"#,
    r#"{"type": "dns", "endpoint_name": "A", "endpoint_url": "a", "hostname_fqdn": "a..b"}"#,
    r#"{"type": "dns", "endpoint_name": "A", "endpoint_url": "a", "hostname_fqdn": "b", "record_type": "X", "rcode": "NO"}"#,
    r#"{"type": "dns", "endpoint_name": "A", "endpoint_url": "a", "hostname_fqdn": "b", "rcode": "NXDOMAIN", "expected_answers": ["c"]}"#,
    r#"{"type": "dns", "endpoint_name": "A", "endpoint_url": "a", "hostname_fqdn": "192.0.2.1", "match": "some"}"#,
    r#"{"type": "dns", "endpoint_name": "A", "endpoint_url": "a", "hostname_fqdn": "192.0.2.1"}"#,
    r#"{"type": "dns", "endpoint_name": "A", "endpoint_url": "a", "hostname_fqdn": "b", "match": "any"}"#,
    r#"{"type": "icmp", "endpoint_name": "A", "endpoint_url": "a:80"}"#,
    r#"{"type": "websocket", "endpoint_name": "A", "endpoint_url": "http://a"}"#,
    r#"{"type": "websocket", "endpoint_name": "A", "endpoint_url": "ws://me:pass@a/"}"#,
    r#"{"type": "websocket", "endpoint_name": "A", "endpoint_url": "ws://a/", "expect": "["}"#,
    r#"{"type": "grpc", "endpoint_name": "A", "endpoint_url": "a:1", "tls": true, "server_name": "a b"}"#,
    r#"{"type": "grpc", "endpoint_name": "A", "endpoint_url": "a:1", "headers": {"TE": "trailers"}}"#,
    r#"{"type": "heartbeat", "endpoint_name": "A", "job": "My job", "interval": "1h"}"#,
    r#"{"type": "heartbeat", "endpoint_name": "A", "job": "job", "interval": "1h"}"#,
    r#"{"type": "heartbeat", "endpoint_name": "A", "job": "job"}"#,
    r#"{"type": "heartbeat", "endpoint_name": "A", "job": "job", "interval": "1h", "schedule": "@daily"}"#,
    r#"{"type": "heartbeat", "endpoint_name": "A", "job": "job", "interval": "1h", "time_zone": "UTC"}"#,
    r#"{"type": "heartbeat", "endpoint_name": "A", "job": "job", "schedule": "0 4 * *"}"#,
    r#"{"type": "heartbeat", "endpoint_name": "A", "job": "job", "schedule": "0 25 * * *"}"#,
    r#"{"type": "heartbeat", "endpoint_name": "A", "job": "job", "schedule": "0 4 30 2 *"}"#,
    r#"{"type": "heartbeat", "endpoint_name": "A", "job": "job", "schedule": "@daily", "time_zone": "Berlin"}"#,
    r#"{"type": "statuspage", "endpoint_name": "A", "url": "status.example"}"#,
    r#"{"type": "statuspage", "endpoint_name": "A", "url": "https://me:pass@status.example"}"#,
    r#"{"type": "tcp", "endpoint_name": "A", "endpoint_url": "a:1", "attempts": 3, "failures_allowed": 3}"#,
    r#"{"type": "tcp", "endpoint_name": "A", "endpoint_url": "a:1", "invert": true, "threshold_rtt": "1s"}"#,
    r#"{"type": "exec", "name": "A", "command": "true", "every": 20}"#,
    r#"{"type": "exec", "name": "A", "command": "true", "notify": ["ops"]}"#,
    r#"{"type": "exec", "name": "A", "command": "true", "notify": "ops", "depends_on": [1], "slo": "99%"}"#,
    r#"{"type": "exec", "name": "A", "command": "true", "depends_on": ["A"]}"#,
    r#"{"type": "exec", "name": "Router", "command": "true", "depends_on": ["Ruoter"]}"#,
    r#"{"type": "exec", "name": "A", "command": "true", "depends_on": ["Elsewhere"]}"#,
    r#"{"type": "exec", "name": "A", "command": "true", "slo": {"target": "100%", "window": "30d"}}"#,
    r#"{"type": "exec", "name": "A", "command": "true", "slo": {"taget": "99%"}}"#,
    r#"{"type": "exec", "name": "A", "command": ""}"#,
    r#"{"type": "exec", "name": "A", "command": "no-such-command-anywhere"}"#,
    r#"{"type": "exec", "name": "A", "command": "true", "raise": "shout", "arguments": [1], "exit_status": 999}"#,
];

/// Assertions for checks of one type, with the other keys of the check.
const ASSERTIONS: &[(&str, &[&str])] = &[
    (
        r#""type": "http", "endpoint_url": "http://a""#,
        &[
            r#""[STATUS] == 200""#,
            r"[7]",
            r#"[""]"#,
            r#"["STATUS == 200"]"#,
            r#"["[STATUS == 200"]"#,
            r#"["[STATE] == 200"]"#,
            r#"["[STATUS]"]"#,
            r#"["[STATUS] is 200"]"#,
            r#"["[STATUS] =="]"#,
            r#"["[STATUS] == abc"]"#,
            r#"["[STATUS] == true"]"#,
            r#"["[STATUS] > 2xx"]"#,
            r#"["[STATUS] == 200 and"]"#,
            r#"["[STATUS] == 200 [RTT]"]"#,
            r#"["([STATUS] == 200"]"#,
            r#"["[RTT] < 5"]"#,
            r#"["[BODY_SIZE] < big"]"#,
            r#"["len([BODY]) < 5s"]"#,
            r#"["len [BODY] < 5"]"#,
            r#"["has([BODY]"]"#,
            r#"["[BODY] matches '('"]"#,
            r#"["[BODY] == 'open"]"#,
            r#"["[HEADER a b] == 1"]"#,
            r#"["[JSON queue] == 1"]"#,
            r#"["[JSON $..a..b] == 1"]"#,
            r#"["[JSON $[?match(@.a, 'b')]] == 1"]"#,
            r#"["!!!!!!!!!!!!!!!!!!!!!!![STATUS] == 200"]"#,
            r#"[{"any": []}]"#,
            r#"[{"all": "x"}]"#,
            r#"[{"that": 1}]"#,
            r#"[{"thta": "[RTT] < 5s"}]"#,
            r#"[{"that": "[RTT] < 5s", "otherwise": "unknown"}]"#,
            r#"["[STATUS] == 200 and [TLS] < 1s"]"#,
        ],
    ),
    (r#""type": "tcp", "endpoint_url": "a:1""#, &[r#"["[STATUS] == 200"]"#, r#"["[TLS] < 1s"]"#]),
    (r#""type": "tls", "endpoint_url": "a:1""#, &[r#"["[BODY] == 'a'"]"#]),
    (r#""type": "dns", "endpoint_url": "a", "hostname_fqdn": "b""#, &[r#"["[CONNECT] < 1s"]"#]),
    (r#""type": "websocket", "endpoint_url": "ws://a""#, &[r#"["[TLS] < 1s"]"#, r#"["[REDIRECT] == 'a'"]"#]),
    (r#""type": "grpc", "endpoint_url": "a:1""#, &[r#"["[TLS] < 1s"]"#, r#"["[JSON $.a] == 1"]"#]),
    (r#""type": "exec", "command": "true""#, &[r#"["len([HEADER x]) > 1"]"#]),
    (r#""type": "heartbeat", "job": "a", "interval": "1h""#, &[r#"["[STATUS] == 0"]"#]),
    (r#""type": "statuspage", "url": "http://a""#, &[r#"["[REDIRECT] == 'a'"]"#]),
];

/// Each configuration, followed by the output of `checker validate`.
fn validated(configurations: impl IntoIterator<Item = (String, String)>) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("checker.json");
    let mut text = String::new();
    for (shown, configuration) in configurations {
        std::fs::write(&path, configuration).expect("the file can be written");
        let (lines, _) = config::validate(&path, &environment()).expect("the file can be read");
        let lines = if lines.is_empty() { "(valid)".to_owned() } else { lines.join("\n") };
        let lines = lines.replace(&format!("{}/", folder.path().display()), "");
        let _ = writeln!(text, "{shown}\n{lines}\n");
    }
    text
}

#[test]
fn problems_of_invalid_json() {
    assert_text("validate.not_readable", &validated(INVALID_JSON.iter().map(|text| ((*text).into(), (*text).into()))));
}

#[test]
fn problems_of_whole_files() {
    let whole = |part: &&str| ((*part).to_owned(), format!("{{\n  \"checkers\": [],\n  {part}\n}}\n"));
    let mut configurations: Vec<_> = ROOT.iter().map(whole).collect();
    configurations.push(("{}".to_owned(), "{}".to_owned()));
    configurations.push(("\"checkers\": {}".to_owned(), "{\"checkers\": {}}".to_owned()));
    assert_text("validate.root", &validated(configurations));
}

#[test]
fn problems_of_single_checks() {
    let whole = |check: &&str| ((*check).to_owned(), format!("{{\n  \"checkers\": [\n    {check}\n  ]\n}}\n"));
    assert_text("validate.checks", &validated(CHECKS.iter().map(whole)));
}

#[test]
fn problems_of_assertions() {
    let mut configurations = Vec::new();
    for (check, assertions) in ASSERTIONS {
        for list in *assertions {
            let check = format!(r#"{{{check}, "endpoint_name": "A", "assertions": {list}}}"#);
            let check = if check.contains("exec") { check.replace("endpoint_name", "name") } else { check };
            configurations.push((check.clone(), format!("{{\n  \"checkers\": [\n    {check}\n  ]\n}}\n")));
        }
    }
    assert_text("validate.assertions", &validated(configurations));
}
