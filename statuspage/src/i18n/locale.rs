//! Which language the page speaks: what its address asks for, what its host has set, or what the reader likes best of
//! those that there are. Pure.

use shared::page_config::appearance::LANGUAGES;

/// A language, and how exactly its dates and numbers are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Locale {
    /// The name of its file: `de`.
    pub(crate) code: &'static str,
    /// The reader's own kind of it: `de-CH`.
    pub(crate) tag: String,
}

/// Chooses; `asked` stands in the address, `preferred` are the reader's languages, the dearest first.
#[must_use]
pub(crate) fn choose(asked: &str, configured: Option<&str>, preferred: &[String]) -> Locale {
    let wishes = [Some(asked), configured].into_iter().flatten();
    let code = wishes.chain(preferred.iter().map(String::as_str)).find_map(code_of).unwrap_or("en");
    let own = preferred.iter().find(|tag| code_of(tag) == Some(code));
    Locale { code, tag: own.map_or(code, String::as_str).to_owned() }
}

/// The language that a tag such as `de-CH` names, if it is one of ours.
fn code_of(tag: &str) -> Option<&'static str> {
    let code = tag.split('-').next()?;
    LANGUAGES.into_iter().find(|known| known.eq_ignore_ascii_case(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(asked: &str, configured: Option<&str>, preferred: &[&str]) -> (&'static str, String) {
        let preferred: Vec<String> = preferred.iter().map(ToString::to_string).collect();
        let Locale { code, tag } = super::choose(asked, configured, &preferred);
        (code, tag)
    }

    #[test]
    fn the_reader_gets_the_first_of_their_languages_that_there_is() {
        assert_eq!(choose("", None, &["nl-NL", "pt-PT", "en"]), ("pt", "pt-PT".to_owned()));
        assert_eq!(choose("", None, &["zh-Hant-TW"]), ("zh", "zh-Hant-TW".to_owned()));
        assert_eq!(choose("", None, &["nl", "tlh"]), ("en", "en".to_owned()));
        assert_eq!(choose("", None, &[]), ("en", "en".to_owned()));
    }

    #[test]
    fn the_address_comes_first_then_the_configuration() {
        assert_eq!(choose("", Some("ja"), &["de-CH"]), ("ja", "ja".to_owned()));
        assert_eq!(choose("de", Some("ja"), &["en-US", "de-CH"]), ("de", "de-CH".to_owned()));
        assert_eq!(choose("AR-EG", None, &["en-US"]), ("ar", "ar".to_owned()));
        assert_eq!(choose("../x", None, &["fr"]), ("fr", "fr".to_owned()), "what is none is as if it were not there");
    }
}
