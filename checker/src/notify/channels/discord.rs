//! Requests to Discord webhooks. <https://docs.discord.com/developers/resources/webhook#execute-webhook>

use bytes::Bytes;
use http::Request;
use serde_json::json;
use shared::UnixNanos;

use super::request::post_json;
use super::secret_url::SecretUrl;
use super::{HttpChannel, InvalidMessage};
use crate::notify::message::Message;
use crate::notify::outline::{Limit, Markup, escape_markdown, fit};

/// A Discord channel's webhook.
///
/// The wait after a rate limit is read only from the `Retry-After` header, because `retry_after` in the body is
/// sometimes in milliseconds.
#[derive(Debug, Clone)]
pub struct Discord {
    pub webhook: SecretUrl,
    pub username: Option<String>,
}

const LIMIT: Limit = Limit::Utf16(2_000);
/// The message flag that disables link previews.
const SUPPRESS_EMBEDS: u32 = 1 << 2;

const MARKUP: Markup =
    Markup { escape: |text| escape_markdown(text, "\\*_~`|>#[]<"), link: str::to_owned, bold: ("**", "**") };

impl HttpChannel for Discord {
    fn requests(&self, message: &Message, _: UnixNanos) -> Result<Vec<Request<Bytes>>, InvalidMessage> {
        let mut body = json!({
            "content": fit(message, &MARKUP, LIMIT),
            "allowed_mentions": { "parse": [] },
            "flags": SUPPRESS_EMBEDS,
        });
        if let Some(username) = &self.username {
            body["username"] = username.as_str().into();
        }
        post_json(&self.webhook, &body)
    }
}
