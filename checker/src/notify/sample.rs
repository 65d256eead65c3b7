//! A sample message. Templates are rendered with it when a configuration is validated. Pure.

use jiff::tz::TimeZone;
use shared::check_file::EndpointKey;
use shared::status::Status;
use shared::{HOUR, MINUTE, SECOND, UnixNanos};

use super::event::EventKind;
use super::message::{Item, Message, NodeReason};

/// The time of the message: 2026-11-29 13:04:00 UTC.
pub const AT: UnixNanos = 1_795_957_440 * SECOND;

/// Returns a message with an outage and a recovery.
#[must_use]
pub fn message() -> Message {
    let down = Item {
        voters: 3,
        down_from: vec!["eu-west".to_owned(), "us-east".to_owned()],
        reasons: vec![
            NodeReason { node: "eu-west".to_owned(), reason: "connection refused".to_owned() },
            NodeReason { node: "us-east".to_owned(), reason: "timed out after 10 s".to_owned() },
        ],
        dependents: vec!["Checkout".to_owned()],
        ..item(EventKind::Down, "Shop", AT - 2 * MINUTE)
    };
    let recovered = Item {
        was: Status::Down,
        is: Status::Healthy,
        until: Some(AT - MINUTE),
        voters: 3,
        ..item(EventKind::Recovered, "Blog", AT - HOUR)
    };
    Message {
        id: "m-9f2c4e1b7a3d5f60".to_owned(),
        at: AT,
        page_title: "Status".to_owned(),
        page_url: Some("https://status.example.com/".to_owned()),
        preface: None,
        items: vec![down, recovered],
        more: vec![("Web".to_owned(), 2), (String::new(), 1)],
        hidden: Vec::new(),
        zone: TimeZone::UTC,
    }
}

/// Returns an item without details.
#[must_use]
pub fn item(event: EventKind, title: &str, since: UnixNanos) -> Item {
    let locator = format!("https://{}.example.com/health", title.to_ascii_lowercase());
    let key = EndpointKey { title: title.to_owned(), locator, id: None };
    Item { since, voters: 1, ..Item::new(event, &key, Status::Down) }
}
