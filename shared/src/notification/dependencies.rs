//! Finds the outages of the endpoints that an endpoint depends on. News about one cause is sent once.

use std::collections::{HashMap, HashSet};

use super::episodes::Episodes;
use super::periods::Period;
use super::policy::CheckNotifications;
use super::verdicts::Verdict;
use crate::endpoint_map::EndpointMap;
use crate::uptime::MERGE_WINDOW;
use crate::{Nanos, UnixNanos};

/// How long outages of dependent endpoints can begin before the outage that causes them, and end after it, because nodes
/// check endpoints at different times.
const MARGIN: Nanos = MERGE_WINDOW;

/// Which endpoints depend on which others, as indexes of verdicts.
pub(super) struct Dependencies {
    direct: HashMap<usize, Vec<usize>>,
}

/// The outages that an endpoint's news waits for.
#[derive(Debug, Default)]
pub(super) struct Causes {
    /// When the causes failed, in order, with margins.
    pub(super) periods: Vec<Period>,
    /// The first cause that is failing now.
    pub(super) current: Option<usize>,
}

impl Dependencies {
    /// Finds the dependencies between endpoints. Those that the channel does not hear of do not count, because otherwise
    /// it would hear of nothing.
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

    /// Returns whether an endpoint depends on another one.
    pub(super) fn has_any(&self, index: usize) -> bool {
        self.direct.get(&index).is_some_and(|direct| !direct.is_empty())
    }

    /// Returns the failures of everything that an endpoint depends on, directly or not. Of endpoints that depend on each
    /// other, the first one is the cause.
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
