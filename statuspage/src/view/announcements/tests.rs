use Status::{Degraded, Down, Healthy};
use shared::page_config::appearance::{Appearance, Group};
use shared::post::{Edit, Impact, Post};
use shared::status::Status;
use shared::{HOUR, MINUTE};

use super::*;
use crate::dataset::Cache;
use crate::i18n::Calendar;
use crate::store::StoreError;
use crate::test_support::{
    NOW, affected, cache_with_posts, dataset, detailed, incident_post, maintenance_post, post_id, utc,
};
use crate::url_state::{Shown, UrlState};
use crate::view::event::{EventKind, EventView};
use crate::view::{self, LoadProgress, PageView, ViewSettings};

type Check = (&'static str, &'static str, i64, Status);

/// Returns checks of the endpoints A and B, of which A has this status for the last `minutes`.
fn checks(minutes: i64, status: Status) -> Vec<Check> {
    let check = |ago: i64| [("A", "", ago, if ago < minutes { status } else { Healthy }), ("B", "", ago, Healthy)];
    (0..180).flat_map(check).collect()
}

fn settings() -> ViewSettings {
    ViewSettings { range: DAY, interval: MINUTE, bars_limit: 90, ..ViewSettings::default() }
}

fn page_of(cache: &mut Cache, query: &str) -> PageView {
    let url_state = UrlState::parse(query);
    view::page(cache, utc(), settings(), &detailed(), &url_state, LoadProgress::Complete)
}

fn shown(checks: &[Check], posts: &[Post]) -> PageView {
    page_of(&mut cache_with_posts(checks, posts), "")
}

fn lines(all: &[Arc<AnnouncementView>]) -> Vec<String> {
    all.iter().map(|one| format!("{}: {}", one.title, one.summary)).collect()
}

/// An incident that anna opened 40 minutes ago, and that ben identified 20 minutes ago.
fn incident() -> Vec<Post> {
    let root = post_id("anna", NOW - 40 * MINUTE);
    let first = Post {
        title: Some("Checkout <b>fails</b>".to_owned()),
        affects: Some(vec![affected("A", Impact::Degraded)]),
        ..incident_post(&root, &root, None, "We're <b>on it</b>.<script>canary()</script>")
    };
    let update =
        incident_post(&post_id("ben", NOW - 20 * MINUTE), &root, Some(IncidentState::Identified), "A disk is full.");
    vec![first, update]
}

fn resolved(at: UnixNanos) -> Post {
    let root = post_id("anna", NOW - 40 * MINUTE);
    incident_post(&post_id("anna", at), &root, Some(IncidentState::Resolved), "Fixed.")
}

#[test]
fn an_open_incident_has_its_newest_update_unfolded() {
    let view = shown(&checks(0, Healthy), &incident());
    let [incident] = view.announced.current.as_slice() else { panic!("{view:?}") };
    assert_eq!(lines(&view.announced.current), ["Checkout fails: Identified · since 12:22 (40 min) · affects A"]);
    assert_eq!((incident.phase, incident.earlier.as_str()), (Phase::Open, "1 earlier update"));
    let entries: Vec<_> =
        incident.entries.iter().map(|one| (one.label.as_str(), one.when.as_str(), one.remarks.as_str())).collect();
    assert_eq!(entries, [("Identified", "12:42", "ben"), ("Update", "12:22", "anna")]);
    assert_eq!(incident.entries[1].nodes, Message::parse("We're <b>on it</b>.").nodes, "without the script");
    assert!(view.has_history && view.detail.is_none());
}

