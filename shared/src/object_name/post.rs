//! Formats and parses the names of posts and of the digests of posts.

use std::fmt;
use std::str::FromStr;

use super::{HISTORY_FOLDER, NodeName, TIME_DIGITS};
use crate::UnixNanos;

/// The folder for posts, next to the check files. It sorts before all check files.
pub const POST_FOLDER: &str = "0-posts/";
pub(super) const POST_SUFFIX: &str = ".json";
const DIGEST_SUFFIX: &str = ".posts.json";

/// The kind of a post, which never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PostKind {
    /// Part of an incident: its start, an update, its end or an analysis.
    Incident,
    /// A plan of maintenance windows, or a change to one.
    Maintenance,
    /// A silence, during which outages are not reported to channels.
    Silence,
    /// A message on the page that is not part of an incident.
    Message,
}

impl PostKind {
    /// All kinds, in the order of their declaration.
    pub const ALL: [PostKind; 4] = [PostKind::Incident, PostKind::Maintenance, PostKind::Silence, PostKind::Message];

    /// Returns the kind's name in object names and as a key of posts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            PostKind::Incident => "incident",
            PostKind::Maintenance => "maintenance",
            PostKind::Silence => "silence",
            PostKind::Message => "message",
        }
    }
}

/// The identity of a post: `<unix-ns>-<author>`, where the time has 19 digits. The identity of a whole incident is that
/// of its first post. Identities sort by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PostId {
    /// When the post was stored, by the author's clock.
    pub posted_at: UnixNanos,
    /// The author, whose name has the format of a node's.
    pub author: NodeName,
}

/// An error for text that does not identify a post.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid post id `{0}`: expected 19 digits, a hyphen and an author, for example `1795330254340493978-anna`")]
pub struct InvalidPostId(pub String);

impl fmt::Display for PostId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:0TIME_DIGITS$}-{}", self.posted_at.max(0), self.author)
    }
}

impl FromStr for PostId {
    type Err = InvalidPostId;

    fn from_str(text: &str) -> Result<PostId, InvalidPostId> {
        let parse = || {
            let (time, author) = text.split_once('-')?;
            let is_time = time.len() == TIME_DIGITS && time.bytes().all(|byte| byte.is_ascii_digit());
            let author = NodeName::new(author).ok()?;
            is_time.then(|| Some(PostId { posted_at: time.parse().ok()?, author })).flatten()
        };
        parse().ok_or_else(|| InvalidPostId(text.to_owned()))
    }
}

/// The name of a post, without the store's prefix: `0-posts/<unix-ns>-<author>.<kind>.json`.
///
/// Authors' names do not contain dots, so a pattern for `eu` does not match the posts of `eu-west`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PostName {
    /// The identity: when and by whom it was posted.
    pub id: PostId,
    /// The kind, which precedes the suffix.
    pub kind: PostKind,
}

impl PostName {
    /// Parses a name without the prefix. Returns `None` if it is not a post's name.
    #[must_use]
    pub fn parse(name: &str) -> Option<PostName> {
        let (id, kind) = name.strip_prefix(POST_FOLDER)?.strip_suffix(POST_SUFFIX)?.split_once('.')?;
        let kind = PostKind::ALL.into_iter().find(|known| known.as_str() == kind)?;
        Some(PostName { id: id.parse().ok()?, kind })
    }

    /// Parses a key with the prefix. Returns `None` if it is not a post's key.
    #[must_use]
    pub fn parse_key(prefix: &str, key: &str) -> Option<PostName> {
        PostName::parse(key.strip_prefix(prefix)?)
    }
}

impl fmt::Display for PostName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{POST_FOLDER}{}.{}{POST_SUFFIX}", self.id, self.kind.as_str())
    }
}

/// The name of the digest of an author's posts, without the store's prefix: `history/<author>.posts.json`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DigestName {
    /// The author of the posts.
    pub author: NodeName,
}

impl DigestName {
    /// Parses a name without the prefix. Returns `None` if it is not a digest's name.
    #[must_use]
    pub fn parse(name: &str) -> Option<DigestName> {
        let author = name.strip_prefix(HISTORY_FOLDER)?.strip_suffix(DIGEST_SUFFIX)?;
        Some(DigestName { author: NodeName::new(author).ok()? })
    }

    /// Parses a key with the prefix. Returns `None` if it is not a digest's key.
    #[must_use]
    pub fn parse_key(prefix: &str, key: &str) -> Option<DigestName> {
        DigestName::parse(key.strip_prefix(prefix)?)
    }
}

impl fmt::Display for DigestName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{HISTORY_FOLDER}{}{DIGEST_SUFFIX}", self.author)
    }
}

#[cfg(test)]
mod tests {
    use super::super::HistoryName;
    use super::*;

    #[test]
    fn post_names_sort_by_time_and_before_check_files() {
        let id: PostId = "1795330254340493978-eu-west".parse().expect("an id");
        assert_eq!(id.posted_at, 1_795_330_254_340_493_978);
        let name = PostName { id, kind: PostKind::Maintenance };
        assert_eq!(name.to_string(), "0-posts/1795330254340493978-eu-west.maintenance.json");
        assert_eq!(PostName::parse(&name.to_string()), Some(name.clone()));
        assert!(format!("status/{name}") < super::super::start_after("status/", 1_000_000_000_000_000_000));
        for other in [
            "0-posts/179533025434049397-eu.incident.json",
            "0-posts/1795330254340493978-EU.incident.json",
            "0-posts/1795330254340493978-eu.poem.json",
            "0-posts/1795330254340493978-eu.json",
            "0-posts/1795330254340493978.incident.json",
            "posts/1795330254340493978-eu.incident.json",
        ] {
            assert_eq!(PostName::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_digest_is_not_a_history() {
        let name = DigestName { author: NodeName::new("anna").expect("a name") };
        assert_eq!(name.to_string(), "history/anna.posts.json");
        assert_eq!(DigestName::parse(&name.to_string()), Some(name.clone()));
        assert_eq!(HistoryName::parse(&name.to_string()), None);
        assert_eq!(DigestName::parse("history/anna.json"), None);
        assert_eq!(DigestName::parse("history/a.b.posts.json"), None);
    }
}
