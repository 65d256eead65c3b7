//! The list of check files: only their names, or also the contents of the newest ones, so that the page can load a
//! day of checks with one request instead of a thousand.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::slice;

use shared::UnixNanos;
use shared::check_file::{CheckFile, OBJECT_SIZE_LIMIT};
use shared::object_name::CheckFileName;

use crate::store::directory::index::{self, Index};
use crate::store::{Listing, Store, StoreError};

/// The maximum size of the contents in a response. It is enough for almost two days of ten endpoints that are checked
/// every minute, but small enough for a machine with little memory.
const CONTENT_LIMIT: usize = 8 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ListQuery {
    pub(super) from: UnixNanos,
    pub(super) content: ListContent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListContent {
    Names,
    /// Names, and the contents of files up to [`CONTENT_LIMIT`].
    Results,
}

impl ListQuery {
    /// Parses `from=<unix ns>` and `with=results`. Returns `None` if the time is invalid. Ignores other parameters.
    pub(super) fn parse(query: &str) -> Option<ListQuery> {
        let value = |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
        let from = value("from").unwrap_or("0").parse().ok()?;
        let content = if value("with") == Some("results") { ListContent::Results } else { ListContent::Names };
        Some(ListQuery { from, content })
    }

    /// Returns the memory needed to build the list, in bytes, including the contents.
    pub(super) fn memory(self) -> usize {
        match self.content {
            ListContent::Names => 1 << 20,
            ListContent::Results => 2 * CONTENT_LIMIT,
        }
    }
}

/// Returns the list as JSON. Buckets return only names, because reading their contents would take too long.
pub(super) async fn list(store: &Store, query: ListQuery) -> Result<Vec<u8>, StoreError> {
    let names = store.list::<CheckFileName>(Listing::since(query.from)).await?;
    if query.content == ListContent::Names || !matches!(store, Store::Directory(_)) {
        return Ok(index::to_json(&index::from_names(names, &Index::new())).into_bytes());
    }
    let mut contents = HashMap::new();
    let mut room = CONTENT_LIMIT;
    // Read one file at a time, because each may have an object's maximum size.
    for name in names.iter().rev() {
        // A client that requests a file listed without contents receives the error.
        let Some((_, Ok(content))) = store.get_batch(slice::from_ref(name)).await?.objects.pop() else { continue };
        let Some(content) = valid(content) else { continue };
        let Some(left) = room.checked_sub(content.len()) else { break };
        room = left;
        contents.insert(name.clone(), content);
    }
    Ok(write(&names, contents).into_bytes())
}

/// Returns the contents if the page accepts them: the page uses the same parser with the same limits.
fn valid(content: Vec<u8>) -> Option<String> {
    let is_valid = content.len() <= OBJECT_SIZE_LIMIT && CheckFile::validate(&content).is_ok();
    is_valid.then(|| String::from_utf8(content).ok()).flatten()
}

/// Writes an index that maps names to file contents, or to the time of storage for files without contents.
fn write(names: &[CheckFileName], mut contents: HashMap<CheckFileName, String>) -> String {
    let of_names: usize = names.iter().map(|name| name.to_string().len() + ENTRY_SIZE).sum();
    let mut json = String::with_capacity(of_names + contents.values().map(String::len).sum::<usize>());
    json.push('{');
    for name in names {
        if json.len() > 1 {
            json.push(',');
        }
        let _ = write!(json, "\"{name}\":");
        // Drop a file's contents as soon as they are written so that memory does not hold them twice.
        match contents.remove(name) {
            Some(content) => json.push_str(content.trim()),
            None => json.push_str(&name.stored_at.to_string()),
        }
    }
    json.push('}');
    json
}

/// The size, in bytes, of the time and punctuation in an index entry.
const ENTRY_SIZE: usize = 24;

#[cfg(test)]
mod tests {
    use crate::server::listing::*;

    #[test]
    fn a_query_selects_a_start_time_and_contents() {
        let names = |from| Some(ListQuery { from, content: ListContent::Names });
        for (query, expected) in [
            ("", names(0)),
            ("from=7", names(7)),
            ("with=names&from=7&x", names(7)),
            ("with=results&from=7", Some(ListQuery { from: 7, content: ListContent::Results })),
            ("from=yesterday", None),
        ] {
            assert_eq!(ListQuery::parse(query), expected, "{query}");
        }
    }

    #[test]
    fn valid_contents_are_listed_with_their_names() {
        let names: Vec<CheckFileName> =
            (0..4).filter_map(|n| CheckFileName::parse(&format!("179533025434049397{n}-eu-west-check.json"))).collect();
        let deep = ["[".repeat(65), "]".repeat(65)].concat();
        let contents = ["[{\"title\":\"Shop\"}]\n", "[{\"title\":", &deep, "{}"];
        let contents = names.iter().cloned().zip(contents.map(|content| content.as_bytes().to_vec()));
        let contents = contents.filter_map(|(name, content)| Some((name, valid(content)?)));
        let written = write(&names, contents.collect());
        let expected = "{\"1795330254340493970-eu-west-check.json\":[{\"title\":\"Shop\"}],\
                        \"1795330254340493971-eu-west-check.json\":1795330254340493971,\
                        \"1795330254340493972-eu-west-check.json\":1795330254340493972,\
                        \"1795330254340493973-eu-west-check.json\":1795330254340493973}";
        assert_eq!(written, expected);
        assert_eq!(write(&[], HashMap::new()), "{}");
    }
}
