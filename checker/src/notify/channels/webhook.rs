//! Any other HTTP endpoint.

use http::HeaderName;

use super::HttpChannel;
use super::secret_url::SecretUrl;
use super::signature::SigningKey;
use crate::notify::template::BodyTemplate;
use crate::redact::Secret;

/// Any other HTTP endpoint.
#[derive(Debug, Clone)]
pub struct Webhook {
    pub url: SecretUrl,
    pub headers: Vec<(HeaderName, Secret)>,
    /// The key that signs requests as in the specification Standard Webhooks.
    pub signing_key: Option<SigningKey>,
    /// The body, or `None` for the default one.
    pub body: Option<BodyTemplate>,
}

impl HttpChannel for Webhook {}
