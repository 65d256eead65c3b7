//! Loads the data for the state in the URL, computes the view from it, and renders endpoints one after the other.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use leptos::prelude::*;
use shared::object_name::HistoryPart;
use shared::page_config::{PageConfig, Source};
use shared::{DAY, HOUR, Nanos, SECOND, UnixNanos, uptime};

use crate::browser;
use crate::context::{Actions, AppContext, RenderStage};
use crate::dataset::TimeBucket;
use crate::dataset::{self, Cache, HourChecks, LoadEvent, LoadRequest, Posts};
use crate::i18n::Calendar;
use crate::source;
use crate::store::{HistoryListing, InlineContents, Listing, Store, StoreError, StoreObject};
use crate::url_state::{Shown, TimeZone, UrlState};
use crate::view::outage_changes::KnownOutages;
use crate::view::overlay::{ChartOverlay, Layer};
use crate::view::period::Period;
use crate::view::{self, LoadProgress, Percentiles, ViewScope, ViewSettings, text};

/// How long endpoints are rendered, in milliseconds, before the browser can handle events. Even on a device that is
/// four times slower, this is less than 50 ms, the shortest delay that people notice.
const RENDER_SLICE: f64 = 8.0;

/// The minimum time between two updates of a load's progress.
const PROGRESS_INTERVAL: Nanos = SECOND / 10;

/// The minimum time between two computations of the view during a load.
const REFRESH_INTERVAL: Nanos = SECOND / 4;

/// During a load, the view is recomputed when the number of files has grown by this many percent. The total work is
/// therefore proportional to the number of files.
const REFRESH_GROWTH_PERCENT: usize = 40;

/// The longest interval that is taken into account when deciding how far back to load, so that one invalid interval
/// does not load the whole store.
const MAX_INTERVAL: Nanos = DAY;

/// Applies the state that is not part of the view: time zone, theme and embedding. Replaces an unknown zone with the
/// device's zone, and a time in the future with now.
pub(crate) fn apply_url_state(mut url_state: UrlState) -> UrlState {
    if !browser::set_zone(url_state.zone.name()) {
        url_state.zone = TimeZone::Local;
    }
    // For a time in the future, there would be no data, so the page would wrongly report that no checks ran.
    url_state.at = url_state.at.filter(|at| *at <= browser::now());
    browser::set_root_attribute("data-theme", url_state.theme.as_str());
    browser::set_root_attribute("data-embed", url_state.embed.as_str());
    let shown = if url_state.shown == Shown::Endpoints { "services" } else { "announcements" };
    browser::set_root_attribute("data-view", shown);
    url_state
}

/// The configured store. `now` is used to sign requests.
struct ConfiguredStore<'a> {
    source: &'a Source,
    now: UnixNanos,
}

impl Store for ConfiguredStore<'_> {
    async fn list(&self, from: UnixNanos, until: UnixNanos, contents: InlineContents) -> Result<Listing, StoreError> {
        source::list(self.source, from, until, contents, self.now).await
    }

    async fn get(&self, object: &StoreObject) -> Result<Vec<u8>, StoreError> {
        source::get(self.source, object, self.now).await
    }

    fn lists_digests_apart(&self) -> bool {
        matches!(self.source, Source::Http { .. })
    }

    async fn list_histories(&self) -> Result<HistoryListing, StoreError> {
        source::list_histories(self.source, self.now).await
    }
}

/// How much of an endpoint is rendered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RenderDetail {
    Unchanged,
    /// With bars and chart, which are slow to render.
    Full,
}

/// Whether data is being loaded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LoadState {
    Idle,
    Loading,
    /// Another load was requested while this one was in progress.
    LoadingThenAgain,
}

/// The controller, which loads data and renders it.
pub(crate) struct Controller {
    context: AppContext,
    config: Arc<PageConfig>,
    cache: RefCell<Cache>,
    /// The longest range shown so far. Its data stays loaded.
    longest_range: Cell<Nanos>,
    load_state: Cell<LoadState>,
    /// The ids of the endpoints to render, in reverse order.
    to_render: RefCell<Vec<usize>>,
    is_rendering: Cell<bool>,
    known_outages: RefCell<KnownOutages>,
}

