//! Finds outages of the endpoints that an endpoint depends on, so that a common cause is reported only once.

use std::collections::{HashMap, HashSet};

use super::episodes::Episodes;
use super::periods::Period;
use super::policy::CheckNotifications;
use super::verdicts::Verdict;
use crate::endpoint_map::EndpointMap;
use crate::uptime::MERGE_WINDOW;
use crate::{Nanos, UnixNanos};

/// How much earlier an outage of a dependent endpoint can begin than its cause, and how much later it can end, because
/// nodes check endpoints at different times.
const MARGIN: Nanos = MERGE_WINDOW;

/// The dependencies between endpoints, as indexes into the list of verdicts.
pub(super) struct Dependencies {
    direct: HashMap<usize, Vec<usize>>,
}

/// The outages of an endpoint's dependencies. News about the endpoint is held back while they last.
#[derive(Debug, Default)]
pub(super) struct Causes {
    /// The periods during which dependencies were down, extended by [`MARGIN`] on both sides and sorted by start.
    pub(super) periods: Vec<Period>,
    /// The index of the first dependency that is currently down.
    pub(super) current: Option<usize>,
}

impl Dependencies {
    /// Finds the dependencies between endpoints. Dependencies that the channel is not notified of are ignored, because
    /// otherwise the channel would receive no news about the outage at all.
    pub(super) fn new(
        verdicts: &[Verdict<'_>],
        checks: &EndpointMap<CheckNotifications>,
        is_covered: impl Fn(usize) -> bool,
    ) -> Dependencies {
        let mut direct = HashMap::new();
        if checks.is_empty() {
            return Dependencies { direct };
        }
        let mut by_title: Option<HashMap<&str, Vec<usize>>> = None;
        for (index, verdict) in verdicts.iter().enumerate() {
            let Some(check) = checks.get(verdict.key).filter(|check| !check.depends_on.is_empty()) else { continue };
            let by_title = by_title.get_or_insert_with(|| {
                let mut map: HashMap<&str, Vec<usize>> = HashMap::new();
                for (index, verdict) in verdicts.iter().enumerate() {
                    map.entry(&verdict.key.title).or_default().push(index);
                }
                map
            });
            let found = check.depends_on.iter().filter_map(|title| by_title.get(title.as_str())).flatten();
            let found: Vec<usize> = found.copied().filter(|other| *other != index && is_covered(*other)).collect();
            direct.insert(index, found);
        }
        Dependencies { direct }
    }

    /// Returns whether an endpoint has any dependencies.
    pub(super) fn has_any(&self, index: usize) -> bool {
        self.direct.get(&index).is_some_and(|direct| !direct.is_empty())
    }

    /// Returns the outages of an endpoint's direct and indirect dependencies. If endpoints depend on each other, the
    /// first one is treated as the cause.
    pub(super) fn causes(&self, index: usize, outages_of: impl Fn(usize) -> Episodes) -> Causes {
        let mut causes = Causes::default();
        for cause in self.reachable(index) {
            if cause > index && self.reachable(cause).contains(&index) {
                continue;
            }
            let outages = outages_of(cause);
            let is_failing = outages.is_bad() && outages.all.last().is_some_and(|last| last.down_since.is_some());
            if is_failing && causes.current.is_none_or(|current| cause < current) {
                causes.current = Some(cause);
            }
            let failed = outages.all.iter().filter_map(|outage| Some((outage.down_since?, outage.end)));
            let with_margin = |(start, end): (UnixNanos, UnixNanos)| Period {
                start: start.saturating_sub(MARGIN),
                end: end.saturating_add(MARGIN),
            };
            causes.periods.extend(failed.map(with_margin));
        }
        causes.periods.sort_unstable();
        causes
    }

    fn reachable(&self, from: usize) -> HashSet<usize> {
        let mut found = HashSet::new();
        let mut open = vec![from];
        while let Some(next) = open.pop() {
            for other in self.direct.get(&next).into_iter().flatten() {
                if *other != from && found.insert(*other) {
                    open.push(*other);
                }
            }
        }
        found
    }
}
