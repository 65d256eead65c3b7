//! Compares the schema with validation: tests every key in the table with many values, using a JSON Schema validator.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::super::spec::{Field, Presence, ValueKind, Variant};
use super::super::table::ROOT;
use crate::config::{Environment, from_text};

/// Keys whose strings have a syntax that no regular expression can express. The schema accepts all of their strings.
const WITH_SYNTAX: [&str; 8] = ["assertions", "body", "expect", "from", "schedule", "time_zone", ".to", ".urls"];

/// Keys whose valid values depend on other keys, which the schema does not express.
const WITH_CONDITIONS: [&str; 10] = [
    ".cert_expiry_down",
    ".chat",
    ".depends_on",
    ".failures_allowed",
    ".labels",
    ".match",
    ".password",
    ".username",
    "].secret",
    ".notifiers[].url",
];

/// Returns whether validation can reject the value for a reason that a schema cannot express.
fn is_inexpressible(path: &str, value: &Value) -> bool {
    let has_conditions = WITH_CONDITIONS.iter().any(|key| path.ends_with(key));
    // Validation rejects a status page URL with credentials.
    let has_credentials = value.as_str().is_some_and(|text| text.contains('@'));
    let has_conditions = has_conditions || path == ".checkers[].url" && has_credentials;
    // Validation accepts IP addresses only for PTR records.
    let is_address = value.as_str().is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok());
    let has_conditions = has_conditions || path.ends_with(".hostname_fqdn") && is_address;
    // Durations with several parts, such as `1h30m`, can exceed the limit in total.
    let units = |text: &str| text.split(|one: char| !one.is_alphabetic()).filter(|unit| !unit.is_empty()).count();
    let has_parts = value.as_str().is_some_and(|text| shared::duration::parse(text).is_ok() && units(text) > 1);
    has_parts || has_conditions || WITH_SYNTAX.iter().any(|key| path.contains(key))
}

