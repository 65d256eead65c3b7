//! Requests to Pushover, a service for push notifications. <https://pushover.net/api>

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use shared::{SECOND, UnixNanos};

use super::mail::subject;
use super::outcome::by_status;
use super::request::{finish, form, form_request};
use super::secret_url::SecretUrl;
use super::{HttpChannel, InvalidMessage, SendOutcome};
use crate::notify::message::Message;
use crate::notify::outline::{Limit, PLAIN, fit};
use crate::notify::words::{Urgency, one_line};
use crate::redact::Secret;

#[derive(Debug, Clone)]
pub struct Pushover {
    pub server: SecretUrl,
    /// The API token that identifies the application.
    pub token: Secret,
    /// The key of a user or group.
    pub recipient: Secret,
    /// The prefix of the title, or `None` to use the page title.
    pub subject: Option<String>,
}

/// The limits, in characters.
const TITLE_LIMIT: usize = 250;
const LIMIT: Limit = Limit::Characters(1_024);
const URL_LIMIT: usize = 512;
const URL_TITLE_LIMIT: usize = 100;

impl HttpChannel for Pushover {
    fn requests(&self, message: &Message, _: UnixNanos) -> Result<Vec<Request<Bytes>>, InvalidMessage> {
        let url = self.server.with_path(["1", "messages.json"]);
        let title = one_line(&subject(self.subject.as_deref(), message), TITLE_LIMIT);
        // The title and the URL are sent in separate fields.
        let without_page = Message { page_title: String::new(), page_url: None, ..message.clone() };
        let text = fit(&without_page, &PLAIN, LIMIT);
        let page_title = one_line(&message.page_title, URL_TITLE_LIMIT);
        let timestamp = (message.at / SECOND).to_string();
        let priority = if Urgency::from_message(message) == Urgency::Critical { "1" } else { "0" };
        let mut fields = vec![
            ("token", self.token.reveal()),
            ("user", self.recipient.reveal()),
            ("title", &title),
            ("message", &text),
            ("timestamp", &timestamp),
            ("priority", priority),
        ];
        if let Some(url) = message.page_url.as_deref().filter(|url| url.chars().count() <= URL_LIMIT) {
            fields.extend([("url", url), ("url_title", &page_title)]);
        }
        Ok(vec![finish(form_request(&url), form(&fields))?])
    }

    /// Status 429 means that the monthly quota is used up. The `X-Limit-App-Reset` header contains the time when it
    /// resets.
    fn outcome(&self, status: StatusCode, headers: &HeaderMap, _: &[u8], now: UnixNanos) -> SendOutcome {
        by_status(status, headers, now, || {
            let reset: i64 = headers.get("x-limit-app-reset")?.to_str().ok()?.parse().ok()?;
            Some(Duration::from_secs(u64::try_from(reset - now / SECOND).unwrap_or(0)))
        })
    }
}
