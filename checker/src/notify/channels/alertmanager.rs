//! Requests to Alertmanager, which receives all current alerts.
//! <https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>
//!
//! Alertmanager groups, silences and routes alerts itself, so it does not receive messages. Instead, the first node in
//! the line-up posts all firing alerts after each round. An alert ends when it is posted with an end in the past, or
//! when no node has posted it for a while.

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
    /// The server, or all members of a cluster. Members do not forward alerts to each other, but they share which
    /// notifications were sent.
    pub servers: Vec<SecretUrl>,
    pub authorization: Option<Authorization>,
    /// Labels to add to every alert.
    pub labels: BTreeMap<String, String>,
}

impl Alertmanager {
    /// Creates a request for each server, which posts an alert for each item. Firing alerts end at `ends_at` unless
    /// they are posted again, and alerts for recovered items end immediately.
    pub fn requests(&self, state: &Message, ends_at: UnixNanos) -> Result<Vec<Request<Bytes>>, InvalidMessage> {
        let alerts: Vec<Value> = state.items.iter().map(|item| self.alert(item, state, ends_at)).collect();
        let alerts = Value::from(alerts).to_string();
        let request = |server: &SecretUrl| {
            let url = server.with_path(["api", "v2", "alerts"]);
            finish(authorized(json_request(&url, Method::POST), self.authorization.as_ref()), alerts.clone())
        };
        self.servers.iter().map(request).collect()
    }

    fn alert(&self, item: &Item, state: &Message, ends_at: UnixNanos) -> Value {
        let is_over =
            Urgency::from_item(item) == Urgency::Good || matches!(item.event, EventKind::Missed | EventKind::Closed);
        let (name, severity) = name_and_severity(item, is_over);
        let mut annotations = BTreeMap::from([("summary", words::brief(item))]);
        // Alertmanager identifies an alert by its labels, so they must stay the same until it ends and must not depend
        // on the node. An endpoint with an id can be renamed in the meantime.
        let names = [("title", &item.title), ("endpoint", &item.locator)].map(|(name, value)| (name, value.as_str()));
        let mut labels = self.labels.clone();
        let mut add = |(label, value): (&str, &str)| {
            if !value.is_empty() {
                labels.insert(label.to_owned(), value.to_owned());
            }
        };
        [("alertname", name), ("page", &state.page_title), ("severity", severity)].into_iter().for_each(&mut add);
        match &item.id {
            Some(id) => {
                add(("id", id));
                annotations.extend(names.map(|(name, value)| (name, value.to_owned())));
            }
            None => names.into_iter().for_each(add),
        }
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

/// Returns the `alertname` and `severity` labels. A resolved alert keeps the labels that it had while firing.
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
