use shared::{HOUR, MINUTE, SECOND};

use super::*;

/// The time 12:00 in Berlin on 2026-11-30.
const NOW: UnixNanos = 1_796_036_400 * SECOND;

fn expand(
    start: &str,
    zone: &str,
    length: Nanos,
    repeat: &str,
    except: &[&str],
) -> Result<Vec<Occurrence>, InvalidRecurrence> {
    let except: Vec<String> = except.iter().map(|date| (*date).to_owned()).collect();
    Recurrence::parse((start, zone), length, repeat, &except)?.expand(NOW)
}

/// The local starts, with UTC offset, of the windows in Berlin.
fn starts(start: &str, repeat: &str) -> Vec<String> {
    let zone = find_zone("Europe/Berlin").unwrap();
    let windows = expand(start, "Europe/Berlin", 30 * MINUTE, repeat, &[]).unwrap();
    windows.iter().map(|window| local_text(window.start, &zone)).collect()
}

fn error(start: &str, zone: &str, length: Nanos, repeat: &str, except: &[&str]) -> String {
    expand(start, zone, length, repeat, except).unwrap_err().to_string()
}

#[test]
fn a_single_window_needs_no_rule() {
    let windows = expand("2026-12-06T02:00", "Europe/Berlin", 90 * MINUTE, "", &[]).unwrap();
    assert_eq!(windows.len(), 1);
    assert_eq!((windows[0].start, windows[0].end), (1_796_518_800 * SECOND, 1_796_524_200 * SECOND));
    assert_eq!(windows[0].change, ClockChange::None);
}

#[test]
fn a_rule_is_expanded_400_days_ahead_and_past_windows_are_kept() {
    let monthly = starts("2026-08-02 02:00", "FREQ=MONTHLY;BYDAY=1SU");
    assert_eq!(monthly[..2], ["2026-08-02 02:00 +02:00", "2026-09-06 02:00 +02:00"]);
    assert_eq!(monthly.last().unwrap(), "2028-01-02 02:00 +01:00");
    // The rule does not have to include the start.
    assert_eq!(starts("2026-12-01 02:00", "rrule:freq=weekly;byday=su;count=1"), ["2026-12-06 02:00 +01:00"]);
}

/// Uptime Kuma #6233: windows had the wrong UTC offset after a change of the clocks.
#[test]
fn windows_have_the_offset_on_their_date() {
    let weekly = starts("2027-03-21 05:00", "FREQ=WEEKLY;COUNT=3");
    assert_eq!(weekly, ["2027-03-21 05:00 +01:00", "2027-03-28 05:00 +02:00", "2027-04-04 05:00 +02:00"]);
}

/// Gatus computes the start from midnight, so a window at 05:00 moves by an hour on days on which the clocks change.
#[test]
fn a_window_at_5_o_clock_stays_there_when_clocks_change() {
    for (day, offset) in [("2027-03-28", "+02:00"), ("2027-10-31", "+01:00")] {
        assert_eq!(starts(&format!("{day} 05:00"), ""), [format!("{day} 05:00 {offset}")]);
    }
}

/// rust-rrule #109 and #115: a change of the clocks dropped and repeated occurrences.
#[test]
fn one_change_of_the_clocks_shifts_one_window_and_drops_none() {
    let daily = starts("2027-03-26 02:30", "FREQ=DAILY;COUNT=4");
    assert_eq!(
        daily,
        ["2027-03-26 02:30 +01:00", "2027-03-27 02:30 +01:00", "2027-03-28 03:30 +02:00", "2027-03-29 02:30 +02:00"]
    );
    let autumn = starts("2027-10-30 02:30", "FREQ=DAILY;COUNT=3");
    assert_eq!(autumn, ["2027-10-30 02:30 +02:00", "2027-10-31 02:30 +02:00", "2027-11-01 02:30 +01:00"]);
}

#[test]
fn the_length_is_real_time() {
    for day in ["2027-03-28 01:00", "2027-10-31 01:00"] {
        let window = expand(day, "Europe/Berlin", 3 * HOUR, "", &[]).unwrap()[0];
        assert_eq!(window.end - window.start, 3 * HOUR, "{day}");
    }
}

#[test]
fn clock_changes_are_recognized() {
    for (start, change) in [
        ("2027-03-28 02:30", ClockChange::Skipped),
        ("2027-10-31 02:30", ClockChange::Repeated),
        ("2027-10-31 03:00", ClockChange::None),
    ] {
        assert_eq!(expand(start, "Europe/Berlin", HOUR, "", &[]).unwrap()[0].change, change, "{start}");
    }
}

#[test]
fn windows_that_coincide_after_a_skipped_hour_are_one() {
    let hourly = starts("2027-03-28 01:30", "FREQ=HOURLY;COUNT=3");
    assert_eq!(hourly, ["2027-03-28 01:30 +01:00", "2027-03-28 03:30 +02:00"]);
}

