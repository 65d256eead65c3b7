//! The configuration of `exec` checks: keys, defaults and the conversion to an [`ExecCheck`].

use std::path::Path;

use serde::Deserialize;
use shared::status::Status;

use super::common::timeout;
use super::converter::{CheckConverter, not_empty};
use super::{CheckType, DEFAULT_TIMEOUT};
use crate::checks::exec::ExecCheck;
use crate::checks::{self as kinds, CheckKind};
use crate::config::patterns;
use crate::config::spec::{ValueKind, Variant, optional, required};

pub(super) const TYPE: CheckType = CheckType {
    variant: Variant {
        name: "exec",
        description: "A command that runs without a shell. When the attempt ends, its process group is killed; processes that left the group (`setsid`) keep running.",
        fields: &[
            required("name", ValueKind::Pattern(patterns::NOT_BLANK), "The title of the endpoint."),
            required(
                "command",
                ValueKind::Pattern(patterns::NOT_BLANK),
                "The program: a path, or a name to search for in `PATH`.",
            ),
            optional("arguments", ValueKind::List(&ValueKind::String), "none", "The program's arguments."),
            timeout("`10s`", "The time limit for the command."),
            optional(
                "exit_status",
                ValueKind::Integer(0, 255),
                "`0`, or any if an assertion is about `[STATUS]`",
                "The exit status that counts as success.",
            ),
            optional("must_contain", ValueKind::String, "none", "A string that the output must contain."),
            optional("must_not_contain", ValueKind::String, "none", "A string that the output must not contain."),
            optional(
                "raise",
                ValueKind::Enum(&["error", "warn", "warning"]),
                "`error`",
                "The status after a failure: `error` is down, `warn` (or `warning`) is degraded.",
            ),
        ],
    },
    subjects: kinds::exec::SUBJECTS,
    default_timeout: DEFAULT_TIMEOUT,
    convert,
};

#[derive(Deserialize)]
struct RawExec {
    command: String,
    #[serde(default)]
    arguments: Vec<String>,
    exit_status: Option<i32>,
    #[serde(default)]
    must_contain: String,
    #[serde(default)]
    must_not_contain: String,
    #[serde(default)]
    raise: String,
}

fn convert(converter: &mut CheckConverter<'_>) -> Option<CheckKind> {
    let raw: RawExec = converter.read()?;
    if raw.command.trim().is_empty() {
        converter.reject("command", "is empty: expected the path or the name of a program");
    }
    // A bare name is searched for in `PATH`. A path is relative to the folder of the configuration file, like all paths
    // in the file.
    let command = Path::new(&raw.command);
    let command = if command.components().count() > 1 { converter.folder.join(command) } else { command.to_owned() };
    Some(CheckKind::Exec(Box::new(ExecCheck {
        locator: raw.command,
        command,
        arguments: raw.arguments,
        timeout: converter.timeout,
        exit_status: raw.exit_status.or((!converter.asserts_status).then_some(0)),
        must_contain: not_empty(raw.must_contain),
        must_not_contain: not_empty(raw.must_not_contain),
        failure_status: if raw.raise.starts_with("warn") { Status::Degraded } else { Status::Down },
    })))
}
