//! The writer's secret key is only in the configuration: it does not appear in any output, stored object or response.

use std::path::Path;

use serde_json::json;
use support::bucket::Bucket;
use support::checker::{Checker, Run};
use support::configuration::{check, check_with, directory, watching};
use support::endpoints::{Behavior, Endpoint, refused};
use support::{http_client, wait_for};

/// A fake secret that must not appear anywhere.
const CANARY: &str = "canarySECRETcanarySECRETcanarySECRET4711";

fn assert_absent(run: &Run, secret: &str) {
    assert!(!run.output().contains(secret), "{}", run.output());
}

/// Fails if any file below this folder contains the string. Returns the number of files.
pub(crate) fn assert_nowhere_below(folder: &Path, secret: &str) -> usize {
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the folder exists") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            count += assert_nowhere_below(&path, secret);
        } else if path.file_name().is_some_and(|name| name != "checker.json") {
            let content = std::fs::read(&path).expect("the file can be read");
            assert!(!String::from_utf8_lossy(&content).contains(secret), "{}", path.display());
            count += 1;
        }
    }
    count
}

#[tokio::test]
async fn secrets_are_not_shown_or_written_when_storing_fails() {
    let bucket = Bucket::new().await;
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut storage = bucket.storage();
    storage["secret_access_key"] = json!(CANARY);
    for endpoint_url in [storage["endpoint_url"].clone(), json!(refused().trim_end_matches('/'))] {
        storage["endpoint_url"] = endpoint_url;
        let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &storage));
        for words in [vec![], vec!["--format", "json"], vec!["--message", "Hello"]] {
            let run = checker
                .call_with(&[&["run", "-c", "checker.json"], words.as_slice()].concat(), |command| {
                    command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
                })
                .await;
            assert_eq!(run.code, 2, "{}", run.output());
            assert_absent(&run, CANARY);
        }
        assert!(assert_nowhere_below(checker.folder.path(), CANARY) >= 3, "the rounds are in the spool");
    }
}

#[tokio::test]
async fn logs_of_every_format_and_level_do_not_contain_secrets() {
    let bucket = Bucket::new().await;
    let down = Endpoint::start(Behavior::Answer("401 Unauthorized", String::new())).await;
    let headers = json!({ "headers": { "Authorization": format!("Bearer {CANARY}") } });
    let mut checks =
        vec![check_with("Refusing", &with_password(&down.url), headers), check("Away", &with_password(&refused()))];
    let mut storage = bucket.storage();
    storage["secret_access_key"] = json!(CANARY);
    for format in ["text", "json"] {
        for command in [&["run", "--every", "1s"][..], &["serve", "--listen", "127.0.0.1:0"]] {
            let mut config = watching(&checks, &storage);
            config["every"] = json!("1s");
            let checker = Checker::new(&config);
            let way = ["env", "RUST_LOG=trace", "RUST_BACKTRACE=full"].map(ToString::to_string);
            let mut running = checker.start_by(&way, &[command, &["--log-format", format]].concat());
            let has = |text: &'static str| {
                let has = running.output().contains(text);
                async move { has.then_some(()) }
            };
            wait_for("the error of the store", || has("ERROR")).await;
            checks.reverse();
            let mut config = watching(&checks, &storage);
            config["evry"] = json!(CANARY);
            checker.configure(&config);
            wait_for("the error in the configuration", || has("`evry`")).await;
            running.signal("TERM");
            running.wait().await;
            let log = running.output();
            assert!(log.contains("Refusing") && log.contains("Away"), "{log}");
            assert!(!log.contains(CANARY), "{log}");
        }
    }
}

#[tokio::test]
async fn stored_objects_do_not_contain_secrets() {
    let bucket = Bucket::new().await;
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url), check("Down", &refused())], &bucket.storage()));
    let run = checker.run(&["--message", "Hello"]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    assert_absent(&run, &bucket.writer.secret);
    let keys = bucket.keys().await;
    let expected = "a check file, two objects of the history, two of the summary, three badges, five feeds, a calendar, \
                    their index, a post, a digest";
    assert_eq!(keys.len(), 17, "{expected}: {keys:?}");
    for key in keys {
        let content = bucket.get(&key).await;
        for secret in [&bucket.writer.secret, &bucket.writer.id] {
            assert!(!content.contains(secret), "{content}");
        }
    }
}

