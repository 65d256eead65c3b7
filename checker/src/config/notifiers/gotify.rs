//! The configuration of `gotify` notifiers.

use serde::Deserialize;

use super::NotifierType;
use super::converter::{NotifierConverter, http};
use crate::config::spec::{ValueKind, Variant, required};
use crate::notify::channels::Transport;
use crate::notify::channels::gotify::Gotify;

pub(super) const TYPE: NotifierType = NotifierType {
    variant: Variant {
        name: "gotify",
        description: "Push notifications, through a Gotify server.",
        fields: &[
            required("url", ValueKind::SecretUrl, "The server URL."),
            required("token", ValueKind::Secret, "The token of an application."),
        ],
    },
    convert,
};

#[derive(Deserialize)]
struct RawGotify {
    url: String,
    token: String,
}

fn convert(converter: &mut NotifierConverter<'_>) -> Option<Transport> {
    let raw: RawGotify = converter.read()?;
    let server = converter.url("url", &raw.url);
    let token = converter.secret("token", raw.token);
    Some(http(Gotify { server: server?, token: token? }))
}
