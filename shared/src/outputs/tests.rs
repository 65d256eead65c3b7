use super::index::OutageSpan;
use super::*;
use crate::announced::Posted;
use crate::check_file::{CheckFile, CheckResult, EndpointKey};
use crate::endpoint_status::endpoint_statuses;
use crate::history::{History, HistoryBuilder, Latencies};
use crate::object_name::{BadgeTitle, CheckFileName, NodeName, OutputForm, PostId};
use crate::page_config::appearance::Group;
use crate::post::fold::{Announcements, fold};
use crate::post::{Affected, Details, Edit, Impact, IncidentState, MaintenanceChange, MaintenancePlan, Post, Scope};
use crate::status::Status;
use crate::{HOUR, MINUTE, SECOND, UnixNanos};

const NOW: UnixNanos = 1_795_330_254_340_493_978;

fn node() -> NodeName {
    NodeName::new("eu").expect("a name")
}

fn key(title: &str) -> EndpointKey {
    EndpointKey { title: title.to_owned(), locator: "https://shop.example/".to_owned(), id: None }
}

/// Builds a history of one endpoint, which was checked every minute. Each status holds for some minutes, and the last one
/// ends now.
fn history(title: &str, minutes: &[(i64, Status)]) -> History {
    let (mut history, mut latencies) = (History::new(Some(node())), Latencies::default());
    let mut builder = HistoryBuilder::append(&mut history, &mut latencies);
    let mut at = NOW - minutes.iter().map(|(count, _)| count).sum::<i64>() * MINUTE;
    for (count, status) in minutes {
        for _ in 0..*count {
            let result = CheckResult {
                title: title.to_owned(),
                locator: "https://shop.example/".to_owned(),
                timestamp: at,
                status: *status,
                interval: Some(MINUTE),
                node: Some(node()),
                ..CheckResult::default()
            };
            let results = if *status == Status::Unknown { Vec::new() } else { vec![result] };
            let file = CheckFile { results, skipped: Vec::new() };
            builder.add(&CheckFileName { stored_at: at, node: Some(node()) }, &file);
            at += MINUTE;
        }
    }
    builder.finish(crate::Nanos::MAX);
    history
}

fn outages(history: &History, index: &mut OutputIndex) -> Vec<NamedOutage> {
    let posted = Posted { announcements: &Announcements::default(), groups: &[] };
    name_outages(&endpoint_statuses([history]), posted, NOW, index)
}

fn post(author: &str, at: UnixNanos, subject: Option<&PostId>, details: Details) -> Post {
    let id = PostId { posted_at: at, author: NodeName::new(author).expect("a name") };
    let subject = subject.unwrap_or(&id).clone();
    let (title, text) = (Some("Checkout <fails>".to_owned()), Some("We are <b>on it</b> & more.".to_owned()));
    let affects = Some(vec![Affected { scope: Scope("Shop".to_owned()), impact: Impact::Down }]);
    Post { id, subject, edit: None, title, affects, text, at: None, details }
}

fn feed(announcements: &Announcements, outages: &[NamedOutage], index: &OutputIndex) -> Feed {
    let posted = Posted { announcements, groups: &[] };
    let page_url = Some("https://status.example/");
    Feed::new(&FeedSource { title: "My status", node: &node(), page_url, index, outages, posted }, NOW)
}

fn titles(feed: &Feed) -> Vec<&str> {
    feed.entries.iter().map(|entry| entry.title.as_str()).collect()
}

