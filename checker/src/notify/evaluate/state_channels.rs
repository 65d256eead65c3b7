//! Channels that receive the current state after each round instead of messages: Alertmanagers, and dead man's
//! switches.

use std::collections::BTreeMap;

use shared::UnixNanos;
use shared::notification::lineup::Nodes;
use shared::notification::policy::Pace;
use shared::notification::reconcile::{Hold, Situation, reconcile};
use shared::notification::registers::Registers;
use shared::notification::verdicts::Verdict;
use shared::notification_log::{NotificationLog, ServedChannel};
use shared::object_name::NodeName;

use super::Notifier;
use crate::notify::channels::Transport;
use crate::notify::condition::Condition;
use crate::notify::delivery::{Content, Courier, CourierError, Job};
use crate::notify::event::EventKind;
use crate::notify::message::Item;
use crate::notify::rules::Channel;

/// How many intervals an alert stays active after its last post, and how many intervals a missed outage is posted for.
const ALERT_INTERVALS: i64 = 3;

impl Notifier {
    /// Returns the current state for each Alertmanager for which this node is first in line.
    pub(super) fn states(
        &self,
        own: &NotificationLog,
        (verdicts, conditions, holds): (&[Verdict<'_>], &[Condition], &[Hold]),
        newest: &BTreeMap<NodeName, UnixNanos>,
        now: UnixNanos,
    ) -> Vec<Job> {
        let channels = self
            .settings
            .channels
            .iter()
            .filter(|channel| channel.is_enabled && matches!(channel.transport, Transport::Alertmanager(_)));
        // Alertmanager remembers alerts itself, so the rules run without registers: every current problem is news. Only
        // the first node in line posts them, because a second node that lags behind could restart alerts that the first
        // one has ended.
        let mut bare = NotificationLog { registers: Vec::new(), ..own.clone() };
        for served in &mut bare.channels {
            *served = ServedChannel::new(served.id.clone(), served.from);
        }
        let registers = Registers::merge([&bare], now);
        let duration = own.every.saturating_mul(ALERT_INTERVALS);
        let current: Vec<&Hold> = holds.iter().filter(|hold| hold.period.contains(now)).collect();
        // An alert that is not posted again ends, so an outage that began before a window must still be posted during it.
        let began_before_hold = |item: &Item| {
            let mut covering = current.iter().filter(|hold| hold.covers(&item.title)).peekable();
            covering.peek().is_some() && covering.all(|hold| item.since < hold.period.start)
        };
        let job = |channel: &Channel| {
            let situation = |holds| Situation {
                channel: &channel.id,
                policy: &channel.policy,
                channels: &[],
                flapping: self.settings.rules.flapping,
                pace: Pace::default(),
                checks: &self.settings.checks,
                verdicts,
                conditions,
                holds,
                registers: &registers,
                nodes: Nodes {
                    own: &bare,
                    others: self.view.logs(),
                    newest,
                    has_unreadable: self.view.has_unreadable(),
                },
                now,
            };
            let is_current = |item: &Item| {
                let ended = item.until.filter(|_| item.event == EventKind::Missed);
                ended.is_none_or(|ended| now.saturating_sub(ended) <= duration)
            };
            let items_with = |holds| reconcile(&situation(holds)).news.into_iter().flat_map(|news| news.items);
            let mut items: Vec<Item> = items_with(holds).filter(is_current).collect();
            if !current.is_empty() {
                let is_posted = |items: &[Item], item: &Item| {
                    items.iter().any(|other| (&other.title, &other.locator) == (&item.title, &item.locator))
                };
                let earlier = items_with(&[]).filter(|item| is_current(item) && began_before_hold(item));
                let earlier: Vec<Item> = earlier.filter(|item| !is_posted(&items, item)).collect();
                items.extend(earlier);
            }
            let state = self.settings.rules.message(String::new(), items, now);
            (!state.items.is_empty()).then(|| Job {
                channel: channel.id.clone(),
                transport: channel.transport.clone(),
                content: Content::State { state, ends_at: now.saturating_add(duration) },
            })
        };
        channels.filter_map(job).collect()
    }

    /// Returns the state for Alertmanagers, and the requests to dead man's switches. `states` comes from
    /// [`Notifier::states`].
    pub(super) fn state_jobs(&mut self, states: Vec<Job>, is_stored: bool, now: UnixNanos) -> Vec<Job> {
        if self.is_recent(self.posted_at, now) {
            return Vec::new();
        }
        let is_ping = |channel: &&Channel| channel.is_enabled && matches!(channel.transport, Transport::Ping(_));
        let pings = self.settings.channels.iter().filter(is_ping).map(|channel| Job {
            channel: channel.id.clone(),
            transport: channel.transport.clone(),
            content: Content::Round { is_stored },
        });
        let jobs: Vec<Job> = pings.chain(states).collect();
        if !jobs.is_empty() {
            self.posted_at = Some(now);
        }
        jobs
    }

    /// Returns the client that sends messages. Creates it on first use.
    pub(super) async fn courier(&mut self) -> Result<Courier, CourierError> {
        if let Some(courier) = &self.courier {
            return Ok(courier.clone());
        }
        Ok(self.courier.insert(Courier::open().await?).clone())
    }
}
