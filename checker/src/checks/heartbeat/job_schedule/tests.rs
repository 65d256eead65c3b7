//! Tests schedules, and compares them with a simple search of every minute.

use crate::checks::heartbeat::job_schedule::*;
use jiff::civil::DateTime;
use jiff::{Span, ToSpan as _};
use proptest::prelude::*;

fn schedule(expression: &str, zone: &str) -> JobSchedule {
    JobSchedule::parse(expression, parse_time_zone(zone).expect("a time zone")).expect("a schedule")
}

#[test]
fn invalid_schedules_are_explained() {
    let explain =
        |expression: &str| JobSchedule::parse(expression, TimeZone::UTC).map(drop).map_err(|error| error.to_string());
    for valid in [
        "0 4 * * *",
        " */5 0-6,22 1,15 JAN-mar mon-FRI ",
        "0 0 L * *",
        "0 0 15W * 1#2",
        "@daily",
        "0 0 29 2 *",
        "0 0 ? * 7",
    ] {
        assert_eq!(explain(valid), Ok(()), "{valid}");
    }
    for (expression, part) in [
        ("", "expected five fields (minute, hour, day of the month, month, day of the week)"),
        ("0 4 * *", "expected five fields"),
        ("0 0 4 * * *", "expected five fields"),
        ("every day", "expected five fields"),
        ("@never", "expected five fields"),
        ("0 4 * * Ü", "expected five fields"),
        ("60 4 * * *", "`60` is not a valid minute"),
        ("0 24 * * *", "`24` is not a valid hour"),
        ("0 4 0 * *", "`0` is not a valid day of the month"),
        ("0 4 * 13 *", "`13` is not a valid month"),
        ("0 4 * * MONDAY", "`MONDAY` is not a valid day of the week"),
        ("0 4 * * 5-1", "`5-1` is not a valid day of the week"),
        ("*/0 4 * * *", "`*/0` is not a valid minute"),
        ("0 0 30 2 *", "there is no such date"),
        ("0 0 31 4,6,9,11 *", "there is no such date"),
    ] {
        let error = explain(expression).expect_err(expression);
        assert!(error.starts_with(&format!("invalid schedule `{expression}`: ")) && error.contains(part), "{error}");
    }
    assert!(explain(&"1,".repeat(200)).is_err());
    let unknown = parse_time_zone("Europe/Atlantis").map(drop).expect_err("it is unknown");
    assert_eq!(
        unknown.to_string(),
        "unknown time zone `Europe/Atlantis`: expected for example `Europe/Berlin` or `UTC`"
    );
}

#[test]
fn no_run_is_scheduled_before_1970() {
    assert_eq!(schedule("0 0 1 1 *", "UTC").latest(-1), None);
    assert_eq!(schedule("0 0 1 1 *", "UTC").latest(UnixNanos::MIN), None);
    assert!(schedule("0 0 1 1 *", "UTC").latest(UnixNanos::MAX).is_some());
}

/// A generated field of a cron expression: its text and the values that match it.
#[derive(Debug, Clone)]
struct GeneratedField {
    text: String,
    values: Vec<i8>,
}

/// Generates a single value, a range, a list or steps with the weight 1 each, or any value with the weight `any`.
fn field(first: i8, last: i8, any: u8) -> impl Strategy<Value = GeneratedField> {
    (0..4 + any, first..=last, first..=last, 1..=last).prop_map(move |(shape, one, other, step)| {
        let (low, high) = (one.min(other), one.max(other));
        let (text, values): (String, Vec<i8>) = match shape {
            0 => (one.to_string(), vec![one]),
            1 => (format!("{low}-{high}"), (low..=high).collect()),
            2 => (format!("{one},{other}"), vec![one, other]),
            3 => (format!("*/{step}"), (first..=last).step_by(step as usize).collect()),
            _ => ("*".to_owned(), (first..=last).collect()),
        };
        GeneratedField { text, values }
    })
}

/// The five fields of a generated cron expression, in order.
type GeneratedFields = [GeneratedField; 5];

fn is_on_day(fields: &GeneratedFields, at: DateTime) -> bool {
    let [_, _, day, month, weekday] = fields;
    let on_day = day.values.contains(&at.day());
    let on_weekday = weekday.values.contains(&at.weekday().to_sunday_zero_offset());
    // If both the day of the month and the day of the week are restricted, matching either is enough.
    let is_on = if day.text == "*" || weekday.text == "*" { on_day && on_weekday } else { on_day || on_weekday };
    is_on && month.values.contains(&at.month())
}

fn matches(fields: &GeneratedFields, at: DateTime) -> bool {
    fields[0].values.contains(&at.minute()) && fields[1].values.contains(&at.hour()) && is_on_day(fields, at)
}

/// How far back to search, in seconds.
const SEARCHED: i64 = 9 * 86_400;

/// Searches the days before `now` minute by minute, and returns the last scheduled minute.
fn expected_latest(fields: &GeneratedFields, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
    let minute: Span = 1.minute();
    let is_fixed = !fields[..2].iter().any(|field| field.text.contains('*'));
    let mut at = Timestamp::from_second(now.as_second() - now.as_second().rem_euclid(60)).expect("a time");
    let end = at - SEARCHED.seconds();
    let mut local = zone.to_datetime(at);
    while at > end {
        if matches(fields, local) {
            let first = zone.to_ambiguous_timestamp(local).earlier().expect("a time");
            // A fixed time that occurs twice is due only the first time.
            if !is_fixed || first == at {
                return Some(at);
            }
        }
        let before = zone.to_datetime(at - minute);
        let mut skipped = before + minute;
        // A fixed time that the clocks skip is due immediately after the change.
        while is_fixed && skipped < local {
            if matches(fields, skipped) && is_on_day(fields, local) {
                return Some(at);
            }
            skipped += minute;
        }
        (at, local) = (at - minute, before);
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]
    #[test]
    fn schedules_agree_with_a_search_of_every_minute(
        fields in [field(0, 59, 1), field(0, 23, 1), field(1, 31, 4), field(1, 12, 12), field(0, 6, 4)],
        zone in prop::sample::select(vec![
            "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana", "Asia/Kathmandu",
        ]),
        // Half of the times are close to a clock change in one of the time zones.
        (day, seconds) in (
            prop_oneof![
                (0..3_650_i64).prop_map(|day| 1_577_836_800 + day * 86_400),
                prop::sample::select(vec![
                    1_774_746_000_i64, 1_792_890_000, 1_772_953_200, 1_793_512_800, 1_775_314_800, 1_790_955_000,
                    1_772_946_000, 1_793_509_200,
                ]),
            ],
            -130_000..130_000_i64,
        ),
    ) {
        let text: Vec<&str> = fields.iter().map(|field| field.text.as_str()).collect();
        let zone = parse_time_zone(zone).expect("a time zone");
        let now = Timestamp::from_second(day + seconds).expect("a time");
        match JobSchedule::parse(&text.join(" "), zone.clone()) {
            Ok(schedule) => {
                let latest = schedule.latest(now.as_second() * SECOND).map(|at| at / SECOND);
                let expected = expected_latest(&fields, &zone, now).map(Timestamp::as_second);
                let oldest = now.as_second() - now.as_second().rem_euclid(60) - SEARCHED;
                prop_assert_eq!(latest.filter(|at| *at > oldest), expected, "{} at {}", schedule, now);
            }
            Err(error) => prop_assert!(matches!(error, InvalidSchedule::Never(_)), "{}", error),
        }
    }
}