#[tokio::test]
async fn responses_from_serve_do_not_contain_secrets() {
    let bucket = Bucket::new().await;
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &bucket.storage()));
    let served = checker.serve(&[]).await;
    wait_for("the first round", || async { (!bucket.keys().await.is_empty()).then_some(()) }).await;
    for path in
        ["", "config.json", "store/index.json", "summary.json", "summary.html", "badge/Shop.svg", "checker.json"]
    {
        let answer = http_client::get(&format!("{}{path}", served.url)).await;
        let everything = format!("{:?} {}", answer.headers, answer.text());
        for secret in [&bucket.writer.secret, &bucket.writer.id] {
            assert!(!everything.contains(secret), "{path}: {everything}");
        }
    }
    assert!(!served.program.output().contains(&bucket.writer.secret), "{}", served.program.output());
}

#[tokio::test]
async fn configuration_errors_do_not_reveal_secrets() {
    let checker = Checker::new(&json!({}));
    let storage =
        |more: &str| format!(r#""storage": {{ "type": "s3", "bucket": "b", "secret_access_key": "{CANARY}"{more}"#);
    for (config, words) in [
        (format!("{{ \"checkers\": [],\n {} }} }}", storage(r#", "bukket": 3"#)), "bukket"),
        (format!("{{ \"checkers\": [],\n {} }}, }} ]", storage("")), "2:"),
        (format!("{{ \"checkers\": [],\n {}", storage("")), "2:"),
        (format!("{{ \"checkers\": [], \"storage\": \"{CANARY}\" }}"), "storage"),
        (
            format!(
                "{{ \"checkers\": [], \"storage\": {{ \"type\": \"s3\", \"bucket\": \"b\", \"secret_access_key\": [\"{CANARY}\"] }} }}"
            ),
            "secret_access_key",
        ),
        (
            format!(
                "{{ \"checkers\": [], \"storage\": {{ \"type\": \"s3\", \"bucket\": \"b\", \"secret_access_key\": \"${{{CANARY}\" }} }}"
            ),
            "`${`",
        ),
    ] {
        checker.write("checker.json", &config);
        for command in ["validate", "run"] {
            let run = checker.call(&[command, "-c", "checker.json"]).await;
            assert_ne!(run.code, 0, "{config}");
            assert_absent(&run, CANARY);
            assert!(run.output().contains(words), "`{words}` is not in the output of {command}:\n{}", run.output());
        }
    }
}

#[tokio::test]
async fn request_credentials_are_not_shown() {
    let down = Endpoint::start(Behavior::Answer("401 Unauthorized", String::new())).await;
    let headers =
        json!({ "headers": { "Authorization": format!("Bearer {CANARY}") }, "body": CANARY, "method": "POST" });
    let checks = [check_with("Refusing", &down.url, headers.clone()), check_with("Away", &refused(), headers)];
    let checker = Checker::new(&watching(&checks, &directory()));
    let run = checker.run(&[]).await;
    assert!(down.requests()[0].contains(CANARY), "it was sent");
    assert_absent(&run, CANARY);
    assert!(assert_nowhere_below(checker.folder.path(), CANARY) >= 2);
}

/// A URL with a user name, and the secret as the password.
fn with_password(url: &str) -> String {
    url.replacen("://", &format!("://me:{CANARY}@"), 1)
}

#[tokio::test]
async fn a_password_in_a_url_is_sent_and_never_stored_or_shown() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let bucket = Bucket::new().await;
    let checks = [
        check("Shop", &with_password(&ok.url)),
        check("Away", &with_password(&refused())),
        check("Socket", &with_password(&ok.url).replacen("http", "ws", 1)).as_object().map_or(json!({}), |check| {
            let mut check = check.clone();
            check.insert("type".to_owned(), json!("websocket"));
            json!(check)
        }),
        check("Odd", &with_password("https://shop example/")),
        check("Other", &with_password("ftp://shop.example/")),
        json!({ "type": "tcp", "endpoint_name": "Port", "endpoint_url": with_password("smtp://shop.example:25") }),
    ];
    for storage in [directory(), bucket.storage()] {
        let checker = Checker::new(&watching(&checks, &storage));
        for words in [
            &["validate", "-c", "checker.json"][..],
            &["run", "-c", "checker.json"],
            &["run", "-c", "checker.json", "--format", "json"],
            &["explain", "Shop", "-c", "checker.json"],
            &["status", "-c", "checker.json", "--format", "json"],
        ] {
            let run = checker.call(words).await;
            assert_absent(&run, CANARY);
            assert!(run.output().contains("contains credentials"), "{words:?}:\n{}", run.output());
        }
        assert_nowhere_below(checker.folder.path(), CANARY);
        let run = checker.run(&["--format", "json"]).await;
        assert_eq!(run.results()[0].locator, ok.url, "its locator is the URL without the user");
    }
    let keys = bucket.keys().await;
    assert!(keys.len() >= 4, "{keys:?}");
    for key in keys {
        let content = bucket.get(&key).await;
        assert!(!content.contains(CANARY), "{key}: {content}");
    }
    // The header contains the user name `me` and the secret, encoded as specified in RFC 7617.
    let sent = ok.requests();
    let basic = "authorization: Basic bWU6Y2FuYXJ5U0VDUkVUY2FuYXJ5U0VDUkVUY2FuYXJ5U0VDUkVUNDcxMQ==";
    assert!(sent.iter().any(|request| request.to_lowercase().contains(&basic.to_lowercase())), "{}", sent[0]);
}

#[tokio::test]
async fn configured_channels_are_not_shown_by_validate_and_doctor() {
    let echo = Endpoint::start(Behavior::Answer("500 Internal Server Error", CANARY.to_owned())).await;
    let ok = Endpoint::start(Behavior::ok()).await;
    let url = |base: &str| format!("{}/{CANARY}", base.trim_end_matches('/'));
    let mut config = watching(&[check("Shop", &ok.url)], &directory());
    config["notifiers"] = json!([
        { "type": "slack", "webhook": url(&echo.url) },
        { "type": "webhook", "id": "away", "url": url(&refused()), "headers": { "Authorization": CANARY } },
        { "type": "telegram", "token": CANARY, "chat": 1, "url": echo.url },
        { "type": "mail", "from": "a@example.com", "to": "b@example.com",
          "smtp": { "server": "127.0.0.1", "port": 9, "username": "me", "password": CANARY } },
        { "type": "apprise", "urls": [format!("json://{CANARY}")], "command": "true" },
        { "type": "exec", "id": "missing", "command": "no-such-command-anywhere", "enabled": false },
    ]);
    let checker = Checker::new(&config);
    let run = checker.call(&["validate", "-c", "checker.json"]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    assert_absent(&run, CANARY);
    for format in ["text", "json"] {
        let run = checker
            .call_with(&["doctor", "-c", "checker.json", "--format", format], |command| {
                command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
            })
            .await;
        assert_absent(&run, CANARY);
        for expected in [
            "channel `slack` can be reached at `127.0.0.1:",
            "channel `away` cannot be reached at `127.0.0.1:",
            "channel `telegram` can be reached at",
            "channel `mail` cannot be reached",
            "`127.0.0.1:9` refused the connection",
            "channel `apprise` has an executable command",
            "channel `missing` is not enabled",
        ] {
            assert!(run.stdout.contains(expected), "{expected}: {}", run.output());
        }
    }
    let requests = echo.requests();
    assert!(!requests.is_empty() && requests.iter().all(|request| !request.contains(CANARY)), "{requests:?}");
    config["notifiers"] = json!([{ "type": "slack", "webhook": CANARY }, { "type": "webhook", "url": url(&echo.url),
        "secret": CANARY, "body": "{{ {CANARY} }}".replace("{CANARY}", CANARY) }]);
    checker.configure(&config);
    for command in ["validate", "run"] {
        let run = checker.call(&[command, "-c", "checker.json"]).await;
        assert_ne!(run.code, 0, "{}", run.output());
        assert_absent(&run, CANARY);
    }
}
