//! Tests `checker notify`, which sends test messages, and shows sent and pending messages.

use serde_json::{Value, json};
use support::checker::{Checker, Run};
use support::configuration::directory;
use support::endpoints::{Behavior, Endpoint};

use super::notifications::{Webhook, accepted, failing, nodes, notifying, round, round_at};

async fn notify(checker: &Checker, words: &[&str]) -> Run {
    checker.call(&[&["notify"], words, &["-c", "checker.json"]].concat()).await
}

async fn notify_json(checker: &Checker, words: &[&str]) -> Value {
    let run = notify(checker, &[words, &["--format", "json"]].concat()).await;
    assert_eq!(run.code, 0, "{}", run.output());
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.output()))
}

#[tokio::test]
async fn a_test_message_shows_which_channels_work() {
    let (shop, webhook) = (Endpoint::start(Behavior::ok()).await, Webhook::start().await);
    let broken = Endpoint::start(Behavior::Answer("404 Not Found", String::new())).await;
    let notifiers = [webhook.channel(), json!({ "type": "webhook", "id": "broken", "url": broken.url })];
    let checker = Checker::new(&notifying(&shop, &directory(), &notifiers));
    let run = notify(&checker, &["test"]).await;
    assert_eq!(run.code, 1, "{}", run.output());
    assert!(run.stdout.contains("channel `hook` accepted the test message"), "{}", run.output());
    assert!(run.stdout.contains("channel `broken` did not accept the message (status 404)"), "{}", run.output());
    assert_eq!(webhook.messages()[0]["items"][0]["event"], json!("test"));
    let run = notify(&checker, &["test", "hook"]).await;
    assert_eq!((run.code, webhook.messages().len()), (0, 2), "{}", run.output());
    let run = notify(&checker, &["test", "ops"]).await;
    assert_eq!(run.code, 2, "{}", run.output());
    assert!(run.stderr.contains("unknown channel `ops`: the configuration has `hook`, `broken`"), "{}", run.output());
    assert!(!checker.path("checks").exists(), "nothing is stored");
}

#[tokio::test]
async fn commands_need_notifiers() {
    let shop = Endpoint::start(Behavior::ok()).await;
    let mut config = notifying(&shop, &directory(), &[]);
    config.as_object_mut().expect("it is an object").remove("notifiers");
    let checker = Checker::new(&config);
    for command in ["test", "status", "preview", "replay"] {
        let run = notify(&checker, &[command]).await;
        assert_eq!(run.code, 2, "{}", run.output());
        assert!(run.stderr.contains("`checker.json` has no `notifiers`: add one"), "{}", run.output());
    }
}

#[tokio::test]
async fn the_status_shows_the_line_and_what_was_notified() {
    let (shop, webhook) = (Endpoint::start(Behavior::ok()).await, Webhook::start().await);
    let checker = Checker::new(&notifying(&shop, &directory(), &[webhook.channel()]));
    let run = notify(&checker, &["status"]).await;
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "channel `hook`\n  no node has served it yet\n"),
        "{}",
        run.output()
    );
    round(&checker, &[]).await;
    shop.behave(failing());
    webhook.0.behave(failing());
    round(&checker, &[]).await;
    let run = notify(&checker, &["status"]).await;
    assert!(run.stdout.contains("1. `test-node` (rank 100, every 1m)"), "{}", run.output());
    assert!(run.stdout.contains("failed once (refused-503); next attempt in"), "{}", run.output());
    webhook.0.behave(accepted());
    round_at(&checker, "+5m").await;
    let words = ["notify", "status", "-c", "checker.json", "--format", "json"];
    let run = checker.call_with_clock(&words, "+5m", |_| {}).await;
    let status: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.output()));
    let channel = &status["channels"][0];
    assert_eq!(channel["nodes"][0]["retry"], Value::Null, "{status}");
    assert_eq!((&channel["notified"][0]["title"], &channel["notified"][0]["as"]), (&json!("Shop"), &json!("down")));
}

#[tokio::test]
async fn a_preview_shows_sent_and_held_messages_with_reasons() {
    let (shop, webhook) = (Endpoint::start(Behavior::ok()).await, Webhook::start().await);
    let slow = json!({ "type": "webhook", "id": "slow", "url": webhook.0.url, "after": "1h" });
    let mut config = notifying(&shop, &directory(), &[webhook.channel(), slow]);
    // Single runs do not wait for more news, so the preview does not either.
    config["notify"]["gather"] = json!("10m");
    let checker = Checker::new(&config);
    round(&checker, &[]).await;
    shop.behave(failing());
    round(&checker, &["--no-notify"]).await;
    for _ in 0..2 {
        let preview = notify_json(&checker, &["preview"]).await;
        let channels = &preview["channels"];
        assert_eq!(channels[0]["message"]["items"][0]["event"], json!("down"), "{preview}");
        assert_eq!(channels[1]["message"], Value::Null, "{preview}");
        assert_eq!(channels[1]["held"][0]["reason"], json!("it has not lasted long enough"), "{preview}");
    }
    let run = notify(&checker, &["preview"]).await;
    let expected = "not sent: `down` for Shop, because it has not lasted long enough (expected in ";
    assert!(run.stdout.contains(expected), "{}", run.output());
    assert_eq!(webhook.news(), [""; 0]);
}

