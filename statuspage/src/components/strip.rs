//! The strip of uptime bars with its readout, and the time axis below it.
//!
//! A strip is a single tab stop: arrow keys move between bars, Enter opens a bar, Space opens the chart, and Escape
//! closes the readout.

use std::cell::Cell;
use std::sync::Arc;

use leptos::prelude::*;
use shared::UnixNanos;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, KeyboardEvent};

use super::dom::html::{div, p, span, strong};
use super::dom::{ElementBuilder, svg, target};
use super::endpoint_ref::{Bars, EndpointRef};
use super::keyboard::{focus_adjacent_strip, index_after};
use super::parts::isolated;
use crate::dataset::TimeBucket;
use crate::view::geometry::{BAR_HEIGHT, WIDTH, number};
use crate::view::strip::{self, BarView, PATH_STATUSES, Segment};

thread_local! {
    /// The index of the bar from which the focus moves to another strip.
    static CURSOR: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Builds the strip of a level. Level 0 is the endpoint's strip, and level 1 is that of its open bar.
pub(super) fn strip(endpoint: EndpointRef, level: usize) -> ElementBuilder {
    let strip = StripRef { endpoint, level, pointed: RwSignal::new(None), visited: RwSignal::new(None) };
    let pointed = strip.pointed;
    let readout = div().dynamic_children(move || strip.pointed_bar(), |bar| bar.iter().map(readout).collect());
    div().class("strip-box").child(bars(&strip)).child(readout).on("pointerleave", move |_| pointed.set(None))
}

/// A handle to a strip on the page, which identifies bars by their start.
#[derive(Clone, Copy)]
struct StripRef {
    endpoint: EndpointRef,
    level: usize,
    /// The bar whose readout is shown.
    pointed: RwSignal<Option<UnixNanos>>,
    /// The bar that the arrow keys last moved to.
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

    /// Returns the current bar: the one that the arrow keys last moved to, or else the newest one.
    fn current(self) -> Option<Arc<BarView>> {
        let bars = self.bars();
        let visited = self.visited.get();
        let visited = bars.iter().find(|bar| Some(bar.start) == visited).cloned();
        visited.or_else(|| bars.last().cloned())
    }

    /// Returns the index of the current bar.
    fn current_index(self) -> usize {
        let start = self.current().map(|bar| bar.start);
        self.bars().iter().position(|bar| Some(bar.start) == start).unwrap_or(0)
    }

    fn move_to(self, index: usize) {
        let bars = self.bars();
        let start = bars.get(index).or(bars.last()).map(|bar| bar.start);
        self.visited.set(start);
        self.pointed.set(start);
    }

    /// Opens a bar, or closes it if it is open.
    fn toggle(self, start: Option<UnixNanos>) {
        if let Some(bar) = self.bars().iter().find(|bar| Some(bar.start) == start) {
            self.visited.set(start);
            self.endpoint.toggle(self.level, TimeBucket { start: bar.start, end: bar.end });
            // The readout is hidden, because it would cover the newly opened level, which contains the same text.
            self.pointed.set(None);
        }
    }

    /// Shows the readout of the current bar when the strip receives the focus from the keyboard.
    fn focus(self, event: &Event) {
        let index = CURSOR.take();
        let is_by_keyboard = target::<Element>(event).and_then(|one| one.matches(":focus-visible").ok());
        if is_by_keyboard == Some(true) {
            self.move_to(index.unwrap_or_else(|| self.current_index()));
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
            "Enter" => {
                event.prevent_default();
                self.toggle(self.current().map(|bar| bar.start));
            }
            " " => {
                event.prevent_default();
                self.endpoint.toggle_chart();
            }
            "ArrowUp" | "ArrowDown" => {
                event.prevent_default();
                CURSOR.set(Some(self.current_index()));
                focus_adjacent_strip(event);
            }
            key => {
                if let Some(next) = index_after(key, self.current_index(), self.bars().len()) {
                    event.prevent_default();
                    self.move_to(next);
                }
            }
        }
    }
}

/// Builds the bars. For assistive technology, they are one slider, whose value is the current bar. A few paths draw all
/// bars, and an invisible field on top of each bar handles the pointer and shows the focus.
fn bars(strip: &StripRef) -> ElementBuilder {
    let strip = *strip;
    let drawing = Drawing::new();
    let mut fields = BarFields::default();
    let children = drawing.elements();
    let field_group = svg::g().effect(move |group: &Element| {
        let current = strip.current().map(|bar| bar.start);
        let bars = strip.bars();
        if fields.bars != bars {
            drawing.update(&bars);
        }
        fields.update(bars, current, group);
    });
    let count = move || strip.bars().len().to_string();
    let value = move || strip.current().map(|bar| bar.label.clone());
    let drawn = svg::svg()
        .attr("aria-hidden", "true")
        .attr("height", &number(BAR_HEIGHT))
        .children(children)
        .child(field_group)
        .on("pointerover", move |event| strip.pointed.set(start_of(&event)))
        .on("pointerdown", move |event| strip.pointed.set(start_of(&event)))
        .on("click", move |event| strip.toggle(start_of(&event)));
    div()
        .class("strip")
        .role("slider")
        .attr("tabindex", "0")
        .aria_label(move || strip.label())
        .attr("aria-valuemin", "1")
        .attr("aria-valuemax", count)
        .attr("aria-valuenow", move || (strip.current_index() + 1).to_string())
        .attr("aria-valuetext", value)
        .child(drawn)
        .on("focus", move |event| strip.focus(&event))
        .on("blur", move |_| strip.pointed.set(None))
        .on("keydown", move |event| {
            if let Some(event) = event.dyn_ref::<KeyboardEvent>() {
                strip.handle_key(event);
            }
        })
}

/// The elements that draw bars.
struct Drawing {
    paths: [ElementBuilder; 3],
    before_first: ElementBuilder,
    planned: ElementBuilder,
    gaps: ElementBuilder,
    windows: ElementBuilder,
    incidents: ElementBuilder,
    hatched: ElementBuilder,
}

impl Drawing {
    fn new() -> Drawing {
        Drawing {
            paths: PATH_STATUSES.map(|status| svg::path().class("part").attr("data-status", status.as_str())),
            before_first: svg::path().class("before-first"),
            planned: svg::path().class("part").attr("data-planned", "true"),
            gaps: svg::path().class("bar-gaps"),
            windows: svg::path().class("windows"),
            incidents: svg::path().class("incidents"),
            hatched: svg::g(),
        }
    }

    /// Returns the elements for an SVG element, whose width is that of the strip.
    fn elements(&self) -> [ElementBuilder; 2] {
        // The drawing scales with the page's width, so each bar stays under its invisible field.
        let drawing = svg::svg()
            .attr("width", "100%")
            .attr("preserveAspectRatio", "none")
            .attr("height", &number(BAR_HEIGHT))
            .attr("viewBox", &format!("0 0 {} {}", number(WIDTH), number(BAR_HEIGHT)))
            .child(self.before_first.clone())
            .children(self.paths.clone())
            .children([&self.planned, &self.gaps, &self.windows, &self.incidents].map(Clone::clone));
        [self.hatched.clone(), drawing]
    }

    fn update(&self, bars: &Bars) {
        let drawn = strip::bar_paths(bars);
        for (path, commands) in self.paths.iter().zip(&drawn.parts) {
            path.set_attr("d", commands);
        }
        for (path, commands) in [
            (&self.before_first, &drawn.before_first),
            (&self.gaps, &drawn.gaps),
            (&self.planned, &drawn.planned),
            (&self.windows, &drawn.windows),
            (&self.incidents, &drawn.incidents),
        ] {
            path.set_attr("d", commands);
        }
        self.hatched.element().set_text_content(None);
        drop(self.hatched.clone().children(drawn.unknown.iter().map(hatched_segment)));
    }
}

/// Builds a strip that only shows its bars. `label` describes it to screen readers.
pub(super) fn picture(bars: impl Fn() -> Bars + 'static, label: impl Fn() -> String + 'static) -> ElementBuilder {
    let drawing = Drawing::new();
    let children = drawing.elements();
    svg::svg()
        .class("strip-picture")
        .role("img")
        .aria_label(label)
        .attr("height", &number(BAR_HEIGHT))
        .children(children)
        .effect(move |_: &Element| drawing.update(&bars()))
}

/// Returns the start of the bar that an event targets.
fn start_of(event: &Event) -> Option<UnixNanos> {
    target::<Element>(event)?.closest(".bar").ok()??.get_attribute("data-start")?.parse().ok()
}

/// The fields in the document. Each field handles the pointer for a bar and shows the focus.
#[derive(Default)]
struct BarFields {
    bars: Bars,
    fields: Vec<ElementBuilder>,
    current: Option<UnixNanos>,
}

impl BarFields {
    /// Updates the fields in `parent` to match `bars`. Sets only attributes that differ.
    fn update(&mut self, bars: Bars, current: Option<UnixNanos>, parent: &Element) {
        let template = svg::rect().class("bar").attr("height", &number(BAR_HEIGHT));
        for (index, bar) in bars.iter().enumerate() {
            let previous = self.bars.get(index);
            if self.fields.len() <= index {
                let field = template.clone_node();
                let _ = parent.append_child(field.element());
                self.fields.push(field);
            }
            let field = &self.fields[index];
            if previous.is_none_or(|previous| previous.start != bar.start) || self.current != current {
                field.set_attr("data-current", if current == Some(bar.start) { "true" } else { "false" });
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
                ("data-label", &*bar.label),
                ("data-open", if bar.is_open { "true" } else { "false" }),
            ] {
                field.set_attr(name, value);
            }
        }
        for field in self.fields.drain(bars.len()..) {
            field.element().remove();
        }
        (self.bars, self.current) = (bars, current);
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
