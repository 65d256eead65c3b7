//! Requests to Slack's incoming webhooks. <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>

use bytes::Bytes;
use http::Request;
use serde_json::json;
use shared::UnixNanos;

use super::request::{add_optional, post_json};
use super::secret_url::SecretUrl;
use super::{HttpChannel, InvalidMessage};
use crate::notify::message::Message;
use crate::notify::outline::{Limit, Markup, fit};
use crate::sanitize::escape_with;

/// An incoming webhook of a Slack app.
#[derive(Debug, Clone)]
pub struct Slack {
    pub webhook: SecretUrl,
    /// The name to post as, which only legacy webhooks allow.
    pub username: Option<String>,
    /// The channel to post to, which only legacy webhooks allow.
    pub channel: Option<String>,
}

/// Slack recommends at most 4,000 characters. It splits or truncates longer messages.
const LIMIT: Limit = Limit::Utf16(4_000);

/// With formatting turned off, only `&`, `<` and `>` are special: `<!channel>` would mention everyone.
const MARKUP: Markup = Markup {
    escape: |text| {
        escape_with(text, |character| match character {
            '&' => Some("&amp;"),
            '<' => Some("&lt;"),
            '>' => Some("&gt;"),
            _ => None,
        })
    },
    link: |url| (MARKUP.escape)(url).into_owned(),
    bold: ("", ""),
};

impl HttpChannel for Slack {
    fn requests(&self, message: &Message, _: UnixNanos) -> Result<Vec<Request<Bytes>>, InvalidMessage> {
        let mut body = json!({
            "text": fit(message, &MARKUP, LIMIT),
            "mrkdwn": false,
            "link_names": false,
            "unfurl_links": false,
            "unfurl_media": false,
        });
        add_optional(&mut body, [("username", &self.username), ("channel", &self.channel)]);
        post_json(&self.webhook, &body)
    }
}
