//! The JSON Schemas in `docs/schemas/` describe the real outputs completely: they accept each output, even if no other
//! keys are allowed, and they reject an output whose keys have other types.

use std::io::Read as _;
use std::path::Path;

use flate2::read::GzDecoder;
use jsonschema::Validator;
use regex::Regex;
use serde_json::{Value, json};
use shared::civil::rfc3339;
use shared::object_name::{CheckFileName, NodeName};
use shared::post::Impact;
use shared::quorum::Quorum;
use shared::{DAY, HOUR, MINUTE, Nanos};
use support::checker::Checker;
use support::configuration::{check, check_with, directory, watching};
use support::endpoints::{Behavior, Endpoint, refused};
use support::fake_nodes::{FakeNodes, Outage, into_directory};
use support::{now, posts, root};

fn schema(name: &str) -> Value {
    let path = root().join("docs/schemas").join(format!("{name}.schema.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("it is JSON")
}

/// Rejects the keys that a schema does not list. Published schemas accept them, because later versions may add keys.
fn close(schema: &mut Value) {
    match schema {
        Value::Array(elements) => elements.iter_mut().for_each(close),
        Value::Object(members) => {
            members.values_mut().for_each(close);
            if members.get("properties").is_some_and(Value::is_object) && members.get("type") == Some(&json!("object"))
            {
                members.entry("additionalProperties").or_insert(json!(false));
            }
        }
        _ => {}
    }
}

fn validator(name: &str) -> Validator {
    let mut schema = schema(name);
    jsonschema::draft202012::meta::validate(&schema).unwrap_or_else(|error| panic!("{name}: {error}"));
    close(&mut schema);
    jsonschema::draft202012::new(&schema).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[track_caller]
fn assert_valid(validator: &Validator, document: &Value) {
    let errors: Vec<String> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path)).collect();
    assert_eq!(errors, Vec::<String>::new(), "{document:#}");
}

/// Replaces each value of a document by one of another type, and requires that the schema rejects the result. Only the
/// first element of each array is changed.
fn assert_types_are_checked(validator: &Validator, document: &Value) {
    let mut paths = Vec::new();
    collect(document, String::new(), &mut paths);
    assert!(paths.len() > 10, "{paths:?}");
    for path in paths {
        let mut changed = document.clone();
        *changed.pointer_mut(&path).expect("it exists") = json!({ "unexpected": [] });
        assert!(!validator.is_valid(&changed), "the schema accepts an object for {path}");
    }
}

/// Collects the JSON pointers of all values that are neither objects nor arrays.
fn collect(value: &Value, path: String, paths: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                collect(member, format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")), paths);
            }
        }
        Value::Array(elements) => {
            if let Some(first) = elements.first() {
                collect(first, format!("{path}/0"), paths);
            }
        }
        _ => paths.push(path),
    }
}

