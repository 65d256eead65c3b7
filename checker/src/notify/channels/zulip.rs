//! A Zulip channel, which earlier versions call stream.

use super::HttpChannel;
use super::secret_url::SecretUrl;
use crate::redact::Secret;

/// A Zulip channel, which earlier versions call stream.
#[derive(Debug, Clone)]
pub struct Zulip {
    pub server: SecretUrl,
    /// The address of the bot.
    pub email: String,
    pub api_key: Secret,
    pub channel: String,
    /// The topic, or `None` for the title of the page.
    pub topic: Option<String>,
}

impl HttpChannel for Zulip {}
