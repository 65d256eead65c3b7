//! Sends messages to all channels concurrently, within a time limit, so that a failing channel never delays another
//! one.
//!
//! Reports contain neither URLs nor anything from a provider's response except its status code, because both could
//! contain a secret.

mod command;
mod http;
pub mod reach;
mod smtp;

use std::time::Duration;

use futures_util::future::join_all;
use rustls::ClientConfig;
use shared::UnixNanos;
use shared::notification_log::ChannelId;
use tokio::time::{Instant, timeout_at};

use super::channels::outcome::{TEMPORARY_FAILURE, remedy};
use super::channels::{FailureReason, InvalidMessage, SendOutcome, Transport};
use super::event::EventKind;
use super::message::Message;
use crate::checks::net::tls_config::{TlsConfigs, TlsSettings};

/// The time limit for notifying all channels after one evaluation.
pub const TIME_LIMIT: Duration = Duration::from_secs(10);
/// The maximum wait before a second attempt in the same run.
const WAIT_LIMIT: Duration = Duration::from_secs(3);
/// The time limit for connecting to a provider.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long before the time limit to end requests to a cluster and the steps that precede the transfer of mail.
const MARGIN: Duration = Duration::from_millis(200);
/// The wait before a second attempt, unless the provider requests a different one.
const DEFAULT_WAIT: Duration = Duration::from_secs(1);

/// A message or other content to send to one channel.
#[derive(Debug, Clone)]
pub struct Job {
    pub channel: ChannelId,
    pub transport: Transport,
    pub content: Content,
}

/// The content that a job sends to its channel.
#[derive(Debug, Clone)]
pub enum Content {
    News(Message),
    /// A message for some of the channel's recipients, given by their positions. The others have already received it.
    Rest {
        message: Message,
        recipients: Vec<u32>,
    },
    /// The current state, for an Alertmanager. Alerts end at `ends_at` unless they are posted again.
    State {
        state: Message,
        ends_at: UnixNanos,
    },
    /// The end of a round, for a dead man's switch.
    Round {
        is_stored: bool,
    },
}

impl Content {
    /// Returns whether this is the test message of `checker notify test`, which is never sent again.
    fn is_test(&self) -> bool {
        let is_test = |message: &Message| message.items.iter().all(|item| item.event == EventKind::Test);
        matches!(self, Content::News(message) if is_test(message))
    }
}

/// The outcome of sending one job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryReport {
    pub channel: ChannelId,
    pub outcome: SendOutcome,
    /// A description of the problem for the operator, as a complete clause.
    pub problem: Option<String>,
    /// The positions of recipients that have not accepted the message yet although others have, or may have.
    pub deferred: Vec<u32>,
    /// The positions of refused recipients, if the others are notified now or later.
    pub refused: Vec<u32>,
}

#[derive(Debug, Clone)]
pub struct Courier {
    http: reqwest::Client,
}

/// The error if the HTTP client cannot be created, so that no messages can be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("notifications cannot be sent: {0}")]
pub struct CourierError(String);

impl Courier {
    /// Creates the HTTP client without sending a request.
    pub async fn open() -> Result<Courier, CourierError> {
        let tls = TlsConfigs::default().client(&TlsSettings::default()).await;
        let tls = tls.map_err(|error| CourierError(error.to_string()))?;
        Courier::with_tls(tls.config())
    }

    fn with_tls(tls: &ClientConfig) -> Result<Courier, CourierError> {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            // Following a redirect could send a token to another host.
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .pool_max_idle_per_host(0)
            // Without a connection, the provider cannot have accepted the message.
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .map_err(|_| CourierError("the HTTP client cannot be initialized".to_owned()))?;
        Ok(Courier { http })
    }

    /// Sends all jobs concurrently. Jobs that are not done after `limit` time out.
    pub async fn deliver(&self, jobs: Vec<Job>, limit: Duration, now: UnixNanos) -> Vec<DeliveryReport> {
        let deadline = Instant::now() + limit;
        join_all(jobs.into_iter().map(|job| async move {
            let attempt = self.attempt(&job, deadline, now);
            let timed_out = || Attempt::retry(FailureReason::TimedOut);
            let attempt = timeout_at(deadline, attempt).await.unwrap_or_else(|_| timed_out());
            let problem = attempt.problem(&job.channel, !job.content.is_test());
            let Attempt { outcome, deferred, refused, .. } = attempt;
            DeliveryReport { channel: job.channel, outcome, problem, deferred, refused }
        }))
        .await
    }

