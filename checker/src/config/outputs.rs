//! The `outputs` section: what other programs can read.

use serde::Deserialize;

use super::model::{OutputKind, Outputs};
use super::spec::{Field, ValueKind, optional};
use crate::checks::http::HttpCheck;

pub(super) const SECTION: &[Field] = &[
    optional(
        "store",
        ValueKind::List(&ValueKind::Enum(&["feeds", "calendar", "statuspage", "badges"])),
        "`[\"feeds\", \"calendar\"]` if `summaries` is `true`, otherwise `[]`",
        "What this node stores next to its summary.",
    ),
    optional(
        "serve",
        ValueKind::Bool,
        "`true`",
        "Whether `checker serve` provides the Statuspage API and the badges for uptime, response time and shields.io.",
    ),
    optional(
        "url",
        ValueKind::Url,
        "`page_url` in `notify`",
        "The public URL of the page, for links in feeds and in the calendar.",
    ),
];

#[derive(Deserialize, Default)]
pub(super) struct RawOutputs {
    store: Option<Vec<String>>,
    serve: Option<bool>,
    url: Option<String>,
}

/// Converts the section, which validation has accepted.
pub(super) fn convert(raw: &RawOutputs, has_summaries: bool) -> Outputs {
    let defaults: &[OutputKind] = if has_summaries { &[OutputKind::Feeds, OutputKind::Calendar] } else { &[] };
    let stored = match &raw.store {
        Some(names) => {
            OutputKind::ALL.into_iter().filter(|kind| names.iter().any(|name| name == kind.as_str())).collect()
        }
        None => defaults.to_vec(),
    };
    Outputs { stored, served: raw.serve.unwrap_or(true), url: raw.url.as_deref().and_then(folder_url) }
}

/// Uses the URL of the page if the outputs have none.
pub(super) fn of_page(outputs: Outputs, page_url: Option<&str>) -> Outputs {
    Outputs { url: outputs.url.or_else(|| page_url.and_then(folder_url)), ..outputs }
}

/// Returns the URL of the page's folder, without credentials. It is often configured without the trailing slash.
fn folder_url(text: &str) -> Option<String> {
    let mut url = HttpCheck::parse_url(text).ok()?;
    HttpCheck::take_credentials(&mut url);
    url.set_query(None);
    url.set_fragment(None);
    let url = String::from(url);
    Some(if url.ends_with('/') { url } else { format!("{url}/") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feeds_and_the_calendar_are_stored_unless_summaries_are_off() {
        let stored = |raw: &str, has_summaries| {
            let raw: RawOutputs = serde_json::from_str(raw).expect("it is valid");
            let outputs = convert(&raw, has_summaries);
            (outputs.stored.iter().map(|kind| kind.as_str()).collect::<Vec<_>>(), outputs.served)
        };
        assert_eq!(stored("{}", true), (vec!["feeds", "calendar"], true));
        assert_eq!(stored("{}", false), (vec![], true));
        assert_eq!(stored(r#"{"store":["badges","feeds"],"serve":false}"#, false), (vec!["feeds", "badges"], false));
        assert_eq!(stored(r#"{"store":[]}"#, true), (vec![], true));
    }

    #[test]
    fn the_url_of_the_page_is_that_of_its_folder() {
        for (url, folder) in [
            ("https://status.example", "https://status.example/"),
            ("https://example.com/status/", "https://example.com/status/"),
            ("https://example.com/status?range=7d#x", "https://example.com/status/"),
            ("https://me:secret@example.com/", "https://example.com/"),
            (" https://example.com/a\nb", "https://example.com/ab/"),
        ] {
            assert_eq!(folder_url(url).as_deref(), Some(folder));
        }
    }
}
