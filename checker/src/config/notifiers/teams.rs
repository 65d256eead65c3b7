//! The configuration of `teams` notifiers.

use serde::Deserialize;

use super::NotifierType;
use super::converter::{NotifierConverter, http};
use crate::config::spec::{ValueKind, Variant, required};
use crate::notify::channels::Transport;
use crate::notify::channels::teams::Teams;

pub(super) const TYPE: NotifierType = NotifierType {
    variant: Variant {
        name: "teams",
        description: "A Microsoft Teams channel, through a workflow that posts when a webhook request is received.",
        fields: &[required("webhook", ValueKind::SecretUrl, "The workflow URL.")],
    },
    convert,
};

#[derive(Deserialize)]
struct RawTeams {
    webhook: String,
}

fn convert(converter: &mut NotifierConverter<'_>) -> Option<Transport> {
    let raw: RawTeams = converter.read()?;
    let webhook = converter.url("webhook", &raw.webhook)?;
    Some(http(Teams { webhook }))
}