#[test]
fn a_resolved_incident_is_brief_for_a_day_and_then_only_in_the_history() {
    let posts = [incident(), vec![resolved(NOW - 5 * MINUTE)]].concat();
    let view = shown(&checks(0, Healthy), &posts);
    assert!(view.announced.current.is_empty());
    assert_eq!(lines(&view.announced.brief), ["Checkout fails: Resolved · 12:22–12:57 (35 min) · affects A"]);
    let mut cache = cache_with_posts(&checks(0, Healthy), &posts);
    let later = Calendar { now: NOW + 2 * DAY, today: NOW + 2 * DAY, ..utc() };
    let url_state = UrlState { shown: Shown::History, ..UrlState::default() };
    let view = view::page(&mut cache, later, settings(), &detailed(), &url_state, LoadProgress::Complete);
    assert_eq!(view.announced, Announced::default());
    let months = &view.detail.as_ref().expect("the history").months;
    assert_eq!((months.len(), months[0].heading.as_str()), (1, "November 2026"));
    assert_eq!(lines(&months[0].announcements), ["Checkout fails: Resolved · Sunday 12:22–12:57 (35 min) · affects A"]);
}

#[test]
fn edits_and_late_posts_are_remarked() {
    let mut posts = incident();
    posts[1].at = Some(NOW - 35 * MINUTE);
    let mut edit = Post {
        edit: Some(Edit::Replaces(posts[0].id.clone())),
        ..incident_post(&post_id("anna", NOW - MINUTE), &posts[0].id, None, "We are on it.")
    };
    edit.title = Some("Checkout is slow".to_owned());
    posts.push(edit);
    let view = shown(&checks(0, Healthy), &posts);
    let entries = &view.announced.current[0].entries;
    let remarks: Vec<_> = entries.iter().map(|one| (one.when.as_str(), one.remarks.as_str())).collect();
    assert_eq!(remarks, [("12:27", "ben · posted later: 12:42"), ("12:22", "anna · edited")]);
    assert_eq!(view.announced.current[0].title, "Checkout is slow");
}

#[test]
fn incidents_do_not_change_what_was_measured() {
    for (minutes, status) in [(0, Healthy), (10, Down), (10, Degraded)] {
        let checks = checks(minutes, status);
        let (with, without) = (shown(&checks, &incident()), shown(&checks, &[]));
        assert_eq!(with.overall, without.overall);
        assert_eq!((&with.endpoints, &with.groups), (&without.endpoints, &without.groups));
    }
}

/// Planned maintenance of A from an hour ago until an hour from now, announced `announced` ago.
fn window(announced: i64, impact: Impact) -> Post {
    maintenance_post(&post_id("anna", NOW - announced), "Upgrade", "A", impact, &[(NOW - HOUR, NOW + HOUR)])
}

#[test]
fn a_planned_problem_keeps_its_word_and_shows_its_end() {
    let view = shown(&checks(20, Down), &[window(2 * HOUR, Impact::Down)]);
    assert_eq!((view.overall.state, view.overall.is_planned), ("down", true));
    assert_eq!(view.overall.headline, "A is down (planned until 14:02)");
    assert_eq!(view.overall.remark, "1 service is healthy.");
    let a = &view.endpoints[0];
    assert_eq!((a.status, a.is_planned), (Down, true));
    assert_eq!(a.state, "Down for 19 min · planned until 14:02");
    assert!(view.groups[0].is_planned && view.groups[0].status == Down);
    assert_eq!(lines(&view.announced.current), ["Upgrade: Maintenance in progress until 14:02 · affects A"]);
    let events = &view.timeline[0].events;
    assert!(matches!(events[0].kind, EventKind::Change { status: Down, is_planned: true, .. }), "{events:?}");
}

#[test]
fn worse_than_announced_stays_as_measured() {
    let unplanned = shown(&checks(20, Down), &[]);
    for post in [window(2 * HOUR, Impact::Degraded), window(2 * HOUR, Impact::None), window(30 * MINUTE, Impact::Down)]
    {
        let view = shown(&checks(20, Down), &[post]);
        assert_eq!(view.overall, unplanned.overall);
        assert_eq!(view.endpoints, unplanned.endpoints, "also the figures");
        assert!(!view.groups[0].is_planned);
    }
    let degraded = shown(&checks(20, Degraded), &[window(2 * HOUR, Impact::Degraded)]);
    assert_eq!(degraded.overall.headline, "A is degraded (planned until 14:02)");
}

