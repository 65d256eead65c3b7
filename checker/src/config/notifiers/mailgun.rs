//! The configuration of `mailgun` notifiers.

use serde::Deserialize;

use super::NotifierType;
use super::converter::{NotifierConverter, http, not_empty};
use super::mail::{FROM, SUBJECT, TO};
use crate::config::patterns;
use crate::config::raw::OneOrMany;
use crate::config::spec::{ValueKind, Variant, optional, required};
use crate::notify::channels::Transport;
use crate::notify::channels::mailgun::Mailgun;

const DEFAULT_URL: &str = "https://api.mailgun.net";

pub(super) const TYPE: NotifierType = NotifierType {
    variant: Variant {
        name: "mailgun",
        description: "Mail, through the API of Mailgun.",
        fields: &[
            FROM,
            TO,
            SUBJECT,
            required("domain", ValueKind::Pattern(patterns::NOT_BLANK), "The domain to send from."),
            required("apikey", ValueKind::Secret, "The API key."),
            optional(
                "url",
                ValueKind::SecretUrl,
                "`https://api.mailgun.net`",
                "The API URL: `https://api.eu.mailgun.net` for domains in the EU.",
            ),
        ],
    },
    convert,
};

#[derive(Deserialize)]
struct RawMailgun {
    from: String,
    to: OneOrMany,
    subject: Option<String>,
    domain: String,
    apikey: String,
    url: Option<String>,
}

fn convert(converter: &mut NotifierConverter<'_>) -> Option<Transport> {
    let raw: RawMailgun = converter.read()?;
    let from = converter.address("from", &raw.from);
    let to = converter.addresses("to", raw.to);
    let api_key = converter.secret("apikey", raw.apikey);
    let domain = converter.text("domain", raw.domain);
    let server = converter.server(raw.url.as_deref(), DEFAULT_URL);
    let subject = not_empty(raw.subject);
    Some(http(Mailgun { server: server?, domain: domain?, api_key: api_key?, from: from?, to: to?, subject }))
}
