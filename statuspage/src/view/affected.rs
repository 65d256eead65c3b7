//! The endpoints that an announcement is about: their names for a sentence, and their ids for the search.

pub(super) use shared::page_config::appearance::group_titles;
use shared::page_config::appearance::{Appearance, position_in};
use shared::post::{Affected, impact_on};

use super::text;
use crate::dataset::{Dataset, EndpointData};
use crate::i18n::{Calendar, Language, texts};

/// Returns whether an announcement is about all endpoints.
pub(super) fn is_everything(affects: &[Affected]) -> bool {
    affects.is_empty() || affects.iter().any(|affected| affected.scope.0 == "*")
}

/// What is needed to turn an announcement into text.
#[derive(Clone, Copy)]
pub(super) struct AnnouncementContext<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) appearance: &'a Appearance,
    pub(super) calendar: Calendar<'a>,
}

impl<'a> AnnouncementContext<'a> {
    pub(super) fn language(&self) -> &'a Language {
        self.calendar.language
    }

    /// Returns the ids of the endpoints that are affected.
    pub(super) fn ids(&self, affects: &[Affected]) -> Vec<usize> {
        let endpoints = self.dataset.endpoints.iter().enumerate();
        let is_affected = |(_, endpoint): &(usize, &EndpointData)| {
            let title = &endpoint.key.title;
            let groups = group_titles(&self.appearance.groups, title);
            !endpoint.nodes.is_empty() && impact_on(affects, title, &groups).is_some()
        };
        endpoints.filter(is_affected).map(|(id, _)| id).collect()
    }

    /// Names what is affected: endpoints and groups as in the post, and the endpoints whose title has a prefix.
    pub(super) fn names(&self, affects: &[Affected]) -> String {
        let language = self.language();
        if is_everything(affects) {
            return language.text(texts::ALL_SERVICES).to_owned();
        }
        let mut names = Vec::new();
        for affected in affects {
            let scope = &affected.scope.0;
            let titles = self.dataset.endpoints.iter().map(|endpoint| &endpoint.key.title);
            let pattern = std::slice::from_ref(scope);
            let mut titles: Vec<&String> = titles.filter(|title| position_in(pattern, title).is_some()).collect();
            // A group, or endpoints that are not in the store.
            if titles.is_empty() || !scope.ends_with('*') {
                titles = vec![scope];
            }
            names.extend(titles.into_iter().map(|title| language.isolate(text::display_name(title, "", language))));
        }
        names.dedup();
        text::counted_names(&names, names.len(), language)
    }
}
