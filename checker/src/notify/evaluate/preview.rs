//! Determines which messages would be sent now, without sending them.

use shared::UnixNanos;
use shared::notification::reconcile::{Held, Plan};
use shared::notification_log::ChannelId;

use super::composition::compose;
use super::{Notifier, StoredHistory, served};
use crate::notify::message::Message;
use crate::notify::own_log::OwnLog;
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
        let preview = |(index, plan): (usize, Plan)| {
            let channel = &self.settings.channels[index];
            let message =
                Some(compose(&self.settings, channel, &plan, now)).filter(|message| !message.items.is_empty());
            ChannelPreview { channel: channel.id.clone(), message, held: plan.held, next: plan.next }
        };
        let channels = plans.map(preview).collect();
        let problems = problem.into_iter().chain(self.view.take_problems()).collect();
        Ok(Preview { channels, problems })
    }
}
