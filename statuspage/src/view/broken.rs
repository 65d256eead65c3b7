//! What stands on the page when its configuration cannot be used: every problem, and how to mend it. Pure.

use shared::page_config::PageConfig;

/// A configuration that works beside `checker serve`, and one for a bucket, to be copied.
pub const EXAMPLES: [(&str, &str); 2] = [
    (
        "Check files in a directory that a web server serves:",
        "{\n  \"title\": \"Status\",\n  \"source\": { \"type\": \"http\", \"url\": \"store/\" }\n}",
    ),
    (
        "Check files in a bucket:",
        "{\n  \"title\": \"Status\",\n  \"source\": {\n    \"type\": \"s3\",\n    \"bucket\": \"my-status\",\n    \"region\": \"eu-central-1\",\n    \"public_access_key_id\": \"AKIA…\",\n    \"public_access_key\": \"…\"\n  }\n}",
    ),
];

/// Reads the configuration, or says everything that is wrong with it.
pub fn read(text: &str) -> Result<PageConfig, Vec<String>> {
    if text.trim_start().starts_with('<') {
        // Many web servers answer a page of their own for whatever they do not have.
        return Err(vec![
            "the web server answers a web page for `config.json`: there is none beside the page's `index.html`"
                .to_owned(),
        ]);
    }
    PageConfig::parse(text).map_err(|problems| problems.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fallback_page_is_told_from_a_configuration() {
        assert!(read("\n<!doctype html>").expect_err("a page")[0].contains("none beside"));
        assert!(read("{}").expect_err("nothing in it")[0].contains("`source`"));
    }

    #[test]
    fn the_examples_are_configurations() {
        for (_, example) in EXAMPLES {
            assert!(read(example).is_ok(), "{example}");
        }
    }
}
