//! The reference of the configuration file in Markdown, made from the same table that validation uses. It stands
//! in `docs/configuration.md` between two marks; a test keeps it true.

use std::fmt::Write as _;

use shared::duration;

use super::spec::{Field, Presence, ROOT, ValueKind, Variant};

/// An object with so few keys has no section of its own.
const NAMED_HERE: usize = 4;

/// Each key with what it has to be, what holds without it, and what it means.
#[must_use]
pub fn reference() -> String {
    let mut text = String::new();
    let ValueKind::Object(fields) = ROOT else { return text };
    section(&mut text, "The file", "", fields);
    for field in fields {
        match &field.kind {
            ValueKind::Object(fields) => section(&mut text, &format!("`{}`", field.key), field.about, fields),
            ValueKind::List(ValueKind::Tagged { keys, variants, not_yet, common })
            | ValueKind::Tagged { keys, variants, not_yet, common } => {
                tagged(&mut text, field.key, keys, variants, not_yet);
                if !common.is_empty() {
                    let heading = format!("`{}` of every type", field.key);
                    section(&mut text, &heading, "Besides its own keys, each may have these.", common);
                }
            }
            _ => {}
        }
    }
    text
}

fn tagged(text: &mut String, name: &str, keys: &[&str], variants: &[Variant], not_yet: &[&str]) {
    for variant in variants {
        let key = keys.first().copied().unwrap_or_default();
        section(text, &format!("`{name}` with `\"{key}\": \"{}\"`", variant.word), variant.about, variant.fields);
    }
    if let Some(older) = keys.get(1) {
        let _ = writeln!(text, "The original's older spelling `{older}` is read, too.\n");
    }
    if !not_yet.is_empty() {
        let kinds: Vec<String> = not_yet.iter().map(|kind| format!("`{kind}`")).collect();
        let _ = writeln!(text, "Not yet supported of the original's: {}.\n", kinds.join(", "));
    }
}

fn section(text: &mut String, heading: &str, about: &str, fields: &[Field]) {
    let _ = writeln!(text, "### {heading}\n");
    if !about.is_empty() {
        let _ = writeln!(text, "{about}\n");
    }
    text.push_str("| key | value | default | meaning |\n|---|---|---|---|\n");
    for field in fields {
        let default = match field.presence {
            Presence::Required => "**required**",
            Presence::Optional(default) => default,
        };
        let _ = writeln!(text, "| `{}` | {} | {default} | {} |", field.key, value(&field.kind), field.about);
    }
    text.push('\n');
}

fn value(kind: &ValueKind) -> String {
    match kind {
        ValueKind::String => "text".to_owned(),
        ValueKind::Url => "URL".to_owned(),
        ValueKind::Enum(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        ValueKind::Integer(least, most) => format!("integer, {least} to {most}"),
        ValueKind::Bool => "`true` or `false`".to_owned(),
        ValueKind::Duration(least, most) => {
            format!("duration, `{}` to `{}`", duration::format_exact(*least), duration::format_exact(*most))
        }
        ValueKind::Quorum => "`any`, `majority`, `all`, or a number of nodes".to_owned(),
        ValueKind::StatusCodes => "status codes".to_owned(),
        ValueKind::Assertions => "list of assertions".to_owned(),
        ValueKind::Headers => "object: name to text or list of texts".to_owned(),
        ValueKind::List(ValueKind::String) => "list of texts".to_owned(),
        ValueKind::List(ValueKind::Object(fields)) => {
            let keys: Vec<String> = fields.iter().map(|field| format!("`{}`", field.key)).collect();
            format!("list of objects with {}", keys.join(" or "))
        }
        ValueKind::List(_) => "list, see below".to_owned(),
        ValueKind::Object(fields) if fields.len() <= NAMED_HERE => {
            let keys: Vec<String> = fields.iter().map(|field| format!("`{}`", field.key)).collect();
            format!("object with {}", keys.join(" or "))
        }
        ValueKind::Object(_) | ValueKind::Tagged { .. } => "object, see below".to_owned(),
        ValueKind::Any => "anything".to_owned(),
    }
}
