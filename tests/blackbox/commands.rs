//! The command line: exit statuses, human-readable and JSON output, messages, daemons and signals.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::{Value, json};
use shared::SECOND;
use shared::status::Status;
use support::checker::{Checker, index};
use support::configuration::{check, check_with, directory, watching};
use support::endpoints::{Behavior, Endpoint, refused};
use support::{free_port, wait_for};

#[tokio::test]
async fn the_exit_status_reports_errors_and_health_on_request() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let refused_url = refused();
    let healthy = check("Shop", &ok.url);
    let degraded = check_with("Shop", &ok.url, json!({ "threshold_rtt": 1 }));
    let down = check("Shop", &refused_url);
    for (check, words, code) in [
        (&healthy, vec![], 0),
        (&down, vec![], 0),
        (&healthy, vec!["--fail-on", "degraded"], 0),
        (&degraded, vec!["--fail-on", "degraded"], 1),
        (&degraded, vec!["--fail-on", "down"], 0),
        (&down, vec!["--fail-on", "down"], 1),
        (&down, vec!["--fail-on", "degraded"], 1),
    ] {
        let checker = Checker::new(&watching(std::slice::from_ref(check), &directory()));
        let run = checker.run(&words).await;
        assert_eq!(run.code, code, "{check} {words:?}:\n{}", run.output());
        assert_eq!(checker.check_files("checks").len(), 1, "the round is stored in any case");
    }
}

#[tokio::test]
async fn errors_exit_with_2_and_a_remedy() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    let missing = checker.call(&["run", "-c", "nowhere.json"]).await;
    assert_eq!(missing.code, 2);
    assert!(missing.stderr.contains("nowhere.json") && missing.stderr.contains("checker init"), "{}", missing.stderr);

    // An existing file prevents the creation of the store's directory.
    checker.write("checks", "in the way");
    let blocked = checker.run(&[]).await;
    assert_eq!(blocked.code, 2, "{}", blocked.output());
    assert!(blocked.stderr.contains("checks"), "{}", blocked.stderr);

    let nonsense = checker.run(&["--fail-on", "healthy"]).await;
    assert_eq!(nonsense.code, 2);
    assert!(nonsense.stderr.contains("degraded") && nonsense.stderr.contains("down"), "{}", nonsense.stderr);
}

#[tokio::test]
async fn a_round_is_printed_as_a_readable_table() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let refused_url = refused();
    let checks = [check("Shop", &ok.url), check("Billing <API>", &refused_url)];
    let checker = Checker::new(&watching(&checks, &directory()));
    let run = checker.run(&[]).await;
    for words in ["Shop", "healthy", "Billing <API>", "down", "connection refused"] {
        assert!(run.stdout.contains(words), "`{words}` is not in:\n{}", run.output());
    }
    assert!(!run.stdout.contains('\u{1b}'), "no color without a terminal:\n{:?}", run.stdout);
}

#[tokio::test]
async fn control_characters_from_endpoints_never_reach_the_terminal() {
    let refused_url = refused();
    let checker = Checker::new(&watching(&[check("Shop \u{1b}[31mred\u{7}", &refused_url)], &directory()));
    let run = checker.run(&[]).await;
    assert!(!run.stdout.contains('\u{1b}') && !run.stdout.contains('\u{7}'), "{:?}", run.stdout);
}

#[tokio::test]
async fn json_output_has_one_line_per_round() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check_with("Shop", &ok.url, json!({ "attempts": 3 }))], &directory()));
    let run = checker.run(&["--format", "json", "--node", "eu-west"]).await;
    let rounds = run.rounds();
    assert_eq!(rounds.len(), 1, "{}", run.output());
    let names = checker.check_files("checks");
    assert_eq!(names.len(), 1);
    assert_eq!(rounds[0]["node"], "eu-west");
    assert_eq!(rounds[0]["stored"], names[0].to_string());
    assert_eq!(names[0].node.as_ref().map(ToString::to_string).as_deref(), Some("eu-west"));
    let stored: Value = serde_json::from_str(
        &std::fs::read_to_string(checker.path("checks").join(names[0].to_string())).expect("the file exists"),
    )
    .expect("it is JSON");
    assert_eq!(rounds[0]["results"], stored, "the printed results are stored");
    let result = &checker.all_results("checks")[0];
    assert_eq!((result.status, result.attempts.len()), (Status::Healthy, 3));
    assert_eq!(result.kind.as_deref(), Some("http"));
}

