//! A Matrix room.

use super::HttpChannel;
use super::secret_url::SecretUrl;
use crate::redact::Secret;

/// A Matrix room.
#[derive(Debug, Clone)]
pub struct Matrix {
    /// The URL of the homeserver.
    pub server: SecretUrl,
    pub access_token: Secret,
    /// The ID of the room, such as `!abc:example.org`. An alias does not work.
    pub room: String,
}

impl HttpChannel for Matrix {}
