//! Sorts by the identity of posts. Sorting by integer keys shares code with all other sorting, which keeps the page small.

use super::PostId;

/// Sorts items by their identities.
pub(super) fn sort_by_id<T>(items: &mut [T], id: impl Fn(&T) -> &PostId) {
    items.sort_by_cached_key(|item| id(item).posted_at);
    // Only posts from the same nanosecond can still be out of order.
    for end in 1..items.len() {
        let mut index = end;
        while index > 0 && id(&items[index - 1]) > id(&items[index]) {
            items.swap(index - 1, index);
            index -= 1;
        }
    }
}

/// Returns the position of an identity in a list that is sorted by identity and has no duplicates.
pub(super) fn position_of<T>(items: &[T], wanted: &PostId, id: impl Fn(&T) -> &PostId) -> Option<usize> {
    let index = items.partition_point(|item| id(item) < wanted);
    items.get(index).filter(|item| id(item) == wanted).map(|_| index)
}
