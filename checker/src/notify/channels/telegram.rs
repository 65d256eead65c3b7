//! Messages to Telegram through messages of a bot. <https://core.telegram.org/bots/api#sendmessage>

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

/// A chat with a Telegram bot.
#[derive(Debug, Clone)]
pub struct Telegram {
    /// `https://api.telegram.org`, or the URL of a Bot API server.
    pub server: SecretUrl,
    /// The token of the bot.
    pub token: Secret,
    /// The number of a chat, or the name of a public channel, such as `@status`.
    pub chat: String,
    /// The topic in a group with topics.
    pub thread: Option<i64>,
}

/// Telegram counts after it has interpreted the markup, so this is a lower limit.
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
