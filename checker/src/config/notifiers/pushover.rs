//! The configuration of `pushover` notifiers.

use serde::Deserialize;

use super::NotifierType;
use super::converter::{NotifierConverter, http, not_empty};
use crate::config::spec::{ValueKind, Variant, optional, required};
use crate::notify::channels::Transport;
use crate::notify::channels::pushover::Pushover;

const DEFAULT_URL: &str = "https://api.pushover.net";

pub(super) const TYPE: NotifierType = NotifierType {
    variant: Variant {
        name: "pushover",
        description: "Push notifications, through Pushover.",
        fields: &[
            required("token", ValueKind::Secret, "The API token of your application."),
            required("recipient", ValueKind::Secret, "The key of a user or group."),
            optional("subject", ValueKind::String, "the title of the page", "The prefix of the title."),
            optional("url", ValueKind::SecretUrl, "`https://api.pushover.net`", "The API URL."),
        ],
    },
    convert,
};

#[derive(Deserialize)]
struct RawPushover {
    token: String,
    recipient: String,
    subject: Option<String>,
    url: Option<String>,
}

fn convert(converter: &mut NotifierConverter<'_>) -> Option<Transport> {
    let raw: RawPushover = converter.read()?;
    let token = converter.secret("token", raw.token);
    let recipient = converter.secret("recipient", raw.recipient);
    let server = converter.server(raw.url.as_deref(), DEFAULT_URL);
    Some(http(Pushover { server: server?, token: token?, recipient: recipient?, subject: not_empty(raw.subject) }))
}
