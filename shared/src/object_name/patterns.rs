//! Name patterns for access policies, in which `*` matches any characters and `?` matches one character.
//!
//! A prefix that contains one of those characters cannot be part of a pattern; see [`validate_prefix`].

use super::heartbeat::{HEARTBEAT_FOLDER, HEARTBEAT_SUFFIX};
use super::{CHECK_FILE_SUFFIX, HistoryName, HistoryPart, NodeName};

/// Matches a time with 19 digits. With `*` instead, a policy for the node `west` would include the files of the node
/// `eu-west`.
const ANY_TIME: &str = "???????????????????";

/// Returns a pattern that matches all objects in the store.
#[must_use]
pub fn everything(prefix: &str) -> String {
    format!("{prefix}*")
}

/// Returns a pattern that matches one node's check files.
#[must_use]
pub fn check_files(prefix: &str, node: &NodeName) -> String {
    format!("{prefix}{ANY_TIME}-{node}{CHECK_FILE_SUFFIX}")
}

/// Returns a pattern that matches the check files of the original Checkup, which has no nodes.
#[must_use]
pub fn legacy_check_files(prefix: &str) -> String {
    format!("{prefix}{ANY_TIME}{CHECK_FILE_SUFFIX}")
}

/// Returns patterns that match both objects of a node's history.
#[must_use]
pub fn history(prefix: &str, node: &NodeName) -> [String; 2] {
    [HistoryPart::Main, HistoryPart::Latency]
        .map(|part| format!("{prefix}{}", HistoryName { node: Some(node.clone()), part }))
}

/// Returns patterns that match one node's summaries and badges.
#[must_use]
pub fn summaries(prefix: &str, node: &NodeName) -> [String; 3] {
    super::summary::patterns_of(prefix, node)
}

/// Returns a pattern that matches one node's messages, which are named like check files but stored in a separate
/// folder.
#[must_use]
pub fn messages(prefix: &str, node: &NodeName) -> String {
    format!("{prefix}messages/{ANY_TIME}-{node}*.json")
}

/// Returns a pattern that matches the heartbeats of all jobs. Any machine with a writer's keys can send them.
#[must_use]
pub fn heartbeats(prefix: &str) -> String {
    format!("{prefix}{HEARTBEAT_FOLDER}*{HEARTBEAT_SUFFIX}")
}

/// An error for a prefix that cannot be part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "permissions cannot be limited to the prefix `{0}`: use one without `*`, `?` and `$`, which have a special meaning in policies"
)]
pub struct InvalidPatternPrefix(pub String);

/// Rejects prefixes that contain policy wildcards.
pub fn validate_prefix(prefix: &str) -> Result<(), InvalidPatternPrefix> {
    if prefix.contains(['*', '?', '$']) { Err(InvalidPatternPrefix(prefix.to_owned())) } else { Ok(()) }
}
