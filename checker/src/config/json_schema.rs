//! Generates the JSON Schema of the configuration file from the table that validation also uses.

use serde_json::{Map, Value, json};
use shared::duration::format_exact;

use super::patterns::{self, with_variables};
use super::spec::{Field, Presence, ValueKind, Variant};
use super::table::ROOT;

/// Two keys that must be set together.
const TOGETHER: [&str; 2] = ["access_key_id", "secret_access_key"];
/// A key, and the other key that it requires.
const DEPENDENT: [&str; 2] = ["client_key_file", "client_cert_file"];
/// The keys of a script step. At least one of them must be set.
const STEP: [&str; 2] = ["send", "expect"];

/// Returns the JSON Schema (draft 2020-12) that editors use.
///
/// As far as a schema can express it, the schema rejects the same files as validation.
#[must_use]
pub fn schema() -> Value {
    let mut definitions = Definitions::default();
    let mut schema = definitions.schema_of(&ROOT);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("Checker configuration");
    schema["$defs"] = Value::Object(definitions.0);
    schema
}

/// The named definitions that several parts of the schema share.
#[derive(Default)]
struct Definitions(Map<String, Value>);

impl Definitions {
    /// Returns a reference to a definition, which `define` creates on first use.
    fn reference(&mut self, name: &str, define: impl FnOnce() -> Value) -> Value {
        if !self.0.contains_key(name) {
            self.0.insert(name.to_owned(), define());
        }
        json!({ "$ref": format!("#/$defs/{name}") })
    }

    fn schema_of(&mut self, kind: &ValueKind) -> Value {
        match kind {
            ValueKind::Any => json!({}),
            ValueKind::String | ValueKind::Secret => json!({ "type": "string" }),
            ValueKind::StringOrInteger => json!({ "type": ["string", "integer"] }),
            ValueKind::Pattern(pattern) => json!({ "type": "string", "pattern": with_variables(pattern) }),
            ValueKind::Url | ValueKind::SecretUrl => {
                json!({ "type": "string", "pattern": with_variables(patterns::HTTP_URL) })
            }
            ValueKind::Enum(names) => json!({ "enum": names }),
            ValueKind::Numbers(numbers) => json!({ "enum": numbers }),
            ValueKind::Bool => json!({ "type": "boolean" }),
            ValueKind::Integer(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
            ValueKind::Duration(min, max) => {
                let name = format!("duration-{}-{}", format_exact(*min), format_exact(*max));
                self.reference(&name, || duration(*min, *max))
            }
            ValueKind::StatusCodes => self.reference("status-codes", status_codes),
            ValueKind::Quorum => json!({ "oneOf": [
                { "type": "string", "pattern": with_variables(patterns::QUORUM) },
                { "type": "integer", "minimum": 1 },
            ] }),
            ValueKind::Assertions => {
                let condition = json!({ "$ref": "#/$defs/condition" });
                self.reference("condition", || assertion(&condition, &Map::new()));
                // Assertions in the list can set a status, but nested conditions cannot.
                let status = json!({ "enum": ["down", "degraded"] });
                let items = assertion(&condition, &Map::from_iter([("otherwise".to_owned(), status)]));
                json!({ "type": "array", "items": items })
            }
            ValueKind::Headers => {
                let value = json!({ "type": "string", "pattern": patterns::HEADER_VALUE });
                json!({
                    "type": "object",
                    "propertyNames": { "pattern": patterns::TOKEN },
                    "additionalProperties": { "oneOf": [value, { "type": "array", "items": value }] },
                })
            }
            ValueKind::Labels => json!({
                "type": "object",
                "propertyNames": { "pattern": patterns::LABEL },
                "additionalProperties": { "type": "string" },
            }),
            ValueKind::Map(value) => json!({ "type": "object", "additionalProperties": self.schema_of(value) }),
            ValueKind::OneOrMany(element) => {
                let element = self.schema_of(element);
                json!({ "oneOf": [element, { "type": "array", "items": element }] })
            }
            ValueKind::List(element) => json!({ "type": "array", "items": self.schema_of(element) }),
            ValueKind::Object(fields) => self.object(fields, &Map::new(), &[]),
            ValueKind::SwitchOrObject(fields) => {
                json!({ "oneOf": [{ "type": "boolean" }, self.object(fields, &Map::new(), &[])] })
            }
            ValueKind::Tagged { name, keys, variants, common, .. } => {
                let schema = self.tagged(keys, variants, common);
                self.reference(name, || schema)
            }
        }
    }

    /// Returns the schema of an object whose type is stored under one of `keys`. The first of these keys that is
    /// present determines the type.
    fn tagged(&mut self, keys: &[&str], variants: &[Variant], common: &[Field]) -> Value {
        let mut choices: Vec<Value> = Vec::new();
        for (index, key) in keys.iter().enumerate() {
            for variant in variants {
                let mut tags = Map::from_iter([(
                    (*key).to_owned(),
                    json!({ "const": variant.name, "description": variant.description }),
                )]);
                tags.extend(keys[index + 1..].iter().map(|key| ((*key).to_owned(), json!({}))));
                let fields: Vec<Field> = variant.fields.iter().chain(common).copied().collect();
                choices.push(self.object(&fields, &tags, &[key]));
            }
        }
        json!({ "oneOf": choices })
    }

    fn object(&mut self, fields: &[Field], tags: &Map<String, Value>, required_tag: &[&&str]) -> Value {
        let mut properties = tags.clone();
        let mut conditions: Vec<Value> = Vec::new();
        for field in fields {
            let mut property = self.schema_of(&field.kind);
            let default = match field.presence {
                Presence::Required => String::new(),
                Presence::Optional(default) => format!(" Default: {default}."),
            };
            if let Some(former) = field.former {
                let mut deprecated = property.clone();
                deprecated["deprecated"] = json!(true);
                deprecated["description"] = json!(format!("Renamed to `{}`.", field.key));
                properties.insert(former.to_owned(), deprecated);
                conditions.push(json!({ "not": { "required": [former, field.key] } }));
            }
            if field.presence == Presence::Required && matches!(field.kind, ValueKind::Secret) {
                property["pattern"] = json!(with_variables(patterns::NOT_BLANK));
            }
            property["description"] = json!(format!("{}{default}", field.description));
            properties.insert(field.key.to_owned(), property);
        }
        let required: Vec<&str> = fields
            .iter()
            .filter(|field| field.presence == Presence::Required)
            .map(|field| field.key)
            .chain(required_tag.iter().map(|key| **key))
            .collect();
        let mut object =
            json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false });
        let has = |key: &&str| fields.iter().any(|field| field.key == *key);
        if TOGETHER.iter().all(has) {
            let [first, second] = TOGETHER;
            conditions.extend([implies(first, second), implies(second, first)]);
        }
        if DEPENDENT.iter().all(has) {
            let [key, required] = DEPENDENT;
            conditions.push(implies(key, required));
        }
        if fields.len() == STEP.len() && STEP.iter().all(has) {
            object["anyOf"] = json!(STEP.map(|key| json!({ "required": [key] })));
        }
        if !conditions.is_empty() {
            object["allOf"] = json!(conditions);
        }
        object
    }
}

