//! The endpoints: one section each, with its state, its figure, its strip and its chart.

use std::sync::Arc;

use leptos::prelude::*;
use shared::status::Status;

use super::dom::{ElementBuilder, html, svg};
use super::{chart, detail, drawn_shape, holds, strip};
use crate::app::AppContext;
use crate::dataset::TimeBucket;
use crate::i18n::texts;
use crate::view::endpoint::EndpointView;
use crate::view::icon;

/// One endpoint, as it is drawn.
#[derive(Clone, Copy)]
pub(super) struct Endpoint {
    /// The page.
    pub(super) state: AppContext,
    /// Its number.
    pub(super) id: usize,
}

impl Endpoint {
    /// Reads something of it; nothing before it is drawn.
    pub(super) fn read<T: Default>(self, read: impl FnOnce(&EndpointView) -> T) -> T {
        self.find().map(|one| read(&one)).unwrap_or_default()
    }

    fn find(self) -> Option<Arc<EndpointView>> {
        self.state.render_queue.of(self.id)
    }

    /// The bars on a level: 0 are the endpoint's own, 1 are what one of those opened into.
    pub(super) fn bars(self, level: usize) -> Bars {
        self.read(|one| match level.checked_sub(1) {
            None => one.strip.clone(),
            Some(level) => one.levels.get(level).map(|level| level.bars.clone()).unwrap_or_default(),
        })
    }

    /// Opens a bar, or closes it.
    pub(super) fn open(self, level: usize, bucket: TimeBucket) {
        self.state.open(self.id, level, bucket);
    }

    /// Closes what is open of it.
    pub(super) fn close(self) {
        self.state.close(self.id);
    }

    /// Its status.
    pub(super) fn status(self) -> Status {
        self.read(|one| one.status)
    }

    /// One of its texts.
    pub(super) fn text(self, read: fn(&EndpointView) -> &str) -> impl Fn() -> String + Copy + 'static {
        move || self.read(|one| read(one).to_owned())
    }

    /// Where there are many, thousands of bars are reckoned and drawn when they come into sight.
    pub(super) fn drawn_in_sight(self, built: ElementBuilder) -> ElementBuilder {
        let is_at_once = self.state.view.with_untracked(|view| view.strips_at_once);
        if is_at_once { built } else { built.on_sight(move || self.state.see(self.id)) }
    }

    /// The shape of its status, which is another one if only some places see it down.
    pub(super) fn shape(self) -> ElementBuilder {
        let endpoint = self;
        let outline = move || {
            if endpoint.read(|one| one.is_localized) { icon::LOCALIZED } else { icon::shape(endpoint.status()) }
        };
        drawn_shape(svg("path[fill-rule=evenodd]").live("d", move || Some(outline().to_owned())))
            .live("data-status", move || Some(endpoint.status().word().to_owned()))
    }
}

/// One endpoint.
pub(super) fn one(endpoint: Endpoint, crosshair: RwSignal<Option<f64>>) -> ElementBuilder {
    let id = endpoint.id;
    let [section_id, title_id, reckoning_id] = ["endpoint", "title", "reckoning"].map(|what| format!("{what}-{id}"));
    let reason = move || endpoint.read(|one| one.reason.clone());
    let figure = html("p.figure[tabindex=0]")
        .set("aria-describedby", &reckoning_id)
        .with(html("strong.uptime").live_text(endpoint.text(|one| &one.uptime)))
        .with(html("span.coverage").live_text(endpoint.text(|one| &one.coverage)))
        .with(
            html("span.readout[role=tooltip]").set("id", &reckoning_id).live_text(endpoint.text(|one| &one.breakdown)),
        );
    let locator = endpoint.text(|one| &one.locator);
    let name = endpoint.text(|one| &one.name);
    let head = html("div.head")
        .with(html("h3").set("id", &title_id).with(endpoint.shape()).with(html("bdi").live_text(name)))
        .with(html("p.state").live_text(endpoint.text(|one| &one.state)))
        .with(
            html("p.reason")
                .with(html("bdi").live_text(move || reason().unwrap_or_default()))
                .shown_while(move || reason().is_some()),
        )
        .with(
            html("p.locator")
                .with(html("bdi").live_text(locator))
                .shown_while(move || !locator().is_empty() && locator() != name()),
        )
        .with(figure);
    let section = html("section.endpoint")
        .set("id", &section_id)
        .set("aria-labelledby", &title_id)
        .set("data-title", &endpoint.text(|one| &one.title)())
        .set("data-locator", &locator())
        .live("data-status", move || Some(endpoint.status().word().to_owned()))
        .live("data-localized", move || endpoint.read(|one| one.is_localized).then(|| "true".to_owned()))
        .with(head)
        .with(strip::strip(endpoint, 0))
        .with(axis_beside(endpoint))
        .with(detail::levels(endpoint))
        .with(response_times(endpoint, crosshair));
    endpoint.drawn_in_sight(section)
}

/// The axis of the strip where the chart, whose axis is the same, is folded.
fn axis_beside(endpoint: Endpoint) -> ElementBuilder {
    let view = endpoint.state.view;
    html("div").redrawn(holds(view, |view| view.charts_unfolded), move |unfolded| {
        if *unfolded { Vec::new() } else { vec![strip::axis(endpoint, 0)] }
    })
}

/// The chart, folded where there are many endpoints.
fn response_times(endpoint: Endpoint, crosshair: RwSignal<Option<f64>>) -> ElementBuilder {
    let view = endpoint.state.view;
    html("div").redrawn(holds(view, |view| view.charts_unfolded), move |unfolded| {
        if *unfolded {
            return vec![chart::chart(endpoint, crosshair), strip::axis(endpoint, 0)];
        }
        let open = RwSignal::new(false);
        let summary = html("summary")
            .text(endpoint.state.text(texts::RESPONSE_TIMES))
            .text(" ")
            .with(html("span.quiet").live_text(endpoint.text(|one| &one.chart.summary)));
        // What nobody unfolded is not drawn.
        let printing = endpoint.state.printing;
        let content = html("div").redrawn(
            move || open.get() || printing.get(),
            move |open| if *open { vec![chart::chart(endpoint, crosshair)] } else { Vec::new() },
        );
        let details =
            html("details").with(summary).with(content).on("toggle", move |_| open.update(|open| *open = !*open));
        let details = details.live("open", move || printing.get().then(String::new));
        vec![details]
    })
}

/// The bars of an endpoint.
pub(super) type Bars = Vec<Arc<crate::view::strip::BarView>>;
