//! What a clock that differs from the service's means. Pure but for [`ahead`], which asks the service for its time.

use shared::page_config::S3Source;
use shared::{MINUTE, Nanos, UnixNanos, duration};

use super::probe::Probe;
use super::{Finding, Side, address};

/// What a clock may be off before signatures are refused, halved.
const WARNING: Nanos = 7 * MINUTE;
/// What it means if they are.
const REFUSED: &str = "its requests are refused, and nothing else can be tried";

/// How far this machine's clock is ahead of the service's, by the `Date` of any answer; behind is negative.
pub async fn ahead(probe: &Probe, source: &S3Source, now: UnixNanos) -> Option<Nanos> {
    let unsigned = S3Source { public_keys: None, ..source.clone() };
    let url = address::list(&unsigned, now, now).ok()?;
    // Whatever else is wrong is told by the requests that follow.
    probe.browse(&url, None).await.ok()?.clock_ahead(now)
}

/// The finding where requests go through; nothing if the service does not tell its time.
#[must_use]
pub fn of_accepted(side: Side, ahead: Option<Nanos>) -> Option<Finding> {
    Some(match ahead? {
        ahead if ahead.abs() > WARNING => Finding::warning(
            side,
            format!("this machine's clock is {}; most services refuse requests from 15 min on", off(ahead)),
            "set the clock, best by NTP",
        ),
        _ => Finding::ok(side, "the clock agrees with the service's"),
    })
}

/// The finding where requests are refused for their time.
#[must_use]
pub fn of_refused(side: Side, ahead: Option<Nanos>) -> Finding {
    let off = ahead.filter(|ahead| ahead.abs() > WARNING).map_or("too far from the service's".to_owned(), off);
    Finding::failure(
        side,
        format!("this machine's clock is {off}: {REFUSED}"),
        "set the clock, best by NTP, and run the doctor again",
    )
}

/// Whether a finding is that requests are refused for their time.
#[must_use]
pub fn is_refused(finding: &Finding) -> bool {
    finding.what.ends_with(REFUSED)
}

fn off(ahead: Nanos) -> String {
    let direction = if ahead < 0 { "behind" } else { "ahead of" };
    format!("{} {direction} the service's", duration::format_coarse(ahead.abs()))
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn a_clock_is_told_of_by_how_far_it_is_off_and_where() {
        let accepted = |ahead| of_accepted(Side::Checker, Some(ahead)).unwrap();
        assert_eq!(accepted(MINUTE).level, Level::Ok);
        assert_eq!(accepted(-7 * MINUTE).level, Level::Ok);
        let behind = accepted(-8 * MINUTE);
        assert!(behind.level == Level::Warning && behind.what.contains("8 min behind"), "{behind:?}");
        let refused = of_refused(Side::Page, Some(20 * MINUTE));
        assert!(is_refused(&refused) && !is_refused(&behind));
        assert!(refused.level == Level::Failure && refused.what.contains("20 min ahead of"), "{refused:?}");
        assert_eq!(of_accepted(Side::Checker, None), None);
    }

    #[test]
    fn a_service_that_tells_no_time_or_a_strange_one_is_believed_when_it_refuses() {
        for ahead in [None, Some(0)] {
            let refused = of_refused(Side::Checker, ahead);
            assert!(refused.what.contains("too far from the service's"), "{refused:?}");
        }
    }
}
