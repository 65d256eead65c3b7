//! Tests the Alertmanager channel: against a recorder, and against Debian's Alertmanager, alone and in a cluster.

use serde_json::{Value, json};
use shared::civil::rfc3339;
use shared::{MINUTE, UnixNanos};
use support::checker::Checker;
use support::configuration::directory;
use support::endpoints::{Behavior, Endpoint};
use support::program::Program;
use support::{free_port, http_client, now, tool, wait_for};

use super::notification_channels::{notifying as with_channel, test_channel};
use super::notifications::{Webhook, accepted, failing, nodes, notifying, round, round_at};

/// Returns the alerts in each post that a recorder has received.
fn posts(recorder: &Endpoint) -> Vec<Value> {
    let requests = recorder.requests();
    let body = |request: &String| {
        assert!(request.starts_with("POST /api/v2/alerts "), "{request}");
        let (_, body) = request.split_once("\r\n\r\n").expect("a head and a body");
        serde_json::from_str(body).expect("the body is JSON")
    };
    requests.iter().map(body).collect()
}

fn ends_after(alert: &Value, moment: UnixNanos) -> bool {
    alert["endsAt"].as_str().expect("it has an end") > rfc3339(moment).as_str()
}

#[tokio::test]
async fn the_first_node_posts_an_alert_until_its_outage_ends() {
    let (shop, recorder) = (Endpoint::start(Behavior::ok()).await, Endpoint::start(accepted()).await);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let channel = json!({ "type": "alertmanager", "url": recorder.url });
    let nodes = nodes(&["eu-west", "us-east"], folder.path(), &shop, &[channel]);
    let begin = now();
    let mut posted_in = Vec::new();
    for minute in 0..12 {
        shop.behave(if (2..5).contains(&minute) { failing() } else { Behavior::ok() });
        for (index, node) in nodes.iter().enumerate() {
            let before = recorder.requests().len();
            round_at(node, &format!("+{minute}m")).await;
            match recorder.requests().len() - before {
                0 => {}
                count => {
                    assert_eq!((index, count), (0, 1), "only the first node posts, once per round");
                    posted_in.push(minute);
                }
            }
        }
    }
    let posts = posts(&recorder);
    // Both nodes must report the outage, so the first node knows of it after the second node's round in minute 2.
    // In minute 5, the second node's result is older, so the endpoint is neither down nor known to have recovered.
    assert_eq!(posted_in[..4], [3, 4, 6, 7], "{posts:?}");
    assert!(posted_in.last() < Some(&10), "an alert that has ended is not posted for long: {posted_in:?}");
    for (minute, alerts) in posted_in.iter().zip(&posts) {
        let alert = &alerts[0];
        assert_eq!(alerts.as_array().map(Vec::len), Some(1), "{alerts}");
        assert_eq!((&alert["labels"]["alertname"], &alert["labels"]["title"]), (&json!("ServiceDown"), &json!("Shop")));
        assert_eq!((&alert["labels"], &alert["startsAt"]), (&posts[0][0]["labels"], &posts[0][0]["startsAt"]));
        let round = begin + minute * MINUTE;
        // While the endpoint is down, an alert outlasts two missed rounds. Afterwards, it has ended.
        let is_down = *minute < 5;
        assert_eq!(ends_after(alert, round + 2 * MINUTE), is_down, "minute {minute}: {alert}");
        assert_eq!(ends_after(alert, round + MINUTE), is_down, "minute {minute}: {alert}");
    }
}

/// A running Alertmanager that sends its notifications to a webhook.
struct Alertmanager {
    url: String,
    _folder: tempfile::TempDir,
    _program: Program,
}

impl Alertmanager {
    /// Starts an Alertmanager with these options for clusters.
    async fn start(webhook: &str, cluster: &[String]) -> Alertmanager {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("alertmanager.yml");
        let route = "{ receiver: hook, group_wait: 1s, group_interval: 10s, repeat_interval: 4h }";
        let hook = format!("{{ url: '{webhook}', send_resolved: true }}");
        let config = format!("route: {route}\nreceivers: [{{ name: hook, webhook_configs: [{hook}] }}]\n");
        std::fs::write(&file, config).expect("the file can be written");
        let url = format!("http://127.0.0.1:{}/", free_port());
        let program = Program::start(&tool("prometheus-alertmanager"), |command| {
            command
                .arg(format!("--config.file={}", file.display()))
                .arg(format!("--storage.path={}", folder.path().join("data").display()))
                .arg(format!("--web.listen-address={}", url.trim_start_matches("http://").trim_end_matches('/')))
                .args(cluster);
        });
        let server = Alertmanager { url, _folder: folder, _program: program };
        wait_for("Alertmanager", || async {
            let is_reachable = http_client::is_reachable(&server.url).await;
            (is_reachable && http_client::get(&server.path("-/ready")).await.status == 200).then_some(())
        })
        .await;
        server
    }

