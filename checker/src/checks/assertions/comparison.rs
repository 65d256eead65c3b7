//! Compares actual values with operands. Equality and order are separate: `==` and `!=` also apply to texts, but `<`
//! and `>` only to numbers and durations.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value as Json;
use shared::{Nanos, duration};

use super::decimal::{Decimal, HugeExponent};
use super::document::Document;
use super::json_texts::{JsonTexts, scalar_text};
use super::operand::{Judgment, Operand, Operator, Reason};
use super::value::ActualValue;
use super::{json_memory, likeness};
use crate::checks::body_text::{BodyText, Found, Wanted};
use crate::checks::searched_text::SearchedText;
use crate::checks::visible_text::visible_string;

const TOO_LARGE: Reason = "the number is too large to compare";
const SEVERAL: Reason = "the path selects several values; use `contains` or a filter";
pub(super) const INEXACT: Reason = "the exact number is unknown, because its key is repeated";
const SAME_READING: Reason = "its type differs, but it reads the same";
const BOTH_EMPTY: Reason = "its type differs, but it is also empty";
const HAS_VALUE: Reason = "it contains this value; use `contains`";
const OTHER_CASE: Reason = "it is equal if case is ignored";
const OTHER_NOTATION: Reason = "it is equal, but written differently";
const IS_STREAM: Reason = "one of the two output streams is";
const NOT_ONE_STREAM: Reason = "it is not clear which of standard output and standard error to compare";
const NOT_A_NUMBER: Reason = "it is not a number";
const NOT_A_DURATION: Reason = "it is not a duration with a unit, such as `30s`";
const NOT_ORDERED: Reason = "it has no order";
const LOWER_BOUND: Reason = "the exact number is unknown";

/// Determines whether a comparison holds.
pub(super) fn judge(operator: Operator, value: &ActualValue<'_>, operand: &Operand, texts: JsonTexts<'_>) -> Judgment {
    if let ActualValue::Nodes(nodes) = value
        && nodes.len() > 1
    {
        return if operator == Operator::NotEqual {
            all_differ(nodes, operand, texts)
        } else {
            Judgment::Incomparable(SEVERAL)
        };
    }
    let equals = || equals(value, operand, texts);
    let order = || order(value, operand, texts);
    match operator {
        Operator::Equal => equals().into(),
        Operator::NotEqual => equals().map(|is_equal| !is_equal).into(),
        Operator::Less => order().map(Ordering::is_lt).into(),
        Operator::LessOrEqual => order().map(Ordering::is_le).into(),
        Operator::Greater => order().map(Ordering::is_gt).into(),
        Operator::GreaterOrEqual => order().map(Ordering::is_ge).into(),
    }
}

/// Returns whether a number that is only known to be at least `least` has an order relative to the operand.
pub(super) fn is_certain(least: usize, operand: &Operand) -> bool {
    order_of_bound(least, operand).is_ok()
}

fn all_differ(nodes: &[&Json], operand: &Operand, texts: JsonTexts<'_>) -> Judgment {
    let mut judgment = Judgment::Met;
    for node in nodes {
        match equals_json(node, operand, texts) {
            Ok(true) => return Judgment::Unmet,
            Ok(false) => {}
            Err(reason) => judgment = Judgment::Incomparable(reason),
        }
    }
    judgment
}

fn equals(value: &ActualValue<'_>, operand: &Operand, texts: JsonTexts<'_>) -> Result<bool, Reason> {
    if let Some(json) = value.single() {
        return equals_json(json, operand, texts);
    }
    match (value, operand) {
        (ActualValue::Duration(nanos), Operand::Duration { nanos: expected, .. }) => Ok(nanos == expected),
        (ActualValue::AtLeast(least), _) => order_of_bound(*least, operand).map(Ordering::is_eq),
        (ActualValue::Text(header), _) => equals_text(header.body_text(), operand, equals_header),
        (ActualValue::Body(body), _) => equals_body(*body, operand),
        _ => Ok(false),
    }
}

fn order(value: &ActualValue<'_>, operand: &Operand, texts: JsonTexts<'_>) -> Result<Ordering, Reason> {
    if let Some(json) = value.single() {
        return match (json, operand) {
            (Json::Number(_), Operand::Number(expected)) => order_of_number(json, expected, texts),
            (Json::String(text), Operand::Number(_)) => order_of_text(&visible_string(text), operand),
            (Json::String(text), Operand::Duration { nanos, .. }) => order_of_text_duration(text, *nanos),
            (_, Operand::Duration { .. }) => Err(NOT_A_DURATION),
            _ => Err(NOT_A_NUMBER),
        };
    }
    match (value, operand) {
        (ActualValue::Duration(nanos), Operand::Duration { nanos: expected, .. }) => Ok(nanos.cmp(expected)),
        (ActualValue::AtLeast(least), _) => order_of_bound(*least, operand),
        (ActualValue::Text(header), _) => order_of_text(&visible_string(&header.text), operand),
        (ActualValue::Body(body), _) if body.has_streams() => {
            body.only(|part| order_of_part(part, operand).ok()).ok_or(NOT_ONE_STREAM)
        }
        (ActualValue::Body(body), _) => order_of_part(body.whole(), operand),
        _ => Err(NOT_ORDERED),
    }
}

