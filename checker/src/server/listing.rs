//! The list of check files as a page asks for it: names alone, or with the contents of the newest beside them, so that
//! a page that opens has a day of checks in one answer and not in a thousand.

use std::collections::HashMap;
use std::fmt::Write as _;

use shared::UnixNanos;
use shared::json;
use shared::object_name::CheckFileName;

use crate::store::directory::index::{self, Index};
use crate::store::{Listing, Store, StoreError};

/// The most content in one answer: more than a day of ten endpoints checked every minute, and little enough for the
/// memory of a small machine.
const CONTENT_LIMIT: usize = 12 << 20;
/// How many files are read before the limit is looked at again.
const READ_AT_ONCE: usize = 256;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    /// From when on.
    pub(super) from: UnixNanos,
    /// Whether contents are wanted.
    pub(super) what: What,
}

/// What a list has of each check file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// Its name.
    Names,
    /// Its results, where there is room.
    Results,
}

/// Reads `from=<unix ns>` and `with=results`; `None` if the time is none. Other words mean nothing, as elsewhere.
pub(super) fn asked(query: &str) -> Option<Asked> {
    let value = |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
    let from = value("from").unwrap_or("0").parse().ok()?;
    let what = if value("with") == Some("results") { What::Results } else { What::Names };
    Some(Asked { from, what })
}

/// The list as JSON. A bucket's contents are left to those who ask for each, since it would keep everybody waiting.
pub(super) async fn list(store: &Store, asked: Asked) -> Result<String, StoreError> {
    let names = store.list::<CheckFileName>(Listing::since(asked.from)).await?;
    if asked.what == What::Names || !matches!(store, Store::Directory(_)) {
        return Ok(index::to_json(&index::from_names(names, &Index::new())));
    }
    let mut contents = HashMap::new();
    let mut room = CONTENT_LIMIT;
    for newest in names.rchunks(READ_AT_ONCE) {
        for (name, content) in store.get_all(newest).await?.into_iter().rev() {
            // Whoever asks for this one learns that it cannot be read.
            let Ok(content) = content else { continue };
            let Some(left) = room.checked_sub(content.len()) else { return Ok(write(&names, &contents)) };
            room = left;
            contents.insert(name, content);
        }
    }
    Ok(write(&names, &contents))
}

/// Writes an index whose values are the contents of the files, and as usual their times where there is none. What is
/// no JSON is left for its reader to find out.
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
    fn a_query_says_from_when_and_with_what() {
        let names = |from| Some(Asked { from, what: What::Names });
        for (query, expected) in [
            ("", names(0)),
            ("from=7", names(7)),
            ("with=names&from=7&x", names(7)),
            ("with=results&from=7", Some(Asked { from: 7, what: What::Results })),
            ("from=yesterday", None),
        ] {
            assert_eq!(asked(query), expected, "{query}");
        }
    }

    #[test]
    fn contents_stand_beside_names_and_what_is_no_json_does_not() {
        let names: Vec<CheckFileName> =
            (0..4).filter_map(|n| CheckFileName::parse(&format!("179533025434049397{n}-eu-west-check.json"))).collect();
        let contents = [(0, &b"[{\"title\":\"Shop\"}]\n"[..]), (1, b"[{\"title\":"), (2, &[0xff])]
            .map(|(place, content)| (names[place].clone(), content.to_vec()));
        let written = write(&names, &HashMap::from(contents));
        let expected = "{\"1795330254340493970-eu-west-check.json\":[{\"title\":\"Shop\"}],\
                        \"1795330254340493971-eu-west-check.json\":1795330254340493971,\
                        \"1795330254340493972-eu-west-check.json\":1795330254340493972,\
                        \"1795330254340493973-eu-west-check.json\":1795330254340493973}";
        assert_eq!(written, expected);
        assert_eq!(write(&[], &HashMap::new()), "{}");
    }
}
