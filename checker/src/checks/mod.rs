//! The kinds of check, one file or folder each: I/O only, from a configured check to its attempts.
//!
//! What the attempts mean is concluded in [`crate::monitor::evaluate`]. A failing endpoint is an attempt with an error,
//! never an `Err`. What several kinds need stands beside them: [`net::resolver`] finds the addresses of names, [`net::connect`]
//! opens connections, [`net::tls_config`] knows whose certificates are trusted, [`timing`] times an attempt, [`error_text`]
//! says in plain words what failed.

pub mod assertions;
pub mod dns;
mod error_text;
pub mod exec;
mod expected_text;
pub mod grpc;
pub mod heartbeat;
pub mod http;
pub mod icmp;
pub mod net;
pub mod probe_data;
pub mod tcp;
#[cfg(test)]
mod test_server;
pub mod timing;
pub mod tls;
pub mod websocket;

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::Either;
use rustls::ClientConfig;
use shared::UnixNanos;
use shared::check_file::Attempt;

use self::assertions::evaluate::AssertionPool;
use self::heartbeat::HeartbeatReader;
use self::net::address_policy::AddressPolicy;
use self::net::connect::TlsOptions;
use self::net::online_check::OnlineCheck;
use self::net::tls_config::{TlsConfigs, TrustError};
use self::probe_data::{Capture, ProbeData};
use self::timing::{STOPWATCH, Stopwatch};
use crate::config::model::{Check, CheckKind, Config};
use crate::platform::fd_limit;

/// What all checks of a process share, so that no check sets it up for itself.
pub struct CheckContext {
    tls: TlsConfigs,
    icmp: OnceLock<socket2::Type>,
    online_check: OnlineCheck,
    heartbeats: Option<HeartbeatReader>,
    policy: AddressPolicy,
    pool: AssertionPool,
    clock: fn() -> UnixNanos,
}

impl CheckContext {
    /// What checks share, set up when it is first needed; `clock` tells the time, by which certificates expire.
    #[must_use]
    pub fn new(policy: AddressPolicy, clock: fn() -> UnixNanos) -> CheckContext {
        CheckContext {
            online_check: OnlineCheck::default(),
            tls: TlsConfigs::default(),
            icmp: OnceLock::new(),
            heartbeats: None,
            policy,
            pool: AssertionPool::default(),
            clock,
        }
    }

    /// The same for a configuration's checks.
    #[must_use]
    pub fn of(config: &Config, clock: fn() -> UnixNanos) -> CheckContext {
        CheckContext {
            online_check: OnlineCheck::new(config.online_check.clone()),
            ..CheckContext::new(config.address_policy, clock)
        }
    }

    /// The same, with a way to read heartbeats.
    #[must_use]
    pub fn with_heartbeats(self, heartbeats: Option<HeartbeatReader>) -> CheckContext {
        CheckContext { heartbeats, ..self }
    }

    /// The way to read heartbeats that these have.
    #[must_use]
    pub fn heartbeats(&self) -> Option<HeartbeatReader> {
        self.heartbeats.clone()
    }

    /// Whether this node is online, as far as it was told how to know.
    pub async fn is_online(&self) -> bool {
        self.online_check.is_online().await
    }

    /// The kind of socket for echo requests; what keeps it from being opened may pass.
    fn icmp_socket_type(&self) -> Result<socket2::Type, String> {
        if let Some(kind) = self.icmp.get() {
            return Ok(*kind);
        }
        let kind = icmp::socket_type()?;
        Ok(*self.icmp.get_or_init(|| kind))
    }

    /// The TLS configuration that a check asks for, if it does.
    async fn tls_for(&self, options: Option<&TlsOptions>) -> Result<Option<Arc<ClientConfig>>, TrustError> {
        match options {
            Some(options) => self.tls.for_trust(&options.trust).await.map(Some),
            None => Ok(None),
        }
    }
}

/// What came of looking at an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckOutcome {
    /// It was looked at, this often.
    Attempts(Vec<AttemptRecord>),
    /// It could not be looked at, for a reason that is ours.
    Skipped {
        /// Why, as a complete clause.
        reason: String,
    },
}

/// One attempt, with what was seen besides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AttemptRecord {
    /// The attempt as it is stored.
    pub attempt: Attempt,
    /// What is not as it should be, though the attempt did not fail: it makes the check degraded.
    pub warning: Option<String>,
    /// Whether it failed and was made good by trying again: it is kept, and counts for nothing.
    pub recovered_by_retry: bool,
}

/// Why an attempt failed, for a person. It ends up in [`Attempt::error`].
pub type Failure = String;

/// How an attempt went: what it saw, or why it failed.
pub type ProbeResult = Result<ProbeData, Failure>;

/// Makes every attempt of a check, one after the other, each again if it fails and the check says so.
pub async fn run(check: &Check, context: &CheckContext) -> CheckOutcome {
    let mut tried = Vec::with_capacity(check.attempts as usize);
    for number in 0..check.attempts {
        if number > 0 && !check.attempt_spacing.is_zero() {
            tokio::time::sleep(check.attempt_spacing).await;
        }
        let first = tried.len();
        for again in 0..=check.retries {
            if again > 0 {
                tokio::time::sleep(check.retry_delay).await;
            }
            match attempt(check, context).await {
                Ok((attempt, _)) => tried.push(attempt),
                Err(why) => return CheckOutcome::Skipped { reason: why },
            }
            if tried.last().is_some_and(|last| last.attempt.error.is_none()) {
                tried[first..].iter_mut().for_each(|tried| tried.recovered_by_retry = tried.attempt.error.is_some());
                break;
            }
        }
    }
    CheckOutcome::Attempts(tried)
}

