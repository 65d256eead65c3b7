//! What is drawn of each endpoint. Endpoints come onto the page one after the other, so that neither a first drawing nor
//! a refresh keeps whoever scrolls or points waiting; what is reckoned of them and when says [`crate::controller`].

use std::sync::Arc;

use leptos::prelude::*;

use crate::view::endpoint::EndpointView;

/// What is drawn of an endpoint. Each has a signal of its own, since thousands of parts of the page that listened to one
/// would have to find themselves among each other; it only says that there is something new.
#[derive(Clone)]
struct RenderedEndpoint {
    is_new: ArcRwSignal<Option<bool>>,
    one: Option<Arc<EndpointView>>,
}

/// What is drawn of all of them.
#[derive(Clone, Copy)]
pub struct RenderQueue {
    /// By the number of the endpoint.
    drawn: StoredValue<Vec<RenderedEndpoint>, LocalStorage>,
    /// Says that there is one more.
    has_grown: RwSignal<Option<bool>>,
}

impl RenderQueue {
    /// Nothing is drawn.
    pub(crate) fn new() -> RenderQueue {
        RenderQueue { drawn: StoredValue::new_local(Vec::new()), has_grown: RwSignal::new(None) }
    }

    /// What is drawn of an endpoint; nothing until its turn has come.
    pub(crate) fn of(self, id: usize) -> Option<Arc<EndpointView>> {
        let drawn = self.find(id);
        drawn.is_new.track();
        drawn.one
    }

    /// Those of which anything is drawn.
    pub(crate) fn among(self, ids: impl Iterator<Item = usize>) -> Vec<usize> {
        self.has_grown.track();
        ids.filter(|id| self.find(*id).one.is_some()).collect()
    }

    /// Draws an endpoint as it is now.
    pub(crate) fn put(self, one: Arc<EndpointView>) {
        let id = one.id;
        let before = self.find(id);
        self.drawn.update_value(|drawn| drawn[id].one = Some(one));
        before.is_new.notify();
        if before.one.is_none() {
            self.has_grown.notify();
        }
    }

    /// Whether the bars of an endpoint are drawn, too.
    pub(crate) fn is_whole(self, id: usize) -> bool {
        self.find(id).one.is_some_and(|one| !one.strip.is_empty())
    }

    fn find(self, id: usize) -> RenderedEndpoint {
        let nothing = || RenderedEndpoint { is_new: ArcRwSignal::new(None), one: None };
        let found = self.drawn.try_update_value(|drawn| {
            while drawn.len() <= id {
                drawn.push(nothing());
            }
            drawn[id].clone()
        });
        found.unwrap_or_else(nothing)
    }
}