    async fn attempt(&self, job: &Job, deadline: Instant, now: UnixNanos) -> Attempt {
        match (&job.transport, &job.content) {
            (Transport::Http(channel), Content::News(message)) => match channel.requests(message, now) {
                Ok(requests) => {
                    let interpret = |status, headers: &_, body: &_| channel.outcome(status, headers, body, now);
                    http::send_all(&self.http, requests, interpret, deadline).await
                }
                Err(error) => Attempt::invalid(error),
            },
            (Transport::Mail(mail), Content::News(message)) => {
                with_second_attempt(deadline, || smtp::send(mail, message, None, deadline, now)).await
            }
            (Transport::Mail(mail), Content::Rest { message, recipients }) => {
                with_second_attempt(deadline, || smtp::send(mail, message, Some(recipients), deadline, now)).await
            }
            (Transport::Exec(channel), Content::News(message)) => command::run_channel(channel, message).await,
            (Transport::Apprise(apprise), Content::News(message)) => command::run_apprise(apprise, message).await,
            (Transport::Alertmanager(alertmanager), Content::News(message)) => {
                // This is a test alert, which ends by itself because it is not posted again.
                let requests = alertmanager.requests(message, now + 5 * shared::MINUTE);
                self.send_to_cluster(requests, deadline, now).await
            }
            (Transport::Alertmanager(alertmanager), Content::State { state, ends_at }) => {
                self.send_to_cluster(alertmanager.requests(state, *ends_at), deadline, now).await
            }
            (Transport::Ping(ping), Content::Round { is_stored }) => {
                self.send_one(ping.request(*is_stored), deadline, now).await
            }
            (Transport::Ping(ping), Content::News(_)) => self.send_one(ping.request(true), deadline, now).await,
            // Other channels receive only messages.
            (_, Content::Rest { .. } | Content::State { .. } | Content::Round { .. }) => {
                Attempt::from(SendOutcome::Delivered)
            }
        }
    }

    /// Sends one request to each member of a cluster concurrently. One member that accepts it is enough.
    async fn send_to_cluster(
        &self,
        requests: Result<Vec<::http::Request<bytes::Bytes>>, InvalidMessage>,
        deadline: Instant,
        now: UnixNanos,
    ) -> Attempt {
        let requests = match requests {
            Ok(requests) => requests,
            Err(error) => return Attempt::invalid(error),
        };
        // A member that does not respond must not hide that another one accepted the request.
        let until = deadline.checked_sub(MARGIN).unwrap_or(deadline);
        let attempts = requests.into_iter().map(|request| async move {
            let attempt = http::send_all(&self.http, vec![request], http::by_status(now), until);
            timeout_at(until, attempt).await.unwrap_or_else(|_| Attempt::retry(FailureReason::TimedOut))
        });
        combined(join_all(attempts).await)
    }

    async fn send_one(
        &self,
        request: Result<::http::Request<bytes::Bytes>, InvalidMessage>,
        deadline: Instant,
        now: UnixNanos,
    ) -> Attempt {
        match request {
            Ok(request) => http::send_all(&self.http, vec![request], http::by_status(now), deadline).await,
            Err(error) => Attempt::invalid(error),
        }
    }
}

/// Combines the attempts for the members of a cluster, which fail only if all of them fail.
fn combined(attempts: Vec<Attempt>) -> Attempt {
    let is_delivered = |attempt: &Attempt| attempt.outcome == SendOutcome::Delivered;
    let count = attempts.len();
    if !attempts.iter().any(is_delivered) {
        let first = attempts.into_iter().next();
        return first.unwrap_or_else(|| Attempt::refused("it has no servers; set `url`".to_owned()));
    }
    let problems = attempts.iter().enumerate().filter_map(|(index, attempt)| {
        let problem = attempt.failure(true)?;
        Some(format!("server {} of {count} {problem}", index + 1))
    });
    let problems: Vec<String> = problems.collect();
    let note = (!problems.is_empty()).then(|| problems.join("; "));
    Attempt { note, ..Attempt::from(SendOutcome::Delivered) }
}

