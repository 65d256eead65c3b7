//! Incidents and maintenance: what is shown below the headline, and each of them with all its updates.
//!
//! They are shown beside what was measured and never change it.

use std::sync::Arc;

use shared::message::Message;
use shared::object_name::NodeName;
use shared::post::fold::Announcements;
use shared::post::incident::{Incident, Update};
use shared::post::maintenance::{Maintenance, Window};
use shared::post::{Affected, IncidentState, PostKind};
use shared::{DAY, UnixNanos};

use super::affected::{AnnouncementContext, is_everything};
use super::event::{AnnouncementView, EntryView, Phase};
use super::text;
use crate::civil::rfc3339;
use crate::i18n::{Text, texts};
use crate::url_state::Shown;

/// How far ahead planned maintenance is shown below the headline.
const PLANNED_WITHIN: i64 = 7 * DAY;

/// The maximum number of announcements of each kind from one author below the headline. The others are only in the
/// history.
const AUTHOR_LIMIT: usize = 10;

/// The maximum number of past and of future windows that planned maintenance lists.
const WINDOWS_LIMIT: usize = 12;

/// The announcements below the headline.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Announced {
    /// The open incidents, newest first, and then the maintenance in progress.
    pub current: Vec<Arc<AnnouncementView>>,
    /// The incidents that ended within the last day, and then the maintenance that begins within a week.
    pub brief: Vec<Arc<AnnouncementView>>,
}

/// Returns the label for a state.
fn state_label(state: IncidentState) -> Text {
    match state {
        IncidentState::Investigating => texts::INVESTIGATING,
        IncidentState::Identified => texts::IDENTIFIED,
        IncidentState::Monitoring => texts::MONITORING,
        IncidentState::Resolved => texts::RESOLVED,
        IncidentState::Postmortem => texts::POSTMORTEM,
    }
}

/// An announcement before its text is computed.
#[derive(Clone, Copy)]
pub(super) enum Announcement<'a> {
    Incident(&'a Incident),
    /// Planned maintenance as of one of its windows.
    Window(&'a Maintenance, Window),
    /// Planned maintenance as of some of its past windows, at least one.
    Windows(&'a Maintenance, &'a [Window]),
}

impl Announcement<'_> {
    /// Returns the kind and the author.
    fn source(&self) -> (PostKind, &NodeName) {
        match self {
            Announcement::Incident(incident) => (PostKind::Incident, &incident.id.author),
            Announcement::Window(maintenance, _) | Announcement::Windows(maintenance, _) => {
                (PostKind::Maintenance, &maintenance.id.author)
            }
        }
    }
}

/// Returns what is shown below the headline.
pub(super) fn announced(announcements: &Announcements, context: AnnouncementContext<'_>) -> Announced {
    let now = context.calendar.now;
    let (mut current, mut brief) = (Vec::new(), Vec::new());
    for incident in &announcements.incidents {
        if incident.is_open() && incident.began <= now {
            current.push(Announcement::Incident(incident));
        } else if incident.ended_recently(now) && incident.began <= now {
            brief.push(Announcement::Incident(incident));
        }
    }
    for maintenance in &announcements.maintenance {
        current.extend(maintenance.current(now).map(|window| Announcement::Window(maintenance, window)));
    }
    for maintenance in announcements.upcoming_maintenance(now, PLANNED_WITHIN) {
        brief.extend(maintenance.next(now).map(|window| Announcement::Window(maintenance, window)));
    }
    Announced { current: limited(&current, context), brief: limited(&brief, context) }
}

