//! Tests whether notification channels can be reached, without sending a message, and finds removed channels.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use shared::UnixNanos;
use shared::notification::registers::Registers;
use shared::notification_log::{ChannelId, NotificationLog};
use shared::object_name::NodeName;

use super::{Finding, Side};
use crate::config::model::Config;
use crate::counted;
use crate::notify::delivery::Courier;
use crate::notify::removed::removed_channels;
use crate::notify::rules::{Channel, Notifications};
use crate::notify::store_view::StoreView;
use crate::store::Store;
use crate::store::settings::Storage;

/// The time limit for each channel. All channels are tested concurrently.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Returns a finding for each channel.
pub async fn examine(notifications: &Notifications) -> Vec<Finding> {
    let courier = match Courier::open().await {
        Ok(courier) => courier,
        Err(error) => return vec![Finding::failure(Side::Checker, error.to_string(), "")],
    };
    join_all(notifications.channels.iter().map(|channel| examine_channel(channel, &courier))).await
}

/// Returns a warning for each removed channel with open outages. Ignores errors, because other findings report why the
/// store cannot be read.
pub async fn examine_removed(config: &Config, storage: &Storage, now: UnixNanos) -> Vec<Finding> {
    let mut view = StoreView::of_all_nodes(Arc::new(Store::open(storage).await));
    if view.refresh_histories(now).await.is_err() || view.refresh_logs(now).await.is_err() {
        return Vec::new();
    }
    let channels = config.notifications.as_ref().map_or(&[][..], |settings| &settings.channels);
    removed(view.logs(), &config.node, channels, now)
}

fn removed(logs: &[NotificationLog], node: &NodeName, channels: &[Channel], now: UnixNanos) -> Vec<Finding> {
    let registers = Registers::merge(logs, now);
    let finding = |id: &ChannelId| {
        let count = counted(registers.open(id).count(), "outage");
        let what = format!("channel `{id}` was removed while {count} were open, so no node reports their end");
        Finding::warning(Side::Checker, what, "`checker notify status` lists them; resolve them at the provider")
    };
    removed_channels(&registers, logs, node, channels).into_iter().map(finding).collect()
}

async fn examine_channel(channel: &Channel, courier: &Courier) -> Finding {
    let id = &channel.id;
    if !channel.is_enabled {
        return Finding::ok(Side::Checker, format!("channel `{id}` is not enabled, so this node does not notify it"));
    }
    match courier.reach(&channel.transport, TIME_LIMIT).await {
        Ok(what) => {
            Finding::ok(Side::Checker, format!("channel `{id}` {what}; `checker notify test {id}` sends a test"))
        }
        Err(problem) => Finding::failure(Side::Checker, format!("channel `{id}` {}", problem.what), problem.remedy),
    }
}

#[cfg(test)]
mod tests {
    use shared::notification_log::{Notified, Register, ServedChannel, Topic};

    use super::*;
    use crate::notify::test_rules::{START, register};

    #[test]
    fn outages_of_removed_channels_are_counted() {
        let channel = ChannelId::new("on-call").unwrap();
        let node = NodeName::new("a").unwrap();
        let mut log = NotificationLog::new(node.clone());
        let outage = |title: &str| {
            let register = register(Topic::Endpoint, title, Notified::Down, START + 1);
            Register { channel: channel.clone(), ..register }
        };
        log.registers = vec![outage("Shop"), outage("API")];
        let findings = removed(std::slice::from_ref(&log), &node, &[], START);
        assert_eq!(findings.len(), 1);
        assert_eq!(
            findings[0].what,
            "channel `on-call` was removed while 2 outages were open, so no node reports their end"
        );
        log.node = NodeName::new("b").unwrap();
        log.channels = vec![ServedChannel::new(channel.clone(), 0)];
        assert_eq!(removed(&[log], &node, &[], START), [], "another node notifies it");
    }
}
