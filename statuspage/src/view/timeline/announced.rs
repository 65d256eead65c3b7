//! Incidents with their outages and maintenance windows, as events of the timeline.

use std::sync::Arc;

use shared::UnixNanos;
use shared::post::fold::Announcements;
use shared::sorting::sort_by_integer;

use super::super::affected::AnnouncementContext;
use super::super::announcements::Announcement;
use super::super::event::{AnnouncementView, EventKind, EventView};
use super::super::period::Period;
use super::{EVENTS_LIMIT, Episode};
use crate::civil::rfc3339;
use crate::i18n::Calendar;

/// An incident or a maintenance window with the period in which it applied.
pub(in crate::view) struct TimedAnnouncement {
    start: UnixNanos,
    /// The end of an incident, up to which outages are part of it, or `None` for a maintenance window.
    until: Option<UnixNanos>,
    view: AnnouncementView,
}

/// Returns the incidents and the maintenance windows that began in the period, newest first.
pub(in crate::view) fn announced(
    announcements: &Announcements,
    period: &Period,
    context: AnnouncementContext<'_>,
) -> Vec<TimedAnnouncement> {
    let is_shown = |start: UnixNanos| (period.from..=period.now).contains(&start);
    let mut shown = Vec::new();
    for incident in announcements.incidents.iter().filter(|one| is_shown(one.began)) {
        let until = Some(incident.ended.unwrap_or(period.now));
        shown.push((incident.began, until, Announcement::Incident(incident)));
    }
    for maintenance in &announcements.maintenance {
        for window in maintenance.windows.iter().filter(|one| is_shown(one.start)) {
            shown.push((window.start, None, Announcement::Window(maintenance, *window)));
        }
    }
    sort_by_integer(&mut shown, |(start, ..)| -start);
    shown.truncate(EVENTS_LIMIT);
    let timed = |(start, until, one)| TimedAnnouncement { start, until, view: context.view(one) };
    shown.into_iter().map(timed).collect()
}

/// Converts announcements to events, and moves the outages of an incident's endpoints into it.
pub(super) fn events(
    announced: Vec<TimedAnnouncement>,
    episodes: &mut Vec<Episode>,
    from: UnixNanos,
    calendar: Calendar<'_>,
) -> Vec<(UnixNanos, Arc<EventView>)> {
    let event = |one: TimedAnnouncement| {
        let mut view = one.view;
        if let Some(until) = one.until {
            let mut own = take_overlapping(episodes, &view.about, one.start, until);
            own.reverse();
            view.measured = own.into_iter().map(|episode| Arc::new(episode.event(from, calendar))).collect();
        }
        let event = EventView {
            datetime: rfc3339(one.start),
            clock: calendar.clock(one.start),
            about: view.about.clone(),
            kind: EventKind::Announcement(Arc::new(view)),
        };
        (one.start, Arc::new(event))
    };
    announced.into_iter().map(event).collect()
}

/// Removes the episodes of some endpoints that overlap a period, and returns them, oldest first.
pub(in crate::view) fn take_overlapping(
    episodes: &mut Vec<Episode>,
    ids: &[usize],
    from: UnixNanos,
    to: UnixNanos,
) -> Vec<Episode> {
    let is_part = |episode: &mut Episode| {
        let span = episode.outage.span;
        span.start <= to && from <= span.end && episode.ids.iter().any(|id| ids.contains(id))
    };
    episodes.extract_if(.., is_part).collect()
}
