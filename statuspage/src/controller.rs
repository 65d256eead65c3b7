//! Loads what somebody wants to look at, and reckons the view of it: anew when something came, when time went by, and
//! when somebody looks at the page in another way.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use leptos::prelude::*;
use shared::object_name::HistoryPart;
use shared::page_config::{PageConfig, Source};
use shared::{DAY, HOUR, Nanos, SECOND, UnixNanos, uptime};

use crate::app::AppContext;
use crate::browser;
use crate::dataset::TimeBucket;
use crate::dataset::{self, Cache, HourChecks, LoadEvent, LoadRequest, Store};
use crate::i18n::Calendar;
use crate::source::{self, HistoryListing, InlineContents, Listing, SourceError, StoreObject};
use crate::url_state::{TimeZone, UrlState};
use crate::view::overlay::{ChartOverlay, Layer};
use crate::view::period::Period;
use crate::view::{self, LoadProgress, Percentiles, ViewScope, ViewSettings, text};

/// For how long endpoints are drawn at a time, in milliseconds: a device that is four times slower than most takes less
/// than the 50 ms from which on people feel that a page does not answer.
const DRAWN_TOGETHER: f64 = 8.0;

/// How often at most the progress of a load is shown.
const PROGRESS_EVERY: Nanos = SECOND / 10;

/// How often at most the view is reckoned during a load.
const RECKON_EVERY: Nanos = SECOND / 4;

/// By how much the files in memory have to grow before the view is reckoned during a load, in percent: so the
/// work of all reckonings together stays proportional to the files, however many there are.
const RECKON_GROWTH_PERCENT: usize = 40;

/// The longest interval for whose sake older check files are loaded: what a store says must not make a reader's device
/// load for ever.
const LONGEST_REACH: Nanos = DAY;

/// Sets what is not part of the view: whose clock, and light or dark. A zone that nobody knows is the device's, and a moment
/// that is still to come is now.
pub(crate) fn apply_url_state(mut url_state: UrlState) -> UrlState {
    if !browser::set_zone(url_state.zone.name()) {
        url_state.zone = TimeZone::Local;
    }
    // Nothing is known of what is to come: the page would say that nobody has looked.
    url_state.at = url_state.at.filter(|at| *at <= browser::now());
    browser::set_root_attribute("data-theme", url_state.theme.as_str());
    browser::set_root_attribute("data-embed", url_state.embed.as_str());
    url_state
}

/// The configured store as of a moment.
struct StoreAt<'a> {
    source: &'a Source,
    now: UnixNanos,
}

impl Store for StoreAt<'_> {
    async fn list(&self, from: UnixNanos, until: UnixNanos, contents: InlineContents) -> Result<Listing, SourceError> {
        source::list(self.source, from, until, contents, self.now).await
    }

    async fn get(&self, object: &StoreObject) -> Result<Vec<u8>, SourceError> {
        source::get(self.source, object, self.now).await
    }

    async fn list_histories(&self) -> Result<HistoryListing, SourceError> {
        source::list_histories(self.source, self.now).await
    }
}

/// How much of an endpoint is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum RenderDetail {
    /// What was drawn of it before.
    Unchanged,
    /// All of it.
    Full,
}

/// Whether a load is in hand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LoadState {
    /// None is.
    Idle,
    /// One is.
    Loading,
    /// One is, and more was asked for meanwhile.
    LoadingThenAgain,
}

/// What a reckoning needs, together.
pub(crate) struct Controller {
    state: AppContext,
    config: Arc<PageConfig>,
    cache: RefCell<Cache>,
    /// The longest range that was ever shown: all of it stays loaded.
    longest: Cell<Nanos>,
    percentiles: Cell<Percentiles>,
    load_state: Cell<LoadState>,
    /// The numbers of the endpoints that are still to be drawn, the next one last.
    to_draw: RefCell<Vec<usize>>,
    is_drawing: Cell<bool>,
}

impl Controller {
    /// One that has loaded nothing yet.
    pub(crate) fn new(state: AppContext, config: Arc<PageConfig>) -> Controller {
        let range = state.url_state.with_untracked(|url_state| url_state.range).unwrap_or(config.range);
        Controller {
            state,
            cache: RefCell::new(Cache::default()),
            longest: Cell::new(range.max(config.range)),
            percentiles: Cell::default(),
            load_state: Cell::new(LoadState::Idle),
            to_draw: RefCell::default(),
            is_drawing: Cell::new(false),
            config,
        }
    }

