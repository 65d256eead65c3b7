//! The configuration of `discord` notifiers.

use serde::Deserialize;

use super::NotifierType;
use super::converter::{NotifierConverter, http, not_empty};
use super::incoming_webhook::WEBHOOK;
use crate::config::spec::{ValueKind, Variant, optional};
use crate::notify::channels::Transport;
use crate::notify::channels::discord::Discord;

pub(super) const TYPE: NotifierType = NotifierType {
    variant: Variant {
        name: "discord",
        description: "A Discord channel, through a webhook.",
        fields: &[WEBHOOK, optional("username", ValueKind::String, "the webhook's name", "The name to post as.")],
    },
    convert,
};

#[derive(Deserialize)]
struct RawDiscord {
    webhook: String,
    username: Option<String>,
}

fn convert(converter: &mut NotifierConverter<'_>) -> Option<Transport> {
    let raw: RawDiscord = converter.read()?;
    let webhook = converter.url("webhook", &raw.webhook)?;
    Some(http(Discord { webhook, username: not_empty(raw.username) }))
}
