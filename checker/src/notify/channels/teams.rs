//! A workflow of Microsoft Teams that posts when it receives a webhook request.

use super::HttpChannel;
use super::secret_url::SecretUrl;

/// A workflow of Microsoft Teams that posts when it receives a webhook request.
#[derive(Debug, Clone)]
pub struct Teams {
    pub webhook: SecretUrl,
}

impl HttpChannel for Teams {}
