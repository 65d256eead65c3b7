//! A chat with a Telegram bot.

use super::HttpChannel;
use super::secret_url::SecretUrl;
use crate::redact::Secret;

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

impl HttpChannel for Telegram {}
