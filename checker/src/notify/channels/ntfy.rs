//! Requests to ntfy, a server for push notifications. <https://docs.ntfy.sh/publish/#publish-as-json>

use bytes::Bytes;
use http::{Method, Request};
use serde_json::json;
use shared::UnixNanos;

use super::mail::subject;
use super::request::{authorized, finish, json_request};
use super::secret_url::SecretUrl;
use super::{Authorization, HttpChannel, InvalidMessage};
use crate::notify::message::Message;
use crate::notify::outline::{Limit, PLAIN, fit};
use crate::notify::words::Urgency;
use crate::redact::Secret;

/// A topic on an ntfy server.
#[derive(Debug, Clone)]
pub struct Ntfy {
    /// The URL of the server, without the topic.
    pub server: SecretUrl,
    /// The topic, which is secret: if the server allows anonymous access, anyone who knows it can subscribe.
    pub topic: Secret,
    pub authorization: Option<Authorization>,
}

/// The ntfy server turns longer messages into attachments.
const LIMIT: Limit = Limit::Bytes(4_000);

impl HttpChannel for Ntfy {
    /// Publishes JSON to the server's root, because the alternative, HTTP headers, cannot contain all characters.
    fn requests(&self, message: &Message, _: UnixNanos) -> Result<Vec<Request<Bytes>>, InvalidMessage> {
        let without_page = Message { page_title: String::new(), page_url: None, ..message.clone() };
        let (priority, tag) = match Urgency::from_message(message) {
            Urgency::Critical => (5, "rotating_light"),
            Urgency::Warning => (4, "warning"),
            Urgency::Good => (3, "white_check_mark"),
            Urgency::Info => (3, "information_source"),
        };
        let mut body = json!({
            "topic": self.topic.reveal(),
            "title": subject(None, message),
            "message": fit(&without_page, &PLAIN, LIMIT),
            "priority": priority,
            "tags": [tag],
        });
        if let Some(url) = &message.page_url {
            body["click"] = url.as_str().into();
        }
        let request = authorized(json_request(&self.server, Method::POST), self.authorization.as_ref());
        Ok(vec![finish(request, body.to_string())?])
    }
}
