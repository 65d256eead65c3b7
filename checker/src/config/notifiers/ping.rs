//! The configuration of `ping` notifiers.

use std::sync::Arc;

use serde::Deserialize;

use super::NotifierType;
use super::converter::NotifierConverter;
use crate::config::spec::{ValueKind, Variant, required};
use crate::notify::channels::Transport;
use crate::notify::channels::ping::Ping;

pub(super) const TYPE: NotifierType = NotifierType {
    variant: Variant {
        name: "ping",
        description: "A service such as healthchecks.io that alerts you when this checker stops. It receives a request after each round.",
        fields: &[required(
            "url",
            ValueKind::SecretUrl,
            "The URL to request. If results could not be stored, `/fail` is appended.",
        )],
    },
    convert,
};

#[derive(Deserialize)]
struct RawPing {
    url: String,
}

fn convert(converter: &mut NotifierConverter<'_>) -> Option<Transport> {
    let raw: RawPing = converter.read()?;
    let url = converter.url("url", &raw.url)?;
    Some(Transport::Ping(Arc::new(Ping { url })))
}
