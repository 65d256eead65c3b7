//! Reads JSON into a tree of values.
//!
//! The parser accepts exactly what RFC 8259 allows. Numbers remain text until a caller asks for an integer, so
//! timestamps in nanoseconds keep every digit. To write JSON, use `json_writer` or `serde_json`.

use std::borrow::Cow;

use hifijson::num::LexWrite as _;
use hifijson::str::LexAlloc as _;
use hifijson::token::Lex as _;
use hifijson::{Error, Expect, SliceLexer, str};

/// The maximum nesting depth of arrays and objects. Our formats need 6, and hostile input must not exhaust the stack.
const DEPTH_LIMIT: usize = 64;

/// A JSON value. Strings without escapes borrow from the input text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json<'t> {
    /// `null`, which [`Json::get`] treats like a missing member.
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number exactly as written in the text.
    Number(&'t str),
    /// A string with all escapes resolved.
    String(Cow<'t, str>),
    /// The elements of an array, in document order.
    Array(Vec<Json<'t>>),
    /// The members of an object, in document order.
    Object(Vec<(Cow<'t, str>, Json<'t>)>),
}

/// An error for text that is not valid JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at line {line} column {column}")]
pub struct JsonError {
    problem: &'static str,
    /// The line number, counted from 1.
    line: usize,
    /// The column in characters (not bytes), counted from 1.
    column: usize,
}

/// An error for a member of an unexpected type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` must be {expected}")]
pub struct UnexpectedType {
    key: String,
    expected: &'static str,
}

/// Why parsing ended early.
enum Stop {
    Invalid(Error),
    /// The input exceeds a limit set by the caller. The text describes the limit.
    Limit(&'static str),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Invalid(error)
    }
}

impl From<Expect> for Stop {
    fn from(expected: Expect) -> Stop {
        Stop::Invalid(expected.into())
    }
}

/// Parses JSON text. Values nested deeper than [`DEPTH_LIMIT`] are an error.
pub fn parse(text: &str) -> Result<Json<'_>, JsonError> {
    let mut unlimited = usize::MAX;
    read(text, |next, lexer| Ok(read_value(DEPTH_LIMIT, &mut unlimited, next, lexer)?))
}

/// Parses a JSON array and passes each element to `take`, without keeping the whole array in memory. Parsing ends at an
/// error from `take` or at an element with more than `values_limit` values.
///
/// If there is an error, the elements before it have already been passed.
pub fn each_element<'t>(
    text: &'t str,
    values_limit: usize,
    take: &mut dyn FnMut(Json<'t>) -> Result<(), &'static str>,
) -> Result<(), JsonError> {
    read(text, |next, lexer| {
        if next != b'[' {
            return Err(Expect::Value.into());
        }
        lexer.discarded().seq(b']', SliceLexer::ws_peek, |next, lexer| {
            let mut values_left = values_limit;
            let element = read_value(DEPTH_LIMIT - 1, &mut values_left, next, lexer).map_err(|error| {
                let is_too_large = values_left == 0 && error == Error::Depth;
                if is_too_large { Stop::Limit("an element with too many values") } else { error.into() }
            })?;
            take(element).map_err(Stop::Limit)
        })
    })
}

/// Reads a JSON object and passes each key, with the text of its value, to `take`. The values themselves are not
/// parsed, so an invalid value does not affect the others.
///
/// If there is an error, the members before it have already been passed.
pub fn each_member<'t>(text: &'t str, take: &mut dyn FnMut(Cow<'t, str>, &'t str)) -> Result<(), JsonError> {
    read(text, |next, lexer| {
        if next != b'{' {
            return Err(Expect::Value.into());
        }
        lexer.discarded().seq(b'}', SliceLexer::ws_peek, |next, lexer| {
            let name = read_key(next, lexer)?;
            lexer.ws_peek().ok_or(Expect::Value)?;
            let start = text.len() - lexer.as_slice().len();
            let length = length_of_value(lexer.as_slice()).ok_or(Expect::ValueOrEnd)?;
            if length == 0 {
                return Err(Expect::Value.into());
            }
            *lexer = SliceLexer::new(&text.as_bytes()[start + length..]);
            // An ASCII character precedes and follows each value, so both ends are character boundaries.
            take(name, text.get(start..start + length).unwrap_or_default());
            Ok(())
        })
    })
}

