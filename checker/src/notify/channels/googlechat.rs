//! Requests to Google Chat's incoming webhooks. <https://developers.google.com/workspace/chat/quickstart/webhooks>

use std::borrow::Cow;

use bytes::Bytes;
use http::Request;
use serde_json::json;
use shared::UnixNanos;

use super::request::post_json;
use super::secret_url::SecretUrl;
use super::{HttpChannel, InvalidMessage};
use crate::notify::message::Message;
use crate::notify::outline::{Limit, Markup, ZERO_WIDTH_SPACE, fit};

/// An incoming webhook of a Google Chat space.
#[derive(Debug, Clone)]
pub struct GoogleChat {
    pub webhook: SecretUrl,
}

/// Google Chat accepts at most 4,096 characters.
const LIMIT: Limit = Limit::Utf16(4_000);

/// Mentions such as `<users/all>` cannot be escaped, so a zero-width space breaks them up.
const MARKUP: Markup = Markup {
    escape: |text| match text.replace('<', &format!("<{ZERO_WIDTH_SPACE}")) {
        separated if separated.len() == text.len() => Cow::Borrowed(text),
        separated => Cow::Owned(separated),
    },
    link: str::to_owned,
    bold: ("", ""),
};

impl HttpChannel for GoogleChat {
    fn requests(&self, message: &Message, _: UnixNanos) -> Result<Vec<Request<Bytes>>, InvalidMessage> {
        post_json(&self.webhook, &json!({ "text": fit(message, &MARKUP, LIMIT) }))
    }
}
