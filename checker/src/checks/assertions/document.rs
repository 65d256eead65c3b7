//! Parses a body as JSON, and finds the original text of its numbers.
//!
//! `serde_json` reads a number that is not a 64-bit integer as a double, and rejects a document that contains a number
//! beyond the range of doubles. Different numbers can become the same double, so comparisons that depend on the
//! difference use the original text.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::fmt;

use serde::Deserialize as _;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;
use serde_json::value::RawValue;
use serde_json_path::JsonPath;

use super::json_memory;
use super::json_tree::{self, KeptValue};

/// The largest double, which replaces the absolute value of numbers that are too large for a double.
const LARGEST: &[u8] = b"1.7976931348623157e308";

/// A JSON document, and the text that it was parsed from.
#[derive(Debug)]
pub(super) struct Document<'a> {
    pub(super) root: Json,
    text: &'a [u8],
    /// The numbers that were read as doubles, found on first use.
    doubles: OnceCell<Doubles<'a>>,
    repetition: Option<Repetition>,
}

/// The alternative reading of a document in which an object repeats a key with different values.
#[derive(Debug)]
struct Repetition {
    /// The repeated keys. This list is never empty.
    keys: Vec<String>,
    /// The tree with the first value of each key, or `None` if it would take too much memory.
    first: Option<Json>,
}

/// The maximum memory for the second tree of a document, in bytes.
const SECOND_TREE_LIMIT: usize = 8 << 20;

/// The original text of each number that was read as a double, by the address of its value in a tree. `None` if the
/// number is the value of a repeated key, and was written in different ways.
type Doubles<'a> = HashMap<usize, Option<&'a str>>;

impl<'a> Document<'a> {
    /// Parses a document, with or without a byte order mark. Returns `None` if it is not JSON.
    pub(super) fn parse(text: &'a [u8]) -> Option<Document<'a>> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let parse = |kept| {
            let tree = json_tree::parse(text, kept).or_else(|error| {
                let is_range_error = error.to_string().starts_with("number out of range");
                if is_range_error { json_tree::parse(&with_smaller_numbers(text), kept) } else { Err(error) }
            });
            tree.ok()
        };
        let (root, keys) = parse(KeptValue::Last)?;
        let repetition = (!keys.is_empty()).then(|| {
            let fits = json_memory::estimate(text) <= SECOND_TREE_LIMIT;
            Repetition { keys, first: fits.then(|| parse(KeptValue::First)).flatten().map(|(first, _)| first) }
        });
        Some(Document { root, text, doubles: OnceCell::new(), repetition })
    }

    /// Returns whether a text is JSON.
    pub(super) fn is_json(text: &[u8]) -> bool {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        serde_json::from_slice::<IgnoredAny>(text).is_ok()
    }

    /// Returns the document, and its alternative reading.
    pub(super) fn readings(&self) -> impl Iterator<Item = &Json> {
        let first = self.repetition.as_ref().and_then(|repetition| repetition.first.as_ref());
        std::iter::once(&self.root).chain(first)
    }

    /// Returns a repeated key that makes the values at a path ambiguous. Returns `None` if they are unambiguous.
    pub(super) fn repeated_key(&self, path: &JsonPath, path_text: &str) -> Option<&str> {
        let Repetition { keys, first } = self.repetition.as_ref()?;
        if first.as_ref().is_some_and(|first| path.query(first).all() == path.query(&self.root).all()) {
            return None;
        }
        keys.iter().find(|key| path_text.contains(key.as_str())).or(keys.first()).map(String::as_str)
    }

    /// Returns the original text of a number that was read as a double. Returns `None` for other values, or if the text
    /// is unknown.
    pub(super) fn double_text(&self, value: &Json) -> Option<&'a str> {
        let read = || {
            let mut texts = HashMap::new();
            for root in self.readings() {
                let tree = Tree { value: Some(root), texts: &mut texts };
                if tree.deserialize(&mut serde_json::Deserializer::from_slice(self.text)).is_err() {
                    return HashMap::new();
                }
            }
            texts
        };
        self.doubles.get_or_init(read).get(&address(value)).copied().flatten()
    }

    /// Returns the original text of a number, or an empty string if it is unknown.
    pub(super) fn number_text(&self, value: &Json) -> String {
        match value {
            Json::Number(number) if number.is_f64() => self.double_text(value).unwrap_or_default().to_owned(),
            value => value.to_string(),
        }
    }
}

/// Returns a value's address, which is its key in [`Doubles`]. The tree is neither modified nor moved while these keys
/// are in use.
fn address(value: &Json) -> usize {
    std::ptr::from_ref(value).addr()
}

/// Replaces numbers that are too large for a double with the largest double of the same sign.
fn with_smaller_numbers(text: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.first() {
        let length = match first {
            b'"' => string_length(rest),
            b'-' | b'0'..=b'9' => rest.iter().take_while(|byte| b"0123456789.eE+-".contains(byte)).count(),
            _ => 1,
        };
        let (token, after) = rest.split_at(length);
        let number = std::str::from_utf8(token).ok().and_then(|token| token.parse::<f64>().ok());
        if number.is_some_and(f64::is_infinite) && serde_json::from_slice::<&RawValue>(token).is_ok() {
            replaced.extend(token.first().filter(|sign| **sign == b'-'));
            replaced.extend_from_slice(LARGEST);
        } else {
            replaced.extend_from_slice(token);
        }
        rest = after;
    }
    replaced
}

