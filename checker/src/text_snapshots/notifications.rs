//! Snapshots of notifications: every kind of event, for one and for several endpoints, as text and as HTML.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use shared::notification_log::Topic;
use shared::status::Status;
use shared::{DAY, HOUR, MINUTE, UnixNanos};

use super::assert_text;
use crate::notify::event::EventKind;
use crate::notify::html;
use crate::notify::message::{Item, Message, NodeReason};
use crate::notify::outline::{Outline, PLAIN};
use crate::notify::sample;
use crate::notify::words;

fn reason(node: &str, reason: &str) -> NodeReason {
    NodeReason { node: node.to_owned(), reason: reason.to_owned() }
}

fn message(items: Vec<Item>) -> Message {
    Message { items, more: Vec::new(), zone: TimeZone::get("Europe/Berlin").unwrap(), ..sample::message() }
}

fn at() -> UnixNanos {
    sample::message().at
}

/// Returns an item of this kind as rules would create it.
fn item(event: EventKind, title: &str) -> Item {
    let base = Item {
        voters: 3,
        down_from: ["eu-west", "us-east", "ap-south"].map(str::to_owned).to_vec(),
        reasons: vec![
            reason("eu-west", "connection refused"),
            reason("us-east", "connection refused"),
            reason("ap-south", "timed out after 10 s"),
        ],
        ..sample::item(event, title, at() - 2 * MINUTE)
    };
    let over = |length| Item { until: Some(at() - MINUTE), since: at() - MINUTE - length, ..base.clone() };
    let quiet = Item { reasons: Vec::new(), down_from: Vec::new(), ..base.clone() };
    match event {
        EventKind::Down => base,
        EventKind::Degraded => Item {
            is: Status::Degraded,
            down_from: Vec::new(),
            reasons: vec![reason("eu-west", "median round-trip time 812 ms exceeds threshold 500 ms")],
            ..base
        },
        EventKind::Worse => Item { was: Status::Degraded, ..base },
        EventKind::Recovered => Item {
            was: Status::Down,
            is: Status::Healthy,
            reasons: Vec::new(),
            down_from: Vec::new(),
            ..over(12 * MINUTE)
        },
        EventKind::Closed => Item {
            was: Status::Down,
            is: Status::Unknown,
            reasons: Vec::new(),
            down_from: Vec::new(),
            ..over(12 * MINUTE)
        },
        EventKind::Reminder => Item { since: at() - 28 * HOUR, reminder: 2, ..base },
        EventKind::Missed => Item {
            was: Status::Down,
            is: Status::Healthy,
            reasons: Vec::new(),
            down_from: Vec::new(),
            ..over(20 * MINUTE)
        },
        EventKind::Flapping => Item { detail: Some("4 outages in the last hour".to_owned()), ..quiet },
        EventKind::Silent | EventKind::Store => Item { since: at() - 12 * MINUTE, locator: String::new(), ..quiet },
        EventKind::Certificate => Item { detail: Some("its certificate expires in 6 days".to_owned()), ..quiet },
        EventKind::Budget => Item {
            detail: Some(
                "is using up its error budget at least 14.4 times as fast as 99.9% allows over 1h; 12% is left"
                    .to_owned(),
            ),
            ..quiet
        },
        EventKind::Incident => Item { detail: Some("Payments are delayed. We are investigating.".to_owned()), ..quiet },
        EventKind::Maintenance => Item { detail: Some("from 02:00 to 03:30 +01:00".to_owned()), ..quiet },
        EventKind::Test => quiet,
    }
}

fn shown(message: &Message) -> String {
    format!(
        "summary: {}\ntitle: {}\n{}\n",
        words::summary(message),
        words::short_summary(message),
        Outline::new(message).render(&PLAIN)
    )
}

#[test]
fn every_event_has_a_sentence() {
    let mut text = String::new();
    for event in EventKind::ALL {
        let one = message(vec![item(event, "Shop")]);
        let two = message(vec![item(event, "Shop"), item(event, "Billing API")]);
        let _ = writeln!(text, "## {event}, one\n{}\n## {event}, two\n{}", shown(&one), shown(&two));
    }
    assert_text("notification_sentences", &text);
}

#[test]
fn every_event_is_shown_as_html() {
    let mut text = String::new();
    for event in EventKind::ALL {
        let one = message(vec![item(event, "Shop")]);
        let two = message(vec![item(event, "Shop"), item(event, "Billing API")]);
        let _ = writeln!(text, "## {event}, one\n{}\n## {event}, two\n{}", html::fragment(&one), html::fragment(&two));
    }
    let _ = write!(text, "## mail\n{}", html::document(&sample::message()));
    assert_text("notification_html", &text);
}

