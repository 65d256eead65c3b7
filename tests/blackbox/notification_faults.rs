//! Tests notifications when processes are killed, the store fails or a provider echoes secrets, and counts the requests
//! that they need.

use serde_json::{Value, json};
use support::bucket::Bucket;
use support::checker::Checker;
use support::configuration::{check, check_with, directory, watching};
use support::endpoints::{Behavior, Endpoint};
use support::fault_proxy::{FaultProxy, StoreFault, hash};
use support::program::Program;
use support::switchable_proxy::SwitchableProxy;
use support::{ministack, root, tool, wait_for};

use super::notifications::{Webhook, accepted, failing, notifying, round, round_at};
use super::storage::storage_with;

/// How far off the clocks are at the beginning, in seconds. The S3 server accepts less than 15 minutes.
const BEGINNING: i64 = -840;

#[tokio::test]
async fn killed_runs_repeat_at_most_what_they_were_sending() {
    let bucket = Bucket::new().await;
    notify_with_killed_runs(&bucket.storage(), 67).await;
}

#[tokio::test]
async fn killed_runs_notify_the_same_without_conditional_writes() {
    let bucket = Bucket::new().await;
    let proxy = FaultProxy::start(&ministack::server().url, |_, _| Some(StoreFault::RefuseConditions)).await;
    notify_with_killed_runs(&storage_with(&bucket, json!({ "endpoint_url": proxy.url })), 20).await;
}

/// Runs three nodes from `cron` for this many rounds. During these, an endpoint fails and recovers, and a third of the
/// runs are killed, each at a different moment. After that, rounds run undisturbed until all news has been sent.
async fn notify_with_killed_runs(storage: &Value, rounds: usize) {
    let (shop, webhook) = (Endpoint::start(Behavior::ok()).await, Webhook::start().await);
    let mut config = notifying(&shop, storage, &[webhook.channel()]);
    config["every"] = json!("10s");
    config["notify"]["flapping"] = json!({ "outages": 100, "within": "1h" });
    let nodes = ["a", "b", "c"].map(|node| {
        config["node"] = json!(node);
        Checker::new(&config)
    });
    let at = |round: usize| format!("{:+}s", BEGINNING + 10 * round as i64);
    for node in &nodes {
        round_at(node, &at(0)).await;
    }
    let (mut kills, mut outages) = (0, 0);
    for number in 1..=rounds {
        let is_down = number / 4 % 2 == 1;
        outages += usize::from(is_down && number % 4 == 0);
        shop.behave(if is_down { failing() } else { Behavior::ok() });
        for (index, node) in nodes.iter().enumerate() {
            // The times at which runs are killed are different in each round, but the same in each test.
            let chance = hash((number * 3 + index) as u64);
            if chance.is_multiple_of(3) {
                let mut run = node.start_with_clock(&["run", "-c", "checker.json"], &at(number));
                tokio::time::sleep(std::time::Duration::from_millis(chance >> 8 & 0x7f)).await;
                if run.exit_status().is_none() {
                    run.signal("KILL");
                    kills += 1;
                }
                run.wait().await;
            } else {
                round_at(node, &at(number)).await;
            }
        }
    }
    shop.behave(Behavior::ok());
    let count = |event: &str| webhook.news().iter().filter(|one| **one == format!("{event} Shop")).count();
    let is_complete = || count("down") + count("missed") >= outages && count("recovered") >= count("down");
    let mut number = rounds;
    while !is_complete() && BEGINNING + 10 * (number as i64) < -BEGINNING {
        number += 2;
        for node in &nodes {
            round_at(node, &at(number)).await;
        }
    }
    let news = webhook.news();
    let reported = count("down") + count("missed");
    assert!(kills * 6 >= rounds && outages * 9 >= rounds, "{kills} kills and {outages} outages");
    assert!((outages..=outages + kills).contains(&reported), "{outages} outages, {kills} kills: {news:?}");
    assert!((count("down")..=count("down") + kills).contains(&count("recovered")), "{news:?}");
    assert_eq!(news.last().map(String::as_str).filter(|last| last.starts_with("down")), None, "{news:?}");
    // Nothing is repeated afterwards.
    for _ in 0..2 {
        number += 1;
        for node in &nodes {
            round_at(node, &at(number)).await;
        }
    }
    assert_eq!(webhook.news(), news);
}

