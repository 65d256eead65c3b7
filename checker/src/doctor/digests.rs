//! Findings about posts that readers do not see, because the digest of their author does not contain them.

use std::collections::BTreeSet;

use shared::UnixNanos;
use shared::object_name::{NodeName, PostName};

use super::{Finding, Side};
use crate::counted;
use crate::posts::board::Board;
use crate::posts::publish::is_settled;
use crate::store::{Listing, Store};

/// Compares the stored posts with the digests. Ignores errors, because other findings report why the store cannot be
/// read.
pub(super) async fn findings(store: &Store, now: UnixNanos) -> Vec<Finding> {
    let (Ok(board), Ok(names)) = (Board::read(store).await, store.list::<PostName>(Listing::all()).await) else {
        return Vec::new();
    };
    compare(&board, &names, now)
}

fn compare(board: &Board, names: &[PostName], now: UnixNanos) -> Vec<Finding> {
    let mut findings: Vec<Finding> = board
        .unreadable
        .iter()
        .map(|(name, reason)| Finding::warning(Side::Store, format!("readers skip `{name}`: {reason}"), ""))
        .collect();
    let authors: BTreeSet<&NodeName> = names.iter().map(|name| &name.id.author).collect();
    for author in authors {
        let digest = board.digest_of(author);
        let is_missing = |name: &&PostName| {
            name.id.author == *author
                && !digest.is_some_and(|digest| {
                    digest.posts.iter().any(|post| post.id == name.id) || is_settled(digest, &name.id, now)
                })
        };
        let missing: Vec<&PostName> = names.iter().filter(is_missing).collect();
        if let Some(first) = missing.first() {
            let count = counted(missing.len(), "post");
            let what = format!("readers do not see {count} of `{author}`, such as `{first}`");
            let remedy = format!("run `checker post tidy --author {author}`");
            findings.push(Finding::warning(Side::Store, what, remedy));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use shared::DAY;
    use shared::post::digest::PostDigest;

    use super::*;

    const NOW: UnixNanos = 1_795_330_254_340_493_978;

    #[test]
    fn posts_that_a_digest_lacks_are_reported() {
        let name = |at: UnixNanos, author: &str| {
            PostName::parse(&format!("0-posts/{at}-{author}.incident.json")).expect("a name")
        };
        let anna = NodeName::new("anna").expect("a name");
        let mut board = Board::default();
        board.digests.push(PostDigest::new(anna, [], NOW));
        let old = [name(NOW - 2 * DAY, "anna")];
        assert_eq!(compare(&board, &old, NOW), [], "it was left out on purpose");
        assert_eq!(compare(&board, &old, NOW - DAY).len(), 1, "the digest was listed in the future");
        let findings = compare(&board, &[name(NOW, "anna"), name(NOW + 1, "anna"), name(NOW, "ben")], NOW);
        let texts: Vec<&str> = findings.iter().map(|finding| finding.what.as_str()).collect();
        assert_eq!(
            texts,
            [
                format!("readers do not see 2 posts of `anna`, such as `{}`", name(NOW, "anna")),
                format!("readers do not see 1 post of `ben`, such as `{}`", name(NOW, "ben")),
            ]
        );
        assert_eq!(findings[1].remedy, "run `checker post tidy --author ben`");
    }
}