    async fn start_alone(webhook: &str) -> Alertmanager {
        Alertmanager::start(webhook, &["--cluster.listen-address=".to_owned()]).await
    }

    /// Starts two Alertmanagers that form a cluster.
    async fn start_cluster(webhook: &str) -> [Alertmanager; 2] {
        let [first, second] = [free_port(), free_port()];
        let options = |own: u16, other: u16| {
            [
                format!("--cluster.listen-address=127.0.0.1:{own}"),
                format!("--cluster.advertise-address=127.0.0.1:{own}"),
                format!("--cluster.peer=127.0.0.1:{other}"),
                "--cluster.gossip-interval=50ms".to_owned(),
                "--cluster.reconnect-interval=1s".to_owned(),
                // The second member waits for the first one, and notifies only if the first one has not. It must finish
                // before the next comparison, because it would otherwise report a status that has changed in the
                // meantime.
                "--cluster.peer-timeout=1s".to_owned(),
            ]
        };
        let (first_options, second_options) = (options(first, second), options(second, first));
        let (one, other) =
            tokio::join!(Alertmanager::start(webhook, &first_options), Alertmanager::start(webhook, &second_options));
        for member in [&one, &other] {
            wait_for("the cluster", || async {
                (member.metric("alertmanager_cluster_members").await == 2).then_some(())
            })
            .await;
        }
        [one, other]
    }

    fn path(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    async fn alerts(&self) -> Value {
        let response = http_client::get(&self.path("api/v2/alerts")).await;
        serde_json::from_slice(&response.body).expect("it is JSON")
    }

    async fn metric(&self, name: &str) -> u64 {
        let text = http_client::get(&self.path("metrics")).await.text();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        value.unwrap_or_else(|| panic!("there is no metric {name}:\n{text}"))
    }

    /// Returns how often this member has compared its alerts with the cluster's notifications.
    async fn comparisons(&self) -> u64 {
        self.metric("alertmanager_nflog_queries_total").await
    }
}

#[tokio::test]
async fn alertmanager_receives_an_alert() {
    let webhook = Webhook::start().await;
    let alertmanager = Alertmanager::start_alone(&webhook.0.url).await;
    let channel = json!({ "type": "alertmanager", "url": alertmanager.url, "labels": { "team": "web" } });
    let run = test_channel(&with_channel(&channel), None).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let alerts = alertmanager.alerts().await;
    assert_eq!(alerts.as_array().map(Vec::len), Some(1), "{alerts}");
    assert_eq!(alerts[0]["labels"]["alertname"], json!("Test"));
    assert_eq!(alerts[0]["labels"]["team"], json!("web"));
    assert_eq!(alerts[0]["status"]["state"], json!("active"));
}

#[tokio::test]
async fn a_cluster_of_alertmanagers_notifies_once() {
    let (shop, webhook) = (Endpoint::start(Behavior::ok()).await, Webhook::start().await);
    let cluster = Alertmanager::start_cluster(&webhook.0.url).await;
    let urls: Vec<&str> = cluster.iter().map(|member| member.url.as_str()).collect();
    let channel = json!({ "type": "alertmanager", "url": urls });
    let checker = Checker::new(&notifying(&shop, &directory(), &[channel]));
    round(&checker, &[]).await;
    let notified = || -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let messages = webhook.messages();
        messages.iter().map(|sent| (text(&sent["status"]), text(&sent["alerts"][0]["labels"]["title"]))).collect()
    };
    let expected: Vec<(String, String)> =
        ["firing", "resolved"].map(|status| (status.to_owned(), "Shop".to_owned())).to_vec();
    for (behavior, count) in [(failing(), 1), (Behavior::ok(), 2)] {
        shop.behave(behavior);
        let before = [cluster[0].comparisons().await, cluster[1].comparisons().await];
        round(&checker, &[]).await;
        for member in &cluster {
            assert_eq!(member.alerts().await.as_array().map(Vec::len), Some(2 - count), "all members get the alerts");
        }
        wait_for("a notification", || async { (notified().len() >= count).then_some(()) }).await;
        for (member, before) in cluster.iter().zip(before) {
            wait_for("a comparison", || async {
                round(&checker, &[]).await;
                (member.comparisons().await > before).then_some(())
            })
            .await;
        }
        assert_eq!(notified(), expected[..count]);
    }
}
