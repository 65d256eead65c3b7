//! Sorts by integer keys. Only a small part of the code exists once per type, which keeps the page small.

use std::collections::BinaryHeap;

/// Sorts items by their keys, in ascending order. Items with equal keys keep their order.
pub fn sort_by_integer<T>(items: &mut [T], key: impl Fn(&T) -> i64) {
    for (one, other) in swaps(items.iter().map(key).collect()) {
        items.swap(one, other);
    }
}

/// Returns the swaps that sort items with these keys, in the order in which they must be made.
#[inline(never)]
fn swaps(keys: Vec<i64>) -> Vec<(usize, usize)> {
    if keys.is_sorted() {
        return Vec::new();
    }
    // A heap takes much less code than `sort_unstable`.
    let heap: BinaryHeap<(i64, usize)> = keys.into_iter().zip(0..).collect();
    let mut order = heap.into_sorted_vec();
    let mut swaps = Vec::new();
    for target in 0..order.len() {
        let mut source = order[target].1;
        // An earlier swap moved the item away from any position before this one.
        while source < target {
            source = order[source].1;
        }
        order[target].1 = source;
        if source != target {
            swaps.push((target, source));
        }
    }
    swaps
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn items_are_sorted_and_equal_ones_keep_their_order(keys in prop::collection::vec(-3..4_i64, 0..40)) {
            let mut items: Vec<(i64, usize)> = keys.into_iter().zip(0..).collect();
            let mut expected = items.clone();
            expected.sort_by_key(|(key, _)| *key);
            sort_by_integer(&mut items, |(key, _)| *key);
            prop_assert_eq!(items, expected);
        }
    }
}
