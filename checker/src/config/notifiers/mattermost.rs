//! The configuration of `mattermost` notifiers.

use super::NotifierType;
use super::converter::{NotifierConverter, http};
use super::incoming_webhook::{self, IncomingWebhook};
use crate::config::spec::Variant;
use crate::notify::channels::Transport;
use crate::notify::channels::mattermost::Mattermost;

pub(super) const TYPE: NotifierType = NotifierType {
    variant: Variant {
        name: "mattermost",
        description: "A Mattermost channel, through an incoming webhook.",
        fields: incoming_webhook::FIELDS,
    },
    convert,
};

fn convert(converter: &mut NotifierConverter<'_>) -> Option<Transport> {
    let IncomingWebhook { webhook, username, channel } = incoming_webhook::convert(converter)?;
    Some(http(Mattermost { webhook, username, channel }))
}
