//! Brings what was reckoned of each endpoint onto the page one after the other, the first ones first, so that neither a
//! first drawing nor a refresh keeps whoever scrolls or points waiting.

use std::sync::Arc;

use leptos::prelude::*;

use crate::browser;
use crate::view::PageView;
use crate::view::endpoint::EndpointView;

/// How many endpoints are drawn for one more to be drawn at a time: of hundreds each by itself would take long.
const TOGETHER_FROM: usize = 20;

/// What is drawn of an endpoint. Each has a signal of its own, since thousands of bars that listened to one would have to
/// find themselves among each other; it only says that there is something new (and is of a type that is used anyway).
#[derive(Clone, Default)]
struct Drawn {
    is_new: ArcRwSignal<Option<i64>>,
    one: Option<Arc<EndpointView>>,
}

/// What is drawn of all of them.
#[derive(Clone, Copy)]
pub(crate) struct Drawing {
    /// By the number of the endpoint.
    drawn: StoredValue<Vec<Drawn>, LocalStorage>,
    is_going_on: RwSignal<bool>,
}

impl Drawing {
    /// Nothing is drawn.
    pub(crate) fn new() -> Drawing {
        Drawing { drawn: StoredValue::new_local(Vec::new()), is_going_on: RwSignal::new(false) }
    }

    /// What is drawn of an endpoint; nothing until its turn has come.
    pub(crate) fn of(self, id: usize) -> Option<Arc<EndpointView>> {
        let drawn = self.update(id, None);
        drawn.is_new.track();
        drawn.one
    }

    /// What is drawn of an endpoint, and puts another one in its place if there is one.
    fn update(self, id: usize, one: Option<&Arc<EndpointView>>) -> Drawn {
        let mut found = Drawn::default();
        self.drawn.update_value(|drawn| {
            while drawn.len() <= id {
                drawn.push(Drawn::default());
            }
            found = drawn[id].clone();
            if one.is_some() {
                drawn[id].one = one.cloned();
            }
        });
        found
    }

    /// Draws what has changed, and then says whether the page is complete; if that is under way it goes on with `view`.
    pub(crate) async fn go_on(self, view: RwSignal<Arc<PageView>>) {
        if self.is_going_on.get_untracked() {
            return;
        }
        self.is_going_on.set(true);
        while self.draw_some(&view.get_untracked()) {
            // Whoever scrolls, points or types comes first.
            browser::sleep(0).await;
        }
        self.is_going_on.set(false);
        if view.get_untracked().complete {
            browser::set_root_attribute("data-complete", "true");
        }
    }

    /// Draws the next ones that have changed; whether there were any.
    fn draw_some(self, view: &PageView) -> bool {
        let mut count = 0;
        for (place, one) in view.endpoints.iter().enumerate() {
            let before = self.update(one.id, Some(one));
            if !before.one.is_some_and(|before| Arc::ptr_eq(&before, one)) {
                before.is_new.notify();
                count += 1;
                if count > place / TOGETHER_FROM {
                    return true;
                }
            }
        }
        count > 0
    }
}
