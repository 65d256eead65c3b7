//! Reading a directory behind any web server: its `index.json` lists the check files. Pure; [`super::fetch`] sends.

use shared::json::{self, Json};
use shared::object_name::{self, CheckFileName};
use shared::{HOUR, UnixNanos};

use super::{Listed, Listing, SourceError};

/// The URL of the list. `checker serve` leaves out what is older than `from`; a plain web server ignores it.
pub(crate) fn list_url(directory: &str, from: UnixNanos) -> String {
    // In whole hours, so that the URL, and with it what the browser knows about it, stays the same for a while.
    let from = from.div_euclid(HOUR) * HOUR;
    format!("{directory}{}?from={from}", object_name::INDEX)
}

/// Reads an `index.json`: `{"<name>": <unix-ns when indexed>, …}`; only the names count.
pub(crate) fn parse_index(body: &[u8]) -> Result<Listing, SourceError> {
    let text = String::from_utf8_lossy(body);
    let names = match json::parse(&text) {
        Ok(Json::Object(names)) => names,
        Ok(_) => return Err(SourceError::NotAnIndex("it is no object".to_owned())),
        Err(error) => return Err(SourceError::NotAnIndex(error.to_string())),
    };
    let mut listing = Listing::default();
    for (name, _) in names {
        match CheckFileName::parse(&name) {
            Some(name) => listing.files.push(Listed { name, size: None }),
            None => listing.foreign.push(name.into_owned()),
        }
    }
    Ok(listing)
}

/// What the server said instead of a check file.
pub(crate) fn object_refusal(status: u16) -> SourceError {
    match status {
        404 | 410 => SourceError::Refused {
            said: format!("status {status}"),
            remedy: "it was removed since it was listed, or was never stored whole".to_owned(),
        },
        _ => refusal(status),
    }
}

/// What the server said instead of the list.
pub(crate) fn refusal(status: u16) -> SourceError {
    let remedy = match status {
        401 | 403 => "the web server has to allow everyone to read the directory",
        404 => {
            "`source.url` in `config.json` has to name the directory that holds `index.json`; `checker serve`, or a checker with a directory as store, writes it"
        }
        500.. => "the web server is in trouble; the next refresh tries again",
        _ => "check `source.url` in `config.json`",
    };
    SourceError::Refused { said: format!("status {status}"), remedy: remedy.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::MINUTE;

    #[test]
    fn the_originals_index_is_read() {
        let listing = parse_index(include_bytes!("../../../shared/golden/index.json")).expect("an index");
        assert_eq!((listing.files.len(), listing.foreign.len()), (3, 0));
        assert!(listing.files.is_sorted_by_key(|listed| listed.name.clone()));
    }

    #[test]
    fn foreign_names_are_told_apart() {
        let listing = parse_index(br#"{"../../etc/passwd":1,"1795330254340493978-check.json":"x","notes.txt":null}"#)
            .expect("an index");
        assert_eq!(listing.files.len(), 1);
        assert_eq!(listing.foreign, ["../../etc/passwd", "notes.txt"]);
    }

    #[test]
    fn what_is_no_index_says_why() {
        let error = parse_index(b"<!doctype html>").expect_err("it is a page").to_string();
        assert!(error.contains("index.json") && error.contains("source.url"), "{error}");
        assert!(parse_index(b"[]").is_err());
    }

    #[test]
    fn a_list_that_is_missing_and_a_file_that_is_missing_have_different_remedies() {
        assert!(refusal(404).to_string().contains("`source.url`"));
        assert!(object_refusal(404).to_string().contains("removed since it was listed"));
        assert_eq!(object_refusal(403), refusal(403));
    }

    #[test]
    fn the_lists_url_stays_the_same_within_an_hour() {
        assert_eq!(list_url("store/", HOUR + MINUTE), "store/index.json?from=3600000000000");
        assert_eq!(list_url("store/", HOUR + MINUTE), list_url("store/", HOUR + 59 * MINUTE));
    }
}
