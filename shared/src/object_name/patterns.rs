//! Patterns of names for access policies, where `*` matches any characters and `?` matches one.
//!
//! A prefix that contains one of those characters cannot be part of a pattern; see [`validate_prefix`].

use super::heartbeat::{HEARTBEAT_FOLDER, HEARTBEAT_SUFFIX};
use super::{CHECK_FILE_SUFFIX, HistoryName, HistoryPart, NodeName};

/// Matches a time with 19 digits. With `*` instead, a policy for the node `west` would include the files of `eu-west`.
const ANY_TIME: &str = "???????????????????";

/// All objects in the store.
#[must_use]
pub fn everything(prefix: &str) -> String {
    format!("{prefix}*")
}

/// The check files of one node.
#[must_use]
pub fn check_files(prefix: &str, node: &NodeName) -> String {
    format!("{prefix}{ANY_TIME}-{node}{CHECK_FILE_SUFFIX}")
}

/// The check files of the original Checkup, which has no nodes.
#[must_use]
pub fn legacy_check_files(prefix: &str) -> String {
    format!("{prefix}{ANY_TIME}{CHECK_FILE_SUFFIX}")
}

/// Both objects of a node's history.
#[must_use]
pub fn history(prefix: &str, node: &NodeName) -> [String; 2] {
    [HistoryPart::Main, HistoryPart::Latency]
        .map(|part| format!("{prefix}{}", HistoryName { node: Some(node.clone()), part }))
}

/// The summaries and badges of one node.
#[must_use]
pub fn summaries(prefix: &str, node: &NodeName) -> [String; 3] {
    super::summary::patterns_of(prefix, node)
}

/// The messages of one node: named like check files, in a separate folder.
#[must_use]
pub fn messages(prefix: &str, node: &NodeName) -> String {
    format!("{prefix}messages/{ANY_TIME}-{node}*.json")
}

/// The heartbeats of all jobs: any machine with a writer's keys can send them.
#[must_use]
pub fn heartbeats(prefix: &str) -> String {
    format!("{prefix}{HEARTBEAT_FOLDER}*{HEARTBEAT_SUFFIX}")
}

/// The prefix cannot be part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "permissions cannot be limited to the prefix `{0}`: use one without `*`, `?` and `$`, which have a special meaning in policies"
)]
pub struct InvalidPatternPrefix(pub String);

/// Rejects prefixes with policy wildcards.
pub fn validate_prefix(prefix: &str) -> Result<(), InvalidPatternPrefix> {
    if prefix.contains(['*', '?', '$']) { Err(InvalidPatternPrefix(prefix.to_owned())) } else { Ok(()) }
}
