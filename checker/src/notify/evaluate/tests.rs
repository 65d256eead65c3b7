//! Tests evaluations that send mail and requests to scripted servers.

use std::collections::VecDeque;
use std::sync::Mutex;

use shared::MINUTE;
use shared::status::Status;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

use super::*;
use crate::notify::channels::mail::{Mail, SmtpSecurity};
use crate::notify::channels::ping::Ping;
use crate::notify::channels::secret_url::SecretUrl;
use crate::notify::channels::slack::Slack;
use crate::notify::test_rules::{START, history, rounds, settings};
use crate::store::settings::StoreLocation;

/// A mail server that answers each recipient with the next code of a script, and records the recipients that it has
/// accepted in each transaction.
#[derive(Debug, Default)]
struct MailServer {
    port: u16,
    script: Mutex<VecDeque<u16>>,
    accepted: Mutex<Vec<Vec<String>>>,
}

impl MailServer {
    async fn start() -> Arc<MailServer> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Arc::new(MailServer { port: listener.local_addr().unwrap().port(), ..MailServer::default() });
        let shared = Arc::clone(&server);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.serve(BufReader::new(stream)).await;
            }
        });
        server
    }

    async fn serve(&self, mut stream: BufReader<tokio::net::TcpStream>) {
        stream.write_all(b"220 ready\r\n").await.unwrap();
        let (mut recipients, mut is_data) = (Vec::new(), false);
        let mut line = String::new();
        while {
            line.clear();
            stream.read_line(&mut line).await.is_ok_and(|count| count > 0)
        } {
            let answer = match line.trim_end() {
                "." if is_data => {
                    is_data = false;
                    self.accepted.lock().unwrap().push(std::mem::take(&mut recipients));
                    "250 done".to_owned()
                }
                _ if is_data => continue,
                "DATA" => {
                    is_data = true;
                    "354 go on".to_owned()
                }
                command if command.starts_with("RCPT") => {
                    let code = self.script.lock().unwrap().pop_front().unwrap_or(250);
                    if code == 250 {
                        recipients.push(command.split(['<', '@']).nth(1).unwrap_or_default().to_owned());
                    }
                    format!("{code} answer")
                }
                _ => "250 fine".to_owned(),
            };
            let _ = stream.write_all(format!("{answer}\r\n").as_bytes()).await;
        }
    }

    fn answer(&self, codes: &[u16]) {
        self.script.lock().unwrap().extend(codes);
    }

    fn accepted(&self) -> Vec<Vec<String>> {
        std::mem::take(&mut self.accepted.lock().unwrap())
    }
}

fn mail(port: u16) -> Transport {
    let to = ["ops", "jane"].map(|name| format!("{name}@example.com").parse().unwrap());
    Transport::Mail(Arc::new(Mail {
        host: "127.0.0.1".to_owned(),
        port,
        security: SmtpSecurity::Opportunistic,
        login: None,
        from: "status@example.com".parse().unwrap(),
        to: to.into(),
        subject: None,
    }))
}

pub(super) struct World {
    folder: tempfile::TempDir,
    settings: Notifications,
}

impl World {
    pub(super) fn new(transport: Transport) -> World {
        World { folder: tempfile::tempdir().unwrap(), settings: settings(transport) }
    }

    pub(super) async fn store(&self) -> (Storage, Arc<Store>) {
        let location = StoreLocation::Directory(self.folder.path().join("store"));
        let storage = Storage { location, check_expiry: None, history_expiry: DAY };
        let store = Arc::new(Store::open(&storage).await);
        (storage, store)
    }

    /// Evaluates the rules in a new process, in the given minute of an outage that began in minute 10.
    pub(super) async fn run(&self, minute: i64) -> EvaluationReport {
        let (storage, store) = self.store().await;
        let name = NodeName::new("eu").unwrap();
        let spool_dir = self.folder.path().join("spool");
        let node = NotifierNode { name: &name, spool_dir: &spool_dir, storage: &storage, store: &store };
        let settings = (Some(Arc::new(self.settings.clone())), Arc::default());
        let mut notifier = Notifier::new(&node, settings, Some(MINUTE), NotifierMode::Once).unwrap();
        let down = rounds(600..(minute * 60).max(600), "a", Status::Down);
        let results = [rounds(0..(minute * 60).min(600), "a", Status::Healthy), down].concat();
        let history = Arc::new(history("eu", &results));
        let stored = StoredHistory { history, has_round: true, was_behind: false, certificates: Vec::new() };
        notifier.evaluate(RoundOutcome::Stored(stored), START + minute * MINUTE).await
    }

    async fn log(&self) -> NotificationLog {
        let spool = self.folder.path().join("spool");
        OwnLog::load(&self.store().await.1, &NodeName::new("eu").unwrap(), &spool).await.unwrap().log
    }
}

