//! An Alertmanager, which receives the current alerts after each round instead of messages.

use std::collections::BTreeMap;

use super::Authorization;
use super::secret_url::SecretUrl;

/// An Alertmanager, which receives the current alerts after each round instead of messages.
#[derive(Debug, Clone)]
pub struct Alertmanager {
    pub server: SecretUrl,
    pub authorization: Option<Authorization>,
    /// Labels to add to every alert.
    pub labels: BTreeMap<String, String>,
}