#[tokio::test]
async fn the_no_store_flag_stores_nothing() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    let run = checker.run(&["--no-store", "--format", "json"]).await;
    assert_eq!((run.code, run.results().len()), (0, 1));
    assert_eq!(run.rounds()[0]["stored"], Value::Null);
    assert_eq!(checker.check_files("checks"), []);
    assert!(!checker.path("checks").exists() && !checker.spool().exists());
}

#[tokio::test]
async fn a_message_is_stored_with_the_results_of_its_endpoint() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checks = [check("Shop", &ok.url), check("Billing", &ok.url)];
    let checker = Checker::new(&watching(&checks, &directory()));
    let message = "We're <b>on it</b>. <a href='https://status.example/'>More</a>";
    let run = checker.run(&["--message", message, "--endpoint", "Shop"]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let stored: Vec<_> =
        checker.all_results("checks").into_iter().map(|result| (result.title, result.message)).collect();
    assert_eq!(stored, [("Shop".to_owned(), message.to_owned()), ("Billing".to_owned(), String::new())]);
    assert!(run.stdout.ends_with("\nmessage posted about `Shop`\n"), "{}", run.stdout);
    assert_eq!(checker.run(&[]).await.code, 0);
    assert!(checker.all_results("checks")[2..].iter().all(|result| result.message.is_empty()), "it is posted once");
}

#[tokio::test]
async fn posting_is_confirmed_and_json_output_stays_one_line() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    let posted = checker.run(&["--message", "Hello", "--format", "json"]).await;
    assert_eq!((posted.code, posted.rounds().len(), posted.stdout.lines().count()), (0, 1, 1));
    assert_eq!(posted.stderr.trim(), "message posted about all endpoints");
    let printed = checker.run(&["--message", "Hello", "--no-store"]).await;
    assert!(
        printed.stdout.ends_with("\nmessage not posted: `--no-store` is set or the configuration has no `storage`\n"),
        "{}",
        printed.output()
    );
    let silent = checker.run(&[]).await;
    assert!(!silent.output().contains("message"), "{}", silent.output());
}

#[tokio::test]
async fn a_message_with_disallowed_markup_is_refused() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    for (message, named) in [
        ("<script>alert(1)</script>", "script"),
        ("<b onclick='x()'>now</b>", "onclick"),
        ("<a href='javascript:x()'>now</a>", "javascript"),
        ("<img src='https://x.example/y.png'>", "img"),
    ] {
        let run = checker.run(&["--message", message]).await;
        assert_eq!(run.code, 2, "{message}: {}", run.output());
        assert!(run.stderr.contains(named), "{message} is refused because of `{named}`:\n{}", run.stderr);
        assert!(run.stderr.contains("blockquote"), "the allowed elements are listed:\n{}", run.stderr);
    }
    for silent in ["", "  ", "<b></b><br>", "&nbsp;"] {
        let run = checker.run(&["--message", silent]).await;
        assert_eq!(run.code, 2, "`{silent}`: {}", run.output());
        assert!(run.stderr.contains("the message is empty"), "{}", run.stderr);
    }
    let unknown = checker.run(&["--message", "Hello", "--endpoint", "Shopp"]).await;
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("`Shopp`") && unknown.stderr.contains("`Shop`"), "{}", unknown.stderr);
    assert_eq!((checker.check_files("checks").len(), ok.requests().len()), (0, 0));
}

#[tokio::test]
async fn a_daemon_continues_when_its_output_cannot_be_written() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let listen = format!("127.0.0.1:{}", free_port());
    for words in [&["run", "-c", "checker.json", "--every", "1s"][..], &["serve", "--listen", &listen]] {
        let mut config = watching(&[check("Shop", &ok.url)], &directory());
        config["every"] = json!("1s");
        let checker = Checker::new(&config);
        let mut running = checker.start_unheard(words);
        wait_for("three rounds", || async { (checker.check_files("checks").len() >= 3).then_some(()) }).await;
        running.signal("TERM");
        assert_eq!(running.wait().await.code(), Some(0), "{words:?}");
    }
}

#[tokio::test]
async fn unwritable_output_is_an_error_and_a_closed_pipe_is_not() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    assert_eq!(checker.run(&[]).await.code, 0);
    for words in ["schema", "completions bash", "status", "status --format json", "explain Shop", "run --no-store"] {
        let full = checker.call_in_shell(&format!("checker {words} >/dev/full")).await;
        assert_eq!(full.code, 2, "{words}: {}", full.output());
        assert!(full.stderr.starts_with("error: failed to write to standard output"), "{words}: {}", full.stderr);
        let gone = checker.call_in_shell(&format!("checker {words} | true; exit ${{PIPESTATUS[0]}}")).await;
        assert_eq!((gone.code, gone.stderr.as_str()), (0, ""), "{words}");
    }
    let stored = checker.call_in_shell("checker run -c checker.json >/dev/full").await;
    assert_eq!((stored.code, checker.check_files("checks").len()), (0, 2), "{}", stored.output());
}

