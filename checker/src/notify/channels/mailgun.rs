//! Requests to the Mailgun API, which sends mail.
//! <https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages>

use bytes::Bytes;
use http::Request;
use http::header::AUTHORIZATION;
use lettre::message::Mailbox;
use shared::UnixNanos;

use super::mail::{message_id, subject, thread_id};
use super::request::{finish, form, form_request};
use super::secret_url::{SecretUrl, basic_auth};
use super::{HttpChannel, InvalidMessage};
use crate::notify::html;
use crate::notify::message::Message;
use crate::notify::outline::{Outline, PLAIN};
use crate::redact::Secret;

/// Mail through the Mailgun API.
#[derive(Debug, Clone)]
pub struct Mailgun {
    /// `https://api.mailgun.net`, or `https://api.eu.mailgun.net` for domains in the EU.
    pub server: SecretUrl,
    pub domain: String,
    pub api_key: Secret,
    pub from: Mailbox,
    pub to: Vec<Mailbox>,
    /// The prefix of the subject, or `None` to use the page title.
    pub subject: Option<String>,
}

impl HttpChannel for Mailgun {
    fn requests(&self, message: &Message, _: UnixNanos) -> Result<Vec<Request<Bytes>>, InvalidMessage> {
        let url = self.server.with_path(["v3", &self.domain, "messages"]);
        let to: Vec<String> = self.to.iter().map(ToString::to_string).collect();
        let (from, to) = (self.from.to_string(), to.join(", "));
        let subject = subject(self.subject.as_deref(), message);
        let (text, html) = (Outline::new(message).render(&PLAIN), html::document(message));
        let (id, thread) = (message_id(message, &self.from), thread_id(message, &self.from));
        let mut fields = vec![
            ("from", from.as_str()),
            ("to", &to),
            ("subject", &subject),
            ("text", &text),
            ("html", &html),
            ("h:Message-Id", &id),
            ("h:Auto-Submitted", "auto-generated"),
            ("o:tracking", "no"),
        ];
        if let Some(thread) = &thread {
            fields.extend([("h:In-Reply-To", thread.as_str()), ("h:References", thread)]);
        }
        let request = form_request(&url).header(AUTHORIZATION, basic_auth("api", self.api_key.reveal()));
        Ok(vec![finish(request, form(&fields))?])
    }
}