impl Actions for Controller {
    fn show(self: Rc<Self>, url_state: UrlState) {
        let before = self.context.url_state.get_untracked();
        let url_state = apply_url_state(url_state);
        self.context.url_state.set(url_state.clone());
        let is_another_time = before.at != url_state.at;
        if is_another_time {
            self.cache.borrow_mut().relist_all();
        }
        let is_longer = self.range() > self.longest_range.get();
        self.longest_range.set(self.range().max(self.longest_range.get()));
        let needs_percentiles = url_state.percentiles && !before.percentiles;
        let needs_load = is_longer || is_another_time || needs_percentiles;
        // Changes to the search, theme, layout and charts do not affect the view.
        let same_view = UrlState {
            filter: before.filter.clone(),
            theme: before.theme,
            layout: before.layout,
            charts: before.charts,
            overlay: before.overlay,
            ..url_state
        };
        if same_view == before {
            return self.update_matching();
        }
        let same_bars = UrlState { endpoint: before.endpoint.clone(), path: before.path.clone(), ..same_view };
        if same_bars == before {
            self.update_open_bars();
            return self.load_open_hour();
        }
        self.refresh_view(if needs_load { LoadProgress::Listing } else { self.context.loading.get_untracked() });
        Rc::clone(&self).load_open_hour();
        if needs_load {
            browser::spawn(Box::pin(self.load()));
        }
    }

    fn render_in_full(&self, id: usize) {
        self.render_endpoint(id, RenderDetail::Full);
    }

    fn overlay_layers(&self, id: usize, overlay: ChartOverlay) -> Vec<Layer> {
        let (cache, settings) = (self.cache.borrow(), self.settings(ViewScope::Full));
        view::overlay_layers(&cache, id, self.calendar(), settings, &self.config.appearance, overlay)
    }

    fn calendar(&self) -> Calendar<'static> {
        self.calendar_at(self.now())
    }
}

impl Controller {
    pub(crate) fn new(context: AppContext, config: Arc<PageConfig>) -> Controller {
        let range = context.url_state.with_untracked(|url_state| url_state.range).unwrap_or(config.range);
        let mut cache = Cache::default();
        cache.posts = Posts::new(config.authors.clone(), config.editors.clone());
        Controller {
            context,
            cache: RefCell::new(cache),
            longest_range: Cell::new(range.max(config.range)),
            load_state: Cell::new(LoadState::Idle),
            to_render: RefCell::default(),
            is_rendering: Cell::new(false),
            known_outages: RefCell::default(),
            config,
        }
    }

    /// Returns the range that is shown.
    fn range(&self) -> Nanos {
        self.context.url_state.with_untracked(|url_state| url_state.range).unwrap_or(self.config.range)
    }

    fn percentiles(&self) -> Percentiles {
        let is_shown = self.context.url_state.with_untracked(|url_state| url_state.percentiles);
        if is_shown { Percentiles::Shown } else { Percentiles::Hidden }
    }

    /// Returns the point in time whose status the page shows. It may be in the past.
    fn now(&self) -> UnixNanos {
        self.context.url_state.with_untracked(|url_state| url_state.at).unwrap_or_else(browser::now)
    }

    /// Opens and closes bars to match the URL, without computing anything else.
    fn update_open_bars(self: &Rc<Self>) {
        let calendar = self.calendar();
        let period = Period::new(self.range(), browser::bars_limit(), calendar);
        let before = self.open_endpoint();
        let url_state = self.context.url_state.get_untracked();
        self.context.view.update(|view| {
            view.opened = view::detail::open_bars(&url_state, &view.endpoints, &period, calendar);
        });
        self.render_first([before, self.open_endpoint()]);
    }

