//! An endpoint's row: name, status, strip and uptime. Its chart opens on request.

use leptos::prelude::*;

use super::dom::ElementBuilder;
use super::dom::html::{a, bdi, button, div, h3, p, section, span};
use super::endpoint_ref::EndpointRef;
use super::parts::planned;
use super::{chart, detail, strip};
use crate::i18n::texts;

/// Builds an endpoint's row. `crosshair` is the crosshair's position in all charts, from 0 to 1.
pub(super) fn endpoint(endpoint: EndpointRef, crosshair: RwSignal<Option<f64>>) -> ElementBuilder {
    let id = endpoint.id;
    let [section_id, title_id] = ["endpoint", "title"].map(|what| format!("{what}-{id}"));
    let title = endpoint.text(|one| &one.title)();
    let section = section()
        .class("endpoint")
        .id(&section_id)
        .attr("aria-labelledby", &title_id)
        .attr("data-title", &title)
        .attr("data-locator", &endpoint.text(|one| &one.locator)())
        .attr("data-status", move || endpoint.status().as_str())
        .attr("data-planned", move || planned(endpoint.read(|one| one.is_planned)))
        .attr("data-localized", move || endpoint.read(|one| one.is_localized).then_some("true"))
        .child(head(endpoint, &title, &title_id))
        .child(strip::strip(endpoint, 0))
        .child(uptime(endpoint))
        .child(detail::levels(endpoint))
        .child(
            div().class("opened").children_when(move || endpoint.is_chart_open(), move || opened(endpoint, crosshair)),
        );
    endpoint.render_when_visible(section)
}

/// Builds the heading, which opens the chart. The button is not a tab stop: the strip is, and Space opens the chart there.
fn head(endpoint: EndpointRef, title: &str, title_id: &str) -> ElementBuilder {
    // The style sheet hides lines without text.
    let reason = endpoint.text(|one| one.reason.as_deref().unwrap_or_default());
    let about = endpoint.text(|one| &one.about);
    let toggle = button()
        .class("toggle")
        .attr("type", "button")
        .attr("tabindex", "-1")
        .attr("aria-expanded", move || if endpoint.is_chart_open() { "true" } else { "false" })
        .child(endpoint.status_icon())
        .child(bdi().text(endpoint.text(|one| &one.full_name)));
    div()
        .class("head")
        .on("click", move |_| endpoint.toggle_chart())
        .child(h3().id(title_id).attr("title", title).child(toggle))
        .child(p().class("state").attr("title", endpoint.text(|one| &one.since)).text(endpoint.text(|one| &one.state)))
        .child(p().class("reason").child(bdi().text(reason)))
        .child(p().class("about").child(bdi().text(about)))
}

/// Builds the line below the strip: its start, the uptime, and its end. A tooltip shows how the uptime was computed.
fn uptime(endpoint: EndpointRef) -> ElementBuilder {
    let edge = move |index: usize| move || endpoint.context.view.with(|view| view.strip_edges[index].clone());
    let figure = p()
        .class("figure")
        .child(span().class("uptime").text(endpoint.text(|one| &one.labeled_uptime)))
        .child(span().class("outside").text(endpoint.text(|one| &one.outside)))
        .child(span().class("coverage").text(endpoint.text(|one| &one.coverage)))
        .child(span().class("readout").role("tooltip").text(endpoint.text(|one| &one.breakdown)));
    div()
        .class("span")
        .child(span().class("edge").text(edge(0)))
        .child(figure)
        .child(span().class("edge").text(edge(1)))
}

/// Builds what is below an open row: facts about the endpoint, how the uptime was computed, and the chart.
fn opened(endpoint: EndpointRef, crosshair: RwSignal<Option<f64>>) -> Vec<ElementBuilder> {
    let link = endpoint.text(|one| &one.link)();
    let runbook = (!link.is_empty()).then(|| {
        let text = endpoint.context.text(texts::RUNBOOK);
        span().text(" · ").child(a().attr("rel", "noopener noreferrer").attr("href", &link).text(text))
    });
    let facts = p().class("facts").child(span().text(endpoint.text(|one| &one.facts))).children(runbook);
    let breakdown = p().class("facts").text(endpoint.text(|one| &one.breakdown));
    vec![facts, breakdown, chart::chart(endpoint, crosshair), strip::axis(endpoint, 0)]
}
