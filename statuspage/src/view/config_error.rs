//! The problems of an invalid configuration, and working examples.

use shared::page_config::PageConfig;

use crate::i18n::{Language, Text, texts};
use crate::store::StoreError;

/// Valid configurations to copy, one for `checker serve` and one for a bucket.
pub const EXAMPLES: [(Text, &str); 2] = [
    (
        texts::CONFIG_ERROR_DIRECTORY,
        "{\n  \"title\": \"Status\",\n  \"source\": {\n    \"type\": \"http\",\n    \"url\": \"store/\"\n  }\n}",
    ),
    (
        texts::CONFIG_ERROR_BUCKET,
        "{\n  \"title\": \"Status\",\n  \"source\": {\n    \"type\": \"s3\",\n    \"bucket\": \"my-status\",\n    \"region\": \"eu-central-1\",\n    \"public_access_key_id\": \"AKIA…\",\n    \"public_access_key\": \"…\"\n  }\n}",
    ),
];

/// Why the configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigError {
    Unavailable(StoreError),
    /// The server sent a web page, as many web servers do for missing files.
    HtmlPage,
    /// The configuration has all of these problems.
    Invalid(Vec<String>),
}

/// Parses the configuration. The error lists all of its problems.
pub fn parse(text: &str) -> Result<PageConfig, ConfigError> {
    if text.trim_start().starts_with('<') {
        return Err(ConfigError::HtmlPage);
    }
    PageConfig::parse(text).map_err(|problems| ConfigError::Invalid(problems.0))
}

impl ConfigError {
    #[must_use]
    pub fn describe(self, language: &Language) -> Vec<String> {
        match self {
            ConfigError::Unavailable(StoreError::UnexpectedStatus { remedy: texts::CONFIG_MISSING, .. }) => {
                vec![language.text(texts::CONFIG_MISSING).to_owned()]
            }
            ConfigError::Unavailable(error) => vec![error.describe(language)],
            ConfigError::HtmlPage => vec![language.format(texts::CONFIG_IS_HTML, &[])],
            ConfigError::Invalid(problems) => problems,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::english;

    #[test]
    fn a_web_page_is_not_parsed_as_a_configuration() {
        let problems = |text| parse(text).expect_err("it is invalid").describe(english());
        assert!(problems("\n<!doctype html>")[0].contains("missing next to"));
        assert!(problems("{}")[0].contains("`source`"));
    }

    #[test]
    fn a_missing_configuration_is_reported_with_what_to_do() {
        let missing = StoreError::unexpected_status(404, texts::CONFIG_MISSING);
        let expected = "`config.json` was not found (404): create it next to the page's `index.html`";
        assert_eq!(ConfigError::Unavailable(missing).describe(english()), [expected]);
    }

    #[test]
    fn the_examples_are_valid() {
        for (_, example) in EXAMPLES {
            assert!(parse(example).is_ok(), "{example}");
        }
    }
}
