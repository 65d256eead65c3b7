//! The signals that components read, and the actions that they trigger.

use std::rc::Rc;
use std::sync::Arc;

use leptos::prelude::*;
use shared::UnixNanos;

use crate::browser;
use crate::dataset::TimeBucket;
use crate::i18n::{Calendar, Language, Text};
use crate::render_queue::RenderQueue;
use crate::url_state::UrlState;
use crate::view::chart::Point;
use crate::view::overlay::{ChartOverlay, Layer};
use crate::view::subscribe;
use crate::view::{LoadProgress, PageView};

/// The actions that visitors can trigger. [`crate::controller`] implements them, so components do not depend on
/// code that loads data.
pub(crate) trait Actions {
    /// Shows the state that a URL describes, and loads the data that it requires.
    fn show(self: Rc<Self>, url_state: UrlState);

    /// Renders the bars and the chart of an endpoint.
    fn render_in_full(&self, id: usize);

    /// Computes the overlay of an endpoint's chart.
    fn overlay_layers(&self, id: usize, overlay: ChartOverlay) -> Vec<Layer>;

    fn calendar(&self) -> Calendar<'static>;
}

/// The part of the page that is being rendered. Each part waits for the previous ones, which would otherwise push it
/// down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RenderStage {
    Endpoints,
    Timeline,
    Footer,
}

/// The state of the page. Components receive a copy of it.
#[derive(Clone, Copy)]
pub struct AppContext {
    pub language: &'static Language,
    pub view: RwSignal<PageView>,
    pub loading: RwSignal<LoadProgress>,
    pub url_state: RwSignal<UrlState>,
    /// The ids of the endpoints that match the search, in ascending order, or `None` if the search is empty.
    pub matching: RwSignal<Option<Arc<Vec<usize>>>>,
    pub render_queue: RenderQueue,
    pub stage: RwSignal<RenderStage>,
    /// Whether the charts of response times are open unless the visitor chooses otherwise.
    pub charts_open_at_first: bool,
    /// Whether the page is being printed. Printing unfolds everything.
    pub printing: RwSignal<bool>,
    /// The URL of the folder with the feeds and the calendar, if visitors can read them.
    pub outputs: Option<&'static str>,
    /// The actions, which are missing while the configuration is invalid.
    actions: StoredValue<Option<Rc<dyn Actions>>, LocalStorage>,
}

impl AppContext {
    /// Creates the signals, which belong to the current owner.
    pub(crate) fn new(
        language: &'static Language,
        url_state: UrlState,
        outputs: Option<&'static str>,
        charts_open_at_first: bool,
    ) -> AppContext {
        AppContext {
            language,
            view: RwSignal::new(PageView::default()),
            loading: RwSignal::new(LoadProgress::default()),
            url_state: RwSignal::new(url_state),
            matching: RwSignal::new(None),
            render_queue: RenderQueue::new(),
            stage: RwSignal::new(RenderStage::Endpoints),
            charts_open_at_first,
            printing: RwSignal::new(false),
            outputs,
            actions: StoredValue::new_local(None),
        }
    }

    /// Sets the implementation of the actions.
    pub(crate) fn set_actions(self, actions: Rc<dyn Actions>) {
        self.actions.set_value(Some(actions));
    }

    fn actions(self) -> Option<Rc<dyn Actions>> {
        self.actions.get_value()
    }

