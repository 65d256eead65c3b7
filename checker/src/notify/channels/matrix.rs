//! Requests to a Matrix homeserver, which post messages to a room.
//! <https://spec.matrix.org/latest/client-server-api/#sending-events-to-a-room>

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};
use shared::UnixNanos;

use super::outcome::{body_wait, by_status};
use super::request::{finish, json_request};
use super::secret_url::{SecretUrl, bearer_auth};
use super::{HttpChannel, InvalidMessage, SendOutcome};
use crate::notify::html;
use crate::notify::message::Message;
use crate::notify::outline::{Limit, PLAIN, fit};
use crate::redact::Secret;

#[derive(Debug, Clone)]
pub struct Matrix {
    /// The URL of the homeserver.
    pub server: SecretUrl,
    pub access_token: Secret,
    /// The room ID, such as `!abc:example.org`. An alias does not work.
    pub room: String,
}

/// A Matrix event is limited to 65,536 bytes, which the plain text and the HTML share. Escapes in JSON can double the
/// length of the plain text.
const LIMIT: Limit = Limit::Bytes(12_000);
/// The maximum length of the HTML as a JSON string.
const HTML_LIMIT: usize = 32_000;

impl HttpChannel for Matrix {
    /// Uses the message's ID as the transaction ID, so that the homeserver ignores a repeated message.
    fn requests(&self, message: &Message, _: UnixNanos) -> Result<Vec<Request<Bytes>>, InvalidMessage> {
        let path = ["_matrix", "client", "v3", "rooms", &self.room, "send", "m.room.message", &message.id];
        let mut body = json!({
            "msgtype": "m.text",
            "body": fit(message, &PLAIN, LIMIT),
            // Mention no users, even if the text contains their names.
            "m.mentions": {},
        });
        let html = Value::from(html::fragment(message));
        if html.to_string().len() <= HTML_LIMIT {
            body["format"] = "org.matrix.custom.html".into();
            body["formatted_body"] = html;
        }
        let request = json_request(&self.server.with_path(path), Method::PUT);
        let request = request.header(AUTHORIZATION, bearer_auth(self.access_token.reveal()));
        Ok(vec![finish(request, body.to_string())?])
    }

    fn outcome(&self, status: StatusCode, headers: &HeaderMap, body: &[u8], now: UnixNanos) -> SendOutcome {
        by_status(status, headers, now, || body_wait(body, "/retry_after_ms", 0.001))
    }
}
