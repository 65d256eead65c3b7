//! The strip of uptime bars: the shares of each slot, their geometry and their sentence. Pure.

use std::sync::Arc;

use shared::UnixNanos;
use shared::status::Status;
use shared::uptime::Reckoning;

use super::endpoint::Reckoned;
use super::period::{Period, Slot};
use super::words;
use crate::calendar::Calendar;
use crate::language::{Language, texts};

/// The height of a bar in pixels; the components draw it so.
pub const BAR_HEIGHT: f64 = 32.0;

/// A failure of a second among days stays visible: no part is lower than this, in pixels.
const PART_LEAST: f64 = 2.0;

/// One bar.
#[derive(Debug, Clone, PartialEq)]
pub struct BarView {
    /// The first moment of its slot.
    pub start: UnixNanos,
    /// The first moment after its slot.
    pub end: UnixNanos,
    /// The worst status in it.
    pub status: Status,
    /// Whether a reader has opened it.
    pub is_open: bool,
    /// Where it begins and how wide it is, in percent of the strip.
    pub x: f64,
    /// Its width in percent of the strip.
    pub width: f64,
    /// Its parts, from the top down.
    pub parts: Vec<Part>,
    /// Its slot in words: `Sunday 14:00–15:00`.
    pub when: String,
    /// Its shares in words: `99.20% up; down for 11 min`.
    pub shares: String,
    /// The newest error of the worst status in it.
    pub reason: Option<Arc<str>>,
    /// All of it in a sentence, for those who hear the page.
    pub label: String,
}

/// A part of a bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    /// Whose share it is.
    pub status: Status,
    /// Its upper edge in pixels.
    pub y: f64,
    /// Its height in pixels.
    pub height: f64,
}

/// The bars of an endpoint, oldest first.
#[must_use]
pub fn strip(
    reckoned: &Reckoned<'_>,
    period: &Period,
    opened: Option<Slot>,
    calendar: Calendar<'_>,
) -> Vec<Arc<BarView>> {
    let bar = |slot: &Slot| BarView { is_open: opened == Some(*slot), ..bar(reckoned, *slot, period, calendar) };
    period.slots.iter().map(|slot| Arc::new(bar(slot))).collect()
}

/// One bar, not open.
pub(super) fn bar(reckoned: &Reckoned<'_>, slot: Slot, period: &Period, calendar: Calendar<'_>) -> BarView {
    let reckoning = reckoned.reckoning(slot.start, slot.end, period.now);
    let status = reckoning.worst();
    let reason = match status {
        Status::Degraded | Status::Down => reckoned.reason(status, slot.start, slot.end),
        _ => None,
    };
    let when = when(slot, period, calendar);
    let language = calendar.language;
    let shares = shares(&reckoning, language);
    let mut label = language.say(texts::COLON, &[&when, &shares]);
    if let Some(reason) = &reason {
        label = language.say(texts::SENTENCE_AND, &[&label, reason]);
    }
    let x = period.share(slot.start) * 100.0;
    BarView {
        start: slot.start,
        end: slot.end,
        status,
        is_open: false,
        x,
        width: period.share(slot.end) * 100.0 - x,
        parts: parts(&reckoning),
        when,
        shares,
        reason,
        label,
    }
}

fn when(slot: Slot, period: &Period, calendar: Calendar<'_>) -> String {
    if period.by_hour {
        return calendar.hour_span(slot.start, slot.end);
    }
    let (first, last) = (calendar.day_number(slot.start), calendar.day_number(slot.end - 1));
    if first == last {
        calendar.date(slot.start)
    } else {
        format!("{} – {}", calendar.short_date(slot.start), calendar.short_date(slot.end - 1))
    }
}

/// `100% up`, `99.20% up; down for 11 min`, `not observed`.
fn shares(reckoning: &Reckoning, language: &Language) -> String {
    let Some(uptime) = reckoning.uptime() else { return language.say(texts::NOT_OBSERVED, &[]) };
    let up = language.say(texts::UP, &[&language.percent(&uptime.percent())]);
    words::with_lengths(up, reckoning, language)
}

