//! Tests evaluations while maintenance windows and silences are posted in the store.

use std::sync::{Mutex, PoisonError};

use shared::MINUTE;
use shared::object_name::{DigestName, PostId};
use shared::post::digest::PostDigest;
use shared::post::{Affected, Details, Impact, IncidentState, MaintenancePlan, Post, Scope};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::tests::World;
use super::*;
use crate::notify::channels::alertmanager::Alertmanager;
use crate::notify::channels::secret_url::SecretUrl;
use crate::notify::channels::slack::Slack;
use crate::notify::event::EventKind;
use crate::notify::test_rules::START;

/// A server that accepts every request and records it.
struct Recorder {
    url: SecretUrl,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    async fn start() -> Recorder {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = SecretUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let recorded = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                while !is_complete(&String::from_utf8_lossy(&request)) {
                    assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
                }
                recorded.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
                let response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
                stream.write_all(response).await.unwrap();
            }
        });
        Recorder { url, requests }
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn is_complete(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let length =
        head.to_lowercase().split("content-length: ").nth(1).map(|rest| rest.lines().next().unwrap().to_owned());
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

fn author() -> NodeName {
    NodeName::new("anna").unwrap()
}

fn post(details: Details) -> Post {
    let id = PostId { posted_at: START, author: author() };
    Post {
        subject: id.clone(),
        id,
        edit: None,
        title: None,
        affects: Some(vec![Affected { scope: Scope("Sh*".to_owned()), impact: Impact::Down }]),
        text: None,
        at: None,
        details,
    }
}

/// A maintenance window between two minutes.
fn window(from: i64, to: i64) -> Post {
    let windows = vec![(START + from * MINUTE, START + to * MINUTE)];
    let (start, zone) = ("2026-11-22T02:00".to_owned(), "UTC".to_owned());
    let plan = MaintenancePlan { start, zone, length: (to - from) * MINUTE, windows, ..MaintenancePlan::default() };
    post(Details::Maintenance { plan: Some(plan), change: None })
}

async fn publish(world: &World, posts: Vec<Post>) {
    let digest = PostDigest::new(author(), posts, START + MINUTE);
    world.store().await.1.put(&DigestName { author: author() }, digest.to_json().into()).await.unwrap();
}

fn slack(recorder: &Recorder) -> World {
    World::new(Transport::Http(Arc::new(Slack { webhook: recorder.url.clone(), username: None, channel: None })))
}

#[tokio::test]
async fn windows_and_silences_hold_back_news_until_they_end() {
    for details in [window(5, 60).details, Details::Silence { until: Some(START + 60 * MINUTE) }] {
        let recorder = Recorder::start().await;
        let world = slack(&recorder);
        publish(&world, vec![post(details)]).await;
        world.run(9).await;
        let report = world.run(30).await;
        assert_eq!((report.problems, report.due), (Vec::new(), Some(START + 60 * MINUTE)));
        assert_eq!(recorder.take(), [""; 0]);
        assert_eq!(world.run(61).await.sent, ["notified `ops`: Shop is down"]);
    }
}

#[tokio::test]
async fn a_window_that_was_announced_during_an_outage_does_not_hold_it_back() {
    for (announced_at, is_sent) in [(11, true), (9, false)] {
        let recorder = Recorder::start().await;
        let mut world = slack(&recorder);
        world.settings.channels[0].policy.after = 5 * MINUTE;
        let id = PostId { posted_at: START + announced_at * MINUTE, author: author() };
        publish(&world, vec![Post { id: id.clone(), subject: id, ..window(12, 60) }]).await;
        world.run(9).await;
        let sent = world.run(16).await.sent;
        assert_eq!(sent.len(), usize::from(is_sent), "{sent:?}");
        let requests = recorder.take();
        assert_eq!(requests.iter().any(|request| request.contains("Shop has been down")), is_sent, "{requests:?}");
    }
}

#[tokio::test]
async fn the_first_window_of_an_author_holds_back_the_next_outage() {
    let recorder = Recorder::start().await;
    let servers = vec![recorder.url.clone()];
    let alertmanager = Alertmanager { servers, authorization: None, labels: BTreeMap::new() };
    for world in [slack(&recorder), World::new(Transport::Alertmanager(Arc::new(alertmanager)))] {
        let mut notifier = world.notifier().await;
        world.run_again(&mut notifier, 9).await;
        publish(&world, vec![window(5, 60)]).await;
        let report = world.run_again(&mut notifier, 11).await;
        assert_eq!((report.sent, report.problems), (Vec::new(), Vec::new()));
        assert_eq!(recorder.take(), [""; 0]);
    }
}

#[tokio::test]
async fn first_posts_of_expected_authors_are_sent_in_the_next_round() {
    let names = ["eu", "ben", "anna"].map(|name| NodeName::new(name).unwrap());
    for (author, shown, minute) in [
        (&names[0], None, 3),
        (&names[1], None, 3),
        (&names[2], Some(vec![names[2].clone()]), 3),
        // Other authors are found by the next listing.
        (&names[2], None, 13),
    ] {
        let recorder = Recorder::start().await;
        let mut world = slack(&recorder);
        world.settings.channels[0].policy.on.insert(EventKind::Incident);
        world.settings.rules.author = Some(names[1].clone());
        world.end = 10;
        world.settings.rules.authors.shown = shown;
        let mut notifier = world.notifier().await;
        world.run_again(&mut notifier, 2).await;
        let details = Details::Incident { state: None, began: None, ended: None };
        let id = PostId { posted_at: START + 2 * MINUTE, author: author.clone() };
        let post = Post { id: id.clone(), subject: id, title: Some("It fails".to_owned()), ..post(details) };
        let digest = PostDigest::new(author.clone(), [post], START + 2 * MINUTE);
        let name = DigestName { author: author.clone() };
        world.store().await.1.put(&name, digest.to_json().into()).await.unwrap();
        let early = world.run_again(&mut notifier, 3).await.sent;
        let late = if early.is_empty() { world.run_again(&mut notifier, 13).await.sent } else { Vec::new() };
        let sent = if minute == 3 { early } else { late };
        assert_eq!(sent, ["notified `ops`: Incident: It fails"], "{author}");
    }
}

#[tokio::test]
async fn an_incident_is_reported_once_per_update_and_when_it_ends() {
    let recorder = Recorder::start().await;
    let mut world = slack(&recorder);
    world.settings.channels[0].policy.on.insert(EventKind::Incident);
    let details = |state| Details::Incident { state, began: None, ended: None };
    let mut posts = vec![Post { title: Some("It fails".to_owned()), ..post(details(None)) }];
    let next = |minute: i64, state| Post {
        id: PostId { posted_at: START + minute * MINUTE, author: author() },
        ..post(details(Some(state)))
    };
    for (minute, expected, state) in [
        (2, "Incident: It fails: investigating, affects Sh* (down)", None),
        (4, "Incident: It fails: monitoring, affects Sh* (down)", Some(IncidentState::Monitoring)),
        (6, "Incident: It fails: resolved after 5 min, affects Sh* (down)", Some(IncidentState::Resolved)),
        (8, "", Some(IncidentState::Postmortem)),
    ] {
        posts.extend(state.map(|state| next(minute - 1, state)));
        publish(&world, posts.clone()).await;
        let report = world.run(minute).await;
        let sent = if expected.is_empty() { vec![] } else { vec!["notified `ops`: Incident: It fails"] };
        assert_eq!(
            (report.sent, report.problems),
            (sent.into_iter().map(str::to_owned).collect(), Vec::new()),
            "{minute}"
        );
        assert!(recorder.take().concat().contains(expected), "{expected}");
        assert_eq!(world.run(minute + 1).await.sent, [""; 0], "{minute}");
        assert_eq!(recorder.take(), [""; 0]);
    }
}

#[tokio::test]
async fn the_title_of_an_erased_incident_is_neither_sent_nor_kept() {
    let recorder = Recorder::start().await;
    let mut world = slack(&recorder);
    world.settings.channels[0].policy.on.insert(EventKind::Incident);
    let details = Details::Incident { state: None, began: None, ended: None };
    let first = Post { title: Some("The password is canary".to_owned()), ..post(details) };
    publish(&world, vec![first.clone()]).await;
    world.run(2).await;
    assert!(recorder.take().concat().contains("canary") && format!("{:?}", world.log().await).contains("canary"));
    publish(&world, Vec::new()).await;
    let sent = world.run(4).await.sent;
    assert_eq!(sent, [format!("notified `ops`: Incident: {}", first.id)]);
    let (requests, log) = (recorder.take().concat(), format!("{:?}", world.log().await));
    assert!(requests.contains("withdrawn") && !requests.contains("canary"), "{requests}");
    assert!(log.contains(&first.id.to_string()) && !log.contains("canary"), "{log}");
}

#[tokio::test]
async fn an_incident_about_other_endpoints_is_not_reported() {
    let recorder = Recorder::start().await;
    let mut world = slack(&recorder);
    world.settings.channels[0].policy.on.insert(EventKind::Incident);
    world.settings.channels[0].policy.endpoints = vec!["Blog".to_owned()];
    publish(&world, vec![post(Details::Incident { state: None, began: None, ended: None })]).await;
    assert_eq!(world.run(5).await.sent, [""; 0]);
    world.settings.channels[0].policy.endpoints = vec!["Shop".to_owned()];
    assert_eq!(world.run(6).await.sent.len(), 1);
}

#[tokio::test]
async fn unreadable_posts_are_reported_and_hold_back_nothing() {
    let recorder = Recorder::start().await;
    let world = slack(&recorder);
    world.store().await.1.put(&DigestName { author: author() }, "{}".into()).await.unwrap();
    world.run(9).await;
    let report = world.run(11).await;
    assert_eq!(report.sent, ["notified `ops`: Shop is down"]);
    assert!(
        report.problems.len() == 1
            && report.problems[0].starts_with("the posts in `history/anna.posts.json` were ignored, so"),
        "{:?}",
        report.problems
    );
}

#[tokio::test]
async fn an_alert_continues_in_a_window_if_it_began_before() {
    for ((from, to), is_posted) in [((5, 60), false), ((20, 60), true), ((5, 25), true)] {
        let recorder = Recorder::start().await;
        let servers = vec![recorder.url.clone()];
        let labels = BTreeMap::new();
        let alertmanager = Alertmanager { servers, authorization: None, labels };
        let world = World::new(Transport::Alertmanager(Arc::new(alertmanager)));
        publish(&world, vec![window(from, to)]).await;
        world.run(9).await;
        let report = world.run(30).await;
        assert_eq!(report.problems, [""; 0]);
        let posts = recorder.take();
        assert_eq!(posts.iter().any(|post| post.contains("Shop is down")), is_posted, "{from}–{to}: {posts:?}");
    }
}
