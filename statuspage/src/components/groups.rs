//! The groups of endpoints, each folded as long as all in it is well, and what stands in them.

use leptos::prelude::*;
use shared::status::Status;

use super::element::{Built, html};
use super::endpoint::{Endpoint, one};
use super::{of, shape, table};
use crate::app::State;
use crate::i18n::texts;
use crate::url_state::{Embed, Layout};
use crate::view::groups::GroupView;

/// What all endpoints share.
#[derive(Clone, Copy)]
pub(super) struct Shared {
    pub(super) state: State,
    /// Where every chart is pointed at: what was slow at the same time shows at once.
    pub(super) crosshair: RwSignal<Option<f64>>,
}

/// All endpoints, in their groups or in a table.
pub(super) fn endpoints(state: State) -> Built {
    let view = state.view;
    let shared = Shared { state, crosshair: RwSignal::new(None) };
    let content = html("div").redrawn(
        move || state.url_state.with(|url_state| url_state.layout),
        move |layout| match layout {
            Layout::Cards => vec![inside(shared, None)],
            Layout::Table => vec![table::table(state)],
        },
    );
    html("section.endpoints[aria-labelledby=endpoints-title]")
        .with(html("h2.spoken[id=endpoints-title]").text(state.text(texts::SERVICES)))
        .with(content)
        .with(html("p.quiet").live_text(of(view, |view| view.not_shown.as_deref().unwrap_or_default())))
        .with(
            html("p.quiet[id=nothing]")
                .text(state.text(texts::NOTHING_FOUND))
                .shown_while(move || state.found.with(|found| found.as_ref().is_some_and(|found| found.is_empty()))),
        )
}

/// The groups that stand in a group, or those that stand in none.
fn inside(shared: Shared, key: Option<i64>) -> Built {
    let keys = move || {
        let of = |group: &&GroupView| group.parent == key;
        shared.state.view.with(|view| view.groups.iter().filter(of).map(|group| group.key).collect())
    };
    html("div").keyed(keys, move |key| group(shared, key))
}

fn group(shared: Shared, key: i64) -> Built {
    let state = shared.state;
    let read = move |read: fn(&GroupView) -> String| state.view.with(|view| find(&view.groups, key).map(read));
    let text = move |of: fn(&GroupView) -> String| move || read(of).unwrap_or_default();
    let all =
        move || state.view.with(|view| find(&view.groups, key).map(|group| group.all.clone()).unwrap_or_default());
    let status = move || state.view.with(|view| find(&view.groups, key).map(|group| group.status).unwrap_or_default());
    // What a reader did with it; until then it is open while something in it needs attention or is looked at.
    let chosen = RwSignal::new(None::<bool>);
    let is_sought = move || state.found.with(Option::is_some);
    let is_unfolded = move || {
        let opened = state.view.with(|view| view.opened.id);
        let is_wanted = || status() != Status::Healthy || opened.is_some_and(|id| all().contains(&id));
        chosen.get().unwrap_or_else(is_wanted)
    };
    let is_whole = move || state.printing.get() || state.url_state.with(|url_state| url_state.embed == Embed::Bars);
    let is_open = move || is_whole() || is_sought() || is_unfolded();
    let own = move || {
        let endpoints = html("div").keyed(
            move || {
                let own = state.view.with(|view| find(&view.groups, key).map(|group| group.endpoints.clone()));
                // What is unfolded only for who seeks shows no more than what is found; each comes when it is drawn.
                let is_shown = |id: &usize| !is_sought() || is_unfolded() || state.finds(*id);
                state.drawing.among(own.unwrap_or_default().into_iter().filter(is_shown))
            },
            move |id| {
                let endpoint = Endpoint { state, id: id as usize };
                one(endpoint, shared.crosshair).shown_while(move || state.finds(endpoint.id))
            },
        );
        vec![endpoints, inside(shared, Some(key))]
    };
    if read(|group| group.title.clone()).is_none_or(|title| title.is_empty()) {
        return html("div").with_all(own());
    }
    let summary = html("summary")
        .with(shape(status))
        .with(
            html("span.line")
                .with(html("h2").with(html("bdi").live_text(text(|group| group.title.clone()))))
                .with(html("span.state").live_text(text(|group| group.summary.clone()))),
        )
        .on("click", move |event| {
            event.prevent_default();
            chosen.set(Some(!is_open()));
        });
    html("details.group")
        .live("open", move || is_open().then(String::new))
        .live("data-status", move || Some(status().word().to_owned()))
        .with(summary)
        // What is folded is not drawn.
        .with(html("div.members").redrawn(is_open, move |open| if *open { own() } else { Vec::new() }))
        .shown_while(move || all().iter().any(|id| state.finds(*id)))
}

fn find(groups: &[GroupView], key: i64) -> Option<&GroupView> {
    groups.iter().find(|group| group.key == key)
}