/// Compares a body, or one of its output streams.
fn order_of_part(part: BodyText<'_>, operand: &Operand) -> Result<Ordering, Reason> {
    if let Some(reason) = part.why_unknown() {
        return Err(reason);
    }
    let order = |text: &[u8]| order_of_text(&String::from_utf8_lossy(text), operand);
    let mut certain = part.readings(Wanted::Text("")).filter(|reading| reading.doubt.is_none());
    certain.find_map(|reading| order(&reading.text).ok()).map_or_else(|| order(part.text()), Ok)
}

/// Compares a lower bound. The actual value can exceed it by an unknown amount.
fn order_of_bound(least: usize, operand: &Operand) -> Result<Ordering, Reason> {
    let Operand::Number(expected) = operand else { return Err(LOWER_BOUND) };
    let order = expected.compare_from(&least.to_string()).map_err(|HugeExponent| TOO_LARGE)?;
    order.filter(|order| order.is_gt()).ok_or(LOWER_BOUND)
}

fn order_of_text(text: &str, operand: &Operand) -> Result<Ordering, Reason> {
    match operand {
        Operand::Number(expected) => {
            expected.compare_from(text.trim()).map_err(|HugeExponent| TOO_LARGE)?.ok_or(NOT_A_NUMBER)
        }
        Operand::Duration { nanos, .. } => order_of_text_duration(text, *nanos),
        _ => Err(NOT_ORDERED),
    }
}

fn order_of_text_duration(text: &str, expected: Nanos) -> Result<Ordering, Reason> {
    duration::parse(text).map(|nanos| nanos.cmp(&expected)).map_err(|_| NOT_A_DURATION)
}

fn order_of_number(json: &Json, expected: &Decimal, texts: JsonTexts<'_>) -> Result<Ordering, Reason> {
    if let Some(order) = json.as_f64().filter(|_| json.is_f64()).and_then(|double| expected.clear_order(double)) {
        return Ok(order);
    }
    let text = scalar_text(json, texts).ok_or(INEXACT)?;
    expected.compare_from(&text).map_err(|HugeExponent| TOO_LARGE)?.ok_or(NOT_A_NUMBER)
}

fn equals_body(body: SearchedText<'_>, operand: &Operand) -> Result<bool, Reason> {
    let equals = |text: BodyText<'_>| equals_text(text, operand, equals_line);
    if body.has_streams()
        && matches!(operand, Operand::Number(_))
        && let Some(number) = body.only(|part| order_of_part(part, operand).is_ok().then_some(part))
    {
        return equals(number);
    }
    match equals(body.whole()) {
        Ok(false) if body.parts().any(|part| equals(part) != Ok(false)) => Err(IS_STREAM),
        outcome => outcome,
    }
}

/// Compares a text with an operand in all of its readings. `equals` compares one of them.
fn equals_text(
    text: BodyText<'_>,
    operand: &Operand,
    equals: fn(&str, &Operand) -> Result<bool, Reason>,
) -> Result<bool, Reason> {
    let word = operand.to_string();
    let mut outcome = Ok(false);
    for reading in text.readings(Wanted::Text(&word)) {
        let shown = if reading.is_visible { operand.visible() } else { Cow::Borrowed(operand) };
        match (equals(&String::from_utf8_lossy(&reading.text), &shown), reading.doubt) {
            (Ok(false), _) => {}
            (Ok(true), None) => return Ok(true),
            (Ok(true), Some(reason)) | (Err(reason), _) => outcome = outcome.and(Err(reason)),
        }
    }
    match text.search_written(Wanted::Text(&word)) {
        Found::Unclear(reason) => Err(reason),
        Found::Yes | Found::No => outcome.and_then(|_| text.why_unknown().map_or(Ok(false), Err)),
    }
}

/// Compares a text, and ignores the line ending of one line, such as `OK` or `42`.
fn equals_line(text: &str, operand: &Operand) -> Result<bool, Reason> {
    let text = text.trim();
    match operand {
        Operand::Number(expected) => match expected.compare_from(text) {
            Ok(Some(Ordering::Equal)) => Ok(true),
            Ok(_) => equals_word(text, operand),
            Err(HugeExponent) => Err(TOO_LARGE),
        },
        _ => equals_word(text, operand),
    }
}

