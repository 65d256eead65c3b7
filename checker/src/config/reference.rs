//! The reference of the configuration file in Markdown, made from the same table that validation uses. It stands
//! in `docs/configuration.md` between two marks; a test keeps it true.

use std::fmt::Write as _;

use shared::duration;

use super::spec::{Field, Need, ROOT, Shape, Variant};

/// An object with so few keys has no section of its own.
const NAMED_HERE: usize = 4;

/// Each key with what it has to be, what holds without it, and what it means.
#[must_use]
pub fn reference() -> String {
    let mut text = String::new();
    let Shape::Object(fields) = ROOT else { return text };
    section(&mut text, "The file", "", fields);
    for field in fields {
        match &field.shape {
            Shape::Object(fields) => section(&mut text, &format!("`{}`", field.key), field.about, fields),
            Shape::List(Shape::Tagged { keys, variants, not_yet, common })
            | Shape::Tagged { keys, variants, not_yet, common } => {
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
        let default = match field.need {
            Need::Required => "**required**",
            Need::Optional(default) => default,
        };
        let _ = writeln!(text, "| `{}` | {} | {default} | {} |", field.key, value(&field.shape), field.about);
    }
    text.push('\n');
}

fn value(shape: &Shape) -> String {
    match shape {
        Shape::Text => "text".to_owned(),
        Shape::Url => "URL".to_owned(),
        Shape::Word(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Shape::Integer(least, most) => format!("integer, {least} to {most}"),
        Shape::Flag => "`true` or `false`".to_owned(),
        Shape::Duration(least, most) => {
            format!("duration, `{}` to `{}`", duration::format_exact(*least), duration::format_exact(*most))
        }
        Shape::Verdict => "`any`, `majority`, `all`, or a number of nodes".to_owned(),
        Shape::StatusCodes => "status codes".to_owned(),
        Shape::Assertions => "list of assertions".to_owned(),
        Shape::Headers => "object: name to text or list of texts".to_owned(),
        Shape::List(Shape::Text) => "list of texts".to_owned(),
        Shape::List(Shape::Object(fields)) => {
            let keys: Vec<String> = fields.iter().map(|field| format!("`{}`", field.key)).collect();
            format!("list of objects with {}", keys.join(" or "))
        }
        Shape::List(_) => "list, see below".to_owned(),
        Shape::Object(fields) if fields.len() <= NAMED_HERE => {
            let keys: Vec<String> = fields.iter().map(|field| format!("`{}`", field.key)).collect();
            format!("object with {}", keys.join(" or "))
        }
        Shape::Object(_) | Shape::Tagged { .. } => "object, see below".to_owned(),
        Shape::Anything => "anything".to_owned(),
    }
}
