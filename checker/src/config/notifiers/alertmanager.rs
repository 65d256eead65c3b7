//! The configuration of `alertmanager` notifiers.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::NotifierType;
use super::converter::{NotifierConverter, PASSWORD, TOKEN, USERNAME};
use crate::config::raw::OneOrMany;
use crate::config::spec::{ValueKind, Variant, optional, required};
use crate::notify::channels::Transport;
use crate::notify::channels::alertmanager::Alertmanager;

/// Labels that every alert already has, so that the configuration cannot set them.
const RESERVED: [&str; 5] = ["alertname", "page", "title", "endpoint", "severity"];

pub(super) const TYPE: NotifierType = NotifierType {
    variant: Variant {
        name: "alertmanager",
        description: "A Prometheus Alertmanager. After each round, it receives an alert for each endpoint that is down. Alertmanager itself groups and repeats the alerts.",
        fields: &[
            required(
                "url",
                ValueKind::OneOrMany(&ValueKind::SecretUrl),
                "The URL of the Alertmanager, for example `http://alertmanager:9093`, or the URLs of all members of a cluster.",
            ),
            optional("labels", ValueKind::Labels, "none", "Labels to add to every alert."),
            TOKEN,
            USERNAME,
            PASSWORD,
        ],
    },
    convert,
};

#[derive(Deserialize)]
struct RawAlertmanager {
    url: OneOrMany,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

fn convert(converter: &mut NotifierConverter<'_>) -> Option<Transport> {
    let raw: RawAlertmanager = converter.read()?;
    let authorization = converter.authorization();
    let urls = raw.url.into_vec();
    if urls.is_empty() {
        converter.reject("url", "is empty: expected at least one URL, for example `http://alertmanager:9093`");
        return None;
    }
    let servers = converter.urls("url", &urls);
    for label in RESERVED.iter().filter(|label| raw.labels.contains_key(**label)) {
        converter.error("labels", format!("alerts already have the label `{label}`: rename it"));
    }
    Some(Transport::Alertmanager(Arc::new(Alertmanager { servers: servers?, authorization, labels: raw.labels })))
}
