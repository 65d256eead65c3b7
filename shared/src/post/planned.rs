//! The maintenance that was announced for one endpoint before it began, and what it covers.
//!
//! Planned work never changes what was measured. It only determines how a measured problem is presented, and which time
//! the second uptime figure leaves out. An outage that had already begun when the work was announced is not part of it,
//! until the endpoint recovers or gets worse.

use super::maintenance::Maintenance;
use super::{Affected, Impact, impact_on};
use crate::UnixNanos;
use crate::status::Status;
use crate::uptime::{Span, TimeRange, UptimeBreakdown, containing, merge};

/// The windows that were announced for one endpoint before they began.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlannedWork {
    /// The windows for which `down` was announced, merged.
    down: Vec<TimeRange>,
    /// The windows for which `degraded` or `down` was announced, merged.
    degraded: Vec<TimeRange>,
}

impl PlannedWork {
    /// Collects the windows for an endpoint. `groups` contains the titles of all groups that contain the endpoint, and
    /// `spans` are the endpoint's spans.
    #[must_use]
    pub fn new(maintenance: &[Maintenance], title: &str, groups: &[&str], spans: &[Span]) -> PlannedWork {
        let windows = |least: Impact| {
            let mut planned = Vec::new();
            for one in maintenance {
                let is_declared = |affects: &[Affected]| impact_on(affects, title, groups) >= Some(least);
                for (since, until) in declared(one, &is_declared) {
                    for window in &one.windows {
                        let (start, end) = window.announced;
                        let (from, to) = (start.max(since), end.min(until));
                        if from < to {
                            planned.push((not_before(spans, window.announced_at.max(since)).max(from), to));
                        }
                    }
                }
            }
            merge(planned)
        };
        PlannedWork { down: windows(Impact::Down), degraded: windows(Impact::Degraded) }
    }

    /// Returns the periods that cover a status: a problem that is not worse than what was announced.
    #[must_use]
    pub fn covering(&self, status: Status) -> &[TimeRange] {
        match status {
            Status::Down => &self.down,
            Status::Degraded => &self.degraded,
            Status::Healthy | Status::Unknown => &[],
        }
    }

    /// Returns whether the announcement covers a whole span of time with this status.
    #[must_use]
    pub fn covers(&self, span: &Span) -> bool {
        containing(self.covering(span.status), span.start, span.end).is_some()
    }

    /// Returns the end of the announced work that covers a status at this time.
    #[must_use]
    pub fn until(&self, status: Status, now: UnixNanos) -> Option<UnixNanos> {
        containing(self.covering(status), now, now).map(|(_, end)| end)
    }

    /// Returns how long the endpoint had a status in a period (`from <= t < to`) while an announcement covered it.
    #[must_use]
    pub fn covered_time(&self, status: Status, spans: &[Span], from: UnixNanos, to: UnixNanos) -> crate::Nanos {
        let periods = self.covering(status);
        if periods.is_empty() {
            return 0;
        }
        UptimeBreakdown::from_spans(spans, from, to).time(status)
            - UptimeBreakdown::outside(spans, periods, from, to).time(status)
    }

    /// Computes the breakdown of a period (`from <= t < to`) outside of planned maintenance.
    ///
    /// Only windows for which `down` was announced are left out. Degraded time does not lower the uptime, and time in
    /// which the endpoint was down although only less was announced counts.
    #[must_use]
    pub fn outside(&self, spans: &[Span], from: UnixNanos, to: UnixNanos) -> UptimeBreakdown {
        UptimeBreakdown::outside(spans, &self.down, from, to)
    }
}

/// Returns the periods in which the declared endpoints met a condition.
fn declared(maintenance: &Maintenance, is_declared: &dyn Fn(&[Affected]) -> bool) -> Vec<TimeRange> {
    let all = &maintenance.declared;
    let mut periods = Vec::new();
    for (index, (since, affects)) in all.iter().enumerate() {
        if is_declared(affects) {
            periods.push((*since, all.get(index + 1).map_or(UnixNanos::MAX, |(until, _)| *until)));
        }
    }
    merge(periods)
}

