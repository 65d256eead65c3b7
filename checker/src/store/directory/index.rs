//! The list of check files that plain HTTP readers need, in the original's format:
//! `{"<file name>": <unix ns when it was listed>, …}`. Pure; where it is kept and served is others' business.

use std::collections::BTreeMap;

use shared::object_name::{CheckFileName, HistoryName};
use shared::{HOUR, Nanos, UnixNanos};

/// Names, each with the time when it was listed.
pub(crate) type Index = BTreeMap<CheckFileName, UnixNanos>;

/// Reads an index. What cannot be read counts as absent, since the files themselves are the truth.
pub(in crate::store) fn read(json: &[u8]) -> Index {
    let entries: BTreeMap<String, serde_json::Value> = serde_json::from_slice(json).unwrap_or_default();
    entries
        .into_iter()
        .filter_map(|(name, listed_at)| Some((CheckFileName::parse(&name)?, listed_at.as_i64()?)))
        .collect()
}

/// The index of the files that are there. A file that was not listed yet counts as listed when it was stored.
pub(crate) fn of(names: impl IntoIterator<Item = CheckFileName>, before: &Index) -> Index {
    names
        .into_iter()
        .map(|name| {
            let listed_at = before.get(&name).copied().unwrap_or(name.stored_at);
            (name, listed_at)
        })
        .collect()
}

/// How far behind the newest check file the short list reaches: an hour is longer than any node is behind with its
/// history, and few names.
pub(crate) const SHORT_LIST: Nanos = HOUR;

/// The short list that readers of histories need: the newest check files and the histories, whatever the number of
/// check files. Its values mean nothing; it has the form of an index so that every reader of one can read it.
pub(crate) fn recent(mut names: Vec<CheckFileName>, histories: &[HistoryName]) -> String {
    let newest = names.iter().map(|name| name.stored_at).max().unwrap_or(0);
    names.retain(|name| name.stored_at >= newest.saturating_sub(SHORT_LIST));
    names.sort_unstable();
    let check_files = names.iter().map(|name| format!("\"{name}\":{}", name.stored_at));
    let histories = histories.iter().map(|name| format!("\"{name}\":0"));
    format!("{{{}}}", check_files.chain(histories).collect::<Vec<_>>().join(","))
}

/// Writes an index, in order of name.
pub(crate) fn write(index: &Index) -> String {
    // Names need no escapes: digits, small letters, hyphens and a dot.
    let entries: Vec<String> = index.iter().map(|(name, listed_at)| format!("\"{name}\":{listed_at}")).collect();
    format!("{{{}}}", entries.join(","))
}

#[cfg(test)]
mod tests {
    use crate::store::directory::index::*;

    const GOLDEN: &str = include_str!("../../../../shared/golden/index.json");

    #[test]
    fn an_index_of_the_original_reads_and_writes_back_equal() {
        let index = read(GOLDEN.as_bytes());
        assert_eq!(index.len(), 3);
        assert_eq!(write(&index), GOLDEN.trim_end());
    }

    #[test]
    fn what_is_written_is_json_of_names_and_times() {
        let name = CheckFileName::parse("1795330254340493978-eu-west-check.json").unwrap();
        let json = write(&of([name.clone()], &Index::new()));
        assert_eq!(json, r#"{"1795330254340493978-eu-west-check.json":1795330254340493978}"#);
        assert_eq!(read(json.as_bytes()).into_iter().collect::<Vec<_>>(), [(name, 1_795_330_254_340_493_978)]);
        assert_eq!(write(&Index::new()), "{}");
    }

    #[test]
    fn the_short_list_has_the_newest_check_files_and_all_histories() {
        let name = |at: UnixNanos| CheckFileName { stored_at: 1_795_330_254_340_493_978 + at, node: None };
        let history = HistoryName::parse("history/eu-west.json").unwrap();
        let json = recent(vec![name(2 * HOUR), name(0), name(HOUR)], &[history]);
        let read: BTreeMap<String, i64> = serde_json::from_str(&json).unwrap();
        let expected = [name(HOUR).to_string(), name(2 * HOUR).to_string(), "history/eu-west.json".to_owned()];
        assert_eq!(read.into_keys().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_broken_index_counts_as_absent() {
        for json in ["", "{", "[]", "null", r#"{"index.json":1,"1795330254340493978-check.json":"x"}"#] {
            assert_eq!(read(json.as_bytes()), Index::new(), "{json}");
        }
    }
}
