//! A service of PagerDuty with an integration of the type Events API v2.

use super::HttpChannel;
use super::secret_url::SecretUrl;
use crate::redact::Secret;

/// A service of PagerDuty with an integration of the type Events API v2.
#[derive(Debug, Clone)]
pub struct PagerDuty {
    /// `https://events.pagerduty.com`, or `https://events.eu.pagerduty.com`.
    pub server: SecretUrl,
    /// The integration key.
    pub routing_key: Secret,
}

impl HttpChannel for PagerDuty {}
