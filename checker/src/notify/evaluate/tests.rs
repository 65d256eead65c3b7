//! Tests evaluations that send requests to scripted servers.

use std::sync::Mutex;

use shared::MINUTE;
use shared::notification_log::{Notified, Register, Topic};
use shared::status::Status;
use tokio::net::TcpListener;

use super::mail_tests::{MailServer, mail};
use super::*;
use crate::notify::channels::ping::Ping;
use crate::notify::channels::secret_url::SecretUrl;
use crate::notify::channels::slack::Slack;
use crate::notify::event::EventKind;
use crate::notify::test_rules::{START, history, register, rounds, settings};
use crate::store::settings::StoreLocation;

pub(super) struct World {
    folder: tempfile::TempDir,
    pub(super) settings: Notifications,
    /// The minute in which the outage ends.
    pub(super) end: i64,
}

impl World {
    pub(super) fn new(transport: Transport) -> World {
        World { folder: tempfile::tempdir().unwrap(), settings: settings(transport), end: i64::MAX / 60 }
    }

    pub(super) async fn store(&self) -> (Storage, Arc<Store>) {
        let location = StoreLocation::Directory(self.folder.path().join("store"));
        let storage = Storage { location, check_expiry: None, history_expiry: DAY };
        let store = Arc::new(Store::open(&storage).await);
        (storage, store)
    }

    pub(super) async fn notifier(&self) -> Notifier {
        let (storage, store) = self.store().await;
        let name = NodeName::new("eu").unwrap();
        let spool_dir = self.folder.path().join("spool");
        let node = NotifierNode { name: &name, spool_dir: &spool_dir, storage: &storage, store: &store };
        let settings = (Some(Arc::new(self.settings.clone())), Arc::default());
        Notifier::new(&node, settings, Some(MINUTE), NotifierMode::Once).unwrap()
    }

    /// Evaluates the rules in a new process, in the given minute of an outage that began in minute 10.
    pub(super) async fn run(&self, minute: i64) -> EvaluationReport {
        self.run_again(&mut self.notifier().await, minute).await
    }

    /// Evaluates the rules again in the same process.
    pub(super) async fn run_again(&self, notifier: &mut Notifier, minute: i64) -> EvaluationReport {
        let (now, end) = (minute * 60, self.end * 60);
        let down = rounds(600..now.min(end).max(600), "a", Status::Down);
        let after = rounds(end.min(now)..now, "a", Status::Healthy);
        let results = [rounds(0..now.min(600), "a", Status::Healthy), down, after].concat();
        let history = Arc::new(history("eu", &results));
        let stored = StoredHistory { history, has_round: true, was_behind: false, certificates: Vec::new() };
        notifier.evaluate(RoundOutcome::Stored(stored), START + minute * MINUTE).await
    }

    pub(super) async fn log(&self) -> NotificationLog {
        let spool = self.folder.path().join("spool");
        OwnLog::load(&self.store().await.1, &NodeName::new("eu").unwrap(), &spool).await.unwrap().log
    }
}

#[tokio::test]
async fn a_store_failure_ends_with_the_first_stored_round() {
    let mut world = World::new(mail(1));
    world.settings.channels[0].policy.on.insert(EventKind::Store);
    let mut own =
        OwnLog::load(&world.store().await.1, &NodeName::new("eu").unwrap(), world.folder.path()).await.unwrap();
    own.log.introduce(&world.notifier().await.introduction(&stored(1, false), &served(&world.settings), START), START);
    let sent = register(Topic::Store, "eu", Notified::Down, START + 11 * MINUTE);
    own.log.registers.push(Register { since: START + MINUTE, ..sent });
    own.save(&world.store().await.1).await.unwrap();
    // In minute 20, the node stores the rounds in its spool and the current one. The message is sent later.
    for (minute, was_behind) in [(20, true), (21, false), (26, false)] {
        let now = START + minute * MINUTE + 5 * SECOND;
        let assessment = world.notifier().await.assess_round(stored(minute, was_behind), now).await.unwrap();
        let item = &assessment.plans[0].1.news[0].items[0];
        assert_eq!((item.event.as_str(), item.since, item.until), ("store", START + MINUTE, Some(START + 20 * MINUTE)));
    }
}

