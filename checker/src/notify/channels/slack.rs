//! An incoming webhook of Slack.

use super::HttpChannel;
use super::secret_url::SecretUrl;

/// An incoming webhook of Slack.
#[derive(Debug, Clone)]
pub struct Slack {
    pub webhook: SecretUrl,
    /// The name to post as, which only old webhooks allow.
    pub username: Option<String>,
    /// The channel to post to, which only old webhooks allow.
    pub channel: Option<String>,
}

impl HttpChannel for Slack {}
