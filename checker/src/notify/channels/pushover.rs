//! Push notifications through Pushover.

use super::HttpChannel;
use super::secret_url::SecretUrl;
use crate::redact::Secret;

/// Push notifications through Pushover.
#[derive(Debug, Clone)]
pub struct Pushover {
    /// `https://api.pushover.net`.
    pub server: SecretUrl,
    /// The token of the application.
    pub token: Secret,
    /// The key of a user or group.
    pub recipient: Secret,
    /// The beginning of the title, or `None` for the title of the page.
    pub subject: Option<String>,
}

impl HttpChannel for Pushover {}
