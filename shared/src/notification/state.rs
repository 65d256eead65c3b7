//! Compares an endpoint's outages with the state that a channel was last notified of.

use super::episodes::{Episode, Episodes, Notable};
use super::event::EventKind;
use super::flapping::{CALM, DOWN_AGAIN, flapping_since};
use super::news::HeldReason;
use super::periods::Period;
use super::policy::{ChannelPolicy, Flapping};
use crate::notification_log::{Notified, Register};
use crate::status::Status;
use crate::uptime::MERGE_WINDOW;
use crate::{DAY, Nanos, UnixNanos};

/// An outage without results for this long is closed.
pub(super) const FORGET_AFTER: Nanos = DAY;

/// An endpoint's outages and the rules for reporting them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) policy: &'a ChannelPolicy,
    pub(super) flapping: Flapping,
    pub(super) outages: &'a Episodes,
    /// The periods during which outages are not reported, sorted by start. `reasons` adds a reason to each of them.
    pub(super) held: &'a [Period],
    pub(super) reasons: &'a [(Period, HeldReason)],
    /// The additional time, beyond the policy's, that an outage must last if the endpoint depends on others.
    pub(super) margin: Nanos,
    pub(super) is_retired: bool,
    /// Whether a node whose history is unreadable may have current results.
    pub(super) may_have_results: bool,
    pub(super) now: UnixNanos,
}

/// The state that the channel was last notified of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) state: Notified,
    pub(super) since: UnixNanos,
    pub(super) until: UnixNanos,
    pub(super) at: UnixNanos,
    pub(super) reminders: u32,
}

impl From<&Register> for Known {
    fn from(register: &Register) -> Known {
        let Register { state, since, until, at, reminders, .. } = *register;
        Known { state, since, until, at, reminders }
    }
}

/// A change that the channel can be notified of now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) event: EventKind,
    pub(super) was: Status,
    pub(super) was_flapping: bool,
    pub(super) is: Status,
    pub(super) since: UnixNanos,
    pub(super) until: Option<UnixNanos>,
    pub(super) due: UnixNanos,
    pub(super) reminder: u32,
}

/// The result of a comparison.
#[derive(Debug, Default)]
pub(super) struct Difference {
    /// The changes to report, in chronological order. If the list is empty but the state changes, the new state is only
    /// recorded.
    pub(super) changes: Vec<Change>,
    /// The new state to record, if it differs from the known one.
    pub(super) next: Option<Known>,
    /// The event that will be reported later, with the reason for the delay and the expected time.
    pub(super) held: Option<(EventKind, HeldReason, Option<UnixNanos>)>,
}

