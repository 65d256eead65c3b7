//! Finds the post that an operator means: by its whole id, by the last digits of the id, or as `latest`.

use shared::object_name::PostId;

/// The word for the newest candidate.
pub const LATEST: &str = "latest";
/// The smallest number of digits that listings show of an id.
const SHORTEST: usize = 6;
/// The maximum number of candidates to list in an error.
const LISTED: usize = 10;

/// The reason why text does not identify a post.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    #[error("invalid ID `{0}`: expected `latest`, an ID such as `1795330254340493978-anna`, or its last digits")]
    Invalid(String),
    #[error("unknown {what} `{text}`: {remedy}")]
    Unknown {
        /// The noun for what was expected: `incident`.
        what: &'static str,
        text: String,
        remedy: &'static str,
    },
    #[error("ambiguous ID `{text}`: it matches {}; use more digits", .ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", "))]
    Ambiguous {
        text: String,
        /// The first few of the ids that match.
        ids: Vec<PostId>,
    },
}

/// A kind of thing that can be named by an id, for errors.
#[derive(Debug, Clone, Copy)]
pub struct Sought {
    /// A noun for errors, such as `incident`.
    pub what: &'static str,
    /// How to find the right id, as a clause.
    pub remedy: &'static str,
}

/// Finds the id that `text` means. `candidates` must be in the order of preference for `latest`.
pub fn resolve<'a>(
    text: &str,
    sought: Sought,
    candidates: impl IntoIterator<Item = &'a PostId>,
) -> Result<&'a PostId, ResolveError> {
    let candidates: Vec<&PostId> = candidates.into_iter().collect();
    let unknown = || ResolveError::Unknown { what: sought.what, text: text.to_owned(), remedy: sought.remedy };
    if text == LATEST {
        return candidates.first().copied().ok_or_else(unknown);
    }
    let (digits, author) = text.split_once('-').map_or((text, None), |(digits, author)| (digits, Some(author)));
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ResolveError::Invalid(text.to_owned()));
    }
    let is_meant =
        |id: &&&PostId| digits_of(id).ends_with(digits) && author.is_none_or(|author| id.author.as_str() == author);
    let mut meant: Vec<&PostId> = candidates.iter().filter(is_meant).copied().collect();
    meant.sort_unstable();
    meant.dedup();
    match meant.as_slice() {
        [] => Err(unknown()),
        [id] => Ok(id),
        several => Err(ResolveError::Ambiguous {
            text: text.to_owned(),
            ids: several.iter().take(LISTED).map(|id| (*id).clone()).collect(),
        }),
    }
}

/// Returns the shortest suffix of an id's digits that no other id in the list has, but at least six digits.
#[must_use]
pub fn short_id<'a>(id: &PostId, all: impl IntoIterator<Item = &'a PostId>) -> String {
    let own = digits_of(id);
    let longest_common = all
        .into_iter()
        .filter(|other| *other != id)
        .map(|other| own.bytes().rev().zip(digits_of(other).bytes().rev()).take_while(|(one, two)| one == two).count())
        .max()
        .unwrap_or(0);
    let length = (longest_common + 1).max(SHORTEST);
    if length > own.len() { id.to_string() } else { own[own.len() - length..].to_owned() }
}

fn digits_of(id: &PostId) -> String {
    let text = id.to_string();
    text.split_once('-').map_or(text.clone(), |(digits, _)| digits.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUGHT: Sought = Sought { what: "incident", remedy: "list them with `checker incident list --all`" };

    fn ids() -> Vec<PostId> {
        ["1795330254340493978-anna", "1795330254340123978-anna", "1795330254340493978-ben", "1795330254340000001-anna"]
            .map(|text| text.parse().expect("an id"))
            .to_vec()
    }

    fn found(text: &str) -> Result<String, ResolveError> {
        let ids = ids();
        resolve(text, SOUGHT, &ids).map(ToString::to_string)
    }

    #[test]
    fn an_id_is_found_by_itself_its_last_digits_or_as_latest() {
        for (text, id) in [
            ("latest", "1795330254340493978-anna"),
            ("1795330254340493978-ben", "1795330254340493978-ben"),
            ("123978", "1795330254340123978-anna"),
            ("1", "1795330254340000001-anna"),
            ("78-ben", "1795330254340493978-ben"),
        ] {
            assert_eq!(found(text).as_deref(), Ok(id), "{text}");
        }
    }

    #[test]
    fn an_ambiguous_or_unknown_id_is_named() {
        for (text, expected) in [
            ("978", "it matches `1795330254340123978-anna`, `1795330254340493978-anna`, `1795330254340493978-ben`"),
            ("493978", "it matches `1795330254340493978-anna`, `1795330254340493978-ben`"),
            ("2", "unknown incident `2`: list them with `checker incident list --all`"),
            ("Shop", "invalid ID `Shop`"),
            ("", "invalid ID ``"),
            ("-anna", "invalid ID `-anna`"),
        ] {
            let error = found(text).expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let none: [PostId; 0] = [];
        assert!(resolve("latest", SOUGHT, &none).is_err());
    }

    #[test]
    fn a_short_id_is_unique() {
        let ids = ids();
        assert_eq!(short_id(&ids[3], &ids), "000001");
        assert_eq!(short_id(&ids[1], &ids), "123978");
        assert_eq!(short_id(&ids[0], &ids), "1795330254340493978-anna", "another author's id has the same digits");
        for id in &ids {
            assert_eq!(resolve(&short_id(id, &ids), SOUGHT, &ids), Ok(id));
        }
    }
}