/// The parts of a bar from the top down: what nobody observed, healthy, degraded, and down at the bottom, where
/// its height is easiest to compare. Each that occurred is at least [`PART_LEAST`] high.
fn parts(reckoning: &Reckoning) -> Vec<Part> {
    let order = [Status::Unknown, Status::Healthy, Status::Degraded, Status::Down];
    let period = reckoning.period();
    if period <= 0 {
        return vec![Part { status: Status::Unknown, y: 0.0, height: BAR_HEIGHT }];
    }
    let share = |status: Status| reckoning.time(status) as f64 / period as f64;
    let occurred = order.into_iter().filter(|status| reckoning.time(*status) > 0);
    let count = occurred.clone().count() as f64;
    // Every part gets the least height, and what is left is shared out by time.
    let to_share = BAR_HEIGHT - PART_LEAST * count;
    let mut y = 0.0;
    occurred
        .map(|status| {
            let height = if count > 1.0 { PART_LEAST + to_share * share(status) } else { BAR_HEIGHT };
            let part = Part { status, y, height };
            y += height;
            part
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::tests::utc;
    use crate::view::endpoint::tests::{period, reckon, record};
    use proptest::prelude::*;
    use shared::{DAY, SECOND};

    #[test]
    fn a_short_failure_stays_visible_and_is_not_more_than_it_was() {
        let reckoning = Reckoning { healthy: DAY - SECOND, down: SECOND, ..Reckoning::default() };
        let parts = parts(&reckoning);
        assert_eq!(parts.iter().map(|part| part.status).collect::<Vec<_>>(), [Status::Healthy, Status::Down]);
        assert!(parts[1].height >= PART_LEAST && parts[1].height < PART_LEAST + 0.1);
        assert_eq!(shares(&reckoning, utc().language), "99.998% up; down for 1 s");
    }

    #[test]
    fn a_slot_nobody_observed_is_unknown_and_not_green() {
        let record = record(&[("A", "", 0, Status::Healthy), ("A", "", 1, Status::Healthy)]);
        let bars = strip(&reckon(&record)[0], &period(), None, utc());
        assert_eq!((bars.len(), bars[0].status, bars[24].status), (25, Status::Unknown, Status::Healthy));
        assert_eq!(bars[0].label, "Saturday 13:00–14:00: not observed");
        assert!(bars[24].label.starts_with("Sunday 13:00–14:00: 100% up; not observed for"), "{}", bars[24].label);
    }

    #[test]
    fn a_bar_tells_its_worst_status_and_that_statuss_error() {
        let looks: Vec<_> =
            (0..180).map(|ago| ("A", "", ago, if ago == 90 { Status::Down } else { Status::Healthy })).collect();
        let record = record(&looks);
        let bars = strip(&reckon(&record)[0], &period(), None, utc());
        assert_eq!(bars[22].status, Status::Down, "13:02 less 90 min is in the hour from 11:00");
        assert_eq!(bars[22].label, "Sunday 11:00–12:00: 98.33% up; down for 1 min. connection refused");
        assert_eq!(bars[23].status, Status::Healthy);
    }

    #[test]
    fn an_outage_of_several_slots_is_painted_on_each() {
        let looks: Vec<_> = (0..600).map(|ago| ("A", "", ago, Status::Down)).collect();
        let record = record(&looks);
        let bars = strip(&reckon(&record)[0], &period(), None, utc());
        assert_eq!(bars.iter().filter(|bar| bar.status == Status::Down).count(), 11);
    }

    proptest! {
        #[test]
        fn the_parts_fill_the_bar(
            healthy in 0..DAY, degraded in 0..DAY, down in 0..DAY, unknown in 0..DAY,
        ) {
            let parts = parts(&Reckoning { healthy, degraded, down, unknown });
            let bottom = parts.iter().fold(0.0, |edge: f64, part| {
                assert!((part.y - edge).abs() < 1e-9 && part.height >= PART_LEAST);
                edge + part.height
            });
            prop_assert!((bottom - BAR_HEIGHT).abs() < 1e-9);
        }
    }
}
