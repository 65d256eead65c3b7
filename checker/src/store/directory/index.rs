//! The list of check files that plain HTTP readers need, in the original Checkup's format: `{"<file name>": <unix ns
//! when it was listed>, …}`. Pure.

use std::collections::{BTreeMap, BTreeSet};

use shared::object_name::{CheckFileName, HistoryName, HistoryPart, NodeName};
use shared::{HOUR, Nanos, UnixNanos};

use crate::store::object::HistoryFolderName;

/// Check files, each with the time when it was first listed.
pub(crate) type Index = BTreeMap<CheckFileName, UnixNanos>;

/// Parses an index. Entries that cannot be parsed are dropped: the files themselves are the source of truth.
pub(in crate::store) fn parse(json: &[u8]) -> Index {
    let entries: BTreeMap<String, serde_json::Value> = serde_json::from_slice(json).unwrap_or_default();
    entries
        .into_iter()
        .filter_map(|(name, listed_at)| Some((CheckFileName::parse(&name)?, listed_at.as_i64()?)))
        .collect()
}

/// Returns the index of these files. Files that `before` does not contain receive the time at which they were stored.
pub(crate) fn from_names(names: impl IntoIterator<Item = CheckFileName>, before: &Index) -> Index {
    names
        .into_iter()
        .map(|name| {
            let listed_at = before.get(&name).copied().unwrap_or(name.stored_at);
            (name, listed_at)
        })
        .collect()
}

/// How far back from the newest check file the short list reaches. No node's history lags by an hour, and an hour
/// contains only a few check files.
pub(crate) const SHORT_LIST: Nanos = HOUR;

/// Returns the short list for clients that read histories: all histories and digests of posts, and the newest check
/// files. It has the format of an index, so every client that parses an index can parse it, but its values have no
/// meaning.
pub(crate) fn recent(mut names: Vec<CheckFileName>, histories: &[HistoryFolderName]) -> String {
    let newest = names.iter().map(|name| name.stored_at).max().unwrap_or(0);
    names.retain(|name| name.stored_at >= newest.saturating_sub(SHORT_LIST));
    names.sort_unstable();
    let check_files = names.iter().map(|name| format!("\"{name}\":{}", name.stored_at));
    let histories = histories.iter().map(|name| format!("\"{name}\":0"));
    format!("{{{}}}", check_files.chain(histories).collect::<Vec<_>>().join(","))
}

/// Returns the names of the histories of all nodes that stored these check files, whether they exist or not.
pub(crate) fn expected_histories(names: &[CheckFileName]) -> Vec<HistoryFolderName> {
    let nodes: BTreeSet<Option<&NodeName>> = names.iter().map(|name| name.node.as_ref()).collect();
    let history = |node: Option<&NodeName>| HistoryName { node: node.cloned(), part: HistoryPart::Main };
    nodes.into_iter().map(|node| HistoryFolderName::History(history(node))).collect()
}

/// Writes an index, sorted by name.
pub(crate) fn to_json(index: &Index) -> String {
    // Names do not need escaping: they contain only digits, lowercase letters, hyphens and a dot.
    let entries: Vec<String> = index.iter().map(|(name, listed_at)| format!("\"{name}\":{listed_at}")).collect();
    format!("{{{}}}", entries.join(","))
}

#[cfg(test)]
mod tests {
    use crate::store::ListedName as _;
    use crate::store::directory::index::*;

    const GOLDEN: &str = include_str!("../../../../shared/golden/index.json");

    #[test]
    fn an_original_index_round_trips() {
        let index = parse(GOLDEN.as_bytes());
        assert_eq!(index.len(), 3);
        assert_eq!(to_json(&index), GOLDEN.trim_end());
    }

    #[test]
    fn an_index_maps_names_to_times() {
        let name = CheckFileName::parse("1795330254340493978-eu-west-check.json").unwrap();
        let json = to_json(&from_names([name.clone()], &Index::new()));
        assert_eq!(json, r#"{"1795330254340493978-eu-west-check.json":1795330254340493978}"#);
        assert_eq!(parse(json.as_bytes()).into_iter().collect::<Vec<_>>(), [(name, 1_795_330_254_340_493_978)]);
        assert_eq!(to_json(&Index::new()), "{}");
    }

    #[test]
    fn the_short_list_has_all_histories_and_digests_and_the_newest_files() {
        let name = |at: UnixNanos| CheckFileName { stored_at: 1_795_330_254_340_493_978 + at, node: None };
        let folder =
            ["history/anna.posts.json", "history/eu-west.json"].map(|name| HistoryFolderName::parse(name).unwrap());
        let json = recent(vec![name(2 * HOUR), name(0), name(HOUR)], &folder);
        let read: BTreeMap<String, i64> = serde_json::from_str(&json).unwrap();
        let expected =
            [&name(HOUR).to_string(), &name(2 * HOUR).to_string(), "history/anna.posts.json", "history/eu-west.json"];
        assert_eq!(read.into_keys().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn an_invalid_index_counts_as_empty() {
        for json in ["", "{", "[]", "null", r#"{"index.json":1,"1795330254340493978-check.json":"x"}"#] {
            assert_eq!(parse(json.as_bytes()), Index::new(), "{json}");
        }
    }
}
