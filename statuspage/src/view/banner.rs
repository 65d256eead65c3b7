//! What a reader has to know about all that stands on the page: that it is not of now, and whose clock tells the times.
//! Pure.

use shared::MINUTE;

use super::settings::ViewSettings;
use super::text;
use crate::dataset::Cache;
use crate::i18n::Calendar;
use crate::i18n::texts;
use crate::url_state::Embed;

/// The note; empty if all is as it should be. A frame of another page has room for a few words.
#[must_use]
pub fn banner(cache: &Cache, calendar: Calendar<'_>, settings: ViewSettings, embed: Embed) -> String {
    let language = calendar.language;
    let mut notes = Vec::new();
    if let Some(at) = cache.stale_since() {
        let text = match embed {
            Embed::Off if settings.is_online => texts::STORE_NOT_RESPONDING,
            Embed::Off => texts::OFFLINE,
            _ => texts::DATA_AGE,
        };
        let length = text::full_length(calendar.now - at, language);
        notes.push(language.format(text, &[&calendar.moment(at), &length]));
    }
    if settings.clock_ahead != 0 {
        let text = if settings.clock_ahead > 0 { texts::DEVICE_AHEAD } else { texts::DEVICE_BEHIND };
        notes.push(language.format(text, &[&text::full_length(settings.clock_ahead.abs() + MINUTE / 2, language)]));
    }
    notes.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreError;
    use crate::test_support::{NOW, utc};
    use shared::HOUR;

    fn away(cache: &Cache) -> String {
        banner(cache, utc(), ViewSettings { is_online: true, ..ViewSettings::default() }, Embed::Off)
    }

    #[test]
    fn nothing_is_said_while_the_store_answers() {
        let mut cache = Cache::default();
        cache.record_response(NOW);
        assert_eq!(away(&cache), "");
    }

    #[test]
    fn what_the_browser_had_kept_has_an_age() {
        let mut cache = Cache::default();
        cache.cached_at = Some(NOW - 12 * MINUTE);
        cache.record_response(NOW);
        let moment = utc().moment(NOW - 12 * MINUTE);
        let known = format!("showing the status as of {moment}, 12 minutes ago.");
        assert_eq!(banner(&cache, utc(), ViewSettings::default(), Embed::Off), format!("Offline: {known}"));
        assert_eq!(away(&cache), format!("The store does not respond: {known}"));
    }

    #[test]
    fn in_a_frame_the_age_is_said_in_a_few_words() {
        let mut cache = Cache::default();
        assert_eq!(banner(&cache, utc(), ViewSettings::default(), Embed::Banner), "");
        cache.cached_at = Some(NOW - 12 * MINUTE);
        assert_eq!(banner(&cache, utc(), ViewSettings::default(), Embed::Banner), "As of 12 minutes ago");
        assert_eq!(banner(&cache, utc(), ViewSettings::default(), Embed::Bars), "As of 12 minutes ago");
    }

    #[test]
    fn what_an_open_page_knows_has_an_age_from_when_the_store_was_last_heard() {
        let mut cache = Cache::default();
        cache.list_error = Some(StoreError::InvalidListing);
        cache.record_response(NOW);
        assert_eq!(away(&cache), "", "who never heard anything knows nothing");
        cache.list_error = None;
        cache.record_response(NOW - HOUR);
        cache.list_error = Some(StoreError::InvalidListing);
        cache.record_response(NOW);
        assert!(away(&cache).ends_with(", 1 hour ago."), "{}", away(&cache));
    }

    #[test]
    fn a_clock_that_is_wrong_is_named() {
        let settings = |clock_ahead| ViewSettings { clock_ahead, ..ViewSettings::default() };
        let off = |clock_ahead| banner(&Cache::default(), utc(), settings(clock_ahead), Embed::Off);
        assert_eq!(off(3 * HOUR), "This device's clock is 3 hours ahead; the times on this page are the server's.");
        assert_eq!(
            off(-5 * MINUTE),
            "This device's clock is 5 minutes behind; the times on this page are the server's."
        );
    }
}
