//! Tests whether notification channels can be reached, without sending a message.

use std::time::Duration;

use futures_util::future::join_all;

use super::{Finding, Side};
use crate::notify::delivery::Courier;
use crate::notify::rules::{Channel, Notifications};

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
