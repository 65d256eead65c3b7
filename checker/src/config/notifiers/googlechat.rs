//! The configuration of `googlechat` notifiers.

use serde::Deserialize;

use super::NotifierType;
use super::converter::{NotifierConverter, http};
use crate::config::spec::{ValueKind, Variant, required};
use crate::notify::channels::Transport;
use crate::notify::channels::googlechat::GoogleChat;

pub(super) const TYPE: NotifierType = NotifierType {
    variant: Variant {
        name: "googlechat",
        description: "A Google Chat space, through an incoming webhook.",
        fields: &[required("webhook", ValueKind::SecretUrl, "The webhook URL.")],
    },
    convert,
};

#[derive(Deserialize)]
struct RawGoogleChat {
    webhook: String,
}

fn convert(converter: &mut NotifierConverter<'_>) -> Option<Transport> {
    let raw: RawGoogleChat = converter.read()?;
    let webhook = converter.url("webhook", &raw.webhook)?;
    Some(http(GoogleChat { webhook }))
}
