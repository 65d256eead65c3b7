use super::super::affected::AnnouncementContext;
use super::super::messages::{current_messages, messages};
use super::*;
use crate::dataset::Dataset;
use crate::test_support::{NOW, detailed, history_with_errors, utc};
use crate::test_support::{dataset, evaluate, period};
use Status::{Down, Healthy};
use shared::check_file::{CheckFile, CheckResult};
use shared::object_name::CheckFileName;
use shared::page_config::appearance::Appearance;
use shared::post::fold::Announcements;
use shared::{DAY, HOUR};

fn lines(dataset: &Dataset) -> Vec<String> {
    let messages = messages_of(dataset, &detailed());
    let days = timeline(&evaluate(dataset), &messages, Vec::new(), &period(), utc(), LoadProgress::Complete);
    let line = |event: &EventView| match &event.kind {
        EventKind::Change { subject, text, reasons, .. } => {
            format!("{} {subject}: {text} ({})", event.clock, reasons.join("; "))
        }
        EventKind::Message(message) => format!("{} {}: {:?}", event.clock, message.about, message.nodes),
        EventKind::Announcement(view) => format!("{} {}: {}", event.clock, view.title, view.summary),
    };
    days.iter()
        .flat_map(|day| {
            let heading = format!("{} {}", day.heading, day.quiet.as_deref().unwrap_or_default()).trim().to_owned();
            [heading].into_iter().chain(day.events.iter().map(|event| line(event)))
        })
        .collect()
}

fn messages_of(dataset: &Dataset, appearance: &Appearance) -> Vec<Arc<MessageView>> {
    messages(&Announcements::default(), AnnouncementContext { dataset, appearance, calendar: utc() })
}

fn steady(title: &'static str, down: &[i64]) -> Vec<(&'static str, &'static str, i64, Status)> {
    (0..30).map(|ago| (title, "", ago, if down.contains(&ago) { Down } else { Healthy })).collect()
}

#[test]
fn an_outage_has_start_duration_and_reason() {
    let dataset = dataset(&steady("A", &[12, 11, 10]));
    assert_eq!(
        lines(&dataset),
        ["Today", "12:50 A: down for 3 min, until 12:53 (connection refused)", "Yesterday No data"]
    );
}

#[test]
fn every_outage_in_a_history_has_its_reason() {
    let mut dataset = Dataset::default();
    // All nodes fail every other minute for a day. Afterwards, one of them fails for longer than the others.
    let error = |long: i64| {
        move |ago: i64| match ago {
            100..1_540 if ago % 2 == 0 => Some(if ago % 4 == 0 { "status 502" } else { "status 503" }),
            _ if (20..20 + long).contains(&ago) => Some("connection refused"),
            _ => None,
        }
    };
    for (node, long) in [("n1", 9), ("n2", 9), ("n3", 19)] {
        dataset.add_history(history_with_errors(node, 2_000, error(long)), UnixNanos::MAX);
    }
    let evaluated = evaluate(&dataset);
    let outages: Vec<Outage> = evaluated[0].outages(NOW - 2 * DAY).collect();
    assert_eq!(outages.len(), 720 + 2);
    for outage in &outages {
        assert!(evaluated[0].reason_of(outage).is_some(), "{outage:?}");
    }
    assert_eq!(
        lines(&dataset)[1..4],
        [
            "12:34 A: down for 9 min, until 12:43 (connection refused)",
            "12:24 A: partial outage for 10 min, until 12:34 (connection refused)",
            "11:22 A: down for 1 min, until 11:23 (status 502)",
        ]
    );
}

#[test]
fn the_reason_of_a_partial_outage_after_an_outage_is_known() {
    let mut dataset = Dataset::default();
    for (node, until) in [("n1", 40), ("n2", 40), ("n3", 20)] {
        let error = |ago: i64| (until..60).contains(&ago).then_some("connection refused");
        dataset.add_history(history_with_errors(node, 200, error), UnixNanos::MAX);
    }
    assert_eq!(
        lines(&dataset)[1..3],
        [
            "12:23 A: partial outage for 20 min, until 12:43 (connection refused)",
            "12:03 A: down for 20 min, until 12:23 (connection refused)",
        ]
    );
}

#[test]
fn events_list_their_endpoints_for_the_search() {
    let checks = [steady("A", &[12]), steady("B", &[12]), steady("C", &[3])].concat();
    let dataset = dataset(&checks);
    let days = timeline(&evaluate(&dataset), &[], Vec::new(), &period(), utc(), LoadProgress::Complete);
    let about: Vec<&[usize]> = days[0].events.iter().map(|event| event.about.as_slice()).collect();
    assert_eq!(about, [&[2][..], &[0, 1]]);
}

#[test]
fn events_use_configured_status_labels() {
    let dataset = dataset(&steady("A", &[12, 11, 10]));
    let language = crate::test_support::with_status_labels(Down, "out of order");
    let calendar = Calendar { language: &language, ..utc() };
    let days = timeline(&evaluate(&dataset), &[], Vec::new(), &period(), calendar, LoadProgress::Complete);
    let EventKind::Change { text, .. } = &days[0].events[0].kind else { panic!("{days:?}") };
    assert_eq!(text, "out of order for 3 min, until 12:53");
}

