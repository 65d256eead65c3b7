//! The configuration of `rocketchat` notifiers.

use serde::Deserialize;

use super::NotifierType;
use super::converter::{NotifierConverter, http, not_empty};
use crate::config::spec::{ValueKind, Variant, optional, required};
use crate::notify::channels::Transport;
use crate::notify::channels::rocketchat::RocketChat;

pub(super) const TYPE: NotifierType = NotifierType {
    variant: Variant {
        name: "rocketchat",
        description: "A Rocket.Chat channel, through an incoming webhook.",
        fields: &[
            required("webhook", ValueKind::SecretUrl, "The URL of the webhook."),
            optional("username", ValueKind::String, "the name of the webhook", "The name to post as."),
            optional("channel", ValueKind::String, "the channel of the webhook", "The channel to post to."),
        ],
    },
    convert,
};

#[derive(Deserialize)]
struct RawRocketChat {
    webhook: String,
    username: Option<String>,
    channel: Option<String>,
}

fn convert(converter: &mut NotifierConverter<'_>) -> Option<Transport> {
    let raw: RawRocketChat = converter.read()?;
    let webhook = converter.url("webhook", &raw.webhook)?;
    Some(http(RocketChat { webhook, username: not_empty(raw.username), channel: not_empty(raw.channel) }))
}
