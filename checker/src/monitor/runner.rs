//! One round: a check of every endpoint, bounded in number, each in its own time.

use std::mem;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt as _;
use shared::nearest::nearest;
use shared::object_name::NodeName;
use shared::result::CheckResult;
use shared::status::Status;
use shared::{Nanos, UnixNanos};
use tokio::task::JoinSet;

use super::evaluate::{Conclusion, conclude};
use crate::checks::{Observation, Probes, observe};
use crate::config::model::{Check, Config};
use crate::ui::report::plain;

/// How many checks of one round are under way at once unless the file says: enough for thousands of endpoints on a
/// small machine, and few enough that they do not slow each other down.
const CHECKS_AT_ONCE: usize = 64;

/// The most of a title that is told, in characters.
const TITLE_WIDTH: usize = 80;

/// Why nothing is concluded from a node that is offline.
const OFFLINE: &str = "this node is offline: none of its `connectivity` addresses can be reached";

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
/// `interval` is how long each result is meant to stand whose check says nothing else; `clock` tells the time at
/// which each check starts.
pub async fn make_round(
    config: &Config,
    probes: &Arc<Probes>,
    interval: Option<Nanos>,
    clock: fn() -> UnixNanos,
) -> Vec<CheckResult> {
    let places = config.concurrent_checks.unwrap_or(CHECKS_AT_ONCE).min(config.checks.len());
    let round = Arc::new(Round {
        checks: config.checks.clone(),
        next: AtomicUsize::new(0),
        results: Mutex::new(vec![None; config.checks.len()]),
    });
    // As many tasks as there are places, each of which makes one check after the other: a task for each check would
    // cost a tenth of what the check does.
    let mut under_way = JoinSet::new();
    for _ in 0..places {
        let (round, probes, mut look) = (Arc::clone(&round), Arc::clone(probes), Look::of(config, None));
        under_way.spawn(async move {
            while let Some((index, check)) = round.next() {
                look.interval = check.every.or(interval);
                // Those under way go on first, so that connections are begun one after the other: a server that finds
                // several waiting has to be woken for the first of them alone.
                tokio::task::yield_now().await;
                round.put(index, look.make(check, &probes, clock()).await);
            }
        });
    }
    while under_way.join_next().await.is_some() {}
    let results = mem::take(&mut *round.results.lock().unwrap_or_else(PoisonError::into_inner));
    // Each is there, since each check has come to an end, also one that broke off. What they stood in is used again, as it
    // is not where they are flattened: they may be very many.
    results.into_iter().map_while(|result| result).collect()
}

/// A round that is under way.
struct Round {
    checks: Vec<Arc<Check>>,
    /// The next check that nobody makes yet.
    next: AtomicUsize,
    /// What came of each check.
    results: Mutex<Vec<Option<CheckResult>>>,
}

impl Round {
    fn next(&self) -> Option<(usize, &Check)> {
        let index = self.next.fetch_add(1, Relaxed);
        self.checks.get(index).map(|check| (index, &**check))
    }

    fn put(&self, index: usize, result: CheckResult) {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(result);
    }
}

/// What a look at an endpoint needs to know besides how to make it.
#[derive(Debug, Clone)]
pub struct Look {
    node: NodeName,
    /// A time that every result carries instead of the clock's.
    timestamp: Option<UnixNanos>,
    interval: Option<Nanos>,
}

impl Look {
    /// A look in the name of this configuration, whose result is meant to stand for `interval`.
    #[must_use]
    pub fn of(config: &Config, interval: Option<Nanos>) -> Look {
        Look { node: config.node.clone(), timestamp: config.timestamp, interval }
    }

    /// Makes one check, which starts at `started`, and concludes. A fault in it is no reason to give the others up.
    pub async fn make(&self, check: &Check, probes: &Probes, started: UnixNanos) -> CheckResult {
        let made = AssertUnwindSafe(self.make_to_the_end(check, probes, started)).catch_unwind().await;
        made.unwrap_or_else(|_| self.broken_off(check, started))
    }