#[tokio::test]
async fn a_message_is_not_repeated_after_its_log_could_not_be_stored() {
    let bucket = Bucket::new().await;
    let proxy = FaultProxy::start(&ministack::server().url, |_, _| None).await;
    let storage = storage_with(&bucket, json!({ "endpoint_url": proxy.url }));
    let (shop, webhook) = (Endpoint::start(Behavior::ok()).await, Webhook::start().await);
    let checker = Checker::new(&notifying(&shop, &storage, &[webhook.channel()]));
    round(&checker, &[]).await;
    shop.behave(failing());
    proxy.follow(|name, _| {
        let is_log = name.starts_with("PUT") && name.contains("0-notified");
        is_log.then_some(StoreFault::Refuse("500 Internal Server Error"))
    });
    let run = checker.run(&[]).await;
    assert!(run.code == 0 && run.stderr.contains("the notification log was not stored"), "{}", run.output());
    assert_eq!(webhook.news(), ["down Shop"]);
    proxy.follow(|_, _| None);
    for _ in 0..2 {
        round(&checker, &[]).await;
    }
    assert_eq!(webhook.news(), ["down Shop"]);
    assert!(bucket.get("status/0-notified/test-node.json").await.contains("\"as\":\"down\""));
}

#[tokio::test]
async fn one_unreadable_log_does_not_silence_the_other_nodes() {
    let bucket = Bucket::new().await;
    let is_log = |name: &str| name.contains("0-notified/x.json");
    let deny = move |name: &str, _| is_log(name).then_some(StoreFault::DenyMissing);
    let proxy = FaultProxy::start(&ministack::server().url, deny).await;
    let (shop, webhook) = (Endpoint::start(Behavior::ok()).await, Webhook::start().await);
    let config = notifying(&shop, &storage_with(&bucket, json!({ "endpoint_url": proxy.url })), &[webhook.channel()]);
    let node = |name: &str| {
        let mut config = config.clone();
        config["node"] = json!(name);
        if name == "x" {
            config.as_object_mut().expect("an object").retain(|key, _| !key.starts_with("notif"));
        }
        Checker::new(&config)
    };
    let nodes = ["x", "b", "a"].map(node);
    for minute in [-6, -5, -4, -3] {
        if minute == -4 {
            shop.behave(failing());
        }
        for node in &nodes {
            round_at(node, &format!("{minute:+}m")).await;
        }
    }
    assert!(proxy.requests().iter().any(|name| is_log(name)), "the log was read");
    assert_eq!(webhook.news(), ["down Shop"]);
}

#[tokio::test]
async fn a_node_notifies_that_it_cannot_store_and_that_it_can_again() {
    let bucket = Bucket::new().await;
    let mut proxy = SwitchableProxy::new(&ministack::server().url);
    let storage = storage_with(&bucket, json!({ "endpoint_url": proxy.url }));
    let (shop, webhook) = (Endpoint::start(Behavior::ok()).await, Webhook::start().await);
    let mut channel = webhook.channel();
    channel["on"] = json!(["down", "recovered", "store"]);
    let checker = Checker::new(&notifying(&shop, &storage, &[channel]));
    proxy.open().await;
    // The S3 server accepts clocks that differ by less than 15 minutes.
    round_at(&checker, "-13m").await;
    proxy.close();
    for minute in [-12, -5, -1, 0] {
        let run = checker.call_with_clock(&["run", "-c", "checker.json"], &format!("{minute:+}m"), |_| {}).await;
        assert_eq!(run.code, 2, "{}", run.output());
        let expected: &[&str] = if minute < -1 { &[] } else { &["store test-node"] };
        assert_eq!(webhook.news(), expected, "{}", run.output());
    }
    proxy.open().await;
    for minute in [1, 2] {
        round_at(&checker, &format!("+{minute}m")).await;
    }
    let items: Vec<Value> = webhook.messages().iter().map(|message| message["items"][0].clone()).collect();
    assert_eq!(items.len(), 2, "{items:?}");
    assert!(items[1]["until"].is_i64() && items[1]["title"] == json!("test-node"), "{items:?}");
}

