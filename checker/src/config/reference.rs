//! Generates the Markdown reference of the configuration file from the table that validation also uses. A test ensures
//! that the section between two markers in `docs/configuration.md` is up to date.

use std::fmt::Write as _;

use shared::duration;

use super::spec::{Field, Presence, ValueKind, Variant};
use super::table::ROOT;

/// Objects with at most this many keys are described inline instead of in a separate section.
const MAX_INLINE_KEYS: usize = 4;

/// Lists all keys with their types, defaults and descriptions, with one table per object.
#[must_use]
pub fn reference() -> String {
    let mut text = String::new();
    let ValueKind::Object(fields) = ROOT else { return text };
    section(&mut text, "The file", "", fields);
    for field in fields {
        match &field.kind {
            ValueKind::Object(fields) => section(&mut text, &format!("`{}`", field.key), field.description, fields),
            ValueKind::List(ValueKind::Tagged { keys, variants, unsupported, common, .. })
            | ValueKind::OneOrMany(ValueKind::Tagged { keys, variants, unsupported, common, .. })
            | ValueKind::Tagged { keys, variants, unsupported, common, .. } => {
                tagged(&mut text, field.key, keys, variants, unsupported);
                if !common.is_empty() {
                    let heading = format!("`{}` of every type", field.key);
                    section(&mut text, &heading, "These keys are common to all types.", common);
                }
            }
            _ => {}
        }
    }
    text
}

fn tagged(text: &mut String, name: &str, keys: &[&str], variants: &[Variant], unsupported: &[&str]) {
    for variant in variants {
        let key = keys.first().copied().unwrap_or_default();
        let heading = format!("`{name}` with `\"{key}\": \"{}\"`", variant.name);
        section(text, &heading, variant.description, variant.fields);
        for field in variant.fields {
            if let ValueKind::Object(fields) = field.kind
                && fields.len() > MAX_INLINE_KEYS
            {
                section(text, &format!("`{}` of {heading}", field.key), field.description, fields);
            }
        }
    }
    if let Some(older) = keys.get(1) {
        let _ = writeln!(text, "`{older}`, an older name from the original Checkup, also works.\n");
    }
    if !unsupported.is_empty() {
        let kinds: Vec<String> = unsupported.iter().map(|kind| format!("`{kind}`")).collect();
        let _ = writeln!(
            text,
            "The original Checkup also has these types, which are not supported yet: {}.\n",
            kinds.join(", ")
        );
    }
}

fn section(text: &mut String, heading: &str, description: &str, fields: &[Field]) {
    let _ = writeln!(text, "### {heading}\n");
    if !description.is_empty() {
        let _ = writeln!(text, "{description}\n");
    }
    text.push_str("| Key | Value | Default | Description |\n|---|---|---|---|\n");
    for field in fields {
        let default = match field.presence {
            Presence::Required => "**required**",
            Presence::Optional(default) => default,
        };
        let _ = writeln!(text, "| `{}` | {} | {default} | {} |", field.key, value(&field.kind), field.description);
    }
    text.push('\n');
}

fn value(kind: &ValueKind) -> String {
    match kind {
        ValueKind::String | ValueKind::Pattern(_) => "string".to_owned(),
        ValueKind::Secret => "secret string".to_owned(),
        ValueKind::StringOrInteger => "string or integer".to_owned(),
        ValueKind::Url => "URL".to_owned(),
        ValueKind::SecretUrl => "secret URL".to_owned(),
        ValueKind::Enum(names) => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        ValueKind::Numbers(numbers) => {
            numbers.iter().map(|number| format!("`{number}`")).collect::<Vec<_>>().join(", ")
        }
        ValueKind::Integer(min, max) => format!("integer, {min} to {max}"),
        ValueKind::Bool => "`true` or `false`".to_owned(),
        ValueKind::Duration(min, max) => {
            format!("duration, `{}` to `{}`", duration::format_exact(*min), duration::format_exact(*max))
        }
        ValueKind::Quorum => "`any`, `majority`, `all`, or a number of nodes".to_owned(),
        ValueKind::StatusCodes => "status codes".to_owned(),
        ValueKind::Assertions => "array of assertions".to_owned(),
        ValueKind::Headers => "object that maps names to a string or an array of strings".to_owned(),
        ValueKind::Labels => "object that maps label names to strings".to_owned(),
        ValueKind::Map(element) => format!("object that maps names to values: {}", value(element)),
        ValueKind::OneOrMany(ValueKind::Tagged { name, .. }) => {
            format!("{name} or array of {name}s; see the section for each type")
        }
        ValueKind::OneOrMany(element) => format!("{} or array of {}", value(element), plural(element)),
        ValueKind::List(ValueKind::Tagged { name, .. }) => {
            format!("array of {name}s; see the section for each type")
        }
        ValueKind::List(ValueKind::Object(fields)) => {
            format!("array of objects with {}", object_keys(fields))
        }
        ValueKind::List(element) => format!("array of {}", plural(element)),
        ValueKind::Object(fields) if fields.len() <= MAX_INLINE_KEYS => {
            format!("object with {}", object_keys(fields))
        }
        ValueKind::SwitchOrObject(fields) => format!("`true`, `false`, or object with {}", object_keys(fields)),
        ValueKind::Object(_) | ValueKind::Tagged { .. } => "object; see its section".to_owned(),
        ValueKind::Any => "anything".to_owned(),
    }
}

/// Lists the keys of an object, required and optional.
fn object_keys(fields: &[Field]) -> String {
    let keys = |is_required: bool| {
        let keys = fields.iter().filter(|field| matches!(field.presence, Presence::Required) == is_required);
        keys.map(|field| format!("`{}`", field.key)).collect::<Vec<_>>().join(", ")
    };
    match (keys(true), keys(false)) {
        (required, optional) if optional.is_empty() => required,
        (required, optional) if required.is_empty() => format!("any of {optional}"),
        (required, optional) => format!("{required} and optionally {optional}"),
    }
}

/// Describes the elements of an array.
fn plural(element: &ValueKind) -> String {
    match element {
        ValueKind::String | ValueKind::Pattern(_) => "strings".to_owned(),
        ValueKind::Secret => "secret strings".to_owned(),
        ValueKind::SecretUrl => "secret URLs".to_owned(),
        ValueKind::Enum(_) => value(element),
        ValueKind::Duration(min, max) => {
            format!("durations, `{}` to `{}`", duration::format_exact(*min), duration::format_exact(*max))
        }
        other => format!("values: {}", value(other)),
    }
}
