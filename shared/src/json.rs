//! JSON as text becomes JSON as values, for everything that is read here. Small, since the page carries it to every
//! visitor; [`crate::json_writer`] and `serde_json` write.
//!
//! It takes what RFC 8259 allows and nothing else. Numbers stay text until somebody asks for an integer, so that
//! nanoseconds keep every digit.

use std::borrow::Cow;

/// How deep arrays and objects may be nested: our formats need 6, and a hostile text must not exhaust the stack.
const DEPTH_LIMIT: usize = 64;

/// A value; texts without escapes are borrowed from what was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json<'t> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number as it was written.
    Number(&'t str),
    /// A text, its escapes resolved.
    String(Cow<'t, str>),
    /// An array.
    Array(Vec<Json<'t>>),
    /// An object's members in the order they were written.
    Object(Vec<(Cow<'t, str>, Json<'t>)>),
}

/// The text is not JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{wrong} at line {line} column {column}")]
pub struct JsonError {
    wrong: &'static str,
    /// The line, from 1.
    line: usize,
    /// The column in characters, from 1.
    column: usize,
}

/// A member has another type than it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` is no {expected}")]
pub struct UnexpectedType {
    key: String,
    expected: &'static str,
}

/// Reads a JSON text.
pub fn parse(text: &str) -> Result<Json<'_>, JsonError> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(DEPTH_LIMIT).and_then(|value| reader.end().map(|()| value));
    value.map_err(|wrong| reader.place(wrong))
}

/// Reads a JSON text that is an object, and hands out one member after the other, so that never all of them are in
/// memory; those before a fault are handed out, too.
pub fn each_member<'t>(text: &'t str, mut take: impl FnMut(Cow<'t, str>, Json<'t>)) -> Result<(), JsonError> {
    let mut reader = Reader { text, at: 0 };
    reader.skip_space();
    let read = if reader.peek() == Some(b'{') {
        let members = reader.sequence(b'}', "expected `,` or `}`", |reader| {
            let (name, value) = reader.member(DEPTH_LIMIT)?;
            take(name, value);
            Ok(())
        });
        members.and_then(|()| reader.end())
    } else {
        Err("expected an object")
    };
    read.map_err(|wrong| reader.place(wrong))
}

impl<'t> Json<'t> {
    /// The member of that name: the last of several, as browsers and Go have it; `None` if there is none, or if it is
    /// `null`, or if this is no object.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Json<'t>> {
        let Json::Object(members) = self else { return None };
        let found = members.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value);
        found.filter(|value| **value != Json::Null)
    }

    /// The integer, if this is one that fits.
    #[must_use]
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Json::Number(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    /// The member as a text; `None` where there is none.
    pub fn string(&self, key: &str) -> Result<Option<&str>, UnexpectedType> {
        self.read(key, "text", |value| if let Json::String(text) = value { Some(&**text) } else { None })
    }

    /// The member as an integer; `None` where there is none.
    pub fn integer(&self, key: &str) -> Result<Option<i64>, UnexpectedType> {
        self.read(key, "integer", Json::as_integer)
    }

    /// Whether the member is `true`; a missing one is not.
    pub fn bool(&self, key: &str) -> Result<bool, UnexpectedType> {
        let flag =
            self.read(key, "`true` or `false`", |value| if let Json::Bool(flag) = value { Some(*flag) } else { None });
        Ok(flag?.unwrap_or(false))
    }

    /// The member's elements; none where there is no such member.
    pub fn array(&self, key: &str) -> Result<&[Json<'t>], UnexpectedType> {
        let array = self.read(key, "array", |value| if let Json::Array(array) = value { Some(&**array) } else { None });
        Ok(array?.unwrap_or_default())
    }

    fn read<'j, T>(
        &'j self,
        key: &str,
        expected: &'static str,
        as_type: impl Fn(&'j Json<'t>) -> Option<T>,
    ) -> Result<Option<T>, UnexpectedType> {
        match self.get(key) {
            None => Ok(None),
            Some(value) => as_type(value).map(Some).ok_or_else(|| UnexpectedType { key: key.to_owned(), expected }),
        }
    }
}

