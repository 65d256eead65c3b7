//! Maps endpoints from stored results to values from the configuration.

use std::collections::HashMap;

use crate::check_file::{EndpointKey, LOCATOR_LIMIT, TITLE_LIMIT, shortened};

/// A map from endpoints to values. An endpoint with an ID is found even if it was stored under an earlier title or
/// locator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointMap<T> {
    values: Vec<T>,
    /// The index of the value for each endpoint ID.
    by_id: HashMap<Box<str>, usize>,
    /// The ID and the index of the value for each title and locator.
    by_name: HashMap<(String, String), Named>,
}

/// An endpoint's ID, if it has one, and the index of its value.
type Named = (Option<Box<str>>, usize);

impl<T> Default for EndpointMap<T> {
    fn default() -> Self {
        EndpointMap { values: Vec::new(), by_id: HashMap::new(), by_name: HashMap::new() }
    }
}

impl<T> EndpointMap<T> {
    /// Creates a map without values.
    #[must_use]
    pub fn new() -> EndpointMap<T> {
        EndpointMap::default()
    }

    /// Adds an endpoint's value, and replaces an earlier one for the same endpoint. The title and locator are shortened
    /// as in check files.
    pub fn insert(&mut self, key: EndpointKey, value: T) {
        let index = self.values.len();
        self.values.push(value);
        if let Some(id) = &key.id {
            self.by_id.insert(id.clone(), index);
        }
        let name = (shortened(key.title, TITLE_LIMIT), shortened(key.locator, LOCATOR_LIMIT));
        self.by_name.insert(name, (key.id, index));
    }

    /// Returns an endpoint's value. Endpoints are matched by ID or, if either of them has no ID, by title and locator.
    #[must_use]
    pub fn get(&self, key: &EndpointKey) -> Option<&T> {
        let by_id = key.id.as_ref().and_then(|id| self.by_id.get(id)).copied();
        let index = by_id.or_else(|| {
            let (id, index) = self.by_name.get(&(key.title.clone(), key.locator.clone()))?;
            (id.is_none() || key.id.is_none()).then_some(*index)
        });
        self.values.get(index?)
    }

    /// Returns all values in insertion order.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.values.iter()
    }

    /// Returns whether the map has no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(title: &str, locator: &str, id: Option<&str>) -> EndpointKey {
        EndpointKey { title: title.to_owned(), locator: locator.to_owned(), id: id.map(Into::into) }
    }

    #[test]
    fn an_endpoint_is_found_by_id_or_by_title_and_locator() {
        let mut map = EndpointMap::new();
        map.insert(key("Shop", "https://shop.example/", Some("shop")), 1);
        map.insert(key("Blog", "https://blog.example/", None), 2);
        for (title, locator, id, expected) in [
            ("Shop", "https://shop.example/", Some("shop"), Some(1)),
            ("Old shop", "https://old.example/", Some("shop"), Some(1)),
            ("Shop", "https://shop.example/", None, Some(1)),
            ("Shop", "https://shop.example/", Some("other"), None),
            ("Shop", "https://old.example/", None, None),
            ("Blog", "https://blog.example/", Some("blog"), Some(2)),
            ("Blog", "https://blog.example/", None, Some(2)),
        ] {
            assert_eq!(map.get(&key(title, locator, id)).copied(), expected, "{title} {locator} {id:?}");
        }
        assert!(!map.is_empty() && EndpointMap::<u8>::new().is_empty());
    }

    #[test]
    fn long_titles_are_found_as_they_are_stored() {
        let long = "x".repeat(TITLE_LIMIT * 2);
        let mut map = EndpointMap::new();
        map.insert(key(&long, &long, None), ());
        let stored = key(&shortened(long.clone(), TITLE_LIMIT), &shortened(long, LOCATOR_LIMIT), None);
        assert!(map.get(&stored).is_some());
    }
}
