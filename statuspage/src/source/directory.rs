//! URLs and responses of a directory behind a web server, whose `index.json` lists the check files. This module is
//! pure.

use shared::check_file::{CheckFile, OBJECT_SIZE_LIMIT};
use shared::json;
use shared::object_name::{self, CheckFileName};
use shared::{HOUR, UnixNanos};

use crate::i18n::texts;
use crate::store::{InlineContents, ListedFile, Listing, StoreError};

/// Returns the URL of the index. `checker serve` omits files from before `from` and can include contents. Other web
/// servers ignore the query.
pub(crate) fn list_url(directory: &str, from: UnixNanos, contents: InlineContents) -> String {
    // The time is rounded down to the hour. The URL then stays the same for a while, so the browser can use its cache.
    let from = from.div_euclid(HOUR) * HOUR;
    let with = if contents == InlineContents::Allowed { "&with=results" } else { "" };
    format!("{directory}{}?from={from}{with}", object_name::INDEX)
}

/// Parses an `index.json`: `{"<name>": <unix-ns when indexed>, …}`. `checker serve` sends file contents as values.
pub(crate) fn parse_index(body: &[u8]) -> Result<Listing, StoreError> {
    let text = String::from_utf8_lossy(body);
    let mut listing = Listing::default();
    let read = json::each_member(&text, &mut |name, value| match CheckFileName::parse(&name) {
        Some(name) => {
            // Invalid contents are ignored here. If the page then requests the file, the error is reported.
            let is_content = value.starts_with('[') && value.len() <= OBJECT_SIZE_LIMIT;
            let file = is_content.then(|| CheckFile::parse(value.as_bytes()).ok()).flatten();
            listing.files.push(ListedFile { name, size: None, file });
        }
        None => listing.unrelated.push(name.into_owned()),
    });
    read.map_err(|error| StoreError::InvalidIndex(error.to_string()))?;
    Ok(listing)
}

/// Creates the error for a response that is not a check file.
pub(crate) fn object_error(status: u16) -> StoreError {
    match status {
        404 | 410 => StoreError::unexpected_status(status, texts::DELETED_OR_INCOMPLETE),
        _ => listing_error(status),
    }
}

/// Creates the error for a response that is not an index.
pub(crate) fn listing_error(status: u16) -> StoreError {
    let remedy = match status {
        401 | 403 => texts::DIRECTORY_FORBIDDEN,
        404 => texts::DIRECTORY_MISSING,
        500.. => texts::SERVER_ERROR,
        _ => texts::CHECK_URL,
    };
    StoreError::unexpected_status(status, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::english;
    use shared::MINUTE;

    #[test]
    fn an_index_of_the_original_is_parsed() {
        let listing = parse_index(include_bytes!("../../../shared/golden/index.json")).expect("an index");
        assert_eq!((listing.files.len(), listing.unrelated.len()), (3, 0));
        assert!(listing.files.is_sorted_by_key(|listed| listed.name.clone()));
    }

    #[test]
    fn unrelated_names_are_separated() {
        let listing = parse_index(br#"{"../../etc/passwd":1,"1795330254340493978-check.json":"x","notes.txt":null}"#)
            .expect("an index");
        assert_eq!(listing.files.len(), 1);
        assert_eq!(listing.unrelated, ["../../etc/passwd", "notes.txt"]);
    }

    #[test]
    fn an_invalid_index_is_explained() {
        let error = parse_index(b"<!doctype html>").expect_err("it is a page").describe(english());
        assert!(error.contains("index.json") && error.contains("source.url"), "{error}");
        assert!(parse_index(b"[]").is_err());
    }

    #[test]
    fn a_missing_index_and_a_missing_file_have_different_remedies() {
        assert!(listing_error(404).describe(english()).contains("`source.url`"));
        assert!(object_error(404).describe(english()).contains("deleted after it was listed"));
        assert_eq!(object_error(403), listing_error(403));
    }

    #[test]
    fn the_url_of_the_index_changes_every_hour() {
        let url = |from| list_url("store/", from, InlineContents::Omitted);
        assert_eq!(url(HOUR + MINUTE), "store/index.json?from=3600000000000");
        assert_eq!(url(HOUR + MINUTE), url(HOUR + 59 * MINUTE));
        let with_results = list_url("store/", HOUR, InlineContents::Allowed);
        assert_eq!(with_results, "store/index.json?from=3600000000000&with=results");
    }

    #[test]
    fn contents_in_an_index_are_parsed() {
        let index = br#"{"1795330254340493978-check.json":[{"title":"A"},7],"1795330255356052177-check.json":1}"#;
        let files = parse_index(index).expect("an index").files;
        let results =
            files.iter().map(|listed| listed.file.as_ref().map(|file| (file.results.len(), file.skipped.len())));
        assert_eq!(results.collect::<Vec<_>>(), [Some((1, 1)), None]);
    }

    #[test]
    fn an_invalid_content_does_not_affect_the_others() {
        let deep = ["[".repeat(65), "]".repeat(65)].concat();
        let index = format!(
            r#"{{"1795330254340493970-check.json":{deep},"1795330254340493971-check.json":[NaN],"1795330254340493972-check.json":[{{"title":"A"}}]}}"#
        );
        let files = parse_index(index.as_bytes()).expect("an index").files;
        let is_content: Vec<bool> = files.iter().map(|listed| listed.file.is_some()).collect();
        assert_eq!(is_content, [false, false, true]);
    }
}
