//! A handle through which components read an endpoint, which the render queue can replace at any time.

use std::sync::Arc;

use leptos::prelude::*;
use shared::status::Status;

use super::dom::{ElementBuilder, svg};
use super::parts::icon;
use crate::context::AppContext;
use crate::dataset::TimeBucket;
use crate::view::endpoint::EndpointView;
use crate::view::strip::BarView;

/// The bars of a strip.
pub(super) type Bars = Vec<Arc<BarView>>;

/// A handle to an endpoint on the page.
#[derive(Clone, Copy)]
pub(super) struct EndpointRef {
    pub(super) context: AppContext,
    pub(super) id: usize,
    /// Whether the visitor opened or closed the chart, if they did.
    pub(super) chart_choice: RwSignal<Option<bool>>,
}

impl EndpointRef {
    /// Reads the endpoint as last rendered, and tracks it. Returns the default value if it has not been rendered yet.
    pub(super) fn read<T: Default>(self, read: impl FnOnce(&EndpointView) -> T) -> T {
        self.view().map(|endpoint| read(&endpoint)).unwrap_or_default()
    }

    fn view(self) -> Option<Arc<EndpointView>> {
        self.context.render_queue.get(self.id)
    }

    /// Returns the bars of a level. Level 0 is the endpoint's strip, and level 1 is that of its open bar.
    pub(super) fn bars(self, level: usize) -> Bars {
        self.read(|endpoint| match level.checked_sub(1) {
            None => endpoint.strip.clone(),
            Some(level) => endpoint.levels.get(level).map(|level| level.bars.clone()).unwrap_or_default(),
        })
    }

    /// Creates a handle, which keeps whether the visitor opened the chart.
    pub(super) fn new(context: AppContext, id: usize) -> EndpointRef {
        EndpointRef { context, id, chart_choice: RwSignal::new(None) }
    }

    /// Returns whether the chart is open.
    pub(super) fn is_chart_open(self) -> bool {
        self.context.printing.get() || self.chart_choice.get().unwrap_or_else(|| self.context.are_charts_open())
    }

    /// Opens the chart, or closes it if it is open.
    pub(super) fn toggle_chart(self) {
        self.chart_choice.set(Some(!self.is_chart_open()));
    }

    /// Opens a bar, or closes it if it is open.
    pub(super) fn toggle(self, level: usize, bucket: TimeBucket) {
        self.context.toggle_bar(self.id, level, bucket);
    }

    /// Closes the innermost open bar.
    pub(super) fn close(self) {
        self.context.close_innermost_bar(self.id);
    }

    pub(super) fn status(self) -> Status {
        self.read(|endpoint| endpoint.status)
    }

    /// Returns a closure that reads one of the endpoint's strings, for an element that shows it.
    pub(super) fn text(self, read: fn(&EndpointView) -> &str) -> impl Fn() -> String + Copy + 'static {
        move || self.read(|endpoint| read(endpoint).to_owned())
    }

    /// If the page has too many endpoints to render all bars and charts, renders this endpoint's when `element` is
    /// scrolled into view.
    pub(super) fn render_when_visible(self, element: ElementBuilder) -> ElementBuilder {
        let is_rendered_at_once = self.context.view.with_untracked(|view| view.strips_at_once);
        if is_rendered_at_once {
            element
        } else {
            element.on_first_visible(move || self.context.render_in_full(self.id))
        }
    }

    /// Builds the endpoint's status icon. A partial outage has a different one.
    pub(super) fn status_icon(self) -> ElementBuilder {
        let outline =
            move || self.view().map(|endpoint| crate::view::icon::outline(endpoint.status, endpoint.is_localized));
        icon(svg::path().attr("fill-rule", "evenodd").attr("d", outline))
            .attr("data-status", move || self.status().as_str())
    }
}
