//! Patterns for a policy's resources, with `*` for any text and `?` for any one character.
//!
//! They stand here since they spell names. A prefix that holds one of those characters itself has no pattern; see
//! [`validate_prefix`].

use super::heartbeat::{HEARTBEAT_FOLDER, HEARTBEAT_SUFFIX};
use super::{CHECK_FILE_SUFFIX, HistoryName, HistoryPart, NodeName};

/// Nineteen characters, each of them any: how a policy says "a time" so exactly that the rights of the node `west` do
/// not reach what `eu-west` stores.
const ANY_TIME: &str = "???????????????????";

/// Everything in the store.
#[must_use]
pub fn everything(prefix: &str) -> String {
    format!("{prefix}*")
}

/// The check files of one node.
#[must_use]
pub fn check_files(prefix: &str, node: &NodeName) -> String {
    format!("{prefix}{ANY_TIME}-{node}{CHECK_FILE_SUFFIX}")
}

/// The check files of the original Checkup, which knows no nodes.
#[must_use]
pub fn legacy_check_files(prefix: &str) -> String {
    format!("{prefix}{ANY_TIME}{CHECK_FILE_SUFFIX}")
}

/// A node's own history: its spans and figures, and the sketches of its response times.
#[must_use]
pub fn history(prefix: &str, node: &NodeName) -> [String; 2] {
    [HistoryPart::Main, HistoryPart::Latency]
        .map(|part| format!("{prefix}{}", HistoryName { node: Some(node.clone()), part }))
}

/// What a node tells to those who run no script: its summaries, and its badges, whatever the titles.
#[must_use]
pub fn summaries(prefix: &str, node: &NodeName) -> [String; 3] {
    super::summary::patterns_of(prefix, node)
}

/// The messages of one node: named like check files, in a folder of their own.
#[must_use]
pub fn messages(prefix: &str, node: &NodeName) -> String {
    format!("{prefix}messages/{ANY_TIME}-{node}*.json")
}

/// The heartbeats of all jobs: a job is no node, and may report in from any machine that has a writer's keys.
#[must_use]
pub fn heartbeats(prefix: &str) -> String {
    format!("{prefix}{HEARTBEAT_FOLDER}*{HEARTBEAT_SUFFIX}")
}

/// The prefix can be no part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "rights cannot be limited to the prefix `{0}`; use one without `*`, `?` and `$`, which have a special meaning in policies"
)]
pub struct InvalidPatternPrefix(pub String);

/// Checks that a prefix means itself in a pattern.
pub fn validate_prefix(prefix: &str) -> Result<(), InvalidPatternPrefix> {
    if prefix.contains(['*', '?', '$']) { Err(InvalidPatternPrefix(prefix.to_owned())) } else { Ok(()) }
}
