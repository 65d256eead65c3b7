//! The strip of uptime bars with its readout, and the time axis below it.
//!
//! A strip is a single tab stop: arrow keys move between bars, Enter opens a bar, and Escape closes the readout.

use std::sync::Arc;

use leptos::prelude::*;
use shared::UnixNanos;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, KeyboardEvent};

use super::dom::html::{div, p, span, strong};
use super::dom::{ElementBuilder, svg, target};
use super::endpoint_ref::{Bars, EndpointRef};
use super::keyboard::{focus_adjacent_strip, focus_bar, index_after};
use super::parts::isolated;
use crate::dataset::TimeBucket;
use crate::view::geometry::{BAR_HEIGHT, WIDTH, number};
use crate::view::strip::{self, BarView, PATH_STATUSES, Segment};

/// Builds the strip of a level. Level 0 is the endpoint's strip, and level 1 is that of its open bar.
pub(super) fn strip(endpoint: EndpointRef, level: usize) -> ElementBuilder {
    let strip = StripRef { endpoint, level, pointed: RwSignal::new(None), visited: RwSignal::new(None) };
    let pointed = strip.pointed;
    let readout = div().dynamic_children(move || strip.pointed_bar(), |bar| bar.iter().map(readout).collect());
    div()
        .class("strip-box")
        .child(bars(strip))
        .child(readout)
        // The SVG element would become a tab stop if it handled focus events.
        .on("focusin", move |event| {
            strip.visited.set(start_of(&event));
            pointed.set(start_of(&event));
        })
        .on("focusout", move |_| pointed.set(None))
        .on("pointerleave", move |_| pointed.set(None))
}

/// A handle to a strip on the page, which identifies bars by their start.
#[derive(Clone, Copy)]
struct StripRef {
    endpoint: EndpointRef,
    level: usize,
    /// The bar whose readout is shown.
    pointed: RwSignal<Option<UnixNanos>>,
    /// The bar that last had the focus.
    visited: RwSignal<Option<UnixNanos>>,
}

impl StripRef {
    fn bars(self) -> Bars {
        self.endpoint.bars(self.level)
    }

    fn label(self) -> String {
        self.endpoint.read(|one| match self.level.checked_sub(1) {
            None => one.strip_label.clone(),
            Some(level) => one.levels.get(level).map(|level| level.label.clone()).unwrap_or_default(),
        })
    }

    fn pointed_bar(self) -> Option<Arc<BarView>> {
        let start = self.pointed.get()?;
        self.bars().into_iter().find(|bar| bar.start == start)
    }

    /// Returns the bar that Tab moves to: the bar that last had the focus, or else the newest one.
    fn tab_stop(self) -> Option<UnixNanos> {
        let bars = self.bars();
        let visited = self.visited.get().filter(|start| bars.iter().any(|bar| bar.start == *start));
        visited.or_else(|| bars.last().map(|bar| bar.start))
    }

    /// Opens the bar that an event targets, or closes it if it is open.
    fn toggle(self, event: &Event) {
        let start = start_of(event);
        if let Some(bar) = self.bars().iter().find(|bar| Some(bar.start) == start) {
            self.endpoint.toggle(self.level, TimeBucket { start: bar.start, end: bar.end });
            // The readout is hidden, because it would cover the newly opened level, which contains the same text.
            self.pointed.set(None);
        }
    }

    fn handle_key(self, event: &KeyboardEvent) {
        match event.key().as_str() {
            "Escape" => {
                // The first press of Escape closes the readout, and the next one closes the bar.
                if self.pointed.get_untracked().is_none() {
                    self.endpoint.close();
                }
                self.pointed.set(None);
            }
            "Enter" | " " => {
                event.prevent_default();
                self.toggle(event);
            }
            "ArrowUp" | "ArrowDown" => {
                event.prevent_default();
                focus_adjacent_strip(event);
            }
            key => {
                let starts: Vec<UnixNanos> = self.bars().iter().map(|bar| bar.start).collect();
                let current = starts.iter().position(|start| Some(*start) == self.tab_stop()).unwrap_or(0);
                if let Some(next) = index_after(key, current, starts.len()) {
                    event.prevent_default();
                    focus_bar(event, starts[next]);
                }
            }
        }
    }
}

