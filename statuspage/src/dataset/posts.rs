//! The digests of posts that were loaded, one per author. This module is pure: [`super::loader`] sends the requests.

use shared::UnixNanos;
use shared::object_name::{DigestName, NodeName};
use shared::post::digest::PostDigest;
use shared::post::fold::{Announcements, fold};

use crate::store::{ListedDigest, StoreError, StoreObject};

/// The maximum number of authors. A store with more authors is hostile, or needs `authors` in the page's configuration.
pub const AUTHORS_LIMIT: usize = 50;

/// All posts that were loaded, and all digests that failed to load.
#[derive(Debug, Default)]
pub struct Posts {
    /// The authors whose posts are shown, or `None` for all authors.
    authors: Option<Vec<NodeName>>,
    /// The authors who may change what others posted.
    editors: Vec<NodeName>,
    /// The last valid digest of each author.
    digests: Vec<LoadedDigest>,
    /// The digests that failed to load or are invalid. Their last valid version is still shown.
    pub unreadable: Vec<(DigestName, StoreError)>,
    /// The error, if the digests could not be listed.
    pub list_error: Option<StoreError>,
    /// Whether there are more authors than [`AUTHORS_LIMIT`].
    pub authors_left_out: bool,
}

#[derive(Debug)]
struct LoadedDigest {
    name: DigestName,
    /// The entity tag, if the listing contained it and the current content is this digest.
    etag: Option<String>,
    digest: PostDigest,
}

impl Posts {
    /// Creates an empty collection with the page's options.
    #[must_use]
    pub fn new(authors: Option<Vec<NodeName>>, editors: Vec<NodeName>) -> Posts {
        Posts { authors, editors, ..Posts::default() }
    }

    /// Drops the digests that are not listed, and returns those to fetch: all that may have changed.
    pub(super) fn choose(&mut self, mut listed: Vec<ListedDigest>) -> Vec<StoreObject> {
        listed.retain(|(name, _)| self.authors.as_ref().is_none_or(|authors| authors.contains(&name.author)));
        self.authors_left_out = listed.len() > AUTHORS_LIMIT;
        listed.truncate(AUTHORS_LIMIT);
        self.list_error = None;
        let is_listed = |name: &DigestName| listed.iter().any(|(known, _)| known == name);
        self.digests.retain(|known| is_listed(&known.name));
        self.unreadable.retain(|(name, _)| is_listed(name));
        let is_unchanged = |(name, etag): &ListedDigest| {
            etag.is_some() && self.digests.iter().any(|known| known.name == *name && known.etag == *etag)
        };
        let changed = listed.into_iter().filter(|listed| !is_unchanged(listed));
        changed.map(|(name, etag)| StoreObject::Digest(name, etag)).collect()
    }

    /// Adds a fetched digest, which replaces the author's previous one if it is valid.
    pub(super) fn add(&mut self, name: DigestName, etag: Option<String>, content: Result<Vec<u8>, StoreError>) {
        self.unreadable.retain(|(known, _)| *known != name);
        let parsed = content.and_then(|content| {
            let digest = PostDigest::parse(&content).map_err(|error| StoreError::InvalidObject(error.to_string()))?;
            let is_own = digest.author == name.author;
            let other =
                || StoreError::InvalidObject("invalid digest of posts: it belongs to another author".to_owned());
            if is_own { Ok(digest) } else { Err(other()) }
        });
        let before = self.digests.iter_mut().find(|known| known.name == name);
        match (parsed, before) {
            (Ok(digest), Some(before)) => (before.etag, before.digest) = (etag, digest),
            (Ok(digest), None) => self.digests.push(LoadedDigest { name, etag, digest }),
            (Err(error), before) => {
                if let Some(before) = before {
                    before.etag = None;
                }
                self.unreadable.push((name, error));
            }
        }
    }

    /// Returns the authors with invalid posts, and the number of those posts.
    pub fn skipped(&self) -> impl Iterator<Item = (&NodeName, usize)> {
        let skipped = self.digests.iter().map(|known| (&known.name.author, known.digest.skipped));
        skipped.filter(|(_, count)| *count > 0)
    }

