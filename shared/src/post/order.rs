//! Sorts posts by an identity: their own, or that of their subject.

use super::{Post, PostId};
use crate::sorting::sort_by_integer;

/// Returns one of the identities in a post.
pub(super) type IdOf = fn(&Post) -> &PostId;

/// Sorts posts by an identity, and removes all but the first post with each identity.
pub(super) fn sort_by_id(posts: &mut Vec<&Post>, id: IdOf) {
    sort_by_integer(posts, |post| id(post).posted_at);
    // Only posts from the same nanosecond can still be out of order.
    for end in 1..posts.len() {
        let mut index = end;
        while index > 0 && id(posts[index - 1]) > id(posts[index]) {
            posts.swap(index - 1, index);
            index -= 1;
        }
    }
    posts.dedup_by(|later, earlier| id(later) == id(earlier));
}

/// Returns the position of an identity in a list that [`sort_by_id`] sorted.
pub(super) fn position_of(posts: &[&Post], wanted: &PostId, id: IdOf) -> Option<usize> {
    let index = posts.partition_point(|post| id(post) < wanted);
    (id(posts.get(index)?) == wanted).then_some(index)
}