/// Test values, which are valid for some keys and invalid for others.
const VALUES: &str = r##"[
    "", " ", "a", "A", "A b", "node-1", "Büro", "a_b", "a.example", "a.example.", "a..b", ".", "..", "a\u0007b",
    "a\nb", "0", "10", "0s", "1s", "0.5s", "1.5s", "2.s", ".5s", "500ms", "999ms", "1000ms", "0001s", " 30s ",
    "10m", "1h30m", "1h30", "-5s", "+5s", "5 minutes", "1e3s", "59m", "1h", "24h", "25h", "1d", "1.0d", "1.01d",
    "2d", "30d", "31d", "32d", "366d", "367d", "400d", "52w", "53w", "1.5w", "1d1w", "2d1s", "36500d", "36501d",
    "5300w", "86400s", "86401s", "1440m", "1441m", "999999999999999999d", "1us", "1µs", "999ns", "1ns", "any",
    "majority", "all", "most", "3", "007", "-1", "1.5", "200", "99", "600", "599", "2xx", "6xx", "9xx", "10xx", "xx", "200-299",
    "200-200", "201-200", "200-199", "219-209", "209-219", "299-300", "300-299", "100-599", "99-200", "200-600", "200-999", "999-200", "980-999", "999-980", "999-1000",
    "200 - 299", " 2xx ", "+200", "0200", "200-", "ok", "-", "http://a.example/", "https://a", "HTTP://a",
    "http:a", "http://", "//a", "ftp://a", "ws://a", "wss://a/x", "ws://", "a:1", "a:65535", "a:65536", "a:0",
    "a:", ":80", "a b:80", "a/b:80", "tcp://a:80/", "[::1]:5", "[::1]", "[::1:5", "::1", "[a]:5", "1.1.1.1",
    "1.1.1.1:443", "https://a:443", "https://a.example/path", "https://A.example", "*", "p/", "p", "p/q/", "/p/",
    "../", "a/../b/", ".a/", "..a/", ".../", "./", "a//", "2026-08-22T14:00:00Z", "2026-08-22t14:00:00+02:00",
    "2026-08-22 14:00:00Z", "2026-08-22T14:00:00.5Z", "2026-13-22T14:00:00Z", "2026-08-22T25:00:00Z",
    "2026-08-22", "noon", "2300-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "1600-01-01T00:00:00Z", "GET", "G T",
    "get", "PROPFIND", "error", "warn", "fatal", "A", "TXT", "txt", "NOERROR", "smtp", "auto", "en", "system",
    "#112233", "[RTT] < 1s", "(", "none", "auto", "1.1", "2", "http://u:p@a:1", "u:p@ss@a", "socks5h://a", "u/p@a", "ftp://u@a", "@",
    -1, 0, 1, 4, 5, 6, 24, 25, 50, 51, 99, 100, 101, 200, 255, 256, 599, 600, 999, 1000, 1001, 100000, 100001, 999999, 1000000,
    999999999, 1000000000, 1073741824, 1073741825, 3600000000000, 86400000000000, 86400000000001, 9223372036854775807,
    -9223372036854775808,
    null, true, false, 0.5, [], ["a"], ["a:1"], [""], [1], [null], ["2xx", 404], [200], [0], [[200]], ["https://a.example"],
    {}, {"a": 1}, {"A": "b"}, {"a b": "c"}, {"": "c"}, {"A": ["b", "c"]}, {"A": [1]}, {"A": []}, {"A": "b\nc"}, {"A": null},
    ["[RTT] < 1s"], [{"that": "[RTT] < 1s"}], [{"that": "[RTT] < 1s", "otherwise": "degraded"}],
    [{"that": "[RTT] < 1s", "otherwise": "unknown"}], [{"any": []}], [{"any": ["[RTT] < 1s"]}], [{"all": "[RTT] < 1s"}],
    [{"not": {"any": ["[RTT] < 1s"]}}], [{"not": {"that": "[RTT] < 1s", "otherwise": "down"}}], [{"thta": "x"}], [{}],
    [{"any": ["[RTT] < 1s"], "all": ["[RTT] < 1s"]}],
    [{"send": "a"}], [{"expect": "a", "send": "b"}], [{"sent": "a"}], [{"text": "a", "url": "https://a.example"}],
    [{"title": "a", "endpoints": ["a"]}], [{"endpoints": ["a"]}], [{"title": "a", "groups": [{"title": "b"}]}],
    {"type": "fs", "dir": "d"}, {"provider": "fs", "dir": "d"}, {"type": "fs", "provider": "s3", "dir": "d"},
    {"provider": "s3", "type": "fs", "bucket": "b"}, {"type": "s3", "bucket": "b"}, {"type": "s3"}, {"type": "github"},
    {"type": "mysql", "dsn": "x"}, {"dir": "d"}, {"title": "a"}, {"titel": "a"}
    
]"##;

fn values() -> Vec<Value> {
    let values: Vec<Value> = serde_json::from_str(VALUES).expect("it is JSON");
    // Names with the maximum length for nodes and jobs, and with one character more.
    let names = [32, 33, 64, 65].map(|length| Value::from("a".repeat(length)));
    values.into_iter().chain(names).collect()
}

/// Returns a valid value for a required key.
fn example(field: &Field) -> Value {
    match field.key {
        "endpoint_url" if matches!(field.kind, ValueKind::Url) => json!("https://a.example/"),
        "interval" => json!("1h"),
        "checkers" => json!([]),
        "url" | "webhook" => json!("https://a.example/"),
        "from" | "to" => json!("a@a.example"),
        "smtp" => json!({ "server": "a" }),
        "room" => json!("!a"),
        "target" => json!("99%"),
        _ => json!("a"),
    }
}

/// Returns an object with only the required keys.
fn smallest(fields: &[&Field]) -> Map<String, Value> {
    let required = fields.iter().filter(|field| field.presence == Presence::Required);
    required.map(|field| (field.key.to_owned(), example(field))).collect()
}

/// A function that puts a value into an otherwise valid file.
type Put<'a> = dyn Fn(Value) -> Value + 'a;

