//! Formats and parses the names of notification logs.

use std::fmt;

use super::NodeName;

/// The folder for notification logs, next to the check files. It sorts before all check files.
pub const LOG_FOLDER: &str = "0-notified/";
const LOG_SUFFIX: &str = ".json";

/// The name of a node's notification log, without the store's prefix: `0-notified/<node>.json`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogName {
    /// The node that stores the log.
    pub node: NodeName,
}

impl LogName {
    /// Parses a name without the prefix. Returns `None` if it is not a log's name.
    #[must_use]
    pub fn parse(name: &str) -> Option<LogName> {
        let node = name.strip_prefix(LOG_FOLDER)?.strip_suffix(LOG_SUFFIX)?;
        Some(LogName { node: NodeName::new(node).ok()? })
    }
}

impl fmt::Display for LogName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{LOG_FOLDER}{}{LOG_SUFFIX}", self.node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_has_one_log_that_sorts_before_all_check_files() {
        let name = LogName { node: NodeName::new("eu-west").expect("a name") };
        assert_eq!(name.to_string(), "0-notified/eu-west.json");
        assert_eq!(LogName::parse("0-notified/eu-west.json"), Some(name.clone()));
        let key = format!("status/{name}");
        assert!(key < super::super::start_after("status/", 1_000_000_000_000_000_000), "{key}");
        for other in ["0-notified/.json", "0-notified/EU.json", "0-notified/a/b.json", "0-notified/a.json.gz", "a.json"]
        {
            assert_eq!(LogName::parse(other), None, "{other}");
        }
    }
}
