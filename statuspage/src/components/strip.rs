//! The strip of uptime bars with its read-out, and the axis of time below it. One tab stop a strip: arrow keys walk
//! the bars, Escape closes the read-out.

use std::sync::Arc;

use leptos::prelude::*;
use shared::UnixNanos;
use shared::status::Status;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlElement, KeyboardEvent};

use super::element::{Built, html, svg};
use super::endpoint::{Bars, Endpoint};
use super::isolated;
use crate::view::period::Slot;
use crate::view::strip::{BAR_HEIGHT, BarView};
use crate::view::words::number;

/// The strip of a level: 0 is the endpoint's own. Enter or a click opens a bar. Bars are drawn once they are in sight.
pub(super) fn strip(endpoint: Endpoint, level: usize, is_in_sight: RwSignal<bool>) -> Built {
    let bars = move || endpoint.bars(level);
    let label = move || {
        endpoint.read(|one| match level.checked_sub(1) {
            None => one.strip_label.clone(),
            Some(level) => one.levels.get(level).map(|level| level.label.clone()).unwrap_or_default(),
        })
    };
    let open = move |event: &Event| {
        let start = bar_of(event);
        if let Some(bar) = bars().iter().find(|bar| Some(bar.start) == start) {
            endpoint.open(level, Slot { start: bar.start, end: bar.end });
        }
    };
    // The bar whose read-out is open, and the one that Tab comes to: the newest until another was visited.
    let pointed = RwSignal::new(None::<UnixNanos>);
    let visited = RwSignal::new(None::<UnixNanos>);
    let tab_stop = move || {
        let bars = bars();
        let kept = visited.get().filter(|start| bars.iter().any(|bar| bar.start == *start));
        kept.or_else(|| bars.last().map(|bar| bar.start))
    };
    let strip = svg("svg.strip[role=group]")
        .set("height", &number(BAR_HEIGHT))
        .live("aria-label", move || Some(label()))
        .keyed(
            move || {
                if is_in_sight.get() || endpoint.state.printing.get() {
                    bars().iter().map(|bar| bar.start).collect()
                } else {
                    Vec::new()
                }
            },
            move |start| bar(bars, start, tab_stop),
        )
        .on("pointerover", move |event| pointed.set(bar_of(&event)))
        .on("pointerdown", move |event| pointed.set(bar_of(&event)))
        .on("click", move |event| open(&event))
        .on("keydown", move |event| {
            let Some(event) = event.dyn_ref::<KeyboardEvent>() else { return };
            if event.key() == "Escape" {
                // First what is written about the bar goes, then what the bar opened into.
                if pointed.get_untracked().is_none() {
                    endpoint.close();
                }
                pointed.set(None);
                return;
            }
            if event.key() == "Enter" || event.key() == " " {
                event.prevent_default();
                open(event);
                return;
            }
            if let "ArrowUp" | "ArrowDown" = event.key().as_str() {
                event.prevent_default();
                focus_neighbour(event);
                return;
            }
            let starts: Vec<UnixNanos> = bars().iter().map(|bar| bar.start).collect();
            let here = starts.iter().position(|start| Some(*start) == tab_stop()).unwrap_or(0);
            if let Some(to) = step(&event.key(), here, starts.len()) {
                event.prevent_default();
                focus_bar(event, starts[to]);
            }
        });
    let shown = move || {
        let start = pointed.get()?;
        bars().into_iter().find(|bar| bar.start == start)
    };
    html("div.strip-box")
        .with(strip)
        .with(html("div").redrawn(shown, |bar| bar.iter().map(read_out).collect()))
        // Not on the drawing itself: one that listens to the focus would become a tab stop of its own.
        .on("focusin", move |event| {
            visited.set(bar_of(&event));
            pointed.set(bar_of(&event));
        })
        .on("focusout", move |_| pointed.set(None))
        .on("pointerleave", move |_| pointed.set(None))
}

/// Where a key leads in a row of so many; `None` if it leads nowhere.
pub(super) fn step(key: &str, here: usize, count: usize) -> Option<usize> {
    let last = count.checked_sub(1)?;
    match key {
        "ArrowLeft" => Some(here.saturating_sub(1)),
        "ArrowRight" => Some((here + 1).min(last)),
        "Home" => Some(0),
        "End" => Some(last),
        _ => None,
    }
}

/// The bar in which something happened.
fn bar_of(event: &Event) -> Option<UnixNanos> {
    let target = event.target()?.dyn_into::<Element>().ok()?;
    target.closest(".bar").ok()??.get_attribute("data-start")?.parse().ok()
}

fn focus_bar(event: &KeyboardEvent, start: UnixNanos) {
    let strip = event.current_target().and_then(|strip| strip.dyn_into::<Element>().ok());
    let bar = strip.and_then(|strip| strip.query_selector(&format!("[data-start=\"{start}\"]")).ok().flatten());
    if let Some(bar) = bar {
        // Elements of drawings have the same `focus` as those of pages.
        let _ = bar.unchecked_into::<HtmlElement>().focus();
    }
}

