//! An application of a Gotify server.

use super::HttpChannel;
use super::secret_url::SecretUrl;
use crate::redact::Secret;

/// An application of a Gotify server.
#[derive(Debug, Clone)]
pub struct Gotify {
    pub server: SecretUrl,
    /// The token of the application.
    pub token: Secret,
}

impl HttpChannel for Gotify {}
