//! Messages to Alertmanager through the current alerts. <https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>
//!
//! Alertmanager groups, silences and routes alerts itself. So it does not receive messages: after each round, the first
//! node in the line-up posts all alerts that fire. An alert ends when it is posted with an end in the past, or when
//! no node has posted it for a while.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};
use shared::UnixNanos;
use shared::civil::rfc3339;
use shared::status::Status;

use super::request::{authorized, finish, json_request};
use super::secret_url::SecretUrl;
use super::{Authorization, InvalidMessage};
use crate::notify::event::EventKind;
use crate::notify::message::{Item, Message};

use crate::notify::words::{self, Urgency};

/// An Alertmanager, which receives the current alerts after each round instead of messages.
#[derive(Debug, Clone)]
pub struct Alertmanager {
    pub server: SecretUrl,
    pub authorization: Option<Authorization>,
    /// Labels to add to every alert.
    pub labels: BTreeMap<String, String>,
}

impl Alertmanager {
    /// Returns the request that posts the alerts of all items. Alerts that fire end at `ends_at` unless they are
    /// posted again. Items that have recovered end now.
    pub fn request(&self, state: &Message, ends_at: UnixNanos) -> Result<Request<Bytes>, InvalidMessage> {
        let alerts: Vec<Value> = state.items.iter().map(|item| self.alert(item, state, ends_at)).collect();
        let url = self.server.with_path(["api", "v2", "alerts"]);
        let request = authorized(json_request(&url, Method::POST), self.authorization.as_ref());
        finish(request, Value::from(alerts).to_string())
    }

    fn alert(&self, item: &Item, state: &Message, ends_at: UnixNanos) -> Value {
        let is_over = Urgency::from_item(item) == Urgency::Good || item.event == EventKind::Missed;
        let (name, severity) = name_and_severity(item, is_over);
        // The labels identify an alert, so they must be the same when it ends. No node is among them.
        let mut labels = self.labels.clone();
        for (label, value) in [
            ("alertname", name),
            ("page", &state.page_title),
            ("title", &item.title),
            ("endpoint", &item.locator),
            ("severity", severity),
        ] {
            if !value.is_empty() {
                labels.insert(label.to_owned(), value.to_owned());
            }
        }
        let mut annotations = BTreeMap::from([("summary", words::brief(item))]);
        annotations.extend(words::reasons(item).map(|reasons| ("description", reasons)));
        let mut alert = json!({
            "labels": labels,
            "annotations": annotations,
            "startsAt": rfc3339(item.since),
            "endsAt": rfc3339(if is_over { state.at } else { ends_at }),
        });
        if let Some(url) = &state.page_url {
            alert["generatorURL"] = url.as_str().into();
        }
        alert
    }
}

/// Returns the labels that depend on the event. An alert that is over has the labels that it had before.
fn name_and_severity(item: &Item, is_over: bool) -> (&'static str, &'static str) {
    let is_degraded = if is_over { item.was == Status::Degraded } else { item.is == Status::Degraded };
    match item.event {
        EventKind::Silent => ("LocationSilent", "warning"),
        EventKind::Store => ("LocationCannotStore", "warning"),
        EventKind::Certificate => ("CertificateExpiresSoon", "warning"),
        EventKind::Budget => ("ErrorBudgetBurn", "warning"),
        EventKind::Incident => ("Incident", "info"),
        EventKind::Maintenance => ("Maintenance", "info"),
        EventKind::Test => ("Test", "info"),
        _ if is_degraded => ("ServiceDegraded", "warning"),
        _ => ("ServiceDown", "critical"),
    }
}
