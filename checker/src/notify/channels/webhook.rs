//! Webhook requests with a default JSON body or a custom template. They can be signed according to the Standard
//! Webhooks specification.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderName, Method, Request};
use shared::{SECOND, UnixNanos};

use super::request::{finish, json_request};
use super::secret_url::{SecretUrl, sensitive};
use super::signature::SigningKey;
use super::{HttpChannel, InvalidMessage};
use crate::notify::message::Message;
use crate::notify::message_json::{template_values, to_json};
use crate::notify::template::{BodyTemplate, join_errors};
use crate::redact::Secret;

#[derive(Debug, Clone)]
pub struct Webhook {
    pub url: SecretUrl,
    pub headers: Vec<(HeaderName, Secret)>,
    /// The key that signs requests according to the Standard Webhooks specification.
    pub signing_key: Option<SigningKey>,
    /// The body template, or `None` for the default body.
    pub body: Option<BodyTemplate>,
}

impl HttpChannel for Webhook {
    fn requests(&self, message: &Message, now: UnixNanos) -> Result<Vec<Request<Bytes>>, InvalidMessage> {
        let body = match &self.body {
            Some(template) => {
                template.render(&template_values(message)).map_err(|errors| InvalidMessage(join_errors(&errors)))?
            }
            None => to_json(message),
        };
        let body = body.to_string();
        let timestamp = now / SECOND;
        let mut request = json_request(&self.url, Method::POST);
        // Receivers recognize a repeated message by its ID.
        request = request.header("webhook-id", message.id.as_str()).header("webhook-timestamp", timestamp);
        if let Some(key) = &self.signing_key {
            request = request.header("webhook-signature", key.sign(&message.id, timestamp, &body));
        }
        if let Some(headers) = request.headers_mut() {
            for (name, value) in &self.headers {
                if name == CONTENT_TYPE || name == USER_AGENT {
                    headers.remove(name);
                }
                headers.append(name, sensitive(value.reveal()));
            }
        }
        Ok(vec![finish(request, body)?])
    }
}
