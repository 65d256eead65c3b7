//! Determines which messages would be sent now, without sending them.

use shared::UnixNanos;
use shared::endpoint_status::endpoint_statuses;
use shared::notification::reconcile::{Held, Plan};
use shared::notification::verdicts::{Verdict, verdicts};
use shared::notification_log::ChannelId;
use shared::status::Status;

use super::composition::compose;
use super::{Notifier, StoredHistory, served};
use crate::notify::event::EventKind;
use crate::notify::message::Message;
use crate::notify::own_log::OwnLog;
use crate::notify::rules::Channel;
use crate::store::StoreError;

/// The outcome of an evaluation without effects.
#[derive(Debug, Clone)]
pub struct Preview {
    pub channels: Vec<ChannelPreview>,
    /// Why logs and histories are only partly used or ignored, as complete clauses.
    pub problems: Vec<String>,
}

/// The message that one channel would receive now, and the news that is held back.
#[derive(Debug, Clone)]
pub struct ChannelPreview {
    pub channel: ChannelId,
    pub message: Option<Message>,
    pub held: Vec<Held>,
    /// The titles of failing endpoints that the channel does not cover.
    pub excluded: Vec<String>,
    /// The time when the rules should be evaluated again.
    pub next: Option<UnixNanos>,
}

impl Notifier {
    /// Determines which messages would be sent now, without changing the store.
    pub async fn preview(&mut self, stored: StoredHistory, now: UnixNanos) -> Result<Preview, StoreError> {
        let mut own = OwnLog::load(self.view.store(), &self.node, &self.spool_dir).await?;
        own.log.introduce(&self.introduction(&stored, &served(&self.settings), now), now);
        own.log.correct_times(now);
        let problem = own.problem.take();
        self.own = Some(own);
        self.view.refresh_histories(now).await?;
        self.view.refresh_digests().await;
        self.view.refresh_logs(now).await?;
        let plans = self.assess(&stored, now).plans.into_iter();
        let endpoints = endpoint_statuses(self.view.histories().iter().chain([&*stored.history]));
        let verdicts = verdicts(&endpoints, now);
        let preview = |(index, plan): (usize, Plan)| {
            let channel = &self.settings.channels[index];
            let message =
                Some(compose(&self.settings, channel, &plan, now)).filter(|message| !message.items.is_empty());
            let excluded = self.excluded(channel, &verdicts, now);
            ChannelPreview { channel: channel.id.clone(), message, held: plan.held, excluded, next: plan.next }
        };
        let channels = plans.map(preview).collect();
        let problems = problem.into_iter().chain(self.view.take_problems()).collect();
        Ok(Preview { channels, problems })
    }

    /// Returns the titles of endpoints whose current status would be reported if the channel covered them.
    fn excluded(&self, channel: &Channel, verdicts: &[Verdict<'_>], now: UnixNanos) -> Vec<String> {
        let policy = &channel.policy;
        let is_heard = |verdict: &&Verdict<'_>| {
            let last = verdict.spans.last().filter(|last| last.end >= now && !verdict.is_retired);
            match last.map(|last| last.status) {
                Some(Status::Down) => policy.hears(EventKind::Down),
                Some(Status::Degraded) => policy.hears(EventKind::Degraded),
                _ => false,
            }
        };
        let is_covered = |verdict: &Verdict<'_>| {
            policy.covers(&channel.id, &verdict.key.title, self.settings.checks.get(verdict.key))
        };
        let excluded = verdicts.iter().filter(is_heard).filter(|verdict| !is_covered(verdict));
        excluded.map(|verdict| verdict.key.title.clone()).collect()
    }
}
