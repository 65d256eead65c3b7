//! Sends mail in one SMTP transaction. If the server refuses some of the recipients, the others are still notified.

use std::net::IpAddr;
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use shared::UnixNanos;

use super::Attempt;
use crate::notify::channels::mail::{Mail, SmtpSecurity, smtp_outcome};
use crate::notify::channels::{FailureReason, SendOutcome};
use crate::notify::message::Message;

type SmtpError = lettre::transport::smtp::Error;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

const NO_ENCRYPTION: &str = "its server does not offer STARTTLS, so the password was not sent; use another port";

/// Sends one message to all recipients.
pub(super) async fn send(mail: &Mail, message: &Message, now: UnixNanos) -> Attempt {
    let content = match mail.content(message, now) {
        Ok(content) => content,
        Err(error) => return Attempt::invalid(error),
    };
    match transfer(mail, &content).await {
        Ok(attempt) | Err(attempt) => attempt,
    }
}

/// Connects and logs in, without sending mail.
pub(super) async fn verify(mail: &Mail) -> Result<(), Attempt> {
    let mut connection = log_in(mail).await?;
    // Ignore the error, because the login has already succeeded.
    let _ = connection.quit().await;
    Ok(())
}

async fn log_in(mail: &Mail) -> Result<AsyncSmtpConnection, Attempt> {
    let mut connection = connect(mail).await?;
    if let Some(login) = &mail.login {
        let credentials = Credentials::new(login.username.clone(), login.password.reveal().to_owned());
        connection.auth(DEFAULT_MECHANISMS, &credentials).await.map_err(|error| failed(&error))?;
    }
    Ok(connection)
}

async fn transfer(mail: &Mail, content: &[u8]) -> Result<Attempt, Attempt> {
    let mut connection = log_in(mail).await?;
    let addresses = || mail.to.iter().map(|mailbox| &mailbox.email).chain([&mail.from.email]);
    let needs_utf8 = !addresses().all(|address| address.to_string().is_ascii());
    let mut parameters = Vec::new();
    if needs_utf8 {
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(Attempt::refused("its server does not support addresses with these characters".to_owned()));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !content.is_ascii() && connection.server_info().supports_feature(Extension::EightBitMime) {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    let begin = MailFrom::new(Some(mail.from.email.clone()), parameters);
    connection.command(begin).await.map_err(|error| failed(&error))?;
    let mut refused: Vec<SmtpError> = Vec::new();
    for recipient in &mail.to {
        if let Err(error) = connection.command(Rcpt::new(recipient.email.clone(), Vec::new())).await {
            if error.status().is_none() {
                return Err(failed(&error));
            }
            refused.push(error);
        }
    }
    if refused.len() == mail.to.len() {
        connection.abort().await;
        // Prefer a temporary error, because another attempt can succeed.
        let worst = refused.iter().find(|error| error.is_transient()).or(refused.first());
        return Err(worst.map_or_else(|| Attempt::refused("it has no recipients; set `to`".to_owned()), failed));
    }
    connection.command(Data).await.map_err(|error| failed(&error))?;
    connection.message(content).await.map_err(|error| failed(&error))?;
    // Ignore the error, because the server has already accepted the mail.
    let _ = connection.quit().await;
    let delivered = Attempt::from(SendOutcome::Delivered);
    Ok(match refused.first().and_then(SmtpError::status) {
        None => delivered,
        Some(code) => delivered.with_note(format!(
            "{} of {} recipients were refused (status {}); check the addresses in `to`",
            refused.len(),
            mail.to.len(),
            u16::from(code)
        )),
    })
}

/// Connects, and encrypts the connection as configured.
async fn connect(mail: &Mail) -> Result<AsyncSmtpConnection, Attempt> {
    let name = client_name();
    let tls = || {
        TlsParameters::builder(mail.host.clone())
            .build_rustls()
            .map_err(|_| Attempt::refused("its TLS settings are invalid; check `server`".to_owned()))
    };
    let from_start = if mail.security == SmtpSecurity::Tls { Some(tls()?) } else { None };
    let address = (mail.host.as_str(), mail.port);
    let mut connection = AsyncSmtpConnection::connect_tokio1(address, Some(CONNECT_TIMEOUT), &name, from_start, None)
        .await
        .map_err(|error| failed(&error))?;
    let upgrades = match mail.security {
        SmtpSecurity::StartTls => true,
        SmtpSecurity::Opportunistic => connection.can_starttls(),
        SmtpSecurity::Tls | SmtpSecurity::Unencrypted => false,
    };
    if upgrades {
        if !connection.can_starttls() {
            connection.abort().await;
            return Err(Attempt::refused("its server does not offer STARTTLS; check `port`".to_owned()));
        }
        connection.starttls(tls()?, &name).await.map_err(|error| failed(&error))?;
    }
    let needs_encryption = mail.login.is_some() && mail.security != SmtpSecurity::Unencrypted;
    if needs_encryption && !connection.is_encrypted() && !is_this_machine(&mail.host) {
        connection.abort().await;
        return Err(Attempt::refused(NO_ENCRYPTION.to_owned()));
    }
    Ok(connection)
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Returns the client name for `EHLO`. Falls back to a default if the host name contains characters that servers
/// reject.
fn client_name() -> ClientId {
    let name = gethostname::gethostname().to_string_lossy().into_owned();
    let is_valid =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    if is_valid { ClientId::Domain(name) } else { ClientId::default() }
}

/// Converts an error. Discards its text, which contains the server's reply.
fn failed(error: &SmtpError) -> Attempt {
    if let Some(code) = error.status() {
        let attempt = Attempt::from(smtp_outcome(u16::from(code)));
        // An error with a success code would violate the protocol.
        return match attempt.outcome {
            SendOutcome::Delivered => Attempt::retry(FailureReason::Failed),
            _ => attempt,
        };
    }
    if error.is_timeout() {
        Attempt::retry(FailureReason::TimedOut)
    } else if is_tls_failure(error) {
        Attempt::refused("its TLS certificate or settings are not accepted; check `server` and `port`".to_owned())
    } else if error.is_client() {
        Attempt::refused("its server does not support the configured login; check `username` and `port`".to_owned())
    } else {
        Attempt::retry(FailureReason::Unreachable)
    }
}

/// Returns whether the TLS handshake failed, for example because of an invalid certificate. `lettre` can report this as
/// an I/O error.
fn is_tls_failure(error: &SmtpError) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(current) = cause {
        let io_error = current.downcast_ref::<std::io::Error>();
        let inner = io_error.and_then(std::io::Error::get_ref).and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if current.is::<rustls::Error>() || inner.is_some() {
            return true;
        }
        cause = current.source();
    }
    error.is_tls()
}