/// Calls `each` for every key, passing the key's path and a function that puts a value into an otherwise valid file.
fn visit(kind: &ValueKind, path: &str, put: &Put<'_>, each: &mut dyn FnMut(&str, &Put<'_>)) {
    let mut of_object = |fields: &[&Field], base: &Map<String, Value>| {
        for field in fields {
            for key in [Some(field.key), field.former].into_iter().flatten() {
                let put = |value: Value| {
                    let mut object = base.clone();
                    object.insert(key.to_owned(), value);
                    put(Value::Object(object))
                };
                let path = format!("{path}.{key}");
                each(&path, &put);
                // Test the inside of a renamed key only once, because it is the same under both names.
                if key == field.key {
                    visit(&field.kind, &path, &put, each);
                }
            }
        }
    };
    match kind {
        ValueKind::Object(fields) | ValueKind::SwitchOrObject(fields) => {
            let fields: Vec<&Field> = fields.iter().collect();
            of_object(&fields, &smallest(&fields));
        }
        ValueKind::Tagged { keys, variants, common, .. } => {
            for (key_index, key) in keys.iter().enumerate() {
                let mut tested = BTreeSet::new();
                // Test only a few types with an older key, because the others are the same.
                let count = if key_index == 0 { variants.len() } else { 2 };
                for Variant { name, fields, .. } in variants.iter().take(count) {
                    let fields: Vec<&Field> = fields.iter().chain(*common).collect();
                    let mut base = smallest(&fields);
                    match *name {
                        "tcp" | "grpc" => drop(base.insert("endpoint_url".to_owned(), json!("a:1"))),
                        "ntfy" => drop(base.insert("url".to_owned(), json!("https://a.example/topic"))),
                        "heartbeat" => drop(base.insert("interval".to_owned(), json!("1h"))),
                        "websocket" => drop(base.insert("endpoint_url".to_owned(), json!("wss://a"))),
                        _ => {}
                    }
                    base.insert((*key).to_owned(), json!(name));
                    // Test a key that several variants share only once.
                    let new = fields.into_iter().filter(|field| tested.insert(format!("{field:?}")));
                    of_object(&new.collect::<Vec<_>>(), &base);
                }
            }
        }
        ValueKind::List(element) | ValueKind::OneOrMany(element) => {
            visit(element, &format!("{path}[]"), &|value| put(json!([value])), each);
        }
        _ => {}
    }
}

#[test]
fn the_schema_and_validation_agree_on_every_key() {
    let schema = super::schema();
    let validator = jsonschema::draft202012::new(&schema).expect("it is a schema");
    jsonschema::draft202012::meta::validate(&schema).expect("the metaschema accepts it");
    let environment = Environment { variable: &|_| None, host_name: "here".to_owned() };
    let values = values();
    let (mut compared, mut differences) = (0, Vec::new());
    visit(&ROOT, "", &|value| value, &mut |path, put| {
        for value in &values {
            let file = put(value.clone());
            let (_, problems) = from_text(&file.to_string(), Path::new(""), &environment);
            let (by_schema, by_validation) = (validator.is_valid(&file), !problems.has_errors());
            compared += 1;
            if by_schema != by_validation && !(by_schema && is_inexpressible(path, value)) {
                differences.push(format!("{path} = {value}: schema {by_schema}, validation {by_validation}"));
            }
        }
    });
    assert!(compared > 10_000, "{compared}");
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn variables_are_accepted_where_only_the_checker_knows_their_value() {
    let validator = jsonschema::draft202012::new(&super::schema()).expect("it is a schema");
    let file = json!({
        "node": "${NODE}", "every": "${EVERY:-1m}",
        "checkers": [{ "type": "http", "endpoint_name": "A", "endpoint_url": "${URL}", "timeout": "${T}", "quorum": "${Q}", "up_status": "${S}" }],
        "storage": { "type": "s3", "bucket": "b", "prefix": "${PREFIX}" },
    });
    assert!(
        validator.is_valid(&file),
        "{:?}",
        validator.iter_errors(&file).map(|error| error.to_string()).collect::<Vec<_>>()
    );
}
