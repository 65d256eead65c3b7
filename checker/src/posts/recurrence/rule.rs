//! Parses recurrence rules (RFC 5545), and finds the local times at which they fire.
//!
//! The crate `rrule` computes the occurrences. It sees only dates without a time zone, because its own handling of time
//! zones drops and repeats occurrences when clocks change.

use chrono::{Month, Weekday};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};
use rrule::{Frequency, NWeekday, RRule, Tz, Unvalidated};
use shared::suggest::suggest;

use super::zone::to_utc;
use shared::SECOND;

/// The maximum length of a rule, in bytes. Even a list of all days of a month is shorter.
const LENGTH_LIMIT: usize = 500;

/// The parts of a rule that are supported.
const PARTS: [&str; 12] = [
    "FREQ",
    "INTERVAL",
    "COUNT",
    "UNTIL",
    "WKST",
    "BYMONTH",
    "BYWEEKNO",
    "BYYEARDAY",
    "BYMONTHDAY",
    "BYDAY",
    "BYHOUR",
    "BYSETPOS",
];

/// The parts that RFC 5545 and RFC 7529 define but that are not supported, with the reason.
const UNSUPPORTED_PARTS: [(&str, &str); 5] = [
    ("BYMINUTE", "all windows begin at the minute of the start"),
    ("BYSECOND", "windows begin at a full minute"),
    ("BYEASTER", "it is not part of RFC 5545"),
    ("RSCALE", "only the Gregorian calendar is supported"),
    ("SKIP", "dates that do not exist are always skipped"),
];

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("MO", Weekday::Mon),
    ("TU", Weekday::Tue),
    ("WE", Weekday::Wed),
    ("TH", Weekday::Thu),
    ("FR", Weekday::Fri),
    ("SA", Weekday::Sat),
    ("SU", Weekday::Sun),
];

/// The error for text that is not a supported recurrence rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRule {
    #[error("invalid recurrence rule `{0}`: expected for example `FREQ=WEEKLY;BYDAY=SU` or `FREQ=MONTHLY;BYDAY=1SU`")]
    Format(String),
    #[error("the recurrence rule `{0}` has no `FREQ`: add for example `FREQ=WEEKLY`")]
    NoFrequency(String),
    #[error("the recurrence rule has the part `{0}` twice; remove one of them")]
    Twice(&'static str),
    #[error("the recurrence rule has both `COUNT` and `UNTIL`; remove one of them")]
    TwoEnds,
    #[error("unknown part `{part}` in the recurrence rule: {remedy}")]
    UnknownPart { part: String, remedy: String },
    #[error("the part `{0}` of recurrence rules is not supported: {1}")]
    UnsupportedPart(&'static str, &'static str),
    #[error("the frequency `{0}` is not supported: a window can begin at most once per hour")]
    TooFrequent(String),
    #[error("invalid value `{value}` for `{part}` in the recurrence rule: expected {expected}")]
    Value { part: &'static str, value: String, expected: &'static str },
    #[error("the recurrence rule cannot combine `{part}` with {with}")]
    Combination { part: &'static str, with: String },
}

/// A recurrence rule without a start.
#[derive(Debug, Clone, PartialEq)]
pub struct RecurrenceRule {
    /// The text of the rule in uppercase.
    text: String,
    recurrence: RRule<Unvalidated>,
    /// The time after which the rule does not fire. It is not part of `recurrence`, which has no time zone.
    until: Option<Until>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    Local(DateTime),
    Utc(Timestamp),
}

impl RecurrenceRule {
    /// Parses a rule with or without the prefix `RRULE:`.
    pub fn parse(text: &str) -> Result<RecurrenceRule, InvalidRule> {
        let upper = text.trim().to_ascii_uppercase();
        let text = upper.strip_prefix("RRULE:").unwrap_or(&upper).trim_end_matches(';');
        if text.len() > LENGTH_LIMIT {
            let start: String = text.chars().take(40).collect();
            return Err(InvalidRule::Format(format!("{start}…")));
        }
        let parts = Parts::parse(text)?;
        let frequency = parts.frequency(text)?;
        parts.check_combinations(frequency)?;
        let numbers = |part, limits: (i32, i32), expected| parts.numbers(part, limits, expected);
        let positions = if frequency == Frequency::Monthly { (31, "1 to 31, or -31 to -1") } else { (366, YEAR_DAYS) };
        let months = numbers("BYMONTH", (1, 12), "numbers from 1 to 12")?;
        let months: Vec<Month> = months.iter().filter_map(|month| Month::try_from(*month as u8).ok()).collect();
        let mut recurrence = RRule::new(frequency)
            .interval(parts.number("INTERVAL", (1, 1_000), "a number from 1 to 1000")?.unwrap_or(1) as u16)
            .week_start(parts.week_start()?)
            .by_month(&months)
            .by_week_no(narrow(numbers("BYWEEKNO", (-53, 53), "numbers from 1 to 53, or from -53 to -1")?))
            .by_year_day(narrow(numbers("BYYEARDAY", (-366, 366), YEAR_DAYS)?))
            .by_month_day(narrow(numbers("BYMONTHDAY", (-31, 31), "numbers from 1 to 31, or from -31 to -1")?))
            .by_weekday(parts.weekdays(frequency)?)
            .by_hour(numbers("BYHOUR", (0, 23), "numbers from 0 to 23")?.iter().map(|hour| *hour as u8).collect())
            .by_set_pos(numbers("BYSETPOS", (-positions.0, positions.0), positions.1)?);
        if let Some(count) = parts.number("COUNT", (1, 100_000), "a number from 1 to 100000")? {
            recurrence = recurrence.count(count as u32);
        }
        Ok(RecurrenceRule { text: text.to_owned(), recurrence, until: parts.until()? })
    }

    /// Returns the rule in uppercase.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the local times at which the rule fires, in ascending order. They begin at `start` or later.
    pub(super) fn local_times(
        &self,
        start: DateTime,
        zone: &TimeZone,
    ) -> Result<impl Iterator<Item = DateTime>, InvalidRule> {
        let invalid = || InvalidRule::Format(self.text.clone());
        let seconds = Offset::UTC.to_timestamp(start).map_err(|_| invalid())?.as_second();
        let floating = chrono::DateTime::from_timestamp(seconds, 0).ok_or_else(invalid)?.with_timezone(&Tz::UTC);
        let occurrences = self.recurrence.clone().build(floating).map_err(|_| invalid())?;
        let local = |time: chrono::DateTime<Tz>| {
            Timestamp::from_second(time.timestamp()).ok().map(|time| Offset::UTC.to_datetime(time))
        };
        let (until, zone) = (self.until, zone.clone());
        let is_before_end = move |local: &DateTime| match until {
            None => true,
            Some(Until::Local(end)) => *local <= end,
            Some(Until::Utc(end)) => to_utc(*local, &zone).is_some_and(|(at, _)| at <= end.as_second() * SECOND),
        };
        // The limit ends the search for rules that never fire.
        Ok(occurrences.limit().into_iter().map_while(local).take_while(is_before_end))
    }
}

const YEAR_DAYS: &str = "numbers from 1 to 366, or from -366 to -1";

/// Converts numbers whose range was checked.
fn narrow<T: TryFrom<i32>>(numbers: Vec<i32>) -> Vec<T> {
    numbers.into_iter().filter_map(|number| T::try_from(number).ok()).collect()
}

/// The values of a rule's parts, in the order of [`PARTS`].
struct Parts<'a>([Option<&'a str>; PARTS.len()]);

