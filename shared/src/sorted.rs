//! Order by integer keys. The standard library's sorts and trees come anew for every type they are used with, at
//! several kilobytes each; here is one sort for all, and look-up in what is sorted already. Pure.

/// Sorts by a key; equal ones keep their order. Nearly free where the order is right already.
pub fn by_key<T>(things: &mut Vec<T>, key: impl Fn(&T) -> i64) {
    let keys = things.iter().enumerate().map(|(place, thing)| (key(thing), place)).collect();
    if let Some(order) = order(keys) {
        let mut taken: Vec<Option<T>> = std::mem::take(things).into_iter().map(Some).collect();
        things.extend(order.into_iter().filter_map(|(_, place)| taken[place].take()));
    }
}

/// Sorts numbers.
pub fn numbers(numbers: &mut [i64]) {
    let keys = numbers.iter().map(|number| (*number, 0)).collect();
    if let Some(order) = order(keys) {
        for (number, (sorted, _)) in numbers.iter_mut().zip(order) {
            *number = sorted;
        }
    }
}

/// The keys with their places in order; `None` if they are.
fn order(mut keys: Vec<(i64, usize)>) -> Option<Vec<(i64, usize)>> {
    if keys.is_sorted() {
        return None;
    }
    // A merge sort by hand: the standard library's would be four kilobytes of the page.
    let mut merged = Vec::with_capacity(keys.len());
    let mut width = 1;
    while width < keys.len() {
        for pair in keys.chunks(2 * width) {
            let (mut left, mut right) = pair.split_at(width.min(pair.len()));
            while let (Some(one), Some(other)) = (left.first(), right.first()) {
                let from = if one <= other { &mut left } else { &mut right };
                merged.push(from[0]);
                *from = &from[1..];
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        std::mem::swap(&mut keys, &mut merged);
        merged.clear();
        width *= 2;
    }
    Some(keys)
}

/// Where a thing stands, or would have to stand, in a row that descends: `Ok` where it is, `Err` where it would be.
pub fn find_descending<T: Ord>(row: &[T], thing: &T) -> Result<usize, usize> {
    let place = row.partition_point(|other| other > thing);
    if row.get(place) == Some(thing) { Ok(place) } else { Err(place) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_sorts_as_the_standard_library_does(mut things in prop::collection::vec((0..20_i64, 0..100_u8), 0..60)) {
            let mut expected = things.clone();
            expected.sort_by_key(|(key, _)| *key);
            by_key(&mut things, |(key, _)| *key);
            prop_assert_eq!(&things, &expected);
            let mut keys: Vec<i64> = things.iter().rev().map(|(key, _)| *key).collect();
            numbers(&mut keys);
            prop_assert!(keys.into_iter().eq(expected.into_iter().map(|(key, _)| key)));
        }

        #[test]
        fn what_stands_in_the_row_is_found(things in prop::collection::btree_set(0..100_u8, 0..40), thing in 0..100_u8) {
            let row: Vec<u8> = things.iter().rev().copied().collect();
            match find_descending(&row, &thing) {
                Ok(place) => prop_assert_eq!(row[place], thing),
                Err(place) => {
                    let mut longer = row;
                    longer.insert(place, thing);
                    prop_assert!(longer.is_sorted_by(|one, other| one > other));
                }
            }
        }
    }
}
