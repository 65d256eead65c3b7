//! Tests whether channels can be reached, without sending messages. Secrets are sent only to log in to mail servers.

use std::path::Path;
use std::time::Duration;

use futures_util::future::try_join_all;
use http::Uri;
use shared::status::Status;
use tokio::time::timeout;

use super::{Attempt, Courier, smtp};
use crate::checks::Probe as _;
use crate::checks::exec::ExecCheck;
use crate::notify::channels::mail::Mail;
use crate::notify::channels::outcome::remedy;
use crate::notify::channels::{FailureReason, SendOutcome, Transport};
use crate::notify::sample;

/// Why a channel cannot be notified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelProblem {
    /// A predicate about the channel, such as "cannot be reached at `hooks.example.com`".
    pub what: String,
    pub remedy: String,
}

impl Courier {
    /// Tests within `limit` whether a channel can be reached. Returns a predicate about the channel.
    pub async fn reach(&self, transport: &Transport, limit: Duration) -> Result<String, ChannelProblem> {
        let sample = sample::message();
        let requests = match transport {
            // All of a message's requests go to the same server.
            Transport::Http(channel) => channel.requests(&sample, sample::AT).map(|mut requests| {
                requests.truncate(1);
                requests
            }),
            Transport::Alertmanager(alertmanager) => alertmanager.requests(&sample, sample::AT),
            Transport::Ping(ping) => ping.request(true).map(|request| vec![request]),
            Transport::Mail(mail) => return reach_mail(mail, limit).await,
            Transport::Exec(_) | Transport::Apprise(_) => {
                return preflight(transport)
                    .map(|()| "has an executable command".to_owned())
                    .map_err(|what| ChannelProblem { what: format!("cannot start: {what}"), remedy: String::new() });
            }
        };
        let requests = requests.map_err(|error| ChannelProblem {
            what: format!("cannot send messages: {error}"),
            remedy: String::new(),
        })?;
        let hosts = try_join_all(requests.iter().map(|request| self.reach_server(request.uri(), limit))).await?;
        Ok(format!("can be reached at {}", hosts.join(" and ")))
    }

    /// Requests a server's root URL. Any response means that the server can be reached. Returns the quoted host.
    async fn reach_server(&self, uri: &Uri, limit: Duration) -> Result<String, ChannelProblem> {
        let (scheme, host) = (uri.scheme_str().unwrap_or("https"), uri.authority().map_or("", |host| host.as_str()));
        match timeout(limit, self.http.get(format!("{scheme}://{host}/")).send()).await {
            Ok(Ok(_)) => Ok(format!("`{host}`")),
            Ok(Err(_)) => Err(ChannelProblem {
                what: format!("cannot be reached at `{host}`"),
                remedy: "check its address, its certificate and the network".to_owned(),
            }),
            Err(_) => Err(ChannelProblem {
                what: format!("cannot be reached: `{host}` did not respond within {} s", limit.as_secs()),
                remedy: "check its address and the network".to_owned(),
            }),
        }
    }
}

/// Connects to a mail server, and logs in if a login is configured.
async fn reach_mail(mail: &Mail, limit: Duration) -> Result<String, ChannelProblem> {
    let server = format!("{}:{}", mail.host, mail.port);
    let timed_out = || Err(Attempt::retry(FailureReason::TimedOut));
    let Err(attempt) = timeout(limit, smtp::verify(mail)).await.unwrap_or_else(|_| timed_out()) else {
        let login = if mail.login.is_some() { ", which accepts its login" } else { "" };
        return Ok(format!("can be reached at `{server}`{login}"));
    };
    let reason = match attempt.outcome {
        SendOutcome::Retry { reason, .. } | SendOutcome::Refused { reason } => reason,
        SendOutcome::Delivered => FailureReason::Failed,
    };
    let what = match reason {
        FailureReason::Unreachable => "cannot be reached".to_owned(),
        FailureReason::TimedOut => {
            format!("cannot be reached: `{server}` did not respond within {} s", limit.as_secs())
        }
        FailureReason::Refused(status) => format!("was refused by `{server}` (status {status})"),
        FailureReason::RateLimited | FailureReason::Failed => format!("was refused by `{server}`"),
    };
    Err(ChannelProblem { what, remedy: attempt.note.unwrap_or_else(|| remedy(reason, false).to_owned()) })
}

/// Returns an error if a channel's command cannot start. Channels without a command always pass.
pub fn preflight(transport: &Transport) -> Result<(), String> {
    match transport {
        Transport::Exec(channel) => command_preflight(&channel.command),
        Transport::Apprise(apprise) => command_preflight(&apprise.command),
        _ => Ok(()),
    }
}

fn command_preflight(command: &Path) -> Result<(), String> {
    let check = ExecCheck {
        locator: String::new(),
        command: command.to_owned(),
        arguments: Vec::new(),
        timeout: Duration::ZERO,
        exit_status: None,
        must_contain: None,
        must_not_contain: None,
        failure_status: Status::Down,
    };
    check.preflight()
}
