//! Brings what was reckoned of each endpoint onto the page one after the other, the first ones first, so that neither a
//! first drawing nor a refresh keeps whoever scrolls or points waiting.

use std::sync::Arc;

use leptos::prelude::*;

use crate::browser;
use crate::view::PageView;
use crate::view::endpoint::EndpointView;

/// How many endpoints are drawn for one more to be drawn at a time: of hundreds each by itself would take long.
const TOGETHER_FROM: usize = 20;

/// What is drawn of an endpoint; each has a signal of its own, since thousands of bars that listened to one would
/// have to find themselves among each other.
type Drawn = ArcRwSignal<Option<Arc<EndpointView>>>;

/// What is drawn of all of them.
#[derive(Clone, Copy)]
pub(crate) struct Drawing {
    /// By the number of the endpoint.
    drawn: StoredValue<Vec<Option<Drawn>>, LocalStorage>,
    is_going_on: StoredValue<bool, LocalStorage>,
}

impl Drawing {
    /// Nothing is drawn.
    pub(crate) fn new() -> Drawing {
        Drawing { drawn: StoredValue::new_local(Vec::new()), is_going_on: StoredValue::new_local(false) }
    }

    /// What is drawn of an endpoint; nothing until its turn has come.
    pub(crate) fn of(self, id: usize) -> Drawn {
        self.drawn
            .try_update_value(|drawn| {
                if drawn.len() <= id {
                    drawn.resize(id + 1, None);
                }
                drawn[id].get_or_insert_with(Drawn::default).clone()
            })
            .unwrap_or_default()
    }

    /// Draws what has changed, and then says whether the page is complete; if that is under way it goes on with `view`.
    pub(crate) async fn go_on(self, view: RwSignal<Arc<PageView>>) {
        if self.is_going_on.get_value() {
            return;
        }
        self.is_going_on.set_value(true);
        while self.draw_some(&view.get_untracked()) {
            browser::breathe().await;
        }
        self.is_going_on.set_value(false);
        if view.with_untracked(|view| view.complete) {
            browser::set_root_attribute("data-complete", "true");
        }
    }

    /// Draws the next ones that have changed; whether there were any.
    fn draw_some(self, view: &PageView) -> bool {
        let mut count = 0;
        for (place, one) in view.endpoints.iter().enumerate() {
            let drawn = self.of(one.id);
            let is_same = drawn
                .with_untracked(|drawn| drawn.as_ref().is_some_and(|drawn| Arc::ptr_eq(drawn, one) || drawn == one));
            if !is_same {
                drawn.set(Some(Arc::clone(one)));
                count += 1;
                if count > place / TOGETHER_FROM {
                    return true;
                }
            }
        }
        count > 0
    }
}