#[tokio::test]
async fn every_repeats_rounds_until_a_signal() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    let mut running = checker.start(&["run", "-c", "checker.json", "--every", "1s", "--format", "json"]);
    let rounds = || async { (checker.check_files("checks").len() >= 6).then_some(()) };
    wait_for("six rounds", rounds).await;
    running.signal("TERM");
    let status = running.wait().await;
    assert_eq!(status.code(), Some(0), "{}", running.output());

    let names = checker.check_files("checks");
    assert_eq!(index(&checker.path("checks")), names);
    let mut results = checker.all_results("checks");
    assert!(results.len() >= names.len());
    // An overloaded machine can miss a check. The next round then stores that check as unknown.
    results.retain(|result| result.status != Status::Unknown);
    assert!(results.len() >= 3, "{results:?}");
    // The first round runs immediately. After that, each endpoint has an offset. On a busy machine, a check can start
    // up to one interval late.
    let spaced = &results[1..];
    let span = spaced.last().map_or(0, |last| last.timestamp - spaced[0].timestamp);
    assert!(span >= (spaced.len() as i64 - 2) * SECOND, "rounds are far enough apart: {results:?}");
    assert!(spaced[1..].iter().all(|result| result.interval == Some(SECOND)), "each result has its interval");
}

#[tokio::test]
async fn a_changed_configuration_is_reloaded_and_an_invalid_one_is_refused() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    let mut running = checker.start(&["run", "-c", "checker.json", "--every", "1s"]);
    let seen = |title: &'static str| {
        let results = checker.all_results("checks");
        async move { results.iter().any(|result| result.title == title).then_some(()) }
    };
    wait_for("a first round", || seen("Shop")).await;
    running.signal("HUP");
    wait_for("the same file to be read again", || {
        let is_logged = running.output().contains("configuration reloaded: checking 1 endpoint");
        async move { is_logged.then_some(()) }
    })
    .await;
    checker.write("checker.json", "{ \"evry\": 1 }");
    running.signal("HUP");
    wait_for("the rejection", || {
        let is_logged = running.output().contains("keeping the previous configuration");
        async move { is_logged.then_some(()) }
    })
    .await;
    assert!(running.output().contains("`evry`"), "{}", running.output());
    // A changed configuration is reloaded even without a signal.
    checker.configure(&watching(&[check("API", &ok.url)], &directory()));
    wait_for("the new endpoint", || seen("API")).await;
    running.signal("TERM");
    assert_eq!(running.wait().await.code(), Some(0), "{}", running.output());
}

#[tokio::test]
async fn a_configuration_that_changes_during_the_first_round_is_reloaded() {
    let (ok, hanging) = (Endpoint::start(Behavior::ok()).await, Endpoint::start(Behavior::Hang).await);
    let slow = check_with("Slow", &hanging.url, json!({ "timeout": "2s" }));
    let checker = Checker::new(&watching(&[slow], &directory()));
    let running = checker.start(&["run", "-c", "checker.json", "--every", "1s"]);
    wait_for("the first round to begin", || async { (!hanging.requests().is_empty()).then_some(()) }).await;
    checker.configure(&watching(&[check("Shop", &ok.url)], &directory()));
    wait_for("the new endpoint", || async {
        checker.all_results("checks").iter().any(|result| result.title == "Shop").then_some(())
    })
    .await;
    drop(running);
}

#[tokio::test]
async fn an_impossible_check_does_not_discard_the_round() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checks = [
        check("Shop", &ok.url),
        check("Odd", "ftp://shop.example/"),
        check_with("Distrustful", &ok.url, json!({ "tls_ca_file": "no-such-file.pem" })),
        json!({ "type": "exec", "name": "Missing", "command": "./no-such-program" }),
    ];
    let checker = Checker::new(&watching(&checks, &directory()));
    let run = checker.run(&["--format", "json"]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    assert!(run.stderr.contains("`ftp://shop.example/`"), "it is also logged: {}", run.stderr);
    let results = checker.all_results("checks");
    let found = |title: &str| results.iter().find(|result| result.title == title).expect("it was checked");
    assert_eq!(found("Shop").status, Status::Healthy);
    assert_eq!((found("Odd").status, found("Odd").locator.as_str()), (Status::Unknown, "ftp://shop.example/"));
    assert!(found("Odd").notice.contains("unsupported scheme `ftp`"), "{}", found("Odd").notice);
    assert_eq!(found("Distrustful").status, Status::Unknown);
    assert!(found("Distrustful").notice.contains("no-such-file.pem"), "{}", found("Distrustful").notice);
    assert_eq!(found("Missing").status, Status::Down);
    let validated = checker.call(&["validate"]).await;
    assert_eq!(validated.code, 1);
    for title in ["ftp://shop.example/", "`Distrustful`", "`Missing`"] {
        assert!(validated.stdout.contains(title), "{title}: {}", validated.output());
    }
}

