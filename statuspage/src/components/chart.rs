//! The response-time chart: paths as the view made them, a crosshair that all charts share, and its read-out.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, KeyboardEvent, PointerEvent};

use super::dom::{ElementBuilder, html, svg};
use super::endpoint::Endpoint;
use super::strip::step;
use crate::i18n::texts;
use crate::view::chart::{ChartView, Point};
use crate::view::geometry::{HEIGHT, WIDTH, number};
use crate::view::overlay::{ChartOverlay, Layer};

/// The chart; `crosshair` is where every chart is pointed at, from 0 to 1.
pub(super) fn chart(endpoint: Endpoint, crosshair: RwSignal<Option<f64>>) -> ElementBuilder {
    let of = move |read: fn(&ChartView) -> &str| move || endpoint.read(|one| read(&one.chart).to_owned());
    let pointed = move || {
        let share = crosshair.get()?;
        endpoint.read(|one| one.chart.nearest(share).and_then(|index| one.chart.points.get(index).cloned()))
    };
    let follow = move |event: Event| {
        if let Some(share) = share_of(&event) {
            crosshair.set(Some(share));
        }
    };
    let summary = of(|chart| &chart.summary);
    let read_out = html("p.chart-readout[aria-live=polite]").live_text(move || match pointed() {
        Some(point) => endpoint.state.readout(&point),
        None => endpoint.state.language.format(texts::RESPONSE_TIME_IS, &[&summary()]),
    });
    let path = |class: &str, read: fn(&ChartView) -> &str| {
        let drawn = of(read);
        svg("path").class(class).live("d", move || Some(drawn()))
    };
    let layers = move || {
        // They change with it.
        endpoint.state.render_queue.of(endpoint.id);
        endpoint.state.layers(endpoint.id)
    };
    let keys = html("p.keys").redrawn(layers, move |layers| {
        layers.iter().map(|layer| html("span").class(class_of(endpoint)).text(&layer.name)).collect()
    });
    let paths = svg("svg.paths[width=100%][preserveAspectRatio=none]")
        .set("height", &number(HEIGHT))
        .set("viewBox", &format!("0 0 {} {}", number(WIDTH), number(HEIGHT)))
        .with(path("band", |chart| &chart.band))
        .with(svg("g").redrawn(layers, move |layers| layers.iter().map(|layer| drawn(endpoint, layer)).collect()))
        .with(path("mark", |chart| &chart.marks))
        .with(path("upper", |chart| &chart.upper))
        .with(path("line", |chart| &chart.line))
        .with(path("failures", |chart| &chart.failures))
        .with(svg("g").redrawn(pointed, |point| point.iter().flat_map(cross).collect()));
    let grid = move || endpoint.read(|one| one.chart.grid.clone());
    let threshold = move || endpoint.read(|one| one.chart.threshold.clone());
    let label = of(|chart| &chart.label);
    let drawing = svg("svg.chart[role=img][tabindex=0]")
        .set("height", &number(HEIGHT + 1.0))
        .live("aria-label", move || Some(label()))
        .live("data-points", move || Some(endpoint.read(|one| one.chart.points.len()).to_string()))
        .with(svg("g").redrawn(grid, |grid| grid.iter().map(|(height, _)| line("grid", *height)).collect()))
        .with(line("base", HEIGHT))
        .with(paths)
        .with(svg("g").redrawn(threshold, |threshold| threshold.iter().flat_map(threshold_line).collect()))
        .with(svg("g").redrawn(grid, |grid| grid.iter().map(|(height, text)| unit("0", *height, text)).collect()))
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
            let places: Vec<f64> = endpoint.read(|one| one.chart.points.iter().map(|point| point.x / WIDTH).collect());
            let here = crosshair.get_untracked().and_then(|share| endpoint.read(|one| one.chart.nearest(share)));
            // Whoever comes from outside enters at the newest point.
            let to = match here {
                Some(here) => step(&event.key(), here, places.len()),
                None => step(&event.key(), 0, places.len()).and(places.len().checked_sub(1)),
            };
            if let Some(to) = to {
                event.prevent_default();
                crosshair.set(Some(places[to]));
            }
        });
    html("div.chart-box").with(read_out).with(keys).with(drawing)
}

/// How it is drawn and named what a chart shows besides; style sheets number them through.
fn class_of(endpoint: Endpoint) -> &'static str {
    match endpoint.state.overlay.get_untracked() {
        ChartOverlay::Locations => "place",
        _ => "phase",
    }
}

fn drawn(endpoint: Endpoint, layer: &Layer) -> ElementBuilder {
    svg("path").class(class_of(endpoint)).set("d", &layer.path)
}

/// Where in the chart the pointer is, from 0 to 1.
fn share_of(event: &Event) -> Option<f64> {
    let pointer = event.dyn_ref::<PointerEvent>()?;
    let drawing = event.current_target()?.dyn_into::<Element>().ok()?.get_bounding_client_rect();
    (drawing.width() > 0.0).then(|| (f64::from(pointer.client_x()) - drawing.left()) / drawing.width())
}

fn line(class: &str, height: f64) -> ElementBuilder {
    let height = number(height);
    svg("line[x1=0][x2=100%]").class(class).set("y1", &height).set("y2", &height)
}

fn unit(x: &str, height: f64, label: &str) -> ElementBuilder {
    svg("text.unit").set("x", x).set("y", &number(height - 3.0)).text(label)
}

fn threshold_line((height, label): &(f64, String)) -> [ElementBuilder; 2] {
    [line("threshold", *height), unit("100%", *height, label).set("text-anchor", "end")]
}

fn cross(point: &Point) -> Vec<ElementBuilder> {
    let x = number(point.x);
    let mut drawn = vec![svg("path.cross").set("d", &format!("M{x} 0V{}", number(HEIGHT)))];
    if let Some(y) = point.y {
        drawn.push(svg("path.spot").set("d", &format!("M{x} {}h0", number(y))));
    }
    drawn
}
