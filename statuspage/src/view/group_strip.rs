//! The strip and the uptime of a folded group, which combine those of its members.

use std::sync::Arc;

use shared::status::Status;
use shared::uptime::UptimeBreakdown;

use super::combine_nodes::EvaluatedEndpoint;
use super::period::Period;
use super::strip::{BarView, combined_bar};
use crate::i18n::{Calendar, texts};

/// The strip of a group.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GroupStrip {
    /// The number of the group: [`super::groups::GroupView::key`].
    pub key: usize,
    /// The bars, oldest first. The height of a status is its share of the time of all members.
    pub bars: Vec<Arc<BarView>>,
    /// The uptime of all members together: `99.97% uptime`.
    pub uptime: String,
}

/// Combines the members of a group.
#[must_use]
pub(super) fn group_strip(
    key: usize,
    members: &[EvaluatedEndpoint<'_>],
    period: &Period,
    calendar: Calendar<'_>,
) -> GroupStrip {
    let language = calendar.language;
    let mut total = UptimeBreakdown::default();
    let bars = period.buckets.iter().map(|bucket| {
        let mut sum = UptimeBreakdown::default();
        for member in members {
            let breakdown = member.breakdown(bucket.start, bucket.end, period.now);
            let is_before_first = member.spans.first().is_none_or(|first| bucket.end <= first.start);
            let is_past = member.retired && breakdown.observed() == 0;
            if !is_before_first && !is_past {
                add_share(&mut sum, &breakdown, members.len());
            }
        }
        add_share(&mut total, &sum, 1);
        let is_current = (bucket.start..bucket.end).contains(&period.now);
        let now = members.iter().filter(|one| is_current && !one.retired).map(|one| one.status).max();
        Arc::new(combined_bar(&sum, now.filter(|status| *status >= Status::Degraded), *bucket, period))
    });
    let bars = bars.collect();
    let uptime = match total.uptime() {
        Some(share) => language.format(texts::UPTIME_IS, &[&language.percent(&share.percent())]),
        None => String::new(),
    };
    GroupStrip { key, bars, uptime }
}

/// Adds one of `count` equal shares of a breakdown. The time of hundreds of members would not fit into an integer.
fn add_share(sum: &mut UptimeBreakdown, breakdown: &UptimeBreakdown, count: usize) {
    let count = count as i64;
    sum.healthy += breakdown.healthy / count;
    sum.degraded += breakdown.degraded / count;
    sum.down += breakdown.down / count;
    sum.unknown += breakdown.unknown / count;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{dataset, evaluate, period, utc};

    #[test]
    fn a_group_is_up_for_the_mean_of_its_members() {
        let of = |title, down: std::ops::Range<i64>| {
            (0..60).map(move |ago| (title, "", ago, if down.contains(&ago) { Status::Down } else { Status::Healthy }))
        };
        let dataset = dataset(&of("A", 20..35).chain(of("B", 0..0)).collect::<Vec<_>>());
        let strip = group_strip(3, &evaluate(&dataset), &period(), utc());
        assert_eq!((strip.key, strip.bars.len(), strip.uptime.as_str()), (3, 25, "87.28% uptime"));
        let statuses: Vec<Status> = strip.bars[23..].iter().map(|bar| bar.status).collect();
        assert_eq!(statuses, [Status::Down, Status::Healthy]);
        assert!(strip.bars[0].is_before_first && !strip.bars[23].is_before_first);
    }
}