#[test]
fn excepted_dates_have_no_window_but_count() {
    let windows = expand("2026-12-06 02:00", "UTC", HOUR, "FREQ=DAILY;COUNT=3", &["2026-12-07"]).unwrap();
    let days: Vec<String> = windows.iter().map(|window| window.local.date().to_string()).collect();
    assert_eq!(days, ["2026-12-06", "2026-12-08"]);
    assert_eq!(
        error("2026-12-06 02:00", "UTC", HOUR, "FREQ=WEEKLY", &["2026-12-07"]),
        "there is no window on 2026-12-07, so that date cannot be left out"
    );
    let later = ["2030-01-01"];
    assert!(expand("2026-12-06 02:00", "UTC", HOUR, "FREQ=WEEKLY", &later).is_ok(), "it is not known yet");
}

#[test]
fn a_rule_ends_on_a_local_date_or_at_a_time() {
    for (until, count) in [
        ("20261208", 3),
        ("20261208T020000", 3),
        ("20261208T015959", 2),
        ("20261208T010000Z", 3),
        ("20261208T005959Z", 2),
    ] {
        assert_eq!(starts("2026-12-06 02:00", &format!("FREQ=DAILY;UNTIL={until}")).len(), count, "{until}");
    }
}

#[test]
fn invalid_starts_zones_and_lengths_are_named() {
    for start in
        ["2026-12-06", "tomorrow", "2026-02-30 02:00", "2026-12-06 24:00", "2026-12-06 02:00Z", "+2026-12-06 02:00"]
    {
        assert_eq!(
            error(start, "UTC", HOUR, "", &[]),
            format!("invalid start `{start}`: expected a date and a time that exist, for example `2026-12-06 02:00`")
        );
    }
    for (zone, remedy) in [
        ("Europe/Berlim", "did you mean `Europe/Berlin`?"),
        ("berlin", "did you mean `Europe/Berlin`?"),
        ("New York", "did you mean `America/New_York`?"),
        ("Mars", "expected a name such as `Europe/Berlin` or `UTC`"),
    ] {
        let expected = format!("unknown time zone `{zone}`: {remedy}");
        assert_eq!(error("2026-12-06 02:00", zone, HOUR, "", &[]), expected);
    }
    for length in [0, -HOUR] {
        let expected = "invalid length: a window must last longer than 0";
        assert_eq!(error("2026-12-06 02:00", "UTC", length, "", &[]), expected);
    }
    assert!(
        error("2026-12-06 02:00", "UTC", HOUR, "FREQ=DAILY", &["2026-13-01"]).starts_with("invalid date `2026-13-01`")
    );
    let stored = Recurrence::parse(("2026-12-06 02:00", "europe/berlin"), HOUR, "", &[]).unwrap().plan(&[]);
    assert_eq!((stored.start.as_str(), stored.zone.as_str()), ("2026-12-06T02:00", "Europe/Berlin"));
}

#[test]
fn a_start_out_of_reach_is_an_error() {
    assert_eq!(
        error("2025-10-26 02:00", "UTC", HOUR, "FREQ=DAILY", &[]),
        "the start 2025-10-26 02:00 UTC is more than 400 days ago"
    );
    assert_eq!(
        error("2028-01-05 02:00", "UTC", HOUR, "", &[]),
        "the start 2028-01-05 02:00 UTC is more than 400 days from now; plan it later"
    );
}

#[test]
fn rules_without_windows_and_with_too_many_are_errors() {
    for repeat in
        ["FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=4", "FREQ=DAILY;UNTIL=20261130"]
    {
        let expected = "there is no window within 400 days of now: the recurrence rule does not fire";
        assert_eq!(error("2026-12-06 02:00", "UTC", HOUR, repeat, &[]), expected, "{repeat}");
    }
    assert_eq!(
        error("2026-12-06 02:00", "UTC", HOUR, "", &["2026-12-06"]),
        "there is no window within 400 days of now: all of them are left out"
    );
    assert_eq!(
        error("2026-12-06 02:00", "UTC", HOUR, "FREQ=HOURLY", &[]),
        "there are more than 2,000 windows within 400 days of now; repeat less often, or end the rule with `UNTIL`"
    );
    assert_eq!(expand("2026-12-06 02:00", "UTC", HOUR, "FREQ=HOURLY;COUNT=2000", &[]).unwrap().len(), 2_000);
}

#[test]
fn windows_that_overlap_are_an_error() {
    assert_eq!(
        error("2026-12-06 02:00", "UTC", 25 * HOUR, "FREQ=DAILY", &[]),
        "windows of 1d1h overlap: the one that begins at 2026-12-06 02:00 UTC has not ended at 2026-12-07 02:00 UTC"
    );
    // A day on which clocks go forward has 23 hours.
    let daily = error("2026-12-06 02:00", "Europe/Berlin", 24 * HOUR, "FREQ=DAILY", &[]);
    assert!(daily.ends_with("at 2027-03-28 03:00 +02:00 has not ended at 2027-03-29 02:00 +02:00"), "{daily}");
    assert!(expand("2026-12-06 02:00", "UTC", 24 * HOUR, "FREQ=DAILY", &[]).is_ok());
}