/// Compares a header or the target of a redirect, or one of several values in it, such as `no-store, max-age=0` or
/// `text/html; charset=utf-8`.
fn equals_header(text: &str, operand: &Operand) -> Result<bool, Reason> {
    let word = operand.to_string();
    let parts = || text.split([',', ';']).map(str::trim).filter(|part| !part.is_empty());
    let is_same_word = |part: &str| part.to_lowercase() == word.trim().to_lowercase();
    match equals_word(text, operand) {
        Ok(false) if has_same_parts(text, &word) => Err(OTHER_NOTATION),
        Ok(false) if parts().any(|part| equals_word(part, operand) != Ok(false)) => Err(HAS_VALUE),
        Ok(false) if is_same_word(text.trim()) || parts().any(is_same_word) => Err(OTHER_CASE),
        outcome => outcome,
    }
}

/// Returns whether two headers have the same values and parameters, regardless of spaces, quotes and case.
fn has_same_parts(text: &str, word: &str) -> bool {
    let parts = |text: &str| {
        let parts = text.split([',', ';', '=']).map(|part| unquoted(part.trim()).trim().to_ascii_lowercase());
        parts.collect::<Vec<_>>()
    };
    word.contains([',', ';', '=']) && parts(text) == parts(word)
}

/// Compares a text with the operand as written. The result is an error if they differ only in their notation, or if the
/// text could mean the operand or is JSON that contains it.
fn equals_word(text: &str, operand: &Operand) -> Result<bool, Reason> {
    let word = operand.to_string();
    if text == word {
        return Ok(true);
    }
    let (text, word) = (unquoted(text.trim()), unquoted(word.trim()));
    let (text, word) = (visible_string(text.trim()), word.trim());
    let text = text.trim();
    let is_same_container = || parse_container(word).is_some_and(|expected| parse_container(text) == Some(expected));
    if text == word || has_same_value(text, operand) || is_same_container() {
        return Err(OTHER_NOTATION);
    }
    if text.starts_with(['[', '{']) && !word.is_empty() {
        return equals_container_text(text, operand);
    }
    likeness::of_text(text, operand).map_or(Ok(false), Err)
}

/// Compares the values in a text that is a JSON list or object. The text itself differs from the operand.
fn equals_container_text(text: &str, operand: &Operand) -> Result<bool, Reason> {
    if json_memory::is_too_large(text.as_bytes()) {
        return Err(json_memory::TOO_LARGE);
    }
    let Some(document) = Document::parse(text.as_bytes()) else { return Ok(false) };
    let doubles = |number: &Json| document.double_text(number);
    let mut outcomes = document.readings().map(|root| equals_json(root, operand, JsonTexts::new(&doubles, true)));
    outcomes.find(|outcome| *outcome != Ok(false)).map_or(Ok(false), |outcome| outcome.and(Err(HAS_VALUE)))
}

/// Returns the contents of a quoted string, or the text itself.
fn unquoted(text: &str) -> Cow<'_, str> {
    match serde_json::from_str(text) {
        Ok(Json::String(inside)) if text.starts_with('"') => Cow::Owned(inside),
        _ => {
            let inside = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
            Cow::Borrowed(inside.unwrap_or(text))
        }
    }
}

/// Parses a JSON list or object.
fn parse_container(text: &str) -> Option<Json> {
    if text.trim_start().starts_with(['[', '{']) { serde_json::from_str(text).ok() } else { None }
}

/// Returns whether a text is the same number or duration as an operand, in any notation.
fn has_same_value(text: &str, operand: &Operand) -> bool {
    match operand {
        Operand::Number(number) => {
            // A number that is too large to compare could be equal.
            matches!(number.compare_from(text.trim()), Ok(Some(Ordering::Equal)) | Err(HugeExponent))
        }
        Operand::Duration { nanos, .. } => duration::parse(&text.replace(char::is_whitespace, "")) == Ok(*nanos),
        Operand::Text(_) | Operand::Flag(_) | Operand::Null | Operand::Empty(_) => false,
    }
}

/// Returns whether a JSON value equals an operand. The result is an error if the types differ, but the value reads the
/// same, could mean the same, or contains the operand.
pub(super) fn equals_json(json: &Json, operand: &Operand, texts: JsonTexts<'_>) -> Result<bool, Reason> {
    match equals_as_written(json, operand, texts) {
        Ok(false) => likeness::of_json(json, operand, texts).map_or(Ok(false), Err),
        outcome => outcome,
    }
}