#[tokio::test]
async fn a_node_that_cannot_store_reports_what_its_own_checks_find() {
    let bucket = Bucket::new().await;
    let mut proxy = SwitchableProxy::new(&ministack::server().url);
    let storage = storage_with(&bucket, json!({ "endpoint_url": proxy.url }));
    let (shop, webhook) = (Endpoint::start(Behavior::ok()).await, Webhook::start().await);
    let mut channel = webhook.channel();
    channel["on"] = json!(["down", "recovered", "store"]);
    channel["after"] = json!("1m");
    let checker = Checker::new(&notifying(&shop, &storage, &[channel]));
    proxy.open().await;
    round_at(&checker, "-14m").await;
    proxy.close();
    for minute in [-13, -2, -1, 0, 1] {
        if minute == -1 {
            shop.behave(failing());
        }
        checker.call_with_clock(&["run", "-c", "checker.json"], &format!("{minute:+}m"), |_| {}).await;
    }
    let details = || {
        let details = webhook.messages().into_iter().map(|message| message["items"][0]["detail"].clone());
        details.collect::<Vec<_>>()
    };
    assert_eq!(details(), [Value::Null, json!("its own checks find 1 service down: Shop")]);
    // The outage itself is reported when the votes of other nodes can be read.
    proxy.open().await;
    for minute in [2, 3] {
        round_at(&checker, &format!("+{minute}m")).await;
    }
    let mut news = webhook.news().split_off(2);
    news.sort();
    assert_eq!(news, ["down Shop", "store test-node"]);
}

#[tokio::test]
async fn rounds_without_news_need_one_request_for_each_other_node() {
    let bucket = Bucket::new().await;
    let (shop, webhook) = (Endpoint::start(Behavior::ok()).await, Webhook::start().await);
    let direct = notifying(&shop, &bucket.storage(), &[webhook.channel()]);
    for node in ["b", "c"] {
        let mut config = direct.clone();
        config["node"] = json!(node);
        round(&Checker::new(&config), &[]).await;
    }
    let proxy = FaultProxy::start(&ministack::server().url, |_, _| None).await;
    let storage = storage_with(&bucket, json!({ "endpoint_url": proxy.url }));
    let mut config = notifying(&shop, &storage, &[webhook.channel()]);
    (config["node"], config["summaries"]) = (json!("a"), json!(false));
    let checker = Checker::new(&config);
    let mut daemon = checker.start(&["run", "-c", "checker.json", "--every", "2s"]);
    let stored = |requests: &[String]| requests.iter().filter(|name| is_check_file(name)).count();
    wait_for("the first rounds", || async { (stored(&proxy.requests()) >= 3).then_some(()) }).await;
    let before = proxy.requests().len();
    wait_for("more rounds", || async { (stored(&proxy.requests()[before..]) >= 5).then_some(()) }).await;
    let requests = proxy.requests()[before..].to_vec();
    daemon.signal("TERM");
    daemon.wait().await;
    let rounds = stored(&requests);
    let reads: Vec<&String> = requests.iter().filter(|name| name.starts_with("GET")).collect();
    assert!(reads.iter().all(|name| name.contains("/history/b.json") || name.contains("/history/c.json")), "{reads:?}");
    assert!((2 * (rounds - 1)..=2 * (rounds + 1)).contains(&reads.len()), "{rounds} rounds: {reads:?}");
    assert!(requests.iter().all(|name| !name.contains("0-notified")), "{requests:?}");
    assert_eq!(webhook.news(), [""; 0]);
}

fn is_check_file(name: &str) -> bool {
    name.starts_with("PUT") && name.contains("-check.json")
}

/// The webhook's response contains the channels' secret.
#[tokio::test]
async fn secrets_of_channels_are_nowhere_even_if_a_provider_echoes_them() {
    const SECRET: &str = "canarySECRETcanarySECRET4711";
    let echo = Behavior::Answer("400 Bad Request", format!("invalid token {SECRET}"));
    let (shop, webhook) = (Endpoint::start(failing()).await, Webhook::start().await);
    webhook.0.behave(echo);
    let token_url = format!("{}services/{SECRET}", webhook.0.url);
    let notifiers = [
        json!({ "type": "webhook", "id": "hook", "url": token_url }),
        json!({ "type": "slack", "webhook": token_url }),
        json!({ "type": "ntfy", "url": format!("{}topic", webhook.0.url), "token": SECRET, "id": "ntfy" }),
    ];
    let checker = Checker::new(&notifying(&shop, &directory(), &notifiers));
    let environment = |command: &mut std::process::Command| {
        command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
    };
    for words in [
        vec!["run"],
        vec!["notify", "test"],
        vec!["notify", "status"],
        vec!["notify", "preview"],
        vec!["notify", "replay", "--since", "1h"],
        vec!["validate"],
    ] {
        let run = checker.call_with(&[words.as_slice(), &["-c", "checker.json"]].concat(), environment).await;
        assert!(!run.output().contains(SECRET), "{words:?}: {}", run.output());
    }
    assert!(webhook.0.requests().iter().any(|request| request.contains(SECRET)), "the provider received it");
    assert!(super::secrets::assert_nowhere_below(checker.folder.path(), SECRET) >= 3);
}

