//! Finds the outages that a channel can be notified of in an endpoint's status history.

use super::periods::{Period, outside};
use super::policy::ChannelPolicy;
use crate::status::Status;
use crate::uptime::{MERGE_WINDOW, Span};
use crate::{Nanos, UnixNanos};

/// An outage: a period in which the endpoint was never healthy. Periods with an unknown status do not end it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Episode {
    pub(super) start: UnixNanos,
    /// The end of the last degraded or down span, which is the current time if the outage continues.
    pub(super) end: UnixNanos,
    /// When the endpoint was first down rather than degraded.
    pub(super) down_since: Option<UnixNanos>,
    /// When the endpoint had been healthy for long enough to count as recovered, if that happened before the next
    /// outage.
    pub(super) recovered_at: Option<UnixNanos>,
    /// How long the endpoint was healthy between this outage and the next one, or until now.
    healthy: Nanos,
    /// How long the endpoint was healthy or degraded between this outage and the next one, or until now.
    not_down: Nanos,
}

/// An endpoint's outages and its current status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Episodes {
    /// The outages, in chronological order.
    pub(super) all: Vec<Episode>,
    /// The current status. If the channel is not notified of degraded endpoints, a degraded endpoint counts as healthy.
    pub(super) is: Status,
    /// When the current status began. If the status is unknown, this is the start of the first span.
    pub(super) is_since: UnixNanos,
    /// The end of the last span, after which the status is unknown.
    pub(super) known_until: UnixNanos,
    /// Whether the last known status was neither degraded nor down for the channel.
    pub(super) was_up: bool,
    /// Whether the endpoint is degraded, even if the channel is not notified of degraded endpoints.
    pub(super) is_slow: bool,
}

/// An outage that lasted long enough to be reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Notable {
    pub(super) since: UnixNanos,
    pub(super) due: UnixNanos,
    pub(super) status: Status,
}

impl Episodes {
    /// Finds the outages in an endpoint's spans, none of which ends after `now`.
    pub(super) fn new(spans: &[Span], hears_degraded: bool, recovered_after: Nanos, now: UnixNanos) -> Episodes {
        let is_bad = |status: Status| status == Status::Down || status == Status::Degraded && hears_degraded;
        let mut all: Vec<Episode> = Vec::new();
        let mut is_open = false;
        for span in spans {
            let down_since = (span.status == Status::Down).then_some(span.start);
            if !is_bad(span.status) {
                is_open = false;
                if let Some(last) = all.last_mut() {
                    last.recover(span, recovered_after);
                }
            } else if let Some(last) = all.last_mut().filter(|_| is_open) {
                last.end = span.end;
                last.down_since = last.down_since.or(down_since);
            } else {
                is_open = true;
                all.push(Episode {
                    start: span.start,
                    end: span.end,
                    down_since,
                    recovered_at: None,
                    healthy: 0,
                    not_down: 0,
                });
            }
        }
        let known_until = spans.last().map_or(0, |last| last.end);
        let last = spans.last().filter(|last| last.end >= now);
        let heard = |status: Status| match status {
            Status::Degraded if !hears_degraded => Status::Healthy,
            other => other,
        };
        let is = last.map_or(Status::Unknown, |last| heard(last.status));
        // The current status began with the first span of the final run of spans that have this status for the channel.
        let same = spans.iter().rev().take_while(|span| is == Status::Unknown || heard(span.status) == is);
        let is_since = same.last().map_or(now, |span| span.start);
        let last_known = spans.iter().rev().find(|span| span.status != Status::Unknown);
        let was_up = last_known.is_some_and(|span| !is_bad(span.status));
        let is_slow = last.is_some_and(|last| last.status == Status::Degraded);
        Episodes { all, is, is_since, known_until, was_up, is_slow }
    }

    /// Returns when the last outage will count as over if the endpoint stays healthy.
    pub(super) fn recovery_expected(&self, recovered_after: Nanos, now: UnixNanos) -> UnixNanos {
        let healthy = self.all.last().map_or(0, |last| last.healthy);
        now.saturating_add(recovered_after.saturating_sub(healthy).max(0))
    }

    /// Returns whether the endpoint is currently degraded or down.
    pub(super) fn is_bad(&self) -> bool {
        self.is >= Status::Degraded
    }
}

impl Episode {
    /// Adds a span that does not continue the outage. An endpoint is briefly degraded when some nodes already see it up
    /// and others have older results, so a degraded span counts only after [`MERGE_WINDOW`].
    fn recover(&mut self, span: &Span, recovered_after: Nanos) {
        if self.recovered_at.is_some() {
            self.healthy = self.healthy.saturating_add(span.end - span.start);
            return;
        }
        let length = span.end - span.start;
        let counted = [
            (&mut self.healthy, recovered_after, span.status == Status::Healthy),
            (&mut self.not_down, recovered_after.max(MERGE_WINDOW), span.status != Status::Unknown),
        ];
        for (sum, needed, counts) in counted {
            if !counts {
                continue;
            }
            let missing = needed.saturating_sub(*sum).max(0);
            *sum = sum.saturating_add(length);
            if *sum >= needed {
                let recovered_at = span.start.saturating_add(missing);
                self.recovered_at = Some(self.recovered_at.map_or(recovered_at, |other| other.min(recovered_at)));
            }
        }
    }

    /// Returns the details to report about the outage if it lasted long enough outside the `held` periods.
    pub(super) fn notable(&self, policy: &ChannelPolicy, held: &[Period]) -> Option<Notable> {
        let (since, status, after) = self.measure(policy);
        let long_enough = |part: &Period| part.end - part.start >= after;
        let part = outside(Period { start: since, end: self.end }, held).find(long_enough)?;
        Some(Notable { since, due: part.start.saturating_add(after), status })
    }

    /// Returns when the outage will have lasted long enough outside the `held` periods if it continues.
    pub(super) fn notable_expected(&self, policy: &ChannelPolicy, held: &[Period], now: UnixNanos) -> UnixNanos {
        let (since, _, after) = self.measure(policy);
        let last = outside(Period { start: since, end: now }, held).last();
        let start = last.filter(|last| last.end >= now).map_or(now, |last| last.start);
        let hold_end = held.iter().filter(|period| period.contains(now)).map(|period| period.end).max();
        start.max(hold_end.unwrap_or(start)).saturating_add(after)
    }

    fn measure(&self, policy: &ChannelPolicy) -> (UnixNanos, Status, Nanos) {
        match self.down_since {
            Some(since) => (since, Status::Down, policy.after),
            // A failing endpoint is degraded until enough nodes have noticed that it is down, so short degraded periods
            // are not reported.
            None => (self.start, Status::Degraded, policy.after.max(MERGE_WINDOW)),
        }
    }
}
