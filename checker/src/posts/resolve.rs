//! Finds the post that an operator means: by its whole id, by the last digits of the id, or as `latest`.

use std::collections::BTreeSet;

use shared::object_name::PostId;

use crate::sanitize::sanitize_for_terminal;

/// The word for the newest candidate.
pub const LATEST: &str = "latest";
/// The minimum number of digits of an id that listings show and commands accept. A shorter suffix could easily match a
/// post that the operator did not mean.
const SHORTEST: usize = 6;
/// The maximum length of an invalid ID in an error, in characters.
const SHOWN: usize = 60;
/// The maximum number of candidates to list in an error.
const LISTED: usize = 10;

/// The reason why text does not identify a post.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    #[error(
        "invalid ID `{0}`: expected `latest`, an ID such as `1795330254340493978-anna`, or at least its last {SHORTEST} digits"
    )]
    Invalid(String),
    #[error("the ID `{0}` is too short: pass at least its last {SHORTEST} digits")]
    TooShort(String),
    #[error("there is no {what}: {remedy}")]
    Nothing {
        /// The noun for what was expected: `incident`.
        what: &'static str,
        remedy: &'static str,
    },
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
    /// How to post the first one, as a clause.
    pub if_none: &'static str,
}

impl Sought {
    /// Returns the error for an id that no candidate has.
    #[must_use]
    pub fn unknown(self, text: &str) -> ResolveError {
        ResolveError::Unknown { what: self.what, text: sanitize_for_terminal(text, SHOWN), remedy: self.remedy }
    }
}

/// Finds the id that `text` means. `candidates` must be in the order of preference for `latest`.
pub fn resolve<'a>(
    text: &str,
    sought: Sought,
    candidates: impl IntoIterator<Item = &'a PostId>,
) -> Result<&'a PostId, ResolveError> {
    let candidates: Vec<&PostId> = candidates.into_iter().collect();
    if text == LATEST {
        let nothing = ResolveError::Nothing { what: sought.what, remedy: sought.if_none };
        return candidates.first().copied().ok_or(nothing);
    }
    let shown = || sanitize_for_terminal(text, SHOWN);
    let (digits, author) = text.split_once('-').map_or((text, None), |(digits, author)| (digits, Some(author)));
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ResolveError::Invalid(shown()));
    }
    if digits.len() < SHORTEST {
        return Err(ResolveError::TooShort(shown()));
    }
    let is_meant =
        |id: &&&PostId| digits_of(id).ends_with(digits) && author.is_none_or(|author| id.author.as_str() == author);
    let mut meant: Vec<&PostId> = candidates.iter().filter(is_meant).copied().collect();
    meant.sort_unstable();
    meant.dedup();
    match meant.as_slice() {
        [] => Err(sought.unknown(text)),
        [id] => Ok(id),
        several => Err(ResolveError::Ambiguous {
            text: shown(),
            ids: several.iter().take(LISTED).map(|id| (*id).clone()).collect(),
        }),
    }
}

/// The short forms of ids: the shortest suffixes of their digits that no other id has, but at least six digits.
#[derive(Debug)]
pub struct ShortIds {
    /// The digits of all distinct ids, last digit first, in order.
    reversed: Vec<String>,
}

impl ShortIds {
    #[must_use]
    pub fn new<'a>(ids: impl IntoIterator<Item = &'a PostId>) -> ShortIds {
        let ids: BTreeSet<&PostId> = ids.into_iter().collect();
        let mut reversed: Vec<String> = ids.into_iter().map(reversed_digits).collect();
        reversed.sort_unstable();
        ShortIds { reversed }
    }

    /// Returns the short form of one of the ids. It is the whole id if another author's id has the same digits.
    #[must_use]
    pub fn get(&self, id: &PostId) -> String {
        let own = reversed_digits(id);
        let from = self.reversed.partition_point(|other| *other < own);
        let to = self.reversed.partition_point(|other| *other <= own);
        if to - from > 1 {
            return id.to_string();
        }
        // Of all ids, those next to it have the longest suffixes in common with it.
        let next_to =
            [from.checked_sub(1), Some(to)].into_iter().flatten().filter_map(|index| self.reversed.get(index));
        let in_common =
            |other: &String| own.bytes().zip(other.bytes()).take_while(|(one, another)| one == another).count();
        let length = (next_to.map(in_common).max().unwrap_or(0) + 1).max(SHORTEST).min(own.len());
        own[..length].chars().rev().collect()
    }
}

