//! The marks that incidents and maintenance windows leave on the bars of an endpoint, below what was measured.

use shared::UnixNanos;
use shared::post::fold::Announcements;
use shared::post::impact_on;
use shared::sorting::sort_by_integer;

use super::affected::{AnnouncementContext, group_titles};
use super::period::Period;
use crate::dataset::TimeBucket;
use crate::i18n::{Language, texts};

/// The maximum number of notes of one endpoint. Each bar is compared with all of them.
const NOTES_LIMIT: usize = 1_000;

/// The maximum number of notes in the text of one bar. The others are counted.
const SHOWN_LIMIT: usize = 3;

/// An incident or a maintenance window that affects an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    start: UnixNanos,
    end: UnixNanos,
    is_incident: bool,
    /// The text of the note: `incident: Checkout fails`.
    text: String,
}

/// The notes of one bar.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BarNotes {
    pub has_incident: bool,
    pub has_window: bool,
    /// The text of the notes, which is empty without notes.
    pub text: String,
}

/// Returns the notes of an endpoint in a period, oldest first.
pub(super) fn notes(
    title: &str,
    announcements: &Announcements,
    period: &Period,
    context: AnnouncementContext<'_>,
) -> Vec<Note> {
    let (now, language) = (context.calendar.now, context.language());
    let groups = group_titles(&context.appearance.groups, title);
    let colon = |label, text: &str| language.format(texts::COLON, &[language.text(label), text]);
    let mut notes = Vec::new();
    for incident in &announcements.incidents {
        let (start, end) = (incident.began, incident.ended.unwrap_or(now).max(incident.began.saturating_add(1)));
        let is_shown = start <= now && end > period.from;
        if is_shown && impact_on(&incident.affects, title, &groups).is_some() {
            let text = colon(texts::INCIDENT, &context.title(&incident.title, texts::INCIDENT));
            notes.push(Note { start, end, is_incident: true, text });
        }
    }
    for maintenance in &announcements.maintenance {
        let mut windows = maintenance.windows.iter().filter(|one| one.end > period.from && one.start < period.to);
        let Some(first) = windows.next() else { continue };
        if impact_on(&maintenance.affects, title, &groups).is_none() {
            continue;
        }
        let name = colon(texts::MAINTENANCE, &context.title(&maintenance.title, texts::MAINTENANCE));
        for window in [first].into_iter().chain(windows) {
            let mut text = language.format(texts::COMMA, &[&name, &context.day_span(*window)]);
            if !window.is_announced_before() {
                text = language.format(texts::COMMA, &[&text, language.text(texts::ANNOUNCED_AFTERWARDS)]);
            }
            notes.push(Note { start: window.start, end: window.end, is_incident: false, text });
        }
    }
    sort_by_integer(&mut notes, |note| note.start);
    notes.truncate(NOTES_LIMIT);
    notes
}

/// Returns when the incidents among the notes began.
pub(super) fn incident_starts(notes: &[Note]) -> impl Iterator<Item = UnixNanos> {
    notes.iter().filter(|note| note.is_incident).map(|note| note.start)
}

/// Returns the notes of a bar.
pub(super) fn of_bar(notes: &[Note], bucket: TimeBucket, language: &Language) -> BarNotes {
    let mut bar = BarNotes::default();
    let (mut shown, mut left_out) = (Vec::new(), 0);
    for note in notes.iter().filter(|note| note.start < bucket.end && note.end > bucket.start) {
        bar.has_incident |= note.is_incident;
        bar.has_window |= !note.is_incident;
        if shown.len() < SHOWN_LIMIT { shown.push(note.text.as_str()) } else { left_out += 1 }
    }
    bar.text = language.joined(texts::SEMICOLON, &shown);
    if left_out > 0 {
        let more = language.plural(texts::AND_MORE, left_out, &[]);
        bar.text = language.format(texts::SEMICOLON, &[&bar.text, &more]);
    }
    bar
}