#[tokio::test]
async fn a_preview_names_failing_endpoints_that_a_channel_excludes() {
    let (shop, webhook) = (Endpoint::start(Behavior::ok()).await, Webhook::start().await);
    let other = json!({ "type": "webhook", "id": "other", "url": webhook.0.url, "endpoints": ["Router"] });
    let checker = Checker::new(&notifying(&shop, &directory(), &[webhook.channel(), other]));
    round(&checker, &[]).await;
    let run = notify(&checker, &["preview"]).await;
    assert!(!run.stdout.contains("not sent"), "{}", run.output());
    shop.behave(failing());
    round(&checker, &["--no-notify"]).await;
    let run = notify(&checker, &["preview"]).await;
    let expected =
        "channel `other`: nothing to send\n  not sent: news about Shop, because this channel does not cover it\n";
    assert!(run.stdout.ends_with(expected) && run.stdout.matches("does not cover").count() == 1, "{}", run.output());
    let preview = notify_json(&checker, &["preview"]).await;
    let excluded = [0, 1].map(|index| &preview["channels"][index]["excluded"]);
    assert_eq!(excluded, [&json!([]), &json!(["Shop"])], "{preview}");
}

#[tokio::test]
async fn the_status_shows_outages_of_removed_channels() {
    let (shop, webhook) = (Endpoint::start(Behavior::ok()).await, Webhook::start().await);
    let mut config = notifying(&shop, &directory(), &[webhook.channel()]);
    let checker = Checker::new(&config);
    round(&checker, &[]).await;
    shop.behave(failing());
    round(&checker, &[]).await;
    assert_eq!(webhook.news(), ["down Shop"]);
    config["node"] = json!("test-node");
    config.as_object_mut().expect("it is an object").remove("notifiers");
    checker.write("checker.json", &config.to_string());
    // Also after the node has evaluated the new configuration.
    for _ in 0..2 {
        let run = notify(&checker, &["status"]).await;
        assert_eq!(run.code, 0, "{}", run.output());
        assert!(
            run.stdout.starts_with("channel `hook` (removed)\n  notified: Shop is down (since "),
            "{}",
            run.output()
        );
        round(&checker, &[]).await;
    }
}

#[tokio::test]
async fn a_preview_reports_logs_that_it_ignores() {
    let (shop, webhook) = (Endpoint::start(Behavior::ok()).await, Webhook::start().await);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let nodes = nodes(&["a", "b"], folder.path(), &shop, &[webhook.channel()]);
    for node in &nodes {
        round(node, &[]).await;
    }
    let run = notify(&nodes[0], &["preview"]).await;
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.output());
    for node in ["a", "b"] {
        std::fs::write(folder.path().join(format!("0-notified/{node}.json")), "[]").expect("it can be written");
        for command in ["preview", "status"] {
            let run = notify(&nodes[0], &[command]).await;
            let expected = format!("the notification log `0-notified/{node}.json` was ignored or truncated: ");
            assert!(run.code == 0 && run.stderr.contains(&expected), "{}", run.output());
        }
    }
}

#[tokio::test]
async fn a_replay_shows_what_other_rules_would_have_sent() {
    let (shop, webhook) = (Endpoint::start(Behavior::ok()).await, Webhook::start().await);
    let checker = Checker::new(&notifying(&shop, &directory(), &[webhook.channel()]));
    for minute in (0..60).rev() {
        shop.behave(match minute {
            20..25 => failing(),
            40 => Behavior::Answer("500 Internal Server Error", String::new()),
            _ => Behavior::ok(),
        });
        let off = format!("-{minute}m");
        let run = checker.call_with_clock(&["run", "-c", "checker.json", "--no-notify"], &off, |_| {}).await;
        assert_eq!(run.code, 0, "{}", run.output());
    }
    let events = |report: &Value| {
        let messages = report["messages"].as_array().cloned().unwrap_or_default();
        let text = |message: &Value| message["message"]["items"][0]["event"].as_str().unwrap_or_default().to_owned();
        messages.iter().map(text).collect::<Vec<_>>()
    };
    let report = notify_json(&checker, &["replay", "--since", "2h"]).await;
    assert_eq!(events(&report), ["down", "recovered", "down", "recovered"], "{report}");
    assert_eq!((&report["totals"][0]["messages"], &report["totals"][0]["channel"]), (&json!(4), &json!("hook")));
    // Each outage has its own reason, and a recovery has none.
    let reasons: Vec<&Value> =
        (0..4).map(|index| &report["messages"][index]["message"]["items"][0]["reasons"]).collect();
    for (index, status) in [(0, "500"), (2, "503")] {
        let reason = reasons[index][0]["reason"].as_str().unwrap_or_default();
        assert!(reason.contains(status) && reasons[index][0]["node"] == json!("test-node"), "{report}");
    }
    assert_eq!((reasons[1], reasons[3]), (&json!([]), &json!([])));
    let mut patient = notifying(&shop, &directory(), &[webhook.channel()]);
    patient["notify"]["after"] = json!("3m");
    patient["node"] = json!("test-node");
    checker.write("other.json", &patient.to_string());
    let run = checker.call(&["notify", "replay", "--since", "2h", "-c", "other.json", "--format", "json"]).await;
    let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.output()));
    assert_eq!(events(&report), ["down", "recovered"], "{report}");
    let run = notify(&checker, &["replay", "--since", "2h"]).await;
    assert!(run.stdout.contains("channel `hook`: 4 messages with 4 items in 2h"), "{}", run.output());
    assert!(run.stdout.contains("500") && run.stdout.contains("503"), "{}", run.output());
    assert_eq!(webhook.news(), [""; 0]);
}
