//! Sends the news that this node is responsible for, and records it in the node's log.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use shared::UnixNanos;
use shared::notification::deferred_news::DeferredNews;
use shared::notification_log::{ChannelId, REGISTERS_LIMIT, RecipientList, SIZE_LIMIT};

use super::composition::compose;
use super::deferred::DeferredPlan;
use super::outcomes::{self, recipient_list};
use super::queue::{Outgoing, queue, send_queue};
use super::{Assessment, EvaluationReport, Notifier};
use crate::notify::delivery::Courier;
use crate::notify::own_log::OwnLog;
use crate::notify::rules::{Channel, Notifications};
use crate::store::StoreError;

impl Notifier {
    /// Sends the news, and records each message as soon as its channel has accepted it. After a crash, only messages
    /// that were being sent can be repeated.
    pub(super) async fn send(
        &mut self,
        assessment: Assessment,
        is_store_working: bool,
        now: UnixNanos,
        report: &mut EvaluationReport,
    ) {
        let settings = self.settings.clone();
        let Some(mut own) = self.own.take() else { return };
        let Assessment { plans, number, deferred, .. } = assessment;
        let (mut has_changed, mut queues) = (own.is_behind(), Vec::new());
        for channel in own.log.end_changed_lists(|channel| list_of(&settings, channel)) {
            report.problems.push(recipients_changed(&channel));
            has_changed = true;
        }
        let mut planned = own.log.clone();
        for (index, mut plan) in plans {
            let channel = &settings.channels[index];
            report.due = [report.due, plan.next].into_iter().flatten().min();
            has_changed |= own.log.wait(&channel.id, std::mem::take(&mut plan.waiting));
            if plan.news.is_empty() {
                continue;
            }
            planned.record(&plan.news, number, now);
            if !planned.is_storable() {
                report.problems.push(log_is_full(channel));
                planned.clone_from(&own.log);
                continue;
            }
            let (silent, queue): (Vec<_>, Vec<_>) = queue(&settings, channel, plan, now)
                .into_iter()
                .partition(|outgoing| outgoing.message.items.is_empty());
            for outgoing in &silent {
                own.log.record(&outgoing.news, number, now);
                has_changed = true;
            }
            if !queue.is_empty() {
                queues.push(queue);
            }
        }
        for DeferredPlan { channel, deferred, news } in deferred {
            let channel = &settings.channels[channel];
            if !own.log.channel(&channel.id).is_some_and(|served| served.deferred.contains(&deferred)) {
                continue;
            }
            if let DeferredNews::Send(plan) = news {
                let message = compose(&settings, channel, &plan, now);
                queues.push(vec![Outgoing { channel, message, news: plan.news, deferred: Some(deferred) }]);
                continue;
            }
            if news == DeferredNews::Expired {
                report.problems.push(outcomes::given_up(&channel.id, deferred.recipients.len(), deferred.list));
            }
            own.log.end_deferred(&channel.id, &deferred);
            has_changed = true;
        }
        let courier = if queues.is_empty() { None } else { Some(self.courier().await) };
        match courier {
            None => {}
            Some(Err(error)) => report.problems.push(error.to_string()),
            Some(Ok(courier)) => {
                has_changed |= self.deliver(&mut own, &courier, queues, (number, is_store_working, now), report).await;
            }
        }
        let deferred = own.log.channels.iter().flat_map(|served| &served.deferred).map(|deferred| deferred.next);
        report.due = deferred.filter(|next| *next > now).chain(report.due).min();
        self.own = Some(own);
        self.finish(has_changed, is_store_working, now, report).await;
    }

    /// Sends messages to several channels concurrently. Returns whether the log has unsaved changes.
    async fn deliver(
        &self,
        own: &mut OwnLog,
        courier: &Courier,
        queues: Vec<Vec<Outgoing<'_>>>,
        (number, is_store_working, now): (i64, bool, UnixNanos),
        report: &mut EvaluationReport,
    ) -> bool {
        let mut has_changed = false;
        let mut sending: FuturesUnordered<_> =
            queues.into_iter().map(|queue| send_queue(queue, courier, now)).collect();
        while let Some(sent) = sending.next().await {
            outcomes::record((&mut own.log, self.view.logs()), sent, (number, now), report);
            has_changed = true;
            if is_store_working && !sending.is_empty() {
                report.problems.extend(own.save(self.view.store()).await.as_ref().err().map(not_recorded));
                has_changed = own.is_behind();
            }
        }
        has_changed
    }

    /// Stores this node's log if it has changed.
    async fn finish(
        &mut self,
        mut has_changed: bool,
        is_store_working: bool,
        now: UnixNanos,
        report: &mut EvaluationReport,
    ) {
        let Some(own) = &mut self.own else { return };
        has_changed |= own.is_complete() && own.log.prune(self.view.logs(), now);
        let failure = match (has_changed, is_store_working) {
            (false, _) => None,
            (true, true) => own.save(self.view.store()).await.err(),
            (true, false) => own.keep().err(),
        };
        report.problems.extend(failure.as_ref().map(not_recorded));
        if !own.is_complete() {
            self.own = None;
        }
    }
}

/// Returns a channel's list of recipients. It is empty for channels without such a list and for unknown channels.
fn list_of(settings: &Notifications, channel: &ChannelId) -> RecipientList {
    let found = settings.channels.iter().find(|known| known.id == *channel);
    found.map_or_else(RecipientList::default, |found| recipient_list(&found.transport))
}

fn recipients_changed(channel: &ChannelId) -> String {
    format!("channel `{channel}`: the list of recipients has changed, so deferred messages will not be sent again")
}

fn log_is_full(channel: &Channel) -> String {
    format!(
        "channel `{}` was not notified: the notification log would exceed {REGISTERS_LIMIT} entries or {} MiB; remove endpoints or channels",
        channel.id,
        SIZE_LIMIT >> 20
    )
}

fn not_recorded(error: &StoreError) -> String {
    format!("the notification log was not stored, so other nodes may repeat messages: {error}")
}
