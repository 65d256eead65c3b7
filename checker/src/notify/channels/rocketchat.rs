//! An incoming webhook of Rocket.Chat.

use super::HttpChannel;
use super::secret_url::SecretUrl;

/// An incoming webhook of Rocket.Chat.
#[derive(Debug, Clone)]
pub struct RocketChat {
    pub webhook: SecretUrl,
    pub username: Option<String>,
    pub channel: Option<String>,
}

impl HttpChannel for RocketChat {}
