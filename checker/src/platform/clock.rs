//! Reads the system clock, and verifies that its time can be stored.

use std::time::{SystemTime, UNIX_EPOCH};

use shared::civil::rfc3339;
use shared::{SECOND, UnixNanos};

/// The earliest time that can be stored. Times in check file names have 19 digits so that names sort by time. On a
/// machine without a clock battery, the clock starts too early, in 1970.
pub const EARLIEST: UnixNanos = 1_000_000_000 * SECOND;

/// The latest time that can be stored: the start of 2262. Signed 64-bit nanoseconds overflow in April of that year, and
/// there must be room to add intervals.
pub const LATEST: UnixNanos = 9_214_646_400 * SECOND;

/// The system clock shows a time that cannot be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the system clock shows {}, but times must be between {} and {}; set the clock, preferably with NTP",
    shown(*.0),
    rfc3339(EARLIEST),
    rfc3339(LATEST)
)]
pub struct UnusableClock(UnixNanos);

/// Returns the current time, clamped to the range of 64-bit nanoseconds.
#[must_use]
pub fn now() -> UnixNanos {
    let nanos = |duration: std::time::Duration| UnixNanos::try_from(duration.as_nanos()).unwrap_or(UnixNanos::MAX);
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => nanos(since),
        Err(before) => -nanos(before.duration()),
    }
}

/// Verifies that the system clock's time can be stored.
pub fn verify(now: UnixNanos) -> Result<(), UnusableClock> {
    if (EARLIEST..LATEST).contains(&now) { Ok(()) } else { Err(UnusableClock(now)) }
}

fn shown(time: UnixNanos) -> String {
    if time == UnixNanos::MAX { "a time after 2262".to_owned() } else { rfc3339(time) }
}

#[cfg(test)]
mod tests {
    use crate::platform::clock::*;
    use shared::object_name::CheckFileName;

    #[test]
    fn the_current_time_can_be_stored() {
        assert_eq!(verify(now()), Ok(()));
    }

    #[test]
    fn times_that_cannot_be_stored_are_named() {
        for (time, shown) in [
            (-1, "1969-12-31T23:59:59Z"),
            (0, "1970-01-01T00:00:00Z"),
            (EARLIEST - 1, "2001-09-09T01:46:39Z"),
            (LATEST, "2262-01-01T00:00:00Z"),
            (UnixNanos::MAX, "a time after 2262"),
        ] {
            let error = verify(time).expect_err(shown).to_string();
            assert!(error.starts_with(&format!("the system clock shows {shown}, but times must be")), "{error}");
        }
    }

    #[test]
    fn names_of_stored_times_sort_by_time() {
        let names =
            [EARLIEST, EARLIEST + 1, LATEST - 1].map(|stored_at| CheckFileName { stored_at, node: None }.to_string());
        assert!(names.is_sorted() && names.iter().all(|name| name.len() == names[0].len()), "{names:?}");
    }
}
