//! Mail through the API of Mailgun.

use lettre::message::Mailbox;

use super::HttpChannel;
use super::secret_url::SecretUrl;
use crate::redact::Secret;

/// Mail through the API of Mailgun.
#[derive(Debug, Clone)]
pub struct Mailgun {
    /// `https://api.mailgun.net`, or `https://api.eu.mailgun.net` for domains in the EU.
    pub server: SecretUrl,
    pub domain: String,
    pub api_key: Secret,
    pub from: Mailbox,
    pub to: Vec<Mailbox>,
    /// The beginning of the subject, or `None` for the title of the page.
    pub subject: Option<String>,
}

impl HttpChannel for Mailgun {}