/// Builds the bars. A few paths draw all of them, and an invisible field on top of each bar handles the pointer and the
/// focus.
fn bars(strip: StripRef) -> ElementBuilder {
    let paths = PATH_STATUSES.map(|status| svg::path().class("part").attr("data-status", status.as_str()));
    let planned = svg::path().class("part").attr("data-planned", "true");
    let windows = svg::path().class("windows");
    let incidents = svg::path().class("incidents");
    let gaps = svg::path().class("bar-gaps");
    let hatched = svg::g();
    // The drawing scales with the page's width, so each bar stays under its invisible field.
    let drawing = svg::svg()
        .attr("width", "100%")
        .attr("preserveAspectRatio", "none")
        .attr("height", &number(BAR_HEIGHT))
        .attr("viewBox", &format!("0 0 {} {}", number(WIDTH), number(BAR_HEIGHT)))
        .children(paths.clone())
        .children([planned.clone(), gaps.clone(), windows.clone(), incidents.clone()]);
    let mut fields = BarFields::default();
    let hatched_group = hatched.clone();
    let field_group = svg::g().effect(move |group: &Element| {
        let tab_stop = strip.tab_stop();
        let bars = strip.bars();
        if fields.bars != bars {
            let drawn = strip::bar_paths(&bars);
            for (path, commands) in paths.iter().zip(&drawn.parts) {
                path.set_attr("d", commands);
            }
            gaps.set_attr("d", &drawn.gaps);
            planned.set_attr("d", &drawn.planned);
            windows.set_attr("d", &drawn.windows);
            incidents.set_attr("d", &drawn.incidents);
            hatched_group.element().set_text_content(None);
            drop(hatched_group.clone().children(drawn.unknown.iter().map(hatched_segment)));
        }
        fields.update(bars, tab_stop, group);
    });
    svg::svg()
        .class("strip")
        .role("group")
        .attr("height", &number(BAR_HEIGHT))
        .aria_label(move || strip.label())
        .child(hatched)
        .child(drawing)
        .child(field_group)
        .on("pointerover", move |event| strip.pointed.set(start_of(&event)))
        .on("pointerdown", move |event| strip.pointed.set(start_of(&event)))
        .on("click", move |event| strip.toggle(&event))
        .on("keydown", move |event| {
            if let Some(event) = event.dyn_ref::<KeyboardEvent>() {
                strip.handle_key(event);
            }
        })
}

/// Returns the start of the bar that an event targets.
fn start_of(event: &Event) -> Option<UnixNanos> {
    target::<Element>(event)?.closest(".bar").ok()??.get_attribute("data-start")?.parse().ok()
}

/// The fields in the document. Each field handles the pointer and the focus for a bar, and describes the bar to screen
/// readers.
#[derive(Default)]
struct BarFields {
    bars: Bars,
    fields: Vec<ElementBuilder>,
    tab_stop: Option<UnixNanos>,
}

impl BarFields {
    /// Updates the fields in `parent` to match `bars`. Sets only attributes that differ.
    fn update(&mut self, bars: Bars, tab_stop: Option<UnixNanos>, parent: &Element) {
        let template = svg::rect().class("bar").role("button").attr("height", &number(BAR_HEIGHT));
        for (index, bar) in bars.iter().enumerate() {
            let previous = self.bars.get(index);
            if self.fields.len() <= index {
                let field = template.clone_node();
                let _ = parent.append_child(field.element());
                self.fields.push(field);
            }
            let field = &self.fields[index];
            if previous.is_none_or(|previous| previous.start != bar.start) || self.tab_stop != tab_stop {
                field.set_attr("tabindex", if tab_stop == Some(bar.start) { "0" } else { "-1" });
            }
            if previous == Some(bar) {
                continue;
            }
            for (name, value) in [
                ("x", &*format!("{}%", number(bar.x))),
                ("width", &*format!("{}%", number(bar.width))),
                ("data-start", &*bar.start.to_string()),
                ("data-end", &*bar.end.to_string()),
                ("data-status", bar.status.as_str()),
                ("aria-label", &*bar.label),
                ("aria-expanded", if bar.is_open { "true" } else { "false" }),
            ] {
                field.set_attr(name, value);
            }
        }
        for field in self.fields.drain(bars.len()..) {
            field.element().remove();
        }
        (self.bars, self.tab_stop) = (bars, tab_stop);
    }
}

/// Builds a part of a bar that no node observed.
fn hatched_segment(segment: &Segment) -> ElementBuilder {
    svg::rect()
        .class("part")
        .attr("data-status", "unknown")
        .attr("fill", "url(#hatch)")
        .attr("x", &format!("{}%", number(segment.x)))
        .attr("width", &format!("{}%", number(segment.width)))
        .attr("y", &number(segment.part.y))
        .attr("height", &number(segment.part.height))
}

fn readout(bar: &Arc<BarView>) -> ElementBuilder {
    // The Content-Security-Policy forbids inline styles, so a class positions the readout, in tenths of the strip.
    let tenth = ((bar.x + bar.width / 2.0) / 10.0).round() as i64;
    p().attr("aria-hidden", "true")
        .class(&format!("readout open at-{tenth}"))
        .child(strong().text(&bar.when))
        .child(span().text(&bar.summary))
        .children((!bar.notes.text.is_empty()).then(|| span().attr("dir", "auto").text(&bar.notes.text)))
        .children(bar.reason.as_deref().map(|reason| span().class("error").child(isolated(reason))))
}

/// Builds the time axis of a level.
pub(super) fn axis(endpoint: EndpointRef, level: usize) -> ElementBuilder {
    let times = move || {
        endpoint.read(|one| match level.checked_sub(1) {
            None => one.chart.times.clone(),
            Some(level) => one.levels.get(level).map(|level| level.times.clone()).unwrap_or_default(),
        })
    };
    svg::svg()
        .class("axis")
        .attr("aria-hidden", "true")
        .dynamic_children(times, |times| times.iter().map(axis_label).collect())
}

fn axis_label((x, label): &(f64, String)) -> ElementBuilder {
    let anchor = match *x {
        ..6.0 => "start",
        94.0.. => "end",
        _ => "middle",
    };
    svg::text().attr("y", "1.1em").attr("x", &format!("{}%", number(*x))).attr("text-anchor", anchor).text(label)
}