/// From a bar to the one at the same place of the strip above or below, whichever endpoint's that is.
fn focus_neighbour(event: &KeyboardEvent) {
    let Some(document) = web_sys::window().and_then(|window| window.document()) else { return };
    let here = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let strip = here.as_ref().and_then(|bar| bar.parent_element());
    let all = |root: &Element, selector: &str| {
        let found = root.query_selector_all(selector).ok();
        let found = found.into_iter().flat_map(|found| (0..found.length()).filter_map(move |place| found.get(place)));
        found.filter_map(|node| node.dyn_into::<Element>().ok()).collect::<Vec<_>>()
    };
    let (Some(root), Some(strip)) = (document.document_element(), strip) else { return };
    // What is hidden has no box.
    let strips: Vec<Element> =
        all(&root, ".strip").into_iter().filter(|strip| strip.get_client_rects().length() > 0).collect();
    let Some(number) = strips.iter().position(|one| *one == strip) else { return };
    let place = all(&strip, ".bar").iter().position(|bar| Some(bar) == here.as_ref()).unwrap_or(0);
    let to = if event.key() == "ArrowUp" { number.checked_sub(1) } else { Some(number + 1) };
    let Some(neighbour) = to.and_then(|to| strips.get(to)) else { return };
    let bars = all(neighbour, ".bar");
    if let Some(bar) = bars.get(place).or(bars.last()) {
        let _ = bar.unchecked_ref::<HtmlElement>().focus();
    }
}

fn bar(
    bars: impl Fn() -> Bars + Copy + 'static,
    start: UnixNanos,
    tab_stop: impl Fn() -> Option<UnixNanos> + Copy + 'static,
) -> Built {
    let find = move || bars().into_iter().find(|bar| bar.start == start);
    let group = svg("g.bar[role=button]")
        .set("data-start", &start.to_string())
        .live("tabindex", move || Some(if tab_stop() == Some(start) { "0" } else { "-1" }.to_owned()));
    let element = group.element().clone();
    group.redrawn(find, move |bar| {
        let Some(bar) = bar else { return Vec::new() };
        for (name, value) in [
            ("aria-label", bar.label.as_str()),
            ("aria-expanded", if bar.is_open { "true" } else { "false" }),
            ("data-status", bar.status.word()),
            ("data-end", &bar.end.to_string()),
        ] {
            let _ = element.set_attribute(name, value);
        }
        parts(bar)
    })
}

/// The parts of a bar, the slit before it, and the frame that takes the pointer and shows the focus.
fn parts(bar: &BarView) -> Vec<Built> {
    let (x, width) = (format!("{}%", number(bar.x)), format!("{}%", number(bar.width)));
    let rect = |class: &str, width: &str, y: f64, height: f64| {
        let rect = svg("rect").class(class).set("x", &x).set("width", width);
        rect.set("y", &number(y)).set("height", &number(height))
    };
    let mut drawn: Vec<Built> = bar
        .parts
        .iter()
        .map(|part| {
            let drawn = rect("part", &width, part.y, part.height).set("data-status", part.status.word());
            if part.status == Status::Unknown { drawn.set("fill", "url(#hatch)") } else { drawn }
        })
        .collect();
    drawn.push(rect("slit", "2", 0.0, BAR_HEIGHT));
    drawn.push(rect("frame", &width, 0.0, BAR_HEIGHT));
    drawn
}

fn read_out(bar: &Arc<BarView>) -> Built {
    // Tenths of the strip: style sheets place the read-out by class, since inline styles are not allowed.
    let tenth = ((bar.x + bar.width / 2.0) / 10.0).round() as i64;
    let read_out = html("p[aria-hidden=true]")
        .class(&format!("readout open at-{tenth}"))
        .with(html("strong").text(&bar.when))
        .with(html("span").text(&bar.shares));
    match &bar.reason {
        Some(reason) => read_out.with(html("span.why").with(isolated(reason))),
        None => read_out,
    }
}

/// The labels of the axis of time.
pub(super) fn axis(endpoint: Endpoint) -> Built {
    let labels = svg("svg.axis[height=18][aria-hidden=true]");
    labels.redrawn(
        move || endpoint.read(|one| one.chart.times.clone()),
        |times| {
            let label = |(place, label): &(f64, String)| {
                let anchor = match *place {
                    ..6.0 => "start",
                    94.0.. => "end",
                    _ => "middle",
                };
                let text = svg("text[y=13]").set("x", &format!("{}%", number(*place)));
                text.set("text-anchor", anchor).text(label)
            };
            times.iter().map(label).collect()
        },
    )
}
