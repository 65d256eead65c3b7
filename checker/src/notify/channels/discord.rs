//! A webhook of a Discord channel.

use super::HttpChannel;
use super::secret_url::SecretUrl;

/// A webhook of a Discord channel.
#[derive(Debug, Clone)]
pub struct Discord {
    pub webhook: SecretUrl,
    pub username: Option<String>,
}

impl HttpChannel for Discord {}
