//! Links to other views of the page, which are shown without loading the page again.

use leptos::prelude::*;
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
    let query = shown.clone();
    let href = move || {
        let target = UrlState { shown: query.clone(), ..context.url_state.get() };
        let query = target.to_query();
        if query.is_empty() { "./".to_owned() } else { query }
    };
    a().attr("href", href).text(text).on("click", move |event| {
        let is_plain = event
            .dyn_ref::<MouseEvent>()
            .is_some_and(|event| !event.ctrl_key() && !event.meta_key() && !event.shift_key() && !event.alt_key());
        if is_plain {
            event.prevent_default();
            context.navigate(|url_state| url_state.shown.clone_from(&shown));
            browser::show_top("detail");
        }
    })
}
