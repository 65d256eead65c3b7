//! The configuration of `exec` notifiers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::NotifierType;
use super::converter::NotifierConverter;
use crate::config::patterns;
use crate::config::spec::{ValueKind, Variant, optional, required};
use crate::notify::channels::Transport;
use crate::notify::channels::exec::ExecChannel;

pub(super) const TYPE: NotifierType = NotifierType {
    variant: Variant {
        name: "exec",
        description: "A command that receives the message as JSON on its standard input. It runs without a shell. Exit status 0 means delivered, 75 means that the command should run again later, and any other status means refused.",
        fields: &[
            required(
                "command",
                ValueKind::Pattern(patterns::NOT_BLANK),
                "The program: a path, or a name to search for in `PATH`.",
            ),
            optional(
                "arguments",
                ValueKind::List(&ValueKind::String),
                "none",
                "The program's arguments, which all users of the machine can see.",
            ),
        ],
    },
    convert,
};

#[derive(Deserialize)]
struct RawExecChannel {
    command: String,
    #[serde(default)]
    arguments: Vec<String>,
}

fn convert(converter: &mut NotifierConverter<'_>) -> Option<Transport> {
    let raw: RawExecChannel = converter.read()?;
    let command = program(converter.text("command", raw.command)?, converter.folder);
    Some(Transport::Exec(Arc::new(ExecChannel { command, arguments: raw.arguments })))
}

/// Resolves a program. A bare name is searched for in `PATH`. Like all paths in the configuration file, a relative path
/// is resolved against the file's folder.
pub(super) fn program(command: String, folder: &Path) -> PathBuf {
    let path = PathBuf::from(command);
    if path.components().count() > 1 { folder.join(path) } else { path }
}
