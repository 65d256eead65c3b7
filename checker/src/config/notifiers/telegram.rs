//! The configuration of `telegram` notifiers.

use serde::Deserialize;

use super::NotifierType;
use super::converter::{NotifierConverter, http};
use crate::config::raw::StringOrInteger;
use crate::config::spec::{ValueKind, Variant, optional, required};
use crate::notify::channels::Transport;
use crate::notify::channels::telegram::Telegram;

const DEFAULT_URL: &str = "https://api.telegram.org";

pub(super) const TYPE: NotifierType = NotifierType {
    variant: Variant {
        name: "telegram",
        description: "A Telegram chat, group or channel, through a bot.",
        fields: &[
            required("token", ValueKind::Secret, "The bot token that BotFather provides."),
            required(
                "chat",
                ValueKind::StringOrInteger,
                "The chat ID, or a public channel's name, for example `@example_status`.",
            ),
            optional("thread", ValueKind::Integer(1, i64::MAX), "none", "The ID of a topic in a group."),
            optional("url", ValueKind::SecretUrl, "`https://api.telegram.org`", "The URL of a Bot API server."),
        ],
    },
    convert,
};

#[derive(Deserialize)]
struct RawTelegram {
    token: String,
    chat: StringOrInteger,
    thread: Option<i64>,
    url: Option<String>,
}

fn convert(converter: &mut NotifierConverter<'_>) -> Option<Transport> {
    let raw: RawTelegram = converter.read()?;
    let token = converter.secret("token", raw.token);
    let chat = converter.text("chat", raw.chat.into_string());
    let server = converter.server(raw.url.as_deref(), DEFAULT_URL);
    Some(http(Telegram { server: server?, token: token?, chat: chat?, thread: raw.thread }))
}
