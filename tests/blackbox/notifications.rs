//! Tests that real checkers send a webhook exactly one message for each outage and each recovery: in single runs and as
//! daemons, on one node and several, and despite failures in between.

use std::path::Path;

use serde_json::{Value, json};
use support::checker::Checker;
use support::configuration::{check, directory, watching};
use support::endpoints::{Behavior, Endpoint};
use support::wait_for;

/// A webhook that records each message.
pub(crate) struct Webhook(pub(crate) Endpoint);

impl Webhook {
    pub(crate) async fn start() -> Webhook {
        Webhook(Endpoint::start(accepted()).await)
    }

    /// Returns the bodies of all requests so far.
    pub(crate) fn messages(&self) -> Vec<Value> {
        let bodies =
            self.0.requests().into_iter().filter_map(|request| Some(request.split_once("\r\n\r\n")?.1.to_owned()));
        bodies.map(|body| serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"))).collect()
    }

    /// Returns each item of all messages so far, such as `down Shop`.
    pub(crate) fn news(&self) -> Vec<String> {
        let messages = self.messages();
        let items = messages.iter().flat_map(|message| message["items"].as_array().cloned().unwrap_or_default());
        let text = |item: Value| {
            let word = |key: &str| item[key].as_str().unwrap_or_default().to_owned();
            format!("{} {}", word("event"), word("title"))
        };
        items.map(text).collect()
    }

    async fn until_news(&self, expected: &[&str]) {
        wait_for(&format!("the news {expected:?}"), || async { (self.news().len() >= expected.len()).then_some(()) })
            .await;
        assert_eq!(self.news(), expected);
    }

    pub(crate) fn channel(&self) -> Value {
        json!({ "type": "webhook", "id": "hook", "url": self.0.url, "on": ["down", "recovered", "missed"] })
    }
}

pub(crate) fn accepted() -> Behavior {
    Behavior::Answer("200 OK", String::new())
}

pub(crate) fn failing() -> Behavior {
    Behavior::Answer("503 Service Unavailable", String::new())
}

/// Returns the configuration of a node that checks `Shop` and notifies without delay.
pub(crate) fn notifying(shop: &Endpoint, storage: &Value, notifiers: &[Value]) -> Value {
    let mut config = watching(&[check("Shop", &shop.url)], storage);
    config["every"] = json!("1m");
    config["notify"] = json!({ "after": "0s", "recovered_after": "0s", "gather": "0s", "spacing": "0s" });
    config["notifiers"] = json!(notifiers);
    config
}

/// Creates checkers for these nodes, which share a directory.
pub(crate) fn nodes(names: &[&str], folder: &Path, shop: &Endpoint, notifiers: &[Value]) -> Vec<Checker> {
    let storage = json!({ "type": "fs", "dir": folder });
    let mut config = notifying(shop, &storage, notifiers);
    let checker = |name: &&str| {
        config["node"] = json!(name);
        Checker::new(&config)
    };
    names.iter().map(checker).collect()
}

pub(crate) async fn round(checker: &Checker, words: &[&str]) {
    let run = checker.run(words).await;
    assert_eq!(run.code, 0, "{}", run.output());
}

/// Runs a round with a clock that is wrong by `off`, such as `+5m`.
pub(crate) async fn round_at(checker: &Checker, off: &str) {
    let run = checker.call_with_clock(&["run", "-c", "checker.json"], off, |_| {}).await;
    assert_eq!(run.code, 0, "{}", run.output());
}

#[tokio::test]
async fn single_runs_notify_once_of_an_outage_and_of_its_end() {
    let (shop, webhook) = (Endpoint::start(Behavior::ok()).await, Webhook::start().await);
    let checker = Checker::new(&notifying(&shop, &directory(), &[webhook.channel()]));
    round(&checker, &[]).await;
    assert_eq!(webhook.news(), [""; 0]);
    shop.behave(failing());
    for _ in 0..3 {
        round(&checker, &[]).await;
        assert_eq!(webhook.news(), ["down Shop"]);
    }
    shop.behave(Behavior::ok());
    for _ in 0..3 {
        round(&checker, &[]).await;
        assert_eq!(webhook.news(), ["down Shop", "recovered Shop"]);
    }
    let messages = webhook.messages();
    assert_eq!((messages[0]["version"].as_i64(), messages[0]["items"][0]["is"].as_str()), (Some(1), Some("down")));
    let outage = &messages[1]["items"][0];
    assert_eq!(outage["since"], messages[0]["items"][0]["since"], "the outage has the same start");
    assert!(outage["until"].as_i64() > outage["since"].as_i64(), "{outage}");
    assert_ne!(messages[0]["id"], messages[1]["id"]);
}

#[tokio::test]
async fn a_run_without_notifications_sends_nothing() {
    let (shop, webhook) = (Endpoint::start(failing()).await, Webhook::start().await);
    let checker = Checker::new(&notifying(&shop, &directory(), &[webhook.channel()]));
    round(&checker, &["--no-notify"]).await;
    assert_eq!(webhook.news(), [""; 0]);
    round(&checker, &[]).await;
    assert_eq!(webhook.news(), ["down Shop"]);
    round(&checker, &["--no-store"]).await;
    assert_eq!(webhook.news(), ["down Shop"]);
}

#[tokio::test]
async fn daemons_notify_once_of_an_outage_and_of_its_end() {
    for command in ["run", "serve"] {
        let (shop, webhook) = (Endpoint::start(Behavior::ok()).await, Webhook::start().await);
        let mut config = notifying(&shop, &directory(), &[webhook.channel()]);
        config["every"] = json!("1s");
        let checker = Checker::new(&config);
        let start = async || match command {
            "run" => checker.start(&["run", "-c", "checker.json", "--every", "1s"]),
            _ => checker.serve(&[]).await.program,
        };
        let mut daemon = start().await;
        wait_for("two rounds", || async { (checker.check_files("checks").len() >= 2).then_some(()) }).await;
        shop.behave(failing());
        webhook.until_news(&["down Shop"]).await;
        // Neither a restart nor further rounds repeat the message.
        daemon.signal("TERM");
        daemon.wait().await;
        let before = checker.check_files("checks").len();
        let mut daemon = start().await;
        wait_for("more rounds", || async { (checker.check_files("checks").len() >= before + 3).then_some(()) }).await;
        assert_eq!(webhook.news(), ["down Shop"], "{}", daemon.output());
        shop.behave(Behavior::ok());
        webhook.until_news(&["down Shop", "recovered Shop"]).await;
        let before = checker.check_files("checks").len();
        wait_for("more rounds", || async { (checker.check_files("checks").len() >= before + 3).then_some(()) }).await;
        daemon.signal("TERM");
        daemon.wait().await;
        assert_eq!(webhook.news(), ["down Shop", "recovered Shop"], "{}", daemon.output());
    }
}

#[tokio::test]
async fn three_nodes_send_one_message() {
    let (shop, webhook) = (Endpoint::start(Behavior::ok()).await, Webhook::start().await);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let nodes = nodes(&["eu-west", "us-east", "ap-south"], folder.path(), &shop, &[webhook.channel()]);
    let mut minute = 0;
    for (behavior, expected) in [
        (Behavior::ok(), vec![]),
        (failing(), vec!["down Shop"]),
        (Behavior::ok(), vec!["down Shop", "recovered Shop"]),
    ] {
        shop.behave(behavior);
        for _ in 0..2 {
            for node in &nodes {
                round_at(node, &format!("+{minute}m")).await;
            }
            minute += 1;
        }
        assert_eq!(webhook.news(), expected);
    }
    let voters = &webhook.messages()[0]["items"][0];
    assert!(voters["voters"].as_i64() == Some(3) && voters["down_from"].as_array().is_some_and(|from| from.len() >= 2));
}

#[tokio::test]
async fn another_node_takes_over_from_one_that_stopped() {
    let (shop, webhook) = (Endpoint::start(Behavior::ok()).await, Webhook::start().await);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let nodes = nodes(&["a", "b", "c"], folder.path(), &shop, &[webhook.channel()]);
    for node in &nodes {
        round_at(node, "+0s").await;
    }
    // The node `a` is first in line, but never runs again.
    shop.behave(failing());
    for minute in 1..=8 {
        for node in &nodes[1..] {
            round_at(node, &format!("+{minute}m")).await;
        }
    }
    assert_eq!(webhook.news(), ["down Shop"]);
    shop.behave(Behavior::ok());
    for minute in 9..=12 {
        for node in &nodes[1..] {
            round_at(node, &format!("+{minute}m")).await;
        }
    }
    assert_eq!(webhook.news(), ["down Shop", "recovered Shop"]);
}

/// Returns an endpoint that is down, a webhook whose provider refused the message about it, and the checker.
async fn refused_outage() -> (Endpoint, Webhook, Checker) {
    let (shop, webhook) = (Endpoint::start(Behavior::ok()).await, Webhook::start().await);
    let checker = Checker::new(&notifying(&shop, &directory(), &[webhook.channel()]));
    round_at(&checker, "+0s").await;
    shop.behave(failing());
    webhook.0.behave(failing());
    round_at(&checker, "+1m").await;
    (shop, webhook, checker)
}

#[tokio::test]
async fn news_that_a_provider_refused_is_sent_once_it_works_again() {
    let (_shop, webhook, checker) = refused_outage().await;
    assert!(!webhook.0.requests().is_empty(), "it was tried");
    webhook.0.behave(accepted());
    let tries = webhook.0.requests().len();
    for minute in 2..=5 {
        round_at(&checker, &format!("+{minute}m")).await;
    }
    assert_eq!(webhook.0.requests().len(), tries + 1, "it is delivered once");
    assert_eq!(webhook.news().last().map(String::as_str), Some("down Shop"));
}

#[tokio::test]
async fn an_outage_that_ended_while_the_provider_failed_is_reported_as_missed() {
    let (shop, webhook, checker) = refused_outage().await;
    shop.behave(Behavior::ok());
    round_at(&checker, "+2m").await;
    webhook.0.behave(accepted());
    let tries = webhook.0.requests().len();
    for minute in 4..=10 {
        round_at(&checker, &format!("+{minute}m")).await;
    }
    assert_eq!(webhook.news()[tries..], ["missed Shop"]);
}
