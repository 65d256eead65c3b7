//! Formats and parses the names of objects in the store, and name patterns for access policies. No other module
//! contains these names.
//!
//! A check file is `<prefix><unix-ns>-<node>-check.json`. The time has 19 digits, so names sort by time and a listing
//! can start at a given time. The original Checkup's `<unix-ns>-check.json` is also accepted.

mod heartbeat;
mod notification_log;
mod output;
pub mod patterns;
mod post;
mod summary;

use std::fmt;
use std::str::FromStr;

pub use self::heartbeat::{HEARTBEAT_FOLDER, HeartbeatName, InvalidJobName};
pub use self::notification_log::{LOG_FOLDER, LogName};
pub use self::output::{OUTPUT_FOLDER, OutputForm, OutputName, StatuspageDocument};
pub use self::post::{DigestName, InvalidPostId, POST_FOLDER, PostId, PostKind, PostName};
pub use self::summary::{BADGE_FOLDER, BadgeTitle, SUMMARY_FOLDER, SummaryForm, SummaryName};
use crate::UnixNanos;

/// The index of a directory's check files, for clients that use plain HTTP, as in the original Checkup.
pub const INDEX: &str = "index.json";

/// The page's configuration file, next to its `index.html`.
pub const PAGE_CONFIG: &str = "config.json";

/// The folder for histories, next to the check files.
pub const HISTORY_FOLDER: &str = "history/";

/// The index of a directory's histories and newest check files, for clients that use plain HTTP. It stays short. No
/// node's history can have this name, because node names do not contain underscores.
pub const HISTORY_INDEX: &str = "history/_index.json";

/// A placeholder for the node in the name of a history whose check files have no node.
const UNNAMED: &str = "_nameless";

/// The suffix of a history. Node names do not contain dots, so it cannot be confused with [`LATENCY_SUFFIX`].
const HISTORY_SUFFIX: &str = ".json";
const LATENCY_SUFFIX: &str = ".latency.json";

const CHECK_FILE_SUFFIX: &str = "-check.json";

/// The number of digits of a time in nanoseconds, from 2001 to 2286.
const TIME_DIGITS: usize = 19;

const NODE_NAME_LIMIT: usize = 32;

/// The name of a node: 1 to 32 characters of `a-z`, `0-9` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeName(String);

/// An error for text that is not a node name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid node name `{0}`: use 1–32 lowercase letters, digits and hyphens, for example `eu-west`")]
pub struct InvalidNodeName(pub String);

/// Returns whether a string is a valid name of a node or job: 1 to `limit` lowercase letters, digits and hyphens.
pub(crate) fn is_valid_name(text: &str, limit: usize) -> bool {
    (1..=limit).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

impl NodeName {
    /// Validates a node name, which stays unchanged.
    pub fn new(text: &str) -> Result<NodeName, InvalidNodeName> {
        if is_valid_name(text, NODE_NAME_LIMIT) {
            Ok(NodeName(text.to_owned()))
        } else {
            Err(InvalidNodeName(text.to_owned()))
        }
    }

    /// Derives a node name from the first label of a host name. Invalid characters become hyphens, and `node` is used
    /// if nothing remains.
    #[must_use]
    pub fn from_host_name(host: &str) -> NodeName {
        let label = host.split('.').next().unwrap_or_default().to_lowercase();
        let spelled: String = label
            .chars()
            .map(|character| if character.is_ascii_lowercase() || character.is_ascii_digit() { character } else { '-' })
            .take(NODE_NAME_LIMIT)
            .collect();
        let spelled = spelled.trim_matches('-');
        NodeName(if spelled.is_empty() { "node".to_owned() } else { spelled.to_owned() })
    }

    /// Returns the name as it appears in object names.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl FromStr for NodeName {
    type Err = InvalidNodeName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        NodeName::new(text)
    }
}

/// The name of a check file, without the store's prefix. Names sort by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckFileName {
    /// When the round was stored.
    pub stored_at: UnixNanos,
    /// The node that stored the file, or `None` for a file of the original Checkup.
    pub node: Option<NodeName>,
}

impl CheckFileName {
    /// Parses a name without the prefix. Returns `None` if it is not a check file's name.
    #[must_use]
    pub fn parse(name: &str) -> Option<CheckFileName> {
        let stem = name.strip_suffix(CHECK_FILE_SUFFIX)?;
        let (time, node) = match stem.split_once('-') {
            Some((time, node)) => (time, Some(NodeName::new(node).ok()?)),
            None => (stem, None),
        };
        if time.len() != TIME_DIGITS || !time.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(CheckFileName { stored_at: time.parse().ok()?, node })
    }

    /// Parses a key with the prefix. Returns `None` if it is not a check file's key.
    #[must_use]
    pub fn parse_key(prefix: &str, key: &str) -> Option<CheckFileName> {
        CheckFileName::parse(key.strip_prefix(prefix)?)
    }
}