/// A store with outages, posts and everything else that outputs mention, and a checker that has stored a round in it.
async fn stored() -> Checker {
    let mut fake_nodes =
        FakeNodes { endpoints: 4, quorum: Quorum::Any, ..FakeNodes::small(&["eu-west", "us-east"], now()) };
    fake_nodes.objective = "99% over 30d".parse().ok();
    let ago = |from: Nanos, length: Nanos| fake_nodes.now - from..fake_nodes.now - from + length;
    fake_nodes.outages = vec![
        Outage { endpoint: 0, nodes: 0..2, time: ago(3 * DAY, HOUR) },
        Outage { endpoint: 1, nodes: 0..1, time: ago(30 * MINUTE, 30 * MINUTE) },
    ];
    fake_nodes.slowness = vec![Outage { endpoint: 2, nodes: 0..2, time: ago(40 * MINUTE, 40 * MINUTE) }];
    fake_nodes.silences = vec![(1, ago(20 * HOUR, 2 * HOUR)), (0, ago(20 * HOUR, 2 * HOUR))];
    let mut objects = fake_nodes.objects();
    for node in 0..2 {
        objects.extend(fake_nodes.check_files(node, fake_nodes.now - DAY));
    }
    let at = fake_nodes.now;
    let id = |ago: Nanos| posts::id("anna", at - ago);
    let posted = [
        posts::maintenance(
            &id(DAY),
            "Upgrade",
            &[("Service 01", Impact::Down)],
            &[(at - HOUR, at + HOUR)],
            "We upgrade.",
        ),
        posts::maintenance(&id(DAY - 1), "Soon", &[("Service 02", Impact::Down)], &[(at + DAY, at + 2 * DAY)], ""),
        posts::incident(&id(HOUR), "Slow", &[("Service 02", Impact::Degraded)], "We know."),
    ];
    objects.extend([posts::digest("anna", &posted)]);
    let ok = Endpoint::start(Behavior::ok()).await;
    let checks = [
        check_with(
            "Local",
            &ok.url,
            json!({ "id": "local", "slo": { "target": "99.9%" }, "quorum": "all", "threshold_rtt": "10s" }),
        ),
        check("Refused", &refused()),
        json!({ "type": "exec", "name": "Job", "command": "false", "attempts": 2 }),
    ];
    let mut config = watching(&checks, &directory());
    config["outputs"] = json!({ "store": ["feeds", "calendar", "statuspage", "badges"] });
    let checker = Checker::new(&config);
    into_directory(&objects, &checker.path("checks"));
    let until = rfc3339(at + HOUR);
    let words = ["--message", "We are <b>on it</b>.", "--until", &until];
    let run = checker.run(&words).await;
    assert_eq!(run.code, 0, "{}", run.output());
    // A message is posted after its round, so only the next summary contains it.
    std::fs::remove_file(checker.path("checks/0-summary/test-node.json")).expect("the round stored it");
    assert_eq!(checker.run(&[]).await.code, 0);
    checker
}

fn read(checker: &Checker, name: &str) -> Value {
    let content = std::fs::read(checker.path(&format!("checks/{name}"))).expect("it exists");
    let mut text = String::new();
    if content.starts_with(&[0x1f, 0x8b]) {
        GzDecoder::new(&*content).read_to_string(&mut text).expect("it is compressed");
    } else {
        text = String::from_utf8(content).expect("it is text");
    }
    serde_json::from_str(&text).expect("it is JSON")
}

#[tokio::test]
async fn real_outputs_have_the_documented_keys_and_types() {
    let checker = stored().await;
    let summary = read(&checker, "0-summary/test-node.json");
    let announced = &summary["announced"];
    for kind in ["incidents", "maintenance", "messages"] {
        assert!(announced[kind].as_array().is_some_and(|all| !all.is_empty()), "{kind}: {announced:#}");
    }
    let validator_of_summary = validator("summary");
    assert_valid(&validator_of_summary, &summary);
    assert_types_are_checked(&validator_of_summary, &summary);

    let validator_of_status = validator("status");
    for words in [&[][..], &["--full"], &["--full", "--range", "30d"]] {
        let words = [&["status", "-c", "checker.json", "--format", "json"], words].concat();
        let run = checker.call(&words).await;
        assert_eq!(run.code, 0, "{}", run.output());
        let status: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
        assert_valid(&validator_of_status, &status);
        assert_types_are_checked(&validator_of_status, &status);
    }

    let validator_of_history = validator("history");
    for node in ["test-node", "eu-west"] {
        assert_valid(&validator_of_history, &read(&checker, &format!("history/{node}.json")));
    }
    assert_types_are_checked(&validator_of_history, &read(&checker, "history/eu-west.json"));

    let validator_of_check_file = validator("check-file");
    let names = std::fs::read_dir(checker.path("checks")).expect("it exists");
    let names: Vec<CheckFileName> = names
        .filter_map(|entry| CheckFileName::parse(&entry.expect("an entry").file_name().to_string_lossy()))
        .collect();
    assert!(names.len() > 100, "{}", names.len());
    for name in &names {
        assert_valid(&validator_of_check_file, &read(&checker, &name.to_string()));
    }
    let own = names.iter().find(|name| name.node.as_ref().map(NodeName::as_str) == Some("test-node"));
    let own = read(&checker, &own.expect("the round was stored").to_string());
    assert_types_are_checked(&validator_of_check_file, &own);
    assert!(own.as_array().is_some_and(|results| results.iter().any(|result| result["code"] == 200)), "{own:#}");
}

