//! Determines whose posts readers see, and who can change the posts of others. Both are configured for the page.

use super::digest::PostDigest;
use super::fold::{Announcements, fold};
use crate::UnixNanos;
use crate::object_name::NodeName;

/// The authors whose posts readers see, and those who can change what others posted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Authors {
    /// The authors whose incidents, maintenance and messages are shown, or `None` for all authors.
    pub shown: Option<Vec<NodeName>>,
    /// The authors who can replace and withdraw what others posted.
    pub editors: Vec<NodeName>,
}

impl Authors {
    /// Computes the current state of the posts of the shown authors.
    #[must_use]
    pub fn announcements<'a>(
        &self,
        digests: impl IntoIterator<Item = &'a PostDigest>,
        now: UnixNanos,
    ) -> Announcements {
        let is_shown = |author: &NodeName| self.shown.as_ref().is_none_or(|shown| shown.contains(author));
        let digests = digests.into_iter().filter(|digest| is_shown(&digest.author));
        fold(digests.flat_map(|digest| &digest.posts), &self.editors, now)
    }

    /// Like [`Self::announcements`], but with the silences of all authors. Readers do not see silences, so all of them
    /// apply.
    #[must_use]
    pub fn announcements_with_silences(&self, digests: &[PostDigest], now: UnixNanos) -> Announcements {
        let all = fold(digests.iter().flat_map(|digest| &digest.posts), &self.editors, now);
        match &self.shown {
            None => all,
            Some(_) => Announcements { silences: all.silences, ..self.announcements(digests, now) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Details, Edit, Post, PostId};
    use super::*;

    const NOW: UnixNanos = 1_795_330_254_340_493_978;

    fn post(author: &str, at: UnixNanos, subject: Option<&PostId>, edit: Option<Edit>) -> Post {
        let id = PostId { posted_at: at, author: NodeName::new(author).expect("a name") };
        let subject = subject.unwrap_or(&id).clone();
        let details = Details::Incident { state: None, began: None, ended: None };
        Post { id, subject, edit, title: None, affects: None, text: None, at: None, details }
    }

    #[test]
    fn only_shown_authors_count_and_only_editors_change_the_posts_of_others() {
        let name = |name: &str| NodeName::new(name).expect("a name");
        let (first, second) = (post("anna", NOW - 3, None, None), post("ben", NOW - 2, None, None));
        let withdrawal = post("ben", NOW - 1, Some(&first.id), Some(Edit::Withdraws(first.id.clone())));
        let digests =
            [PostDigest::new(name("anna"), [first], NOW), PostDigest::new(name("ben"), [second, withdrawal], NOW)];
        let found = |shown: Option<Vec<NodeName>>, editors: Vec<NodeName>| {
            let incidents = Authors { shown, editors }.announcements(&digests, NOW).incidents;
            incidents.into_iter().map(|incident| incident.id.author.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(found(None, Vec::new()), ["ben", "anna"]);
        assert_eq!(found(Some(vec![name("anna")]), Vec::new()), ["anna"]);
        assert_eq!(found(None, vec![name("ben")]), ["ben"]);
        assert_eq!(found(Some(vec![name("anna")]), vec![name("ben")]), ["anna"], "the editor is not shown");
        assert_eq!(found(Some(Vec::new()), Vec::new()), [""; 0]);
    }

    #[test]
    fn silences_of_all_authors_apply() {
        let name = |name: &str| NodeName::new(name).expect("a name");
        let silence =
            |author: &str| Post { details: Details::Silence { until: None }, ..post(author, NOW - 2, None, None) };
        let digest =
            |author: &str| PostDigest::new(name(author), [silence(author), post(author, NOW - 1, None, None)], NOW);
        let digests = ["anna", "ben"].map(digest);
        for (shown, incidents) in [(None, 2), (Some(vec![name("anna")]), 1), (Some(Vec::new()), 0)] {
            let authors = Authors { shown, editors: Vec::new() };
            let all = authors.announcements_with_silences(&digests, NOW);
            assert_eq!((all.silences.len(), all.incidents.len()), (2, incidents));
            assert_eq!(authors.announcements(&digests, NOW).incidents, all.incidents);
        }
    }
}
