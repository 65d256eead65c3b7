//! The configuration of `pagerduty` notifiers.

use serde::Deserialize;

use super::NotifierType;
use super::converter::{NotifierConverter, http};
use crate::config::spec::{ValueKind, Variant, optional, required};
use crate::notify::channels::Transport;
use crate::notify::channels::pagerduty::PagerDuty;

const DEFAULT_URL: &str = "https://events.pagerduty.com";

pub(super) const TYPE: NotifierType = NotifierType {
    variant: Variant {
        name: "pagerduty",
        description: "A PagerDuty service. Each outage is an incident, which is resolved when the endpoint has recovered.",
        fields: &[
            required("routing_key", ValueKind::Secret, "The integration key of an Events API v2 integration."),
            optional(
                "url",
                ValueKind::SecretUrl,
                "`https://events.pagerduty.com`",
                "The API URL: `https://events.eu.pagerduty.com` for accounts in the EU.",
            ),
        ],
    },
    convert,
};

#[derive(Deserialize)]
struct RawPagerDuty {
    routing_key: String,
    url: Option<String>,
}

fn convert(converter: &mut NotifierConverter<'_>) -> Option<Transport> {
    let raw: RawPagerDuty = converter.read()?;
    let routing_key = converter.secret("routing_key", raw.routing_key);
    let server = converter.server(raw.url.as_deref(), DEFAULT_URL);
    Some(http(PagerDuty { server: server?, routing_key: routing_key? }))
}
