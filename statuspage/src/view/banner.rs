//! The banner about the whole page: how old its data is, and whether the device's clock is wrong.

use shared::MINUTE;

use super::settings::ViewSettings;
use super::text;
use crate::dataset::Cache;
use crate::i18n::Calendar;
use crate::i18n::texts;
use crate::url_state::Embed;

/// Returns the banner, or an empty string if nothing is wrong. The banner is short when another page embeds this one.
#[must_use]
pub fn banner(cache: &Cache, calendar: Calendar<'_>, settings: ViewSettings, embed: Embed) -> String {
    let language = calendar.language;
    let mut sentences = Vec::new();
    if let Some(at) = cache.stale_since() {
        let text = match embed {
            Embed::Off if settings.is_online => texts::STORE_NOT_RESPONDING,
            Embed::Off => texts::OFFLINE,
            _ => texts::DATA_AGE,
        };
        let length = text::full_length(calendar.now - at, language);
        sentences.push(language.format(text, &[&calendar.moment(at), &length]));
    }
    if settings.clock_ahead != 0 {
        let text = if settings.clock_ahead > 0 { texts::DEVICE_AHEAD } else { texts::DEVICE_BEHIND };
        sentences.push(language.format(text, &[&text::full_length(settings.clock_ahead.abs() + MINUTE / 2, language)]));
    }
    sentences.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreError;
    use crate::test_support::{NOW, utc};
    use shared::HOUR;

    fn online_banner(cache: &Cache) -> String {
        banner(cache, utc(), ViewSettings { is_online: true, ..ViewSettings::default() }, Embed::Off)
    }

    #[test]
    fn there_is_no_banner_while_the_store_responds() {
        let mut cache = Cache::default();
        cache.record_response(NOW);
        assert_eq!(online_banner(&cache), "");
    }

    #[test]
    fn cached_data_has_an_age() {
        let mut cache = Cache::default();
        cache.cached_at = Some(NOW - 12 * MINUTE);
        cache.record_response(NOW);
        let moment = utc().moment(NOW - 12 * MINUTE);
        let age = format!("showing the status as of {moment}, 12 minutes ago.");
        assert_eq!(banner(&cache, utc(), ViewSettings::default(), Embed::Off), format!("Offline: {age}"));
        assert_eq!(online_banner(&cache), format!("The store is not responding: {age}"));
    }

    #[test]
    fn the_banner_is_short_when_embedded() {
        let mut cache = Cache::default();
        assert_eq!(banner(&cache, utc(), ViewSettings::default(), Embed::Banner), "");
        cache.cached_at = Some(NOW - 12 * MINUTE);
        assert_eq!(banner(&cache, utc(), ViewSettings::default(), Embed::Banner), "As of 12 minutes ago");
        assert_eq!(banner(&cache, utc(), ViewSettings::default(), Embed::Bars), "As of 12 minutes ago");
    }

    #[test]
    fn data_ages_from_the_last_response_of_the_store() {
        let mut cache = Cache::default();
        cache.list_error = Some(StoreError::InvalidListing);
        cache.record_response(NOW);
        assert_eq!(online_banner(&cache), "", "nothing was loaded");
        cache.list_error = None;
        cache.record_response(NOW - HOUR);
        cache.list_error = Some(StoreError::InvalidListing);
        cache.record_response(NOW);
        assert!(online_banner(&cache).ends_with(", 1 hour ago."), "{}", online_banner(&cache));
    }

    #[test]
    fn a_wrong_clock_is_reported() {
        let settings = |clock_ahead| ViewSettings { clock_ahead, ..ViewSettings::default() };
        let clock_banner = |clock_ahead| banner(&Cache::default(), utc(), settings(clock_ahead), Embed::Off);
        assert_eq!(
            clock_banner(3 * HOUR),
            "This device's clock is 3 hours ahead; the times on this page are the server's."
        );
        assert_eq!(
            clock_banner(-5 * MINUTE),
            "This device's clock is 5 minutes behind; the times on this page are the server's."
        );
    }
}