/// Makes one attempt and tells what it saw; an error says why none can be made.
pub async fn attempt(check: &Check, context: &CheckContext) -> Result<(AttemptRecord, ProbeData), String> {
    let (tried, seen) = look(check, context).await?;
    if tried.attempt.error.as_deref() == Some(error_text::TOO_MANY_OPEN_FILES) {
        return Err(fd_limit::too_many_open_files());
    }
    assertions::evaluate::evaluate(check, tried, seen, &context.pool).await
}

async fn look(check: &Check, context: &CheckContext) -> Result<(AttemptRecord, ProbeData), String> {
    let unusable = |error: TrustError| error.to_string();
    let (capture, limit) = (check.capture, check.kind.timeout());
    match &check.kind {
        CheckKind::Http(http) => {
            let tls = if http.needs_trust_anchors() {
                Some(context.tls.for_trust(&http.trust).await.map_err(unusable)?)
            } else {
                None
            };
            Ok(timed(limit, capture, |stopwatch| Box::pin(http::request(http, tls, capture, context, stopwatch))).await)
        }
        CheckKind::Tcp(tcp) => {
            let tls = context.tls_for(tcp.tls.as_ref()).await.map_err(unusable)?;
            Ok(timed(limit, capture, |stopwatch| Box::pin(tcp::talk(tcp, tls, context.policy, stopwatch))).await)
        }
        CheckKind::Tls(tls) => {
            let config = context.tls.for_trust(&tls.options.trust).await.map_err(unusable)?;
            let now = (context.clock)();
            Ok(timed(limit, capture, |stopwatch| Box::pin(tls::look(tls, config, context.policy, now, stopwatch)))
                .await)
        }
        CheckKind::Dns(dns) => {
            Ok(timed(limit, capture, |stopwatch| Box::pin(dns::ask(dns, context.policy, stopwatch))).await)
        }
        CheckKind::Exec(exec) => Ok(timed(limit, capture, |stopwatch| Box::pin(exec::run(exec, stopwatch))).await),
        CheckKind::Icmp(icmp) => {
            let kind = context.icmp_socket_type()?;
            Ok(timed(limit, capture, |stopwatch| Box::pin(icmp::ping(icmp, kind, context.policy, stopwatch))).await)
        }
        CheckKind::WebSocket(socket) => {
            let tls = context.tls_for(socket.tls.as_ref()).await.map_err(unusable)?;
            Ok(timed(limit, capture, |stopwatch| Box::pin(websocket::talk(socket, tls, context.policy, stopwatch)))
                .await)
        }
        CheckKind::Grpc(grpc) => {
            let tls = context.tls_for(grpc.tls.as_ref()).await.map_err(unusable)?;
            Ok(timed(limit, capture, |stopwatch| Box::pin(grpc::ask(grpc, tls, context.policy, stopwatch))).await)
        }
        CheckKind::Heartbeat(check) => {
            let last = Box::pin(heartbeat::read_last(check, context.heartbeats.as_ref())).await?;
            let outcome = heartbeat::evaluate(check, last.as_ref(), (context.clock)())?;
            // Nothing of the job is timed: how long reading took would say something about the store only.
            Ok(timed(limit, capture, |_| std::future::ready(outcome)).await)
        }
        CheckKind::NotPossible { why, .. } => Err(why.clone()),
    }
}

/// Makes an attempt within its time limit, and times it.
async fn timed<F: Future<Output = ProbeResult>>(
    limit: Duration,
    capture: Capture,
    task: impl FnOnce(Arc<Stopwatch>) -> F,
) -> (AttemptRecord, ProbeData) {
    let stopwatch = Arc::new(if capture.diagnostics { Stopwatch::start_recording() } else { Stopwatch::start() });
    let task = task(Arc::clone(&stopwatch));
    // Only where notes are kept does somebody look for the stopwatch in the task.
    let task = if capture.diagnostics {
        Either::Left(Box::pin(STOPWATCH.scope(Arc::clone(&stopwatch), task)))
    } else {
        Either::Right(task)
    };
    let outcome = tokio::time::timeout(limit, task).await.unwrap_or_else(|_| Err(stopwatch.timeout_message(limit)));
    let rtt = stopwatch.elapsed();
    let (error, mut seen) = match outcome {
        Ok(seen) => (None, seen),
        Err(failure) => (Some(failure), stopwatch.recorded()),
    };
    if capture.diagnostics && error.is_none() {
        let ProbeData { certificates, attempted, peer, .. } = stopwatch.recorded();
        (seen.certificates, seen.attempted, seen.peer) = (certificates, attempted, peer);
    }
    let attempt = Attempt { rtt, error, phases: stopwatch.phases() };
    (AttemptRecord { attempt, warning: seen.warning.take(), recovered_by_retry: false }, seen)
}
