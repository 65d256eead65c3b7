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
    let signing_key = match raw.secret {
        Some(secret) => Some(converter.accept("secret", SigningKey::parse(&secret))?),
        None => None,
    };
    let body = match converter.located.member("body") {
        Some(body) => Some(converter.accept("body", BodyTemplate::parse(to_json(body)))?),
        None => None,
    };
    Some(http(Webhook { url: url?, headers: headers?, signing_key, body }))
}

/// Converts the headers. Errors omit header values, which can contain secrets.
fn headers(
    raw: BTreeMap<String, OneOrMany>,
    converter: &mut NotifierConverter<'_>,
) -> Option<Vec<(HeaderName, Secret)>> {
    let mut headers = Vec::new();
    for (name, values) in raw {
        let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
            converter.error("headers", format!("invalid header name `{name}`"));
            return None;
        };
        for value in values.into_vec() {
            if value.parse::<HeaderValue>().is_err() {
                converter.error("headers", format!("invalid character in the value of header `{name}`"));
                return None;
            }
            headers.push((header.clone(), Secret::new(value)));
        }
    }
    Some(headers)
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
