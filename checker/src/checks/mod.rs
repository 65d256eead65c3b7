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
use shared::result::Attempt;

use self::assertions::evaluate::Judges;
use self::heartbeat::Beats;
use self::net::address_policy::Reach;
use self::net::connect::TlsOptions;
use self::net::online_check::Connectivity;
use self::net::tls_config::{TlsConfigs, TrustError};
use self::probe_data::{Seen, Wanted};
use self::timing::{PHASES, Stopwatch};
use crate::config::model::{Check, CheckKind, Config};
use crate::platform::fd_limit;

/// What all checks of a process share, so that no check sets it up for itself.
pub struct Probes {
    tls: TlsConfigs,
    icmp: OnceLock<socket2::Type>,
    connectivity: Connectivity,
    beats: Option<Beats>,
    reach: Reach,
    judges: Judges,
    clock: fn() -> UnixNanos,
}

impl Probes {
    /// What checks share, set up when it is first needed; `clock` tells the time, by which certificates expire.
    #[must_use]
    pub fn new(reach: Reach, clock: fn() -> UnixNanos) -> Probes {
        Probes {
            connectivity: Connectivity::default(),
            tls: TlsConfigs::default(),
            icmp: OnceLock::new(),
            beats: None,
            reach,
            judges: Judges::default(),
            clock,
        }
    }

    /// The same for a configuration's checks.
    #[must_use]
    pub fn of(config: &Config, clock: fn() -> UnixNanos) -> Probes {
        Probes { connectivity: Connectivity::new(config.connectivity.clone()), ..Probes::new(config.reach, clock) }
    }

    /// The same, with a way to read heartbeats.
    #[must_use]
    pub fn with_beats(self, beats: Option<Beats>) -> Probes {
        Probes { beats, ..self }
    }

    /// The way to read heartbeats that these have.
    #[must_use]
    pub fn beats(&self) -> Option<Beats> {
        self.beats.clone()
    }

    /// Whether this node is online, as far as it was told how to know.
    pub async fn is_online(&self) -> bool {
        self.connectivity.is_online().await
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
pub enum Observation {
    /// It was looked at, this often.
    Attempts(Vec<Tried>),
    /// It could not be looked at, for a reason that is ours.
    NotPossible(String),
}

/// One attempt, with what was seen besides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tried {
    /// The attempt as it is stored.
    pub attempt: Attempt,
    /// What is not as it should be, though the attempt did not fail: it makes the check degraded.
    pub concern: Option<String>,
    /// Whether it failed and was made good by trying again: it is kept, and counts for nothing.
    pub made_good: bool,
}

/// Why an attempt failed, for a person. It ends up in [`Attempt::error`].
pub type Failure = String;

/// How an attempt went: what it saw, or why it failed.
pub type Outcome = Result<Seen, Failure>;

/// Makes every attempt of a check, one after the other, each again if it fails and the check says so.
pub async fn observe(check: &Check, probes: &Probes) -> Observation {
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
            match attempt(check, probes).await {
                Ok((attempt, _)) => tried.push(attempt),
                Err(why) => return Observation::NotPossible(why),
            }
            if tried.last().is_some_and(|last| last.attempt.error.is_none()) {
                tried[first..].iter_mut().for_each(|tried| tried.made_good = tried.attempt.error.is_some());
                break;
            }
        }
    }
    Observation::Attempts(tried)
}

/// Makes one attempt and tells what it saw; an error says why none can be made.
pub async fn attempt(check: &Check, probes: &Probes) -> Result<(Tried, Seen), String> {
    let (tried, seen) = look(check, probes).await?;
    if tried.attempt.error.as_deref() == Some(error_text::OUT_OF_FILES) {
        return Err(fd_limit::too_many_open_files());
    }
    assertions::evaluate::judge(check, tried, seen, &probes.judges).await
}