    async fn make_to_the_end(&self, check: &Check, probes: &Probes, started: UnixNanos) -> CheckResult {
        let observation = observe(check, probes).await;
        self.result(check, started, conclude_from_here(observation, check, probes).await)
    }

    /// What is stored of windows in which nobody looked, the first of them at `since`.
    #[must_use]
    pub fn missed(&self, check: &Check, since: UnixNanos, count: i64) -> CheckResult {
        let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
        let notice = format!("not looked at {times}: this checker was suspended or had too much to do");
        self.result(check, since, Conclusion { status: Status::Unknown, notice, attempts: Vec::new() })
    }

    /// What is stored of a check that never came to its end.
    fn broken_off(&self, check: &Check, started: UnixNanos) -> CheckResult {
        let why = "the check broke off; please report it as a fault of the checker".to_owned();
        self.result(check, started, conclude(Observation::NotPossible(why), check))
    }

    fn result(&self, check: &Check, started: UnixNanos, conclusion: Conclusion) -> CheckResult {
        CheckResult {
            title: check.title.clone(),
            locator: check.kind.locator().to_owned(),
            timestamp: self.timestamp.unwrap_or(started),
            attempts: conclusion.attempts,
            threshold: check.threshold,
            status: conclusion.status,
            notice: conclusion.notice,
            message: String::new(),
            node: Some(self.node.clone()),
            kind: Some(check.kind.word().to_owned()),
            interval: self.interval,
            verdict: check.verdict,
        }
    }
}

/// Concludes on this node: if it is offline itself, what looks down is unknown.
pub async fn conclude_from_here(observation: Observation, check: &Check, probes: &Probes) -> Conclusion {
    let mut conclusion = conclude(observation, check);
    if conclusion.status == Status::Down && check.kind.needs_network() && !probes.is_online().await {
        conclusion.status = Status::Unknown;
        OFFLINE.clone_into(&mut conclusion.notice);
    }
    conclusion
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

    /// What it is about, for people.
    #[must_use]
    pub fn subject(&self) -> String {
        if self.about.is_empty() {
            return "everything that is watched".to_owned();
        }
        self.about.iter().map(|title| format!("`{}`", plain(title, TITLE_WIDTH))).collect::<Vec<_>>().join(", ")
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
    use crate::config::{Surroundings, from_text};
    use crate::monitor::runner::*;
    use std::path::Path;

    #[tokio::test]
    async fn a_check_that_breaks_off_is_unknown_and_those_behind_it_are_made() {
        let text = r#"{"concurrent_checks": 1, "checkers": [
            {"type": "tls", "endpoint_name": "Faulty", "endpoint_url": "127.0.0.1:9"},
            {"type": "exec", "name": "Sound", "command": "true"}]}"#;
        let surroundings = Surroundings { variable: &|_| None, host_name: "here".to_owned() };
        let config = from_text(text, Path::new(""), &surroundings).0.expect("it is a configuration");
        // Only the first of them asks these for the time.
        let probes = Arc::new(Probes::of(&config, || panic!("a fault of the checker")));
        let results = make_round(&config, &probes, Some(shared::MINUTE), || 7).await;
        let told: Vec<_> =
            results.iter().map(|result| (result.title.as_str(), result.status, result.timestamp)).collect();
        assert_eq!(told, [("Faulty", Status::Unknown, 7), ("Sound", Status::Healthy, 7)]);
        assert!(results[0].notice.contains("the check broke off"), "{}", results[0].notice);
        assert_eq!((results[0].interval, results[0].attempts.len()), (Some(shared::MINUTE), 0));
    }

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

    #[test]
    fn what_a_message_is_about_is_told_in_one_line() {
        let about = |titles: &[&str]| Announcement {
            message: "We know.".to_owned(),
            about: titles.iter().copied().map(str::to_owned).collect(),
        };
        assert_eq!(about(&[]).subject(), "everything that is watched");
        assert_eq!(about(&["Shop", "A\u{1b}[2JPI"]).subject(), "`Shop`, `A[2JPI`");
    }
}
