//! A dead man's switch, such as healthchecks.io, which alerts when this checker stops.

use super::secret_url::SecretUrl;

/// A URL to request after each round, with `/fail` appended if the results could not be stored.
#[derive(Debug, Clone)]
pub struct Ping {
    pub url: SecretUrl,
}
