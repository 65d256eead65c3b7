//! Requests to Gotify, a server for push notifications. <https://gotify.net/docs/pushmsg>

use bytes::Bytes;
use http::{Method, Request};
use serde_json::json;
use shared::UnixNanos;

use super::mail::subject;
use super::request::{finish, json_request};
use super::secret_url::{SecretUrl, sensitive};
use super::{HttpChannel, InvalidMessage};
use crate::notify::message::Message;
use crate::notify::outline::{Limit, PLAIN, fit};
use crate::notify::words::Urgency;
use crate::redact::Secret;

/// An application on a Gotify server.
#[derive(Debug, Clone)]
pub struct Gotify {
    pub server: SecretUrl,
    pub token: Secret,
}

/// Gotify has no length limit, but its apps display long messages slowly.
const LIMIT: Limit = Limit::Utf16(4_000);

impl HttpChannel for Gotify {
    fn requests(&self, message: &Message, _: UnixNanos) -> Result<Vec<Request<Bytes>>, InvalidMessage> {
        let without_page = Message { page_title: String::new(), page_url: None, ..message.clone() };
        // The app plays a sound from priority 4, and also vibrates from priority 8.
        let priority = match Urgency::from_message(message) {
            Urgency::Critical => 8,
            Urgency::Warning => 6,
            Urgency::Good | Urgency::Info => 4,
        };
        let mut body = json!({
            "title": subject(None, message),
            "message": fit(&without_page, &PLAIN, LIMIT),
            "priority": priority,
            "extras": { "client::display": { "contentType": "text/plain" } },
        });
        if let Some(url) = &message.page_url {
            body["extras"]["client::notification"] = json!({ "click": { "url": url } });
        }
        let url = self.server.with_path(["message"]);
        let request = json_request(&url, Method::POST).header("x-gotify-key", sensitive(self.token.reveal()));
        Ok(vec![finish(request, body.to_string())?])
    }
}