impl fmt::Display for CheckFileName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:0TIME_DIGITS$}", self.stored_at.max(0))?;
        if let Some(node) = &self.node {
            write!(formatter, "-{node}")?;
        }
        formatter.write_str(CHECK_FILE_SUFFIX)
    }
}

/// The name of a node's history, without the store's prefix.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HistoryName {
    /// The node, or `None` for check files without a node, such as the original Checkup's.
    pub node: Option<NodeName>,
    /// The part of the history, which is a separate object.
    pub part: HistoryPart,
}

/// The parts of a history, each of which is an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HistoryPart {
    /// The object `<node>.json` with a [`crate::history::History`].
    Main,
    /// The object `<node>.latency.json` with [`crate::history::Latencies`], which are read only when details are
    /// needed.
    Latency,
}

impl HistoryPart {
    fn ending(self) -> &'static str {
        match self {
            HistoryPart::Main => HISTORY_SUFFIX,
            HistoryPart::Latency => LATENCY_SUFFIX,
        }
    }
}

impl HistoryName {
    /// Parses a name without the prefix. Returns `None` if it is not a history's name.
    #[must_use]
    pub fn parse(name: &str) -> Option<HistoryName> {
        let name = name.strip_prefix(HISTORY_FOLDER)?;
        let (node, ending) = name.split_at_checked(name.find('.')?)?;
        let part = [HistoryPart::Main, HistoryPart::Latency].into_iter().find(|part| part.ending() == ending)?;
        let node = if node == UNNAMED { None } else { Some(NodeName::new(node).ok()?) };
        Some(HistoryName { node, part })
    }

    /// Parses a key with the prefix. Returns `None` if it is not a history's key.
    #[must_use]
    pub fn parse_key(prefix: &str, key: &str) -> Option<HistoryName> {
        HistoryName::parse(key.strip_prefix(prefix)?)
    }
}

impl fmt::Display for HistoryName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = self.node.as_ref().map_or(UNNAMED, NodeName::as_str);
        write!(formatter, "{HISTORY_FOLDER}{node}{}", self.part.ending())
    }
}

/// Returns the exclusive start of a listing that contains every check file stored at `time` or later.
#[must_use]
pub fn start_after(prefix: &str, time: UnixNanos) -> String {
    // `~` sorts after every character that can follow the time, so this is after all files of the previous nanosecond.
    format!("{prefix}{:0TIME_DIGITS$}~", time.max(1) - 1)
}

/// An error for text that is not a valid prefix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPrefix {
    /// The prefix starts with a slash, or contains control characters or an empty, `.` or `..` segment.
    #[error(
        "invalid prefix `{0}`: use a path without a leading slash, control characters, or empty, `.` or `..` segments, for example `status/`"
    )]
    Segments(String),
    /// The prefix does not end with a slash.
    #[error("invalid prefix `{0}`: end it with a slash: `{0}/`")]
    MissingTrailingSlash(String),
}

/// Checks that a prefix is empty or a folder path such as `status/` or `a/b/`.
pub fn validate_prefix(prefix: &str) -> Result<(), InvalidPrefix> {
    if prefix.is_empty() {
        return Ok(());
    }
    let Some(folders) = prefix.strip_suffix('/') else {
        return Err(InvalidPrefix::MissingTrailingSlash(prefix.to_owned()));
    };
    let odd = |segment: &str| matches!(segment, "" | "." | "..") || segment.chars().any(char::is_control);
    if folders.split('/').any(odd) {
        return Err(InvalidPrefix::Segments(prefix.to_owned()));
    }
    Ok(())
}

/// Returns the prefixes of all check files, for lifecycle rules. A time in nanoseconds starts with 1 until 2033, and
/// with 2 until 2065. Other names that checkers store do not start with 1 or 2.
#[must_use]
pub fn check_file_prefixes(prefix: &str) -> [String; 2] {
    [format!("{prefix}1"), format!("{prefix}2")]
}

/// Returns whether this is the key of an object that checkers store: a check file, history, summary, badge, output,
/// heartbeat, notification log, post or digest of posts.
#[must_use]
pub fn is_stored_by_checkers(prefix: &str, key: &str) -> bool {
    let Some(name) = key.strip_prefix(prefix) else { return false };
    if CheckFileName::parse(name).is_some() {
        return true;
    }
    if HistoryName::parse(name).is_some() || HeartbeatName::parse(name).is_some() {
        return true;
    }
    if PostName::parse(name).is_some() || DigestName::parse(name).is_some() {
        return true;
    }
    if OutputName::parse(name).is_some() {
        return true;
    }
    SummaryName::parse(name).is_some() || LogName::parse(name).is_some()
}

#[cfg(test)]
mod tests;