/// Limits how many announcements of each author are shown, so that no author crowds out another.
fn limited(all: &[Announcement<'_>], context: AnnouncementContext<'_>) -> Vec<Arc<AnnouncementView>> {
    let mut sources: Vec<(PostKind, &NodeName)> = Vec::new();
    let mut shown = Vec::new();
    for one in all {
        let source = one.source();
        if sources.iter().filter(|known| **known == source).count() < AUTHOR_LIMIT {
            sources.push(source);
            shown.push(Arc::new(context.view(*one)));
        }
    }
    shown
}

impl AnnouncementContext<'_> {
    pub(super) fn view(&self, announcement: Announcement<'_>) -> AnnouncementView {
        match announcement {
            Announcement::Incident(incident) => self.incident(incident),
            Announcement::Window(maintenance, window) => self.window(maintenance, window),
            Announcement::Windows(maintenance, windows) => self.windows(maintenance, windows),
        }
    }

    /// Returns an incident with all updates folded except the newest.
    pub(super) fn incident(&self, incident: &Incident) -> AnnouncementView {
        let (calendar, language) = (self.calendar, self.language());
        // An analysis is posted after the end, and does not change the state.
        let state = if incident.is_open() { incident.state } else { IncidentState::Resolved };
        let state = language.text(state_label(state));
        let time = match incident.ended {
            None => {
                let length = text::length(calendar.now - incident.began, language);
                language.format(texts::SINCE_FOR, &[&calendar.moment(incident.began), &length])
            }
            Some(ended) => self.span(incident.began, ended),
        };
        let entries: Vec<EntryView> = incident.updates.iter().rev().map(|update| self.update(update)).collect();
        AnnouncementView {
            link: Shown::Announcement(PostKind::Incident, incident.id.to_string()),
            phase: if incident.is_open() { Phase::Open } else { Phase::Resolved },
            title: self.title(&incident.title, texts::INCIDENT),
            summary: self.summary(&[state, &time], &incident.affects),
            earlier: match entries.len() {
                0 | 1 => String::new(),
                several => language.plural(texts::EARLIER_UPDATES, several - 1, &[]),
            },
            entries,
            measured: Vec::new(),
            about: self.ids(&incident.affects),
        }
    }

    fn update(&self, update: &Update) -> EntryView {
        let language = self.language();
        let mut remarks = language.isolate(update.author.to_string());
        let posted_later =
            update.posted_later.map(|at| language.format(texts::POSTED_LATER, &[&self.calendar.moment(at)]));
        let edited = update.is_edited.then(|| language.text(texts::EDITED).to_owned());
        for remark in posted_later.into_iter().chain(edited) {
            remarks = [remarks, remark].join(" · ");
        }
        EntryView {
            label: language.text(update.state.map_or(texts::UPDATE, state_label)).to_owned(),
            nodes: Message::parse(&update.text).nodes,
            datetime: rfc3339(update.at),
            when: self.calendar.moment(update.at),
            remarks,
        }
    }

    /// Returns planned maintenance as of one of its windows, with its text.
    fn window(&self, maintenance: &Maintenance, window: Window) -> AnnouncementView {
        let (calendar, language) = (self.calendar, self.language());
        let state = language.text(self.window_label(window));
        let time = if window.contains(calendar.now) {
            let end = calendar.end_of(calendar.now, window.end);
            language.format(texts::UNTIL, &[state, &end])
        } else {
            [state, " · ", &self.day_span(window)].concat()
        };
        let mut parts = vec![time.as_str()];
        if !window.is_announced_before() {
            parts.push(language.text(texts::ANNOUNCED_AFTERWARDS));
        }
        self.maintenance_with(maintenance, &parts)
    }

    /// Returns planned maintenance with its text. `times` are the first parts of its summary.
    fn maintenance_with(&self, maintenance: &Maintenance, times: &[&str]) -> AnnouncementView {
        AnnouncementView {
            link: Shown::Announcement(PostKind::Maintenance, maintenance.id.to_string()),
            phase: Phase::Maintenance,
            title: self.title(&maintenance.title, texts::MAINTENANCE),
            summary: self.summary(times, &maintenance.affects),
            entries: self.text_of(maintenance).into_iter().collect(),
            earlier: String::new(),
            measured: Vec::new(),
            about: self.ids(&maintenance.affects),
        }
    }

    /// Returns planned maintenance as of some of its past windows, at least one.
    fn windows(&self, maintenance: &Maintenance, windows: &[Window]) -> AnnouncementView {
        if let [only] = windows {
            return self.window(maintenance, *only);
        }
        let count = self.language().plural(texts::WINDOWS, windows.len(), &[]);
        let newest = windows.last().map_or(texts::MAINTENANCE_DONE, |window| self.window_label(*window));
        self.maintenance_with(maintenance, &[self.language().text(newest), &count])
    }

    /// Returns planned maintenance with its text and the windows around now.
    pub(super) fn maintenance(&self, maintenance: &Maintenance) -> AnnouncementView {
        let now = self.calendar.now;
        let windows = &maintenance.windows;
        let begun = windows.partition_point(|window| window.start <= now);
        let shown = &windows[begun.saturating_sub(WINDOWS_LIMIT)..windows.len().min(begun + WINDOWS_LIMIT)];
        let main = maintenance.current(now).or(maintenance.next(now)).or(windows.last().copied());
        let mut view = match main {
            Some(window) => self.window(maintenance, window),
            None => self.maintenance_with(maintenance, &[]),
        };
        view.entries.extend(shown.iter().rev().map(|window| EntryView {
            label: self.language().text(self.window_label(*window)).to_owned(),
            nodes: Vec::new(),
            datetime: rfc3339(window.start),
            when: self.day_span(*window),
            remarks: if window.is_announced_before() {
                String::new()
            } else {
                self.language().text(texts::ANNOUNCED_AFTERWARDS).to_owned()
            },
        }));
        view
    }

    /// Returns the text of planned maintenance, unless it is empty.
    fn text_of(&self, maintenance: &Maintenance) -> Option<EntryView> {
        let nodes = Message::parse(&maintenance.text).nodes;
        let posted_at = maintenance.id.posted_at;
        (!nodes.is_empty()).then(|| EntryView {
            label: String::new(),
            nodes,
            datetime: rfc3339(posted_at),
            when: self.calendar.moment(posted_at),
            remarks: self.language().isolate(maintenance.author.to_string()),
        })
    }

    fn window_label(&self, window: Window) -> Text {
        match self.calendar.now {
            now if window.start > now => texts::MAINTENANCE_PLANNED,
            now if window.end > now => texts::MAINTENANCE_NOW,
            _ => texts::MAINTENANCE_DONE,
        }
    }

    /// Returns a title as plain text on one line. An empty title is described by the kind, which is `incident` or
    /// `maintenance`.
    pub(super) fn title(&self, title: &str, kind: Text) -> String {
        let title = text::on_one_line(&Message::parse(title).text());
        let language = self.language();
        let untitled = || text::capitalize(&language.format(texts::UNTITLED, &[language.text(kind)]));
        if title.is_empty() { untitled() } else { title }
    }

    fn summary(&self, parts: &[&str], affects: &[Affected]) -> String {
        let mut names = self.names(affects);
        if is_everything(affects) {
            names = text::uncapitalize(&names);
        }
        let affects = self.language().format(texts::AFFECTS, &[&names]);
        [parts, &[&affects]].concat().join(" · ")
    }

    /// Formats a past period with its length: `13:50–14:25 (35 min)`.
    fn span(&self, start: UnixNanos, end: UnixNanos) -> String {
        let (calendar, language) = (self.calendar, self.language());
        let both = calendar.span(&calendar.moment(start), start, end);
        language.format(texts::ASIDE, &[&both, &text::length(end - start, language)])
    }

    /// Formats a window with its day and its length: `Sunday 6 December, 02:00–03:30 (1 h 30 min)`.
    pub(super) fn day_span(&self, window: Window) -> String {
        let (calendar, language) = (self.calendar, self.language());
        let start = language.format(texts::DATE_AT, &[&calendar.day_name(window.start), &calendar.clock(window.start)]);
        let both = calendar.span(&start, window.start, window.end);
        language.format(texts::ASIDE, &[&both, &text::length(window.end - window.start, language)])
    }
}

#[cfg(test)]
mod tests;