impl<'a> Parts<'a> {
    fn parse(text: &'a str) -> Result<Parts<'a>, InvalidRule> {
        let mut parts = Parts([None; PARTS.len()]);
        for part in text.split(';') {
            let Some((name, value)) = part.split_once('=').map(|(name, value)| (name.trim(), value.trim())) else {
                return Err(InvalidRule::Format(text.to_owned()));
            };
            if let Some((name, reason)) = UNSUPPORTED_PARTS.iter().find(|(unsupported, _)| *unsupported == name) {
                return Err(InvalidRule::UnsupportedPart(name, reason));
            }
            let Some(index) = PARTS.iter().position(|known| *known == name) else {
                let near = suggest(name, PARTS).map(|near| format!("did you mean `{near}`?"));
                let remedy = near.unwrap_or_else(|| format!("expected {}", PARTS.join(", ")));
                return Err(InvalidRule::UnknownPart { part: name.to_owned(), remedy });
            };
            if parts.0[index].replace(value).is_some() {
                return Err(InvalidRule::Twice(PARTS[index]));
            }
        }
        Ok(parts)
    }

    fn get(&self, part: &str) -> Option<&'a str> {
        self.0[PARTS.iter().position(|known| *known == part)?]
    }

    fn frequency(&self, text: &str) -> Result<Frequency, InvalidRule> {
        match self.get("FREQ") {
            None => Err(InvalidRule::NoFrequency(text.to_owned())),
            Some("YEARLY") => Ok(Frequency::Yearly),
            Some("MONTHLY") => Ok(Frequency::Monthly),
            Some("WEEKLY") => Ok(Frequency::Weekly),
            Some("DAILY") => Ok(Frequency::Daily),
            Some("HOURLY") => Ok(Frequency::Hourly),
            Some(other @ ("MINUTELY" | "SECONDLY")) => Err(InvalidRule::TooFrequent(other.to_owned())),
            Some(other) => {
                let expected = "`HOURLY`, `DAILY`, `WEEKLY`, `MONTHLY` or `YEARLY`";
                Err(InvalidRule::Value { part: "FREQ", value: other.to_owned(), expected })
            }
        }
    }

