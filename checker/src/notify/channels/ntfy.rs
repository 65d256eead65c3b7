//! A topic of an ntfy server.

use super::secret_url::SecretUrl;
use super::{Authorization, HttpChannel};
use crate::redact::Secret;

/// A topic of an ntfy server.
#[derive(Debug, Clone)]
pub struct Ntfy {
    /// The URL of the server, without the topic.
    pub server: SecretUrl,
    /// The topic. Everyone who knows it can read it if the server allows anonymous access.
    pub topic: Secret,
    pub authorization: Option<Authorization>,
}

impl HttpChannel for Ntfy {}