    /// The range that is shown.
    fn range(&self) -> Nanos {
        self.state.url_state.with_untracked(|url_state| url_state.range).unwrap_or(self.config.range)
    }

    /// The moment that the page speaks of as now.
    fn now(&self) -> UnixNanos {
        self.state.url_state.with_untracked(|url_state| url_state.at).unwrap_or_else(browser::now)
    }

    /// Shows the page as somebody wants to look at it, and loads what that takes.
    pub(crate) fn navigate(self: Rc<Self>, url_state: UrlState) {
        let before = self.state.url_state.get_untracked();
        let url_state = apply_url_state(url_state);
        self.state.url_state.set(url_state.clone());
        let is_elsewhere = before.at != url_state.at;
        if is_elsewhere {
            self.cache.borrow_mut().relist_all();
        }
        let is_longer = self.range() > self.longest.get();
        self.longest.set(self.range().max(self.longest.get()));
        let is_to_load = is_longer || is_elsewhere;
        // Nothing has to be reckoned for who only types, or looks at the same in another light.
        let only_sought =
            UrlState { filter: before.filter.clone(), theme: before.theme, layout: before.layout, ..url_state };
        if only_sought == before {
            return self.find();
        }
        let only_opened = UrlState { endpoint: before.endpoint.clone(), path: before.path.clone(), ..only_sought };
        if only_opened == before {
            self.open();
            return self.load_opened();
        }
        self.refresh_view(if is_to_load { LoadProgress::Listing } else { self.state.loading.get_untracked() });
        Rc::clone(&self).load_opened();
        if is_to_load {
            browser::begin(Box::pin(self.load()));
        }
    }

    /// Shows what the address says is open, and nothing else anew.
    fn open(self: &Rc<Self>) {
        let calendar = self.calendar();
        let period = Period::new(self.range(), browser::bars_limit(), calendar);
        let before = self.opened();
        let url_state = self.state.url_state.get_untracked();
        self.state.view.update(|view| {
            view.opened = view::detail::open_bars(&url_state, &view.endpoints, &period, calendar);
        });
        self.redraw([before, self.opened()]);
    }

    /// The endpoint of which a bar is open.
    fn opened(&self) -> Option<usize> {
        self.state.view.with_untracked(|view| view.opened.id)
    }

    /// Draws some endpoints anew, before all that are still to be drawn.
    fn redraw(self: &Rc<Self>, some: [Option<usize>; 2]) {
        let mut ids = self.to_draw.take();
        ids.extend(some.into_iter().flatten());
        self.draw_endpoints(ids);
    }

    /// Finds what is sought among what is shown.
    fn find(&self) {
        let filter = self.state.url_state.with_untracked(|url_state| url_state.filter.clone());
        let found = self.state.view.with_untracked(|view| view::search::matching(view, &filter, &browser::lower));
        self.state.matching.set(found.map(Arc::new));
    }

    /// Brings the endpoint that the address names into sight.
    fn show_opened(&self) {
        if let Some(section) = self.opened().and_then(|id| browser::element(&format!("endpoint-{id}"))) {
            section.scroll_into_view();
        }
    }

    /// Tells percentiles, or does not any more.
    pub(crate) fn want_percentiles(self: Rc<Self>, wanted: Percentiles) {
        self.percentiles.set(wanted);
        self.refresh_view(self.state.loading.get_untracked());
        if wanted == Percentiles::Shown {
            browser::begin(Box::pin(self.load()));
        }
    }

    /// Loads the checks of the hour that is open, if they are not known.
    fn load_opened(self: Rc<Self>) {
        let innermost = self.state.view.with_untracked(|view| view.opened.path.last().copied());
        let Some(bucket) = innermost.filter(|bucket| view::detail::opens_into_checks(*bucket)) else { return };
        let now = browser::now();
        let asked = |hour: &HourChecks| hour.bucket == bucket && hour.problem.is_none();
        if bucket.start >= self.wanted().checks_from || self.cache.borrow().hour.as_ref().is_some_and(asked) {
            return;
        }
        self.cache.borrow_mut().hour = Some(HourChecks { is_loading: true, ..HourChecks::new(bucket) });
        self.redraw([self.opened(), None]);
        browser::begin(Box::pin(self.load_hour(bucket, now)));
    }

