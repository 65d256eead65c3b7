//! The page from top to bottom, and what stands there instead when its configuration cannot be used.

#![expect(clippy::must_use_candidate, reason = "the attribute `component` drops `must_use`")]

use leptos::html::Div;
use leptos::prelude::*;
use shared::page_config::PageConfig;

use super::element::{Built, html, svg};
use super::{frame, groups, isolated, message, overall, ranges, timeline};
use crate::app::{Stage, State};
use crate::view::broken;

/// The whole page.
#[component]
pub fn Page(
    /// What it shows.
    state: State,
) -> impl IntoView {
    let root = NodeRef::<Div>::new();
    root.on_load(move |root| {
        let content = html("div").redrawn(move || state.stage.get(), move |stage| content_of(state, stage));
        let _ = root.append_child(content.element());
    });
    view! { <div node_ref=root></div> }
}

fn content_of(state: State, wanted: &Stage) -> Vec<Built> {
    match wanted {
        Stage::Starting => {
            vec![html("main").with(html("p.quiet").text("Reading the page's configuration…"))]
        }
        Stage::Broken(problems) => vec![broken(problems)],
        Stage::Ready(config) => ready(state, config),
    }
}

fn ready(state: State, config: &PageConfig) -> Vec<Built> {
    let view = state.view;
    let main = html("main")
        .with_all(overall::overall(state))
        .with(message::messages(view))
        .with_all(ranges::ranges(state, config.range))
        .with(groups::endpoints(state))
        .with(problems(state))
        .with(timeline::timeline(view))
        .with(timeline::observers(view));
    vec![frame::header(state, config), main, frame::footer(state, config), hatching()]
}

fn problems(state: State) -> Built {
    let view = state.view;
    let list = html("ul[id=problems]").redrawn(
        move || view.with(|view| view.problems.clone()),
        |problems: &Vec<String>| problems.iter().map(|problem| html("li").with(isolated(problem))).collect(),
    );
    section("problems-title", "What could not be loaded")
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

fn broken(problems: &[String]) -> Built {
    let list = problems.iter().map(|problem| html("li").text(problem)).collect();
    let examples = broken::EXAMPLES
        .iter()
        .flat_map(|(title, example)| [html("p.lead").text(title), html("pre").text(example)])
        .collect();
    html("main")
        .with(html("h1[id=overall]").text("The page's configuration cannot be used"))
        .with(
            html("p.lead")
                .text("The file ")
                .with(html("code").text("config.json"))
                .text(" beside the page's ")
                .with(html("code").text("index.html"))
                .text(" says where the checks are stored. What is wrong with it:"),
        )
        .with(html("ul.broken[id=problems]").with_all(list))
        .with(section("examples-title", "One that works").with_all(examples))
        .with(html("p.quiet").text("Mend the file and load the page again; nothing has to be built anew."))
}
