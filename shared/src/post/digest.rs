//! The digest of an author's posts, which the author's commands store and all readers read.

use std::collections::BTreeMap;

use super::fold::fold;
use super::format::{post_id, read_post, write_members};
use super::{Details, KEPT_FOR, MaintenanceChange, Post, PostId, PostKind};
use crate::UnixNanos;
use crate::json::{self, Json};
use crate::json_writer::{EscapeMode, JsonWriter, key};
use crate::object_name::NodeName;
use crate::sorting::sort_by_integer;

/// The maximum size of a digest before compression, in bytes.
pub const SIZE_LIMIT: usize = 4 << 20;

/// The maximum number of posts in a digest. Further ones are ignored.
pub const POSTS_LIMIT: usize = 5_000;

/// The current version of the format. Digests with another version are rejected.
const VERSION: i64 = 1;

/// The maximum number of JSON values in a post. A plan with daily windows for 400 days takes about 1,200.
const VALUES_LIMIT: usize = 10_000;

/// All posts of one author that still matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostDigest {
    /// The author of all posts.
    pub author: NodeName,
    /// The time of the listing from which the digest was written. Older posts that are missing were left out on
    /// purpose. `None` if the digest does not contain the time.
    pub listed_at: Option<UnixNanos>,
    /// The posts in the order of their identities.
    pub posts: Vec<Post>,
    /// The number of entries that were invalid or beyond [`POSTS_LIMIT`].
    pub skipped: usize,
}

/// The error for an object that is not a valid digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDigest {
    /// The content is not valid JSON, or a required key is missing or invalid.
    #[error("invalid digest of posts: {0}; `checker post tidy` writes a new one")]
    Malformed(String),
    /// A newer version wrote the digest.
    #[error("the digest of posts has version {0}, but this program reads version 1; update it")]
    UnsupportedVersion(i64),
}

impl PostDigest {
    /// Creates a digest from all posts of an author, which were listed at `now`. Leaves out posts about what ended long
    /// ago.
    #[must_use]
    pub fn new(author: NodeName, posts: impl IntoIterator<Item = Post>, now: UnixNanos) -> PostDigest {
        let own = posts.into_iter().filter(|post| post.id.author == author);
        let own: BTreeMap<PostId, Post> = own.map(|post| (post.id.clone(), post)).collect();
        let announcements = fold(own.values(), &[], now);
        let recent = |kind: PostKind, subject: &PostId| match kind {
            PostKind::Incident => {
                let incident = announcements.incidents.iter().find(|incident| incident.id == *subject);
                incident.map(|incident| incident.is_recent(now))
            }
            PostKind::Maintenance => {
                let maintenance = announcements.maintenance.iter().find(|maintenance| maintenance.id == *subject);
                maintenance.map(|maintenance| maintenance.is_recent(now))
            }
            PostKind::Silence => {
                let silence = announcements.silences.iter().find(|silence| silence.id == *subject);
                silence.map(|silence| silence.is_recent_silence(now))
            }
            PostKind::Message => {
                let message = announcements.messages.iter().find(|message| message.id == *subject);
                message.map(|message| message.is_recent_message(now))
            }
        };
        let is_kept = |post: &Post| {
            // A post about something of another author, or one from the future, is kept for its own sake.
            recent(post.kind(), &post.subject).unwrap_or_else(|| last_moment(post).saturating_add(KEPT_FOR) > now)
        };
        let posts = own.into_values().filter(is_kept).collect();
        PostDigest { author, listed_at: Some(now), posts, skipped: 0 }
    }

    /// Parses a digest. Invalid posts and posts of other authors are skipped and counted.
    pub fn parse(content: &[u8]) -> Result<PostDigest, InvalidDigest> {
        let malformed = |problem: &str| InvalidDigest::Malformed(problem.to_owned());
        let invalid = |error: json::JsonError| InvalidDigest::Malformed(error.to_string());
        if content.len() > SIZE_LIMIT {
            return Err(malformed("it is larger than 4 MiB"));
        }
        let text = std::str::from_utf8(content).map_err(|_| malformed("the text is not UTF-8"))?;
        let (mut version, mut author, mut listed_at, mut posts_text) = (None, None, None, "[]");
        json::each_member(text, &mut |key, value| match &*key {
            "version" => version = value.parse().ok(),
            // Names contain no escapes.
            "author" => author = value.strip_prefix('"').and_then(|rest| NodeName::new(rest.strip_suffix('"')?).ok()),
            "listed" => listed_at = value.parse().ok(),
            "posts" => posts_text = value,
            _ => {}
        })
        .map_err(invalid)?;
        match version {
            Some(VERSION) => {}
            Some(other) => return Err(InvalidDigest::UnsupportedVersion(other)),
            None => return Err(malformed("the key `version` is missing")),
        }
        let author = author.ok_or_else(|| malformed("the key `author` must be the name of an author"))?;
        let (mut posts, mut skipped) = (Vec::<Post>::new(), 0);
        json::each_element(posts_text, VALUES_LIMIT, &mut |element| {
            match read_entry(&element) {
                Ok(post) if post.id.author == author && posts.len() < POSTS_LIMIT => posts.push(post),
                _ => skipped += 1,
            }
            Ok(())
        })
        .map_err(invalid)?;
        sort_by_integer(&mut posts, |post| post.id.posted_at);
        // If two posts have the same identity, the first one counts.
        posts.dedup_by(|later, earlier| later.id == earlier.id);
        Ok(PostDigest { author, listed_at, posts, skipped })
    }

    /// Returns the digest as JSON, from which [`PostDigest::parse`] restores an equal digest.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut writer = JsonWriter::new(EscapeMode::Minimal, 256 * self.posts.len());
        writer.object(|writer| {
            writer.integer_member(key!("version"), VERSION);
            writer.string_member(key!("author"), self.author.as_str());
            if let Some(listed_at) = self.listed_at {
                writer.integer_member(key!("listed"), listed_at);
            }
            writer.key(key!("posts"));
            writer.array(&self.posts, |writer, post| {
                writer.object(|writer| {
                    writer.string_member(key!("id"), &post.id.to_string());
                    write_members(writer, post);
                });
            });
        });
        writer.finish()
    }
}

/// Returns the end of the last window that a post plans or changes, or the time of the post.
fn last_moment(post: &Post) -> UnixNanos {
    let posted_at = post.id.posted_at;
    let Details::Maintenance { plan, change } = &post.details else { return posted_at };
    let planned = plan.iter().flat_map(|plan| &plan.windows).map(|(_, end)| *end).max();
    let changed = match change {
        Some(MaintenanceChange::Cancel(end) | MaintenanceChange::Move { end, .. }) => Some(*end),
        Some(MaintenanceChange::CancelAll) | None => None,
    };
    [planned, changed].into_iter().flatten().fold(posted_at, UnixNanos::max)
}

fn read_entry(json: &Json<'_>) -> Result<Post, &'static str> {
    read_post(json, post_id(json, "id")?.ok_or("id")?)
}
