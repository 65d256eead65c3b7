//! The keys of incoming webhooks, which Slack introduced and Mattermost and Rocket.Chat adopted.

use serde::Deserialize;

use super::converter::{NotifierConverter, not_empty};
use crate::config::spec::{Field, ValueKind, optional, required};
use crate::notify::channels::secret_url::SecretUrl;

/// The keys of webhooks whose sender can choose a name and a channel.
pub(super) const FIELDS: &[Field] = &[
    WEBHOOK,
    optional("username", ValueKind::String, "the webhook's name", "The name to post as."),
    optional("channel", ValueKind::String, "the webhook's channel", "The channel to post to."),
];

pub(super) const WEBHOOK: Field = required("webhook", ValueKind::SecretUrl, "The webhook URL.");

/// An incoming webhook after conversion.
pub(super) struct IncomingWebhook {
    pub webhook: SecretUrl,
    pub username: Option<String>,
    pub channel: Option<String>,
}

#[derive(Deserialize)]
struct RawIncomingWebhook {
    webhook: String,
    username: Option<String>,
    channel: Option<String>,
}

/// Converts the keys. Returns `None` after reporting a problem.
pub(super) fn convert(converter: &mut NotifierConverter<'_>) -> Option<IncomingWebhook> {
    let raw: RawIncomingWebhook = converter.read()?;
    let webhook = converter.url("webhook", &raw.webhook)?;
    Some(IncomingWebhook { webhook, username: not_empty(raw.username), channel: not_empty(raw.channel) })
}