#[test]
fn one_unplanned_problem_makes_the_page_unplanned() {
    let mut all = checks(20, Down);
    all.extend((0..20).map(|ago| ("C", "", ago, Down)));
    let view = shown(&all, &[window(2 * HOUR, Impact::Down)]);
    assert!(!view.overall.is_planned && view.overall.headline == "A and C have been down for 19 minutes");
    let planned: Vec<bool> = view.endpoints.iter().map(|one| one.is_planned).collect();
    assert_eq!(planned, [true, false, false], "{:?}", view.endpoints);
}

#[test]
fn planned_downtime_has_a_second_figure() {
    let view = shown(&checks(30, Down), &[window(2 * HOUR, Impact::Down)]);
    let a = &view.endpoints[0];
    assert_eq!((a.uptime.as_str(), a.outside.as_str()), ("83.79%", "100% outside planned maintenance"));
    assert_eq!(a.figures, "83.79% · 100% outside planned maintenance");
    let b = &view.endpoints[1];
    assert_eq!((b.outside.as_str(), b.figures.as_str()), ("", "100%"));
    let afterwards = shown(&checks(30, Down), &[window(30 * MINUTE, Impact::Down)]);
    assert_eq!(afterwards.endpoints[0].outside, "");
    assert!(afterwards.announced.current[0].summary.contains("announced afterwards"), "{afterwards:?}");
}

#[test]
fn bars_have_lines_and_marks_and_planned_parts() {
    let posts = [incident(), vec![window(2 * HOUR, Impact::Down)]].concat();
    let mut cache = cache_with_posts(&checks(20, Down), &posts);
    let page = page_of(&mut cache, "");
    let bars = |index: usize| {
        let head = &page.endpoints[index];
        let full = view::full_endpoint(&cache, head, utc(), settings(), &detailed(), &page.opened);
        full.expect("it is known").strip
    };
    let (a, b) = (bars(0), bars(1));
    let notes: Vec<_> = a.iter().rev().take(3).map(|bar| (bar.notes.has_window, bar.notes.has_incident)).collect();
    assert_eq!(notes, [(true, true), (true, true), (false, false)], "the hours from 13, 12 and 11");
    let label = &a[23].label;
    assert!(label.contains("; maintenance: Upgrade, Today, 12:02–14:02 (2 h)"), "{label}");
    assert!(label.ends_with("; incident: Checkout fails"), "{label}");
    assert!(a[23].is_planned && a[23].status == Down);
    assert!(a[23].parts.iter().any(|part| part.status == Down && part.is_planned));
    assert!(b.iter().all(|bar| bar.notes.text.is_empty() && !bar.is_planned));
    let paths = crate::view::strip::bar_paths(&a);
    assert!(paths.parts[2].is_empty() && paths.planned.contains('Z'), "nothing is drawn as unplanned downtime");
    assert_eq!((paths.windows.matches('M').count(), paths.incidents.matches('M').count()), (2, 2));
}

#[test]
fn planned_windows_appear_a_week_ahead() {
    let plan = |ahead: i64| {
        let start = NOW + ahead;
        maintenance_post(&post_id("anna", NOW - HOUR), "Upgrade", "*", Impact::Degraded, &[(start, start + HOUR)])
    };
    let brief = |ahead| lines(&shown(&checks(0, Healthy), &[plan(ahead)]).announced.brief);
    assert_eq!(
        brief(3 * DAY),
        ["Upgrade: Planned maintenance · Wednesday 25 November, 13:02–14:02 (1 h) · affects all services"]
    );
    assert_eq!(
        brief(11 * HOUR),
        ["Upgrade: Planned maintenance · Monday 23 November, 00:02–01:02 (1 h) · affects all services"]
    );
    assert_eq!(
        brief(10 * HOUR + 30 * MINUTE),
        ["Upgrade: Planned maintenance · Today, 23:32 – 23 November, 00:32 (1 h) · affects all services"]
    );
    assert!(brief(8 * DAY).is_empty());
}

