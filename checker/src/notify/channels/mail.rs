//! Composes mail for SMTP, which `delivery::smtp` sends.

use std::time::{Duration, SystemTime};

use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use sha2::{Digest as _, Sha256};
use shared::UnixNanos;
use shared::notification_log::RecipientList;

use super::identifier::identifier;
use super::{FailureReason, InvalidMessage, Login, SendOutcome};
use crate::notify::event::EventKind;
use crate::notify::html;
use crate::notify::message::Message;
use crate::notify::outline::{Outline, PLAIN};
use crate::notify::words;

/// Mail through an SMTP server.
#[derive(Debug, Clone)]
pub struct Mail {
    pub host: String,
    pub port: u16,
    pub security: SmtpSecurity,
    pub login: Option<Login>,
    pub from: Mailbox,
    pub to: Vec<Mailbox>,
    /// The prefix of the subject, or `None` to use the page title.
    pub subject: Option<String>,
}

/// How a connection to an SMTP server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// TLS from the start, usually on port 465.
    Tls,
    /// STARTTLS, which the server must support, usually on port 587.
    StartTls,
    /// STARTTLS if the server supports it, usually on port 25. A password is never sent without encryption, except to
    /// this machine.
    Opportunistic,
    /// No encryption, even for the password.
    Unencrypted,
}

impl SmtpSecurity {
    /// Returns the default encryption for a port.
    #[must_use]
    pub fn for_port(port: u16) -> SmtpSecurity {
        match port {
            465 => SmtpSecurity::Tls,
            587 | 2587 => SmtpSecurity::StartTls,
            _ => SmtpSecurity::Opportunistic,
        }
    }
}

/// The maximum length of a subject, in characters.
const SUBJECT_LIMIT: usize = 200;

impl Mail {
    /// Identifies the list of recipients in the public log.
    #[must_use]
    pub fn recipient_list(&self) -> RecipientList {
        let addresses = self.to.iter().map(|recipient| format!("{}\n", recipient.email));
        // Eight bits are too few to confirm a guessed address. If they do not reveal a change, another recipient on the
        // list receives the news.
        let checksum = Sha256::digest(addresses.collect::<String>()).first().copied();
        RecipientList { count: u32::try_from(self.to.len()).unwrap_or(u32::MAX), checksum }
    }

    /// Returns the complete email: its headers, and the message as plain text and HTML.
    pub fn content(&self, message: &Message, now: UnixNanos) -> Result<Vec<u8>, InvalidMessage> {
        let date = SystemTime::UNIX_EPOCH + Duration::from_nanos(u64::try_from(now).unwrap_or(0));
        let mut mail = lettre::Message::builder()
            .from(self.from.clone())
            .subject(subject(self.subject.as_deref(), message))
            .date(date)
            .message_id(Some(message_id(message, &self.from)))
            .header(AutoSubmitted);
        for recipient in &self.to {
            mail = mail.to(recipient.clone());
        }
        if let Some(thread) = thread_id(message, &self.from) {
            mail = mail.in_reply_to(thread.clone()).references(thread);
        }
        let text = Outline::new(message).render(&PLAIN);
        let mail = mail.multipart(MultiPart::alternative_plain_html(text, html::document(message)));
        let mail =
            mail.map_err(|_| InvalidMessage("mail needs a sender and a recipient; set `from` and `to`".to_owned()))?;
        Ok(mail.formatted())
    }
}

/// Interprets an SMTP server's reply code.
#[must_use]
pub fn smtp_outcome(code: u16) -> SendOutcome {
    let reason = FailureReason::Refused(code);
    match code {
        200..=399 => SendOutcome::Delivered,
        400..=499 => SendOutcome::Retry { reason, after: None },
        _ => SendOutcome::Refused { reason },
    }
}

/// Returns a one-line subject: the configured prefix or the page title, followed by a summary.
#[must_use]
pub fn subject(configured: Option<&str>, message: &Message) -> String {
    let beginning = configured.map_or_else(|| message.page_title.clone(), str::to_owned);
    let summary = words::short_summary(message);
    let subject = if beginning.is_empty() { summary } else { format!("{beginning}: {summary}") };
    words::one_line(&subject, SUBJECT_LIMIT)
}

/// Returns the `Message-ID` header, which is the same for every attempt.
#[must_use]
pub fn message_id(message: &Message, from: &Mailbox) -> String {
    format!("<{}@{}>", message.id, from.email.domain())
}

/// Returns an ID that all mail about one outage refers to, so that mail programs show it as one conversation. No mail
/// has this ID itself.
#[must_use]
pub fn thread_id(message: &Message, from: &Mailbox) -> Option<String> {
    let [item] = &message.items[..] else { return None };
    if matches!(item.event, EventKind::Test | EventKind::Incident | EventKind::Maintenance) {
        return None;
    }
    let since = item.since.to_string();
    let name = match &item.id {
        Some(id) => identifier(&[id, &since]),
        None => identifier(&[&item.title, &item.locator, &since]),
    };
    Some(format!("<outage-{name}@{}>", from.email.domain()))
}

/// The `Auto-Submitted` header, which suppresses out-of-office replies (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(AutoSubmitted)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
