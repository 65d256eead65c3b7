//! One round: a check of every endpoint, bounded in number, each in its own time.

use std::sync::Arc;

use shared::nearest::nearest;
use shared::result::CheckResult;
use shared::{Nanos, UnixNanos};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::check::{Observation, Probes, observe};
use crate::conclude::conclude;
use crate::config::valid::{Check, Config};

/// What a person has to say with a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// The message: HTML that [`shared::message`] allows.
    pub message: String,
    /// The titles of the endpoints it is about; none means all.
    pub about: Vec<String>,
}

/// The announcement is about an endpoint that is not watched.
#[derive(Debug, thiserror::Error)]
#[error("find an endpoint titled `{title}` to post the message about; {remedy}")]
pub struct UnknownTitle {
    title: String,
    remedy: String,
}

/// Checks every endpoint and returns the results in the configuration's order.
///
/// `interval` is how long each result is meant to stand; `clock` tells the time at which each check starts.
pub async fn make_round(
    config: &Config,
    probes: &Arc<Probes>,
    interval: Option<Nanos>,
    clock: fn() -> UnixNanos,
) -> Vec<CheckResult> {
    let places = Arc::new(Semaphore::new(config.concurrent_checks));
    let mut checks: JoinSet<(usize, UnixNanos, Observation)> = JoinSet::new();
    for (index, check) in config.checks.iter().enumerate() {
        // Waiting here, and not in the task, keeps the number of tasks as small as the number of places.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
        let (check, probes) = (check.clone(), Arc::clone(probes));
        checks.spawn(async move {
            let started = clock();
            let observation = observe(&check, &probes).await;
            drop(place);
            (index, started, observation)
        });
    }
    let mut observed: Vec<Option<(UnixNanos, Observation)>> = config.checks.iter().map(|_| None).collect();
    while let Some(finished) = checks.join_next().await {
        if let Ok((index, started, observation)) = finished {
            observed[index] = Some((started, observation));
        }
    }
    let results = config.checks.iter().zip(observed).map(|(check, observed)| {
        let (started, observation) = observed.unwrap_or_else(|| {
            (
                clock(),
                Observation::NotPossible("the check broke off; please report it as a fault of the checker".to_owned()),
            )
        });
        result(config, check, config.timestamp.unwrap_or(started), observation, interval)
    });
    results.collect()
}

fn result(
    config: &Config,
    check: &Check,
    timestamp: UnixNanos,
    observation: Observation,
    interval: Option<Nanos>,
) -> CheckResult {
    let conclusion = conclude(observation, check);
    CheckResult {
        title: check.title.clone(),
        locator: check.kind.locator().to_owned(),
        timestamp,
        attempts: conclusion.attempts,
        threshold: check.threshold,
        status: conclusion.status,
        notice: conclusion.notice,
        message: String::new(),
        node: Some(config.node.clone()),
        kind: Some(check.kind.word().to_owned()),
        interval,
    }
}

impl Announcement {
    /// Makes sure that every title it is about is watched.
    pub fn check_titles(&self, config: &Config) -> Result<(), UnknownTitle> {
        let titles = || config.checks.iter().map(|check| check.title.as_str());
        match self.about.iter().find(|about| !titles().any(|title| title == about.as_str())) {
            None => Ok(()),
            Some(title) => {
                let remedy = match nearest(title, titles()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!(
                        "watched are: {}",
                        titles().map(|title| format!("`{title}`")).collect::<Vec<_>>().join(", ")
                    ),
                };
                Err(UnknownTitle { title: title.clone(), remedy })
            }
        }
    }

    /// Puts the message on the results it is about.
    pub fn post_with(&self, results: &mut [CheckResult]) {
        let concerned = |result: &&mut CheckResult| self.about.is_empty() || self.about.contains(&result.title);
        for result in results.iter_mut().filter(concerned) {
            result.message.clone_from(&self.message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results() -> Vec<CheckResult> {
        ["Shop", "API"].map(|title| CheckResult { title: title.to_owned(), ..CheckResult::default() }).to_vec()
    }

    #[test]
    fn a_message_is_posted_about_the_named_endpoints() {
        let mut results = results();
        Announcement { message: "We know.".to_owned(), about: vec!["API".to_owned()] }.post_with(&mut results);
        assert_eq!(results.iter().map(|result| result.message.as_str()).collect::<Vec<_>>(), ["", "We know."]);
    }

    #[test]
    fn a_message_about_nothing_in_particular_is_about_everything() {
        let mut results = results();
        Announcement { message: "We know.".to_owned(), about: Vec::new() }.post_with(&mut results);
        assert!(results.iter().all(|result| result.message == "We know."));
    }
}
