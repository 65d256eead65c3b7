//! The list of check files: only their names, or also the contents of the newest ones, so that the page can load a
//! day of checks with one request instead of a thousand.

use std::collections::HashMap;
use std::fmt::Write as _;

use shared::UnixNanos;
use shared::json;
use shared::object_name::CheckFileName;

use crate::store::directory::index::{self, Index};
use crate::store::{Listing, Store, StoreError};

/// The maximum size of the contents in a response: more than a day of ten endpoints that are checked every minute,
/// but small enough for a machine with little memory.
const CONTENT_LIMIT: usize = 12 << 20;
/// How many files are read before the limit is checked again.
const BATCH_SIZE: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ListQuery {
    pub(super) from: UnixNanos,
    pub(super) content: ListContent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListContent {
    Names,
    /// Names, and results up to [`CONTENT_LIMIT`].
    Results,
}

impl ListQuery {
    /// Parses `from=<unix ns>` and `with=results`; `None` if the time is invalid. Other parameters are ignored.
    pub(super) fn parse(query: &str) -> Option<ListQuery> {
        let value = |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
        let from = value("from").unwrap_or("0").parse().ok()?;
        let content = if value("with") == Some("results") { ListContent::Results } else { ListContent::Names };
        Some(ListQuery { from, content })
    }
}

/// The list as JSON. For buckets, it contains only names, because reading the contents would take too long.
pub(super) async fn list(store: &Store, query: ListQuery) -> Result<String, StoreError> {
    let names = store.list::<CheckFileName>(Listing::since(query.from)).await?;
    if query.content == ListContent::Names || !matches!(store, Store::Directory(_)) {
        return Ok(index::to_json(&index::from_names(names, &Index::new())));
    }
    let mut contents = HashMap::new();
    let mut room = CONTENT_LIMIT;
    for newest in names.rchunks(BATCH_SIZE) {
        for (name, content) in store.get_all(newest).await?.into_iter().rev() {
            // If the client requests this file, it gets the error.
            let Ok(content) = content else { continue };
            let Some(left) = room.checked_sub(content.len()) else { return Ok(write(&names, &contents)) };
            room = left;
            contents.insert(name, content);
        }
    }
    Ok(write(&names, &contents))
}

/// Writes an index whose values are the contents of the files, or their times if the contents are not included. Files
/// with invalid JSON are listed without contents, so that clients request them and see the error.
fn write(names: &[CheckFileName], contents: &HashMap<CheckFileName, Vec<u8>>) -> String {
    let content = |name| std::str::from_utf8(contents.get(name)?).ok().filter(|text| json::parse(text).is_ok());
    let mut json = String::from("{");
    for name in names {
        if json.len() > 1 {
            json.push(',');
        }
        let _ = write!(json, "\"{name}\":");
        match content(name) {
            Some(content) => json.push_str(content.trim()),
            None => json.push_str(&name.stored_at.to_string()),
        }
    }
    json.push('}');
    json
}

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
        let contents = [(0, &b"[{\"title\":\"Shop\"}]\n"[..]), (1, b"[{\"title\":"), (2, &[0xff])]
            .map(|(index, content)| (names[index].clone(), content.to_vec()));
        let written = write(&names, &HashMap::from(contents));
        let expected = "{\"1795330254340493970-eu-west-check.json\":[{\"title\":\"Shop\"}],\
                        \"1795330254340493971-eu-west-check.json\":1795330254340493971,\
                        \"1795330254340493972-eu-west-check.json\":1795330254340493972,\
                        \"1795330254340493973-eu-west-check.json\":1795330254340493973}";
        assert_eq!(written, expected);
        assert_eq!(write(&[], &HashMap::new()), "{}");
    }
}
