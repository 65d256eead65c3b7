//! The configuration of `apprise` notifiers.

use std::sync::Arc;

use serde::Deserialize;

use super::NotifierType;
use super::converter::NotifierConverter;
use super::exec::program;
use crate::config::patterns;
use crate::config::raw::OneOrMany;
use crate::config::spec::{ValueKind, Variant, optional, required};
use crate::notify::channels::Transport;
use crate::notify::channels::apprise::Apprise;

const DEFAULT_COMMAND: &str = "apprise";

pub(super) const TYPE: NotifierType = NotifierType {
    variant: Variant {
        name: "apprise",
        description: "One of more than 100 other services, through the program [Apprise](https://github.com/caronc/apprise).",
        fields: &[
            required(
                "urls",
                ValueKind::OneOrMany(&ValueKind::Secret),
                "The URLs of the services, in Apprise's format.",
            ),
            optional(
                "command",
                ValueKind::Pattern(patterns::NOT_BLANK),
                "`apprise`",
                "The program: a path, or a name to search for in `PATH`.",
            ),
        ],
    },
    convert,
};

#[derive(Deserialize)]
struct RawApprise {
    urls: OneOrMany,
    command: Option<String>,
}

fn convert(converter: &mut NotifierConverter<'_>) -> Option<Transport> {
    let raw: RawApprise = converter.read()?;
    let urls = raw.urls.into_vec();
    if urls.is_empty() {
        converter.reject("urls", "is empty: expected at least one URL, for example `ntfys://ntfy.example.com/status`");
        return None;
    }
    let urls: Option<Vec<_>> = urls.into_iter().map(|url| converter.secret("urls", url)).collect();
    let command = converter.text("command", raw.command.unwrap_or_else(|| DEFAULT_COMMAND.to_owned()))?;
    Some(Transport::Apprise(Arc::new(Apprise { command: program(command, converter.folder), urls: urls? })))
}
