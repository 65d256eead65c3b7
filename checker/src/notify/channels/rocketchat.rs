//! Requests to Rocket.Chat's incoming webhooks. <https://docs.rocket.chat/docs/integrations>

use std::borrow::Cow;

use bytes::Bytes;
use http::Request;
use serde_json::json;
use shared::UnixNanos;

use super::request::{add_optional, post_json};
use super::secret_url::SecretUrl;
use super::{HttpChannel, InvalidMessage};
use crate::notify::message::Message;
use crate::notify::outline::{Limit, Markup, ZERO_WIDTH_SPACE, escape_markdown, fit};

/// An incoming webhook of a Rocket.Chat server.
#[derive(Debug, Clone)]
pub struct RocketChat {
    pub webhook: SecretUrl,
    pub username: Option<String>,
    pub channel: Option<String>,
}

/// Rocket.Chat accepts 5,000 characters by default.
const LIMIT: Limit = Limit::Utf16(4_000);

/// Brackets cannot be escaped, so a zero-width space breaks up links such as `[text](url)`.
const MARKUP: Markup = Markup {
    escape: |text| match escape_markdown(text, "*_~`#") {
        text if text.contains("](") => Cow::Owned(text.replace("](", &format!("]{ZERO_WIDTH_SPACE}("))),
        text => text,
    },
    link: str::to_owned,
    bold: ("*", "*"),
};

impl HttpChannel for RocketChat {
    fn requests(&self, message: &Message, _: UnixNanos) -> Result<Vec<Request<Bytes>>, InvalidMessage> {
        let mut body = json!({ "text": fit(message, &MARKUP, LIMIT), "parseUrls": false });
        add_optional(&mut body, [("alias", &self.username), ("channel", &self.channel)]);
        post_json(&self.webhook, &body)
    }
}
