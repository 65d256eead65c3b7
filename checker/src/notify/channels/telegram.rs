//! Requests to the Telegram Bot API. <https://core.telegram.org/bots/api#sendmessage>

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use serde_json::json;
use shared::UnixNanos;

use super::outcome::{body_wait, by_status};
use super::request::post_json;
use super::secret_url::SecretUrl;
use super::{HttpChannel, InvalidMessage, SendOutcome};
use crate::notify::message::Message;
use crate::notify::outline::{Limit, Markup, fit};
use crate::redact::Secret;
use crate::sanitize::escape_html;

/// A Telegram chat that a bot posts to.
#[derive(Debug, Clone)]
pub struct Telegram {
    /// `https://api.telegram.org`, or the URL of a Bot API server.
    pub server: SecretUrl,
    pub token: Secret,
    /// The chat ID, or the name of a public channel, such as `@status`.
    pub chat: String,
    /// The ID of a topic in a group.
    pub thread: Option<i64>,
}

/// Telegram's limit applies to the text without markup. Counting the markup as well is stricter, but simpler.
const LIMIT: Limit = Limit::Utf16(4_096);

const MARKUP: Markup = Markup { escape: escape_html, link: |url| escape_html(url).into_owned(), bold: ("<b>", "</b>") };

impl HttpChannel for Telegram {
    fn requests(&self, message: &Message, _: UnixNanos) -> Result<Vec<Request<Bytes>>, InvalidMessage> {
        let bot = format!("bot{}", self.token.reveal());
        let url = self.server.with_path([bot.as_str(), "sendMessage"]);
        let mut body = json!({
            "chat_id": self.chat,
            "text": fit(message, &MARKUP, LIMIT),
            "parse_mode": "HTML",
            "link_preview_options": { "is_disabled": true },
        });
        if let Some(thread) = self.thread {
            body["message_thread_id"] = thread.into();
        }
        post_json(&url, &body)
    }

    fn outcome(&self, status: StatusCode, headers: &HeaderMap, body: &[u8], now: UnixNanos) -> SendOutcome {
        by_status(status, headers, now, || body_wait(body, "/parameters/retry_after", 1.0))
    }
}