    async fn load_hour(self: Rc<Self>, bucket: TimeBucket, now: UnixNanos) {
        let hour = dataset::load_hour(&StoreAt { source: &self.config.source, now }, bucket).await;
        // Another one may have been opened meanwhile.
        if self.cache.borrow().hour.as_ref().is_some_and(|asked| asked.bucket == bucket) {
            self.cache.borrow_mut().hour = Some(hour);
            self.redraw([self.opened(), None]);
        }
    }

    /// Loads what is wanted; if a load is in hand, that one goes on to do so.
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
        // An address may name an hour.
        self.load_opened();
    }

    async fn load_once(self: &Rc<Self>) {
        let now = browser::now();
        let store = StoreAt { source: &self.config.source, now };
        let is_first = self.state.view.with_untracked(|view| view.endpoints.is_empty());
        let (shown_at, reckoned_at, reckoned_files) = (Cell::new(0), Cell::new(now), Cell::new(0));
        let wanted = self.wanted();
        dataset::refresh(&store, &self.cache, wanted, |step| {
            let now = browser::now();
            let (files, loading) = {
                let cache = self.cache.borrow();
                (cache.dataset.file_count(), LoadProgress::Files(cache.done, cache.total))
            };
            if step == LoadEvent::Histories {
                if is_first {
                    self.draw(LoadProgress::Listing, ViewScope::Summary);
                }
                return;
            }
            if now - shown_at.get() >= PROGRESS_EVERY {
                shown_at.set(now);
                self.state.loading.set(loading);
            }
            let grown = files * 100 >= reckoned_files.get() * (100 + RECKON_GROWTH_PERCENT);
            if grown && now - reckoned_at.get() >= RECKON_EVERY {
                self.refresh_view(loading);
                // From the end of it on, so that a slow device has time for the files, too.
                reckoned_at.set(browser::now());
                reckoned_files.set(files);
            }
        })
        .await;
        let _ = browser::yield_to_browser().await;
        if self.reaches_further_than(wanted) {
            self.cache.borrow_mut().relist_all();
            self.load_state.set(LoadState::LoadingThenAgain);
            return;
        }
        self.cache.borrow_mut().note_response(browser::now());
        self.state.loading.set(LoadProgress::Complete);
        self.refresh_view(LoadProgress::Complete);
    }

    fn wanted(&self) -> LoadRequest {
        let now = self.now();
        let parts = match self.percentiles.get() {
            Percentiles::Hidden => &[HistoryPart::Main][..],
            Percentiles::Shown => &[HistoryPart::Main, HistoryPart::Latency],
        };
        let told = self.cache.borrow().dataset.longest_interval().min(LONGEST_REACH);
        let reach = uptime::validity(self.config.interval.max(told));
        let from = self.load_from(self.longest.get(), now, reach);
        let by_check = |range: Nanos| range <= view::period::HOURS_UP_TO;
        let is_past = self.state.url_state.with_untracked(|url_state| url_state.at.is_some());
        let (checks_from, until) = match (is_past, self.range()) {
            (false, _) if by_check(self.config.range) => {
                (self.load_from(self.config.range, now, reach), UnixNanos::MAX)
            }
            (false, _) => (UnixNanos::MAX, UnixNanos::MAX),
            (true, range) if by_check(range) => (self.load_from(range, now, reach), now),
            (true, _) => (now - HOUR, now),
        };
        LoadRequest { from, checks_from, until, parts }
    }

    /// From when on check files are needed: a result that was made before the period may reach into it, as far as its
    /// own interval does, which is known when some are here.
    fn load_from(&self, range: Nanos, now: UnixNanos, reach: Nanos) -> UnixNanos {
        let calendar = self.calendar_at(now);
        let period = Period::new(range, browser::bars_limit(), calendar);
        period.from - reach
    }

    /// Whether results stand for longer than was thought when these were wanted, so that older ones count, too.
    fn reaches_further_than(&self, before: LoadRequest) -> bool {
        let wanted = self.wanted();
        wanted.from < before.from || wanted.checks_from < before.checks_from
    }

    /// Reckons the view as of now and shows it: the state of things at once, and endpoints one after the other.
    pub(crate) fn refresh_view(self: &Rc<Self>, loading: LoadProgress) {
        self.draw(loading, ViewScope::Full);
    }

    /// The reader's now and the reader's clock.
    pub(crate) fn calendar(&self) -> Calendar<'static> {
        self.calendar_at(self.now())
    }

    fn calendar_at(&self, now: UnixNanos) -> Calendar<'static> {
        Calendar { now, today: browser::now(), offset: &browser::offset_at, language: self.state.language }
    }

    fn settings(&self, scope: ViewScope) -> ViewSettings {
        ViewSettings {
            range: self.range(),
            interval: self.config.interval,
            bars_limit: browser::bars_limit(),
            percentiles: self.percentiles.get(),
            scope,
            is_online: browser::is_online(),
            clock_ahead: browser::clock_ahead(),
        }
    }

    /// What the chart of an endpoint shows besides.
    pub(crate) fn layers(&self, id: usize, wanted: ChartOverlay) -> Vec<Layer> {
        let (cache, settings) = (self.cache.borrow(), self.settings(ViewScope::Full));
        view::overlay_layers(&cache, id, self.calendar(), settings, &self.config.appearance, wanted)
    }

    fn draw(self: &Rc<Self>, loading: LoadProgress, scope: ViewScope) {
        browser::forget_offsets();
        let (calendar, settings) = (self.calendar(), self.settings(scope));
        let appearance = &self.config.appearance;
        let view = self.state.url_state.with_untracked(|url_state| {
            view::page(&mut self.cache.borrow_mut(), calendar, settings, appearance, url_state, loading)
        });
        browser::set_root_attribute("data-state", view.overall.state);
        browser::set_root_attribute("data-loaded", &view.loaded.to_string());
        let title = format!("{} {} · {}", text::symbol(view.overall.status), view.overall.headline, self.config.title);
        browser::set_tab(&title, view.overall.status, appearance.favicon.as_deref());
        // What somebody has opened comes first.
        let mut ids: Vec<usize> = view.endpoints.iter().rev().map(|one| one.id).collect();
        ids.extend(view.opened.id);
        self.state.view.set(view);
        self.find();
        self.draw_endpoints(ids);
    }

    /// Draws endpoints, the last one of these numbers first, instead of what was still to be drawn.
    fn draw_endpoints(self: &Rc<Self>, ids: Vec<usize>) {
        browser::set_root_attribute("data-complete", "false");
        self.to_draw.replace(ids);
        if !self.is_drawing.replace(true) {
            browser::begin(Box::pin(Rc::clone(self).go_on_drawing()));
        }
    }

    async fn go_on_drawing(self: Rc<Self>) {
        // What has just been reckoned is a task of its own.
        let mut begun = f64::MIN;
        loop {
            let next = self.to_draw.borrow_mut().pop();
            let Some(id) = next else { break };
            if browser::elapsed() - begun > DRAWN_TOGETHER {
                // Whoever scrolls, points or types comes first.
                let _ = browser::yield_to_browser().await;
                begun = browser::elapsed();
            }
            self.draw_endpoint(id, RenderDetail::Unchanged);
            browser::flush_effects().await;
        }
        self.is_drawing.set(false);
        let (is_complete, is_any) = self.state.view.with_untracked(|view| (view.complete, !view.endpoints.is_empty()));
        if (is_complete || is_any) && self.state.is_drawn.get_untracked().is_none() {
            self.show_opened();
            for is_all in [false, true] {
                let _ = browser::yield_to_browser().await;
                self.state.is_drawn.set(Some(is_all));
            }
            browser::flush_effects().await;
        }
        if is_complete && !self.is_drawing.get() {
            browser::set_root_attribute("data-complete", "true");
        }
    }

    /// Draws an endpoint as it is now. Where there are many, bars and chart of one come when it is in sight.
    pub(crate) fn draw_endpoint(&self, id: usize, extent: RenderDetail) {
        let one = self.state.view.with_untracked(|view| {
            let head = view.endpoints.iter().find(|one| one.id == id)?;
            let is_whole = extent == RenderDetail::Full
                || view.strips_at_once
                || view.opened.id == Some(id)
                || self.state.render_queue.is_whole(id);
            if !is_whole {
                return Some(Arc::clone(head));
            }
            let (cache, settings) = (self.cache.borrow(), self.settings(ViewScope::Full));
            view::full_endpoint(&cache, head, self.calendar(), settings, &self.config.appearance, &view.opened)
                .map(Arc::new)
        });
        if let Some(one) = one {
            self.state.render_queue.put(one);
        }
    }

    /// Draws all of every endpoint at once: paper has no end that somebody could scroll to.
    pub(crate) fn draw_all(&self) {
        self.state.view.with_untracked(|view| {
            view.endpoints.iter().for_each(|one| self.draw_endpoint(one.id, RenderDetail::Full));
        });
    }
}
