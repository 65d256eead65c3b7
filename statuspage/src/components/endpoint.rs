//! An endpoint's section: status, uptime, strip and chart.

use leptos::prelude::*;

use super::dom::ElementBuilder;
use super::dom::html::{bdi, details, div, h3, p, section, span, strong, summary};
use super::endpoint_ref::EndpointRef;
use super::parts::planned;
use super::{chart, detail, strip};
use crate::i18n::texts;

/// Builds an endpoint's section. `crosshair` is the crosshair's position in all charts, from 0 to 1.
pub(super) fn endpoint(endpoint: EndpointRef, crosshair: RwSignal<Option<f64>>) -> ElementBuilder {
    let id = endpoint.id;
    let [section_id, title_id, breakdown_id] = ["endpoint", "title", "breakdown"].map(|what| format!("{what}-{id}"));
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
        .child(head(endpoint, &title, &title_id, &breakdown_id))
        .child(strip::strip(endpoint, 0))
        .child(strip_axis(endpoint))
        .child(detail::levels(endpoint))
        .child(response_times(endpoint, crosshair));
    endpoint.render_when_visible(section)
}

/// Builds the heading. It shows the shortened name, and the full title as a tooltip.
fn head(endpoint: EndpointRef, title: &str, title_id: &str, breakdown_id: &str) -> ElementBuilder {
    let reason = move || endpoint.read(|one| one.reason.clone());
    let name = endpoint.text(|one| &one.name);
    let locator = endpoint.text(|one| &one.locator);
    div()
        .class("head")
        .child(h3().id(title_id).attr("title", title).child(endpoint.status_icon()).child(bdi().text(name)))
        .child(p().class("state").text(endpoint.text(|one| &one.state)))
        .child(p().class("reason").child(bdi().text(reason)).show_when(move || reason().is_some()))
        .child(
            p().class("locator")
                .child(bdi().text(locator))
                .show_when(move || !locator().is_empty() && locator() != name()),
        )
        .child(uptime(endpoint, breakdown_id))
}

/// Builds the uptime, whose tooltip shows how it was computed.
fn uptime(endpoint: EndpointRef, breakdown_id: &str) -> ElementBuilder {
    let breakdown = span().class("readout").role("tooltip").id(breakdown_id).text(endpoint.text(|one| &one.breakdown));
    p().class("figure")
        .attr("tabindex", "0")
        .attr("aria-describedby", breakdown_id)
        .child(strong().class("uptime").text(endpoint.text(|one| &one.uptime)))
        .child(span().class("outside").text(endpoint.text(|one| &one.outside)))
        .child(span().class("coverage").text(endpoint.text(|one| &one.coverage)))
        .child(breakdown)
}

/// Builds the strip's time axis. It is omitted if charts are expanded, because they have the same axis.
fn strip_axis(endpoint: EndpointRef) -> ElementBuilder {
    let are_charts_unfolded = endpoint.context.view_flag(|view| view.charts_unfolded);
    div().children_when(move || !are_charts_unfolded(), move || vec![strip::axis(endpoint, 0)])
}

/// Builds the chart, which is folded if there are many endpoints.
fn response_times(endpoint: EndpointRef, crosshair: RwSignal<Option<f64>>) -> ElementBuilder {
    div().dynamic_children(endpoint.context.view_flag(|view| view.charts_unfolded), move |are_unfolded| {
        if *are_unfolded {
            vec![chart::chart(endpoint, crosshair), strip::axis(endpoint, 0)]
        } else {
            vec![folded_chart(endpoint, crosshair)]
        }
    })
}

/// Builds a folded chart. Its content is built when it is unfolded or printed.
fn folded_chart(endpoint: EndpointRef, crosshair: RwSignal<Option<f64>>) -> ElementBuilder {
    let is_open = RwSignal::new(false);
    let printing = endpoint.context.printing;
    let summary = summary()
        .text(endpoint.context.text(texts::RESPONSE_TIMES))
        .text(" ")
        .child(span().class("quiet").text(endpoint.text(|one| &one.chart.summary)));
    let content =
        div().children_when(move || is_open.get() || printing.get(), move || vec![chart::chart(endpoint, crosshair)]);
    details()
        .child(summary)
        .child(content)
        .on("toggle", move |_| is_open.update(|is_open| *is_open = !*is_open))
        .attr("open", move || printing.get())
}