#[test]
fn an_outage_has_two_entries_once_it_lasted_two_minutes() {
    use Status::{Degraded, Down, Healthy, Unknown};
    let of = |minutes: &[(i64, Status)]| {
        let mut index = OutputIndex::new(None, NOW);
        let outages = outages(&history("Shop", minutes), &mut index);
        let feed = feed(&Announcements::default(), &outages, &index);
        titles(&feed).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    for (minutes, expected) in [
        (&[(5, Healthy), (1, Down)][..], &[][..]),
        (&[(5, Healthy), (1, Down), (5, Healthy)], &[]),
        (&[(5, Healthy), (2, Down)], &["Shop is down"]),
        (&[(5, Healthy), (12, Down), (5, Healthy)], &["Shop is healthy again after 12 min", "Shop is down"]),
        (&[(5, Healthy), (3, Degraded)], &["Shop is degraded"]),
        (
            &[(5, Healthy), (3, Degraded), (4, Down), (1, Healthy)],
            &[
                "Shop is healthy again after 4 min",
                "Shop was degraded for 3 min, then down",
                "Shop is down",
                "Shop is degraded",
            ],
        ),
        (&[(3, Down), (10, Unknown)], &["Shop was down for 3 min 30 s, then unknown", "Shop is down"]),
    ] {
        let mut found = of(minutes);
        // Two entries with the same time are in the order of their identities.
        if found.len() == 4 && found[1] == "Shop is down" {
            found.swap(1, 2);
        }
        assert_eq!(found, expected, "{minutes:?}");
    }
}

#[test]
fn an_outage_keeps_its_identity_when_its_start_moves() {
    use Status::{Down, Healthy};
    let mut index = OutputIndex::new(Some("status.example"), NOW - HOUR);
    let first = outages(&history("Shop", &[(10, Healthy), (3, Down), (5, Healthy)]), &mut index);
    let before = feed(&Announcements::default(), &first, &index);
    // Results that arrive late show that the outage began two minutes earlier.
    index = OutputIndex::parse(index.to_json().as_bytes()).expect("it is valid");
    let second = outages(&history("Shop", &[(8, Healthy), (5, Down), (5, Healthy)]), &mut index);
    let after = feed(&Announcements::default(), &second, &index);
    let ids = |feed: &Feed| feed.entries.iter().map(|entry| entry.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&before), ids(&after));
    assert_ne!(before.entries[1].published, after.entries[1].published);
    assert_eq!((first[0].id, second[0].id), (first[0].span.start, first[0].span.start));
    assert!(after.entries[0].id.starts_with("tag:status.example,2026-11-22:outage/"), "{}", after.entries[0].id);
    assert!(after.entries[0].id.ends_with("/ended") && after.entries[1].id.ends_with("/began"));
}

/// Identifies outages, given as start, end (or ongoing) and status.
fn identify(index: &mut OutputIndex, now: UnixNanos, spans: &[(i64, Option<i64>, Status)]) -> Vec<i64> {
    let spans: Vec<OutageSpan> = spans
        .iter()
        .map(|(start, end, status)| OutageSpan {
            start: NOW + start,
            end: NOW + end.unwrap_or(now),
            is_ongoing: end.is_none(),
            status: *status,
        })
        .collect();
    index.identify(&key("Shop"), &spans, NOW + now).into_iter().map(|id| id - NOW).collect()
}

#[test]
fn identities_are_never_shared_or_reused() {
    use Status::{Degraded, Down};
    let mut index = OutputIndex::new(None, NOW);
    assert_eq!(identify(&mut index, 30, &[(10, Some(20), Down)]), [10]);
    assert_eq!(identify(&mut index, 30, &[(5, Some(12), Down), (15, Some(20), Down)]), [10, 15], "it was two outages");
    assert_eq!(identify(&mut index, 30, &[(5, Some(20), Down)]), [10], "it was one outage after all");
    // The boundary between two outages moves.
    let mut index = OutputIndex::new(None, NOW);
    assert_eq!(identify(&mut index, 40, &[(0, Some(10), Degraded), (10, Some(30), Down)]), [0, 10]);
    assert_eq!(identify(&mut index, 40, &[(0, Some(15), Degraded), (15, Some(30), Down)]), [0, 10]);
    assert_eq!(identify(&mut index, 40, &[(10, Some(12), Degraded), (12, Some(30), Down)]), [0, 10]);
    // An ongoing outage that disappears does not give its identity to a later one.
    let mut index = OutputIndex::new(None, NOW);
    assert_eq!(identify(&mut index, 20, &[(10, None, Down)]), [10]);
    assert_eq!(identify(&mut index, 25, &[]), [0; 0]);
    assert_eq!(identify(&mut index, 90, &[(80, None, Down)]), [80]);
    assert_eq!(identify(&mut index, 90, &[(11, Some(24), Down), (80, None, Down)]), [10, 80], "it returns");
    // A new outage that begins at the time of another one's identity gets another one.
    let mut index = OutputIndex::new(None, NOW);
    assert_eq!(identify(&mut index, 90, &[(10, Some(20), Down)]), [10]);
    assert_eq!(identify(&mut index, 90, &[(12, Some(20), Down)]), [10]);
    assert_eq!(identify(&mut index, 90, &[(10, Some(11), Down), (12, Some(20), Down)]), [11, 10]);
}

