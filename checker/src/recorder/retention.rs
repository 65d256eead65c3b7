//! Selects expired check files. Pure.

use shared::object_name::{CheckFileName, NodeName};
use shared::{Nanos, UnixNanos};

/// Selects the check files among `names` that were stored more than `age` before `now` and that `node` must delete.
///
/// A node deletes its own files, and those of the original Checkup, which do not belong to any node. Other nodes may
/// keep their files longer, and a writer's key should not be allowed to delete them.
#[must_use]
pub fn expired(names: &[CheckFileName], now: UnixNanos, age: Nanos, node: &NodeName) -> Vec<CheckFileName> {
    let oldest_kept = now.saturating_sub(age.max(0));
    let is_ours = |name: &CheckFileName| name.node.as_ref().is_none_or(|stored_by| stored_by == node);
    names.iter().filter(|name| name.stored_at < oldest_kept && is_ours(name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use crate::recorder::retention::*;
    use proptest::prelude::*;
    use shared::{DAY, HOUR};

    const NOW: UnixNanos = 1_795_330_254_340_493_978;

    fn file(stored_at: UnixNanos, node: Option<&str>) -> CheckFileName {
        CheckFileName { stored_at, node: node.map(|node| NodeName::new(node).expect("it is a name")) }
    }

    #[test]
    fn a_file_expires_when_it_is_older_than_the_age() {
        let node = NodeName::new("here").unwrap();
        let names = [file(NOW - DAY - 1, Some("here")), file(NOW - DAY, Some("here")), file(NOW - HOUR, Some("here"))];
        assert_eq!(expired(&names, NOW, DAY, &node), names[..1]);
    }

    #[test]
    fn only_own_and_original_files_expire() {
        let node = NodeName::new("here").unwrap();
        let names = [file(NOW - DAY, Some("there")), file(NOW - DAY, None), file(NOW - DAY, Some("here"))];
        assert_eq!(expired(&names, NOW, HOUR, &node), names[1..]);
    }

    #[test]
    fn a_file_from_the_future_does_not_expire() {
        let node = NodeName::new("here").unwrap();
        assert_eq!(expired(&[file(NOW + DAY, Some("here"))], NOW, 0, &node), []);
    }

    proptest! {
        #[test]
        fn exactly_the_old_own_files_expire(
            files in prop::collection::vec((0..2_000_i64, prop::sample::select(vec![None, Some("here"), Some("there")])), 0..50),
            now in 0..2_500_i64, age in 0..2_500_i64,
        ) {
            let names: Vec<_> = files.iter().map(|(stored_at, node)| file(*stored_at, *node)).collect();
            let node = NodeName::new("here").unwrap();
            let deleted = expired(&names, now, age, &node);
            for name in &names {
                let foreign = name.node.as_ref().is_some_and(|stored_by| *stored_by != node);
                prop_assert_eq!(deleted.contains(name), !foreign && now - name.stored_at > age);
            }
            let kept: Vec<_> = names.iter().filter(|name| !deleted.contains(name)).collect();
            prop_assert_eq!(kept.len() + deleted.len(), names.len());
        }

        #[test]
        fn extreme_times_do_not_overflow(stored_at in 0..=i64::MAX, now in any::<i64>(), age in any::<i64>()) {
            let _ = expired(&[file(stored_at, None)], now, age, &NodeName::new("here").unwrap());
        }
    }
}