    fn check_combinations(&self, frequency: Frequency) -> Result<(), InvalidRule> {
        use Frequency::{Daily, Hourly, Monthly, Yearly};
        let is_set = |part: &str| self.get(part).is_some();
        if is_set("COUNT") && is_set("UNTIL") {
            return Err(InvalidRule::TwoEnds);
        }
        let allowed: [(&'static str, &[Frequency]); 4] = [
            ("BYMONTHDAY", &[Hourly, Daily, Monthly, Yearly]),
            ("BYYEARDAY", &[Yearly]),
            ("BYWEEKNO", &[Yearly]),
            ("BYSETPOS", &[Monthly, Yearly]),
        ];
        for (part, frequencies) in allowed {
            if is_set(part) && !frequencies.contains(&frequency) {
                return Err(InvalidRule::Combination { part, with: format!("`FREQ={frequency}`") });
            }
        }
        let others = ["BYMONTH", "BYWEEKNO", "BYYEARDAY", "BYMONTHDAY", "BYDAY", "BYHOUR"];
        if is_set("BYSETPOS") && !others.iter().any(|part| is_set(part)) {
            let with = "`FREQ` alone; add for example `BYDAY`".to_owned();
            return Err(InvalidRule::Combination { part: "BYSETPOS", with });
        }
        Ok(())
    }

    /// Returns the numbers in a list. Zero is valid only if the lower limit is 0.
    fn numbers(
        &self,
        part: &'static str,
        (least, greatest): (i32, i32),
        expected: &'static str,
    ) -> Result<Vec<i32>, InvalidRule> {
        let Some(list) = self.get(part) else { return Ok(Vec::new()) };
        let parse = |text: &str| {
            let number = text.trim().parse::<i32>().ok();
            let valid = number.filter(|number| (least..=greatest).contains(number) && (*number != 0 || least == 0));
            valid.ok_or_else(|| InvalidRule::Value { part, value: text.to_owned(), expected })
        };
        list.split(',').map(parse).collect()
    }

    fn number(
        &self,
        part: &'static str,
        limits: (i32, i32),
        expected: &'static str,
    ) -> Result<Option<i32>, InvalidRule> {
        match self.numbers(part, limits, expected)?.as_slice() {
            [] => Ok(None),
            [number] => Ok(Some(*number)),
            _ => Err(InvalidRule::Value { part, value: self.get(part).unwrap_or_default().to_owned(), expected }),
        }
    }

    fn week_start(&self) -> Result<Weekday, InvalidRule> {
        let Some(value) = self.get("WKST") else { return Ok(Weekday::Mon) };
        let expected = "a day such as `MO`";
        weekday(value).ok_or_else(|| InvalidRule::Value { part: "WKST", value: value.to_owned(), expected })
    }

    fn weekdays(&self, frequency: Frequency) -> Result<Vec<NWeekday>, InvalidRule> {
        let Some(list) = self.get("BYDAY") else { return Ok(Vec::new()) };
        let (limits, expected) = match frequency {
            Frequency::Monthly => (-4..=5, "days such as `SU`, `1SU` or `-1SU`, with a number from -4 to 5"),
            Frequency::Yearly => (-52..=53, "days such as `SU`, `1SU` or `-1SU`, with a number from -52 to 53"),
            _ => (0..=0, "days such as `SU`, without a number"),
        };
        let parse = |text: &str| {
            let text = text.trim();
            let invalid = || InvalidRule::Value { part: "BYDAY", value: text.to_owned(), expected };
            let split = text.len().checked_sub(2).filter(|split| text.is_char_boundary(*split)).ok_or_else(invalid)?;
            let (number, day) = text.split_at(split);
            let day = weekday(day).ok_or_else(invalid)?;
            if number.is_empty() {
                return Ok(NWeekday::Every(day));
            }
            if self.get("BYWEEKNO").is_some() {
                return Err(InvalidRule::Combination { part: "BYWEEKNO", with: format!("the numbered day `{text}`") });
            }
            let number: i16 =
                number.parse().ok().filter(|number| *number != 0 && limits.contains(number)).ok_or_else(invalid)?;
            Ok(NWeekday::Nth(number, day))
        };
        list.split(',').map(parse).collect()
    }

    /// Returns the end of the rule. An end without a time includes its whole day.
    fn until(&self) -> Result<Option<Until>, InvalidRule> {
        let Some(value) = self.get("UNTIL") else { return Ok(None) };
        let parse = || {
            let (local, is_utc) = match value.strip_suffix('Z') {
                Some(local) => (local, true),
                None => (value, false),
            };
            if !local.bytes().all(|byte| byte.is_ascii_digit() || byte == b'T') {
                return None;
            }
            let end = match local.len() {
                8 if !is_utc => Date::strptime("%Y%m%d", local).ok()?.to_datetime(Time::constant(23, 59, 59, 0)),
                15 => DateTime::strptime("%Y%m%dT%H%M%S", local).ok()?,
                _ => return None,
            };
            if is_utc { Offset::UTC.to_timestamp(end).ok().map(Until::Utc) } else { Some(Until::Local(end)) }
        };
        let expected = "a date such as `20271231`, or a time such as `20271231T120000`";
        parse().map(Some).ok_or_else(|| InvalidRule::Value { part: "UNTIL", value: value.to_owned(), expected })
    }
}

fn weekday(name: &str) -> Option<Weekday> {
    WEEKDAYS.iter().find(|(known, _)| *known == name).map(|(_, day)| *day)
}
