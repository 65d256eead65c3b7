//! The metrics of the checker itself.

use std::collections::BTreeMap;

use super::exposition::{Family, FamilyKind, Labels, MetricsWriter, SampleValue};
use crate::notify::evaluate::MessageOutcome;

const SPOOL: Family =
    Family::gauge("checkup_spool_rounds", "The number of rounds that wait in the spool for the store.");
const NOTIFICATIONS: Family = Family {
    name: "checkup_notifications_total",
    kind: FamilyKind::Counter,
    help: "Attempts to send a message to a channel since the start.",
};
const BUILD: Family =
    Family { name: "checkup_build_info", kind: FamilyKind::Info, help: "The version of the checker." };

/// The number of messages by the channel's ID and the outcome.
pub type NotificationCounts = BTreeMap<(String, MessageOutcome), u64>;

pub(super) fn write(writer: &mut MetricsWriter, spool_rounds: Option<usize>, notifications: &NotificationCounts) {
    writer.family(&SPOOL, |samples| {
        if let Some(rounds) = spool_rounds {
            samples.sample(&Labels::default(), None, SampleValue::Integer(rounds as i64));
        }
    });
    writer.family(&NOTIFICATIONS, |samples| {
        for ((channel, outcome), count) in notifications {
            let labels = Labels::new(&[("channel", channel)]);
            let value = SampleValue::Integer(i64::try_from(*count).unwrap_or(i64::MAX));
            samples.sample(&labels, Some(("outcome", outcome.as_str())), value);
        }
    });
    writer.family(&BUILD, |samples| {
        let labels = Labels::new(&[("version", env!("CARGO_PKG_VERSION"))]);
        samples.sample(&labels, None, SampleValue::Integer(1));
    });
}
