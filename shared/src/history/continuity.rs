//! Continues an endpoint's history under its id when its title or locator changes.
//!
//! Results are added in chronological order. A result with an id belongs to the endpoint with that id, which adopts the
//! result's title and locator. If there is no such endpoint, the endpoint without an id that has this title and locator
//! adopts the id. A result without an id belongs to the endpoint that has its title and locator, or had them when it
//! adopted its id.

use std::collections::BTreeMap;

use super::{History, Latencies, PostedMessage};
use crate::check_file::EndpointKey;

/// An index of a history's endpoints by their IDs, and by the keys under which they were stored without an ID.
#[derive(Debug, Default)]
pub(super) struct Identities {
    by_id: BTreeMap<Box<str>, EndpointKey>,
    /// Maps the keys that endpoints had without an id to their ids.
    by_former: BTreeMap<EndpointKey, Box<str>>,
}

impl Identities {
    pub(super) fn new(history: &History) -> Identities {
        let mut identities = Identities::default();
        for (key, past) in &history.endpoints {
            let Some(id) = &key.id else { continue };
            identities.by_id.insert(id.clone(), key.clone());
            identities.by_former.extend(past.former.as_deref().map(|former| (former.clone(), id.clone())));
        }
        identities
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Returns the number of endpoints with ids.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Finds the endpoint that a result with this key belongs to. Returns the endpoint's key in the history, or `None`
    /// if the endpoint is new.
    pub(super) fn find(&self, history: &History, key: &EndpointKey) -> Option<EndpointKey> {
        let without_id = EndpointKey { id: None, ..key.clone() };
        let exists = |key: &EndpointKey| history.endpoints.contains_key(key);
        if let Some(id) = &key.id {
            return self.by_id.get(id).cloned().or_else(|| Some(without_id).filter(exists));
        }
        let former = || self.by_id.get(self.by_former.get(key)?).cloned();
        // Keys are sorted by title, locator and id, and a missing id comes first. A key with the same title and locator
        // is therefore the next one.
        let same =
            || history.endpoints.range(key..).next().map(|(next, _)| next).filter(|next| next.is_same_endpoint(key));
        same().cloned().or_else(former)
    }

    /// Renames the endpoint that a result with this key belongs to, or adds an id to it, if necessary. Returns the
    /// endpoint's key, which the history may not contain yet.
    pub(super) fn claim(&mut self, history: &mut History, latencies: &mut Latencies, key: &EndpointKey) -> EndpointKey {
        let known = self.find(history, key);
        let Some(id) = &key.id else {
            let known = known.unwrap_or_else(|| key.clone());
            if let Some(id) = &known.id {
                self.set_former(history, &known, key, id.clone());
            }
            return known;
        };
        match known {
            Some(known) if known != *key => {
                rename(history, latencies, &known, key);
                if known.id.is_none() {
                    self.set_former(history, key, &known, id.clone());
                }
            }
            _ => {}
        }
        self.by_id.insert(id.clone(), key.clone());
        key.clone()
    }

    fn set_former(&mut self, history: &mut History, key: &EndpointKey, former: &EndpointKey, id: Box<str>) {
        if let Some(past) = history.endpoints.get_mut(key)
            && past.former.as_deref() != Some(former)
        {
            past.former = Some(Box::new(former.clone()));
            self.by_former.insert(former.clone(), id);
        }
    }

    /// Replaces the former keys of renamed endpoints in messages.
    pub(super) fn update_messages(&self, history: &mut History) {
        let is_outdated = |about: &EndpointKey| !history.endpoints.contains_key(about);
        if self.is_empty() || !history.messages.iter().flat_map(|message| &message.about).any(is_outdated) {
            return;
        }
        let messages = std::mem::take(&mut history.messages);
        let updated = messages.into_iter().map(|message| {
            let about = message.about.into_iter().map(|key| self.find(history, &key).unwrap_or(key));
            let mut about: Vec<EndpointKey> = about.collect();
            about.sort_unstable();
            about.dedup();
            PostedMessage { about, ..message }
        });
        let updated = updated.collect();
        history.messages = updated;
    }
}

fn rename(history: &mut History, latencies: &mut Latencies, from: &EndpointKey, to: &EndpointKey) {
    if let Some(past) = history.endpoints.remove(from) {
        history.endpoints.insert(to.clone(), past);
    }
    if let Some(sketches) = latencies.endpoints.remove(from) {
        latencies.endpoints.insert(to.clone(), sketches);
    }
}
