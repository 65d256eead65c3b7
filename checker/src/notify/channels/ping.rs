//! A dead man's switch, such as healthchecks.io, which alerts when this checker stops.

use bytes::Bytes;
use http::Request;

use super::InvalidMessage;
use super::request::{finish, get_request};
use super::secret_url::SecretUrl;

/// A URL to request after each round, with `/fail` appended if the results could not be stored.
#[derive(Debug, Clone)]
pub struct Ping {
    pub url: SecretUrl,
}

impl Ping {
    /// Returns the request to send after a round.
    pub fn request(&self, is_stored: bool) -> Result<Request<Bytes>, InvalidMessage> {
        let url = if is_stored { self.url.clone() } else { self.url.with_path(["fail"]) };
        finish(get_request(&url), Bytes::new())
    }
}
