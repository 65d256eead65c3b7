//! The configuration of `slack` notifiers.

use super::NotifierType;
use super::converter::{NotifierConverter, http};
use super::incoming_webhook::{self, IncomingWebhook, WEBHOOK};
use crate::config::spec::{ValueKind, Variant, optional};
use crate::notify::channels::Transport;
use crate::notify::channels::slack::Slack;

pub(super) const TYPE: NotifierType = NotifierType {
    variant: Variant {
        name: "slack",
        description: "A Slack channel, through an incoming webhook.",
        fields: &[
            WEBHOOK,
            optional(
                "username",
                ValueKind::String,
                "the name of the Slack app",
                "The name to post as, which only legacy webhooks allow.",
            ),
            optional(
                "channel",
                ValueKind::String,
                "the webhook's channel",
                "The channel to post to, which only legacy webhooks allow.",
            ),
        ],
    },
    convert,
};

fn convert(converter: &mut NotifierConverter<'_>) -> Option<Transport> {
    let IncomingWebhook { webhook, username, channel } = incoming_webhook::convert(converter)?;
    Some(http(Slack { webhook, username, channel }))
}
