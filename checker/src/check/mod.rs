//! The kinds of check, one file or folder each: I/O only, from a configured check to its attempts.
//!
//! What the attempts mean is concluded in [`crate::conclude`]. A failing endpoint is an attempt with an error,
//! never an `Err`. What several kinds need stands beside them: [`connect`] opens connections, [`tls_trust`] knows
//! whose certificates are trusted, [`stopwatch`] times an attempt, [`wording`] says in plain words what failed.

pub mod connect;
pub mod dns;
pub mod exec;
pub mod http;
pub mod reach;
mod starttls;
pub mod stopwatch;
pub mod tcp;
#[cfg(test)]
mod test_server;
pub mod tls;
pub mod tls_trust;
mod wording;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use shared::UnixNanos;
use shared::result::Attempt;

use self::http::HttpClients;
use self::reach::Reach;
use self::stopwatch::{PHASES, Stopwatch};
use self::tls_trust::TlsConfigs;
use crate::config::valid::{Check, CheckKind};

/// What all checks of a process share, so that no check sets it up for itself.
pub struct Probes {
    http: HttpClients,
    tls: TlsConfigs,
    reach: Reach,
    clock: fn() -> UnixNanos,
}

impl Probes {
    /// What checks share, set up when it is first needed; `clock` tells the time, by which certificates expire.
    #[must_use]
    pub fn new(reach: Reach, clock: fn() -> UnixNanos) -> Probes {
        Probes { http: HttpClients::default(), tls: TlsConfigs::default(), reach, clock }
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
}

/// Why an attempt failed, for a person. It ends up in [`Attempt::error`].
pub type Failure = String;

/// How an attempt went: it succeeded (with a concern, if something is not as it should be) or it failed.
pub type Outcome = Result<Option<String>, Failure>;

/// Makes every attempt of a check, one after the other.
pub async fn observe(check: &Check, probes: &Probes) -> Observation {
    let mut tried = Vec::with_capacity(check.attempts as usize);
    for number in 0..check.attempts {
        if number > 0 && !check.attempt_spacing.is_zero() {
            tokio::time::sleep(check.attempt_spacing).await;
        }
        match attempt(&check.kind, probes).await {
            Ok(attempt) => tried.push(attempt),
            Err(why) => return Observation::NotPossible(why),
        }
    }
    Observation::Attempts(tried)
}

/// Makes one attempt; an error says why none can be made.
async fn attempt(kind: &CheckKind, probes: &Probes) -> Result<Tried, String> {
    let unusable = |error: tls_trust::TrustError| format!("failed to {error}");
    match kind {
        CheckKind::Http(http) => {
            let client = probes.http.for_trust(&http.trust, &probes.tls, probes.reach).await.map_err(unusable)?;
            Ok(timed(http.timeout, |stopwatch| http::request(http, client, probes.reach, stopwatch)).await)
        }
        CheckKind::Tcp(tcp) => {
            let tls = match &tcp.tls {
                Some(tls) => Some(probes.tls.for_trust(&tls.trust).await.map_err(unusable)?),
                None => None,
            };
            Ok(timed(tcp.timeout, |stopwatch| Box::pin(tcp::talk(tcp, tls, probes.reach, stopwatch))).await)
        }
        CheckKind::Tls(tls) => {
            let config = probes.tls.for_trust(&tls.options.trust).await.map_err(unusable)?;
            let now = (probes.clock)();
            Ok(timed(tls.timeout, |stopwatch| Box::pin(tls::look(tls, config, probes.reach, now, stopwatch))).await)
        }
        CheckKind::Dns(dns) => {
            Ok(timed(dns.timeout, |stopwatch| Box::pin(dns::ask(dns, probes.reach, stopwatch))).await)
        }
        CheckKind::Exec(exec) => Ok(timed(exec.timeout, |stopwatch| Box::pin(exec::run(exec, stopwatch))).await),
        CheckKind::NotPossible { why, .. } => Err(why.clone()),
    }
}

/// Makes an attempt within its time limit, and times it.
async fn timed<F: Future<Output = Outcome>>(limit: Duration, task: impl FnOnce(Arc<Stopwatch>) -> F) -> Tried {
    let stopwatch = Arc::new(Stopwatch::start());
    let task = PHASES.scope(Arc::clone(&stopwatch), task(Arc::clone(&stopwatch)));
    let outcome = tokio::time::timeout(limit, task).await.unwrap_or_else(|_| Err(stopwatch.timed_out_after(limit)));
    let (error, concern) = match outcome {
        Ok(concern) => (None, concern),
        Err(failure) => (Some(failure), None),
    };
    Tried { attempt: Attempt { rtt: stopwatch.elapsed(), error, phases: stopwatch.phases() }, concern }
}
