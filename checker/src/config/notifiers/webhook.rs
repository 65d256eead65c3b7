//! The configuration of `webhook` notifiers.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;

use super::NotifierType;
use super::converter::{NotifierConverter, http};
use crate::config::document::{JsonValue, Located};
use crate::config::raw::OneOrMany;
use crate::config::spec::{ValueKind, Variant, optional, required};
use crate::notify::channels::Transport;
use crate::notify::channels::signature::SigningKey;
use crate::notify::channels::webhook::Webhook;
use crate::notify::message_json::template_values;
use crate::notify::sample;
use crate::notify::template::BodyTemplate;
use crate::redact::Secret;

pub(super) const TYPE: NotifierType = NotifierType {
    variant: Variant {
        name: "webhook",
        description: "Any other HTTP endpoint, which receives JSON.",
        fields: &[
            required("url", ValueKind::SecretUrl, "The URL."),
            optional("headers", ValueKind::Headers, "none", "The request headers to set."),
            optional(
                "secret",
                ValueKind::Secret,
                "none: requests are not signed",
                "The key that signs requests according to [Standard Webhooks](https://www.standardwebhooks.com/): `whsec_` and 24 to 64 bytes in Base64.",
            ),
            optional(
                "body",
                ValueKind::Any,
                "the [default body](notifications.md#webhook)",
                "The body: JSON whose strings are templates; see [Templates](notifications.md#templates).",
            ),
        ],
    },
    convert,
};

#[derive(Deserialize)]
struct RawWebhook {
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, OneOrMany>,
    secret: Option<String>,
}

fn convert(converter: &mut NotifierConverter<'_>) -> Option<Transport> {
    let raw: RawWebhook = converter.read()?;
    let url = converter.url("url", &raw.url);
    let headers = headers(raw.headers, converter);
    let signing_key = raw.secret.map(|secret| converter.accept("secret", SigningKey::parse(&secret)));
    let body = converter.located.member("body").map(|located| body(located, converter));
    let (signing_key, body) =
        (signing_key.map_or(Some(None), |key| key.map(Some)), body.map_or(Some(None), |body| body.map(Some)));
    Some(http(Webhook { url: url?, headers: headers?, signing_key: signing_key?, body: body? }))
}

/// Converts the body, and renders it with a sample. Reports all errors at the positions of their templates.
fn body(located: &Located<'_>, converter: &mut NotifierConverter<'_>) -> Option<BodyTemplate> {
    let parsed = BodyTemplate::parse(to_json(located));
    let rendered = parsed.and_then(|template| {
        let rendered = template.render(&template_values(&sample::message()));
        rendered.map(|_| template)
    });
    let errors = match rendered {
        Ok(template) => return Some(template),
        Err(errors) => errors,
    };
    for error in errors {
        converter.error_at(position(located, &error.path), "body", &error);
    }
    None
}

/// Returns the file position of a value in the body, such as `blocks[0].text`.
fn position(located: &Located<'_>, path: &str) -> usize {
    let mut current = located;
    let mut rest = path;
    loop {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        let step = match &current.value {
            JsonValue::Object(members) => members.iter().find_map(|member| {
                let after = rest.strip_prefix(&*member.key)?;
                (after.is_empty() || after.starts_with(['.', '['])).then_some((&member.value, after))
            }),
            JsonValue::Array(elements) => rest.strip_prefix('[').and_then(|rest| {
                let (index, after) = rest.split_once(']')?;
                Some((elements.get(index.parse::<usize>().ok()?)?, after))
            }),
            _ => None,
        };
        let Some((next, after)) = step else { return current.at };
        (current, rest) = (next, after);
    }
}

/// Converts the headers. Errors omit header values, which can contain secrets.
fn headers(
    raw: BTreeMap<String, OneOrMany>,
    converter: &mut NotifierConverter<'_>,
) -> Option<Vec<(HeaderName, Secret)>> {
    let (mut headers, mut is_valid) = (Vec::new(), true);
    for (name, values) in raw {
        let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
            converter.error("headers", format!("invalid header name `{name}`"));
            is_valid = false;
            continue;
        };
        for value in values.into_vec() {
            if value.parse::<HeaderValue>().is_err() {
                converter.error("headers", format!("invalid character in the value of header `{name}`"));
                is_valid = false;
            }
            headers.push((header.clone(), Secret::new(value)));
        }
    }
    is_valid.then_some(headers)
}

/// Converts the body to plain JSON, including fractional numbers.
fn to_json(located: &Located<'_>) -> Value {
    match &located.value {
        JsonValue::Number(number) => serde_json::from_str(number).unwrap_or(Value::Null),
        JsonValue::Array(elements) => elements.iter().map(to_json).collect(),
        JsonValue::Object(members) => {
            members.iter().map(|member| (member.key.clone().into_owned(), to_json(&member.value))).collect()
        }
        _ => located.to_json(),
    }
}
