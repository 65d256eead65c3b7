//! The history view: incidents and past maintenance by month.

use std::sync::Arc;

use shared::post::fold::Announcements;
use shared::post::maintenance::Window;
use shared::sorting::sort_by_integer;
use shared::{DAY, UnixNanos};

use super::affected::AnnouncementContext;
use super::announcements::Announcement;
use super::event::AnnouncementView;
use crate::civil::CivilTime;
use crate::i18n::texts;

/// The maximum number of announcements in the history. Older ones are counted.
const ANNOUNCEMENTS_LIMIT: usize = 200;

/// The maximum number of months in the history, a few more than announcements are kept.
const MONTHS_LIMIT: usize = 18;

/// The announcements of a month.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MonthView {
    /// The heading, or an empty string for a single announcement.
    pub heading: String,
    /// The text that is shown if there are no announcements, or an empty string.
    pub quiet: String,
    /// The announcements of the month, newest first.
    pub announcements: Vec<Arc<AnnouncementView>>,
}

/// Returns the months from the first announcement until now, newest first.
pub(super) fn months(announcements: &Announcements, context: AnnouncementContext<'_>) -> Vec<MonthView> {
    let (calendar, language) = (context.calendar, context.language());
    let mut items: Vec<(UnixNanos, Announcement<'_>)> =
        announcements.incidents.iter().map(|incident| (incident.began, Announcement::Incident(incident))).collect();
    let first_of_month = |day: i64| day + 1 - CivilTime::from_unix(day * DAY).day;
    let month = |window: &Window| first_of_month(calendar.day_number(window.start));
    for maintenance in &announcements.maintenance {
        let begun = maintenance.windows.partition_point(|window| window.start <= calendar.now);
        for windows in maintenance.windows[..begun].chunk_by(|one, other| month(one) == month(other)) {
            items.extend(windows.last().map(|last| (last.start, Announcement::Windows(maintenance, windows))));
        }
    }
    items.retain(|(at, _)| *at <= calendar.now);
    sort_by_integer(&mut items, |(at, _)| -at);
    let mut left_out = items.len().saturating_sub(ANNOUNCEMENTS_LIMIT);
    items.truncate(ANNOUNCEMENTS_LIMIT);
    let mut rest = items.as_slice();
    let mut months = Vec::new();
    let mut last_day = calendar.day_number(calendar.now);
    while months.is_empty() || !rest.is_empty() && months.len() < MONTHS_LIMIT {
        let first_day = first_of_month(last_day);
        let of_month = rest.partition_point(|(at, _)| calendar.day_number(*at) >= first_day);
        let announcements = rest[..of_month].iter().map(|(_, one)| Arc::new(context.view(*one)));
        months.push(MonthView {
            heading: calendar.month(last_day),
            quiet: if of_month == 0 { language.text(texts::NO_INCIDENTS).to_owned() } else { String::new() },
            announcements: announcements.collect(),
        });
        rest = &rest[of_month..];
        last_day = first_day - 1;
    }
    left_out += rest.len();
    if left_out > 0 {
        let more = language.plural(texts::AND_MORE, left_out, &[]);
        months.push(MonthView { quiet: language.format(texts::SENTENCE, &[&more]), ..MonthView::default() });
    }
    months
}