    /// Returns the endpoint that has an open bar.
    fn open_endpoint(&self) -> Option<usize> {
        self.context.view.with_untracked(|view| view.opened.id)
    }

    /// Renders some endpoints before the others that are waiting.
    fn render_first(self: &Rc<Self>, some: [Option<usize>; 2]) {
        let mut ids = self.to_render.take();
        ids.extend(some.into_iter().flatten());
        self.render_endpoints(ids);
    }

    fn update_matching(&self) {
        let filter = self.context.url_state.with_untracked(|url_state| url_state.filter.clone());
        let matching =
            self.context.view.with_untracked(|view| view::search::matching(view, &filter, &browser::to_lowercase));
        self.context.matching.set(matching.map(Arc::new));
    }

    /// Scrolls to the endpoint that the URL identifies.
    fn scroll_to_open_endpoint(&self) {
        if let Some(id) = self.open_endpoint() {
            browser::scroll_to(&format!("endpoint-{id}"));
        }
    }

    /// Loads the checks of the open hour, unless they are already in memory.
    fn load_open_hour(self: Rc<Self>) {
        let innermost = self.context.view.with_untracked(|view| view.opened.path.last().copied());
        let Some(bucket) = innermost.filter(|bucket| view::detail::opens_into_checks(*bucket)) else { return };
        let now = browser::now();
        let is_requested = |hour: &HourChecks| hour.bucket == bucket && hour.problem.is_none();
        let is_loaded = bucket.start >= self.load_request().checks_from;
        if is_loaded || self.cache.borrow().hour.as_ref().is_some_and(is_requested) {
            return;
        }
        self.cache.borrow_mut().hour = Some(HourChecks { is_loading: true, ..HourChecks::new(bucket) });
        self.render_first([self.open_endpoint(), None]);
        browser::spawn(Box::pin(self.load_hour(bucket, now)));
    }

    async fn load_hour(self: Rc<Self>, bucket: TimeBucket, now: UnixNanos) {
        let hour = dataset::load_hour(&ConfiguredStore { source: &self.config.source, now }, bucket).await;
        // The visitor may have opened another hour in the meantime.
        if self.cache.borrow().hour.as_ref().is_some_and(|requested| requested.bucket == bucket) {
            self.cache.borrow_mut().hour = Some(hour);
            self.render_first([self.open_endpoint(), None]);
        }
    }

    /// Loads what the page needs. If a load is already in progress, it is repeated when it ends.
    pub(crate) async fn load(self: Rc<Self>) {
        if self.load_state.get() != LoadState::Idle {
            self.load_state.set(LoadState::LoadingThenAgain);
            return;
        }
        loop {
            self.load_state.set(LoadState::Loading);
            self.load_once().await;
            if self.load_state.replace(LoadState::Idle) == LoadState::Loading {
                break;
            }
        }
        // The URL may contain an open hour.
        self.load_open_hour();
    }

    async fn load_once(self: &Rc<Self>) {
        let now = browser::now();
        let store = ConfiguredStore { source: &self.config.source, now };
        let is_first = self.context.view.with_untracked(|view| view.endpoints.is_empty());
        let (progress_at, refreshed_at, refreshed_files) = (Cell::new(0), Cell::new(now), Cell::new(0));
        let request = self.load_request();
        dataset::refresh(&store, &self.cache, request, |event| {
            let now = browser::now();
            let (files, loading) = {
                let cache = self.cache.borrow();
                (cache.dataset.file_count(), LoadProgress::Files(cache.done, cache.total))
            };
            if event == LoadEvent::Histories {
                if is_first {
                    self.refresh_scope(LoadProgress::Listing, ViewScope::Summary);
                }
                return;
            }
            if now - progress_at.get() >= PROGRESS_INTERVAL {
                progress_at.set(now);
                self.context.loading.set(loading);
            }
            let has_grown = files * 100 >= refreshed_files.get() * (100 + REFRESH_GROWTH_PERCENT);
            if has_grown && now - refreshed_at.get() >= REFRESH_INTERVAL {
                self.refresh_view(loading);
                // The interval starts when the computation ends, so even a slow device has time to load files.
                refreshed_at.set(browser::now());
                refreshed_files.set(files);
            }
        })
        .await;
        browser::yield_to_browser().await;
        if self.needs_older_files_than(request) {
            self.cache.borrow_mut().relist_all();
            self.load_state.set(LoadState::LoadingThenAgain);
            return;
        }
        self.cache.borrow_mut().record_response(browser::now());
        self.context.loading.set(LoadProgress::Complete);
        self.refresh_view(LoadProgress::Complete);
        self.notify();
    }

