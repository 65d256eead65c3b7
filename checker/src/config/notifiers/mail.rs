//! The configuration of `mail` notifiers.

use std::sync::Arc;

use serde::Deserialize;

use super::NotifierType;
use super::converter::{NotifierConverter, not_empty};
use crate::checks::net::connect::Address;
use crate::config::patterns;
use crate::config::raw::OneOrMany;
use crate::config::spec::{Field, ValueKind, Variant, optional, required};
use crate::notify::channels::mail::{Mail, SmtpSecurity};
use crate::notify::channels::{Login, Transport};
use crate::redact::Secret;

/// The original Checkup's default port.
const DEFAULT_PORT: u16 = 25;

pub(super) const FROM: Field = required(
    "from",
    ValueKind::Pattern(patterns::MAIL_ADDRESS),
    "The sender, for example `Status <status@example.com>`.",
);
pub(super) const TO: Field =
    required("to", ValueKind::OneOrMany(&ValueKind::Pattern(patterns::MAIL_ADDRESS)), "The address of each recipient.");
pub(super) const SUBJECT: Field =
    optional("subject", ValueKind::String, "the title of the page", "The prefix of the subject.");

pub(super) const TYPE: NotifierType = NotifierType {
    variant: Variant {
        name: "mail",
        description: "Mail, through an SMTP server.",
        fields: &[FROM, TO, SUBJECT, required("smtp", ValueKind::Object(SMTP), "The SMTP server.")],
    },
    convert,
};

const SMTP: &[Field] = &[
    required("server", ValueKind::Pattern(patterns::HOST_NAME), "The host name or IP address of the server."),
    optional("port", ValueKind::Integer(0, 65_535), "`25`", "The server's port."),
    optional(
        "encryption",
        ValueKind::Enum(&["tls", "starttls", "opportunistic", "none"]),
        "`tls` on port 465, `starttls` on port 587, otherwise `opportunistic`",
        "How the connection is encrypted: TLS from the start, STARTTLS, STARTTLS if the server supports it, or not at all.",
    ),
    optional("username", ValueKind::String, "none", "The user name."),
    optional("password", ValueKind::Secret, "none", "The password for `username`."),
];

#[derive(Deserialize)]
struct RawMail {
    from: String,
    to: OneOrMany,
    subject: Option<String>,
    smtp: RawSmtp,
}

#[derive(Deserialize)]
struct RawSmtp {
    server: String,
    #[serde(default)]
    port: u16,
    encryption: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

fn convert(converter: &mut NotifierConverter<'_>) -> Option<Transport> {
    let raw: RawMail = converter.read()?;
    let from = converter.address("from", &raw.from);
    let to = converter.addresses("to", raw.to);
    let smtp = raw.smtp;
    let host = server_host(converter, smtp.server);
    // The original Checkup writes port 0 if no port is set.
    let port = if smtp.port == 0 { DEFAULT_PORT } else { smtp.port };
    let security = match smtp.encryption.as_deref() {
        Some("tls") => SmtpSecurity::Tls,
        Some("starttls") => SmtpSecurity::StartTls,
        Some("opportunistic") => SmtpSecurity::Opportunistic,
        Some("none") => SmtpSecurity::Unencrypted,
        _ => SmtpSecurity::for_port(port),
    };
    let login = match (not_empty(smtp.username), smtp.password.filter(|password| !password.is_empty())) {
        (Some(username), Some(password)) => Some(Some(Login { username, password: Secret::new(password) })),
        (None, None) => Some(None),
        (Some(_), None) => {
            converter.reject("smtp.username", "is set without `password`: add it, or remove `username`");
            None
        }
        (None, Some(_)) => {
            converter.reject("smtp.password", "is set without `username`: add it, or remove `password`");
            None
        }
    };
    let subject = not_empty(raw.subject);
    Some(Transport::Mail(Arc::new(Mail { host: host?, port, security, login: login?, from: from?, to: to?, subject })))
}

fn server_host(converter: &mut NotifierConverter<'_>, text: String) -> Option<String> {
    const KEY: &str = "smtp.server";
    let text = converter.text(KEY, text)?;
    let text = text.trim();
    let host = Address::parse_host(text).ok().filter(|_| !text.contains('/')).map(|address| address.host);
    if host.is_none() {
        // The text before an `@` can be a password.
        let shown = if text.contains('@') { "the value".to_owned() } else { format!("`{text}`") };
        let remedy = "set the port in `port`, and credentials in `username` and `password`";
        converter.error(KEY, format!("{shown} is not a host name or IP address; {remedy}"));
    }
    host
}