#[test]
fn one_author_does_not_crowd_out_another() {
    let mut posts = incident();
    for number in 0..50 {
        let id = post_id("flood", NOW - 30 * MINUTE + number);
        posts.push(incident_post(&id, &id, None, "x"));
    }
    let view = shown(&checks(0, Healthy), &posts);
    let titles: Vec<&str> = view.announced.current.iter().map(|one| one.title.as_str()).collect();
    assert_eq!((titles.len(), titles.last()), (AUTHOR_LIMIT + 1, Some(&"Checkout fails")));
    assert_eq!(titles[0], "Untitled incident");
}

#[test]
fn groups_and_prefixes_are_named() {
    let mut cache = Cache::default();
    cache.dataset = dataset(&["Pay one", "Pay two", "Cart"].map(|title| (title, "", 0, Healthy)));
    let group = Group { title: "Shop".to_owned(), endpoints: vec!["Cart".to_owned()], groups: Vec::new() };
    let appearance = Appearance { groups: vec![group], ..detailed() };
    let context = AnnouncementContext { dataset: &cache.dataset, appearance: &appearance, calendar: utc() };
    let about = |scopes: &[&str]| {
        let affects: Vec<_> = scopes.iter().map(|scope| affected(scope, Impact::Down)).collect();
        (context.names(&affects), context.ids(&affects))
    };
    assert_eq!(about(&["Shop"]), ("Shop".to_owned(), vec![2]));
    assert_eq!(about(&["Pay *"]), ("Pay one and Pay two".to_owned(), vec![0, 1]));
    assert_eq!(about(&["*"]), ("All services".to_owned(), vec![0, 1, 2]));
    assert_eq!(about(&["Gone"]), ("Gone".to_owned(), vec![]));
}

#[test]
fn an_incident_in_the_timeline_contains_its_outages() {
    let posts = [incident(), vec![resolved(NOW - 5 * MINUTE)]].concat();
    let mut all = checks(0, Healthy);
    for check in &mut all {
        let (title, _, ago, status) = check;
        *status = if (*title == "A" && (20..45).contains(ago)) || (100..110).contains(ago) { Down } else { Healthy };
    }
    let mut cache = cache_with_posts(&all, &posts);
    let view = page_of(&mut cache, "");
    let events = &view.timeline[0].events;
    let EventKind::Announcement(incident) = &events[0].kind else { panic!("{events:?}") };
    assert_eq!((events.len(), events[0].clock.as_str(), incident.measured.len()), (2, "12:22", 1));
    let text = |event: &EventView| match &event.kind {
        EventKind::Change { subject, text, .. } => format!("{} {subject} {text}", event.clock),
        _ => String::new(),
    };
    assert_eq!(text(&incident.measured[0]), "12:18 A down for 25 min, until 12:43");
    assert!(text(&events[1]).contains("A and B down for 10 min"), "it is not part of the incident");
    let detail = page_of(&mut cache, &format!("?incident={}-anna", NOW - 40 * MINUTE)).detail.expect("the incident");
    let incident = &detail.months[0].announcements[0];
    assert_eq!((incident.entries.len(), incident.earlier.as_str(), incident.measured.len()), (3, "", 1));
}

