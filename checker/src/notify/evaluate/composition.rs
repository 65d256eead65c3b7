//! Composes messages from news.

use shared::UnixNanos;
use shared::notification::digest::Digest;
use shared::notification::reconcile::{News, Plan};

use crate::notify::message::{ITEM_LIMIT, Message};
use crate::notify::rules::{Channel, Notifications};

/// Composes one message with all news. The message has no items if the news only needs to be recorded.
#[must_use]
pub fn compose(settings: &Notifications, channel: &Channel, plan: &Plan, now: UnixNanos) -> Message {
    Message { preface: plan.preface.clone(), ..compose_news(settings, channel, &plan.news, now) }
}

pub(super) fn compose_news(settings: &Notifications, channel: &Channel, news: &[News], now: UnixNanos) -> Message {
    let rules = &settings.rules;
    let digest = Digest::new(&channel.id, news, ITEM_LIMIT, |title| rules.group_of(title).to_owned());
    let Digest { id, items, more, hidden } = digest;
    Message { more, hidden, ..rules.message(id, items, now) }
}
