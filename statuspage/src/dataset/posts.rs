//! The digests of posts that were loaded, one per author. This module is pure: [`super::loader`] sends the requests.

use shared::UnixNanos;
use shared::object_name::{DigestName, NodeName};
use shared::post::digest::PostDigest;
use shared::post::fold::{Announcements, fold};

use crate::store::{ListedDigest, StoreError, StoreObject};

/// The maximum number of authors. A store with more authors is hostile, or needs `authors` in the page's configuration.
pub const AUTHORS_LIMIT: usize = 50;

/// All posts that were loaded, and the digests that failed to load.
#[derive(Debug, Default)]
pub struct Posts {
    /// The authors whose posts are shown, or `None` for all authors.
    authors: Option<Vec<NodeName>>,
    /// The authors who may change what others posted.
    editors: Vec<NodeName>,
    /// The digests that the last listing contains.
    digests: Vec<KnownDigest>,
    /// The error, if the digests could not be listed.
    pub list_error: Option<StoreError>,
    /// Whether there are more authors than [`AUTHORS_LIMIT`].
    pub authors_left_out: bool,
}

#[derive(Debug)]
struct KnownDigest {
    name: DigestName,
    /// The entity tag, if the listing contained it and the content is the last one that was fetched.
    etag: Option<String>,
    /// The last valid content.
    content: Option<PostDigest>,
    /// The error, if the digest failed to load or is invalid. Its last valid content is still shown.
    error: Option<StoreError>,
}

impl Posts {
    /// Creates an empty collection with the page's options.
    #[must_use]
    pub fn new(authors: Option<Vec<NodeName>>, editors: Vec<NodeName>) -> Posts {
        Posts { authors, editors, ..Posts::default() }
    }

    /// Drops the digests that are not listed, and returns those to fetch: all that may have changed.
    pub(super) fn choose(&mut self, listed: Vec<ListedDigest>) -> Vec<StoreObject> {
        (self.list_error, self.authors_left_out) = (None, false);
        let mut before = std::mem::take(&mut self.digests);
        let mut changed = Vec::new();
        for (name, etag) in listed {
            if self.authors.as_ref().is_some_and(|authors| !authors.contains(&name.author)) {
                continue;
            }
            if self.digests.len() == AUTHORS_LIMIT {
                self.authors_left_out = true;
                break;
            }
            let known = before.iter().position(|known| known.name == name).map(|index| before.swap_remove(index));
            let known = known.unwrap_or_else(|| KnownDigest::new(name.clone()));
            if etag.is_none() || known.etag != etag {
                changed.push(StoreObject::Digest(name, etag));
            }
            self.digests.push(known);
        }
        changed
    }

    /// Adds a fetched digest, which replaces the author's previous one if it is valid.
    pub(super) fn add(&mut self, name: DigestName, etag: Option<String>, content: Result<Vec<u8>, StoreError>) {
        let parsed = content.and_then(|content| match PostDigest::parse(&content) {
            Ok(digest) if digest.author == name.author => Ok(digest),
            Ok(_) => Err(StoreError::InvalidObject("invalid digest of posts: it belongs to another author".to_owned())),
            Err(error) => Err(StoreError::InvalidObject(error.to_string())),
        });
        let index = self.digests.iter().position(|known| known.name == name).unwrap_or_else(|| {
            self.digests.push(KnownDigest::new(name));
            self.digests.len() - 1
        });
        let known = &mut self.digests[index];
        match parsed {
            Ok(digest) => (known.etag, known.content, known.error) = (etag, Some(digest), None),
            Err(error) => (known.etag, known.error) = (None, Some(error)),
        }
    }

    /// Returns the authors whose digests failed to load or are invalid, with the errors.
    pub fn unreadable(&self) -> impl Iterator<Item = (&NodeName, &StoreError)> {
        self.digests.iter().filter_map(|known| Some((&known.name.author, known.error.as_ref()?)))
    }

    /// Returns the authors with invalid posts, and the number of those posts.
    pub fn skipped(&self) -> impl Iterator<Item = (&NodeName, usize)> {
        let contents = self.digests.iter().filter_map(|known| known.content.as_ref());
        contents.filter(|content| content.skipped > 0).map(|content| (&content.author, content.skipped))
    }

    /// Computes the state of everything that was posted up to `now`.
    #[must_use]
    pub fn announcements(&self, now: UnixNanos) -> Announcements {
        let contents = self.digests.iter().filter_map(|known| known.content.as_ref());
        fold(contents.flat_map(|content| &content.posts), &self.editors, now)
    }
}

impl KnownDigest {
    fn new(name: DigestName) -> KnownDigest {
        KnownDigest { name, etag: None, content: None, error: None }
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
            assert_eq!((titles(&posts).len(), posts.unreadable().count()), (2, 1));
        }
        assert_eq!(requested(&mut posts, &[("anna", Some("3"))]).len(), 1, "it is requested again");
        assert_eq!(
            (titles(&posts), posts.unreadable().count()),
            (vec!["Down".to_owned()], 1),
            "ben's digest was removed"
        );
        posts.add(name("anna"), None, Ok(digest("anna", &["Up"])));
        assert_eq!((titles(&posts), posts.unreadable().count()), (vec!["Up".to_owned()], 0));
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
            posts.add(name("anna"), None, Ok(digest_of("anna", &[extreme.clone(), maintenance])));
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
