//! Requests to Zulip, which post messages to a channel. <https://zulip.com/api/send-message>

use std::borrow::Cow;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, StatusCode};
use shared::UnixNanos;

use super::outcome::{body_wait, by_status};
use super::request::{finish, form, form_request};
use super::secret_url::{SecretUrl, basic_auth};
use super::{HttpChannel, InvalidMessage, SendOutcome};
use crate::notify::message::Message;
use crate::notify::outline::{Limit, Markup, ZERO_WIDTH_SPACE, fit};
use crate::notify::words::one_line;
use crate::redact::Secret;

/// A Zulip channel, which earlier versions called a stream.
#[derive(Debug, Clone)]
pub struct Zulip {
    pub server: SecretUrl,
    /// The email address of the bot.
    pub email: String,
    pub api_key: Secret,
    pub channel: String,
    /// The topic, or `None` to use the page title.
    pub topic: Option<String>,
}

const TOPIC_LIMIT: usize = 60;
const LIMIT: Limit = Limit::Utf16(10_000);

/// Zulip has no backslash escapes, so a zero-width space follows each special character.
const MARKUP: Markup = Markup {
    escape: |text| {
        let is_special = |character| matches!(character, '@' | '#' | '*' | '`' | '[' | '$');
        let separated = text.chars().flat_map(|character| {
            [Some(character), is_special(character).then_some(ZERO_WIDTH_SPACE)].into_iter().flatten()
        });
        Cow::Owned(separated.collect())
    },
    link: str::to_owned,
    bold: ("**", "**"),
};

impl HttpChannel for Zulip {
    fn requests(&self, message: &Message, _: UnixNanos) -> Result<Vec<Request<Bytes>>, InvalidMessage> {
        let topic = match (&self.topic, message.page_title.as_str()) {
            (Some(topic), _) => topic,
            (None, "") => "Status",
            (None, title) => title,
        };
        let fields = [
            // All Zulip versions accept `stream`, but earlier ones do not accept `channel`.
            ("type", "stream"),
            ("to", &self.channel),
            ("topic", &one_line(topic, TOPIC_LIMIT)),
            ("content", &fit(message, &MARKUP, LIMIT)),
        ];
        let url = self.server.with_path(["api", "v1", "messages"]);
        let request = form_request(&url).header(AUTHORIZATION, basic_auth(&self.email, self.api_key.reveal()));
        Ok(vec![finish(request, form(&fields))?])
    }

    fn outcome(&self, status: StatusCode, headers: &HeaderMap, body: &[u8], now: UnixNanos) -> SendOutcome {
        by_status(status, headers, now, || body_wait(body, "/retry-after", 1.0))
    }
}
