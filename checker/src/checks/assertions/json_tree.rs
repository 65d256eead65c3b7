//! Parses JSON into a tree, and detects objects that repeat a key. RFC 8259 leaves the meaning of a repeated key open:
//! some programs use its first value, and others its last one.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value as Json};

/// The maximum number of repeated keys to remember.
const KEYS_LIMIT: usize = 16;

/// The value to keep if an object repeats a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeptValue {
    First,
    Last,
}

/// Parses JSON. Also returns the keys that an object repeats with different values.
pub(super) fn parse(text: &[u8], kept: KeptValue) -> serde_json::Result<(Json, Vec<String>)> {
    let mut repeated = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let tree = TreeBuilder { kept, repeated: &mut repeated }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok((tree, repeated))
}

struct TreeBuilder<'k> {
    kept: KeptValue,
    repeated: &'k mut Vec<String>,
}

impl TreeBuilder<'_> {
    /// Returns a builder for a value inside this one.
    fn inner(&mut self) -> TreeBuilder<'_> {
        TreeBuilder { kept: self.kept, repeated: self.repeated }
    }

    fn note(&mut self, key: &str) {
        if self.repeated.len() < KEYS_LIMIT && !self.repeated.iter().any(|known| known == key) {
            self.repeated.push(key.to_owned());
        }
    }
}

impl<'de> DeserializeSeed<'de> for TreeBuilder<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, text: D) -> Result<Json, D::Error> {
        text.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TreeBuilder<'_> {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Json, E> {
        Ok(Json::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(Number::from_f64(number).map_or(Json::Null, Json::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Json, E> {
        Ok(Json::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<Json, A::Error> {
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(self.inner())? {
            array.push(element);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Json, A::Error> {
        let mut object = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            let value = members.next_value_seed(self.inner())?;
            match object.entry(key) {
                Entry::Vacant(entry) => drop(entry.insert(value)),
                Entry::Occupied(mut entry) => {
                    if *entry.get() != value {
                        self.note(entry.key());
                    }
                    if self.kept == KeptValue::Last {
                        entry.insert(value);
                    }
                }
            }
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use crate::checks::assertions::json_tree::*;

    #[test]
    fn repeated_keys_are_detected() {
        for (text, first, last, repeated) in [
            (r#"{"a":1,"b":2}"#, json!({"a":1,"b":2}), json!({"a":1,"b":2}), &[][..]),
            (r#"{"a":1,"a":1}"#, json!({"a":1}), json!({"a":1}), &[]),
            (r#"{"a":1,"\u0061":2,"a":3}"#, json!({"a":1}), json!({"a":3}), &["a"]),
            (r#"[{"a":{"b":[],"b":{}}}]"#, json!([{"a":{"b":[]}}]), json!([{"a":{"b":{}}}]), &["b"]),
            (r#"{"a":{"x":1},"a":{"x":null}}"#, json!({"a":{"x":1}}), json!({"a":{"x":null}}), &["a"]),
        ] {
            let repeated: Vec<String> = repeated.iter().map(|key| (*key).to_owned()).collect();
            assert_eq!(parse(text.as_bytes(), KeptValue::First).ok(), Some((first, repeated.clone())), "{text}");
            assert_eq!(parse(text.as_bytes(), KeptValue::Last).ok(), Some((last, repeated)), "{text}");
        }
    }

    fn json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::Bool),
            any::<i64>().prop_map(Json::from),
            any::<u64>().prop_map(Json::from),
            any::<f64>().prop_map(Json::from),
            ".{0,8}".prop_map(Json::String),
        ];
        leaf.prop_recursive(4, 24, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Json::Array),
                prop::collection::vec((".{0,3}", inner), 0..5).prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn trees_match_those_of_the_library(json in json(), cut in any::<prop::sample::Index>()) {
            let text = json.to_string();
            let cut = &text.as_bytes()[..cut.index(text.len() + 1)];
            for text in [text.as_bytes(), cut] {
                let expected = serde_json::from_slice::<Json>(text).map_err(|error| error.to_string());
                let parsed = parse(text, KeptValue::Last).map(|(tree, _)| tree).map_err(|error| error.to_string());
                prop_assert_eq!(parsed, expected);
            }
        }
    }
}
