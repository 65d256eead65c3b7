//! Sends mail in one SMTP transaction. If the server refuses some of the recipients, the others are still notified.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use shared::UnixNanos;
use tokio::time::{Instant, timeout_at};

use super::{Attempt, CONNECT_TIMEOUT, MARGIN};
use crate::notify::channels::mail::{Mail, SmtpSecurity, smtp_outcome};
use crate::notify::channels::{FailureReason, SendOutcome};
use crate::notify::event::EventKind;
use crate::notify::message::Message;

type SmtpError = lettre::transport::smtp::Error;

/// How long before the time limit to end the transfer of mail. This is later than the end of the preceding steps.
const FINAL_MARGIN: Duration = Duration::from_millis(100);

const NO_ENCRYPTION: &str = "its server does not offer STARTTLS, so the password was not sent; use another port";

/// Sends one message to all recipients, or to those at the given positions.
pub(super) async fn send(
    mail: &Mail,
    message: &Message,
    recipients: Option<&[u32]>,
    deadline: Instant,
    now: UnixNanos,
) -> Attempt {
    let content = match mail.content(message, now) {
        Ok(content) => content,
        Err(error) => return Attempt::invalid(error),
    };
    let is_test = message.items.iter().all(|item| item.event == EventKind::Test);
    // The server cannot have accepted the message before its content is transferred.
    let until = deadline.checked_sub(MARGIN).unwrap_or(deadline);
    let slow = || Err(not_connected(mail, "did not respond in time"));
    let begun = timeout_at(until, begin(mail, recipients, !content.is_ascii())).await.unwrap_or_else(|_| slow());
    match begun {
        Ok(transaction) => transaction.finish(&content, is_test, deadline).await,
        Err(attempt) => attempt,
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

/// A transaction in which the server has accepted at least one recipient.
struct Transaction {
    connection: AsyncSmtpConnection,
    rejected: Rejected,
}

/// The recipients that a server did not accept.
struct Rejected {
    /// The positions of these recipients, with the server's replies.
    recipients: Vec<(u32, SmtpError)>,
    /// The number of recipients in the channel's list.
    count: usize,
}

/// Connects, and passes the sender and the recipients to the server. `recipients` contains positions, or `None` for all
/// recipients.
async fn begin(mail: &Mail, recipients: Option<&[u32]>, needs_8bit: bool) -> Result<Transaction, Attempt> {
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
    if needs_8bit && connection.server_info().supports_feature(Extension::EightBitMime) {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    let begin = MailFrom::new(Some(mail.from.email.clone()), parameters);
    connection.command(begin).await.map_err(|error| failed(&error))?;
    let is_recipient = |index: u32| recipients.is_none_or(|recipients| recipients.contains(&index));
    let mut rejected = Rejected { recipients: Vec::new(), count: mail.to.len() };
    let mut has_accepted = false;
    for (index, recipient) in (0..).zip(&mail.to).filter(|(index, _)| is_recipient(*index)) {
        if let Err(error) = connection.command(Rcpt::new(recipient.email.clone(), Vec::new())).await {
            if error.status().is_none() {
                return Err(failed(&error));
            }
            rejected.recipients.push((index, error));
        } else {
            has_accepted = true;
        }
    }
    if !has_accepted {
        connection.abort().await;
        return Err(rejected.failure(recipients.is_none()));
    }
    connection.command(Data).await.map_err(|error| failed(&error))?;
    Ok(Transaction { connection, rejected })
}

impl Rejected {
    /// Describes the failure if the server accepted no recipient. A message for all recipients is repeated as a whole.
    fn failure(self, is_for_all: bool) -> Attempt {
        let is_temporary = |(_, error): &&(u32, SmtpError)| error.is_transient();
        // Prefer a temporary error, because another attempt can succeed.
        let Some((_, error)) = self.recipients.iter().find(is_temporary).or(self.recipients.first()) else {
            return Attempt::refused("it has no recipients; set `to`".to_owned());
        };
        let attempt = failed(error);
        let are_all_temporary = self.recipients.iter().all(|recipient| is_temporary(&recipient));
        if is_for_all || are_all_temporary { attempt } else { self.add_to(attempt, false) }
    }

    /// Adds these recipients to an attempt. `is_test` is whether this is a test message, which is not sent
    /// again.
    fn add_to(self, attempt: Attempt, is_test: bool) -> Attempt {
        let Rejected { recipients, count } = self;
        let (deferred, refused): (Vec<_>, Vec<_>) = recipients.into_iter().partition(|(_, error)| error.is_transient());
        let note = |recipients: &[(u32, SmtpError)], problem: &str, remedy: &str| {
            let code = recipients.first()?.1.status().map_or(0, u16::from);
            Some(format!("the server {problem} {} of {count} recipients (status {code}); {remedy}", recipients.len()))
        };
        let later = if is_test { "try again later" } else { "the message will be sent to them later" };
        let notes = [note(&refused, "refused", "check the addresses in `to`"), note(&deferred, "deferred", later)];
        let notes: Vec<String> = notes.into_iter().flatten().collect();
        let positions = |recipients: Vec<(u32, SmtpError)>| recipients.into_iter().map(|(index, _)| index).collect();
        Attempt {
            note: (!notes.is_empty()).then(|| notes.join("; ")),
            deferred: positions(deferred),
            refused: positions(refused),
            ..attempt
        }
    }
}

impl Transaction {
    /// Transfers the content to the recipients that the server has accepted. If the server does not respond before the
    /// deadline or closes the connection, only these recipients may have received it.
    async fn finish(mut self, content: &[u8], is_test: bool, deadline: Instant) -> Attempt {
        let until = deadline.checked_sub(FINAL_MARGIN).unwrap_or(deadline);
        let transferred = timeout_at(until, self.connection.message(content)).await;
        let attempt = match transferred {
            Ok(Ok(_)) => Attempt::from(SendOutcome::Delivered),
            Ok(Err(error)) if error.status().is_some() => failed(&error),
            // A server that closes the connection may have accepted the message first.
            Ok(Err(_)) | Err(_) => Attempt::retry(FailureReason::TimedOut),
        };
        match attempt.outcome {
            SendOutcome::Delivered => {
                // Ignore the error, because the server has already accepted the mail.
                let _ = timeout_at(until, self.connection.quit()).await;
                self.rejected.add_to(attempt, is_test)
            }
            SendOutcome::Retry { reason: FailureReason::TimedOut, .. } => self.rejected.add_to(attempt, is_test),
            SendOutcome::Retry { .. } | SendOutcome::Refused { .. } => attempt,
        }
    }
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
        .map_err(|error| connection_failed(mail, &error))?;
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

/// Converts an error from connecting. The reason is shown, because it does not come from the server.
fn connection_failed(mail: &Mail, error: &SmtpError) -> Attempt {
    if error.status().is_some() || is_tls_failure(error) {
        return failed(error);
    }
    let kind = causes(error).find_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
    not_connected(
        mail,
        match kind {
            _ if error.is_timeout() => "did not respond in time",
            Some(io::ErrorKind::TimedOut) => "did not respond in time",
            Some(io::ErrorKind::ConnectionRefused) => "refused the connection",
            Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => {
                "is on a network that cannot be reached"
            }
            Some(io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof) => "closed the connection",
            _ => "cannot be found or connected to",
        },
    )
}

fn not_connected(mail: &Mail, reason: &str) -> Attempt {
    let note = format!("`{}:{}` {reason}; check `server`, `port` and the network", mail.host, mail.port);
    Attempt::retry(FailureReason::Unreachable).with_note(note)
}

fn causes(error: &SmtpError) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(error), |cause| cause.source())
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
    let is_tls = |cause: &(dyn std::error::Error + 'static)| {
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause.is::<rustls::Error>() || matches!(inner, Some(inner) if inner.is::<rustls::Error>())
    };
    causes(error).any(is_tls) || error.is_tls()
}
