//! The page from top to bottom, and the page for an invalid configuration.

use std::sync::Arc;

use leptos::prelude::*;
use shared::page_config::PageConfig;

use super::dom::html::{
    a, code, details, div, h1, h2, li, main, p, pre, section as section_element, span, summary, ul,
};
use super::dom::{ElementBuilder, svg};
use super::parts::section;
use super::{announcements, first_steps, footer, groups, header, message, overall, timeline, toolbar};
use crate::context::{AppContext, RenderStage};
use crate::i18n::texts;
use crate::view::config_error;

/// Adds the page to the document. `config` is the page's configuration, or the problems of an invalid one.
pub(crate) fn mount(context: AppContext, config: &Result<Arc<PageConfig>, Vec<String>>) {
    let sections = match config {
        Ok(config) => status_page(context, config),
        Err(problems) => vec![config_error_page(context, problems)],
    };
    if let Some(body) = web_sys::window().and_then(|window| window.document()?.body()) {
        let _ = body.append_child(div().children(sections).element());
    }
}

fn status_page(context: AppContext, config: &Arc<PageConfig>) -> Vec<ElementBuilder> {
    let header = header::header(context, config);
    let main = main()
        .children(overall::overall(context))
        .child(announcements::announcements(context))
        .child(announcements::detail(context))
        .child(message::messages(context))
        .children(first_steps::first_steps(context, config))
        .child(overall::trouble(context))
        .child(toolbar::toolbar(context, config.range))
        .child(groups::endpoints(context))
        .child(problems(context, config))
        .child(later(context, RenderStage::Timeline, move || {
            vec![timeline::timeline(context), timeline::nodes(context)]
        }));
    let config = Arc::clone(config);
    let footer = later(context, RenderStage::Footer, move || vec![footer::footer(context, &config)]);
    let skip = a().class("skip").attr("href", "#services").text(context.text(texts::SKIP));
    vec![skip, header, main, footer, hatching()]
}

/// Builds elements in a later stage, so they neither delay the content above nor get pushed down by it.
fn later(context: AppContext, stage: RenderStage, build: impl Fn() -> Vec<ElementBuilder> + 'static) -> ElementBuilder {
    div().children_when(move || context.stage.get() >= stage, build)
}

/// Builds the problems, which are folded unless the page shows details: customers cannot solve them.
fn problems(context: AppContext, config: &PageConfig) -> ElementBuilder {
    let list = ul().id("problems").dynamic_children(
        move || context.view.with(|view| view.problems.clone()),
        |problems: &Vec<String>| items(problems),
    );
    let shows_details = config.appearance.details == Some(true);
    let folded = details()
        .attr("open", move || shows_details || context.printing.get())
        .child(summary().child(h2().id("problems-title").text(context.text(texts::PROBLEMS))))
        .child(list);
    section_element()
        .class("problems")
        .attr("aria-labelledby", "problems-title")
        .child(folded)
        .show_when(context.view_flag(|view| !view.problems.is_empty()))
}

/// Builds the pattern that fills periods without data in all strips.
fn hatching() -> ElementBuilder {
    let line = svg::rect().class("hatch-line").attr("width", "1.4").attr("height", "5");
    let pattern = svg::pattern()
        .id("hatch")
        .attr("width", "5")
        .attr("height", "5")
        .attr("patternUnits", "userSpaceOnUse")
        .attr("patternTransform", "rotate(45)")
        .child(line);
    svg::svg().class("visually-hidden").attr("aria-hidden", "true").child(svg::defs().child(pattern))
}

fn config_error_page(context: AppContext, problems: &[String]) -> ElementBuilder {
    let lead = |text| p().class("lead").children(with_code(context.text(text)));
    let examples = config_error::EXAMPLES.iter().flat_map(|(title, example)| [lead(*title), pre().text(*example)]);
    main()
        .child(h1().id("overall").text(context.text(texts::CONFIG_ERROR_TITLE)))
        .child(lead(texts::CONFIG_ERROR_INTRO))
        .child(ul().class("broken").id("problems").children(items(problems)))
        .child(section("examples-title", context.text(texts::CONFIG_ERROR_EXAMPLES)).children(examples))
        .child(p().class("quiet").text(context.text(texts::CONFIG_ERROR_FIX)))
}

fn items(problems: &[String]) -> Vec<ElementBuilder> {
    problems.iter().map(|problem| li().attr("dir", "auto").children(with_code(problem))).collect()
}

/// Converts text to elements. Parts between backticks become code.
fn with_code(text: &str) -> impl Iterator<Item = ElementBuilder> {
    text.split('`').enumerate().map(|(index, part)| if index % 2 == 1 { code() } else { span() }.text(part))
}
