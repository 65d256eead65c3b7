//! Tests evaluations that send mail to a scripted server.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use shared::MINUTE;
use shared::notification::reconcile::News;
use shared::notification_log::{Deferred, Notified, RecipientList, Register, ServedChannel, Topic};
use shared::status::Status;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

use super::queue::{Outgoing, SentQueue};
use super::tests::World;
use super::*;
use crate::notify::channels::alertmanager::Alertmanager;
use crate::notify::channels::mail::{Mail, SmtpSecurity};
use crate::notify::channels::secret_url::SecretUrl;
use crate::notify::channels::slack::Slack;
use crate::notify::channels::{FailureReason, SendOutcome};
use crate::notify::delivery::DeliveryReport;
use crate::notify::event::EventKind;
use crate::notify::message::Item;
use crate::notify::sample;
use crate::notify::test_rules::{START, register, settings};

/// A mail server that answers each recipient with the next code of a script, and records the recipients that it has
/// accepted in each transaction.
#[derive(Debug, Default)]
pub(super) struct MailServer {
    pub(super) port: u16,
    script: Mutex<VecDeque<u16>>,
    accepted: Mutex<Vec<Vec<String>>>,
    /// The number of messages that it accepts without a response.
    unanswered: AtomicUsize,
    /// Whether it closes the connection instead of keeping it open without a response.
    closes: AtomicBool,
}

