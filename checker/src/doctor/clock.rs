//! Findings about differences between this machine's clock and the service's.

use shared::page_config::S3Source;
use shared::{MINUTE, Nanos, UnixNanos, duration};

use super::probe::StoreProbe;
use super::{Finding, Side, address};

/// The smallest clock difference to report: about half of what services tolerate in signatures.
const WARNING: Nanos = 7 * MINUTE;
/// The consequence of a timestamp that the service does not accept.
const REFUSED: &str = "the service refuses its requests, so nothing else could be checked";

/// Returns how far this machine's clock is ahead of the service's, according to the `Date` header of any response. The
/// result is negative if the clock is behind.
pub async fn ahead(probe: &StoreProbe, source: &S3Source, now: UnixNanos) -> Option<Nanos> {
    let unsigned = S3Source { public_keys: None, ..source.clone() };
    let url = address::list_url(&unsigned, now, now).ok()?;
    // Ignore errors here, because later requests report them.
    probe.browse(&url, None).await.ok()?.clock_ahead(now)
}

/// Returns the finding for a service that accepts requests, or `None` if its responses have no date.
#[must_use]
pub fn accepted_finding(side: Side, ahead: Option<Nanos>) -> Option<Finding> {
    Some(match ahead? {
        ahead if ahead.abs() > WARNING => Finding::warning(
            side,
            format!(
                "this machine's clock is {}; most services refuse requests once clocks differ by 15 min",
                describe(ahead)
            ),
            "set the clock, preferably with NTP",
        ),
        _ => Finding::ok(side, "the clock agrees with the service's"),
    })
}

/// Returns the finding for a service that refuses requests because of their timestamp.
#[must_use]
pub fn refused_finding(side: Side, ahead: Option<Nanos>) -> Finding {
    let difference =
        ahead.filter(|ahead| ahead.abs() > WARNING).map_or("far out of sync with the service's".to_owned(), describe);
    Finding::failure(
        side,
        format!("this machine's clock is {difference}: {REFUSED}"),
        "set the clock, preferably with NTP, and run the doctor again",
    )
}

/// Returns whether this is a [`refused_finding`].
#[must_use]
pub fn is_refused(finding: &Finding) -> bool {
    finding.what.ends_with(REFUSED)
}

fn describe(ahead: Nanos) -> String {
    let direction = if ahead < 0 { "behind" } else { "ahead of" };
    format!("{} {direction} the service's", duration::format_coarse(ahead.abs()))
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn a_wrong_clock_is_reported_with_difference_and_direction() {
        let accepted = |ahead| accepted_finding(Side::Checker, Some(ahead)).unwrap();
        assert_eq!(accepted(MINUTE).level, Level::Ok);
        assert_eq!(accepted(-7 * MINUTE).level, Level::Ok);
        let behind = accepted(-8 * MINUTE);
        assert!(behind.level == Level::Warning && behind.what.contains("8 min behind"), "{behind:?}");
        let refused = refused_finding(Side::Page, Some(20 * MINUTE));
        assert!(is_refused(&refused) && !is_refused(&behind));
        assert!(refused.level == Level::Failure && refused.what.contains("20 min ahead of"), "{refused:?}");
        assert_eq!(accepted_finding(Side::Checker, None), None);
    }

    #[test]
    fn a_refusal_counts_even_if_the_difference_is_unknown() {
        for ahead in [None, Some(0)] {
            let refused = refused_finding(Side::Checker, ahead);
            assert!(refused.what.contains("far out of sync with the service's"), "{refused:?}");
        }
    }
}
