//! Converts messages to JSON: the body of webhook requests, the input of commands, and the values for templates. Keys
//! are only added, never renamed. Pure.

use serde_json::{Value, json};
use shared::UnixNanos;
use shared::civil::rfc3339_nanos;
use shared::status::Status;

use super::message::{Item, Message};
use super::outline::{Outline, PLAIN};
use super::words;

/// Returns the message as JSON.
#[must_use]
pub fn to_json(message: &Message) -> Value {
    json!({
        "version": 1,
        "id": message.id,
        "at": message.at,
        "at_rfc3339": rfc3339_nanos(message.at),
        "page": { "title": message.page_title, "url": message.page_url },
        "summary": words::summary(message),
        "preface": message.preface,
        "items": message.items.iter().map(|item| item_json(item, message)).collect::<Vec<_>>(),
        "more": words::more_count(message),
        "more_by_group": message.more.iter().map(|(group, count)| json!({ "group": group, "count": count })).collect::<Vec<_>>(),
    })
}

/// Returns the values that templates can use: the message as JSON, with its complete text and a title.
#[must_use]
pub fn template_values(message: &Message) -> Value {
    let mut values = to_json(message);
    values["text"] = Outline::new(message).render(&PLAIN).into();
    values["title"] = words::short_summary(message).into();
    values
}

fn item_json(item: &Item, message: &Message) -> Value {
    // Posts are about endpoints, but have no status themselves.
    let status = |status: Status| (!item.topic.is_post()).then(|| status.as_str());
    json!({
        "event": item.event.as_str(),
        "about": item.topic.as_str(),
        "title": item.title,
        "endpoint": item.locator,
        "id": item.id,
        "text": words::headline(item, message),
        "was": status(item.was),
        "is": status(item.is),
        "since": item.since,
        "since_rfc3339": rfc3339_nanos(item.since),
        "until": item.until,
        "until_rfc3339": item.until.map(rfc3339_nanos as fn(UnixNanos) -> String),
        "length": item.length(message.at),
        "voters": item.voters,
        "down_from": item.down_from,
        "reasons": item.reasons.iter().map(|reason| json!({ "node": reason.node, "reason": reason.reason })).collect::<Vec<_>>(),
        "planned": item.is_planned,
        "reminder": item.reminder,
        "dependents": item.dependents,
        "detail": item.detail,
    })
}

#[cfg(test)]
mod tests {
    use shared::check_file::EndpointKey;

    use super::*;
    use crate::notify::event::EventKind;
    use crate::notify::sample;

    #[test]
    fn only_items_about_measurements_have_a_status() {
        let mut message = sample::message();
        let item = |event| Item::new(event, &EndpointKey::default(), Status::Down);
        message.items = [EventKind::Down, EventKind::Incident, EventKind::Maintenance].map(item).into();
        let json = to_json(&message);
        let statuses: Vec<_> =
            (0..3).map(|index| (&json["items"][index]["was"], &json["items"][index]["is"])).collect();
        let (healthy, down) = (json!("healthy"), json!("down"));
        assert_eq!(statuses, [(&healthy, &down), (&Value::Null, &Value::Null), (&Value::Null, &Value::Null)]);
    }
}
