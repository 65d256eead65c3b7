//! The configuration file as a tree of values with positions, created by [`super::parser`].

use std::borrow::Cow;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

/// A value and its position in the file. Strings are borrowed from the file where possible, because large files contain
/// many strings.
#[derive(Debug, Clone, PartialEq)]
pub struct Located<'t> {
    /// The byte offset of the value's first character in the file.
    pub at: usize,
    pub value: JsonValue<'t>,
}

/// A JSON value. Numbers are kept as text, because a float cannot represent nanoseconds exactly.
#[derive(Debug, Clone, PartialEq)]
pub enum JsonValue<'t> {
    Null,
    Bool(bool),
    Number(&'t str),
    /// The string, with escapes decoded and variables such as `${NAME}` replaced.
    String(Cow<'t, str>),
    Array(Vec<Located<'t>>),
    /// The members of the object, in file order.
    Object(Vec<Member<'t>>),
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Member<'t> {
    /// The byte offset of the key in the file.
    pub at: usize,
    pub key: Cow<'t, str>,
    pub value: Located<'t>,
}

impl JsonValue<'_> {
    /// Returns the name of the value's type, for error messages.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            JsonValue::Null => "`null`",
            JsonValue::Bool(true) => "`true`",
            JsonValue::Bool(false) => "`false`",
            JsonValue::Number(_) => "a number",
            JsonValue::String(_) => "a string",
            JsonValue::Array(_) => "an array",
            JsonValue::Object(_) => "an object",
        }
    }
}

impl<'t> Located<'t> {
    /// Returns the value of a key, if this is an object that contains the key.
    #[must_use]
    pub fn member(&self, key: &str) -> Option<&Located<'t>> {
        match &self.value {
            JsonValue::Object(members) => members.iter().find(|member| member.key == key).map(|member| &member.value),
            _ => None,
        }
    }

    /// Returns the string, if this value is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            JsonValue::String(text) => Some(text),
            _ => None,
        }
    }

    /// Converts the value to plain JSON, without positions. Numbers other than 64-bit integers become null.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            JsonValue::Null => serde_json::Value::Null,
            JsonValue::Bool(flag) => (*flag).into(),
            JsonValue::Number(number) => number.parse::<i64>().map_or(serde_json::Value::Null, Into::into),
            JsonValue::String(text) => text.as_ref().into(),
            JsonValue::Array(list) => list.iter().map(Located::to_json).collect(),
            JsonValue::Object(members) => members
                .iter()
                .map(|member| (member.key.clone().into_owned(), member.value.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}

/// Lets serde read the tree directly. Numbers other than 64-bit integers are read as null.
impl<'de> Deserializer<'de> for &'de Located<'_> {
    type Error = de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match &self.value {
            JsonValue::Null => visitor.visit_unit(),
            JsonValue::Bool(flag) => visitor.visit_bool(*flag),
            JsonValue::Number(number) => match number.parse::<i64>() {
                Ok(number) => visitor.visit_i64(number),
                Err(_) => visitor.visit_unit(),
            },
            JsonValue::String(text) => visitor.visit_borrowed_str(text),
            JsonValue::Array(list) => visitor.visit_seq(SeqDeserializer::new(list.iter())),
            JsonValue::Object(members) => {
                let members = members.iter().map(|member| (&*member.key, &member.value));
                visitor.visit_map(MapDeserializer::new(members))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        if self.value == JsonValue::Null { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq
        tuple tuple_struct map struct enum identifier
    }
}

impl<'de> IntoDeserializer<'de> for &'de Located<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