/// Returns the length in bytes of the value at the start of the text, or `None` if its brackets are not closed. This
/// does not recurse, so it works at any depth.
fn length_of_value(text: &[u8]) -> Option<usize> {
    let (mut depth, mut is_string) = (0_usize, false);
    let mut bytes = text.iter().enumerate();
    while let Some((index, byte)) = bytes.next() {
        match byte {
            b'\\' if is_string => {
                bytes.next();
            }
            b'"' => {
                is_string = !is_string;
                if !is_string && depth == 0 {
                    return Some(index + 1);
                }
            }
            _ if is_string => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' if depth > 1 => depth -= 1,
            b']' | b'}' if depth == 1 => return Some(index + 1),
            b']' | b'}' | b',' | b' ' | b'\t' | b'\r' | b'\n' if depth == 0 => return Some(index),
            _ => {}
        }
    }
    None
}

fn read<'t, T>(
    text: &'t str,
    read_value: impl FnOnce(u8, &mut SliceLexer<'t>) -> Result<T, Stop>,
) -> Result<T, JsonError> {
    let mut lexer = SliceLexer::new(text.as_bytes());
    let value = lexer.exactly_one(SliceLexer::ws_peek, read_value);
    value.map_err(|stop| JsonError::new(&stop, text, text.len() - lexer.as_slice().len()))
}

/// Reads a value. `values_left` limits the number of values in it, including the value itself.
fn read_value<'t>(
    depth: usize,
    values_left: &mut usize,
    next: u8,
    lexer: &mut SliceLexer<'t>,
) -> Result<Json<'t>, Error> {
    let depth = depth.checked_sub(1).ok_or(Error::Depth)?;
    *values_left = values_left.checked_sub(1).ok_or(Error::Depth)?;
    Ok(match next {
        b'"' => Json::String(lexer.discarded().str_string()?),
        b'-' | b'0'..=b'9' => Json::Number(lexer.num_string().validated()?.0),
        b'a'..=b'z' => lexer.null_or_bool().ok_or(Expect::Value)?.map_or(Json::Null, Json::Bool),
        b'[' => {
            let mut elements = Vec::new();
            lexer.discarded().seq(b']', SliceLexer::ws_peek, |next, lexer| {
                elements.push(read_value(depth, values_left, next, lexer)?);
                Ok::<_, Error>(())
            })?;
            Json::Array(elements)
        }
        b'{' => {
            let mut members = Vec::new();
            lexer.discarded().seq(b'}', SliceLexer::ws_peek, |next, lexer| {
                let name = read_key(next, lexer)?;
                let next = lexer.ws_peek().ok_or(Expect::Value)?;
                members.push((name, read_value(depth, values_left, next, lexer)?));
                Ok::<_, Error>(())
            })?;
            Json::Object(members)
        }
        _ => return Err(Expect::Value.into()),
    })
}

/// Reads a key and the colon after it.
fn read_key<'t>(next: u8, lexer: &mut SliceLexer<'t>) -> Result<Cow<'t, str>, Error> {
    lexer.expect(|_| Some(next), b'"').ok_or(Expect::String)?;
    let name = lexer.str_string()?;
    lexer.expect(SliceLexer::ws_peek, b':').ok_or(Expect::Colon)?;
    Ok(name)
}

impl JsonError {
    fn new(stop: &Stop, text: &str, offset: usize) -> JsonError {
        let before = text.get(..text.floor_char_boundary(offset)).unwrap_or(text);
        let line = before.rsplit_once('\n').map_or(before, |(_, line)| line);
        JsonError {
            problem: match stop {
                Stop::Invalid(error) => describe(error),
                Stop::Limit(problem) => problem,
            },
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: line.chars().count() + 1,
        }
    }
}

fn describe(error: &Error) -> &'static str {
    match error {
        Error::Depth => "arrays and objects are nested too deeply",
        Error::Num(_) => "expected a digit",
        Error::Str(str::Error::Eof) => "unterminated string",
        Error::Str(str::Error::Control) => "unescaped control character",
        Error::Str(str::Error::Escape(_)) => "invalid escape",
        Error::Str(str::Error::Utf8(_)) => "invalid UTF-8",
        Error::Token(Expect::Value) => "expected a value",
        Error::Token(Expect::ValueOrEnd) => "unterminated array or object",
        Error::Token(Expect::CommaOrEnd) => "expected `,` or the end of the array or object",
        Error::Token(Expect::String) => "expected a key in quotes",
        Error::Token(Expect::Colon) => "expected `:`",
        Error::Token(Expect::Eof) => "expected the end of the text",
    }
}

