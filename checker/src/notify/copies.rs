//! Copies of stored objects that are read again only if they have changed.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use shared::{MINUTE, Nanos, UnixNanos};

use crate::store::{Fetched, ObjectName, ObjectVersion, Store, StoreError};

/// How often the store is listed to find new nodes and authors.
const LIST_INTERVAL: Nanos = 10 * MINUTE;

/// The maximum number of concurrent reads. It is low, because histories can be large.
const READS_AT_ONCE: usize = 4;

/// Copies of one kind of stored object. Missing and invalid objects have no value.
#[derive(Debug)]
pub(super) struct Copies<N, T> {
    pub(super) listed_at: Option<UnixNanos>,
    /// The version of each known object when it was read, and its index in `values`.
    pub(super) known: BTreeMap<N, (Option<ObjectVersion>, Option<usize>)>,
    pub(super) values: Vec<T>,
    /// Why objects are only partly used or ignored.
    pub(super) problems: BTreeMap<N, String>,
    /// The objects to read even before a listing contains them.
    expected: BTreeSet<N>,
    /// The expected objects that the last listing did not contain.
    unlisted: BTreeSet<N>,
}

impl<N, T> Default for Copies<N, T> {
    fn default() -> Self {
        Copies {
            listed_at: None,
            known: BTreeMap::new(),
            values: Vec::new(),
            problems: BTreeMap::new(),
            expected: BTreeSet::new(),
            unlisted: BTreeSet::new(),
        }
    }
}

impl<N: ObjectName + Clone + Ord, T> Copies<N, T> {
    pub(super) fn is_listing_due(&self, now: UnixNanos) -> bool {
        self.listed_at.is_none_or(|listed| !(0..LIST_INTERVAL).contains(&now.saturating_sub(listed)))
    }

    pub(super) fn forget(&mut self) {
        self.known.values_mut().for_each(|(version, _)| *version = None);
    }

    /// Sets the objects to read even before a listing contains them, because they can be created at any time.
    pub(super) fn expect(&mut self, names: impl IntoIterator<Item = N>) {
        self.expected = names.into_iter().collect();
        self.unlisted = self.expected.iter().filter(|name| !self.known.contains_key(*name)).cloned().collect();
    }

    /// Returns the listed objects that have no contents, for example because they were deleted since.
    pub(super) fn missing(&self) -> BTreeSet<N> {
        let missing = self.known.iter().filter(|(_, (version, index))| version.is_none() && index.is_none());
        missing.map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn keep_listed(&mut self, listed: &[N], now: UnixNanos) {
        let gone: Vec<N> = self.known.keys().filter(|name| !listed.contains(*name)).cloned().collect();
        for name in gone {
            self.set(&name, None, None);
            self.known.remove(&name);
            self.problems.remove(&name);
        }
        for name in listed {
            self.known.entry(name.clone()).or_default();
        }
        self.unlisted = self.expected.iter().filter(|name| !listed.contains(name)).cloned().collect();
        self.listed_at = Some(now);
    }

    /// Reads the known objects that have changed. Objects that are unreadable although others are readable count as
    /// missing, so that one node cannot keep the others from notifying. If no object is readable, a permission is
    /// missing, and ignoring that would send every message once per node. Some services also deny access to objects
    /// that do not exist, so denied objects that were never listed do not count.
    pub(super) async fn refresh(
        &mut self,
        store: &Store,
        parse: impl Fn(&N, &[u8]) -> Result<T, String>,
    ) -> Result<(), StoreError> {
        let read = async |(name, version): (N, Option<ObjectVersion>)| {
            let fetched = match store.get_if_changed(&name, version.as_ref()).await {
                Err(error @ StoreError::TooLarge { .. }) => Err(error),
                Err(error) if error.is_denied() => Err(error),
                read => Ok(read?),
            };
            Ok::<_, StoreError>((name, fetched))
        };
        for name in &self.unlisted {
            self.known.entry(name.clone()).or_default();
        }
        let known: Vec<_> = self.known.iter().map(|(name, (version, _))| (name.clone(), version.clone())).collect();
        let mut reading = stream::iter(known).map(read).buffer_unordered(READS_AT_ONCE);
        let (mut denied, mut is_any_readable) = (Vec::new(), false);
        while let Some((name, fetched)) = reading.try_next().await? {
            is_any_readable |= matches!(fetched, Ok(_) | Err(StoreError::TooLarge { .. }));
            if !matches!(fetched, Ok(Fetched::Unchanged)) {
                self.problems.remove(&name);
            }
            match fetched {
                Ok(Fetched::Unchanged) => {}
                Ok(Fetched::Missing) => self.set(&name, None, None),
                Ok(Fetched::Changed { content, version }) => {
                    let value = parse(&name, &content);
                    if let Err(problem) = &value {
                        self.problems.insert(name.clone(), problem.clone());
                    }
                    self.set(&name, version, value.ok());
                }
                Err(StoreError::TooLarge { limit, .. }) => {
                    self.set(&name, None, None);
                    self.problems.insert(name, format!("it is larger than {limit}"));
                }
                Err(error) => denied.push((name, error)),
            }
        }
        for (name, error) in denied {
            if !is_any_readable && !self.unlisted.contains(&name) {
                return Err(error);
            }
            self.set(&name, None, None);
        }
        Ok(())
    }

    fn set(&mut self, name: &N, version: Option<ObjectVersion>, value: Option<T>) {
        let index = self.known.get(name).and_then(|(_, index)| *index);
        let index = match (index, value) {
            (Some(index), Some(value)) => {
                self.values[index] = value;
                Some(index)
            }
            (Some(index), None) => {
                self.values.swap_remove(index);
                // `swap_remove` has moved the last value to this index.
                let moved = self.values.len();
                for (_, other) in self.known.values_mut().filter(|(_, other)| *other == Some(moved)) {
                    *other = Some(index);
                }
                None
            }
            (None, Some(value)) => {
                self.values.push(value);
                Some(self.values.len() - 1)
            }
            (None, None) => None,
        };
        self.known.insert(name.clone(), (version, index));
    }
}