#[test]
fn permalinks_show_one_announcement_or_a_note() {
    let id = post_id("anna", NOW - 2 * HOUR);
    let windows: Vec<_> = (-20..20).map(|day| (NOW + day * DAY - HOUR, NOW + day * DAY + HOUR)).collect();
    let mut cache =
        cache_with_posts(&checks(0, Healthy), &[maintenance_post(&id, "Upgrade", "A", Impact::Down, &windows)]);
    let detail = page_of(&mut cache, &format!("?maintenance={id}")).detail.expect("the maintenance");
    let view = &detail.months[0].announcements[0];
    assert_eq!(view.summary, "Maintenance in progress until 14:02 · affects A");
    let labels: Vec<&str> = view.entries.iter().map(|entry| entry.label.as_str()).collect();
    assert_eq!(
        (labels.len(), labels[0], labels[11], labels[12], labels[13]),
        (24, "Planned maintenance", "Planned maintenance", "Maintenance in progress", "Maintenance completed")
    );
    for query in ["?incident=1-anna", "?incident=%3Cscript%3E", "?maintenance=x"] {
        let detail = page_of(&mut cache, query).detail.expect("a note");
        assert!(detail.note.starts_with("Not found") && detail.months.is_empty(), "{query}");
    }
    // It may be among the posts that could not be listed.
    cache.posts.list_error = Some(StoreError::InvalidListing);
    let detail = page_of(&mut cache, "?incident=1-anna").detail.expect("a view without a note");
    assert_eq!(*detail, view::DetailView::default());
}

#[test]
fn the_history_is_bounded_and_lists_quiet_months() {
    let mut posts = Vec::new();
    for day in [0, 70, 5_000] {
        let id = post_id("anna", NOW - HOUR + day);
        let mut post = incident_post(&id, &id, Some(IncidentState::Resolved), "");
        post.at = Some(NOW - HOUR - day * DAY);
        posts.push(post);
    }
    let history = |posts: &[Post]| {
        let view = page_of(&mut cache_with_posts(&checks(0, Healthy), posts), "?view=history");
        let months = &view.detail.as_ref().expect("the history").months;
        months
            .iter()
            .map(|one| format!("{} {} {}", one.heading, one.quiet, one.announcements.len()))
            .collect::<Vec<_>>()
    };
    let shown = history(&posts);
    assert_eq!(shown[..3], ["November 2026  1", "October 2026 No incidents 0", "September 2026  1"]);
    assert_eq!((shown.len(), shown.last().map(String::as_str)), (19, Some(" 1 more. 0")), "{shown:?}");
    assert_eq!(history(&[]), ["November 2026 No incidents 0"]);
    let many: Vec<Post> = (0..300)
        .map(|number| {
            let id = post_id("anna", NOW - HOUR + number);
            incident_post(&id, &id, Some(IncidentState::Resolved), "")
        })
        .collect();
    assert_eq!(history(&many), ["November 2026  200", " 100 more. 0"]);
}

#[test]
fn posts_from_the_future_and_hostile_posts_change_nothing() {
    let mut posts = incident();
    let id = post_id("anna", NOW + HOUR);
    posts.push(incident_post(&id, &id, None, "x"));
    let mut extreme = incident_post(&post_id("eve", 1), &post_id("eve", 1), None, "");
    extreme.title = Some("\u{202e}<img src=x onerror=canary()>\u{0}".repeat(9));
    extreme.affects = Some(vec![affected("\u{202e}<b>", Impact::Down), affected("*", Impact::Down)]);
    for at in [i64::MIN, -1, 0, i64::MAX] {
        extreme.at = Some(at);
        let all = [posts.clone(), vec![extreme.clone()]].concat();
        let mut cache = cache_with_posts(&checks(10, Down), &all);
        let windows = [(i64::MIN, i64::MAX), (0, 1), (i64::MAX - 1, i64::MAX)];
        let maintenance = maintenance_post(&post_id("eve", 2), "", "A", Impact::Down, &windows);
        let eve = &maintenance.id.author.clone();
        cache.add_digest(eve, &crate::test_support::digest_of("eve", &[extreme.clone(), maintenance]));
        for query in ["", "?view=history", "?incident=0000000000000000001-eve", "?maintenance=0000000000000000002-eve"]
        {
            let view = page_of(&mut cache, query);
            assert_eq!((view.overall.state, view.endpoints.len()), ("down", 2), "{at} {query}");
            assert!(!format!("{view:?}").contains("onerror"), "{at} {query}");
            for head in &view.endpoints {
                let full = view::full_endpoint(&cache, head, utc(), settings(), &detailed(), &view.opened);
                assert!(full.is_some());
            }
        }
    }
}
