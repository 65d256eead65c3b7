//! The page from top to bottom, and what stands there instead when its configuration cannot be used.

use std::sync::Arc;

use leptos::prelude::*;
use shared::page_config::PageConfig;

use super::element::{Built, html, svg};
use super::{frame, groups, holds, message, overall, ranges, timeline};
use crate::app::State;
use crate::i18n::texts;
use crate::view::config_error;

/// Puts the whole page into the document; `config` is its configuration, or what is wrong with it.
pub(crate) fn mount(state: State, config: &Result<Arc<PageConfig>, Vec<String>>) {
    let content = match config {
        Ok(config) => ready(state, config),
        Err(problems) => vec![broken(state, problems)],
    };
    if let Some(body) = web_sys::window().and_then(|window| window.document()?.body()) {
        let _ = body.append_child(html("div").with_all(content).element());
    }
}

fn ready(state: State, config: &Arc<PageConfig>) -> Vec<Built> {
    let header = frame::header(state, config);
    let main = html("main")
        .with_all(overall::overall(state))
        .with(message::messages(state))
        .with(ranges::tools(state, config.range))
        .with(groups::endpoints(state))
        .with(problems(state))
        .with(later(state, Some(false), move || vec![timeline::timeline(state), timeline::observers(state)]));
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
    let list = html("ul[id=problems]")
        .redrawn(move || view.with(|view| view.problems.clone()), |problems: &Vec<String>| listed(problems));
    section("problems-title", state.text(texts::PROBLEMS))
        .class("problems")
        .with(list)
        .shown_while(holds(view, |view| !view.problems.is_empty()))
}

/// A section with its heading.
pub(super) fn section(title_id: &str, title: &str) -> Built {
    html("section").set("aria-labelledby", title_id).with(html("h2").set("id", title_id).text(title))
}

/// The hatching of what nobody observed, for all strips.
fn hatching() -> Built {
    let pattern = svg("pattern[id=hatch][width=5][height=5][patternUnits=userSpaceOnUse][patternTransform=rotate(45)]")
        .with(svg("rect.hatch-line[width=1.4][height=5]"));
    svg("svg.spoken[aria-hidden=true]").with(svg("defs").with(pattern))
}

fn broken(state: State, problems: &[String]) -> Built {
    let lead = |text| html("p.lead").with_all(prose(state.text(text)));
    let examples =
        config_error::EXAMPLES.iter().flat_map(|(title, example)| [lead(*title), html("pre").text(example)]).collect();
    html("main")
        .with(html("h1[id=overall]").text(state.text(texts::CONFIG_ERROR_TITLE)))
        .with(lead(texts::CONFIG_ERROR_INTRO))
        .with(html("ul.broken[id=problems]").with_all(listed(problems)))
        .with(section("examples-title", state.text(texts::CONFIG_ERROR_EXAMPLES)).with_all(examples))
        .with(html("p.quiet").text(state.text(texts::CONFIG_ERROR_FIX)))
}

fn listed(problems: &[String]) -> Vec<Built> {
    problems.iter().map(|problem| html("li").with_all(prose(problem))).collect()
}

/// A text in which names stand between backticks.
fn prose(text: &str) -> Vec<Built> {
    let parts = text.split('`').enumerate();
    parts.map(|(place, part)| html(if place % 2 == 1 { "code" } else { "span" }).text(part)).collect()
}
