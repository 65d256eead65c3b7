//! What a reader has to know about all that stands on the page: that it is not of now, and whose clock tells the times.
//! Pure.

use shared::MINUTE;

use super::looking::Embed;
use super::{Settings, words};
use crate::dataset::Cache;
use crate::i18n::Calendar;
use crate::i18n::texts;

/// The note; empty if all is as it should be. A frame of another page has room for a few words.
#[must_use]
pub fn note(cache: &Cache, calendar: Calendar<'_>, settings: Settings, embed: Embed) -> String {
    let language = calendar.language;
    let mut notes = Vec::new();
    if let Some(at) = cache.stale_since() {
        let text = match embed {
            Embed::Not if settings.is_online => texts::STORE_SILENT,
            Embed::Not => texts::OFFLINE,
            _ => texts::OLD,
        };
        let length = words::in_full(calendar.now - at, language);
        notes.push(language.format(text, &[&calendar.moment(at), &length]));
    }
    if settings.clock_ahead != 0 {
        let text = if settings.clock_ahead > 0 { texts::DEVICE_AHEAD } else { texts::DEVICE_BEHIND };
        notes.push(language.format(text, &[&words::in_full(settings.clock_ahead.abs() + MINUTE / 2, language)]));
    }
    notes.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::calendar::tests::{NOW, utc};
    use crate::source::SourceError;
    use shared::HOUR;

    fn away(cache: &Cache) -> String {
        note(cache, utc(), Settings { is_online: true, ..Settings::default() }, Embed::Not)
    }

    #[test]
    fn nothing_is_said_while_the_store_answers() {
        let mut cache = Cache::default();
        cache.note_response(NOW);
        assert_eq!(away(&cache), "");
    }

    #[test]
    fn what_the_browser_had_kept_has_an_age() {
        let mut cache = Cache::default();
        cache.cached_at = Some(NOW - 12 * MINUTE);
        cache.note_response(NOW);
        let moment = utc().moment(NOW - 12 * MINUTE);
        let known = format!("this is what was known at {moment}, 12 minutes ago.");
        assert_eq!(note(&cache, utc(), Settings::default(), Embed::Not), format!("Offline: {known}"));
        assert_eq!(away(&cache), format!("The store does not answer: {known}"));
    }

    #[test]
    fn in_a_frame_the_age_is_said_in_a_few_words() {
        let mut cache = Cache::default();
        assert_eq!(note(&cache, utc(), Settings::default(), Embed::Banner), "");
        cache.cached_at = Some(NOW - 12 * MINUTE);
        assert_eq!(note(&cache, utc(), Settings::default(), Embed::Banner), "As of 12 minutes ago");
        assert_eq!(note(&cache, utc(), Settings::default(), Embed::Bars), "As of 12 minutes ago");
    }

    #[test]
    fn what_an_open_page_knows_has_an_age_from_when_the_store_was_last_heard() {
        let mut cache = Cache::default();
        cache.list_error = Some(SourceError::InvalidListing);
        cache.note_response(NOW);
        assert_eq!(away(&cache), "", "who never heard anything knows nothing");
        cache.list_error = None;
        cache.note_response(NOW - HOUR);
        cache.list_error = Some(SourceError::InvalidListing);
        cache.note_response(NOW);
        assert!(away(&cache).ends_with(", 1 hour ago."), "{}", away(&cache));
    }

    #[test]
    fn a_clock_that_is_wrong_is_named() {
        let settings = |clock_ahead| Settings { clock_ahead, ..Settings::default() };
        let off = |clock_ahead| note(&Cache::default(), utc(), settings(clock_ahead), Embed::Not);
        assert_eq!(off(3 * HOUR), "This device's clock is 3 hours ahead; the times are the server's.");
        assert_eq!(off(-5 * MINUTE), "This device's clock is 5 minutes behind; the times are the server's.");
    }
}
