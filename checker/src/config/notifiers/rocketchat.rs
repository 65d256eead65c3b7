//! The configuration of `rocketchat` notifiers.

use super::NotifierType;
use super::converter::{NotifierConverter, http};
use super::incoming_webhook::{self, IncomingWebhook};
use crate::config::spec::Variant;
use crate::notify::channels::Transport;
use crate::notify::channels::rocketchat::RocketChat;

pub(super) const TYPE: NotifierType = NotifierType {
    variant: Variant {
        name: "rocketchat",
        description: "A Rocket.Chat channel, through an incoming webhook.",
        fields: incoming_webhook::FIELDS,
    },
    convert,
};

fn convert(converter: &mut NotifierConverter<'_>) -> Option<Transport> {
    let IncomingWebhook { webhook, username, channel } = incoming_webhook::convert(converter)?;
    Some(http(RocketChat { webhook, username, channel }))
}
