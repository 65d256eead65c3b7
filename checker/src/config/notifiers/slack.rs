//! The configuration of `slack` notifiers.

use serde::Deserialize;

use super::NotifierType;
use super::converter::{NotifierConverter, http, not_empty};
use crate::config::spec::{ValueKind, Variant, optional, required};
use crate::notify::channels::Transport;
use crate::notify::channels::slack::Slack;

pub(super) const TYPE: NotifierType = NotifierType {
    variant: Variant {
        name: "slack",
        description: "A Slack channel, through an incoming webhook.",
        fields: &[
            required("webhook", ValueKind::SecretUrl, "The URL of the webhook."),
            optional(
                "username",
                ValueKind::String,
                "the name of the Slack app",
                "The name to post as, which only legacy webhooks allow.",
            ),
            optional(
                "channel",
                ValueKind::String,
                "the channel of the webhook",
                "The channel to post to, which only legacy webhooks allow.",
            ),
        ],
    },
    convert,
};

#[derive(Deserialize)]
struct RawSlack {
    webhook: String,
    username: Option<String>,
    channel: Option<String>,
}

fn convert(converter: &mut NotifierConverter<'_>) -> Option<Transport> {
    let raw: RawSlack = converter.read()?;
    let webhook = converter.url("webhook", &raw.webhook)?;
    Some(http(Slack { webhook, username: not_empty(raw.username), channel: not_empty(raw.channel) }))
}
