//! The timeline, by day: incidents, outages with durations and errors, times without checks, and messages.

mod announced;

use std::sync::Arc;

use shared::UnixNanos;
use shared::sorting::sort_by_integer;
use shared::status::Status;
use shared::uptime::{self, MERGE_WINDOW};

use super::combine_nodes::{EvaluatedEndpoint, Outage};
use super::event::{EventKind, EventView, REASONS_LIMIT};
use super::messages::MessageView;
use super::period::Period;
use super::settings::LoadProgress;
use super::text;
use crate::i18n::{Language, texts};
use crate::{civil::rfc3339, i18n::Calendar};

pub(super) use self::announced::{TimedAnnouncement, announced};

/// The maximum number of events to show. An endpoint that flaps every minute has 720 events a day.
const EVENTS_LIMIT: usize = 200;

/// The number of events after which no further day is shown until the visitor asks for all of them.
const EVENTS_AT_FIRST: usize = 12;

/// A day of the timeline, or several days without events.
#[derive(Debug, Clone, PartialEq)]
pub struct DayView {
    /// The local day number of the first day.
    pub key: i64,
    /// The heading, such as `Today` or `Sunday 22 November`.
    pub heading: String,
    /// The text that is shown if there are no events.
    pub quiet: Option<String>,
    /// The events of the day, newest first.
    pub events: Vec<Arc<EventView>>,
}

/// An outage that some endpoints had at the same time.
pub(super) struct Episode {
    outage: Outage,
    /// The address of the first endpoint, or an empty string if no endpoints were checked.
    address: String,
    ids: Vec<usize>,
    names: Vec<String>,
    reasons: Vec<String>,
}

