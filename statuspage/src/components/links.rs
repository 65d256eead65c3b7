//! Links to other views of the page, which are shown without loading the page again.

use leptos::prelude::*;
use shared::UnixNanos;
use wasm_bindgen::JsCast;
use web_sys::MouseEvent;

use super::dom::html::a;
use super::dom::{ElementBuilder, svg};
use super::parts::icon;
use crate::browser;
use crate::context::AppContext;
use crate::url_state::{Shown, UrlState};
use crate::view::event::{AnnouncementView, Phase};

/// Builds the icon for what an announcement is and how far it has progressed.
pub(super) fn phase_icon(phase: Phase) -> ElementBuilder {
    let outline = svg::path().attr("d", phase.outline()).attr("fill-rule", "evenodd");
    icon(outline).attr("data-phase", phase.as_str())
}

/// Builds the title, which links to the announcement.
pub(super) fn title(context: AppContext, view: &AnnouncementView) -> ElementBuilder {
    page_link(context, &view.title, view.link.clone()).attr("dir", "auto")
}

/// Builds a link to another view of the page, which is shown without loading the page again.
pub(super) fn page_link(context: AppContext, text: &str, shown: Shown) -> ElementBuilder {
    let change = move |url_state: &mut UrlState| url_state.shown.clone_from(&shown);
    state_link(context, change, || browser::show_top("detail")).text(text)
}

/// Builds a link to an endpoint's outage: the bar that contains its start is open.
pub(super) fn outage_link(context: AppContext, id: usize, address: &str, start: UnixNanos) -> ElementBuilder {
    let address = address.to_owned();
    let change = move |url_state: &mut UrlState| {
        url_state.shown = Shown::Endpoints;
        url_state.endpoint = Some(address.clone());
        url_state.path = vec![start];
    };
    state_link(context, change, move || browser::scroll_to(&format!("endpoint-{id}")))
}

/// Builds a link that changes the state of the page, and then calls a function.
fn state_link(
    context: AppContext,
    change: impl Fn(&mut UrlState) + Clone + 'static,
    then: impl Fn() + 'static,
) -> ElementBuilder {
    let change_on_click = change.clone();
    let href = move || {
        let mut target = context.url_state.get();
        change(&mut target);
        let query = target.to_query();
        if query.is_empty() { "./".to_owned() } else { query }
    };
    a().attr("href", href).on("click", move |event| {
        let is_plain = event
            .dyn_ref::<MouseEvent>()
            .is_some_and(|event| !event.ctrl_key() && !event.meta_key() && !event.shift_key() && !event.alt_key());
        if is_plain {
            event.prevent_default();
            context.navigate(|url_state| change_on_click(url_state));
            then();
        }
    })
}
