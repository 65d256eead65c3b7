//! The configuration file as a tree in which everything knows its place. [`super::parser`] makes it of a text.

use std::borrow::Cow;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

/// A value and where it stands. Texts are borrowed from the file's where they can be: there may be very many.
#[derive(Debug, Clone, PartialEq)]
pub struct Located<'t> {
    /// Byte offset of its first character in the file.
    pub at: usize,
    /// The value itself.
    pub value: JsonValue<'t>,
}

/// A JSON value. Numbers stay as they are written, since nanoseconds do not fit a float.
#[derive(Debug, Clone, PartialEq)]
pub enum JsonValue<'t> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number as written.
    Number(&'t str),
    /// A string, with variables replaced.
    String(Cow<'t, str>),
    /// An array.
    Array(Vec<Located<'t>>),
    /// An object in the file's order.
    Object(Vec<Member<'t>>),
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Member<'t> {
    /// Byte offset of its key.
    pub at: usize,
    /// Its key.
    pub key: Cow<'t, str>,
    /// Its value.
    pub value: Located<'t>,
}

impl<'t> Located<'t> {
    /// The member with this key, if this is an object that has it.
    #[must_use]
    pub fn member(&self, key: &str) -> Option<&Located<'t>> {
        match &self.value {
            JsonValue::Object(members) => members.iter().find(|member| member.key == key).map(|member| &member.value),
            _ => None,
        }
    }

    /// The text, if this is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            JsonValue::String(text) => Some(text),
            _ => None,
        }
    }

    /// The same value without places, for serde. Numbers that are no integers of 64 bits become null.
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

/// Serde reads the tree as it is. Numbers that are no integers of 64 bits are null to it.
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
