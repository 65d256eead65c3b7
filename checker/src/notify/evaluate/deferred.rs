//! Plans messages for recipients that did not accept them at first.

use shared::notification::deferred_news::{DeferredNews, deferred_news};
use shared::notification::reconcile::Situation;
use shared::notification_log::Deferred;

/// The next step for deferred recipients of one channel.
#[derive(Debug)]
pub struct DeferredPlan {
    /// The channel's index in the configuration.
    pub channel: usize,
    pub deferred: Deferred,
    pub news: DeferredNews,
}

/// Returns the next steps for all recipients that a channel has deferred, except those that must wait.
pub(super) fn deferred_plans(channel: usize, situation: &Situation<'_>) -> Vec<DeferredPlan> {
    let served = situation.nodes.own.channel(situation.channel);
    let entries = served.map_or(&[][..], |served| &served.deferred);
    let plans = entries.iter().zip(deferred_news(situation, entries));
    plans
        .filter(|(_, news)| *news != DeferredNews::Wait)
        .map(|(deferred, news)| DeferredPlan { channel, deferred: deferred.clone(), news })
        .collect()
}
