//! Requests to Mattermost's incoming webhooks. <https://developers.mattermost.com/integrate/webhooks/incoming/>

use bytes::Bytes;
use http::Request;
use serde_json::json;
use shared::UnixNanos;

use super::request::{add_optional, post_json};
use super::secret_url::SecretUrl;
use super::{HttpChannel, InvalidMessage};
use crate::notify::message::Message;
use crate::notify::outline::{Limit, Markup, escape_markdown, fit};

/// An incoming webhook of a Mattermost server.
#[derive(Debug, Clone)]
pub struct Mattermost {
    pub webhook: SecretUrl,
    pub username: Option<String>,
    pub channel: Option<String>,
}

/// Mattermost accepts up to 16,383 characters, but some installations are limited to 4,000.
const LIMIT: Limit = Limit::Utf16(4_000);

const MARKUP: Markup =
    Markup { escape: |text| escape_markdown(text, "\\`*_~[]#>|!<"), link: str::to_owned, bold: ("**", "**") };

impl HttpChannel for Mattermost {
    fn requests(&self, message: &Message, _: UnixNanos) -> Result<Vec<Request<Bytes>>, InvalidMessage> {
        let mut body = json!({ "text": fit(message, &MARKUP, LIMIT) });
        add_optional(&mut body, [("username", &self.username), ("channel", &self.channel)]);
        post_json(&self.webhook, &body)
    }
}
