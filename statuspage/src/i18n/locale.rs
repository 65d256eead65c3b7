//! The language of the page: the one in the URL, the configured one, or the visitor's preferred one. This module is
//! pure.

use shared::page_config::appearance::LANGUAGES;

/// A language, with the regional variant for dates and numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Locale {
    /// The name of the locale file, such as `de`.
    pub(crate) code: &'static str,
    /// The visitor's regional variant, such as `de-CH`, or just the code.
    pub(crate) tag: String,
}

/// Chooses a locale. `requested` is the language in the URL, and `preferred` contains the visitor's languages, most
/// preferred first.
#[must_use]
pub(crate) fn choose(requested: &str, configured: Option<&str>, preferred: &[String]) -> Locale {
    let tags = [Some(requested), configured].into_iter().flatten().chain(preferred.iter().map(String::as_str));
    let code = tags.into_iter().find_map(code_of).unwrap_or("en");
    let variant = preferred.iter().find(|tag| code_of(tag) == Some(code));
    Locale { code, tag: variant.map_or(code, String::as_str).to_owned() }
}

/// Returns the language of a tag such as `de-CH` if there is a locale file for it.
fn code_of(tag: &str) -> Option<&'static str> {
    let code = tag.split('-').next()?;
    LANGUAGES.into_iter().find(|known| known.eq_ignore_ascii_case(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(requested: &str, configured: Option<&str>, preferred: &[&str]) -> (&'static str, String) {
        let preferred: Vec<String> = preferred.iter().map(ToString::to_string).collect();
        let Locale { code, tag } = super::choose(requested, configured, &preferred);
        (code, tag)
    }

    #[test]
    fn the_first_supported_preferred_language_is_chosen() {
        assert_eq!(choose("", None, &["nl-NL", "pt-PT", "en"]), ("pt", "pt-PT".to_owned()));
        assert_eq!(choose("", None, &["zh-Hant-TW"]), ("zh", "zh-Hant-TW".to_owned()));
        assert_eq!(choose("", None, &["nl", "tlh"]), ("en", "en".to_owned()));
        assert_eq!(choose("", None, &[]), ("en", "en".to_owned()));
    }

    #[test]
    fn the_url_overrides_the_configuration() {
        assert_eq!(choose("", Some("ja"), &["de-CH"]), ("ja", "ja".to_owned()));
        assert_eq!(choose("de", Some("ja"), &["en-US", "de-CH"]), ("de", "de-CH".to_owned()));
        assert_eq!(choose("AR-EG", None, &["en-US"]), ("ar", "ar".to_owned()));
        assert_eq!(choose("../x", None, &["fr"]), ("fr", "fr".to_owned()), "an invalid language is ignored");
    }
}