fn closed_cases() -> [(&'static str, Message); 6] {
    let closed = |topic, is| Item { topic, is, ..item(EventKind::Closed, "Shop") };
    let location = |title: &str| Item { title: title.to_owned(), ..closed(Topic::Silent, Status::Unknown) };
    [
        ("a silent location was removed", message(vec![location("eu-west")])),
        ("two silent locations were removed", message(vec![location("eu-west"), location("us-east")])),
        ("an outage that the channel no longer covers", message(vec![closed(Topic::Endpoint, Status::Down)])),
        (
            "two such outages",
            message(vec![closed(Topic::Endpoint, Status::Down), closed(Topic::Endpoint, Status::Healthy)]),
        ),
        ("a certificate that the channel no longer covers", message(vec![closed(Topic::Certificate, Status::Healthy)])),
        ("the certificate of a removed endpoint", message(vec![closed(Topic::Certificate, Status::Unknown)])),
    ]
}

fn condition_cases() -> [(&'static str, Message); 2] {
    let detail = Some("its own checks find 2 services down: Blog and Shop".to_owned());
    let store = Item { detail, ..item(EventKind::Store, "eu-west") };
    let budget = Item { reminder: 2, ..item(EventKind::Budget, "Shop") };
    [
        ("a location that cannot store sees outages", message(vec![store])),
        ("a budget burns faster", message(vec![budget])),
    ]
}

#[test]
fn special_cases_have_their_own_sentences() {
    let down = || item(EventKind::Down, "Shop");
    let recovered = || item(EventKind::Recovered, "Shop");
    let silent = || item(EventKind::Silent, "eu-west");
    let with_more = |more: &[(&str, usize)]| Message {
        more: more.iter().map(|(group, count)| ((*group).to_owned(), *count)).collect(),
        ..message(vec![down()])
    };
    let cases = [
        (
            "a single location",
            message(vec![Item {
                voters: 1,
                down_from: vec!["eu".to_owned()],
                reasons: vec![reason("eu", "connection refused")],
                ..down()
            }]),
        ),
        ("two of three locations", message(vec![Item { down_from: vec!["a".to_owned(), "b".to_owned()], ..down() }])),
        ("one of three locations", message(vec![Item { down_from: vec!["a".to_owned()], ..down() }])),
        ("planned", message(vec![Item { is_planned: true, ..down() }])),
        (
            "since maintenance",
            message(vec![Item {
                since: at() - HOUR,
                detail: Some("maintenance ended at 13:30 +01:00".to_owned()),
                ..down()
            }]),
        ),
        ("one dependent", message(vec![Item { dependents: vec!["API".to_owned()], ..down() }])),
        (
            "many dependents",
            message(vec![Item {
                dependents: ["A", "B", "C", "D", "E", "F", "G"].map(str::to_owned).to_vec(),
                ..down()
            }]),
        ),
        (
            "many reasons",
            message(vec![Item {
                reasons: (0..5).map(|node| reason(&format!("n{node}"), &format!("status {}", 500 + node))).collect(),
                ..down()
            }]),
        ),
        (
            "many nodes",
            message(vec![Item {
                voters: 8,
                reasons: (0..8).map(|node| reason(&format!("n{node}"), "connection refused")).collect(),
                ..down()
            }]),
        ),
        ("degraded again", message(vec![Item { was: Status::Degraded, ..recovered() }])),
        ("back but degraded", message(vec![Item { is: Status::Degraded, ..recovered() }])),
        ("yesterday", message(vec![Item { since: at() - DAY, ..recovered() }])),
        ("still degraded", message(vec![Item { is: Status::Degraded, ..item(EventKind::Reminder, "Shop") }])),
        ("a location reports again", message(vec![Item { until: Some(at()), ..silent() }])),
        (
            "two locations report again",
            message(vec![
                Item { until: Some(at()), ..silent() },
                Item { until: Some(at()), title: "us-east".to_owned(), ..silent() },
            ]),
        ),
        ("a location stores again", message(vec![Item { until: Some(at()), ..item(EventKind::Store, "eu-west") }])),
        ("one more", with_more(&[("", 1)])),
        ("many more", with_more(&[("Web", 12), ("Billing", 25), ("", 1)])),
        (
            "one location sees everything down",
            Message {
                preface: Some("Everything appears to be down from eu-west; the problem may be eu-west".to_owned()),
                ..message(vec![down()])
            },
        ),
        (
            "different events",
            message(vec![
                down(),
                item(EventKind::Worse, "Search"),
                item(EventKind::Degraded, "Blog"),
                recovered(),
                silent(),
            ]),
        ),
        ("without a page", Message { page_title: String::new(), page_url: None, ..message(vec![down()]) }),
        (
            "a hostile title",
            message(vec![Item { title: "Sh\u{202e}op\r\nBcc: x@evil.example\u{1b}[2J".to_owned(), ..down() }]),
        ),
    ];
    let mut text = String::new();
    for (name, message) in cases.iter().chain(&condition_cases()).chain(&closed_cases()) {
        let _ = writeln!(
            text,
            "## {name}
{}",
            shown(message)
        );
    }
    assert_text("notification_special_cases", &text);
}
