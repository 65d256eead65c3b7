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
    let plan = |deferred: &Deferred| match deferred_news(situation, deferred) {
        DeferredNews::Wait => None,
        news => Some(DeferredPlan { channel, deferred: deferred.clone(), news }),
    };
    served.into_iter().flat_map(|served| &served.deferred).filter_map(plan).collect()
}
