//! Groups of endpoints. If there are many endpoints, a group is folded while all of its endpoints are healthy.

use std::sync::Arc;

use leptos::prelude::*;
use shared::status::Status;

use super::dom::ElementBuilder;
use super::dom::html::{bdi, details, div, h2, p, section, span, summary};
use super::endpoint::endpoint;
use super::endpoint_ref::EndpointRef;
use super::parts::{planned, status_icon};
use super::{strip, table};
use crate::context::AppContext;
use crate::i18n::texts;
use crate::url_state::{Embed, Layout};
use crate::view::groups::GroupView;

/// Builds all endpoints, in groups or in a table.
pub(super) fn endpoints(context: AppContext) -> ElementBuilder {
    // All charts share a crosshair, so visitors notice simultaneous changes.
    let crosshair = RwSignal::new(None);
    let rows = div().dynamic_children(
        move || context.url_state.with(|url_state| url_state.layout),
        move |layout| match layout {
            Layout::Cards => vec![groups_in(None, context, crosshair)],
            Layout::Table => vec![table::table(context)],
        },
    );
    let not_shown = context.view_text(|view| view.not_shown.as_deref().unwrap_or_default());
    let is_nothing_found =
        move || context.matching.with(|matching| matching.as_ref().is_some_and(|matching| matching.is_empty()));
    section()
        .class("endpoints")
        .id("services")
        .attr("tabindex", "-1")
        .attr("data-density", move || if context.view.with(|view| view.strips_at_once) { "rows" } else { "lines" })
        .attr("aria-labelledby", "endpoints-title")
        .child(h2().class("visually-hidden").id("endpoints-title").text(context.text(texts::SERVICES)))
        .child(rows)
        .child(p().class("quiet").text(not_shown))
        .child(p().class("quiet").id("no-matches").text(context.text(texts::NOTHING_FOUND)).show_when(is_nothing_found))
}

/// Builds the groups directly in `parent`, or the outermost groups.
fn groups_in(parent: Option<usize>, context: AppContext, crosshair: RwSignal<Option<f64>>) -> ElementBuilder {
    let keys = move || {
        let is_inside = |group: &&GroupView| group.parent == parent;
        context.view.with(|view| view.groups.iter().filter(is_inside).map(|group| group.key).collect())
    };
    div().keyed_children(keys, move |key| group(GroupRef { context, key }, crosshair))
}

/// A handle to a group on the page.
#[derive(Clone, Copy)]
struct GroupRef {
    context: AppContext,
    key: usize,
}

impl GroupRef {
    /// Reads the group, and tracks it. Returns the default value if the group is no longer shown.
    fn read<T: Default>(self, read: impl FnOnce(&GroupView) -> T) -> T {
        let groups = self.context.view.with(|view| Arc::clone(&view.groups));
        groups.iter().find(|group| group.key == self.key).map(read).unwrap_or_default()
    }

    fn status(self) -> Status {
        self.read(|group| group.status)
    }

    /// Returns the ids of all endpoints in the group and in its nested groups.
    fn all(self) -> Vec<usize> {
        self.read(|group| group.all.clone())
    }
}

fn group(group: GroupRef, crosshair: RwSignal<Option<f64>>) -> ElementBuilder {
    let context = group.context;
    // The visitor's choice, if any. By default, a group is unfolded if there are few endpoints, or while
    // a member is not healthy or has an open bar.
    let choice = RwSignal::new(None::<bool>);
    let is_searching = move || context.matching.with(Option::is_some);
    let is_unfolded = move || {
        let opened = context.view.with(|view| view.opened.id);
        let default = || {
            context.view.with(|view| view.groups_unfolded)
                || group.status() != Status::Healthy
                || opened.is_some_and(|id| group.all().contains(&id))
        };
        choice.get().unwrap_or_else(default)
    };
    let shows_everything =
        move || context.printing.get() || context.url_state.with(|url_state| url_state.embed == Embed::Bars);
    let is_open = move || shows_everything() || is_searching() || is_unfolded();
    let members = move || {
        let ids = move || {
            let ids = group.read(|group| group.endpoints.clone());
            // A group that is open only because of a search shows only the matches.
            let is_shown = |id: &usize| !is_searching() || is_unfolded() || context.matches(*id);
            context.render_queue.rendered(ids.into_iter().filter(is_shown))
        };
        let endpoints = div().keyed_children(ids, move |id| {
            endpoint(EndpointRef::new(context, id), crosshair).show_when(move || context.matches(id))
        });
        vec![endpoints, groups_in(Some(group.key), context, crosshair)]
    };
    if group.read(|group| group.title.clone()).is_empty() {
        return div().children(members());
    }
    let combined = move || context.render_queue.group_strip(group.key);
    let label = move || {
        let title = group.read(|group| group.title.clone());
        context.language.format(texts::COLON, &[&title, &combined().uptime])
    };
    let folded = span().class("folded").children_when(
        move || !is_open(),
        move || {
            vec![strip::picture(move || combined().bars, label), span().class("figure").text(move || combined().uptime)]
        },
    );
    let title = bdi().text(move || group.read(|group| group.title.clone()));
    let line = span()
        .class("line")
        .child(h2().child(title))
        .child(span().class("state").text(move || group.read(|group| group.summary.clone())));
    let summary =
        summary().child(status_icon(move || group.status())).child(line).child(folded).on("click", move |event| {
            event.prevent_default();
            choice.set(Some(!is_open()));
        });
    details()
        .class("group")
        .attr("open", is_open)
        .attr("data-status", move || group.status().as_str())
        .attr("data-planned", move || planned(group.read(|group| group.is_planned)))
        .child(summary)
        .child(div().class("members").children_when(is_open, members))
        .show_when(move || group.all().iter().any(|id| context.matches(*id)))
}
