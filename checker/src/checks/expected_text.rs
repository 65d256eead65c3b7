//! Checks for strings that a response body or command output must or must not contain.

use super::Failure;
use super::body_text::{Found, Wanted};
use super::probe_data::ProbeData;
use super::searched_text::SearchedText;
use super::timing::Stopwatch;
use super::utf_8_text::has_characters;

/// The part of an error message that describes text with invalid bytes.
pub(super) const INVALID_BYTES: &str = "contains bytes that are not valid in its charset (UTF-8 by default)";

/// Searches the body for both strings. `subject` is the name of the body in error messages. Returns an error if the
/// body is not complete or readable enough for a definite result, and marks the attempt as inconclusive if the missing
/// part could turn a failure into success.
pub(super) fn expect_texts(
    subject: &str,
    data: &ProbeData,
    must_contain: Option<&str>,
    must_not_contain: Option<&str>,
    stopwatch: &Stopwatch,
) -> Result<(), Failure> {
    let found = search(subject, data, must_contain, must_not_contain);
    if found.is_err() && is_uncertain(data, must_contain, must_not_contain) {
        stopwatch.mark_inconclusive();
    }
    found
}

fn search(
    subject: &str,
    data: &ProbeData,
    must_contain: Option<&str>,
    must_not_contain: Option<&str>,
) -> Result<(), Failure> {
    if let Some(reason) = data.unreadable().filter(|_| must_contain.or(must_not_contain).is_some()) {
        return Err(format!("{reason}, so it cannot be searched"));
    }
    let body = body_of(data);
    if let Some((text, found)) =
        must_contain.map(|text| (text, body.search(Wanted::Text(text)))).filter(|(_, found)| *found != Found::Yes)
    {
        return Err(match (&data.truncation, found) {
            (Some(truncation), _) => format!("{subject} does not contain `{text}`; {truncation}"),
            (None, Found::Unclear(reason)) => format!("{subject} does not contain `{text}`; {reason}"),
            (None, _) if is_unknown(data, text) => format!("{subject} does not contain `{text}`; it {INVALID_BYTES}"),
            (None, _) => format!("{subject} does not contain `{text}`"),
        });
    }
    let Some(text) = must_not_contain else { return Ok(()) };
    match (&data.truncation, body.search(Wanted::Text(text))) {
        (_, Found::Yes) => Err(format!("{subject} contains `{text}`")),
        (_, Found::Unclear(reason)) => Err(format!("{subject} possibly contains `{text}`: {reason}")),
        (Some(truncation), _) => Err(format!("{truncation}, which does not rule out `{text}`")),
        (None, _) if is_unknown(data, text) => {
            Err(format!("{subject} {INVALID_BYTES}, which does not rule out `{text}`"))
        }
        (None, _) => Ok(()),
    }
}

fn body_of(data: &ProbeData) -> SearchedText<'_> {
    data.searched_text().unwrap_or(SearchedText::new(&[], None, &[]))
}

/// Returns whether invalid bytes could mean the text. ASCII text has the same bytes in all charsets that are not
/// converted to UTF-8.
fn is_unknown(data: &ProbeData, text: &str) -> bool {
    !text.is_ascii() && !has_characters(body_of(data).whole().text(), data.truncation.is_some())
}

/// Returns whether data that was not read or not decoded could turn a failed search into a successful one.
fn is_uncertain(data: &ProbeData, must_contain: Option<&str>, must_not_contain: Option<&str>) -> bool {
    let body = body_of(data);
    let is_present = |text: &str| body.search(Wanted::Text(text)) == Found::Yes;
    let is_absent = |text: &str| {
        data.truncation.is_none() && body.search(Wanted::Text(text)) == Found::No && !is_unknown(data, text)
    };
    let fails_for_certain = must_not_contain.is_some_and(is_present) || must_contain.is_some_and(is_absent);
    data.unreadable().is_some() || !fails_for_certain
}