    #[must_use]
    pub fn text(self, text: Text) -> &'static str {
        self.language.text(text)
    }

    /// Returns a closure that reads one of the view's strings, for an element that shows it.
    pub(crate) fn view_text(self, read: fn(&PageView) -> &str) -> impl Fn() -> String + Copy + 'static {
        move || self.view.with(|view| read(view).to_owned())
    }

    /// Returns a closure that reads a property of the view, for an element that depends on it.
    pub(crate) fn view_flag(self, read: fn(&PageView) -> bool) -> impl Fn() -> bool + Copy + 'static {
        move || self.view.with(read)
    }

    /// Changes the state in the URL. The browser's back button reverts the change.
    pub fn navigate(self, change: impl FnOnce(&mut UrlState)) {
        let mut url_state = self.url_state.get_untracked();
        change(&mut url_state);
        self.navigate_to(url_state, browser::HistoryEntry::New);
    }

    /// Changes the text in the search field.
    pub fn set_filter(self, filter: String) {
        let before = self.url_state.get_untracked();
        // The back button clears the whole search instead of removing one letter at a time.
        let entry = if before.filter.is_empty() { browser::HistoryEntry::New } else { browser::HistoryEntry::Current };
        self.navigate_to(UrlState { filter, ..before }, entry);
    }

    fn navigate_to(self, url_state: UrlState, entry: browser::HistoryEntry) {
        if self.url_state.with_untracked(|before| *before != url_state) {
            browser::set_query(&url_state.to_query(), entry);
            self.show(url_state);
        }
    }

    /// Shows the state that a URL describes, without changing the page's URL.
    pub(crate) fn show(self, url_state: UrlState) {
        if let Some(actions) = self.actions() {
            actions.show(url_state);
        }
    }

    /// Returns the URL of an endpoint's feed, if visitors can read it.
    #[must_use]
    pub fn endpoint_feed(self, title: &str) -> Option<String> {
        subscribe::endpoint_feed(self.outputs?, title)
    }

    /// Returns whether the charts of response times are open.
    #[must_use]
    pub fn are_charts_open(self) -> bool {
        self.url_state.with(|url_state| url_state.charts).unwrap_or(self.charts_open_at_first)
    }

    /// Returns the overlay of all charts.
    #[must_use]
    pub fn overlay(self) -> ChartOverlay {
        self.url_state.with(|url_state| url_state.overlay)
    }

    /// Returns whether an endpoint matches the search.
    #[must_use]
    pub fn matches(self, id: usize) -> bool {
        self.matching.with(|matching| matching.as_ref().is_none_or(|ids| ids.binary_search(&id).is_ok()))
    }

    /// Returns the readout for a point of a chart.
    #[must_use]
    pub fn readout(self, point: &Point) -> String {
        self.actions().map(|actions| point.readout(actions.calendar())).unwrap_or_default()
    }

    /// Renders the bars and the chart of an endpoint.
    pub fn render_in_full(self, id: usize) {
        if let Some(actions) = self.actions() {
            actions.render_in_full(id);
        }
    }

    /// Returns the overlay of an endpoint's chart.
    #[must_use]
    pub fn overlay_layers(self, id: usize) -> Vec<Layer> {
        let overlay = self.overlay();
        let actions = self.actions().filter(|_| overlay != ChartOverlay::Off);
        actions.map(|actions| actions.overlay_layers(id, overlay)).unwrap_or_default()
    }

    /// Opens an endpoint's bar on a level, or closes the bar if it is open.
    pub fn toggle_bar(self, id: usize, level: usize, bucket: TimeBucket) {
        let (endpoint, path) = self.view.with_untracked(|view| {
            let mut path: Vec<UnixNanos> = Vec::new();
            if view.opened.id == Some(id) {
                path.extend(view.opened.path.iter().take(level).map(|bucket| bucket.start));
            }
            let was_open = view.opened.id == Some(id) && view.opened.path.get(level) == Some(&bucket);
            if !was_open {
                path.push(bucket.start);
            }
            let one = view.endpoints.iter().find(|one| one.id == id && !path.is_empty());
            (one.map(|one| one.address.clone()), path)
        });
        // Navigating changes the view, so this must come after everything that reads the view.
        self.navigate(|url_state| (url_state.endpoint, url_state.path) = (endpoint, path));
    }

    /// Closes the innermost open bar of an endpoint.
    pub fn close_innermost_bar(self, id: usize) {
        let innermost = self.view.with_untracked(|view| {
            let level = view.opened.path.len().checked_sub(1)?;
            (view.opened.id == Some(id)).then(|| (level, view.opened.path[level]))
        });
        if let Some((level, bucket)) = innermost {
            self.toggle_bar(id, level, bucket);
        }
    }
}
