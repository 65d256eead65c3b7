//! The calendar of maintenance windows as iCalendar (RFC 5545). All times are in UTC, so it needs no time zones.

use chrono::{DateTime, Duration, Utc};
use icalendar::{Calendar, Component as _, Event, EventLike as _, EventStatus, Property};
use shared::object_name::OutputForm;
use shared::outputs::{CalendarEvent, calendar_events};
use shared::{SECOND, UnixNanos};

use super::RenderedOutputs;
use super::dataset::Dataset;
use super::feeds::{one_line, several_lines};

/// The definition of UTC. It makes a calendar without events valid, because RFC 5545 requires at least one component.
const UTC_DEFINITION: &str = "BEGIN:VTIMEZONE\r\nTZID:UTC\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0000\r\nTZOFFSETTO:+0000\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n";
const END: &str = "END:VCALENDAR\r\n";

/// How often calendar programs should refresh the calendar.
const REFRESH: Duration = Duration::hours(1);

pub(super) fn render(data: &Dataset, now: UnixNanos) -> RenderedOutputs {
    let mut calendar = Calendar::empty();
    for (name, value) in [("VERSION", "2.0"), ("PRODID", "-//Checkup//Maintenance//EN"), ("CALSCALE", "GREGORIAN")] {
        calendar.append_property(Property::new(name, value));
    }
    // `Calendar::name` would also add the property `NAME`, which the crate does not escape.
    calendar.append_property(Property::new("X-WR-CALNAME", format!("{}: maintenance", one_line(&data.settings.title))));
    calendar.ttl(&REFRESH);
    for event in calendar_events(&data.posted().announcements.maintenance, now) {
        calendar.push(to_event(&event, data.settings.url.as_deref()));
    }
    let mut text = calendar.to_string();
    if calendar.components.is_empty()
        && let Some(properties) = text.strip_suffix(END)
    {
        text = format!("{properties}{UTC_DEFINITION}{END}");
    }
    RenderedOutputs::from([(OutputForm::Calendar, text.into())])
}

fn to_event(event: &CalendarEvent, url: Option<&str>) -> Event {
    let status = if event.is_canceled { EventStatus::Cancelled } else { EventStatus::Confirmed };
    let mut ics = Event::new();
    ics.uid(&event.uid)
        .sequence(event.sequence)
        .timestamp(time(event.changed_at))
        .last_modified(time(event.changed_at))
        .starts(time(event.start))
        .ends(time(event.end))
        .summary(&one_line(&event.title))
        .status(status)
        // Maintenance does not make subscribers of the calendar busy.
        .add_property("TRANSP", "TRANSPARENT");
    let text = several_lines(&event.text);
    if !text.is_empty() {
        ics.description(&text);
    }
    if let Some(url) = url {
        ics.url(url);
    }
    ics.done()
}

/// Converts a time to whole seconds, which is the precision of calendars.
fn time(at: UnixNanos) -> DateTime<Utc> {
    DateTime::from_timestamp(at.div_euclid(SECOND), 0).unwrap_or_default()
}
