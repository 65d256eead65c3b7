//! The configuration file as a tree in which everything knows its place: JSON with comments and trailing commas,
//! with `${VAR}` and `${VAR:-default}` replaced in every string.

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::problem::{Problem, Problems};

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Located {
    /// Byte offset of its first character in the file.
    pub at: usize,
    /// The value itself.
    pub value: Value,
}

/// A JSON value. Numbers stay as they are written, since nanoseconds do not fit a float.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Flag(bool),
    /// A number as written.
    Number(String),
    /// A string, with variables replaced.
    Text(String),
    /// An array.
    List(Vec<Located>),
    /// An object in the file's order.
    Object(Vec<Member>),
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Byte offset of its key.
    pub at: usize,
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: Located,
}

impl Located {
    /// The member with this key, if this is an object that has it.
    #[must_use]
    pub fn member(&self, key: &str) -> Option<&Located> {
        match &self.value {
            Value::Object(members) => members.iter().find(|member| member.key == key).map(|member| &member.value),
            _ => None,
        }
    }

    /// Takes away what stands in the list with this key, if this is an object that has it.
    pub(super) fn take_list(&mut self, key: &str) -> Vec<Located> {
        let Value::Object(members) = &mut self.value else { return Vec::new() };
        match members.iter_mut().find(|member| member.key == key).map(|member| &mut member.value.value) {
            Some(Value::List(list)) => std::mem::take(list),
            _ => Vec::new(),
        }
    }