/// Returns when the outage during which work was announced ended or got worse. Without such an outage, returns the time
/// of the announcement. An outage lasts until the endpoint is known to have recovered, so it can contain gaps.
pub(crate) fn not_before(spans: &[Span], announced_at: UnixNanos) -> UnixNanos {
    let until_then = spans.partition_point(|span| span.start <= announced_at);
    let known = spans[..until_then].iter().rfind(|span| span.status != Status::Unknown);
    let Some(status) = known.map(|span| span.status).filter(|status| *status >= Status::Degraded) else {
        return announced_at;
    };
    let later = spans.partition_point(|span| span.end <= announced_at);
    let is_over = |span: &&Span| span.status == Status::Healthy || span.status > status;
    spans[later..].iter().find(is_over).map_or(UnixNanos::MAX, |span| span.start)
}

#[cfg(test)]
mod tests {
    use super::super::maintenance::Window;
    use super::super::{MaintenancePlan, PostId, Scope};
    use super::*;
    use crate::object_name::NodeName;

    fn maintenance(scope: &str, impact: Impact, (start, end): TimeRange, announced_at: UnixNanos) -> Maintenance {
        let author = NodeName::new("anna").expect("a name");
        let affects = vec![Affected { scope: Scope(scope.to_owned()), impact }];
        Maintenance {
            id: PostId { posted_at: 0, author: author.clone() },
            author,
            title: String::new(),
            declared: vec![(announced_at, affects.clone())],
            affects,
            text: String::new(),
            plan: MaintenancePlan::default(),
            windows: vec![Window::new((start, end), announced_at)],
            canceled: Vec::new(),
            is_canceled: false,
        }
    }

    #[test]
    fn windows_announced_afterwards_are_not_planned() {
        let all = [
            maintenance("Shop", Impact::Down, (100, 200), 100),
            maintenance("Platform", Impact::Degraded, (200, 300), 50),
            maintenance("Sh*", Impact::Down, (400, 500), 401),
            maintenance("Shop", Impact::None, (600, 700), 0),
            maintenance("Mail", Impact::Down, (800, 900), 0),
        ];
        let planned = PlannedWork::new(&all, "Shop", &["Platform"], &[]);
        assert_eq!(planned.covering(Status::Down), [(100, 200)]);
        assert_eq!(planned.covering(Status::Degraded), [(100, 300)]);
        assert_eq!(planned.until(Status::Down, 150), Some(200));
        assert_eq!(planned.until(Status::Degraded, 150), Some(300));
        assert_eq!((planned.until(Status::Down, 250), planned.until(Status::Down, 450)), (None, None));
        assert_eq!((planned.until(Status::Healthy, 150), planned.until(Status::Unknown, 150)), (None, None));
        assert_eq!(PlannedWork::new(&all, "Search", &[], &[]), PlannedWork::default());
    }

    #[test]
    fn worse_than_announced_is_not_covered_and_counts() {
        let span = |start, end, status| Span { start, end, status };
        let spans = [
            span(0, 150, Status::Healthy),
            span(150, 250, Status::Down),
            span(250, 280, Status::Degraded),
            span(280, 1_000, Status::Healthy),
        ];
        let only = |impact| PlannedWork::new(&[maintenance("*", impact, (100, 300), 0)], "Shop", &[], &spans);
        let (less, all) = (only(Impact::Degraded), only(Impact::Down));
        assert_eq!((less.covers(&spans[1]), less.covers(&spans[2])), (false, true));
        assert_eq!((all.covers(&spans[1]), all.covers(&spans[2]), all.covers(&spans[0])), (true, true, false));
        let down = |planned: &PlannedWork| planned.outside(&spans, 0, 1_000).down;
        assert_eq!((down(&less), down(&all)), (100, 0));
        assert_eq!(less.outside(&spans, 0, 1_000), UptimeBreakdown::from_spans(&spans, 0, 1_000));
        assert_eq!(all.outside(&spans, 0, 1_000).period(), 800);
        let covered = |planned: &PlannedWork, status| planned.covered_time(status, &spans, 0, 1_000);
        assert_eq!((covered(&less, Status::Down), covered(&less, Status::Degraded)), (0, 30));
        assert_eq!((covered(&all, Status::Down), covered(&all, Status::Degraded)), (100, 30));
    }

