//! The configuration of `matrix` notifiers.

use serde::Deserialize;

use super::NotifierType;
use super::converter::{NotifierConverter, http};
use crate::config::patterns;
use crate::config::spec::{ValueKind, Variant, required};
use crate::notify::channels::Transport;
use crate::notify::channels::matrix::Matrix;

pub(super) const TYPE: NotifierType = NotifierType {
    variant: Variant {
        name: "matrix",
        description: "A Matrix room without end-to-end encryption.",
        fields: &[
            required("url", ValueKind::SecretUrl, "The homeserver URL, for example `https://matrix.example.org`."),
            required("access_token", ValueKind::Secret, "The access token of a user who is in the room."),
            required(
                "room",
                ValueKind::Pattern(patterns::MATRIX_ROOM),
                "The room ID, for example `!abc:example.org`. An alias such as `#status:example.org` does not work.",
            ),
        ],
    },
    convert,
};

#[derive(Deserialize)]
struct RawMatrix {
    url: String,
    access_token: String,
    room: String,
}

fn convert(converter: &mut NotifierConverter<'_>) -> Option<Transport> {
    let raw: RawMatrix = converter.read()?;
    let server = converter.url("url", &raw.url);
    let access_token = converter.secret("access_token", raw.access_token);
    if !raw.room.starts_with('!') {
        let text = format!(
            "invalid room `{}`: expected its ID, which starts with `!`; clients show it in the room's advanced settings",
            raw.room
        );
        converter.error("room", text);
        return None;
    }
    Some(http(Matrix { server: server?, access_token: access_token?, room: raw.room }))
}
