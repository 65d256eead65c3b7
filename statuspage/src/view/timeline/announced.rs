//! Incidents with their outages and maintenance windows, as events of the timeline.

use std::sync::Arc;

use shared::UnixNanos;
use shared::post::fold::Announcements;

use super::super::affected::AnnouncementContext;
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
    for incident in announcements.incidents.iter().filter(|one| is_shown(one.began)).take(EVENTS_LIMIT) {
        let until = Some(incident.ended.unwrap_or(period.now));
        shown.push(TimedAnnouncement { start: incident.began, until, view: context.incident(incident) });
    }
    let windows = announcements.maintenance.iter().flat_map(|one| one.windows.iter().map(move |window| (one, *window)));
    let mut windows: Vec<_> = windows.filter(|(_, window)| is_shown(window.start)).collect();
    windows.sort_by_cached_key(|(_, window)| -window.start);
    for (maintenance, window) in windows.into_iter().take(EVENTS_LIMIT) {
        let view = context.window(maintenance, window);
        shown.push(TimedAnnouncement { start: window.start, until: None, view });
    }
    shown.sort_by_cached_key(|one| -one.start);
    shown
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