/// Returns a schema that requires `other` if `one` is set. An empty string means "not set".
fn implies(one: &str, other: &str) -> Value {
    let is_set = |key: &str| json!({ "required": [key], "properties": { key: { "minLength": 1 } } });
    json!({ "if": is_set(one), "then": is_set(other) })
}

fn duration(min: i64, max: i64) -> Value {
    json!({ "oneOf": [
        { "type": "string", "pattern": with_variables(&patterns::duration(min, max)) },
        { "type": "integer", "minimum": min, "maximum": max },
    ] })
}

fn status_codes() -> Value {
    let one = json!({ "oneOf": [
        { "type": "integer", "minimum": 100, "maximum": 999 },
        { "type": "string", "pattern": with_variables(patterns::STATUS_CODES) },
    ] });
    json!({ "anyOf": [one, { "const": 0 }, { "type": "array", "items": one, "minItems": 1 }] })
}

/// Returns the schema of an assertion: a string, or an object that contains exactly one of `that`, `all`, `any` and
/// `not`, and possibly the keys in `other`.
fn assertion(condition: &Value, other: &Map<String, Value>) -> Value {
    let list = json!({ "type": "array", "items": condition, "minItems": 1 });
    let ways =
        [("that", json!({ "type": "string" })), ("all", list.clone()), ("any", list), ("not", condition.clone())];
    let objects = ways.map(|(key, value)| {
        let mut properties = other.clone();
        properties.insert(key.to_owned(), value);
        json!({ "type": "object", "properties": properties, "required": [key], "additionalProperties": false })
    });
    let choices: Vec<Value> = std::iter::once(json!({ "type": "string" })).chain(objects).collect();
    json!({ "oneOf": choices })
}

#[cfg(test)]
mod tests;