    #[test]
    fn an_extension_after_the_end_leaves_out_nothing_more() {
        let mut extended = maintenance("Shop", Impact::Down, (100, 200), 50);
        let spans = [
            Span { start: 0, end: 100, status: Status::Healthy },
            Span { start: 100, end: 300, status: Status::Down },
            Span { start: 300, end: 1_000, status: Status::Healthy },
        ];
        let down = |one: &Maintenance| {
            PlannedWork::new(std::slice::from_ref(one), "Shop", &[], &spans).outside(&spans, 0, 1_000).down
        };
        assert_eq!(down(&extended), 100);
        extended.windows[0].change(100, 300, 250);
        assert_eq!(down(&extended), 100, "the time after the planned end counts");
        extended = maintenance("Shop", Impact::Down, (100, 200), 50);
        extended.windows[0].change(100, 300, 200);
        assert_eq!(down(&extended), 0, "the extension was announced in time");
    }

    #[test]
    fn an_outage_that_began_before_the_announcement_is_not_planned() {
        use Status::{Degraded, Down, Healthy};
        let span = |(start, end, status)| Span { start, end, status };
        let planned = |spans: &[(UnixNanos, UnixNanos, Status)], (from, until), announced_at| {
            let spans: Vec<Span> = spans.iter().copied().map(span).collect();
            let all = [maintenance("Shop", Impact::Down, (from, until), announced_at)];
            PlannedWork::new(&all, "Shop", &[], &spans).covering(Down).to_vec()
        };
        let lasting = [(0, 100, Healthy), (100, 1_000, Down)];
        assert_eq!(planned(&lasting, (150, 400), 150), []);
        assert_eq!(planned(&lasting, (150, 400), 99), [(150, 400)], "it was announced before the outage");
        assert_eq!(planned(&lasting, (50, 400), 50), [(50, 400)]);
        let interrupted = [(100, 200, Down), (200, 300, Healthy), (300, 1_000, Down)];
        assert_eq!(planned(&interrupted, (150, 400), 150), [(200, 400)]);
        assert_eq!(planned(&interrupted, (250, 400), 150), [(250, 400)]);
        let worse = [(100, 200, Degraded), (200, 300, Down), (300, 1_000, Degraded)];
        assert_eq!(planned(&worse, (150, 400), 150), [(200, 400)], "it got worse");
        assert_eq!(planned(&worse, (250, 400), 250), []);
        let better = [(100, 200, Down), (200, 300, Degraded), (350, 1_000, Down)];
        assert_eq!(planned(&better, (150, 400), 150), [], "it did not recover");
        assert_eq!(planned(&better, (320, 400), 320), [(350, 400)], "it got worse after a gap");
        let with_gap = [(0, 100, Healthy), (100, 200, Down), (300, 1_000, Down)];
        assert_eq!(planned(&with_gap, (250, 400), 250), [], "it was not known to have recovered");
    }

    #[test]
    fn a_change_of_the_endpoints_applies_from_its_own_time() {
        let affects = |scopes: &[(&str, Impact)]| -> Vec<Affected> {
            scopes
                .iter()
                .map(|(scope, impact)| Affected { scope: Scope((*scope).to_owned()), impact: *impact })
                .collect()
        };
        let mut changed = maintenance("Shop", Impact::Degraded, (100, 200), 0);
        changed.declared.extend([
            (130, affects(&[("Shop", Impact::Down), ("Mail", Impact::Down)])),
            (150, affects(&[("Mail", Impact::Down)])),
            (300, affects(&[("Shop", Impact::Down)])),
        ]);
        let spans = [Span { start: 120, end: 1_000, status: Status::Down }];
        let planned = |title: &str, spans: &[Span]| PlannedWork::new(std::slice::from_ref(&changed), title, &[], spans);
        let shop = planned("Shop", &[]);
        assert_eq!(
            (shop.covering(Status::Down), shop.covering(Status::Degraded)),
            (&[(130, 150)][..], &[(100, 150)][..])
        );
        assert_eq!(planned("Mail", &[]).covering(Status::Down), [(130, 200)]);
        assert_eq!(planned("Mail", &spans), PlannedWork::default(), "the outage began before the post");
        assert_eq!(planned("Shop", &spans).covering(Status::Degraded), [(100, 150)], "it was declared all the time");
    }
}