impl Subject<'_> {
    /// Compares the outages with the state that the channel was last notified of.
    pub(super) fn compare(&self, known: Known) -> Difference {
        let mut difference = Difference::default();
        match known.state {
            Notified::Flapping => self.compare_flapping(known, &mut difference),
            Notified::Healthy => {
                if !self.begins_flapping(known, known.until, &mut difference) {
                    self.compare_healthy(self.outages.all.as_slice(), self.news_from(known), &mut difference);
                }
            }
            Notified::Degraded | Notified::Down => {
                if !self.begins_flapping(known, known.since, &mut difference) {
                    self.compare_bad(known, &mut difference);
                }
            }
        }
        difference
    }

    /// Returns the time from which outages are news to a channel for which the endpoint is healthy. The recovery was
    /// reported because the endpoint seemed to be healthy from then on, so an outage that began later is news, even if
    /// its results became known after the message.
    fn news_from(&self, known: Known) -> UnixNanos {
        let has_recovered = known.since > 0;
        if has_recovered { known.until.saturating_sub(self.policy.recovered_after) } else { known.until }
    }

    /// Compares the outages since `until` if the endpoint was last reported as healthy.
    fn compare_healthy(&self, outages: &[Episode], until: UnixNanos, difference: &mut Difference) {
        let mut notable: Option<Notable> = None;
        for (index, outage) in outages.iter().enumerate() {
            let is_last = index + 1 == outages.len();
            let is_open = is_last && outage.recovered_at.is_none();
            // Outages that began earlier were already reported, even if late results have since moved their end.
            if (outage.start >= until || is_open)
                && let Some(found) = self.notable(outage)
                && notable.is_none_or(|notable| notable.status < found.status)
            {
                notable = Some(found);
            }
            if let Some(recovered_at) = outage.recovered_at {
                if let Some(notable) = notable.take() {
                    let due = recovered_at.max(notable.due).max(until);
                    let change = Change {
                        until: Some(outage.end),
                        ..self.change(EventKind::Missed, Status::Healthy, notable.since, due)
                    };
                    difference.add(change, self.recovered(notable.since, recovered_at));
                }
            } else if is_last {
                self.compare_open(outage, notable, until, difference);
            }
        }
    }

    /// Handles the last outage if it is not over and the channel does not know of it.
    fn compare_open(&self, outage: &Episode, notable: Option<Notable>, until: UnixNanos, difference: &mut Difference) {
        let kind = if outage.down_since.is_some() { EventKind::Down } else { EventKind::Degraded };
        if self.outages.is == Status::Unknown {
            difference.held = Some((kind, HeldReason::Unknown, None));
            return;
        }
        if !self.outages.is_bad() {
            if notable.is_some() && outage.start >= until {
                let expected = self.outages.recovery_expected(self.policy.recovered_after, self.now);
                difference.held = Some((EventKind::Missed, HeldReason::NotHealthyLongEnough, Some(expected)));
            }
            return;
        }
        let due = notable.map(|notable| notable.due.max(notable.since.saturating_add(self.margin)));
        let sendable = due.filter(|due| *due <= self.now && self.reason_to_hold().is_none());
        if let (Some(notable), Some(due)) = (notable, sendable) {
            // The endpoint may already have improved from down to degraded.
            let is = notable.status.min(self.outages.is);
            let (event, state) = match is {
                Status::Down => (EventKind::Down, Notified::Down),
                _ => (EventKind::Degraded, Notified::Degraded),
            };
            let change = self.change(event, Status::Healthy, notable.since, self.released(due.max(until)));
            let next = Known { state, since: notable.since, until: self.now, at: self.now, reminders: 0 };
            difference.add(Change { is, ..change }, next);
            return;
        }
        let expected = outage.notable_expected(self.policy, self.held, self.now);
        let expected = due.unwrap_or(expected).max(outage.start.saturating_add(self.margin));
        self.hold_back(kind, expected, difference);
    }

    /// Compares the outages if the endpoint was last reported as down or degraded.
    fn compare_bad(&self, known: Known, difference: &mut Difference) {
        let outages = self.outages.all.as_slice();
        let next = outages.iter().position(|outage| outage.end > known.until).unwrap_or(outages.len());
        // The reported outage is the one during which the notification was sent or, failing that, the last one before
        // it.
        let index = match outages.get(next) {
            Some(outage) if outage.start <= known.until => Some(next),
            _ => next.checked_sub(1).filter(|index| outages[*index].end > known.since),
        };
        let Some(index) = index else {
            self.compare_vanished(known, &outages[next..], difference);
            return;
        };
        self.compare_reported(known, &outages[index..], difference);
    }

    /// Compares outages, the first of which is the one that was reported.
    fn compare_reported(&self, known: Known, outages: &[Episode], difference: &mut Difference) {
        let ended = outages.iter().enumerate().find_map(|(index, outage)| Some((index, outage, outage.recovered_at?)));
        if let Some((index, outage, recovered_at)) = ended {
            self.recover(known, outage.end, recovered_at, difference);
            self.compare_healthy(&outages[index + 1..], recovered_at, difference);
        } else {
            self.compare_continuing(known, outages, difference);
        }
    }

    /// Handles an outage that the channel knows of but that is no longer in the spans, because results that were stored
    /// late replaced those that showed it. `later` contains the outages since the notification.
    fn compare_vanished(&self, known: Known, later: &[Episode], difference: &mut Difference) {
        let recovered_at = known.until.saturating_add(self.policy.recovered_after);
        match later.first() {
            Some(next) if next.start < recovered_at => self.compare_reported(known, later, difference),
            Some(_) => {
                self.recover(known, known.since, recovered_at, difference);
                self.compare_healthy(later, recovered_at, difference);
            }
            None if self.outages.is == Status::Unknown => self.forget_or_wait(known, difference),
            None if recovered_at > self.now => {
                difference.wait(EventKind::Recovered, HeldReason::NotHealthyLongEnough, recovered_at);
            }
            None => self.recover(known, known.since, recovered_at, difference),
        }
    }

    /// Handles an outage that the channel knows of and that has not ended.
    fn compare_continuing(&self, known: Known, outages: &[Episode], difference: &mut Difference) {
        let is = self.outages.is;
        match (known.state, is) {
            (_, Status::Unknown) => self.forget_or_wait(known, difference),
            (_, Status::Healthy) => {
                let expected = self.outages.recovery_expected(self.policy.recovered_after, self.now);
                difference.wait(EventKind::Recovered, HeldReason::NotHealthyLongEnough, expected);
            }
            (Notified::Degraded, Status::Down) => {
                let notable = outages.iter().filter_map(|outage| self.notable(outage));
                let down = notable.filter(|notable| notable.status == Status::Down).min_by_key(|notable| notable.due);
                if let Some(down) = down.filter(|down| down.due <= self.now && self.reason_to_hold().is_none()) {
                    let change = self.change(EventKind::Worse, Status::Degraded, down.since, self.released(down.due));
                    let state = Notified::Down;
                    let next = Known { state, since: known.since, until: self.now, at: self.now, reminders: 0 };
                    difference.add(change, next);
                } else if let Some(last) = outages.last() {
                    let expected = last.notable_expected(self.policy, self.held, self.now);
                    self.hold_back(EventKind::Worse, expected, difference);
                }
            }
            (Notified::Down, Status::Degraded) => {
                let due = self.outages.is_since.saturating_add(self.policy.recovered_after.max(MERGE_WINDOW));
                if due > self.now {
                    difference.wait(EventKind::Degraded, HeldReason::NotHealthyLongEnough, due);
                    return;
                }
                let change = self.change(EventKind::Degraded, Status::Down, self.outages.is_since, due);
                let state = Notified::Degraded;
                let next = Known { state, since: known.since, until: self.now, at: self.now, reminders: 0 };
                difference.add(change, next);
            }
            _ => self.remind(known, difference),
        }
    }

    fn remind(&self, known: Known, difference: &mut Difference) {
        let Some(time) = self.policy.time_to_reminder(known.reminders) else { return };
        if !self.policy.hears(EventKind::Reminder) {
            return;
        }
        let due = known.at.saturating_add(time);
        if due > self.now {
            difference.wait(EventKind::Reminder, HeldReason::NotLongEnough, due);
        } else if let Some((reason, until)) = self.reason_to_hold() {
            difference.held = Some((EventKind::Reminder, reason, until));
        } else {
            let reminder = known.reminders.saturating_add(1);
            let was = known.state.status();
            let change = Change { reminder, ..self.change(EventKind::Reminder, was, known.since, self.released(due)) };
            difference.add(change, Known { until: self.now, at: self.now, reminders: reminder, ..known });
        }
    }

    fn compare_flapping(&self, known: Known, difference: &mut Difference) {
        match self.outages.is {
            Status::Unknown => self.forget_or_wait(known, difference),
            Status::Down | Status::Degraded => {
                let start = self.outages.all.last().map_or(self.now, |last| last.start);
                let due = start.saturating_add(DOWN_AGAIN.max(self.policy.after));
                let is_down = self.outages.is == Status::Down;
                if due <= self.now && is_down && self.reason_to_hold().is_none() {
                    let change = self.change(EventKind::Down, Status::Down, start, self.released(due));
                    let state = Notified::Down;
                    let next = Known { state, since: start, until: self.now, at: self.now, reminders: 0 };
                    difference.add(change, next);
                } else {
                    difference.wait(EventKind::Down, HeldReason::Flapping, due.max(self.now));
                }
            }
            Status::Healthy => {
                // Short outages do not count here either, as in `flapping_since`.
                let last = self.outages.all.iter().rev().find(|outage| self.notable(outage).is_some());
                let end = last.map_or(known.since, |last| last.end).max(known.since);
                let due = end.saturating_add(CALM);
                if due <= self.now {
                    self.recover(known, end, due, difference);
                } else {
                    difference.wait(EventKind::Recovered, HeldReason::Flapping, due);
                }
            }
        }
    }

    /// Reports an endpoint as flapping if it began to flap after the channel was last notified. Returns whether it did.
    fn begins_flapping(&self, known: Known, after: UnixNanos, difference: &mut Difference) -> bool {
        if !self.policy.hears(EventKind::Flapping) {
            return false;
        }
        let rules = (self.flapping, self.policy);
        let Some((since, due)) = flapping_since(self.outages, rules, self.held, after, self.now) else {
            return false;
        };
        if self.outages.is == Status::Unknown || self.reason_to_hold().is_some() {
            return false;
        }
        let change = self.change(EventKind::Flapping, known.state.status(), since, due);
        let next = Known { state: Notified::Flapping, since, until: self.now, at: self.now, reminders: 0 };
        difference.add(change, next);
        true
    }

    fn recover(&self, known: Known, end: UnixNanos, due: UnixNanos, difference: &mut Difference) {
        let until = Some(end.max(known.since));
        let is = if self.outages.is_slow { Status::Degraded } else { Status::Healthy };
        let was_flapping = known.state == Notified::Flapping;
        let change = self.change(EventKind::Recovered, known.state.status(), known.since, due);
        let change = Change { was_flapping, is, until, ..change };
        difference.add(change, self.recovered(known.since, due));
    }

    /// Handles an endpoint whose status is unknown. Its outage is closed after [`FORGET_AFTER`], or immediately if the
    /// endpoint was removed.
    fn forget_or_wait(&self, known: Known, difference: &mut Difference) {
        if self.may_have_results {
            difference.held = Some((EventKind::Recovered, HeldReason::Unknown, None));
            return;
        }
        let last_seen = self.outages.known_until.max(known.until);
        let forget_at = self.outages.known_until.max(known.at).saturating_add(FORGET_AFTER);
        // The time must not depend on the evaluation, so that the next node takes its turn if the first one fails.
        let due = if self.is_retired { last_seen.min(self.now) } else { forget_at };
        if due > self.now {
            difference.wait(EventKind::Recovered, HeldReason::Unknown, forget_at);
            return;
        }
        if self.outages.was_up {
            let end = self.outages.all.last().map_or(known.since, |last| last.end);
            self.recover(known, end, due, difference);
            return;
        }
        let closed = self.change(EventKind::Closed, known.state.status(), known.since, due);
        let until = Some(last_seen.max(known.since));
        difference.add(Change { until, ..closed }, self.recovered(known.since, self.now));
    }

    fn recovered(&self, since: UnixNanos, until: UnixNanos) -> Known {
        Known { state: Notified::Healthy, since, until, at: self.now, reminders: 0 }
    }

    fn change(&self, event: EventKind, was: Status, since: UnixNanos, due: UnixNanos) -> Change {
        Change { event, was, was_flapping: false, is: self.outages.is, since, until: None, due, reminder: 0 }
    }

    fn notable(&self, outage: &Episode) -> Option<Notable> {
        outage.notable(self.policy, self.held)
    }

    /// Records why an outage is not reported now. Without other reasons, it will be reported at `expected`.
    fn hold_back(&self, event: EventKind, expected: UnixNanos, difference: &mut Difference) {
        let (reason, until) = match self.reason_to_hold() {
            Some((reason, Some(until))) => (reason, Some(until.max(expected))),
            Some((reason, None)) => (reason, None),
            None => (HeldReason::NotLongEnough, Some(expected)),
        };
        difference.held = Some((event, reason, until));
    }

    /// Returns the earliest time at which news that is due at `due` could be sent: the end of the last period in which
    /// it was held back.
    fn released(&self, due: UnixNanos) -> UnixNanos {
        let ended = self.reasons.iter().map(|(period, _)| period.end).filter(|end| *end <= self.now);
        ended.fold(due, UnixNanos::max)
    }

    /// Returns why outages are currently not reported and, if known, until when.
    fn reason_to_hold(&self) -> Option<(HeldReason, Option<UnixNanos>)> {
        let current = self.reasons.iter().filter(|(period, _)| period.contains(self.now));
        let last = current.max_by_key(|(period, _)| period.end)?;
        let is_known = !matches!(last.1, HeldReason::Dependency(_));
        Some((last.1.clone(), is_known.then_some(last.0.end)))
    }
}

impl Difference {
    fn add(&mut self, change: Change, next: Known) {
        self.changes.push(change);
        self.next = Some(next);
    }

    fn wait(&mut self, event: EventKind, reason: HeldReason, until: UnixNanos) {
        self.held = Some((event, reason, Some(until)));
    }
}
