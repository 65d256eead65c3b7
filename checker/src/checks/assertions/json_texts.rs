//! What is known about the text of the values in a JSON body.

use std::borrow::Cow;

use serde_json::Value as Json;

use crate::checks::body_text::{BodyText, TextFacts};

/// The facts about text that is certainly UTF-8.
static UTF_8: TextFacts = TextFacts { converted: None, compression: None, original: None, is_utf_8: true };

/// The text of the values in a JSON body.
#[derive(Clone, Copy)]
pub(super) struct JsonTexts<'a> {
    doubles: &'a dyn Fn(&Json) -> Option<&'a str>,
    is_utf_8: bool,
}

impl<'a> JsonTexts<'a> {
    /// Describes the values of a body. `doubles` returns the original text of a number that was read as a double, if it
    /// is known. `is_utf_8` is whether the charset of the body is certain.
    pub(super) fn new(doubles: &'a dyn Fn(&Json) -> Option<&'a str>, is_utf_8: bool) -> JsonTexts<'a> {
        JsonTexts { doubles, is_utf_8 }
    }

    /// Describes the values of a subject that is not JSON.
    pub(super) fn none() -> JsonTexts<'static> {
        JsonTexts::new(&|_| None, true)
    }

    pub(super) fn double(self, number: &Json) -> Option<&'a str> {
        (self.doubles)(number)
    }

    /// Returns a string in all of its readings.
    pub(super) fn read(self, text: &str) -> BodyText<'_> {
        BodyText::new(text.as_bytes(), Some(&UTF_8).filter(|_| self.is_utf_8))
    }
}

/// Returns the text of a scalar: strings without quotes, and numbers as in the body. Returns `None` if the exact number
/// is unknown.
pub(super) fn scalar_text<'s, 't: 's>(scalar: &'s Json, texts: JsonTexts<'t>) -> Option<Cow<'s, str>> {
    match scalar {
        Json::String(text) => Some(text.into()),
        Json::Number(number) if number.is_f64() => texts.double(scalar).map(Cow::Borrowed),
        other => Some(other.to_string().into()),
    }
}
