//! The Subscribe menu: notifications in this browser, feeds, the calendar, channels and mailing lists. Its
//! behavior is in `subscribe.js`, which is loaded when the menu is first opened.

use shared::page_config::PageConfig;

use super::dom::ElementBuilder;
use super::dom::html::{a, button, details, div, h2, input, label, li, p, span, summary, ul};
use super::parts::isolated;
use crate::context::AppContext;
use crate::i18n::texts;
use crate::view::subscribe::{EntryKind, SubscribeEntry, sections};

/// Builds the menu. Style sheets hide it if it would be empty.
pub(super) fn menu(context: AppContext, config: &PageConfig) -> ElementBuilder {
    let sections = sections(context.outputs, &config.appearance.subscribe);
    let class = if sections.is_empty() { "subscribe notify" } else { "subscribe" };
    let mut menu = div().class("menu").child(notifications(context));
    for (heading, entries) in &sections {
        let mut list = ul();
        for one in entries {
            list = list.child(entry(context, one));
        }
        menu = menu.child(div().child(h2().text(context.text(*heading))).child(list));
    }
    details().id("subscribe").class(class).child(summary().text(context.text(texts::SUBSCRIBE))).child(menu)
}

/// Builds the checkbox for notifications, and an empty text, which shows an explanation if the browser blocks them.
fn notifications(context: AppContext) -> ElementBuilder {
    let choice = label().child(input().attr("type", "checkbox")).child(span().text(context.text(texts::NOTIFY_ME)));
    let status = p().class("quiet").role("status").attr("data-text", context.text(texts::NOTIFICATIONS_BLOCKED));
    div().class("notify").child(choice).child(status)
}

/// Builds a link, with a button that copies the address of a feed or a calendar.
fn entry(context: AppContext, entry: &SubscribeEntry<'_>) -> ElementBuilder {
    let text = entry.label.map_or(entry.name, |label| context.text(label));
    let link = a().attr("rel", "noopener noreferrer").attr("href", &entry.url).child(isolated(text));
    match entry.kind {
        EntryKind::Link => li().child(link),
        EntryKind::CalendarApp => li().child(link.attr("data-webcal", "")),
        EntryKind::Address => {
            let copy = button()
                .class("plain")
                .attr("type", "button")
                .attr("data-copied", context.text(texts::COPIED))
                .child(span().attr("aria-live", "polite").text(context.text(texts::COPY_ADDRESS)))
                .text(" ")
                .child(span().class("visually-hidden").text(text));
            li().child(link).child(copy)
        }
    }
}