#[test]
fn invalid_rules_are_one_sentence_each() {
    for (rule, expected) in [
        (
            "weekly",
            "invalid recurrence rule `WEEKLY`: expected for example `FREQ=WEEKLY;BYDAY=SU` or `FREQ=MONTHLY;BYDAY=1SU`",
        ),
        ("BYDAY=SU", "the recurrence rule `BYDAY=SU` has no `FREQ`: add for example `FREQ=WEEKLY`"),
        ("FREQ=WEEKLY;FREQ=DAILY", "the recurrence rule has the part `FREQ` twice; remove one of them"),
        ("FREQ=DAILY;COUNT=1;UNTIL=20270101", "the recurrence rule has both `COUNT` and `UNTIL`; remove one of them"),
        ("FREQ=WEEKLY;BYDAYS=SU", "unknown part `BYDAYS` in the recurrence rule: did you mean `BYDAY`?"),
        (
            "FREQ=DAILY;BYMINUTE=0,30",
            "the part `BYMINUTE` of recurrence rules is not supported: all windows begin at the minute of the start",
        ),
        (
            "FREQ=DAILY;RSCALE=HEBREW",
            "the part `RSCALE` of recurrence rules is not supported: only the Gregorian calendar is supported",
        ),
        ("FREQ=MINUTELY", "the frequency `MINUTELY` is not supported: a window can begin at most once per hour"),
        (
            "FREQ=OFTEN",
            "invalid value `OFTEN` for `FREQ` in the recurrence rule: expected `HOURLY`, `DAILY`, `WEEKLY`, `MONTHLY` or `YEARLY`",
        ),
        (
            "FREQ=DAILY;INTERVAL=0",
            "invalid value `0` for `INTERVAL` in the recurrence rule: expected a number from 1 to 1000",
        ),
        (
            "FREQ=DAILY;INTERVAL=1,2",
            "invalid value `1,2` for `INTERVAL` in the recurrence rule: expected a number from 1 to 1000",
        ),
        (
            "FREQ=DAILY;COUNT=many",
            "invalid value `MANY` for `COUNT` in the recurrence rule: expected a number from 1 to 100000",
        ),
        (
            "FREQ=YEARLY;BYMONTH=13",
            "invalid value `13` for `BYMONTH` in the recurrence rule: expected numbers from 1 to 12",
        ),
        (
            "FREQ=MONTHLY;BYMONTHDAY=0",
            "invalid value `0` for `BYMONTHDAY` in the recurrence rule: expected numbers from 1 to 31, or from -31 to -1",
        ),
        (
            "FREQ=WEEKLY;BYDAY=1SU",
            "invalid value `1SU` for `BYDAY` in the recurrence rule: expected days such as `SU`, without a number",
        ),
        (
            "FREQ=MONTHLY;BYDAY=XX",
            "invalid value `XX` for `BYDAY` in the recurrence rule: expected days such as `SU`, `1SU` or `-1SU`, with a number from -4 to 5",
        ),
        ("FREQ=WEEKLY;WKST=1", "invalid value `1` for `WKST` in the recurrence rule: expected a day such as `MO`"),
        (
            "FREQ=DAILY;UNTIL=soon",
            "invalid value `SOON` for `UNTIL` in the recurrence rule: expected a date such as `20271231`, or a time such as `20271231T120000`",
        ),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "the recurrence rule cannot combine `BYMONTHDAY` with `FREQ=WEEKLY`"),
        ("FREQ=MONTHLY;BYWEEKNO=1", "the recurrence rule cannot combine `BYWEEKNO` with `FREQ=MONTHLY`"),
        ("FREQ=WEEKLY;BYDAY=SU;BYSETPOS=1", "the recurrence rule cannot combine `BYSETPOS` with `FREQ=WEEKLY`"),
        (
            "FREQ=MONTHLY;BYSETPOS=1",
            "the recurrence rule cannot combine `BYSETPOS` with `FREQ` alone; add for example `BYDAY`",
        ),
        (
            "FREQ=YEARLY;BYWEEKNO=1;BYDAY=1SU",
            "the recurrence rule cannot combine `BYWEEKNO` with the numbered day `1SU`",
        ),
    ] {
        assert_eq!(RecurrenceRule::parse(rule).unwrap_err().to_string(), expected);
    }
    let long = RecurrenceRule::parse(&format!("FREQ=DAILY;BYHOUR={}", "1,".repeat(1_000))).unwrap_err().to_string();
    assert!(long.len() < 200, "{long}");
}

proptest::proptest! {
    #[test]
    fn any_text_is_a_rule_or_an_error(text in "(FREQ=(DAILY|YEARLY|MONTHLY|HOURLY))?[;A-Z0-9=,é-]{0,30}") {
        let _ = expand("2026-12-06 02:00", "Europe/Berlin", HOUR, &text, &[]);
    }
}
