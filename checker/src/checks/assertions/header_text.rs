//! The text of headers. Its charset is not declared.

use std::borrow::Cow;

use encoding_rs::WINDOWS_1252;

use crate::checks::body_text::{BodyText, Found, OriginalText, TextFacts, Wanted};
use crate::checks::visible_text::visible_string;

/// The reason if one of several headers with the same name has a match, but not all of them together.
const ONE_HEADER: &str = "one of the headers with this name does";
/// The reason if a header contains a string only in another case.
const OTHER_CASE: &str = "it does if case is ignored";

/// The value of a header, or the target of a redirect.
#[derive(Debug, Clone)]
pub(super) struct HeaderText {
    pub(super) text: String,
    facts: Option<TextFacts>,
    /// The values of several headers with the same name. `text` joins them with commas.
    values: Vec<String>,
}

impl HeaderText {
    /// Joins the values of headers with the same name. Returns `None` if there is no such header.
    pub(super) fn join(values: &[&[u8]]) -> Option<HeaderText> {
        if values.is_empty() {
            return None;
        }
        let bytes = values.join(&b", "[..]);
        let text = decoded(&bytes).into_owned();
        let original = (text.as_bytes() != bytes).then_some(OriginalText { bytes, encoding: WINDOWS_1252 });
        let facts = original.map(|original| TextFacts { original: Some(original), ..TextFacts::default() });
        let values = values.iter().map(|value| decoded(value).into_owned());
        Some(HeaderText { text, facts, values: values.collect() })
    }

    pub(super) fn body_text(&self) -> BodyText<'_> {
        BodyText::new(self.text.as_bytes(), self.facts.as_ref())
    }

    pub(super) fn search(&self, wanted: Wanted<'_>) -> Found {
        let is_found = |value: &String| BodyText::new(value.as_bytes(), None).search(wanted) != Found::No;
        match self.body_text().search(wanted) {
            Found::No if self.values.len() > 1 && self.values.iter().any(is_found) => Found::Unclear(ONE_HEADER),
            Found::No if self.contains_without_case(wanted) => Found::Unclear(OTHER_CASE),
            found => found,
        }
    }

    /// Returns whether a string occurs if case is ignored. Clients ignore the case of many headers.
    fn contains_without_case(&self, wanted: Wanted<'_>) -> bool {
        let Wanted::Text(word) = wanted else { return false };
        visible_string(&self.text).to_lowercase().contains(&visible_string(word).to_lowercase())
    }
}

impl From<String> for HeaderText {
    fn from(text: String) -> HeaderText {
        HeaderText { text, facts: None, values: Vec::new() }
    }
}

/// Decodes a header's value as UTF-8 if it is valid, and otherwise as Latin-1, as in RFC 2616.
fn decoded(value: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(value).map_or_else(|_| encoding_rs::mem::decode_latin1(value), Cow::Borrowed)
}
