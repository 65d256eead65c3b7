//! Formats and parses the names of objects in the store, and name patterns for access policies. No other module
//! contains these names.
//!
//! A check file is `<prefix><unix-ns>-<node>-check.json`. The time has 19 digits, so names sort by time and a listing
//! can start at a given time. The original Checkup's `<unix-ns>-check.json` is also accepted.

mod heartbeat;
pub mod patterns;
mod summary;

use std::fmt;
use std::str::FromStr;

pub use self::heartbeat::{HEARTBEAT_FOLDER, HeartbeatName, InvalidJobName};
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
        let (node, ending) = name.split_at(name.find('.')?);
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

/// Returns whether the key is that of an object that checkers store: a check file, history, summary, badge, heartbeat
/// or message.
#[must_use]
pub fn is_stored_by_checkers(prefix: &str, key: &str) -> bool {
    let Some(name) = key.strip_prefix(prefix) else { return false };
    if CheckFileName::parse(name).is_some() {
        return true;
    }
    if HistoryName::parse(name).is_some() || HeartbeatName::parse(name).is_some() || SummaryName::parse(name).is_some()
    {
        return true;
    }
    let message = name.strip_prefix("messages/").and_then(|name| name.strip_suffix(".json"));
    message.and_then(|stem| stem.split_once('-')).is_some_and(|(time, rest)| {
        time.len() == TIME_DIGITS && time.bytes().all(|byte| byte.is_ascii_digit()) && !rest.contains('/')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_both_programs_are_read() {
        let ours = CheckFileName::parse("1795330254340493978-eu-west-check.json").expect("a name");
        assert_eq!(ours.node.as_ref().map(NodeName::as_str), Some("eu-west"));
        let originals = CheckFileName::parse("1795330254340493978-check.json").expect("a name");
        assert_eq!((originals.stored_at, originals.node), (1_795_330_254_340_493_978, None));
    }

    #[test]
    fn a_node_may_be_called_check() {
        let name = CheckFileName::parse("1795330254340493978-check-check.json").expect("a name");
        assert_eq!(name.node.as_ref().map(NodeName::as_str), Some("check"));
    }

    #[test]
    fn other_names_are_rejected() {
        for name in [
            "",
            "-check.json",
            "index.json",
            "179533025434049397-check.json",
            "17953302543404939781-check.json",
            "1795330254340493978-EU-check.json",
            "1795330254340493978--check.json",
            "1795330254340493978-check.json.tmp",
            "9999999999999999999-check.json",
            "+795330254340493978-check.json",
            "a/1795330254340493978-check.json",
            "1795330254340493978-../x-check.json",
            "1795330254340493978-abcdefghijklmnopqrstuvwxyz0123456-check.json",
        ] {
            assert_eq!(CheckFileName::parse(name), None, "{name}");
        }
    }

    #[test]
    fn history_names_are_unambiguous() {
        for (name, node, part) in [
            ("history/eu-west.json", Some("eu-west"), HistoryPart::Main),
            ("history/eu-west.latency.json", Some("eu-west"), HistoryPart::Latency),
            ("history/eu-latency.json", Some("eu-latency"), HistoryPart::Main),
            ("history/_nameless.json", None, HistoryPart::Main),
        ] {
            let node = node.map(|node| NodeName::new(node).expect("it fits"));
            let expected = HistoryName { node, part };
            assert_eq!(HistoryName::parse(name), Some(expected.clone()), "{name}");
            assert_eq!(expected.to_string(), name);
        }
        for name in [
            HISTORY_INDEX,
            "history/",
            "history/.json",
            "history/A.json",
            "history/a.json.gz",
            "a.json",
            "history/a/b.json",
        ] {
            assert_eq!(HistoryName::parse(name), None, "{name}");
            assert_eq!(CheckFileName::parse(name), None, "{name}");
        }
    }

    #[test]
    fn a_job_has_one_object_that_is_nothing_else() {
        let name = HeartbeatName::new("nightly-backup").unwrap();
        assert_eq!((name.to_string().as_str(), name.job()), ("heartbeats/nightly-backup.json", "nightly-backup"));
        assert_eq!(HeartbeatName::parse("heartbeats/nightly-backup.json"), Some(name));
        assert!(means(patterns::heartbeats("a/").as_bytes(), b"a/heartbeats/nightly-backup.json"));
        for job in ["", "Nightly", "a/b", "..", "a.b", &"x".repeat(65)] {
            assert_eq!(HeartbeatName::new(job), Err(InvalidJobName(job.to_owned())));
        }
        assert_eq!(CheckFileName::parse("heartbeats/x.json"), None);
        assert_eq!(HistoryName::parse("heartbeats/x.json"), None);
    }

    #[test]
    fn a_host_name_becomes_a_node_name() {
        for (host, node) in [("Web-01.example.com", "web-01"), ("höst_2", "h-st-2"), ("...", "node"), ("", "node")] {
            assert_eq!(NodeName::from_host_name(host).as_str(), node);
        }
    }

    #[test]
    fn a_prefix_names_folders() {
        for prefix in ["", "status/", "a/b/"] {
            assert_eq!(validate_prefix(prefix), Ok(()));
        }
        for prefix in ["status", "/status/", "a//b/", "../", "/"] {
            assert!(validate_prefix(prefix).is_err(), "{prefix}");
        }
    }

    /// Returns whether a pattern matches this name, according to the rules of AWS policies.
    fn means(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern.first(), name.first()) {
            (None, None) => true,
            (Some(b'*'), _) => means(&pattern[1..], name) || (!name.is_empty() && means(pattern, &name[1..])),
            (Some(b'?'), Some(_)) => means(&pattern[1..], &name[1..]),
            (Some(one), Some(other)) if one == other => means(&pattern[1..], &name[1..]),
            _ => false,
        }
    }

    #[test]
    fn a_nodes_patterns_match_its_own_names_and_no_other_nodes() {
        let matches_any =
            |patterns: &[String], name: &str| patterns.iter().any(|pattern| means(pattern.as_bytes(), name.as_bytes()));
        let (west, eu_west) = (NodeName::new("west").unwrap(), NodeName::new("eu-west").unwrap());
        for stored_at in [1_795_330_254_340_493_978, 2_795_330_254_340_493_978] {
            let file = |node: &NodeName| format!("status/{}", CheckFileName { stored_at, node: Some(node.clone()) });
            for (one, other) in [(&west, &eu_west), (&eu_west, &west)] {
                let own = patterns::check_files("status/", one);
                assert!(matches_any(&own, &file(one)));
                assert!(!matches_any(&own, &file(other)));
                assert!(!matches_any(&own, file(one).strip_prefix("status/").unwrap()));
                let name = CheckFileName { stored_at, node: Some(one.clone()) };
                assert!(matches_any(&[patterns::for_check_file("status/", &name)], &file(one)));
                let message = |node| format!("status/messages/{stored_at}-{node}-message.json");
                assert!(matches_any(&patterns::messages("status/", one), &message(one)));
                assert!(!matches_any(&patterns::messages("status/", one), &message(other)));
                assert!(
                    !patterns::history("status/", one)
                        .iter()
                        .any(|name| patterns::history("status/", other).contains(name))
                );
            }
            let originals = CheckFileName { stored_at, node: None }.to_string();
            assert!(matches_any(&patterns::legacy_check_files(""), &originals));
            assert!(!matches_any(&patterns::check_files("", &west), &originals));
            assert!(means(patterns::everything("status/").as_bytes(), file(&west).as_bytes()));
        }
    }

    #[test]
    fn a_nodes_patterns_match_no_objects_in_folders() {
        let west = NodeName::new("west").unwrap();
        let own = patterns::check_files("status/", &west);
        let all = own.iter().chain(&patterns::legacy_check_files("status/")).cloned().collect::<Vec<_>>();
        for folder in [HISTORY_FOLDER, summary::SUMMARY_FOLDER, summary::BADGE_FOLDER, "heartbeats/", "messages/"] {
            for end in ["-west-check.json", "-check.json"] {
                // Together, the folder and these letters have the length of a time, and `?` also matches letters.
                let name = format!("status/{folder}{}{end}", "a".repeat(19 - folder.len()));
                assert!(!all.iter().any(|pattern| means(pattern.as_bytes(), name.as_bytes())), "{name}");
            }
        }
    }

    #[test]
    fn a_prefix_with_wildcards_has_no_patterns() {
        assert_eq!(patterns::validate_prefix("status/"), Ok(()));
        for prefix in ["st*/", "s?/", "${aws:username}/"] {
            assert!(patterns::validate_prefix(prefix).is_err(), "{prefix}");
        }
    }

    #[test]
    fn objects_of_checkers_are_recognized() {
        for name in [
            "1795330254340493978-eu-west-check.json",
            "1795330254340493978-check.json",
            "history/eu-west.json",
            "history/eu-west.latency.json",
            "heartbeats/nightly-backup.json",
            "messages/1795330254340493978-eu-west-message.json",
        ] {
            assert!(is_stored_by_checkers("status/", &format!("status/{name}")), "{name}");
            assert!(!is_stored_by_checkers("status/", name), "{name}");
        }
        for name in [
            "index.html",
            "1-report.pdf",
            "history/",
            "history/Notes.json",
            "history/a/b.json",
            "heartbeats/Nightly.json",
            "heartbeats/a/b.json",
            "messages/x.json",
            "messages/1795330254340493978-a/b.json",
        ] {
            assert!(!is_stored_by_checkers("", name), "{name}");
        }
    }

    #[test]
    fn check_files_have_the_prefixes_of_lifecycle_rules() {
        let name = |stored_at| CheckFileName { stored_at, node: None }.to_string();
        let beginnings = check_file_prefixes("a/");
        assert!(format!("a/{}", name(1_795_330_254_340_493_978)).starts_with(&beginnings[0]));
        assert!(format!("a/{}", name(2_795_330_254_340_493_978)).starts_with(&beginnings[1]));
    }

    proptest! {
        #[test]
        fn a_name_reads_back_equal(stored_at in 0..=i64::MAX, node in prop::option::of("[a-z0-9-]{1,32}")) {
            let node = node.map(|node| NodeName::new(&node).expect("it fits"));
            let name = CheckFileName { stored_at, node };
            prop_assert_eq!(CheckFileName::parse(&name.to_string()), Some(name.clone()));
            prop_assert_eq!(CheckFileName::parse_key("a/b/", &format!("a/b/{name}")), Some(name));
        }

        #[test]
        fn byte_order_is_time_order(one in 0..=i64::MAX, other in 0..=i64::MAX) {
            let spelled = |stored_at| CheckFileName { stored_at, node: None }.to_string();
            prop_assert_eq!(one.cmp(&other), spelled(one).cmp(&spelled(other)));
        }

        #[test]
        fn a_listing_from_a_time_contains_what_was_stored_then_and_later(
            stored_at in 1..=i64::MAX, node in prop::option::of("[a-z0-9-]{1,32}"), from in 1..=i64::MAX,
        ) {
            let node = node.map(|node| NodeName::new(&node).expect("it fits"));
            let key = format!("p/{}", CheckFileName { stored_at, node });
            prop_assert_eq!(key.as_str() > start_after("p/", from).as_str(), stored_at >= from);
            prop_assert!(key.as_str() > start_after("p/", stored_at).as_str());
        }

        #[test]
        fn any_host_gives_a_name_that_is_one(host in ".{0,80}") {
            let node = NodeName::from_host_name(&host);
            prop_assert_eq!(NodeName::new(node.as_str()), Ok(node.clone()));
        }
    }
}
