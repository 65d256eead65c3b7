//! Name patterns for access policies, in which `*` matches any characters and `?` matches one character.
//!
//! A prefix that contains one of those characters cannot be part of a pattern; see [`validate_prefix`].

use super::heartbeat::{HEARTBEAT_FOLDER, HEARTBEAT_SUFFIX};
use super::post::POST_SUFFIX;
use super::{
    BADGE_FOLDER, CHECK_FILE_SUFFIX, CheckFileName, DigestName, HISTORY_FOLDER, LogName, NodeName, OUTPUT_FOLDER,
    POST_FOLDER, SUMMARY_FOLDER, TIME_DIGITS,
};

/// Patterns for times, which have 19 digits and start with 1 until 2033 and with 2 until 2065.
///
/// If the patterns were `*`, a policy for the `west` node would also cover the `eu-west` node's files. Without the
/// first digit, they would match in folders, such as `history/aaaaaaaaaaa-west-check.json`, because `?` also matches
/// letters and slashes. No folder in the store starts with 1 or 2.
const TIMES: [&str; 2] = ["1??????????????????", "2??????????????????"];

/// Returns a pattern that matches all objects in the store.
#[must_use]
pub fn everything(prefix: &str) -> String {
    format!("{prefix}*")
}

/// Returns patterns that match one node's check files.
#[must_use]
pub fn check_files(prefix: &str, node: &NodeName) -> [String; 2] {
    TIMES.map(|time| format!("{prefix}{time}-{node}{CHECK_FILE_SUFFIX}"))
}

/// Returns patterns that match the check files of the original Checkup, which has no nodes.
#[must_use]
pub fn legacy_check_files(prefix: &str) -> [String; 2] {
    TIMES.map(|time| format!("{prefix}{time}{CHECK_FILE_SUFFIX}"))
}

/// Returns the pattern that matches this check file and others from the same node.
#[must_use]
pub fn for_check_file(prefix: &str, name: &CheckFileName) -> String {
    let [until_2033, until_2065] = match &name.node {
        Some(node) => check_files(prefix, node),
        None => legacy_check_files(prefix),
    };
    if name.to_string().starts_with('2') { until_2065 } else { until_2033 }
}

/// Returns the pattern that matches both objects of a node's history, and the digest of the posts in its name.
///
/// One pattern for all of them keeps policies short: IAM limits their length. Node names do not contain dots, so no
/// other node's objects match.
#[must_use]
pub fn history(prefix: &str, node: &NodeName) -> String {
    format!("{prefix}{HISTORY_FOLDER}{node}.*json")
}

/// Returns patterns that match one node's summaries and badges.
#[must_use]
pub fn summaries(prefix: &str, node: &NodeName) -> [String; 2] {
    super::summary::patterns_of(prefix, node)
}

/// Returns the pattern that matches one node's outputs for other programs. Only this node stores objects in the folder.
#[must_use]
pub fn outputs(prefix: &str, node: &NodeName) -> String {
    format!("{prefix}{OUTPUT_FOLDER}{node}/*")
}

/// Returns patterns that match the summaries, badges and outputs of all nodes, which the operator can let
/// everyone read.
#[must_use]
pub fn public_outputs(prefix: &str) -> [String; 3] {
    [SUMMARY_FOLDER, BADGE_FOLDER, OUTPUT_FOLDER].map(|folder| format!("{prefix}{folder}*"))
}

/// Returns the pattern that matches one node's notification log.
#[must_use]
pub fn notification_log(prefix: &str, node: &NodeName) -> String {
    format!("{prefix}{}", LogName { node: node.clone() })
}

/// Returns the pattern that matches one author's posts. The time has its exact length, so `west` does not match the
/// posts of `eu-west`, and the dot ends the author's name, so `eu` does not match them either.
#[must_use]
pub fn posts(prefix: &str, author: &NodeName) -> String {
    format!("{prefix}{POST_FOLDER}{}-{author}.*{POST_SUFFIX}", "?".repeat(TIME_DIGITS))
}

/// Returns the pattern that matches the digest of one author's posts.
#[must_use]
pub fn digest(prefix: &str, author: &NodeName) -> String {
    format!("{prefix}{}", DigestName { author: author.clone() })
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