    /// Computes the state of everything that was posted up to `now`.
    #[must_use]
    pub fn announcements(&self, now: UnixNanos) -> Announcements {
        fold(self.digests.iter().flat_map(|known| &known.digest.posts), &self.editors, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{NOW, digest, digest_of, incident_post, maintenance_post, post_id};
    use shared::post::Impact;

    fn name(author: &str) -> DigestName {
        DigestName { author: NodeName::new(author).expect("a name") }
    }

    fn requested(posts: &mut Posts, listed: &[(&str, Option<&str>)]) -> Vec<String> {
        let listed = listed.iter().map(|(author, etag)| (name(author), etag.map(str::to_owned))).collect();
        let objects = posts.choose(listed).into_iter();
        objects
            .map(|object| if let StoreObject::Digest(name, _) = object { name.to_string() } else { String::new() })
            .collect()
    }

    fn titles(posts: &Posts) -> Vec<String> {
        posts.announcements(NOW).incidents.into_iter().map(|incident| incident.title).collect()
    }

    #[test]
    fn a_digest_with_a_known_entity_tag_is_not_requested_again() {
        let mut posts = Posts::default();
        assert_eq!(requested(&mut posts, &[("anna", Some("1"))]), ["history/anna.posts.json"]);
        posts.add(name("anna"), Some("1".to_owned()), Ok(digest("anna", &["Down"])));
        assert!(requested(&mut posts, &[("anna", Some("1"))]).is_empty());
        assert_eq!(requested(&mut posts, &[("anna", Some("2"))]).len(), 1);
        assert_eq!(requested(&mut posts, &[("anna", None)]).len(), 1, "the browser revalidates it");
    }

    #[test]
    fn a_broken_digest_is_named_and_its_last_valid_version_stays() {
        let mut posts = Posts::default();
        requested(&mut posts, &[("anna", None), ("ben", None)]);
        posts.add(name("anna"), None, Ok(digest("anna", &["Down"])));
        posts.add(name("ben"), None, Ok(digest("ben", &["Slow"])));
        assert_eq!(titles(&posts).len(), 2);
        for broken in [Ok(b"{".to_vec()), Ok(digest("ben", &["x"])), Err(StoreError::InvalidListing)] {
            posts.add(name("anna"), Some("3".to_owned()), broken);
            assert_eq!((titles(&posts).len(), posts.unreadable.len()), (2, 1));
        }
        assert_eq!(requested(&mut posts, &[("anna", Some("3"))]).len(), 1, "it is requested again");
        assert_eq!((titles(&posts), posts.unreadable.len()), (vec!["Down".to_owned()], 1), "ben's digest was removed");
        posts.add(name("anna"), None, Ok(digest("anna", &["Up"])));
        assert_eq!((titles(&posts), posts.unreadable.len()), (vec!["Up".to_owned()], 0));
    }

    #[test]
    fn posts_with_impossible_times_are_skipped() {
        let id = post_id("anna", NOW);
        let mut extreme = incident_post(&id, &id, None, "");
        for at in [i64::MIN, -1, i64::MAX] {
            extreme.at = Some(at);
            let windows = [(at, i64::MAX)];
            let maintenance = maintenance_post(&post_id("anna", NOW - 1), "x", "*", Impact::Down, &windows);
            let mut posts = Posts::default();
            posts.add(name("anna"), None, Ok(digest_of("anna", vec![extreme.clone(), maintenance])));
            let skipped: usize = posts.skipped().map(|(_, count)| count).sum();
            assert_eq!((skipped, posts.announcements(NOW)), (2, Announcements::default()), "{at}");
        }
    }

    #[test]
    fn only_the_configured_authors_are_requested() {
        let mut posts = Posts::new(Some(vec![name("anna").author]), Vec::new());
        assert_eq!(requested(&mut posts, &[("anna", None), ("ben", None)]), ["history/anna.posts.json"]);
        let mut without_authors = Posts::new(Some(Vec::new()), Vec::new());
        assert!(requested(&mut without_authors, &[("anna", None)]).is_empty());
        let many: Vec<String> = (0..=AUTHORS_LIMIT).map(|number| format!("author-{number}")).collect();
        let many: Vec<(&str, Option<&str>)> = many.iter().map(|author| (author.as_str(), None)).collect();
        let mut all = Posts::default();
        assert_eq!((requested(&mut all, &many).len(), all.authors_left_out), (AUTHORS_LIMIT, true));
    }
}