#[test]
fn each_update_of_an_incident_is_an_entry() {
    let incident = |state| Details::Incident { state, began: None, ended: None };
    let first = post("anna", NOW - HOUR, None, incident(None));
    let mut second = post("ben", NOW - 30 * MINUTE, Some(&first.id), incident(Some(IncidentState::Identified)));
    second.title = None;
    let mut edit = post("ben", NOW - 20 * MINUTE, Some(&first.id), incident(Some(IncidentState::Identified)));
    (edit.title, edit.edit) = (None, Some(Edit::Replaces(second.id.clone())));
    let announcements = fold(&[first, second.clone(), edit], &[], NOW);
    let index = OutputIndex::new(None, NOW);
    let feed = feed(&announcements, &[], &index);
    assert_eq!(titles(&feed), ["Checkout <fails>: identified", "Checkout <fails>"]);
    let entry = &feed.entries[0];
    assert_eq!(entry.id, format!("tag:checkup.invalid,2026-11-22:update/{}-ben", NOW - 30 * MINUTE));
    assert_eq!(entry.text, "We are on it & more.\n\nAffects Shop (down)");
    assert_eq!(entry.html, "We are <b>on it</b> &amp; more.<p>Affects Shop (down)</p>");
    assert_eq!((entry.published, entry.updated), (NOW - 30 * MINUTE, NOW - 20 * MINUTE), "it was edited");
    assert_eq!((feed.updated, feed.entries[0].subject.names()), (NOW - 20 * MINUTE, vec!["Shop"]));
    let json = to_json_feed(&feed);
    for part in [
        "{\"version\":\"https://jsonfeed.org/version/1.1\",\"title\":\"My status\",\"home_page_url\":\"https://status.example/\",\
         \"feed_url\":\"https://status.example/feed.json\"",
        "\"date_published\":\"2026-11-22T06:20:54Z\",\"date_modified\":\"2026-11-22T06:30:54Z\",\"tags\":[\"Shop\"]",
    ] {
        assert!(json.contains(part), "{json}");
    }
}

#[test]
fn the_feed_of_an_endpoint_has_what_concerns_it() {
    use Status::{Down, Healthy};
    let mut index = OutputIndex::new(None, NOW);
    let both = [history("Shop", &[(5, Healthy), (5, Down)]), history("API", &[(5, Healthy), (5, Down)])];
    let announcements = Announcements::default();
    let groups = [Group { title: "All".to_owned(), endpoints: vec!["*".to_owned()], groups: Vec::new() }];
    let posted = Posted { announcements: &announcements, groups: &groups };
    let outages = name_outages(&endpoint_statuses(&both), posted, NOW, &mut index);
    let details = Details::Incident { state: None, began: None, ended: None };
    let mut of_group = post("anna", NOW - MINUTE, None, details.clone());
    of_group.affects = Some(vec![Affected { scope: Scope("All".to_owned()), impact: Impact::None }]);
    let mut of_other = post("anna", NOW - 2 * MINUTE, None, details);
    of_other.affects = Some(vec![Affected { scope: Scope("Mail".to_owned()), impact: Impact::Down }]);
    let announcements = fold(&[of_group, of_other], &[], NOW);
    let posted = Posted { announcements: &announcements, groups: &groups };
    let source =
        FeedSource { title: "My status", node: &node(), page_url: None, index: &index, outages: &outages, posted };
    let form = OutputForm::EndpointAtom(BadgeTitle::new("Shop"));
    let feed = Feed::of_endpoint(&source, "Shop", &form, NOW);
    assert_eq!((feed.title.as_str(), titles(&feed)), ("Shop – My status", vec!["Checkout <fails>", "Shop is down"]));
    assert_ne!(feed.id, Feed::new(&source, NOW).id);
    assert_eq!(Feed::new(&source, NOW).entries.len(), 4);
}

#[test]
fn a_feed_without_entries_has_the_time_of_its_creation() {
    let index = OutputIndex::new(None, NOW - HOUR);
    let feed = feed(&Announcements::default(), &[], &index);
    assert_eq!((feed.entries.len(), feed.updated), (0, NOW - HOUR));
    assert_eq!(feed.id, format!("tag:checkup.invalid,2026-11-22:feed/eu/{}", NOW - HOUR));
}

