//! Time ranges that end now and begin with a whole hour or day of the local time zone, as on the page.

use chrono::{DateTime, Days, Local, NaiveDate, NaiveTime, Timelike as _};
use shared::response_times::MAX_CHECK_RANGE;
use shared::{DAY, HOUR, Nanos, SECOND, UnixNanos};

/// Returns the boundaries of the hours or days in a range that ends now, in the local time zone. As on the page, ranges
/// up to [`MAX_CHECK_RANGE`] are divided into hours, longer ones into days. The last hour or day contains `now`.
#[must_use]
pub fn edges(range: Nanos, now: UnixNanos) -> Vec<UnixNanos> {
    if range <= MAX_CHECK_RANGE {
        let mut edges = vec![start(range, now)];
        while edges[edges.len() - 1] <= now {
            let last = edges[edges.len() - 1];
            edges.push(last + HOUR - time_in_hour(last));
        }
        return edges;
    }
    let first = first_day(range, now);
    (0..=days_in(range)).map(|day| start_of_day(first + Days::new(day))).collect()
}

/// Returns the start of a range that ends now, which is the first of its [`edges`].
#[must_use]
pub fn start(range: Nanos, now: UnixNanos) -> UnixNanos {
    if range <= MAX_CHECK_RANGE {
        let from = now - range;
        return from - time_in_hour(from);
    }
    start_of_day(first_day(range, now))
}

fn local(moment: UnixNanos) -> DateTime<Local> {
    DateTime::from_timestamp_nanos(moment).with_timezone(&Local)
}

/// Returns the time since the start of the hour in the local time zone.
fn time_in_hour(moment: UnixNanos) -> Nanos {
    let local = local(moment);
    let seconds = i64::from(local.minute()) * 60 + i64::from(local.second());
    seconds * SECOND + i64::from(local.nanosecond() % 1_000_000_000)
}

fn days_in(range: Nanos) -> u64 {
    ((range + DAY - 1) / DAY).unsigned_abs()
}

fn first_day(range: Nanos, now: UnixNanos) -> NaiveDate {
    local(now).date_naive() - Days::new(days_in(range).saturating_sub(1))
}

/// Returns the start of a day in the local time zone, even if a time change skips midnight.
fn start_of_day(date: NaiveDate) -> UnixNanos {
    let shown = (0..4).find_map(|hour| date.and_hms_opt(hour, 0, 0)?.and_local_timezone(Local).earliest());
    let shown = shown.and_then(|shown| shown.timestamp_nanos_opt());
    shown.unwrap_or_else(|| date.and_time(NaiveTime::MIN).and_utc().timestamp_nanos_opt().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_starts_at_its_first_edge() {
        let now = 1_795_330_254_340_493_978;
        for range in [HOUR, DAY, MAX_CHECK_RANGE, MAX_CHECK_RANGE + 1, 7 * DAY, 90 * DAY] {
            let edges = edges(range, now);
            assert_eq!(start(range, now), edges[0], "{range}");
            assert!(edges[0] <= now - range + DAY && edges[edges.len() - 1] > now, "{range}");
        }
    }
}
