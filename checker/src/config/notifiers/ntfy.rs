//! The configuration of `ntfy` notifiers.

use serde::Deserialize;

use super::NotifierType;
use super::converter::{NotifierConverter, PASSWORD, TOKEN, USERNAME, http};
use crate::config::spec::{ValueKind, Variant, required};
use crate::notify::channels::Transport;
use crate::notify::channels::ntfy::Ntfy;
use crate::redact::Secret;

pub(super) const TYPE: NotifierType = NotifierType {
    variant: Variant {
        name: "ntfy",
        description: "Push notifications, through an ntfy topic.",
        fields: &[
            required("url", ValueKind::SecretUrl, "The topic URL, for example `https://ntfy.sh/my-secret-topic`."),
            TOKEN,
            USERNAME,
            PASSWORD,
        ],
    },
    convert,
};

#[derive(Deserialize)]
struct RawNtfy {
    url: String,
}

fn convert(converter: &mut NotifierConverter<'_>) -> Option<Transport> {
    let raw: RawNtfy = converter.read()?;
    let authorization = converter.authorization();
    let url = converter.url("url", &raw.url)?;
    let Some((server, topic)) = url.split_last_segment() else {
        converter.reject("url", "has no topic: expected for example `https://ntfy.sh/my-secret-topic`");
        return None;
    };
    Some(http(Ntfy { server, topic: Secret::new(topic), authorization }))
}