    /// The text, if this is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The same value without places, for serde. Numbers that are no integers of 64 bits become null.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Flag(flag) => (*flag).into(),
            Value::Number(number) => number.parse::<i64>().map_or(serde_json::Value::Null, Into::into),
            Value::Text(text) => text.as_str().into(),
            Value::List(list) => list.iter().map(Located::to_json).collect(),
            Value::Object(members) => members
                .iter()
                .map(|member| (member.key.clone(), member.value.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}

/// Serde reads the tree as it is. Numbers that are no integers of 64 bits are null to it.
impl<'de> Deserializer<'de> for &'de Located {
    type Error = de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match &self.value {
            Value::Null => visitor.visit_unit(),
            Value::Flag(flag) => visitor.visit_bool(*flag),
            Value::Number(number) => match number.parse::<i64>() {
                Ok(number) => visitor.visit_i64(number),
                Err(_) => visitor.visit_unit(),
            },
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::List(list) => visitor.visit_seq(SeqDeserializer::new(list.iter())),
            Value::Object(members) => {
                let members = members.iter().map(|member| (member.key.as_str(), &member.value));
                visitor.visit_map(MapDeserializer::new(members))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        if self.value == Value::Null { visitor.visit_none() } else { visitor.visit_some(self) }
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

impl<'de> IntoDeserializer<'de> for &'de Located {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Reads a file's text; `variable` looks up an environment variable. Problems with variables are added to
/// `problems`; text that is no JSON is the only error, since nothing else can be said about it.
pub fn parse(
    text: &str,
    variable: &dyn Fn(&str) -> Option<String>,
    problems: &mut Problems,
) -> Result<Located, Problem> {
    let options = ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let parsed = parse_to_ast(text, &CollectOptions::default(), &options).map_err(|error| {
        Problem::error(error.range().start, format!("it is not JSON: {}", in_lower_case(&error.kind().to_string())))
    })?;
    let root = parsed.value.ok_or_else(|| {
        Problem::error(0, "the file is empty; `checker init` writes a configuration to start with".to_owned())
    })?;
    Ok(locate(root, variable, problems))
}

/// Takes the parser's tree apart while ours grows, since both together would be the most that a large file needs.
fn locate(node: ast::Value<'_>, variable: &dyn Fn(&str) -> Option<String>, problems: &mut Problems) -> Located {
    let at = node.range().start;
    let value = match node {
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::BooleanLit(flag) => Value::Flag(flag.value),
        ast::Value::NumberLit(number) => Value::Number(number.value.to_owned()),
        ast::Value::StringLit(text) if !text.value.contains('$') => Value::Text(text.value.into_owned()),
        ast::Value::StringLit(text) => Value::Text(expand(&text.value, variable).unwrap_or_else(|missing| {
            problems.add(Problem::error(at, missing));
            text.value.into_owned()
        })),
        ast::Value::Array(array) => {
            Value::List(array.elements.into_iter().map(|element| locate(element, variable, problems)).collect())
        }
        ast::Value::Object(object) => Value::Object(locate_members(object, variable, problems)),
    };
    Located { at, value }
}

fn locate_members(
    object: ast::Object<'_>,
    variable: &dyn Fn(&str) -> Option<String>,
    problems: &mut Problems,
) -> Vec<Member> {
    let mut members: Vec<Member> = Vec::with_capacity(object.properties.len());
    for property in object.properties {
        let (at, key) = (property.range.start, property.name.into_string());
        if members.iter().any(|member| member.key == key) {
            problems.add(Problem::error(at, format!("`{key}` stands here twice; keep one of them")));
        }
        members.push(Member { at, key, value: locate(property.value, variable, problems) });
    }
    members
}

/// Replaces `${VAR}` and `${VAR:-default}`; `$$` is a dollar sign. The error names the missing variable.
pub fn expand(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("$$") {
            expanded.push('$');
            rest = after;
        } else if let Some(after) = rest.strip_prefix("${") {
            let Some((inside, tail)) = after.split_once('}') else {
                return Err("`${` has no `}`; write `$$` for a dollar sign".to_owned());
            };
            let (name, default) =
                inside.split_once(":-").map_or((inside, None), |(name, default)| (name, Some(default)));
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return Err(format!(
                    "`${{{inside}}}` names no variable; write `${{NAME}}` or `${{NAME:-default}}`, and `$$` for a dollar sign"
                ));
            }
            match (variable(name), default) {
                (Some(value), _) if !value.is_empty() || default.is_none() => expanded.push_str(&value),
                (_, Some(default)) => expanded.push_str(default),
                _ => {
                    return Err(format!(
                        "the environment variable `{name}` is not set; set it, or write `${{{name}:-default}}`"
                    ));
                }
            }
            rest = tail;
        } else {
            expanded.push('$');
            rest = &rest[1..];
        }
    }
    expanded.push_str(rest);
    Ok(expanded)
}

fn in_lower_case(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn environment(name: &str) -> Option<String> {
        match name {
            "KEY" => Some("secret".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    #[test]
    fn variables_and_their_defaults_are_replaced() {
        for (text, expanded) in [
            ("${KEY}", "secret"),
            ("a-${KEY}-b-${KEY}", "a-secret-b-secret"),
            ("${NONE:-fallback}", "fallback"),
            ("${EMPTY:-fallback}", "fallback"),
            ("${EMPTY}", ""),
            ("${KEY:-fallback}", "secret"),
            ("${NONE:-}", ""),
            ("costs 5 $ or $$5 and $${KEY}", "costs 5 $ or $5 and ${KEY}"),
        ] {
            assert_eq!(expand(text, &environment).as_deref(), Ok(expanded), "{text}");
        }
    }

    #[test]
    fn a_missing_variable_is_named() {
        assert!(expand("${NONE}", &environment).is_err_and(|error| error.contains("`NONE` is not set")));
        assert!(expand("${NO NE}", &environment).is_err());
        assert!(expand("${KEY", &environment).is_err_and(|error| error.contains("$$")));
    }

    #[test]
    fn comments_and_trailing_commas_are_read_and_places_kept() {
        let mut problems = Problems::default();
        let text = "// why\n{ /* a */ \"list\": [1, 2,], }";
        let root = parse(text, &environment, &mut problems).expect("it is JSON with comments");
        assert_eq!(root.member("list").map(|list| list.at), text.find('['));
        assert!(problems.is_empty());
    }

    #[test]
    fn a_key_that_stands_twice_is_a_problem() {
        let mut problems = Problems::default();
        parse("{\"a\": 1, \"a\": 2}", &environment, &mut problems).expect("it is JSON");
        assert!(problems.has_errors());
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic(text in ".{0,80}") {
            let _ = parse(&text, &environment, &mut Problems::default());
            let _ = expand(&text, &environment);
        }
    }
}
