//! Mail over SMTP.

use lettre::message::Mailbox;

use super::Login;

/// Mail through an SMTP server.
#[derive(Debug, Clone)]
pub struct Mail {
    pub host: String,
    pub port: u16,
    pub security: SmtpSecurity,
    pub login: Option<Login>,
    pub from: Mailbox,
    pub to: Vec<Mailbox>,
    /// The beginning of the subject, or `None` for the title of the page.
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
    /// Returns the default for a port.
    #[must_use]
    pub fn for_port(port: u16) -> SmtpSecurity {
        match port {
            465 => SmtpSecurity::Tls,
            587 | 2587 => SmtpSecurity::StartTls,
            _ => SmtpSecurity::Opportunistic,
        }
    }
}