/// Returns the history of a node with a round every 10 s until the given minute.
fn stored(minute: i64, was_behind: bool) -> StoredHistory {
    let results = rounds(0..minute * 60 + 1, "a", Status::Healthy);
    StoredHistory { history: Arc::new(history("eu", &results)), has_round: true, was_behind, certificates: Vec::new() }
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
    assert!(problems[3].contains("did not respond to 4 attempts: it may have accepted the message"), "{problems:#?}");
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
    let entry = |index| {
        let sent = register(Topic::Endpoint, &format!("Hostile {index}"), Notified::Down, START - 2 * DAY);
        Register { number: 7, since: 0, ..sent }
    };
    let registers = (0..60_000).map(entry);
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

#[tokio::test]
async fn a_history_that_cannot_be_read_was_not_removed() {
    let server = MailServer::start().await;
    let world = World::new(mail(server.port));
    world.run(5).await;
    let (_, store) = world.store().await;
    let spool = world.folder.path().join("spool");
    let mut own = OwnLog::load(&store, &NodeName::new("eu").unwrap(), &spool).await.unwrap();
    let notified = |topic, title| register(topic, title, Notified::Down, START - 3 * DAY);
    own.log.registers = vec![notified(Topic::Silent, "us"), notified(Topic::Endpoint, "Blog")];
    own.save(&store).await.unwrap();
    let folder = world.folder.path().join("store/history");
    let path = folder.join("us.json");
    std::fs::create_dir_all(&folder).unwrap();
    let make: [fn(&Path); 3] = [
        |path| std::fs::write(path, "garbage").unwrap(),
        |path| std::fs::create_dir(path).unwrap(),
        |path| std::os::unix::fs::symlink("eu.json", path).unwrap(),
    ];
    for make in make {
        make(&path);
        let report = world.run(6).await;
        let [problem] = report.problems.as_slice() else { panic!("{report:?}") };
        assert!(problem.starts_with("outages are not closed while the history `history/us.json` is unreadable: "));
        assert!(report.sent.is_empty(), "{report:?}");
        std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir(&path)).unwrap();
    }
    // Files of the original Checkup have no node.
    std::fs::write(folder.join("_nameless.json"), "garbage").unwrap();
    let report = world.run(7).await;
    assert_eq!((report.problems.len(), report.sent.len()), (1, 1), "{report:?}");
    assert!(report.sent[0].contains("us") && !report.sent[0].contains("Blog"), "{report:?}");
    std::fs::remove_file(folder.join("_nameless.json")).unwrap();
    let report = world.run(8).await;
    assert_eq!((report.problems.len(), report.sent.len()), (0, 1), "{report:?}");
    assert!(world.log().await.registers.iter().all(|register| register.state == Notified::Healthy));
}

#[tokio::test]
async fn a_history_that_was_deleted_is_not_unreadable() {
    let server = MailServer::start().await;
    let world = World::new(mail(server.port));
    world.run(5).await;
    let folder = world.folder.path().join("store/history");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("us.json"), history("us", &rounds(0..300, "b", Status::Healthy)).to_json()).unwrap();
    let mut notifier = world.notifier().await;
    assert_eq!(world.run_again(&mut notifier, 6).await.problems, [""; 0]);
    assert_eq!(notifier.view.nodes().count(), 1);
    std::fs::remove_file(folder.join("us.json")).unwrap();
    assert_eq!(world.run_again(&mut notifier, 7).await.problems, [""; 0]);
    assert_eq!(notifier.view.nodes().count(), 0);
}