/// What is still to be read.
struct Reader<'t> {
    text: &'t str,
    /// The next byte; always at a character's beginning.
    at: usize,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn end(&mut self) -> Result<(), &'static str> {
        self.skip_space();
        if self.at == self.text.len() { Ok(()) } else { Err("expected nothing more") }
    }

    /// What is wrong, and that it is wrong here.
    fn place(&self, wrong: &'static str) -> JsonError {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        JsonError {
            wrong,
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// Takes that byte if it comes next, after any space.
    fn take(&mut self, byte: u8) -> bool {
        self.skip_space();
        let here = self.peek() == Some(byte);
        self.at += usize::from(here);
        here
    }

    fn value(&mut self, depth: usize) -> Result<Json<'t>, &'static str> {
        if depth == 0 {
            return Err("nested too deep");
        }
        self.skip_space();
        match self.peek() {
            Some(b'{') => {
                let mut members = Vec::new();
                self.sequence(b'}', "expected `,` or `}`", |reader| {
                    members.push(reader.member(depth)?);
                    Ok(())
                })?;
                Ok(Json::Object(members))
            }
            Some(b'[') => {
                let mut elements = Vec::new();
                self.sequence(b']', "expected `,` or `]`", |reader| {
                    elements.push(reader.value(depth - 1)?);
                    Ok(())
                })?;
                Ok(Json::Array(elements))
            }
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                let words = [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))];
                let rest = &self.text[self.at..];
                let found = words.into_iter().find(|(word, _)| rest.starts_with(word));
                let (word, value) = found.ok_or("expected a value")?;
                self.at += word.len();
                Ok(value)
            }
        }
    }

    fn member(&mut self, depth: usize) -> Result<(Cow<'t, str>, Json<'t>), &'static str> {
        self.skip_space();
        let name = self.string()?;
        if !self.take(b':') {
            return Err("expected `:`");
        }
        Ok((name, self.value(depth - 1)?))
    }

    /// Reads what stands between brackets, which are one byte each, with commas between.
    fn sequence(
        &mut self,
        end: u8,
        expected: &'static str,
        mut one: impl FnMut(&mut Self) -> Result<(), &'static str>,
    ) -> Result<(), &'static str> {
        self.at += 1;
        if self.take(end) {
            return Ok(());
        }
        loop {
            one(self)?;
            if self.take(end) {
                return Ok(());
            }
            if !self.take(b',') {
                return Err(expected);
            }
        }
    }

    fn digits(&mut self) -> Result<(), &'static str> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { Err("expected a digit") } else { Ok(()) }
    }

    fn number(&mut self) -> Result<Json<'t>, &'static str> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(Json::Number(&self.text[start..self.at]))
    }

    fn string(&mut self) -> Result<Cow<'t, str>, &'static str> {
        if self.peek() != Some(b'"') {
            return Err("expected `\"`");
        }
        self.at += 1;
        let mut start = self.at;
        let mut resolved = String::new();
        loop {
            match self.peek() {
                None => return Err("a text without end"),
                Some(b'"') => {
                    let last = &self.text[start..self.at];
                    self.at += 1;
                    if resolved.is_empty() {
                        return Ok(Cow::Borrowed(last));
                    }
                    resolved.push_str(last);
                    return Ok(Cow::Owned(resolved));
                }
                Some(b'\\') => {
                    resolved.push_str(&self.text[start..self.at]);
                    self.at += 1;
                    resolved.push(self.escape()?);
                    start = self.at;
                }
                Some(0..0x20) => return Err("a control character in a text"),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<char, &'static str> {
        let escape = self.peek();
        let character = match escape {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'u') => {
                self.at += 1;
                return self.code_point();
            }
            _ => return Err("an unknown escape"),
        };
        self.at += 1;
        Ok(character)
    }

    /// Reads four hexadecimal digits, and four more where they are the first half of a character.
    fn code_point(&mut self) -> Result<char, &'static str> {
        const LONE: &str = "half of a surrogate pair";
        let mut code = self.four_digits()?;
        if (0xd800..0xdc00).contains(&code) {
            if !self.text[self.at..].starts_with("\\u") {
                return Err(LONE);
            }
            self.at += 2;
            let low = self.four_digits()?;
            if !(0xdc00..0xe000).contains(&low) {
                return Err(LONE);
            }
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        }
        char::from_u32(code).ok_or(LONE)
    }

    fn four_digits(&mut self) -> Result<u32, &'static str> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            code = code * 16 + digit.ok_or("expected four hexadecimal digits")?;
            self.at += 1;
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The same value as the reference reader has it.
    fn of(value: &serde_json::Value) -> String {
        value.to_string()
    }

    /// A value written out with its members sorted and the last of several kept, as the reference writer does it.
    fn written(value: &Json<'_>) -> serde_json::Value {
        match value {
            Json::Null => serde_json::Value::Null,
            Json::Bool(flag) => (*flag).into(),
            Json::Number(digits) => serde_json::from_str(digits).expect("a number"),
            Json::String(text) => text.as_ref().into(),
            Json::Array(elements) => elements.iter().map(written).collect(),
            Json::Object(members) => serde_json::Value::Object(
                members.iter().map(|(name, value)| (name.to_string(), written(value))).collect(),
            ),
        }
    }

    fn any_value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            // Eighths, which the reference reads exactly.
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
    fn what_is_wrong_is_said_with_its_place() {
        for (text, expected) in [
            ("", "expected a value at line 1 column 1"),
            ("{\n \"a\": 1,,}", "expected `\"` at line 2 column 9"),
            ("[1 2]", "expected `,` or `]` at line 1 column 4"),
            ("{\"a\" 1}", "expected `:` at line 1 column 6"),
            ("{\"ä\":1", "expected `,` or `}` at line 1 column 7"),
            ("\"a", "a text without end at line 1 column 3"),
            ("\"\\x\"", "an unknown escape at line 1 column 3"),
            ("\"\\ud800\"", "half of a surrogate pair at line 1 column 8"),
            ("\"\u{1}\"", "a control character in a text at line 1 column 2"),
            ("1 1", "expected nothing more at line 1 column 3"),
        ] {
            assert_eq!(parse(text).expect_err(text).to_string(), expected, "{text}");
        }
        let deep = "[".repeat(100_000);
        assert!(parse(&deep).expect_err("too deep").to_string().contains("nested too deep"));
    }

    #[test]
    fn integers_keep_every_digit_and_nothing_else_is_one() {
        let value = parse(r#"{"a":1795330254340493978,"b":1.0,"c":1e3,"d":9223372036854775808,"e":-7,"f":null}"#)
            .expect("JSON");
        assert_eq!(value.integer("a"), Ok(Some(1_795_330_254_340_493_978)));
        assert_eq!(value.integer("e"), Ok(Some(-7)));
        assert_eq!((value.integer("f"), value.integer("g")), (Ok(None), Ok(None)));
        for key in ["b", "c", "d"] {
            assert_eq!(value.integer(key).expect_err(key).to_string(), format!("`{key}` is no integer"));
        }
    }

    #[test]
    fn members_are_handed_out_one_after_the_other_up_to_a_fault() {
        let members = |text: &'static str| {
            let mut members = Vec::new();
            let end = each_member(text, |name, value| members.push((name, value)));
            (members, end.map_err(|error| error.to_string()))
        };
        let a = (Cow::Borrowed("a"), Json::Number("1"));
        assert_eq!(members(" {\"a\": 1, \"b\": null} "), (vec![a.clone(), (Cow::Borrowed("b"), Json::Null)], Ok(())));
        assert_eq!(members("{\"a\":1,"), (vec![a.clone()], Err("expected `\"` at line 1 column 8".to_owned())));
        assert_eq!(members("{\"a\":1}}"), (vec![a], Err("expected nothing more at line 1 column 8".to_owned())));
        assert_eq!(members("[]"), (vec![], Err("expected an object at line 1 column 1".to_owned())));
    }

    #[test]
    fn of_several_members_with_one_name_the_last_counts() {
        assert_eq!(parse(r#"{"a":1,"a":2}"#).expect("JSON").integer("a"), Ok(Some(2)));
    }

    proptest! {
        #[test]
        fn what_the_reference_writes_is_read_as_the_reference_reads_it(value in any_value()) {
            for text in [value.to_string(), format!("{value:#}")] {
                prop_assert_eq!(of(&written(&parse(&text).expect("it is JSON"))), of(&value));
            }
        }

        #[test]
        fn what_the_reference_refuses_is_refused(text in "[\\[\\]{}\",:0-9eE+.a\\\\untrlfs -]{0,12}") {
            let ours = parse(&text).map(|value| of(&written(&value)));
            let theirs = serde_json::from_str::<serde_json::Value>(&text).map(|value| of(&value));
            // A number beyond what a float holds is still JSON.
            let beyond = theirs.as_ref().is_err_and(|error| error.to_string().contains("out of range"));
            prop_assert!(beyond || ours.ok() == theirs.ok(), "{}", text);
        }
    }
}