#[tokio::test]
async fn a_worse_status_is_confirmed_across_rounds_and_backdated() {
    let endpoint = Endpoint::start(Behavior::ok()).await;
    let confirmed = check_with("Shop", &endpoint.url, json!({ "failures_before_down": 2 }));
    let checker = Checker::new(&watching(&[confirmed], &directory()));
    let run = || async { checker.run(&["--format", "json"]).await.results() };
    assert_eq!(run().await[0].status, Status::Healthy);
    endpoint.behave(Behavior::Answer("503 Service Unavailable", String::new()));
    let first = run().await;
    assert_eq!(first[0].status, Status::Healthy);
    assert!(first[0].notice.starts_with("down 1 of 2 times in a row, not yet confirmed: "), "{first:?}");
    let second = run().await;
    assert_eq!(second.iter().map(|result| result.status).collect::<Vec<_>>(), [Status::Down, Status::Down]);
    assert_eq!(second[0].timestamp, first[0].timestamp, "the outage starts with the first failure");
}

#[tokio::test]
async fn shards_divide_the_endpoints() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checks: Vec<_> = (0..20).map(|number| check(&format!("Shop {number}"), &ok.url)).collect();
    let checker = Checker::new(&watching(&checks, &directory()));
    let mut titles = Vec::new();
    for shard in ["1/3", "2/3", "3/3"] {
        let results = checker.run(&["--no-store", "--format", "json", "--shard", shard]).await.results();
        assert!(results.len() < checks.len(), "{shard}");
        titles.extend(results.into_iter().map(|result| result.title));
    }
    titles.sort();
    titles.dedup();
    assert_eq!(titles.len(), checks.len());
    assert_eq!(checker.run(&["--shard", "4/3"]).await.code, 2);
}

#[tokio::test]
async fn failures_on_an_offline_node_are_unknown() {
    let refused_url = refused();
    let mut config = watching(&[check("Shop", &refused_url)], &directory());
    config["online_check"] = json!(["127.0.0.1:9"]);
    let results = Checker::new(&config).run(&["--format", "json"]).await.results();
    assert_eq!(results[0].status, Status::Unknown);
    assert!(results[0].notice.contains("offline"), "{results:?}");
}

#[tokio::test]
async fn a_signal_lets_the_current_round_finish_and_be_stored() {
    for signal in ["TERM", "INT"] {
        let slow = Endpoint::start(Behavior::AnswerAfter(Duration::from_secs(1), "200 OK", String::new())).await;
        let checker = Checker::new(&watching(&[check("Slow", &slow.url)], &directory()));
        let mut running = checker.start(&["run", "-c", "checker.json", "--every", "10m"]);
        wait_for("the check to start", || async { (!slow.requests().is_empty()).then_some(()) }).await;
        running.signal(signal);
        let status = running.wait().await;
        assert_eq!(status.code(), Some(0), "{signal}: {}", running.output());
        let results = checker.all_results("checks");
        assert_eq!(results.len(), 1, "{signal}: {}", running.output());
        assert_eq!(results[0].status, Status::Healthy, "{signal}");
    }
}

#[tokio::test]
async fn init_writes_a_working_configuration_and_overwrites_nothing() {
    let checker = Checker::new(&json!({}));
    let first = checker.call(&["init", "new.json"]).await;
    assert_eq!(first.code, 0, "{}", first.output());
    let mode = checker.path("new.json").metadata().expect("it exists").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it will hold credentials");
    let valid = checker.call(&["validate", "-c", "new.json"]).await;
    assert_eq!(valid.code, 0, "{}", valid.output());
    let listen = format!("127.0.0.1:{}", free_port());
    let round = checker.call_with(&["run", "-c", "new.json", "--format", "json"], |command| {
        command.env("CHECKUP_LISTEN", listen);
    });
    let round = round.await;
    assert_eq!((round.code, checker.check_files("checks").len()), (0, 1), "{}", round.output());

    checker.write("new.json", "mine");
    let second = checker.call(&["init", "new.json"]).await;
    assert_eq!(second.code, 2);
    assert!(second.stderr.contains("new.json") && second.stderr.contains("--force"), "{}", second.stderr);
    assert_eq!(std::fs::read_to_string(checker.path("new.json")).expect("it exists"), "mine");
    assert_eq!(checker.call(&["init", "new.json", "--force"]).await.code, 0);
    let quiet = checker.call(&["init", "quiet.json", "--quiet"]).await;
    assert_eq!((quiet.code, quiet.output().trim()), (0, ""));
    assert_eq!(checker.call(&["validate", "-c", "new.json"]).await.code, 0);
}