impl<'t> Json<'t> {
    /// Returns a member's value unless it is `null`. If a key is repeated, the last one takes precedence, as in
    /// browsers and Go.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Json<'t>> {
        let Json::Object(members) = self else { return None };
        let found = members.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value);
        found.filter(|value| **value != Json::Null)
    }

    /// Returns the value if it is an integer that fits into `i64`.
    #[must_use]
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Json::Number(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    /// Returns the member as a string, or `None` if it is missing.
    pub fn string(&self, key: &str) -> Result<Option<&str>, UnexpectedType> {
        self.member(key, "a string", |value| if let Json::String(text) = value { Some(&**text) } else { None })
    }

    /// Returns the member as an integer, or `None` if it is missing.
    pub fn integer(&self, key: &str) -> Result<Option<i64>, UnexpectedType> {
        self.member(key, "an integer", Json::as_integer)
    }

    /// Returns whether the member is `true`. A missing member counts as `false`.
    pub fn bool(&self, key: &str) -> Result<bool, UnexpectedType> {
        let value =
            self.member(key, "`true` or `false`", |value| if let Json::Bool(is) = value { Some(*is) } else { None });
        Ok(value?.unwrap_or(false))
    }

    /// Returns the member's elements, or an empty slice if the member is missing.
    pub fn array(&self, key: &str) -> Result<&[Json<'t>], UnexpectedType> {
        let array =
            self.member(key, "an array", |value| if let Json::Array(array) = value { Some(&**array) } else { None });
        Ok(array?.unwrap_or_default())
    }

    fn member<'j, T>(
        &'j self,
        key: &str,
        expected: &'static str,
        convert: impl Fn(&'j Json<'t>) -> Option<T>,
    ) -> Result<Option<T>, UnexpectedType> {
        match self.get(key) {
            None => Ok(None),
            Some(value) => convert(value).map(Some).ok_or_else(|| UnexpectedType { key: key.to_owned(), expected }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn normalized(value: &serde_json::Value) -> String {
        value.to_string()
    }

    fn to_value(value: &Json<'_>) -> serde_json::Value {
        match value {
            Json::Null => serde_json::Value::Null,
            Json::Bool(flag) => (*flag).into(),
            Json::Number(digits) => serde_json::from_str(digits).expect("a number"),
            Json::String(text) => text.as_ref().into(),
            Json::Array(elements) => elements.iter().map(to_value).collect(),
            Json::Object(members) => serde_json::Value::Object(
                members.iter().map(|(name, value)| (name.to_string(), to_value(value))).collect(),
            ),
        }
    }

    fn any_value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            // Eighths have an exact decimal representation.
            any::<i32>().prop_map(|eighths| (f64::from(eighths) / 8.0).into()),
            "[\u{0}-\u{10ffff}]{0,12}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::btree_map("[a-z\"\\\\\n☃]{0,4}", inner, 0..6)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn errors_name_the_problem_and_the_position() {
        for (text, expected) in [
            ("", "expected a value at line 1 column 1"),
            ("{\n \"a\": 1,,}", "expected a key in quotes at line 2 column 9"),
            ("[1 2]", "expected `,` or the end of the array or object at line 1 column 4"),
            ("{\"a\" 1}", "expected `:` at line 1 column 6"),
            ("{\"ä\":1", "expected `,` or the end of the array or object at line 1 column 7"),
            ("\"a", "unterminated string at line 1 column 3"),
            ("\"\\x\"", "invalid escape at line 1 column 4"),
            ("\"\\ud800\"", "invalid escape at line 1 column 8"),
            ("\"\u{1}\"", "unescaped control character at line 1 column 3"),
            ("1 1", "expected the end of the text at line 1 column 3"),
        ] {
            assert_eq!(parse(text).expect_err(text).to_string(), expected, "{text}");
        }
        let deep = "[".repeat(100_000);
        assert!(parse(&deep).expect_err("too deep").to_string().contains("nested too deeply"));
    }

    #[test]
    fn integers_keep_every_digit() {
        let value = parse(r#"{"a":1795330254340493978,"b":1.0,"c":1e3,"d":9223372036854775808,"e":-7,"f":null}"#)
            .expect("JSON");
        assert_eq!(value.integer("a"), Ok(Some(1_795_330_254_340_493_978)));
        assert_eq!(value.integer("e"), Ok(Some(-7)));
        assert_eq!((value.integer("f"), value.integer("g")), (Ok(None), Ok(None)));
        for key in ["b", "c", "d"] {
            assert_eq!(value.integer(key).expect_err(key).to_string(), format!("`{key}` must be an integer"));
        }
    }

    #[test]
    fn each_member_stops_at_an_error() {
        let members = |text: &'static str| {
            let mut members = Vec::new();
            let end = each_member(text, &mut |name, value| members.push((name, value)));
            (members, end.map_err(|error| error.to_string()))
        };
        let a = (Cow::Borrowed("a"), "1");
        assert_eq!(members(" {\"a\": 1, \"b\": null} "), (vec![a.clone(), (Cow::Borrowed("b"), "null")], Ok(())));
        assert_eq!(members("{\"a\":1,"), (vec![a.clone()], Err("expected a value at line 1 column 8".to_owned())));
        assert_eq!(members("{\"a\":1}}"), (vec![a], Err("expected the end of the text at line 1 column 8".to_owned())));
        assert_eq!(members("[]"), (vec![], Err("expected a value at line 1 column 1".to_owned())));
    }

    #[test]
    fn an_invalid_member_does_not_affect_the_others() {
        let deep = ["[".repeat(100_000), "]".repeat(100_000)].concat();
        let text = format!(r#"{{"a":[1}},"b":{deep},"c":{{"x":"]}}\"\\"}},"d":nonsense , "é":"}},"}}"#);
        let mut members = Vec::new();
        each_member(&text, &mut |name, value| members.push((name.into_owned(), value))).expect("an object");
        let expected = [("a", "[1}"), ("b", &deep), ("c", r#"{"x":"]}\"\\"}"#), ("d", "nonsense"), ("é", "\"},\"")];
        let members: Vec<(&str, &str)> = members.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        assert_eq!(members, expected);
        for unclosed in ["{\"a\":[1", "{\"a\":\"x", "{\"a\":1", "{\"a\":}", "{\"a\":,\"b\":1}"] {
            assert!(each_member(unclosed, &mut |_, _| {}).is_err(), "{unclosed}");
        }
    }

    #[test]
    fn elements_are_passed_until_a_limit() {
        let elements = |text: &str, values_limit, count: usize| {
            let mut elements = 0;
            let end = each_element(text, values_limit, &mut |_| {
                elements += 1;
                if elements > count { Err("too many elements") } else { Ok(()) }
            });
            (elements, end.map_err(|error| error.to_string()))
        };
        assert_eq!(elements("[1, [2, 3], {}]", 3, 3), (3, Ok(())));
        assert_eq!(elements("[1,2]", 1, 1), (2, Err("too many elements at line 1 column 5".to_owned())));
        let many = "an element with too many values at line 1 column 9";
        assert_eq!(elements("[1, [2, 3], {}]", 2, 3), (1, Err(many.to_owned())));
        assert_eq!(
            elements("[1, 2", 1, 3).1,
            Err("expected `,` or the end of the array or object at line 1 column 6".to_owned())
        );
        assert!(elements("{}", 1, 1).1.is_err());
    }

    #[test]
    fn the_last_of_several_equal_keys_counts() {
        assert_eq!(parse(r#"{"a":1,"a":2}"#).expect("JSON").integer("a"), Ok(Some(2)));
    }

    proptest! {
        #[test]
        fn it_agrees_with_serde_json_on_valid_text(value in any_value()) {
            for text in [value.to_string(), format!("{value:#}")] {
                prop_assert_eq!(normalized(&to_value(&parse(&text).expect("it is JSON"))), normalized(&value));
            }
        }

        #[test]
        fn it_rejects_what_serde_json_rejects(text in "[\\[\\]{}\",:0-9eE+.a\\\\untrlfs -]{0,12}") {
            let own = parse(&text).map(|value| normalized(&to_value(&value)));
            let reference = serde_json::from_str::<serde_json::Value>(&text).map(|value| normalized(&value));
            // Numbers that are too large for a float are valid JSON.
            let is_too_large = reference.as_ref().is_err_and(|error| error.to_string().contains("out of range"));
            prop_assert!(is_too_large || own.ok() == reference.ok(), "{}", text);
        }
    }
}
