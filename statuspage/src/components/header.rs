//! The page's name, logo and links, and the banners below them.

use leptos::prelude::*;
use shared::page_config::PageConfig;

use super::dom::ElementBuilder;
use super::dom::html::{a, button, header as header_element, img, nav, p, span};
use super::links::page_link;
use super::parts::isolated;
use super::subscribe;
use crate::context::AppContext;
use crate::i18n::texts;
use crate::url_state::Shown;

pub(super) fn header(context: AppContext, config: &PageConfig) -> ElementBuilder {
    let appearance = &config.appearance;
    let logo = appearance.logo.as_ref().map(|url| img().class("logo").attr("alt", "").attr("src", url));
    let name = p().class("name").children(logo).child(isolated(&config.title));
    let links = appearance
        .links
        .iter()
        .map(|link| a().attr("rel", "noopener noreferrer").attr("href", &link.url).child(isolated(&link.text)));
    let history = page_link(context, context.text(texts::HISTORY), Shown::History)
        .show_when(move || context.view.with(|view| view.has_history && view.detail.is_none()));
    let status = page_link(context, context.text(texts::CURRENT_STATUS), Shown::Endpoints)
        .show_when(context.view_flag(|view| view.detail.is_some()));
    let has_links = !appearance.links.is_empty();
    let links = nav()
        .aria_label(context.text(texts::LINKS))
        .children(links)
        .child(status)
        .child(history)
        .show_when(move || has_links || context.view.with(|view| view.has_history || view.detail.is_some()));
    header_element()
        .child(name)
        .child(links)
        .child(subscribe::menu(context, config))
        .child(past(context))
        .child(banner(context))
}

/// Builds the note that appears while the page shows a past time, with a button that returns to the present.
fn past(context: AppContext) -> ElementBuilder {
    let past = move || context.view.with(|view| view.past.clone());
    let text = move || past().map(|past| context.language.format(texts::AS_OF, &[&past]));
    let now = button()
        .class("plain")
        .attr("type", "button")
        .text(context.text(texts::BACK_TO_NOW))
        .on("click", move |_| context.navigate(|url_state| url_state.at = None));
    p().class("notice")
        .id("past")
        .role("status")
        .child(span().text(text))
        .child(now)
        .show_when(context.view_flag(|view| view.past.is_some()))
}

fn banner(context: AppContext) -> ElementBuilder {
    p().class("notice")
        .id("banner")
        .role("status")
        .text(context.view_text(|view| &view.banner))
        .show_when(context.view_flag(|view| !view.banner.is_empty()))
}