#[test]
fn only_host_names_are_authorities() {
    let authority = |host| OutputIndex::new(Some(host), NOW).tag(NOW, "x");
    assert_eq!(authority("status.example.com"), "tag:status.example.com,2026-11-22:x");
    for host in ["", "[::1]", "Status.example", "a b"] {
        assert_eq!(authority(host), "tag:checkup.invalid,2026-11-22:x");
    }
    assert_eq!(OutputIndex::parse(b"{\"version\":2,\"created\":1,\"authority\":\"x\"}"), None);
    let stored = br#"{"version":1,"created":1795330254340493978,"authority":"x","outages":{"Shop\nhttps://a/":[{"id":1,"start":2,"end":null,"down":true}]},"written":{"feed.atom":"00"}}"#;
    let index = OutputIndex::parse(stored).expect("it is valid");
    assert_eq!(index.to_json().as_bytes(), stored);
}

fn maintenance(changes: &[(i64, MaintenanceChange)]) -> Vec<CalendarEvent> {
    let windows = [(NOW + HOUR, NOW + 2 * HOUR), (NOW + 25 * HOUR, NOW + 26 * HOUR)];
    let plan = MaintenancePlan { windows: windows.to_vec(), ..MaintenancePlan::default() };
    let first = post("anna", NOW - HOUR, None, Details::Maintenance { plan: Some(plan), change: None });
    let mut posts = vec![first.clone()];
    for (at, change) in changes {
        let mut change =
            post("anna", NOW + at, Some(&first.id), Details::Maintenance { plan: None, change: Some(*change) });
        change.title = None;
        posts.push(change);
    }
    calendar_events(&fold(&posts, &[], NOW).maintenance, NOW)
}

#[test]
fn every_window_is_an_event_that_counts_its_changes() {
    let window = NOW + HOUR;
    let summary = |events: &[CalendarEvent]| {
        events
            .iter()
            .map(|event| {
                (event.start - NOW, event.end - NOW, event.sequence, event.is_canceled, event.changed_at - NOW)
            })
            .collect::<Vec<_>>()
    };
    let (first, second) = ((HOUR, 2 * HOUR, 0, false, -HOUR), (25 * HOUR, 26 * HOUR, 0, false, -HOUR));
    let planned = maintenance(&[]);
    assert_eq!(summary(&planned), [first, second]);
    assert_eq!(planned[0].uid, format!("{}-anna-20261122T075054Z@checkup", NOW - HOUR));
    assert_eq!(
        (planned[0].title.as_str(), planned[0].text.as_str()),
        ("Checkout <fails>", "We are on it & more.\nAffects Shop (down)")
    );
    let moved = MaintenanceChange::Move { window, start: NOW + 3 * HOUR, end: NOW + 5 * HOUR };
    let events = maintenance(&[(-MINUTE, moved)]);
    assert_eq!(summary(&events), [(3 * HOUR, 5 * HOUR, 1, false, -MINUTE), second]);
    assert_eq!(events[0].uid, planned[0].uid, "it is the same event");
    let canceled = maintenance(&[(-MINUTE, moved), (-SECOND, MaintenanceChange::Cancel(window))]);
    assert_eq!(summary(&canceled), [(3 * HOUR, 5 * HOUR, 2, true, -SECOND), second]);
    let all = maintenance(&[(-MINUTE, MaintenanceChange::CancelAll)]);
    assert_eq!(summary(&all), [(HOUR, 2 * HOUR, 1, true, -MINUTE), (25 * HOUR, 26 * HOUR, 1, true, -MINUTE)]);
}

#[test]
fn a_canceled_window_that_is_planned_again_continues_to_count() {
    let windows = vec![(NOW + HOUR, NOW + 2 * HOUR)];
    let plan = || Some(MaintenancePlan { windows: windows.clone(), ..MaintenancePlan::default() });
    let first = post("anna", NOW - HOUR, None, Details::Maintenance { plan: plan(), change: None });
    let cancel = Details::Maintenance { plan: None, change: Some(MaintenanceChange::CancelAll) };
    let again = Details::Maintenance { plan: plan(), change: None };
    let posts = [
        first.clone(),
        post("anna", NOW - 2 * MINUTE, Some(&first.id), cancel),
        post("anna", NOW - MINUTE, Some(&first.id), again),
    ];
    let events = calendar_events(&fold(&posts, &[], NOW).maintenance, NOW);
    let [event] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((event.sequence, event.is_canceled, event.changed_at), (2, false, NOW - MINUTE));
}