impl MailServer {
    pub(super) async fn start() -> Arc<MailServer> {
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
                    let less = |count: usize| count.checked_sub(1);
                    if self.unanswered.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok() {
                        if self.closes.load(Ordering::Relaxed) {
                            return;
                        }
                        continue;
                    }
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

/// The names of the usual recipients.
const NAMES: [&str; 2] = ["ops", "jane"];

pub(super) fn mail(port: u16) -> Transport {
    mail_to(port, &NAMES)
}

fn mail_to(port: u16, names: &[&str]) -> Transport {
    let to = names.iter().map(|name| format!("{name}@example.com").parse().unwrap()).collect();
    Transport::Mail(Arc::new(Mail {
        host: "127.0.0.1".to_owned(),
        port,
        security: SmtpSecurity::Opportunistic,
        login: None,
        from: "status@example.com".parse().unwrap(),
        to,
        subject: None,
    }))
}

/// Starts a world with an outage. The server answers the recipients of the first message about it with these codes.
async fn with_outage(server: &MailServer, names: &[&str], codes: &[u16]) -> (World, EvaluationReport) {
    let world = World::new(mail_to(server.port, names));
    world.run(9).await;
    server.answer(codes);
    let report = world.run(11).await;
    (world, report)
}

#[tokio::test]
async fn only_the_deferred_recipient_is_notified_again() {
    let server = MailServer::start().await;
    let (world, report) = with_outage(&server, &NAMES, &[250, 450]).await;
    assert_eq!(report.due, Some(START + 16 * MINUTE));
    assert_eq!(
        report.problems,
        ["channel `ops`: the server deferred 1 of 2 recipients (status 450); the message will be sent to them later"]
    );
    assert_eq!(server.accepted(), [["ops"]]);
    assert!(world.run(13).await.sent.is_empty(), "it is too early");
    let log = world.log().await.to_json();
    assert!(log.contains(r#""deferred":[{"to":[1],"of":2,"list":"#) && !log.contains("jane"), "{log}");
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
    let (world, report) = with_outage(&server, &NAMES, &[550, 250]).await;
    assert_eq!(
        report.problems,
        ["channel `ops`: the server refused 1 of 2 recipients (status 550); check the addresses in `to`"]
    );
    assert!(world.log().await.channels[0].deferred.is_empty());
    server.accepted();
    world.run(60).await;
    assert_eq!(server.accepted(), [[""; 0]; 0]);
}

/// Starts a world in which one of two recipients has not accepted the news about an outage.
async fn with_deferred(server: &MailServer) -> World {
    let (world, _) = with_outage(server, &NAMES, &[250, 450]).await;
    server.accepted();
    assert_eq!(world.log().await.channels[0].deferred.len(), 1);
    world
}

#[tokio::test]
async fn a_recipient_of_the_recovery_does_not_receive_the_outage() {
    let server = MailServer::start().await;
    let mut world = with_deferred(&server).await;
    world.end = 15;
    assert_eq!(world.run(18).await.sent, ["notified `ops`: Shop has recovered"]);
    assert_eq!(server.accepted(), [["ops", "jane"]]);
    assert!(world.run(30).await.sent.is_empty() && world.log().await.channels[0].deferred.is_empty());
}

#[tokio::test]
async fn changed_recipients_end_the_attempts() {
    let server = MailServer::start().await;
    let slack = Slack { webhook: SecretUrl::parse("http://127.0.0.1:1/").unwrap(), username: None, channel: None };
    let alertmanager = Alertmanager { servers: Vec::new(), authorization: None, labels: BTreeMap::new() };
    for transport in [
        mail_to(server.port, &["ops"]),
        mail_to(server.port, &["jane", "ops"]),
        mail_to(server.port, &["ops", "kim"]),
        Transport::Http(Arc::new(slack)),
        Transport::Alertmanager(Arc::new(alertmanager)),
    ] {
        let mut world = with_deferred(&server).await;
        world.settings = settings(transport);
        let report = world.run(13).await;
        let expected = "channel `ops`: the list of recipients has changed, so deferred messages will not be sent again";
        assert!(report.problems.iter().any(|problem| problem == expected), "{report:?}");
        assert!(world.log().await.channels[0].deferred.is_empty());
        world.settings = settings(mail(server.port));
        assert!(world.run(20).await.sent.is_empty() && server.accepted().is_empty());
    }
}

#[tokio::test]
async fn disabling_a_channel_ends_the_attempts() {
    let server = MailServer::start().await;
    let mut world = with_deferred(&server).await;
    let other = Channel { id: ChannelId::new("other").unwrap(), ..world.settings.channels[0].clone() };
    world.settings.channels[0].is_enabled = false;
    world.settings.channels.push(other);
    world.run(13).await;
    assert!(world.log().await.channels.iter().all(|served| served.deferred.is_empty()));
    world.settings.channels[0].is_enabled = true;
    server.accepted();
    assert!(world.run(20).await.sent.is_empty() && server.accepted().is_empty());
}

#[tokio::test]
async fn a_deferred_message_expires_after_a_day() {
    let server = MailServer::start().await;
    let world = with_deferred(&server).await;
    let report = world.run(20 + 24 * 60).await;
    let expected = "channel `ops`: 1 of 2 recipients did not accept a message for a day, so it will not be sent again";
    assert_eq!((report.sent.len(), report.problems), (0, vec![expected.to_owned()]));
    assert!(world.log().await.channels[0].deferred.is_empty() && server.accepted().is_empty());
}

#[tokio::test]
async fn deferred_recipients_that_are_refused_later_are_reported() {
    let server = MailServer::start().await;
    let (world, _) = with_outage(&server, &["ops", "jane", "kim"], &[250, 450, 450]).await;
    // Each run makes two attempts.
    server.answer(&[450, 550, 450, 550]);
    let refused = "channel `ops`: the server refused 1 of 3 recipients (status 550); check the addresses in `to`";
    let deferred = "the server deferred 1 of 3 recipients (status 450); the message will be sent to them later";
    assert_eq!(world.run(17).await.problems, [format!("{refused}; {deferred}")]);
    let entries = &world.log().await.channels[0].deferred;
    assert_eq!(entries.iter().map(|entry| &entry.recipients).collect::<Vec<_>>(), [&[1]]);
    server.answer(&[550]);
    let report = world.run(28).await;
    assert_eq!((report.sent.len(), report.problems), (0, vec![refused.to_owned()]));
    assert!(world.log().await.channels[0].deferred.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_recipient_that_was_deferred_in_an_unanswered_attempt_is_not_lost() {
    let server = MailServer::start().await;
    let world = World::new(mail(server.port));
    world.run(9).await;
    server.unanswered.store(4, Ordering::Relaxed);
    server.answer(&[250, 450].repeat(4));
    let mut problems = Vec::new();
    for minute in 11..=96 {
        problems.extend(world.run(minute).await.problems);
    }
    let deferred = "the server deferred 1 of 2 recipients (status 450); the message will be sent to them later";
    assert_eq!(problems.len(), 4, "{problems:#?}");
    assert_eq!(problems[0], format!("channel `ops` did not respond: {deferred}"));
    let given_up = "channel `ops` did not respond to 4 attempts: it may have accepted the message, so it is not sent again, except to 1 recipient that it has deferred";
    assert_eq!(problems[3], given_up);
    assert_eq!(server.accepted(), vec![["ops"]; 4]);
    assert_eq!(world.log().await.channels[0].deferred[0].recipients, [1]);
    tokio::time::resume();
    let report = world.run(102).await;
    assert_eq!(report.sent, ["notified `ops`: Shop is down"], "{report:?}");
    assert_eq!(server.accepted(), [["jane"]]);
    assert!(world.run(120).await.sent.is_empty() && world.log().await.channels[0].deferred.is_empty());
}

#[tokio::test]
async fn a_connection_closed_after_the_content_counts_as_unanswered() {
    let server = MailServer::start().await;
    let world = World::new(mail(server.port));
    world.run(9).await;
    server.unanswered.store(usize::MAX, Ordering::Relaxed);
    server.closes.store(true, Ordering::Relaxed);
    let mut problems = Vec::new();
    for minute in 11..=180 {
        problems.extend(world.run(minute).await.problems);
    }
    assert_eq!(server.accepted(), vec![NAMES; 4], "{problems:#?}");
    let given_up =
        "channel `ops` did not respond to 4 attempts: it may have accepted the message, so it is not sent again";
    assert_eq!(problems[0], "channel `ops` did not respond: it will be retried");
    assert_eq!((problems.len(), problems[3].as_str()), (4, given_up));
}

#[tokio::test]
async fn an_unanswered_attempt_ends_only_for_recipients_that_were_accepted() {
    let server = MailServer::start().await;
    let (world, _) = with_outage(&server, &["ops", "jane", "kim", "lee"], &[250, 450, 450, 450]).await;
    server.accepted();
    server.unanswered.store(1, Ordering::Relaxed);
    server.answer(&[250, 450, 550]);
    let expected = "channel `ops` did not respond: 1 of 4 recipients may have received the message, so it will not be sent again, except to 1 recipient that it has deferred";
    let refused = "channel `ops`: the server refused 1 of 4 recipients; check the addresses in `to`";
    tokio::time::pause();
    assert_eq!(world.run(17).await.problems, [expected, refused]);
    tokio::time::resume();
    assert_eq!(server.accepted(), [["jane"]]);
    let entries = &world.log().await.channels[0].deferred;
    assert_eq!(entries.iter().map(|entry| (entry.tries, &*entry.recipients)).collect::<Vec<_>>(), [(2, &[2][..])]);
    world.run(28).await;
    assert_eq!(server.accepted(), [["kim"]]);
}

/// Returns an entry for one of two recipients, and the news that it has missed.
fn deferred_news() -> (Deferred, News) {
    let register = Register { number: 0, since: 0, ..register(Topic::Endpoint, "Shop", Notified::Healthy, START) };
    let item = Item::new(EventKind::Down, &register.key, Status::Down);
    let list = RecipientList { count: 2, checksum: None };
    let deferred = Deferred { recipients: vec![1], list, tries: 1, next: START, known: vec![register.clone()] };
    (deferred, News { items: vec![item], register })
}

/// Records the outcome of a message. Returns the problems.
fn record(log: &mut NotificationLog, outgoing: Outgoing<'_>, outcome: SendOutcome, deferred: &[u32]) -> Vec<String> {
    let (channel, deferred) = (outgoing.channel.id.clone(), deferred.to_vec());
    let delivery = DeliveryReport { channel, outcome, problem: None, deferred, refused: Vec::new() };
    let sent = SentQueue { attempts: vec![(outgoing, delivery)], is_incomplete: false };
    let mut report = EvaluationReport::default();
    outcomes::record((log, &[]), sent, (1, START), &mut report);
    report.problems
}

#[test]
fn recipients_that_are_not_retried_are_reported() {
    let settings = settings(mail(25));
    let channel = &settings.channels[0];
    let (entry, news) = deferred_news();
    let mut log = NotificationLog::new(NodeName::new("eu").unwrap());
    log.channels = vec![ServedChannel::new(channel.id.clone(), 0)];
    log.channels[0].deferred = vec![entry.clone()];
    let outgoing = |deferred| Outgoing { channel, message: sample::message(), news: vec![news.clone()], deferred };
    let timed_out = SendOutcome::Retry { reason: FailureReason::TimedOut, after: None };
    let expected =
        "channel `ops` did not respond: 1 of 2 recipients may have received the message, so it will not be sent again";
    assert_eq!(record(&mut log, outgoing(Some(entry.clone())), timed_out, &[]), [expected]);
    assert!(log.channels[0].deferred.is_empty());
    let mut other = entry;
    other.known[0].key.title = "Other".to_owned();
    log.channels[0].deferred = vec![other; 20];
    let expected =
        "channel `ops`: too many messages are deferred, so this one will not be sent again to 1 of the recipients";
    assert_eq!(record(&mut log, outgoing(None), SendOutcome::Delivered, &[1]), [expected]);
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
