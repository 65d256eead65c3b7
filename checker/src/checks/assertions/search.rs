//! Searches actual values for a string or a match. In a list, an object or several values, every string, number, flag
//! and null is searched separately.

use memchr::memmem;
use serde_json::Value as Json;

use super::comparison::{DoubleText, INEXACT, equals_json, scalar_text};
use super::operand::{Judgment, Operand, Reason};
use super::value::{ActualValue, SEARCH_LIMIT};
use crate::checks::body_text::Found;
use crate::checks::searched_text::SearchedText;
use crate::checks::text_pattern::TextPattern;

const ONLY_JSON_TEXT: Reason = "only its JSON text does";
const TOO_LONG: Reason = "it is too long to search";

/// The string or match to search for.
pub(super) enum Wanted<'a> {
    Operand { operand: &'a Operand, text: String },
    Match(&'a TextPattern),
}

/// A search of all values inside a list, an object or several values.
struct InnerSearch<'w, 't> {
    wanted: &'w Wanted<'w>,
    texts: DoubleText<'t>,
    is_found: bool,
    /// Why it is unknown whether the values contain the string or match.
    reason: Option<Reason>,
}

/// Determines whether a value contains a string or a match.
pub(super) fn judge(value: &ActualValue<'_>, wanted: &Wanted<'_>, texts: DoubleText<'_>) -> Judgment {
    match value {
        ActualValue::Body(body) => wanted.find_in(*body).into(),
        ActualValue::Text(text) => wanted.is_in(text).into(),
        ActualValue::Json(json) => match &**json {
            container @ (Json::Array(_) | Json::Object(_)) => {
                judge_inside(std::slice::from_ref(&container), wanted, texts, false)
            }
            scalar => judge_scalar(scalar, wanted, texts),
        },
        ActualValue::Nodes(nodes) => judge_inside(nodes, wanted, texts, true),
        ActualValue::Missing | ActualValue::NoLength | ActualValue::Duration(_) | ActualValue::AtLeast(_) => {
            Judgment::Unmet
        }
    }
}

/// Searches the text of a scalar.
fn judge_scalar(scalar: &Json, wanted: &Wanted<'_>, texts: DoubleText<'_>) -> Judgment {
    match scalar_text(scalar, texts) {
        Some(text) if wanted.is_in(&text) => Judgment::Met,
        _ if wanted.equals(scalar, texts) == Ok(true) => Judgment::Met,
        Some(_) => Judgment::Unmet,
        None => Judgment::Incomparable(INEXACT),
    }
}

/// Searches all values inside lists and objects. If only a key or the JSON text contains the string or match, neither
/// the condition nor its negation holds.
fn judge_inside(values: &[&Json], wanted: &Wanted<'_>, texts: DoubleText<'_>, is_list: bool) -> Judgment {
    let mut search = InnerSearch { wanted, texts, is_found: false, reason: None };
    for value in values {
        search.visit(value);
    }
    if search.is_found {
        return Judgment::Met;
    }
    // Bodies can have spaces between members, or not.
    let reason = search.reason.or_else(|| {
        ["", " "].into_iter().find_map(|space| {
            let mut text = String::new();
            let is_complete = if is_list {
                let elements = values.iter().copied().map(|value| (None, value));
                append_list(&mut text, ['[', ']'], elements, space, texts)
            } else {
                values.iter().all(|value| append_json(&mut text, value, space, texts))
            };
            if is_complete { wanted.is_in(&text).then_some(ONLY_JSON_TEXT) } else { Some(TOO_LONG) }
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
                    if self.wanted.is_in(key) {
                        self.reason = self.reason.or(Some(ONLY_JSON_TEXT));
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
        match (scalar, self.wanted) {
            (Json::String(text), _) => self.wanted.is_in(text).into(),
            (_, Wanted::Operand { .. }) => self.wanted.equals(scalar, self.texts).into(),
            (_, Wanted::Match(_)) => judge_scalar(scalar, self.wanted, self.texts),
        }
    }
}

impl<'a> Wanted<'a> {
    pub(super) fn operand(operand: &'a Operand) -> Wanted<'a> {
        Wanted::Operand { operand, text: operand.to_string() }
    }

    fn is_in(&self, text: &str) -> bool {
        match self {
            Wanted::Operand { text: wanted, .. } => memmem::find(text.as_bytes(), wanted.as_bytes()).is_some(),
            Wanted::Match(pattern) => pattern.is_match(text.as_bytes()),
        }
    }

    fn find_in(&self, body: SearchedText<'_>) -> Found {
        match self {
            Wanted::Operand { text, .. } => body.find(text),
            Wanted::Match(pattern) => body.find_match(pattern),
        }
    }

    fn equals(&self, scalar: &Json, texts: DoubleText<'_>) -> Result<bool, Reason> {
        match self {
            Wanted::Operand { operand, .. } => equals_json(scalar, operand, texts),
            Wanted::Match(_) => Ok(false),
        }
    }
}

/// Appends a value as JSON, with its numbers as in the body. Returns whether the text is complete and within the limit.
fn append_json(text: &mut String, json: &Json, space: &str, texts: DoubleText<'_>) -> bool {
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
    texts: DoubleText<'_>,
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