    /// Shows notifications about the outages that began or ended since the previous load, if the visitor wants them.
    fn notify(&self) {
        if self.context.url_state.with_untracked(|url_state| url_state.at.is_some()) {
            return;
        }
        let changes = self.context.view.with_untracked(|view| {
            self.known_outages.borrow_mut().update(view, &self.config.title, self.context.language)
        });
        browser::notify(&changes);
    }

    fn load_request(&self) -> LoadRequest {
        let now = self.now();
        let parts = match self.percentiles() {
            Percentiles::Hidden => &[HistoryPart::Main][..],
            Percentiles::Shown => &[HistoryPart::Main, HistoryPart::Latency],
        };
        let longest = self.cache.borrow().dataset.longest_interval().min(MAX_INTERVAL);
        let validity = uptime::validity(self.config.interval.max(longest));
        let from = self.load_from(self.longest_range.get(), now, validity);
        let shows_checks = |range: Nanos| range <= view::period::HOURS_UP_TO;
        let is_past = self.context.url_state.with_untracked(|url_state| url_state.at.is_some());
        let (checks_from, until) = match (is_past, self.range()) {
            (false, _) if shows_checks(self.config.range) => {
                (self.load_from(self.config.range, now, validity), UnixNanos::MAX)
            }
            (false, _) => (UnixNanos::MAX, UnixNanos::MAX),
            (true, range) if shows_checks(range) => (self.load_from(range, now, validity), now),
            (true, _) => (now - HOUR, now),
        };
        LoadRequest { from, checks_from, until, parts }
    }

    /// Returns the time from which check files are needed. Results from before the period may still be valid in it.
    fn load_from(&self, range: Nanos, now: UnixNanos, validity: Nanos) -> UnixNanos {
        let calendar = self.calendar_at(now);
        let period = Period::new(range, browser::bars_limit(), calendar);
        period.from - validity
    }

    /// Returns whether older files are needed, because the loaded results are valid for longer than `request` assumed.
    fn needs_older_files_than(&self, request: LoadRequest) -> bool {
        let needed = self.load_request();
        needed.from < request.from || needed.checks_from < request.checks_from
    }

    /// Computes the view as of now and shows it: the overall status immediately, and endpoints one after the other.
    pub(crate) fn refresh_view(self: &Rc<Self>, loading: LoadProgress) {
        self.refresh_scope(loading, ViewScope::Full);
    }