/// Returns whether a JSON value equals an operand. The result is an error if the types differ, but the value reads the
/// same or contains the operand.
pub(super) fn equals_as_written(json: &Json, operand: &Operand, texts: JsonTexts<'_>) -> Result<bool, Reason> {
    match (json, operand) {
        (Json::Number(_), Operand::Number(expected)) => order_of_number(json, expected, texts).map(Ordering::is_eq),
        (Json::String(text), Operand::Text(_) | Operand::Duration { .. }) => {
            equals_text(texts.read(text), operand, equals_word)
        }
        // Versions are often strings, so a string equals a number that is written the same way.
        (Json::String(text), Operand::Number(expected)) if *text == expected.to_string() => Ok(true),
        (Json::Bool(flag), Operand::Flag(expected)) => Ok(flag == expected),
        (Json::Null, Operand::Null) => Ok(true),
        (Json::Array(_) | Json::Object(_), _) => equals_container(json, operand, texts),
        _ if reads_the_same(json, operand, texts) => Err(SAME_READING),
        _ => Ok(false),
    }
}

/// Compares a list or an object, which equals no operand except `[]` and `{}`.
fn equals_container(container: &Json, operand: &Operand, texts: JsonTexts<'_>) -> Result<bool, Reason> {
    match (container, operand) {
        (_, Operand::Empty(word)) if equals_empty(container, word) != Ok(false) => equals_empty(container, word),
        (_, Operand::Text(text)) if parse_container(text).as_ref() == Some(container) => Err(SAME_READING),
        _ if only_value(container).is_some_and(|value| is_similar(value, operand, texts)) => Err(HAS_VALUE),
        _ if !can_be_inside(operand) => Ok(false),
        (Json::Object(members), _) if members.contains_key(&operand.to_string()) => Err(HAS_VALUE),
        (Json::Object(members), _) => equals_none(members.values(), operand, texts),
        (Json::Array(elements), _) => equals_none(elements.iter(), operand, texts),
        _ => Ok(false),
    }
}

/// Returns the value inside a list or an object that contains only one, at any depth.
fn only_value(container: &Json) -> Option<&Json> {
    let value = match container {
        Json::Array(elements) => elements.first().filter(|_| elements.len() == 1),
        Json::Object(members) => members.values().next().filter(|_| members.len() == 1),
        _ => None,
    };
    value.map(|value| only_value(value).unwrap_or(value))
}

/// Returns whether the only value of a list or an object could be the one that a comparison refers to. A list is not
/// empty because its value is.
fn is_similar(value: &Json, operand: &Operand, texts: JsonTexts<'_>) -> bool {
    let compare = if can_be_inside(operand) { equals_json } else { equals_as_written };
    compare(value, operand, texts) != Ok(false)
}

/// Returns whether a list or an object is the empty one that is written like this.
fn equals_empty(container: &Json, word: &str) -> Result<bool, Reason> {
    match container.to_string() {
        text if text == word => Ok(true),
        text if text == "[]" || text == "{}" => Err(BOTH_EMPTY),
        _ => Ok(false),
    }
}

/// Returns whether a comparison of a list or an object with this operand can refer to several values inside. A comparison
/// with `null`, a flag, an empty string, `[]` or `{}` asks whether there is a value at all.
fn can_be_inside(operand: &Operand) -> bool {
    match operand {
        Operand::Number(_) | Operand::Duration { .. } => true,
        Operand::Text(text) => !text.is_empty(),
        Operand::Flag(_) | Operand::Null | Operand::Empty(_) => false,
    }
}

/// Returns `false` if no inner value equals the operand or reads the same, and an error otherwise.
fn equals_none<'j>(
    mut values: impl Iterator<Item = &'j Json>,
    operand: &Operand,
    texts: JsonTexts<'_>,
) -> Result<bool, Reason> {
    let reason = values.find_map(|value| match equals_as_written(value, operand, texts) {
        Ok(false) => None,
        Ok(true) | Err(SAME_READING) => Some(HAS_VALUE),
        Err(reason) => Some(reason),
    });
    reason.map_or(Ok(false), Err)
}

/// Returns whether a scalar and an operand of different types have the same text, such as `"500"` and 500.
fn reads_the_same(scalar: &Json, operand: &Operand, texts: JsonTexts<'_>) -> bool {
    let word = operand.to_string();
    let Some(text) = scalar_text(scalar, texts) else { return Decimal::parse(word.trim()).is_some() };
    let text = visible_string(&text);
    let text = text.trim();
    let is_same_number =
        |word: &str| Decimal::parse(word).is_some_and(|number| has_same_value(text, &Operand::Number(number)));
    text.eq_ignore_ascii_case(word.trim()) || is_same_number(word.trim())
}
