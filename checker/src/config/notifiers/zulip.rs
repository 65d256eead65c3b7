//! The configuration of `zulip` notifiers.

use serde::Deserialize;

use super::NotifierType;
use super::converter::{NotifierConverter, http, not_empty};
use crate::config::patterns;
use crate::config::spec::{ValueKind, Variant, optional, required};
use crate::notify::channels::Transport;
use crate::notify::channels::zulip::Zulip;

pub(super) const TYPE: NotifierType = NotifierType {
    variant: Variant {
        name: "zulip",
        description: "A Zulip channel, through a bot.",
        fields: &[
            required(
                "url",
                ValueKind::SecretUrl,
                "The organization's URL, for example `https://example.zulipchat.com`.",
            ),
            required("email", ValueKind::Pattern(patterns::NOT_BLANK), "The email address of the bot."),
            required("api_key", ValueKind::Secret, "The API key of the bot."),
            required("channel", ValueKind::Pattern(patterns::NOT_BLANK), "The name of the channel."),
            optional("topic", ValueKind::String, "the title of the page", "The topic."),
        ],
    },
    convert,
};

#[derive(Deserialize)]
struct RawZulip {
    url: String,
    email: String,
    api_key: String,
    channel: String,
    topic: Option<String>,
}

fn convert(converter: &mut NotifierConverter<'_>) -> Option<Transport> {
    let raw: RawZulip = converter.read()?;
    let server = converter.url("url", &raw.url);
    let email = converter.text("email", raw.email);
    let api_key = converter.secret("api_key", raw.api_key);
    let channel = converter.text("channel", raw.channel);
    let topic = not_empty(raw.topic);
    Some(http(Zulip { server: server?, email: email?, api_key: api_key?, channel: channel?, topic }))
}
