//! An incoming webhook of a Google Chat space.

use super::HttpChannel;
use super::secret_url::SecretUrl;

/// An incoming webhook of a Google Chat space.
#[derive(Debug, Clone)]
pub struct GoogleChat {
    pub webhook: SecretUrl,
}

impl HttpChannel for GoogleChat {}