#[test]
fn golden_files_have_the_documented_keys_and_types() {
    let validator = validator("check-file");
    let mut count = 0;
    for entry in std::fs::read_dir(root().join("shared/golden")).expect("it exists") {
        let path = entry.expect("an entry").path();
        if path.file_name().is_some_and(|name| CheckFileName::parse(&name.to_string_lossy()).is_some()) {
            let text = std::fs::read_to_string(&path).expect("it is text");
            assert_valid(&validator, &serde_json::from_str(&text).expect("it is JSON"));
            count += 1;
        }
    }
    assert!(count >= 6, "{count}");
}

/// Returns the names in the first column of a table, each as a pattern for the end of a name.
fn documented(heading: &str) -> Vec<(String, Regex)> {
    let text = std::fs::read_to_string(root().join("docs/api.md")).expect("it exists");
    let section = text.split("\n## ").find(|section| section.starts_with(heading)).expect("there is such a section");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.filter_map(|row| row.split(" | ").next());
    let names = cells.flat_map(|cell| cell.split('`').step_by(2).filter(|name| !name.is_empty()));
    let pattern = |name: &str| {
        let mut pattern = regex::escape(name);
        for (placeholder, expression) in [
            ("<ns>", "[0-9]{19}"),
            ("<node>", "[a-z0-9-]{1,32}"),
            ("<author>", "[a-z0-9-]{1,32}"),
            ("<endpoint>", "[^/.]+"),
            ("<object>", ".+"),
            ("…", ".*"),
        ] {
            pattern = pattern.replace(placeholder, expression);
        }
        Regex::new(&format!("(^|/){pattern}$")).expect("it is valid")
    };
    names.map(|name| (name.to_owned(), pattern(name))).collect()
}

/// Returns the names of all files below a folder, except hidden ones.
fn names_below(folder: &Path, prefix: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("the folder is readable").flatten();
    let entries = entries.map(|entry| (entry.path(), format!("{prefix}{}", entry.file_name().display())));
    let visible = entries.filter(|(path, _)| path.file_name().is_none_or(|name| name.as_encoded_bytes()[0] != b'.'));
    visible
        .flat_map(|(path, name)| if path.is_dir() { names_below(&path, &format!("{name}/")) } else { vec![name] })
        .collect()
}

#[tokio::test]
async fn the_documentation_lists_every_stored_object() {
    let checker = stored().await;
    let (documented, stored) = (documented("Stored objects"), names_below(&checker.path("checks"), ""));
    assert!(stored.len() > 50, "{stored:?}");
    for name in &stored {
        assert!(documented.iter().any(|(_, pattern)| pattern.is_match(name)), "docs/api.md does not list `{name}`");
    }
    // Only nodes that notify and jobs that report store these.
    let others = ["0-notified/…", "0-posts/…", "heartbeats/…"];
    for (name, pattern) in documented.iter().filter(|(name, _)| !others.contains(&name.as_str())) {
        assert!(stored.iter().any(|stored| pattern.is_match(stored)), "nothing is stored as `{name}`");
    }
}

#[test]
fn the_documentation_lists_every_route() {
    let documented = documented("Routes");
    let route = Regex::new(r#"\.route\((?:&format!\()?"([^"{]*)([^"]*)""#).expect("it is valid");
    let mut count = 0;
    for file in ["mod.rs", "outputs.rs"] {
        let source = std::fs::read_to_string(root().join("checker/src/server").join(file)).expect("it exists");
        for found in route.captures_iter(&source) {
            let (start, rest) = (&found[1], &found[2]);
            // A name is required if a placeholder follows.
            let is_listed = |(name, _): &&(String, Regex)| {
                if rest.is_empty() { name == start } else { name.starts_with(start) && name.len() > start.len() }
            };
            let is_page = start.starts_with("/status") || (start, rest) == ("/", "{*name}");
            assert!(
                is_page || documented.iter().any(|one| is_listed(&one)),
                "docs/api.md does not list `{start}{rest}`"
            );
            count += 1;
        }
    }
    assert!(count >= 20, "{count}");
}