async fn look(check: &Check, probes: &Probes) -> Result<(Tried, Seen), String> {
    let unusable = |error: TrustError| error.to_string();
    let (wanted, limit) = (check.wanted, check.kind.timeout());
    match &check.kind {
        CheckKind::Http(http) => {
            let tls = if http.needs_authorities() {
                Some(probes.tls.for_trust(&http.trust).await.map_err(unusable)?)
            } else {
                None
            };
            Ok(timed(limit, wanted, |stopwatch| Box::pin(http::request(http, tls, wanted, probes, stopwatch))).await)
        }
        CheckKind::Tcp(tcp) => {
            let tls = probes.tls_for(tcp.tls.as_ref()).await.map_err(unusable)?;
            Ok(timed(limit, wanted, |stopwatch| Box::pin(tcp::talk(tcp, tls, probes.reach, stopwatch))).await)
        }
        CheckKind::Tls(tls) => {
            let config = probes.tls.for_trust(&tls.options.trust).await.map_err(unusable)?;
            let now = (probes.clock)();
            Ok(timed(limit, wanted, |stopwatch| Box::pin(tls::look(tls, config, probes.reach, now, stopwatch))).await)
        }
        CheckKind::Dns(dns) => {
            Ok(timed(limit, wanted, |stopwatch| Box::pin(dns::ask(dns, probes.reach, stopwatch))).await)
        }
        CheckKind::Exec(exec) => Ok(timed(limit, wanted, |stopwatch| Box::pin(exec::run(exec, stopwatch))).await),
        CheckKind::Icmp(icmp) => {
            let kind = probes.icmp_socket_type()?;
            Ok(timed(limit, wanted, |stopwatch| Box::pin(icmp::ping(icmp, kind, probes.reach, stopwatch))).await)
        }
        CheckKind::WebSocket(socket) => {
            let tls = probes.tls_for(socket.tls.as_ref()).await.map_err(unusable)?;
            Ok(timed(limit, wanted, |stopwatch| Box::pin(websocket::talk(socket, tls, probes.reach, stopwatch))).await)
        }
        CheckKind::Grpc(grpc) => {
            let tls = probes.tls_for(grpc.tls.as_ref()).await.map_err(unusable)?;
            Ok(timed(limit, wanted, |stopwatch| Box::pin(grpc::ask(grpc, tls, probes.reach, stopwatch))).await)
        }
        CheckKind::Heartbeat(check) => {
            let last = Box::pin(heartbeat::last(check, probes.beats.as_ref())).await?;
            let outcome = heartbeat::judge(check, last.as_ref(), (probes.clock)())?;
            // Nothing of the job is timed: how long reading took would say something about the store only.
            Ok(timed(limit, wanted, |_| std::future::ready(outcome)).await)
        }
        CheckKind::NotPossible { why, .. } => Err(why.clone()),
    }
}

/// Makes an attempt within its time limit, and times it.
async fn timed<F: Future<Output = Outcome>>(
    limit: Duration,
    wanted: Wanted,
    task: impl FnOnce(Arc<Stopwatch>) -> F,
) -> (Tried, Seen) {
    let stopwatch = Arc::new(if wanted.notes { Stopwatch::start_with_notes() } else { Stopwatch::start() });
    let task = task(Arc::clone(&stopwatch));
    // Only where notes are kept does somebody look for the stopwatch in the task.
    let task = if wanted.notes {
        Either::Left(Box::pin(PHASES.scope(Arc::clone(&stopwatch), task)))
    } else {
        Either::Right(task)
    };
    let outcome = tokio::time::timeout(limit, task).await.unwrap_or_else(|_| Err(stopwatch.timed_out_after(limit)));
    let rtt = stopwatch.elapsed();
    let (error, mut seen) = match outcome {
        Ok(seen) => (None, seen),
        Err(failure) => (Some(failure), stopwatch.noted()),
    };
    if wanted.notes && error.is_none() {
        let Seen { certificates, tried, peer, .. } = stopwatch.noted();
        (seen.certificates, seen.tried, seen.peer) = (certificates, tried, peer);
    }
    let attempt = Attempt { rtt, error, phases: stopwatch.phases() };
    (Tried { attempt, concern: seen.concern.take(), made_good: false }, seen)
}