/// Returns the days of the period, newest first.
#[must_use]
pub(super) fn timeline(
    evaluated: &[EvaluatedEndpoint<'_>],
    messages: &[Arc<MessageView>],
    announced: Vec<TimedAnnouncement>,
    period: &Period,
    calendar: Calendar<'_>,
    loading: LoadProgress,
) -> Vec<Arc<DayView>> {
    let mut episodes = merge_simultaneous(episodes(evaluated, period.from, calendar.language));
    // Hundreds of endpoints can have thousands of episodes. They are sorted oldest first, so the excess is dropped from
    // the front.
    let mut left_out = episodes.len().saturating_sub(EVENTS_LIMIT);
    episodes.drain(..left_out);
    let announced = announced::events(announced, &mut episodes, period.from, calendar);
    // While files are still loading, gaps only show what has not been loaded yet.
    if loading == LoadProgress::Complete {
        episodes.extend(gaps(evaluated, period));
    }
    let mut events: Vec<(UnixNanos, Arc<EventView>)> = episodes
        .into_iter()
        .map(|episode| (episode.outage.span.start.max(period.from), Arc::new(episode.event(period.from, calendar))))
        .collect();
    events.extend(announced);
    events.extend(messages.iter().filter(|message| message.at >= period.from).map(|message| {
        let event = EventView {
            datetime: message.datetime.clone(),
            clock: calendar.clock(message.at),
            about: message.ids.clone(),
            kind: EventKind::Message(Arc::clone(message)),
        };
        (message.at, Arc::new(event))
    }));
    sort_by_integer(&mut events, |(at, _)| -at);
    left_out += events.len().saturating_sub(EVENTS_LIMIT);
    events.truncate(EVENTS_LIMIT);
    if evaluated.is_empty() { Vec::new() } else { days(&events, left_out, evaluated, period, calendar) }
}

/// Returns how many days are shown at first, and the number of all events if these days do not contain all of them.
#[must_use]
pub fn at_first(days: &[Arc<DayView>]) -> (usize, Option<usize>) {
    let mut events = 0;
    let count = days.iter().take_while(|day| {
        let is_shown = events < EVENTS_AT_FIRST;
        events += day.events.len();
        is_shown
    });
    let count = count.count();
    let all: usize = days.iter().map(|day| day.events.len()).sum();
    let shown: usize = days[..count].iter().map(|day| day.events.len()).sum();
    (count, (shown < all).then_some(all))
}

fn days(
    events: &[(UnixNanos, Arc<EventView>)],
    left_out: usize,
    evaluated: &[EvaluatedEndpoint<'_>],
    period: &Period,
    calendar: Calendar<'_>,
) -> Vec<Arc<DayView>> {
    // If older events are omitted, earlier days must not appear as days without outages.
    let oldest = events.last().filter(|_| left_out > 0).map_or(period.from, |(at, _)| *at);
    let (first, today) = (calendar.day_number(oldest), calendar.day_number(calendar.now));
    let mut days: Vec<DayView> = Vec::new();
    let mut rest = events;
    for number in (first..=today).rev() {
        let start = calendar.start_of_day(number);
        let of_day = rest.partition_point(|(at, _)| *at >= start);
        let events: Vec<Arc<EventView>> = rest[..of_day].iter().map(|(_, event)| Arc::clone(event)).collect();
        rest = &rest[of_day..];
        let end = calendar.start_of_day(number + 1).min(calendar.now);
        let observed = evaluated.iter().any(|evaluated| evaluated.breakdown(start, end, calendar.now).observed() > 0);
        let quiet = match (events.is_empty(), observed) {
            (false, _) => None,
            (true, true) => Some(calendar.language.format(texts::NO_OUTAGES, &[])),
            (true, false) => Some(calendar.language.format(texts::NO_DATA, &[])),
        };
        match days.last_mut() {
            // Consecutive days without events, except today, become one line without weekdays.
            Some(later) if quiet.is_some() && later.quiet == quiet && later.key < today => {
                later.heading = calendar.date_span(start, calendar.start_of_day(later.key));
            }
            _ => days.push(DayView { key: number, heading: calendar.day_name(end - 1), quiet, events }),
        }
    }
    if left_out > 0 {
        let more = calendar.language.plural(texts::AND_MORE, left_out, &[]);
        days.push(DayView {
            key: first - 1,
            heading: calendar.date_span(period.from, oldest),
            quiet: Some(calendar.language.format(texts::SENTENCE, &[&more])),
            events: Vec::new(),
        });
    }
    days.into_iter().map(Arc::new).collect()
}

/// Returns the outages of all endpoints, oldest first.
fn episodes(evaluated: &[EvaluatedEndpoint<'_>], from: UnixNanos, language: &Language) -> Vec<Episode> {
    let mut episodes: Vec<Episode> = Vec::new();
    for evaluated in evaluated {
        let name = evaluated.name(language);
        for outage in evaluated.outages(from) {
            let reason = evaluated.reason_of(&outage);
            episodes.push(Episode {
                outage,
                address: evaluated.address(),
                ids: vec![evaluated.id],
                names: vec![name.clone()],
                reasons: reason.into_iter().map(|reason| reason.trim().to_owned()).collect(),
            });
        }
    }
    sort_by_integer(&mut episodes, |episode| episode.outage.span.start);
    episodes
}

/// Merges episodes of the same status that started and ended together.
fn merge_simultaneous(episodes: Vec<Episode>) -> Vec<Episode> {
    let mut groups: Vec<Episode> = Vec::new();
    for episode in episodes {
        let is_near = |one: UnixNanos, other: UnixNanos| (one - other).abs() <= MERGE_WINDOW;
        let Outage { span, is_partial, is_planned } = episode.outage;
        let recent = groups.iter_mut().rev().take_while(|group| is_near(group.outage.span.start, span.start));
        let mut same = recent.filter(|group| {
            let Outage { span: other, is_partial: other_is_partial, is_planned: other_is_planned } = group.outage;
            (other.status, other_is_partial, other_is_planned) == (span.status, is_partial, is_planned)
                && is_near(other.end, span.end)
                && !group.ids.contains(&episode.ids[0])
        });
        match same.next() {
            Some(group) => {
                group.outage.span.end = group.outage.span.end.max(span.end);
                group.ids.extend(episode.ids);
                group.names.extend(episode.names);
                for reason in episode.reasons {
                    if !group.reasons.contains(&reason) {
                        group.reasons.push(reason);
                    }
                }
            }
            None => groups.push(episode),
        }
    }
    groups
}

/// Returns the periods after the first check in which no endpoints were checked.
fn gaps(evaluated: &[EvaluatedEndpoint<'_>], period: &Period) -> Vec<Episode> {
    let spans = evaluated.iter().flat_map(|evaluated| &evaluated.spans);
    let gaps = uptime::gaps(spans, period.from, period.now).into_iter();
    let episode = |span| Episode {
        outage: Outage { span, is_partial: false, is_planned: false },
        address: String::new(),
        ids: Vec::new(),
        names: Vec::new(),
        reasons: Vec::new(),
    };
    gaps.map(episode).collect()
}

impl Episode {
    /// Returns the event, without the time before `from`.
    fn event(mut self, from: UnixNanos, calendar: Calendar<'_>) -> EventView {
        let Outage { span, is_partial, is_planned } = self.outage;
        let start = span.start.max(from);
        let text = duration_text(self.outage, from, calendar);
        let language = calendar.language;
        self.reasons.truncate(REASONS_LIMIT);
        EventView {
            datetime: rfc3339(start),
            clock: calendar.clock(start),
            about: self.ids,
            kind: EventKind::Change {
                status: span.status,
                is_partial,
                is_planned,
                subject: if self.names.is_empty() {
                    language.format(texts::ALL_SERVICES, &[])
                } else {
                    text::counted_names(&self.names, self.names.len(), language)
                },
                text,
                reasons: self.reasons,
                link: (!self.address.is_empty()).then_some((self.address, span.start)),
            },
        }
    }
}

/// Returns the outages that overlap a period, newest first, of the endpoints with these ids. Their times include the day.
pub(super) fn outages_of(
    ids: &[usize],
    evaluated: &[EvaluatedEndpoint<'_>],
    (from, to): (UnixNanos, UnixNanos),
    calendar: Calendar<'_>,
) -> Vec<Arc<EventView>> {
    let mut episodes = merge_simultaneous(episodes(evaluated, from, calendar.language));
    let mut own = announced::take_overlapping(&mut episodes, ids, from, to);
    own.reverse();
    own.truncate(EVENTS_LIMIT);
    let event = |episode: Episode| {
        let start = episode.outage.span.start;
        Arc::new(EventView { clock: calendar.moment(start), ..episode.event(UnixNanos::MIN, calendar) })
    };
    own.into_iter().map(event).collect()
}

/// Describes an outage by its status, its duration and its end, without the time before `from`: `down for 4 min, until
/// 14:06`.
pub(super) fn duration_text(outage: Outage, from: UnixNanos, calendar: Calendar<'_>) -> String {
    let span = outage.span;
    let start = span.start.max(from);
    let language = calendar.language;
    let length = text::length(span.end - start, language);
    let is_unknown = span.status == Status::Unknown;
    let label = if is_unknown { language.text(texts::NOT_CHECKED) } else { outage.label(language) };
    let until = || calendar.end_of(start, span.end);
    match (span.end >= calendar.now, span.start < from) {
        (true, true) => language.format(texts::SINCE_BEFORE, &[label, &calendar.moment(start)]),
        (true, false) => language.format(texts::UP_TO_NOW, &[label, &length]),
        (false, true) => language.format(texts::UNTIL, &[label, &until()]),
        (false, false) => language.format(texts::FOR_UNTIL, &[label, &length, &until()]),
    }
}

#[cfg(test)]
mod tests;