fn reversed_digits(id: &PostId) -> String {
    digits_of(id).chars().rev().collect()
}

fn digits_of(id: &PostId) -> String {
    let text = id.to_string();
    text.split_once('-').map_or(text.clone(), |(digits, _)| digits.to_owned())
}

#[cfg(test)]
mod tests {
    use shared::object_name::NodeName;

    use super::*;

    const SOUGHT: Sought = Sought {
        what: "incident",
        remedy: "list them with `checker incident list --all`",
        if_none: "open one with `checker incident open`",
    };

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
            ("0000001", "1795330254340000001-anna"),
            ("493978-ben", "1795330254340493978-ben"),
        ] {
            assert_eq!(found(text).as_deref(), Ok(id), "{text}");
        }
    }

    #[test]
    fn an_ambiguous_or_unknown_id_is_named() {
        for (text, expected) in [
            ("978", "the ID `978` is too short: pass at least its last 6 digits"),
            ("78-ben", "the ID `78-ben` is too short"),
            ("493978", "it matches `1795330254340493978-anna`, `1795330254340493978-ben`"),
            ("222222", "unknown incident `222222`: list them with `checker incident list --all`"),
            ("Shop", "invalid ID `Shop`"),
            ("", "invalid ID ``"),
            ("-anna", "invalid ID `-anna`"),
        ] {
            let error = found(text).expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let none: [PostId; 0] = [];
        let error = resolve("latest", SOUGHT, &none).expect_err("nothing is posted").to_string();
        assert_eq!(error, "there is no incident: open one with `checker incident open`");
        for text in ["1".repeat(100_000), "x".repeat(100_000)] {
            let error = found(&text).expect_err("it is too long").to_string();
            assert!(error.len() < 250, "{}", error.len());
        }
    }

    #[test]
    fn a_short_id_is_unique() {
        let ids = ids();
        let short = ShortIds::new(&ids);
        assert_eq!(short.get(&ids[3]), "000001");
        assert_eq!(short.get(&ids[1]), "123978");
        assert_eq!(short.get(&ids[0]), "1795330254340493978-anna", "another author's id has the same digits");
        for id in &ids {
            assert_eq!(resolve(&short.get(id), SOUGHT, &ids), Ok(id));
        }
        assert_eq!(ShortIds::new([&ids[0], &ids[0]]).get(&ids[0]), "493978");
        let longer: [PostId; 2] =
            ["1795330254341493978-anna", "1795330254340493978-anna"].map(|id| id.parse().unwrap());
        assert_eq!(ShortIds::new(&longer).get(&longer[1]), "0493978");
    }

    /// Comparing all ids with each other would take minutes.
    #[test]
    fn short_ids_of_many_posts_are_unique() {
        let author = NodeName::new("anna").unwrap();
        let posted_at = |number: i64| 1_795_330_254_340_493_978 + number * 7_919_000_003;
        let ids: Vec<PostId> =
            (0..50_000).map(|number| PostId { posted_at: posted_at(number), author: author.clone() }).collect();
        let short = ShortIds::new(&ids);
        let distinct: BTreeSet<String> = ids.iter().map(|id| short.get(id)).collect();
        assert_eq!(distinct.len(), ids.len());
        assert!(ids.iter().all(|id| id.to_string().trim_end_matches("-anna").ends_with(&short.get(id))));
    }
}
