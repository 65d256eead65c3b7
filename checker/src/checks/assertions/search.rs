//! Searches actual values for a string or a match. In a list, an object or several values, every string, number, flag
//! and null is searched separately.

use serde_json::Value as Json;

use super::comparison::{INEXACT, equals_as_written};
use super::json_texts::{JsonTexts, scalar_text};
use super::operand::{Judgment, Operand, Reason};
use super::value::{ActualValue, SEARCH_LIMIT};
use crate::checks::body_text::{Found, Wanted};
use crate::checks::text_pattern::TextPattern;

const ONLY_JSON_TEXT: Reason = "only its JSON text does";
const TOO_LONG: Reason = "it is too long to search";

/// The string or match to search for.
pub(super) enum SearchTerm<'a> {
    Operand { operand: &'a Operand, text: String },
    Match(&'a TextPattern),
}

/// A search of all values inside a list, an object or several values.
struct InnerSearch<'w, 't> {
    term: &'w SearchTerm<'w>,
    texts: JsonTexts<'t>,
    is_found: bool,
    /// Why it is unknown whether the values contain the string or match.
    reason: Option<Reason>,
}

/// Determines whether a value contains a string or a match.
pub(super) fn judge(value: &ActualValue<'_>, term: &SearchTerm<'_>, texts: JsonTexts<'_>) -> Judgment {
    match value {
        ActualValue::Body(body) => body.search(term.wanted()).into(),
        ActualValue::Text(header) => header.search(term.wanted()).into(),
        ActualValue::Json(json) => match &**json {
            container @ (Json::Array(_) | Json::Object(_)) => {
                judge_inside(std::slice::from_ref(&container), term, texts, false)
            }
            scalar => judge_scalar(scalar, term, texts),
        },
        ActualValue::Nodes(nodes) => judge_inside(nodes, term, texts, true),
        ActualValue::Missing | ActualValue::NoLength | ActualValue::Duration(_) | ActualValue::AtLeast(_) => {
            Judgment::Unmet
        }
    }
}

/// Searches the text of a scalar.
fn judge_scalar(scalar: &Json, term: &SearchTerm<'_>, texts: JsonTexts<'_>) -> Judgment {
    let found = scalar_text(scalar, texts).map(|text| texts.read(&text).search(term.wanted()));
    match found {
        Some(Found::Yes) => Judgment::Met,
        _ if term.equals(scalar, texts) == Ok(true) => Judgment::Met,
        Some(found) => found.into(),
        None => Judgment::Incomparable(INEXACT),
    }
}

/// Searches all values inside lists and objects. If only a key contains the string or match, neither the condition nor
/// its negation holds. The same applies to the JSON text if the string or pattern contains a quotation mark.
fn judge_inside(values: &[&Json], term: &SearchTerm<'_>, texts: JsonTexts<'_>, is_list: bool) -> Judgment {
    let mut search = InnerSearch { term, texts, is_found: false, reason: None };
    for value in values {
        search.visit(value);
    }
    if search.is_found {
        return Judgment::Met;
    }
    let reason = search.reason.or_else(|| {
        if !term.is_about_json_text() {
            return None;
        }
        // Bodies can have spaces between members, or not.
        ["", " "].into_iter().find_map(|space| {
            let mut text = String::new();
            let is_complete = if is_list {
                let elements = values.iter().copied().map(|value| (None, value));
                append_list(&mut text, ['[', ']'], elements, space, texts)
            } else {
                values.iter().all(|value| append_json(&mut text, value, space, texts))
            };
            if !is_complete {
                return Some(TOO_LONG);
            }
            (texts.read(&text).search(term.wanted()) != Found::No).then_some(ONLY_JSON_TEXT)
        })
    });
    reason.map_or(Judgment::Unmet, Judgment::Incomparable)
}

impl InnerSearch<'_, '_> {
    fn visit(&mut self, json: &Json) {
        if self.is_found {
            return;
        }
        match json {
            Json::Array(elements) => elements.iter().for_each(|element| self.visit(element)),
            Json::Object(members) => {
                for (key, member) in members {
                    if self.reason.is_none() && self.texts.read(key).search(self.term.wanted()) != Found::No {
                        self.reason = Some(ONLY_JSON_TEXT);
                    }
                    self.visit(member);
                }
            }
            scalar => match self.judge(scalar) {
                Judgment::Met => self.is_found = true,
                Judgment::Unmet => {}
                Judgment::Incomparable(reason) => self.reason = self.reason.or(Some(reason)),
            },
        }
    }

    /// Searches a string, and compares other scalars with the operand, so that 1500 does not contain 500.
    fn judge(&self, scalar: &Json) -> Judgment {
        match (scalar, self.term) {
            (Json::String(text), _) => self.texts.read(text).search(self.term.wanted()).into(),
            (_, SearchTerm::Operand { .. }) => self.term.equals(scalar, self.texts).into(),
            (_, SearchTerm::Match(_)) => judge_scalar(scalar, self.term, self.texts),
        }
    }
}

impl<'a> SearchTerm<'a> {
    pub(super) fn operand(operand: &'a Operand) -> SearchTerm<'a> {
        SearchTerm::Operand { operand, text: operand.to_string() }
    }

    fn wanted(&self) -> Wanted<'_> {
        match self {
            SearchTerm::Operand { text, .. } => Wanted::Text(text),
            SearchTerm::Match(pattern) => Wanted::Match(pattern),
        }
    }

    /// Returns whether the string or pattern can be written for the JSON text instead of a value.
    fn is_about_json_text(&self) -> bool {
        match self {
            SearchTerm::Operand { text, .. } => text.contains('"'),
            SearchTerm::Match(pattern) => pattern.as_str().contains('"'),
        }
    }

    fn equals(&self, scalar: &Json, texts: JsonTexts<'_>) -> Result<bool, Reason> {
        match self {
            SearchTerm::Operand { operand, .. } => equals_as_written(scalar, operand, texts),
            SearchTerm::Match(_) => Ok(false),
        }
    }
}

/// Appends a value as JSON, with its numbers as in the body. Returns whether the text is complete and within the limit.
fn append_json(text: &mut String, json: &Json, space: &str, texts: JsonTexts<'_>) -> bool {
    match json {
        Json::Array(elements) => {
            append_list(text, ['[', ']'], elements.iter().map(|element| (None, element)), space, texts)
        }
        Json::Object(members) => {
            append_list(text, ['{', '}'], members.iter().map(|(key, member)| (Some(key), member)), space, texts)
        }
        Json::Number(_) => {
            match scalar_text(json, texts) {
                Some(number) => text.push_str(&number),
                None => text.push_str(&json.to_string()),
            }
            text.len() <= SEARCH_LIMIT
        }
        scalar => {
            text.push_str(&scalar.to_string());
            text.len() <= SEARCH_LIMIT
        }
    }
}

fn append_list<'j>(
    text: &mut String,
    [open, close]: [char; 2],
    elements: impl Iterator<Item = (Option<&'j String>, &'j Json)>,
    space: &str,
    texts: JsonTexts<'_>,
) -> bool {
    text.push(open);
    for (index, (key, element)) in elements.enumerate() {
        if index > 0 {
            text.push(',');
            text.push_str(space);
        }
        if let Some(key) = key {
            text.push_str(&Json::from(key.as_str()).to_string());
            text.push(':');
            text.push_str(space);
        }
        if !append_json(text, element, space, texts) {
            return false;
        }
    }
    text.push(close);
    text.len() <= SEARCH_LIMIT
}
