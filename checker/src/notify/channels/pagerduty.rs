//! Requests to the `PagerDuty` Events API v2. <https://developer.pagerduty.com/docs/send-alert-event>

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};
use shared::UnixNanos;
use shared::civil::rfc3339;
use shared::notification_log::Topic;
use shared::status::Status;

use super::identifier::identifier;
use super::request::{finish, json_request};
use super::secret_url::SecretUrl;
use super::{HttpChannel, InvalidMessage};
use crate::notify::event::EventKind;
use crate::notify::message::{Item, Message};

use crate::notify::words::{self, Urgency};
use crate::redact::Secret;

/// A `PagerDuty` service with an Events API v2 integration.
///
/// Each endpoint has at most one open incident, which is resolved when the endpoint recovers. Because of the incident's
/// key, a repeated request changes nothing. Events that need no action, such as an outage that is already over, become change events, which do not page anyone.
#[derive(Debug, Clone)]
pub struct PagerDuty {
    pub server: SecretUrl,
    pub routing_key: Secret,
}

const SUMMARY_LIMIT: usize = 1_024;

impl HttpChannel for PagerDuty {
    fn requests(&self, message: &Message, _: UnixNanos) -> Result<Vec<Request<Bytes>>, InvalidMessage> {
        let mut requests = Vec::new();
        for (index, item) in message.items.iter().enumerate() {
            let mut summary = words::headline(item, message);
            if let (0, Some(more)) = (index, words::more(message)) {
                summary = format!("{summary}, {more}");
            }
            let (path, body) = self.event(item, &words::one_line(&summary, SUMMARY_LIMIT), message);
            let url = self.server.with_path(path.split('/'));
            requests.push(finish(json_request(&url, Method::POST), body.to_string())?);
        }
        Ok(requests)
    }

    fn keeps_incidents(&self) -> bool {
        true
    }
}

impl PagerDuty {
    /// Returns the request path and body for one item.
    fn event(&self, item: &Item, summary: &str, message: &Message) -> (&'static str, Value) {
        let links: Vec<Value> = message
            .page_url
            .iter()
            .map(|url| json!({ "href": url, "text": words::one_line(&message.page_title, 80) }))
            .collect();
        let source = [&item.locator, &item.title, &message.page_title].into_iter().find(|text| !text.is_empty());
        let source = source.map_or("checkup", String::as_str);
        let details = json!({
            "reasons": words::reasons(item),
            "voters": item.voters,
            "down_from": item.down_from,
            "also_affected": item.dependents,
            "message_id": message.id,
        });
        if matches!(item.event, EventKind::Missed | EventKind::Maintenance | EventKind::Incident) {
            let payload = json!({
                "summary": summary, "timestamp": rfc3339(item.since), "source": source, "custom_details": details,
            });
            let body = json!({ "routing_key": self.routing_key.reveal(), "payload": payload, "links": links });
            return ("v2/change/enqueue", body);
        }
        let mut body = json!({
            "routing_key": self.routing_key.reveal(),
            "dedup_key": deduplication_key(item),
            "event_action": "resolve",
        });
        let is_over = Urgency::from_item(item) == Urgency::Good || item.event == EventKind::Closed;
        if !is_over {
            body["event_action"] = "trigger".into();
            body["client"] = "Checkup".into();
            body["links"] = links.into();
            if let Some(url) = &message.page_url {
                body["client_url"] = url.as_str().into();
            }
            body["payload"] = json!({
                "summary": summary,
                "source": source,
                "severity": match Urgency::from_item(item) {
                    Urgency::Critical => "critical",
                    Urgency::Warning => "warning",
                    Urgency::Good | Urgency::Info => "info",
                },
                "timestamp": rfc3339(item.since),
                "component": words::title(item),
                "class": item.event.as_str(),
                "custom_details": details,
            });
        }
        ("v2/enqueue", body)
    }
}

/// Returns the key of an endpoint's incident, which is the same on every node, so that any node can resolve the
/// incident. If the endpoint has an id, it can be renamed in the meantime.
fn deduplication_key(item: &Item) -> String {
    let family = match (item.event, item.topic) {
        (EventKind::Test, _) => item.event.as_str(),
        (_, Topic::Endpoint) => Status::Down.as_str(),
        (_, topic) => topic.as_str(),
    };
    let identifier = match &item.id {
        Some(id) => identifier(&[family, id]),
        None => identifier(&[family, &item.title, &item.locator]),
    };
    format!("checkup-{identifier}")
}
