//! The endpoints as they were last rendered. [`crate::controller`] renders them one by one, so neither the first
//! rendering nor a refresh delays scrolling and typing.

use std::sync::Arc;

use leptos::prelude::*;

use crate::view::endpoint::EndpointView;
use crate::view::group_strip::GroupStrip;

/// An endpoint that components show.
///
/// Each endpoint has its own signal, because notifying thousands of subscribers of one signal is slow.
#[derive(Clone)]
struct RenderedEndpoint {
    changed: ArcRwSignal<Option<bool>>,
    view: Option<Arc<EndpointView>>,
}

/// The endpoints that components show, by id.
#[derive(Clone, Copy)]
pub struct RenderQueue {
    rendered: StoredValue<Vec<RenderedEndpoint>, LocalStorage>,
    /// A signal that is notified when an endpoint is rendered for the first time.
    has_grown: RwSignal<Option<bool>>,
    /// The strips of groups, in no particular order.
    groups: StoredValue<Vec<GroupStrip>, LocalStorage>,
    /// A signal that is notified when the strips of groups are rendered.
    groups_changed: RwSignal<Option<bool>>,
}

impl RenderQueue {
    pub(crate) fn new() -> RenderQueue {
        RenderQueue {
            rendered: StoredValue::new_local(Vec::new()),
            has_grown: RwSignal::new(None),
            groups: StoredValue::new_local(Vec::new()),
            groups_changed: RwSignal::new(None),
        }
    }

    /// Reads the strip of a group, and tracks it. Returns the default value until it is rendered.
    pub(crate) fn group_strip(self, key: usize) -> GroupStrip {
        self.groups_changed.track();
        let strips = self.groups.get_value();
        strips.into_iter().find(|strip| strip.key == key).unwrap_or_default()
    }

    /// Replaces the strips of groups, and notifies the components that show them.
    pub(crate) fn set_group_strips(self, strips: Vec<GroupStrip>) {
        self.groups.set_value(strips);
        self.groups_changed.notify();
    }

    /// Reads an endpoint, and tracks it. Returns `None` until it is rendered.
    pub(crate) fn get(self, id: usize) -> Option<Arc<EndpointView>> {
        let rendered = self.slot(id);
        rendered.changed.track();
        rendered.view
    }

    /// Filters `ids` by whether the endpoint is rendered, and tracks the result.
    pub(crate) fn rendered(self, ids: impl Iterator<Item = usize>) -> Vec<usize> {
        self.has_grown.track();
        ids.filter(|id| self.slot(*id).view.is_some()).collect()
    }

    /// Replaces an endpoint, and notifies the components that show it.
    pub(crate) fn set(self, view: Arc<EndpointView>) {
        let id = view.id;
        let before = self.slot(id);
        self.rendered.update_value(|rendered| rendered[id].view = Some(view));
        before.changed.notify();
        if before.view.is_none() {
            self.has_grown.notify();
        }
    }

    /// Returns whether an endpoint is rendered with bars and chart.
    pub(crate) fn is_full(self, id: usize) -> bool {
        self.slot(id).view.is_some_and(|view| !view.strip.is_empty())
    }

    fn slot(self, id: usize) -> RenderedEndpoint {
        let empty = || RenderedEndpoint { changed: ArcRwSignal::new(None), view: None };
        let slot = self.rendered.try_update_value(|rendered| {
            while rendered.len() <= id {
                rendered.push(empty());
            }
            rendered[id].clone()
        });
        slot.unwrap_or_else(empty)
    }
}
