//! The chart of response times, with its readout and the crosshair that all charts share.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, KeyboardEvent, PointerEvent};

use super::dom::html::{div, p, span};
use super::dom::{ElementBuilder, svg};
use super::endpoint_ref::EndpointRef;
use super::keyboard::index_after;
use crate::i18n::texts;
use crate::view::chart::{ChartView, Point};
use crate::view::geometry::{HEIGHT, WIDTH, number};
use crate::view::overlay::{ChartOverlay, Layer};

/// Builds the chart. `crosshair` is the crosshair's position in all charts, from 0 to 1.
pub(super) fn chart(endpoint: EndpointRef, crosshair: RwSignal<Option<f64>>) -> ElementBuilder {
    let summary = text_of(endpoint, |chart| &chart.summary);
    let pointed = move || {
        let position = crosshair.get()?;
        endpoint.read(|one| one.chart.nearest(position).and_then(|index| one.chart.points.get(index).cloned()))
    };
    let readout = p().class("chart-readout").attr("aria-live", "polite").text(move || match pointed() {
        Some(point) => endpoint.context.readout(&point),
        None => endpoint.context.language.format(texts::RESPONSE_TIME_IS, &[&summary()]),
    });
    let layers = move || {
        // Overlay layers have no separate signal. They change with the endpoint, so this tracks the endpoint.
        endpoint.context.render_queue.get(endpoint.id);
        endpoint.context.overlay_layers(endpoint.id)
    };
    let legend = p().class("legend").dynamic_children(layers, move |layers| {
        layers.iter().map(|layer| span().class(layer_class(endpoint)).text(&layer.name)).collect()
    });
    let paths =
        svg::svg()
            .class("paths")
            .attr("width", "100%")
            .attr("preserveAspectRatio", "none")
            .attr("height", &number(HEIGHT))
            .attr("viewBox", &format!("0 0 {} {}", number(WIDTH), number(HEIGHT)))
            .child(path("band", text_of(endpoint, |chart| &chart.band)))
            .child(svg::g().dynamic_children(layers, move |layers| {
                layers.iter().map(|layer| layer_path(endpoint, layer)).collect()
            }))
            .child(path("mark", text_of(endpoint, |chart| &chart.marks)))
            .child(path("upper", text_of(endpoint, |chart| &chart.upper)))
            .child(path("line", text_of(endpoint, |chart| &chart.line)))
            .child(path("failures", text_of(endpoint, |chart| &chart.failures)))
            .child(svg::g().dynamic_children(pointed, |point| point.iter().flat_map(cross).collect()));
    let drawing = drawing(endpoint, paths);
    div().class("chart-box").child(readout).child(legend).child(follow_pointer(drawing, endpoint, crosshair))
}

fn text_of(endpoint: EndpointRef, read: fn(&ChartView) -> &str) -> impl Fn() -> String + Copy + 'static {
    move || endpoint.read(|one| read(&one.chart).to_owned())
}

/// Builds the drawing: the paths, with the grid behind them and its labels beside them.
fn drawing(endpoint: EndpointRef, paths: ElementBuilder) -> ElementBuilder {
    let grid = move || endpoint.read(|one| one.chart.grid.clone());
    let threshold = move || endpoint.read(|one| one.chart.threshold.clone());
    svg::svg()
        .class("chart")
        .role("img")
        .attr("tabindex", "0")
        .attr("height", &number(HEIGHT + 1.0))
        .aria_label(text_of(endpoint, |chart| &chart.label))
        .attr("data-points", move || endpoint.read(|one| one.chart.points.len()).to_string())
        .child(svg::g().dynamic_children(grid, |grid| grid.iter().map(|(y, _)| line("grid", *y)).collect()))
        .child(line("base", HEIGHT))
        .child(paths)
        .child(svg::g().dynamic_children(threshold, |threshold| threshold.iter().flat_map(threshold_line).collect()))
        .child(svg::g().dynamic_children(grid, |grid| grid.iter().map(|(y, label)| grid_label(*y, label)).collect()))
}

/// Moves the crosshair with the pointer and with the arrow keys.
fn follow_pointer(drawing: ElementBuilder, endpoint: EndpointRef, crosshair: RwSignal<Option<f64>>) -> ElementBuilder {
    let follow = move |event: Event| {
        if let Some(position) = pointer_position(&event) {
            crosshair.set(Some(position));
        }
    };
    drawing
        .on("pointermove", follow)
        .on("pointerdown", follow)
        .on("pointerleave", move |_| crosshair.set(None))
        .on("blur", move |_| crosshair.set(None))
        .on("keydown", move |event| {
            let Some(event) = event.dyn_ref::<KeyboardEvent>() else { return };
            if event.key() == "Escape" {
                crosshair.set(None);
                return;
            }
            let positions: Vec<f64> =
                endpoint.read(|one| one.chart.points.iter().map(|point| point.x / WIDTH).collect());
            let current = crosshair.get_untracked().and_then(|at| endpoint.read(|one| one.chart.nearest(at)));
            // If there is no crosshair yet, the first key press puts it on the newest point.
            let next = match current {
                Some(current) => index_after(&event.key(), current, positions.len()),
                None => index_after(&event.key(), 0, positions.len()).and(positions.len().checked_sub(1)),
            };
            if let Some(next) = next {
                event.prevent_default();
                crosshair.set(Some(positions[next]));
            }
        })
}

/// Returns the class of an overlay's paths and legend entries, which style sheets distinguish by their order.
fn layer_class(endpoint: EndpointRef) -> &'static str {
    match endpoint.context.url_state.with_untracked(|url_state| url_state.overlay) {
        ChartOverlay::Locations => "location",
        _ => "phase",
    }
}

fn layer_path(endpoint: EndpointRef, layer: &Layer) -> ElementBuilder {
    svg::path().class(layer_class(endpoint)).attr("d", &layer.path)
}

/// Returns the pointer's position in the chart, from 0 to 1.
fn pointer_position(event: &Event) -> Option<f64> {
    let pointer = event.dyn_ref::<PointerEvent>()?;
    let drawing = event.current_target()?.dyn_into::<Element>().ok()?.get_bounding_client_rect();
    (drawing.width() > 0.0).then(|| (f64::from(pointer.client_x()) - drawing.left()) / drawing.width())
}

fn path(class: &str, commands: impl Fn() -> String + 'static) -> ElementBuilder {
    svg::path().class(class).attr("d", commands)
}

fn line(class: &str, y: f64) -> ElementBuilder {
    let y = number(y);
    svg::line().attr("x1", "0").attr("x2", "100%").class(class).attr("y1", &y).attr("y2", &y)
}

/// Builds the label of a grid line, to the left of the curve.
fn grid_label(y: f64, label: &str) -> ElementBuilder {
    end_label("-8", y + 4.0, label)
}

fn end_label(x: &str, y: f64, label: &str) -> ElementBuilder {
    svg::text().class("unit").attr("text-anchor", "end").attr("x", x).attr("y", &number(y)).text(label)
}

fn threshold_line((y, label): &(f64, String)) -> [ElementBuilder; 2] {
    [line("threshold", *y), end_label("100%", *y - 3.0, label)]
}

fn cross(point: &Point) -> Vec<ElementBuilder> {
    let x = number(point.x);
    let mut cross = vec![svg::path().class("crosshair").attr("d", &format!("M{x} 0V{}", number(HEIGHT)))];
    if let Some(y) = point.y {
        // A line of zero length is drawn as a dot, because its ends are round.
        cross.push(svg::path().class("dot").attr("d", &format!("M{x} {}h0", number(y))));
    }
    cross
}
