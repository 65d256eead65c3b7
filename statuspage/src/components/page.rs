//! The page from top to bottom, and what stands there instead when its configuration cannot be used.

use std::sync::Arc;

use leptos::prelude::*;
use shared::page_config::PageConfig;

use super::element::{Built, html, svg};
use super::{frame, groups, isolated, message, overall, ranges, timeline};
use crate::app::{Stage, State};
use crate::view::broken;

/// Puts the whole page into the document.
pub(crate) fn mount(state: State) {
    let content = html("div").redrawn(move || state.stage.get(), move |stage| content_of(state, stage));
    if let Some(body) = web_sys::window().and_then(|window| window.document()?.body()) {
        let _ = body.append_child(content.element());
    }
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

fn ready(state: State, config: &Arc<PageConfig>) -> Vec<Built> {
    let view = state.view;
    let header = frame::header(state, config);
    let main = html("main")
        .with_all(overall::overall(state))
        .with(message::messages(view))
        .with_all(ranges::ranges(state, config.range))
        .with(groups::endpoints(state))
        .with(problems(state))
        .with(later(state, Some(false), move || vec![timeline::timeline(view), timeline::observers(view)]));
    let config = Arc::clone(config);
    let footer = later(state, Some(true), move || vec![frame::footer(state, &config)]);
    vec![header, main, footer, hatching()]
}

/// What is drawn when everything before it is: it would only be pushed down, and be in the way of what is waited for.
fn later(state: State, from: Option<bool>, draw: impl Fn() -> Vec<Built> + 'static) -> Built {
    let is_time = move || state.is_drawn.get() >= from;
    html("div").redrawn(is_time, move |is_time| if *is_time { draw() } else { Vec::new() })
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