#[tokio::test]
async fn a_deferred_recipient_is_notified_later_and_no_other_twice() {
    let server = MailServer::start().await;
    let world = World::new(mail(server.port));
    world.run(9).await;
    server.answer(&[250, 450]);
    let report = world.run(11).await;
    assert_eq!(report.due, Some(START + 16 * MINUTE));
    assert_eq!(
        report.problems,
        [
            "channel `ops`: 1 of 2 recipients have not been accepted yet (status 450); the message will be sent to them later"
        ]
    );
    assert_eq!(server.accepted(), [["ops"]]);
    assert!(world.run(13).await.sent.is_empty(), "it is too early");
    let log = world.log().await.to_json();
    assert!(log.contains(r#""deferred":[{"to":[1],"of":2,"tries":1,"#) && !log.contains("jane"), "{log}");
    // A server can defer a message several times. Each run makes two attempts.
    server.answer(&[450, 450]);
    let report = world.run(17).await;
    assert_eq!(report.problems, ["channel `ops` did not accept the message (status 450): it will be retried"]);
    assert!(world.run(26).await.sent.is_empty());
    assert_eq!(world.run(28).await.sent, ["notified `ops`: Shop is down"]);
    assert_eq!(server.accepted(), [["jane"]]);
    assert!(world.run(60).await.sent.is_empty());
    assert!(world.log().await.channels[0].deferred.is_empty() && server.accepted().is_empty());
}

#[tokio::test]
async fn refused_recipients_are_reported_and_not_tried_again() {
    let server = MailServer::start().await;
    let world = World::new(mail(server.port));
    world.run(9).await;
    server.answer(&[550, 250]);
    let report = world.run(11).await;
    assert_eq!(
        report.problems,
        ["channel `ops`: 1 of 2 recipients were refused (status 550); check the addresses in `to`"]
    );
    assert!(world.log().await.channels[0].deferred.is_empty());
    server.accepted();
    world.run(60).await;
    assert_eq!(server.accepted(), [[""; 0]; 0]);
}

#[tokio::test]
async fn a_changed_list_of_recipients_ends_the_attempts() {
    let server = MailServer::start().await;
    let mut world = World::new(mail(server.port));
    world.run(9).await;
    server.answer(&[250, 450]);
    world.run(11).await;
    server.accepted();
    let Transport::Mail(channel) = mail(server.port) else { panic!("it is mail") };
    let to = channel.to[..1].to_vec();
    world.settings = settings(Transport::Mail(Arc::new(Mail { to, ..Mail::clone(&channel) })));
    assert!(world.run(20).await.sent.is_empty() && server.accepted().is_empty());
    assert!(world.log().await.channels[0].deferred.is_empty());
}

#[tokio::test]
async fn an_unreachable_mail_server_is_named() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let world = World::new(mail(port));
    world.run(9).await;
    let problem = format!(
        "channel `ops` is unreachable: `127.0.0.1:{port}` refused the connection; check `server`, `port` and the network"
    );
    assert_eq!(world.run(11).await.problems, [problem]);
}

/// Starts a server that reads requests and never answers, and counts the connections.
async fn silent_server() -> (SecretUrl, Arc<Mutex<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = SecretUrl::parse(&format!("http://{}/x", listener.local_addr().unwrap())).unwrap();
    let count = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            *counted.lock().unwrap() += 1;
            open.push(stream);
        }
    });
    (url, count)
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_never_answers_gets_a_message_four_times() {
    let (webhook, count) = silent_server().await;
    let world = World::new(Transport::Http(Arc::new(Slack { webhook, username: None, channel: None })));
    world.run(9).await;
    let mut problems = Vec::new();
    for minute in (11..300).step_by(1) {
        problems.extend(world.run(minute).await.problems);
    }
    assert_eq!(*count.lock().unwrap(), 4, "{problems:#?}");
    assert_eq!(problems.len(), 4);
    assert!(
        problems[3].contains("did not respond in time to 4 attempts: it may have accepted the message"),
        "{problems:#?}"
    );
    let log = world.log().await;
    assert_eq!((log.channels[0].retry, log.channels[0].unconfirmed), (None, Some(START + 96 * MINUTE)));
}

#[tokio::test(start_paused = true)]
async fn a_slow_channel_does_not_delay_a_dead_mans_switch() {
    let (webhook, _) = silent_server().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = SecretUrl::parse(&format!("http://{}/ping", listener.local_addr().unwrap())).unwrap();
    let mut world = World::new(Transport::Http(Arc::new(Slack { webhook, username: None, channel: None })));
    world.run(9).await;
    let ping = Channel {
        id: ChannelId::new("ping").unwrap(),
        transport: Transport::Ping(Arc::new(Ping { url })),
        ..world.settings.channels[0].clone()
    };
    world.settings.channels.push(ping);
    let begun = tokio::time::Instant::now();
    let pinged = async {
        listener.accept().await.unwrap();
        begun.elapsed()
    };
    let (pinged, report) = tokio::join!(pinged, world.run(11));
    assert!(pinged < TIME_LIMIT && begun.elapsed() >= TIME_LIMIT, "{report:?}");
}

#[tokio::test]
async fn a_hostile_log_is_reported_and_not_copied() {
    let server = MailServer::start().await;
    let world = World::new(mail(server.port));
    world.run(9).await;
    let (_, store) = world.store().await;
    let node = NodeName::new("us").unwrap();
    let other = history("us", &rounds(0..600, "b", Status::Healthy));
    let name =
        shared::object_name::HistoryName { node: Some(node.clone()), part: shared::object_name::HistoryPart::Main };
    store.put(&name, other.to_json().into()).await.unwrap();
    let mut log = NotificationLog::new(node.clone());
    let registers = (0..60_000).map(|index| shared::notification_log::Register {
        channel: ChannelId::new("ops").unwrap(),
        topic: shared::notification_log::Topic::Endpoint,
        key: shared::check_file::EndpointKey { title: format!("Hostile {index}"), ..Default::default() },
        number: 7,
        state: shared::notification_log::Notified::Down,
        since: 0,
        until: START - 2 * DAY,
        at: START - 2 * DAY,
        reminders: 0,
    });
    log.registers = registers.collect();
    store.put(&shared::object_name::LogName { node }, log.to_json().into()).await.unwrap();
    let report = world.run(11).await;
    assert_eq!(
        report.problems,
        [
            "the notification log `0-notified/us.json` was ignored or truncated: only the first 50000 of its entries are used"
        ]
    );
    assert_eq!(report.sent, ["notified `ops`: Shop is down"]);
    assert_eq!(world.log().await.registers.len(), 1);
    assert!(world.run(12).await.sent.is_empty());
}