/// Returns the length of the string at the start of the text, including its quotes.
fn string_length(text: &[u8]) -> usize {
    let mut is_escaped = false;
    for (at, byte) in text.iter().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A part of a parsed tree. It guides a second pass over the text, which finds the original text of numbers. If an object
/// repeats a key, the text can have another structure than the tree.
struct Tree<'t, 'n, 'a> {
    /// The value in the tree, or `None` if the tree does not contain this part of the text.
    value: Option<&'t Json>,
    texts: &'n mut Doubles<'a>,
}

impl<'a> DeserializeSeed<'a> for Tree<'_, '_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, text: D) -> Result<(), D::Error> {
        match self.value {
            Some(value) if value.is_f64() => {
                let text = <&RawValue>::deserialize(text)?.get();
                let known = self.texts.entry(address(value)).or_insert(Some(text));
                *known = known.filter(|known| *known == text);
                Ok(())
            }
            Some(Json::Array(_) | Json::Object(_)) => text.deserialize_any(self),
            _ => IgnoredAny::deserialize(text).map(drop),
        }
    }
}

impl<'a> Visitor<'a> for Tree<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the values of the parsed document")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut elements: A) -> Result<(), A::Error> {
        let mut values = self.value.and_then(Json::as_array).into_iter().flatten();
        while elements.next_element_seed(Tree { value: values.next(), texts: self.texts })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'a>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(key) = members.next_key::<String>()? {
            let value = self.value.and_then(|value| value.get(&key));
            members.next_value_seed(Tree { value, texts: self.texts })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::assertions::document::*;

    #[test]
    fn doubles_keep_their_text() {
        let text = br#"{"b":[1,2.50,{"c":0.1000000000000000000001}],"a":1e400,"\u0061b":-1E+999,"s":"1e999\"","i":-3}"#;
        let document = Document::parse(text).expect("it is JSON");
        let text = |pointer: &str| document.double_text(document.root.pointer(pointer).expect(pointer));
        for (pointer, expected) in [
            ("/b/0", None),
            ("/b/1", Some("2.50")),
            ("/b/2/c", Some("0.1000000000000000000001")),
            ("/a", Some("1e400")),
            ("/ab", Some("-1E+999")),
            ("/s", None),
            ("/i", None),
        ] {
            assert_eq!(text(pointer), expected, "{pointer}");
        }
        assert_eq!(document.root["s"], "1e999\"");
        assert_eq!(document.root["ab"], -f64::MAX);
    }

    #[test]
    fn only_repeated_numbers_with_different_texts_are_unknown() {
        let body = br#"{"a":1.5,"same":{"x":2.50},"a":2.5,"b":[0.1],"c":0.25,"same":{"x":2.50},"b":[0.10,7.5],"d":0.5,
            "d":"x","e":{"f":1},"e":[3.5]}"#;
        let document = Document::parse(body).expect("it is JSON");
        let text = |root: &Json, pointer: &str| document.double_text(root.pointer(pointer).expect(pointer));
        let readings: Vec<&Json> = document.readings().collect();
        for (pointer, expected) in [
            ("/a", None),
            ("/same/x", Some("2.50")),
            ("/b/0", None),
            ("/b/1", Some("7.5")),
            ("/c", Some("0.25")),
            ("/e/0", Some("3.5")),
        ] {
            assert_eq!(text(readings[0], pointer), expected, "{pointer}");
        }
        for (pointer, expected) in [("/a", None), ("/c", Some("0.25")), ("/d", None), ("/same/x", Some("2.50"))] {
            assert_eq!(text(readings[1], pointer), expected, "{pointer} in the other reading");
        }
    }

    #[test]
    fn a_repeated_key_affects_the_paths_that_select_it() {
        let body = br#"{"up":true,"a":{"b":1,"c":2},"list":[{"d":1}],"a":{"b":1,"c":3},"list":[{"d":1,"d":1}]}"#;
        let document = Document::parse(body).expect("it is JSON");
        for (path, key) in [
            ("$.up", None),
            ("$.a.b", None),
            ("$.missing", None),
            ("$.list[0].d", None),
            ("$.a.c", Some("a")),
            ("$.a", Some("a")),
            ("$", Some("a")),
            ("$..c", Some("a")),
            ("$[?@.c == 3].b", Some("a")),
        ] {
            let compiled = JsonPath::parse(path).expect(path);
            assert_eq!(document.repeated_key(&compiled, path), key, "{path}");
        }
        let large = format!(r#"{{"a":1,"a":2,"b":[{}0]}}"#, "0,".repeat(200_000));
        let document = Document::parse(large.as_bytes()).expect("it is JSON");
        let path = JsonPath::parse("$.b[0]").expect("a path");
        assert_eq!(document.repeated_key(&path, "$.b[0]"), Some("a"), "a second tree would be too large");
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert!(Document::parse(b"\xef\xbb\xbf{}").is_some());
        for invalid in [&b"\xef\xbb\xbf"[..], b"1e400x", b"{\"a\":1e400", b"01e400", b"[1e400,01e400]"] {
            assert!(Document::parse(invalid).is_none(), "{invalid:?}");
        }
    }
}