#[test]
fn a_current_outage_is_ongoing() {
    let dataset = dataset(&steady("A", &[1, 0]));
    assert_eq!(lines(&dataset)[1], "13:01 A: down, ongoing (1 min so far) (connection refused)");
}

#[test]
fn simultaneous_outages_are_one_event() {
    let checks = ["A", "B", "C", "D", "E"].map(|title| steady(title, &[5, 4])).concat();
    assert_eq!(
        lines(&dataset(&checks))[1],
        "12:57 A, B, C and 2 others: down for 2 min, until 12:59 (connection refused)"
    );
}

#[test]
fn a_time_without_checks_is_an_event() {
    let checks = [("A", "", 60, Healthy), ("A", "", 59, Healthy), ("A", "", 1, Healthy), ("A", "", 0, Healthy)];
    assert_eq!(lines(&dataset(&checks))[1], "12:04 All services: not checked for 56 min, until 13:01 ()");
}

#[test]
fn a_message_about_several_services_is_one_event() {
    let mut dataset = dataset(&steady("A", &[]));
    let result = |title: &str| CheckResult {
        title: title.to_owned(),
        locator: format!("https://{title}"),
        timestamp: NOW - HOUR,
        status: Healthy,
        message: "We're <b>on it</b><script>alert(1)</script>".to_owned(),
        ..CheckResult::default()
    };
    let name = CheckFileName { stored_at: NOW - HOUR, node: None };
    dataset.add(&name, CheckFile { results: vec![result("A"), result("B")], skipped: Vec::new() });
    dataset.sort_samples();
    let messages = messages_of(&dataset, &detailed());
    assert_eq!((messages.len(), messages[0].about.as_str()), (1, "All services"));
    assert_eq!(messages[0].nodes.len(), 2, "without the script");
    assert_eq!(current_messages(&messages, NOW).len(), 1);
    assert_eq!(current_messages(&messages, NOW + DAY).len(), 0);
    assert!(lines(&dataset).iter().any(|line| line.starts_with("12:02 All services")));
}

#[test]
fn a_message_does_not_show_hidden_locators() {
    let mut dataset = dataset(&steady("A", &[]));
    let result = CheckResult {
        locator: "https://secret.internal".to_owned(),
        timestamp: NOW - HOUR,
        status: Healthy,
        message: "We are on it".to_owned(),
        ..CheckResult::default()
    };
    let name = CheckFileName { stored_at: NOW - HOUR, node: None };
    dataset.add(&name, CheckFile { results: vec![result], skipped: Vec::new() });
    let about = |hidden: &[&str]| {
        let hidden_locators = hidden.iter().map(ToString::to_string).collect();
        messages_of(&dataset, &Appearance { hidden_locators, ..detailed() })[0].about.clone()
    };
    assert_eq!((about(&[]).as_str(), about(&["*"]).as_str()), ("https://secret.internal", "an unnamed service"));
}

#[test]
fn days_without_events_are_merged() {
    let checks: Vec<_> =
        (0..7 * 24).map(|hours| ("A", "", hours * 60, if hours == 37 { Down } else { Healthy })).collect();
    let mut dataset = dataset(&checks);
    for sample in
        dataset.endpoints.iter_mut().flat_map(|endpoint| &mut endpoint.nodes).flat_map(|node| &mut node.samples)
    {
        sample.interval = Some(HOUR);
    }
    let all = evaluate(&dataset);
    let tokyo = Calendar { offset: &|_| 9 * HOUR, ..utc() };
    let days = timeline(&all, &[], Vec::new(), &Period::new(7 * DAY, 90, tokyo), tokyo, LoadProgress::Complete);
    let headings: Vec<&str> = days.iter().map(|day| day.heading.as_str()).collect();
    assert_eq!(
        headings,
        ["Today", "Yesterday", "16 November – 20 November"],
        "the 21st in UTC is the 21st at 9 in Tokyo"
    );
    assert_eq!((days[1].events.len(), days[1].events[0].clock.as_str()), (1, "09:02"));
}

#[test]
fn the_number_of_events_is_limited() {
    let checks: Vec<_> = (0..1_400).map(|ago| ("A", "", ago, if ago % 2 == 0 { Down } else { Healthy })).collect();
    let lines = lines(&dataset(&checks));
    assert_eq!(lines.len(), 1 + EVENTS_LIMIT + 1);
    assert_eq!(lines.last().map(String::as_str), Some("21 November – 22 November 500 more."), "the others are counted");
}

#[test]
fn days_are_shown_until_there_are_enough_events() {
    let event = |number: usize| {
        let kind = EventKind::Change {
            status: Status::Down,
            is_partial: false,
            is_planned: false,
            subject: String::new(),
            text: String::new(),
            reasons: Vec::new(),
            link: None,
        };
        Arc::new(EventView { datetime: number.to_string(), clock: String::new(), about: Vec::new(), kind })
    };
    let day = |events: usize| {
        let events = (0..events).map(event).collect();
        Arc::new(DayView { key: 0, heading: String::new(), quiet: None, events })
    };
    assert_eq!(at_first(&[]), (0, None));
    assert_eq!(at_first(&[day(11), day(30), day(1), day(0)]), (2, Some(42)));
    assert_eq!(at_first(&[day(30), day(0)]), (1, None), "the days without events at the end are not counted");
    assert_eq!(at_first(&[day(3), day(0), day(4)]), (3, None));
}