#[tokio::test]
async fn validate_reports_all_problems_with_their_lines() {
    let checker = Checker::new(&json!({}));
    checker.write(
        "checker.json",
        r#"{
  // Comments like this one are allowed.
  "evry": "10m",
  "checkers": [
    { "type": "http", "endpoint_name": "Shop", "endpoint_url": "ftp://shop.example/", "attemps": 3 },
    { "type": "http", "endpoint_name": "API", "endpoint_url": "${NO_SUCH_VARIABLE}", "timeout": "10 minutes" },
  ],
}"#,
    );
    let run = checker.call(&["validate", "-c", "checker.json"]).await;
    assert_eq!(run.code, 1, "{}", run.output());
    for (line, words) in [
        ("3:3", vec!["`evry`", "`every`"]),
        ("5:", vec!["ftp://shop.example/"]),
        ("5:", vec!["checkers[0].attemps`", "`attempts`"]),
        ("6:", vec!["NO_SUCH_VARIABLE"]),
        ("6:", vec!["timeout", "10m"]),
    ] {
        let fits = |line: &&str| line.contains(line) && words.iter().all(|word| line.contains(word));
        assert!(
            run.output().lines().any(|line| fits(&line)),
            "{line} {words:?} is not in one line of:\n{}",
            run.output()
        );
    }
    checker.write("list.json", "[]");
    let list = checker.call(&["validate", "-c", "list.json"]).await;
    assert!(
        (list.code, list.stdout.contains("invalid type for the file: expected an object")) == (1, true),
        "{}",
        list.output()
    );
    let refused = checker.run(&[]).await;
    assert_eq!(refused.code, 2, "an invalid configuration does not run");
}

#[tokio::test]
async fn the_schema_has_every_key_of_the_starter_configuration() {
    let checker = Checker::new(&json!({}));
    let run = checker.call(&["schema"]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let schema: Value = serde_json::from_str(&run.stdout).expect("the schema is JSON");
    for key in ["checkers", "storage", "every", "node", "concurrent_checks", "page", "spool_dir"] {
        assert!(schema["properties"][key].is_object(), "`{key}` is not in the schema");
    }
}

#[tokio::test]
async fn shells_can_complete_commands() {
    let checker = Checker::new(&json!({}));
    for shell in ["bash", "zsh", "fish"] {
        let run = checker.call(&["completions", shell]).await;
        assert_eq!(run.code, 0);
        assert!(run.stdout.contains("checker") && run.stdout.contains("validate"), "{shell}:\n{}", run.stdout);
    }
}

#[tokio::test]
async fn the_configuration_allows_comments_variables_and_durations() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&json!({}));
    let written = r#"{
  "node": "${NODE:-from-default}", /* a comment */
  "every": "10m",
  "checkers": [{ "type": "http", "endpoint_name": "Shop", "endpoint_url": "${SHOP}", "timeout": 5000000000, },],
  "storage": { "type": "fs", "dir": "${STORE}" },
}"#;
    // Some editors write a byte order mark and CRLF line endings.
    checker.write("checker.json", &format!("\u{feff}{}", written.replace('\n', "\r\n")));
    let run = checker
        .call_with(&["run", "-c", "checker.json", "--format", "json"], |command| {
            command.env("SHOP", &ok.url).env("STORE", "checks");
        })
        .await;
    assert_eq!(run.code, 0, "{}", run.output());
    assert_eq!(run.rounds()[0]["node"], "from-default");
    let results = checker.all_results("checks");
    assert_eq!((results[0].locator.as_str(), results[0].status), (ok.url.as_str(), Status::Healthy));
    assert_eq!(results[0].interval, Some(600_000_000_000));

    let missing = checker.run(&[]).await;
    assert_eq!(missing.code, 2);
    assert!(missing.stderr.contains("`SHOP`") || missing.stderr.contains("SHOP"), "{}", missing.stderr);
}
