//! The page from top to bottom, and what stands there instead when its configuration cannot be used.

#![expect(clippy::must_use_candidate, reason = "the attribute `component` drops `must_use`")]

use std::sync::Arc;

use leptos::html::Div;
use leptos::prelude::*;
use shared::page_config::PageConfig;

use super::element::{Built, html, svg};
use super::{frame, groups, message, overall, ranges, timeline};
use crate::app::State;
use crate::language::texts;
use crate::view::broken;

/// The whole page; `config` is its configuration, or what is wrong with it.
#[component]
pub fn Page(
    /// What it shows.
    state: State,
    /// How it is configured.
    config: Result<Arc<PageConfig>, Vec<String>>,
) -> impl IntoView {
    let root = NodeRef::<Div>::new();
    root.on_load(move |root| {
        let content = match &config {
            Ok(config) => ready(state, config),
            Err(problems) => vec![broken(state, problems)],
        };
        let _ = root.append_child(html("div").with_all(content).element());
    });
    view! { <div node_ref=root></div> }
}

fn ready(state: State, config: &PageConfig) -> Vec<Built> {
    let main = html("main")
        .with_all(overall::overall(state))
        .with(message::messages(state))
        .with_all(ranges::ranges(state, config.range))
        .with(groups::endpoints(state))
        .with(problems(state))
        .with(timeline::timeline(state))
        .with(timeline::observers(state));
    vec![frame::header(state, config), main, frame::footer(state, config), hatching()]
}

fn problems(state: State) -> Built {
    let view = state.view;
    let list = html("ul[id=problems]").redrawn(
        move || view.with(|view| view.problems.clone()),
        |problems: &Vec<String>| problems.iter().map(|problem| html("li").text(problem)).collect(),
    );
    section("problems-title", state.line(texts::PROBLEMS))
        .class("problems")
        .with(list)
        .shown_while(move || view.with(|view| !view.problems.is_empty()))
}

/// A section with its heading.
pub(super) fn section(title_id: &str, title: &str) -> Built {
    html("section").set("aria-labelledby", title_id).with(html("h2").set("id", title_id).text(title))
}

/// The hatching of what nobody observed, for all strips.
fn hatching() -> Built {
    let stripe = |class: &str, width: &str| svg("rect[height=5]").class(class).set("width", width);
    let pattern = svg("pattern[id=hatch][width=5][height=5][patternUnits=userSpaceOnUse][patternTransform=rotate(45)]")
        .with(stripe("hatch-ground", "5"))
        .with(stripe("hatch-line", "1.4"));
    svg("svg.defs[aria-hidden=true]").with(svg("defs").with(pattern))
}

fn broken(state: State, problems: &[String]) -> Built {
    let lead = |text| html("p.lead").with_all(prose(state.line(text)));
    let list = problems.iter().map(|problem| html("li").text(problem)).collect();
    let examples =
        broken::EXAMPLES.iter().flat_map(|(title, example)| [lead(*title), html("pre").text(example)]).collect();
    html("main")
        .with(html("h1[id=overall]").text(state.line(texts::BROKEN_TITLE)))
        .with(lead(texts::BROKEN_SAYS))
        .with(html("ul.broken[id=problems]").with_all(list))
        .with(section("examples-title", state.line(texts::BROKEN_EXAMPLE)).with_all(examples))
        .with(html("p.quiet").text(state.line(texts::BROKEN_MEND)))
}

/// A text in which names stand between backticks.
fn prose(text: &str) -> Vec<Built> {
    let parts = text.split('`').enumerate();
    parts.map(|(place, part)| html(if place % 2 == 1 { "code" } else { "span" }).text(part)).collect()
}