#[tokio::test]
async fn mail_and_a_command_receive_one_message_each() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = json!({ "folder": folder.path() });
    let server = Program::start(&tool("notify-python"), |command| {
        let script = root().join("tests/blackbox/notification_channels/mail_server.py");
        command.arg(script).arg(options.to_string());
    });
    let port: u16 = wait_for("the mail server", || async { server.output().trim().parse().ok() }).await;
    let received = folder.path().join("received");
    let shop = Endpoint::start(failing()).await;
    let notifiers = [
        json!({
            "type": "mail", "from": "status@example.com", "to": ["ops@example.com"],
            "smtp": { "server": "127.0.0.1", "port": port, "encryption": "opportunistic" },
        }),
        json!({ "type": "exec", "command": "bash", "arguments": ["-c", format!("cat >> '{}'", received.display())] }),
    ];
    let checker = Checker::new(&notifying(&shop, &directory(), &notifiers));
    for _ in 0..2 {
        round(&checker, &[]).await;
    }
    shop.behave(Behavior::ok());
    for _ in 0..2 {
        round(&checker, &[]).await;
    }
    let mails = (0..9).filter(|number| folder.path().join(format!("{number}.eml")).exists()).count();
    assert_eq!(mails, 2);
    let recovered = std::fs::read_to_string(folder.path().join("1.eml")).expect("there is a mail");
    assert!(recovered.contains("In-Reply-To") || recovered.contains("Subject"), "{recovered}");
    let received = std::fs::read_to_string(received).expect("the command ran");
    let messages: Vec<Value> = serde_json::Deserializer::from_str(&received)
        .into_iter()
        .map(|message| message.expect("the input is JSON"))
        .collect();
    let events: Vec<&str> = messages.iter().filter_map(|message| message["items"][0]["event"].as_str()).collect();
    assert_eq!(events, ["down", "recovered"]);
}

#[tokio::test]
async fn a_dead_mans_switch_is_requested_after_each_round() {
    let (shop, switch) = (Endpoint::start(Behavior::ok()).await, Endpoint::start(accepted()).await);
    let notifiers = [json!({ "type": "ping", "url": switch.url })];
    let checker = Checker::new(&notifying(&shop, &directory(), &notifiers));
    for rounds in 1..=2 {
        round(&checker, &[]).await;
        assert_eq!(switch.requests().len(), rounds);
    }
    assert!(switch.requests().iter().all(|request| request.starts_with("GET / ")), "{:?}", switch.requests());
}

#[tokio::test]
async fn a_budget_that_burns_too_fast_is_news_and_is_shown() {
    let (shop, webhook) = (Endpoint::start(Behavior::ok()).await, Webhook::start().await);
    let mut config = notifying(&shop, &directory(), &[webhook.channel()]);
    config["checkers"] = watching(
        &[
            check("Other", &shop.url),
            check_with("Shop", &shop.url, json!({ "slo": { "target": "99.9%", "window": "30d" } })),
        ],
        &directory(),
    )["checkers"]
        .clone();
    config["notifiers"][0]["on"] = json!(["budget"]);
    let checker = Checker::new(&config);
    round_at(&checker, "-10m").await;
    shop.behave(failing());
    for minute in 1..=9 {
        round_at(&checker, &format!("-{}m", 10 - minute)).await;
    }
    assert_eq!(webhook.news(), ["budget Shop"]);
    let status = checker.call(&["status", "-c", "checker.json"]).await;
    assert!(
        status.stdout.contains("  error budget: ") && status.stdout.contains("% left (99.9% over 30d)"),
        "{}",
        status.output()
    );
    let json = checker.call(&["status", "-c", "checker.json", "--format", "json"]).await;
    let json: Value = serde_json::from_str(&json.stdout).expect("it is JSON");
    let budgets: Vec<&Value> = json["endpoints"].as_array().expect("a list").iter().map(|one| &one["budget"]).collect();
    assert!(budgets[0].is_null() && budgets[1]["spent"].as_i64() > Some(0), "{budgets:?}");
}