    fn calendar_at(&self, now: UnixNanos) -> Calendar<'static> {
        Calendar { now, today: browser::now(), offset: &browser::offset_at, language: self.context.language }
    }

    fn settings(&self, scope: ViewScope) -> ViewSettings {
        ViewSettings {
            range: self.range(),
            interval: self.config.interval,
            bars_limit: browser::bars_limit(),
            percentiles: self.percentiles(),
            refresh: self.config.refresh,
            scope,
            is_online: browser::is_online(),
            clock_ahead: browser::clock_ahead(),
        }
    }

    fn refresh_scope(self: &Rc<Self>, loading: LoadProgress, scope: ViewScope) {
        browser::forget_offsets();
        let (calendar, settings) = (self.calendar(), self.settings(scope));
        let appearance = &self.config.appearance;
        let view = self.context.url_state.with_untracked(|url_state| {
            view::page(&mut self.cache.borrow_mut(), calendar, settings, appearance, url_state, loading)
        });
        browser::set_root_attribute("data-state", view.overall.state);
        browser::set_root_attribute("data-loaded", &view.loaded.to_string());
        let title = format!("{} {} · {}", text::symbol(view.overall.status), view.overall.headline, self.config.title);
        browser::set_tab(&title, view.overall.status, appearance.favicon.as_deref());
        // The endpoint with open bars is rendered first.
        let mut ids: Vec<usize> = view.endpoints.iter().rev().map(|one| one.id).collect();
        ids.extend(view.opened.id);
        self.context.view.set(view);
        self.update_matching();
        self.render_endpoints(ids);
    }

    /// Replaces the list of endpoints that are waiting to be rendered. The last id is rendered first.
    fn render_endpoints(self: &Rc<Self>, ids: Vec<usize>) {
        browser::set_root_attribute("data-complete", "false");
        self.to_render.replace(ids);
        if !self.is_rendering.replace(true) {
            browser::spawn(Box::pin(Rc::clone(self).render_waiting()));
        }
    }

    async fn render_waiting(self: Rc<Self>) {
        // Yields before the first endpoint, because computing the view already took time.
        let mut slice_start = f64::MIN;
        while !self.to_render.borrow().is_empty() {
            loop {
                let next = self.to_render.borrow_mut().pop();
                let Some(id) = next else { break };
                if browser::elapsed() - slice_start > RENDER_SLICE {
                    browser::yield_to_browser().await;
                    slice_start = browser::elapsed();
                }
                self.render_endpoint(id, RenderDetail::Unchanged);
                browser::flush_effects().await;
            }
            // Meanwhile, endpoints may have been added.
            self.render_groups().await;
        }
        self.is_rendering.set(false);
        let view = self.context.view;
        let (is_complete, is_any) = view.with_untracked(|view| (view.complete, !view.endpoints.is_empty()));
        if (is_complete || is_any) && self.context.stage.get_untracked() == RenderStage::Endpoints {
            self.scroll_to_open_endpoint();
            for stage in [RenderStage::Timeline, RenderStage::Footer] {
                browser::yield_to_browser().await;
                self.context.stage.set(stage);
            }
            browser::flush_effects().await;
        }
        if is_complete && !self.is_rendering.get() {
            browser::set_root_attribute("data-complete", "true");
        }
    }

    /// Renders the strips of groups, one after the other.
    async fn render_groups(&self) {
        let groups = self.context.view.with_untracked(|view| Arc::clone(&view.groups));
        let mut strips = Vec::new();
        for group in groups.iter().filter(|group| !group.title.is_empty()) {
            browser::yield_to_browser().await;
            let (cache, settings) = (self.cache.borrow(), self.settings(ViewScope::Full));
            strips.push(view::strip_of_group(&cache, group, self.calendar(), settings, &self.config.appearance));
        }
        self.context.render_queue.set_group_strips(strips);
    }

    /// Renders an endpoint as of now. If there are many endpoints, its bars and chart are omitted until it is visible.
    fn render_endpoint(&self, id: usize, detail: RenderDetail) {
        let endpoint = self.context.view.with_untracked(|view| {
            let head = view.endpoints.iter().find(|one| one.id == id)?;
            let is_full = detail == RenderDetail::Full
                || view.strips_at_once
                || view.opened.id == Some(id)
                || self.context.render_queue.is_full(id);
            if !is_full {
                return Some(Arc::clone(head));
            }
            let (cache, settings) = (self.cache.borrow(), self.settings(ViewScope::Full));
            view::full_endpoint(&cache, head, self.calendar(), settings, &self.config.appearance, &view.opened)
                .map(Arc::new)
        });
        if let Some(endpoint) = endpoint {
            self.context.render_queue.set(endpoint);
        }
    }

    /// Renders all endpoints with bars and charts, for printing.
    pub(crate) fn render_all(&self) {
        self.context.view.with_untracked(|view| {
            view.endpoints.iter().for_each(|one| self.render_endpoint(one.id, RenderDetail::Full));
        });
    }
}
