//! What stands on the page when its configuration cannot be used: every problem, and how to mend it. Pure.

use shared::page_config::PageConfig;

use crate::i18n::{Language, Text, texts};
use crate::store::StoreError;

/// A configuration that works beside `checker serve`, and one for a bucket, to be copied.
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
    /// It could not be loaded.
    Unavailable(StoreError),
    /// It is a web page: many web servers answer one of their own for whatever they do not have.
    HtmlPage,
    /// Everything that is wrong with it.
    Invalid(Vec<String>),
}

/// Reads the configuration, or says everything that is wrong with it.
pub fn parse(text: &str) -> Result<PageConfig, ConfigError> {
    if text.trim_start().starts_with('<') {
        return Err(ConfigError::HtmlPage);
    }
    PageConfig::parse(text).map_err(|problems| ConfigError::Invalid(problems.0))
}

impl ConfigError {
    /// Every problem in a sentence.
    #[must_use]
    pub fn describe(self, language: &Language) -> Vec<String> {
        match self {
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
    fn a_fallback_page_is_told_from_a_configuration() {
        let problems = |text| parse(text).expect_err("it is none").describe(english());
        assert!(problems("\n<!doctype html>")[0].contains("missing next to"));
        assert!(problems("{}")[0].contains("`source`"));
    }

    #[test]
    fn the_examples_are_configurations() {
        for (_, example) in EXAMPLES {
            assert!(parse(example).is_ok(), "{example}");
        }
    }
}
