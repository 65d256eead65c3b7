//! The kinds of check, one file or folder each: I/O only, from a configured check to its attempts.
//!
//! What the attempts mean is concluded in [`crate::conclude`]. A failing endpoint is an attempt with an error,
//! never an `Err`.

pub mod http;

use shared::result::Attempt;

use self::http::HttpClients;
use crate::config::valid::{Check, CheckKind};

/// What all checks of a process share, so that no check sets it up for itself.
#[derive(Default)]
pub struct Probes {
    http: HttpClients,
}

/// What came of looking at an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// It was looked at, this often.
    Attempts(Vec<Attempt>),
    /// It could not be looked at, for a reason that is ours.
    NotPossible(String),
}

/// Makes every attempt of a check, one after the other.
pub async fn observe(check: &Check, probes: &Probes) -> Observation {
    let http = match &check.kind {
        CheckKind::Http(http) => http,
        CheckKind::NotPossible { why, .. } => return Observation::NotPossible(why.clone()),
    };
    let client = match probes.http.for_trust(&http.trust).await {
        Ok(client) => client,
        Err(error) => return Observation::NotPossible(format!("failed to {error}")),
    };
    let mut attempts = Vec::with_capacity(check.attempts as usize);
    for number in 0..check.attempts {
        if number > 0 && !check.attempt_spacing.is_zero() {
            tokio::time::sleep(check.attempt_spacing).await;
        }
        attempts.push(http::attempt(http, &client).await);
    }
    Observation::Attempts(attempts)
}
