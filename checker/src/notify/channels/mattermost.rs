//! An incoming webhook of Mattermost.

use super::HttpChannel;
use super::secret_url::SecretUrl;

/// An incoming webhook of Mattermost.
#[derive(Debug, Clone)]
pub struct Mattermost {
    pub webhook: SecretUrl,
    pub username: Option<String>,
    pub channel: Option<String>,
}

impl HttpChannel for Mattermost {}
