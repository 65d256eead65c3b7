//! The JSON Schema of the configuration file, generated from the table that validation uses.

use serde_json::{Map, Value, json};

use super::spec::{Field, Presence, ValueKind, Variant};
use super::table::ROOT;

/// Returns the schema (JSON Schema, draft 2020-12), for editors.
#[must_use]
pub fn schema() -> Value {
    let mut schema = schema_of(&ROOT);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("Checker configuration");
    schema
}

fn schema_of(kind: &ValueKind) -> Value {
    match kind {
        ValueKind::Any => json!({}),
        // A variable can replace the whole URL, so a format would reject too much.
        ValueKind::String | ValueKind::Url => json!({ "type": "string" }),
        ValueKind::Enum(names) => json!({ "enum": names }),
        ValueKind::Bool => json!({ "type": "boolean" }),
        ValueKind::Integer(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
        ValueKind::Duration(min, max) => json!({ "oneOf": [
            { "type": "string", "pattern": r"^(0|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h|d|w))+|.*\$\{.*)$" },
            { "type": "integer", "minimum": min, "maximum": max },
        ] }),
        ValueKind::StatusCodes => {
            let one = json!({ "oneOf": [
                { "type": "integer", "minimum": 100, "maximum": 599 },
                { "type": "string", "pattern": r"^([1-5]xx|[1-5][0-9]{2}(-[1-5][0-9]{2})?|.*\$\{.*)$" },
            ] });
            json!({ "anyOf": [one, { "const": 0 }, { "type": "array", "items": one, "minItems": 1 }] })
        }
        ValueKind::Quorum => json!({ "oneOf": [
            { "type": "string", "pattern": r"^(any|majority|all|[1-9][0-9]*|.*\$\{.*)$" },
            { "type": "integer", "minimum": 1 },
        ] }),
        ValueKind::Assertions => json!({ "type": "array", "items": { "oneOf": [
            { "type": "string" },
            { "type": "object", "properties": {
                "that": { "type": "string" },
                "all": { "type": "array" },
                "any": { "type": "array" },
                "not": {},
                "otherwise": { "enum": ["down", "degraded"] },
            }, "additionalProperties": false },
        ] } }),
        ValueKind::Headers => json!({ "type": "object", "additionalProperties": { "oneOf": [
            { "type": "string" },
            { "type": "array", "items": { "type": "string" } },
        ] } }),
        ValueKind::List(element) => json!({ "type": "array", "items": schema_of(element) }),
        ValueKind::Object(fields) => object(fields, &Map::new(), &[]),
        ValueKind::Tagged { keys, variants, unsupported, common } => tagged(keys, variants, unsupported, common),
    }
}

fn tagged(keys: &[&str], variants: &[Variant], unsupported: &[&str], common: &[Field]) -> Value {
    let mut choices: Vec<Value> = Vec::new();
    for key in keys {
        for variant in variants {
            let tag = Map::from_iter([(
                (*key).to_owned(),
                json!({ "const": variant.name, "description": variant.description }),
            )]);
            let fields: Vec<Field> = variant.fields.iter().chain(common).copied().collect();
            choices.push(object(&fields, &tag, &[key]));
        }
        if !unsupported.is_empty() {
            choices.push(json!({
                "type": "object",
                "description": "Not supported yet.",
                "properties": { *key: { "enum": unsupported } },
                "required": [key],
            }));
        }
    }
    json!({ "oneOf": choices })
}

fn object(fields: &[Field], tag: &Map<String, Value>, required_tag: &[&&str]) -> Value {
    let mut properties = tag.clone();
    for field in fields {
        let mut property = schema_of(&field.kind);
        let default = match field.presence {
            Presence::Required => String::new(),
            Presence::Optional(default) => format!(" Default: {default}."),
        };
        property["description"] = json!(format!("{}{default}", field.description));
        if let Some(former) = field.former {
            let mut deprecated = schema_of(&field.kind);
            deprecated["deprecated"] = json!(true);
            deprecated["description"] = json!(format!("Renamed to `{}`.", field.key));
            properties.insert(former.to_owned(), deprecated);
        }
        properties.insert(field.key.to_owned(), property);
    }
    let required: Vec<&str> = fields
        .iter()
        .filter(|field| field.presence == Presence::Required)
        .map(|field| field.key)
        .chain(required_tag.iter().map(|key| **key))
        .collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}