/// The outcome of one attempt, with an optional note for the operator.
#[derive(Debug)]
struct Attempt {
    outcome: SendOutcome,
    note: Option<String>,
    /// The positions of recipients that have not accepted the message yet although others have, or may have.
    deferred: Vec<u32>,
    /// The positions of refused recipients, if the others are notified now or later.
    refused: Vec<u32>,
}

impl From<SendOutcome> for Attempt {
    fn from(outcome: SendOutcome) -> Attempt {
        Attempt { outcome, note: None, deferred: Vec::new(), refused: Vec::new() }
    }
}

impl Attempt {
    fn retry(reason: FailureReason) -> Attempt {
        Attempt::from(SendOutcome::Retry { reason, after: None })
    }

    fn refused(note: String) -> Attempt {
        Attempt::from(SendOutcome::Refused { reason: FailureReason::Failed }).with_note(note)
    }

    fn invalid(error: InvalidMessage) -> Attempt {
        Attempt::refused(error.0)
    }

    fn with_note(mut self, note: impl Into<String>) -> Attempt {
        self.note = Some(note.into());
        self
    }

    /// Describes the failure or the note, without any text from the provider. `is_repeated` is whether another attempt
    /// follows if the failure is temporary.
    fn problem(&self, channel: &ChannelId, is_repeated: bool) -> Option<String> {
        let is_unanswered = matches!(self.outcome, SendOutcome::Retry { reason: FailureReason::TimedOut, .. });
        match self.failure(is_repeated) {
            // If individual recipients were refused, the note describes the failure.
            Some(failure) if self.refused.is_empty() || is_unanswered => Some(format!("channel `{channel}` {failure}")),
            _ => self.note.as_ref().map(|note| format!("channel `{channel}`: {note}")),
        }
    }

    /// Returns a predicate that describes the failure, or `None` if the message was delivered.
    fn failure(&self, is_repeated: bool) -> Option<String> {
        let reason = match self.outcome {
            SendOutcome::Delivered => return None,
            SendOutcome::Retry { reason, .. } | SendOutcome::Refused { reason } => reason,
        };
        let what = match reason {
            FailureReason::Unreachable => "is unreachable".to_owned(),
            FailureReason::TimedOut => "did not respond".to_owned(),
            FailureReason::RateLimited => "is rate-limited".to_owned(),
            FailureReason::Refused(TEMPORARY_FAILURE) => {
                format!("did not deliver the message (exit status {TEMPORARY_FAILURE})")
            }
            FailureReason::Refused(status @ ..100) => format!("did not accept the message (exit status {status})"),
            FailureReason::Refused(status) => format!("did not accept the message (status {status})"),
            FailureReason::Failed => "failed".to_owned(),
        };
        let remedy = self.note.as_deref().unwrap_or_else(|| remedy(reason, is_repeated));
        Some(format!("{what}: {remedy}"))
    }
}

/// Makes an attempt, and a second one if the first one fails temporarily. Does not repeat an attempt that timed out,
/// because the provider may have accepted the message.
async fn with_second_attempt<F: Future<Output = Attempt>>(
    deadline: Instant,
    mut attempt: impl FnMut() -> F,
) -> Attempt {
    let first = attempt().await;
    let SendOutcome::Retry { reason, after } = first.outcome else { return first };
    let wait = after.unwrap_or(DEFAULT_WAIT);
    let is_possible = reason != FailureReason::TimedOut && wait <= WAIT_LIMIT && Instant::now() + wait < deadline;
    if !is_possible {
        return first;
    }
    tokio::time::sleep(wait).await;
    timeout_at(deadline, attempt()).await.unwrap_or_else(|_| Attempt::retry(FailureReason::TimedOut))
}

#[cfg(test)]
mod tests;
