//! The strip of uptime bars with its read-out, and the axis of time below it. One tab stop a strip: arrow keys walk
//! the bars, Escape closes the read-out.

use std::cell::RefCell;
use std::sync::Arc;

use leptos::prelude::*;
use shared::UnixNanos;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlElement, KeyboardEvent};

use super::dom::{ElementBuilder, html, svg};
use super::endpoint::{Bars, Endpoint};
use super::isolated;
use crate::dataset::TimeBucket;
use crate::view::geometry::{BAR_HEIGHT, WIDTH, number};
use crate::view::strip::{self, BarView, PATH_STATUSES, Segment};

/// The strip of a level: 0 is the endpoint's own. Enter or a click opens a bar.
pub(super) fn strip(endpoint: Endpoint, level: usize) -> ElementBuilder {
    let bars = move || endpoint.bars(level);
    let label = move || {
        endpoint.read(|one| match level.checked_sub(1) {
            None => one.strip_label.clone(),
            Some(level) => one.levels.get(level).map(|level| level.label.clone()).unwrap_or_default(),
        })
    };
    // The bar whose read-out is open, and the one that Tab comes to: the newest until another was visited.
    let pointed = RwSignal::new(None::<UnixNanos>);
    let open = move |event: &Event| {
        let start = bar_of(event);
        if let Some(bar) = bars().iter().find(|bar| Some(bar.start) == start) {
            endpoint.open(level, TimeBucket { start: bar.start, end: bar.end });
            // What it opened into says the same, and would stand behind the read-out.
            pointed.set(None);
        }
    };
    let visited = RwSignal::new(None::<UnixNanos>);
    let tab_stop = move || {
        let bars = bars();
        let kept = visited.get().filter(|start| bars.iter().any(|bar| bar.start == *start));
        kept.or_else(|| bars.last().map(|bar| bar.start))
    };
    let parts = PATH_STATUSES.map(|status| svg("path.part").set("data-status", status.word()));
    let (unknown, slits) = (svg("g"), svg("path.slits"));
    // Whatever the width, a bar of a drawing has the same share of it as the field that is pointed at.
    let drawing = svg("svg[width=100%][preserveAspectRatio=none]")
        .set("height", &number(BAR_HEIGHT))
        .set("viewBox", &format!("0 0 {} {}", number(WIDTH), number(BAR_HEIGHT)))
        .with_all(parts.to_vec())
        .with(slits.clone());
    let hatching = unknown.clone();
    let shown = RefCell::new(Shown::default());
    let fields = svg("g").kept(move |fields: &Element| {
        let stop = tab_stop();
        let bars = bars();
        let mut shown = shown.borrow_mut();
        if shown.bars != bars {
            let drawing = strip::bar_paths(&bars);
            for (path, drawn) in parts.iter().zip(&drawing.parts) {
                path.put("d", drawn);
            }
            slits.put("d", &drawing.slits);
            unknown.element().set_text_content(None);
            drawing.unknown.iter().for_each(|stretch| drop(unknown.clone().with(hatched(stretch))));
        }
        shown.take(bars, stop, fields);
    });
    let strip = svg("svg.strip[role=group]")
        .set("height", &number(BAR_HEIGHT))
        .live("aria-label", move || Some(label()))
        .with(hatching)
        .with(drawing)
        .with(fields)
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
    let strip = here.as_ref().and_then(|bar| bar.closest(".strip").ok().flatten());
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

/// The bars as they stand in the document: for each a field that takes the pointer and the focus, and is spoken.
#[derive(Default)]
struct Shown {
    bars: Bars,
    fields: Vec<ElementBuilder>,
    stop: Option<UnixNanos>,
}

impl Shown {
    /// Puts other bars in the place of those before; `stop` is the one that Tab comes to.
    fn take(&mut self, bars: Bars, stop: Option<UnixNanos>, parent: &Element) {
        let template = svg("rect.bar[role=button]").set("height", &number(BAR_HEIGHT));
        for (place, bar) in bars.iter().enumerate() {
            let before = self.bars.get(place);
            if self.fields.len() <= place {
                let field = template.copy();
                let _ = parent.append_child(field.element());
                self.fields.push(field);
            }
            let field = &self.fields[place];
            if before.is_none_or(|before| before.start != bar.start) || self.stop != stop {
                field.put("tabindex", if stop == Some(bar.start) { "0" } else { "-1" });
            }
            if before == Some(bar) {
                continue;
            }
            for (name, value) in [
                ("x", &*format!("{}%", number(bar.x))),
                ("width", &*format!("{}%", number(bar.width))),
                ("data-start", &*bar.start.to_string()),
                ("data-end", &*bar.end.to_string()),
                ("data-status", bar.status.word()),
                ("aria-label", &*bar.label),
                ("aria-expanded", if bar.is_open { "true" } else { "false" }),
            ] {
                field.put(name, value);
            }
        }
        for field in self.fields.drain(bars.len()..) {
            field.element().remove();
        }
        (self.bars, self.stop) = (bars, stop);
    }
}

/// A stretch that nobody observed, in percent of the strip's width.
fn hatched(stretch: &Segment) -> ElementBuilder {
    svg("rect.part[data-status=unknown][fill=url(#hatch)]")
        .set("x", &format!("{}%", number(stretch.x)))
        .set("width", &format!("{}%", number(stretch.width)))
        .set("y", &number(stretch.part.y))
        .set("height", &number(stretch.part.height))
}

fn read_out(bar: &Arc<BarView>) -> ElementBuilder {
    // Tenths of the strip: style sheets place the read-out by class, since inline styles are not allowed.
    let tenth = ((bar.x + bar.width / 2.0) / 10.0).round() as i64;
    let read_out = html("p[aria-hidden=true]")
        .class(&format!("readout open at-{tenth}"))
        .with(html("strong").text(&bar.when))
        .with(html("span").text(&bar.summary));
    match &bar.reason {
        Some(reason) => read_out.with(html("span.why").with(isolated(reason))),
        None => read_out,
    }
}

/// The labels of the axis of time of a level: 0 is the endpoint's own.
pub(super) fn axis(endpoint: Endpoint, level: usize) -> ElementBuilder {
    let times = move || {
        endpoint.read(|one| match level.checked_sub(1) {
            None => one.chart.times.clone(),
            Some(level) => one.levels.get(level).map(|level| level.times.clone()).unwrap_or_default(),
        })
    };
    svg("svg.axis[aria-hidden=true]").redrawn(times, |times| {
        let label = |(place, label): &(f64, String)| {
            let anchor = match *place {
                ..6.0 => "start",
                94.0.. => "end",
                _ => "middle",
            };
            let text = svg("text[y=1.1em]").set("x", &format!("{}%", number(*place)));
            text.set("text-anchor", anchor).text(label)
        };
        times.iter().map(label).collect()
    })
}
