//! The page's state and its refresh: reads the configuration, keeps the memory up to date, and reckons the view
//! anew when something came or time went by.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use leptos::prelude::*;
use shared::object_name::HistoryPart;
use shared::page_config::{PageConfig, Source};
use shared::status::Status;
use shared::{Nanos, SECOND, UnixNanos, uptime};
use wasm_bindgen_futures::spawn_local;

use crate::browser;
use crate::calendar::Calendar;
use crate::components::page::Page;
use crate::load::{self, Hour, Look, Memory, Object, Step, Store, Wanted};
use crate::source::{self, Contents, Listing, SourceError};
use crate::view::detail::Opened;
use crate::view::period::Slot;
use crate::view::{self, Drawn, Loading, PageView, Percentiles, Settings, broken, words};

/// How often the view is reckoned anew without any news: a checker that died turns unknown by time alone.
const TICK: Nanos = 15 * SECOND;

/// A little more than browsers take from one picture to the next.
const FRAME: Nanos = SECOND / 50;

/// How often at most the progress of a load is shown.
const PROGRESS_EVERY: Nanos = SECOND / 10;

/// How often at most the view is reckoned during a load.
const RECKON_EVERY: Nanos = SECOND / 4;

/// By how much the files in memory have to grow before the view is reckoned during a load, in percent: so the
/// work of all reckonings together stays proportional to the files, however many there are.
const RECKON_GROWTH_PERCENT: usize = 40;

/// What the page is about to show.
#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    /// The configuration is being read.
    Starting,
    /// The configuration cannot be used: what is wrong with it.
    Broken(Vec<String>),
    /// The configuration is read.
    Ready(Arc<PageConfig>),
}

/// Everything that components look at.
#[derive(Clone, Copy)]
pub struct State {
    /// Which page to show.
    pub stage: RwSignal<Stage>,
    /// What stands on it.
    pub view: RwSignal<Arc<PageView>>,
    /// How far the load in hand is.
    pub loading: RwSignal<Loading>,
    /// Who answers what readers ask for.
    reckoner: StoredValue<Option<Rc<Reckoner>>, LocalStorage>,
}

impl State {
    /// Shows another range.
    pub fn pick_range(self, range: Nanos) {
        if let Some(reckoner) = self.reckoner.get_value() {
            reckoner.pick_range(range);
        }
    }

    /// Tells percentiles, or does not any more.
    pub fn want_percentiles(self, wanted: Percentiles) {
        if let Some(reckoner) = self.reckoner.get_value() {
            reckoner.want_percentiles(wanted);
        }
    }

    /// Opens a bar of an endpoint on a level, or closes it if it is open.
    pub fn open(self, id: usize, level: usize, slot: Slot) {
        if let Some(reckoner) = self.reckoner.get_value() {
            reckoner.open(id, level, slot);
        }
    }
}

/// Puts the page into the document and starts it.
pub fn mount() {
    browser::remove_boot_text();
    mount_to_body(|| {
        let state = State {
            stage: RwSignal::new(Stage::Starting),
            view: RwSignal::new(Arc::default()),
            loading: RwSignal::new(Loading::default()),
            reckoner: StoredValue::new_local(None),
        };
        spawn_local(run(state));
        view! { <Page state/> }
    });
}

async fn run(state: State) {
    let text = source::page_config().await.map_err(|error| vec![format!("failed to {error}")]);
    match text.and_then(|text| broken::read(&text)) {
        Ok(config) => {
            let config = Arc::new(config);
            state.stage.set(Stage::Ready(Arc::clone(&config)));
            follow(state, config).await;
        }
        Err(problems) => {
            browser::set_root_attribute("data-state", "broken");
            browser::set_tab("Configuration broken", Status::Unknown);
            state.stage.set(Stage::Broken(problems));
            browser::set_root_attribute("data-complete", "true");
        }
    }
}

/// Loads, and goes on loading for as long as the page is open.
async fn follow(state: State, config: Arc<PageConfig>) {
    let reckoner = Rc::new(Reckoner {
        state,
        memory: RefCell::new(Memory::default()),
        range: Cell::new(config.range),
        longest: Cell::new(config.range),
        percentiles: Cell::default(),
        opened: RefCell::default(),
        work: Cell::new(Work::None),
        config,
    });
    state.reckoner.set_value(Some(Rc::clone(&reckoner)));
    reckoner.reckon(Loading::Listing);
    spawn_local(tick(Rc::clone(&reckoner)));
    loop {
        reckoner.load().await;
        browser::sleep(reckoner.config.refresh).await;
        browser::until_visible().await;
    }
}

async fn tick(reckoner: Rc<Reckoner>) {
    loop {
        browser::sleep(TICK).await;
        if !browser::is_hidden() {
            reckoner.reckon(reckoner.state.loading.get_untracked());
        }
    }
}

/// The configured store as of a moment.
struct StoreAt<'a> {
    source: &'a Source,
    now: UnixNanos,
}

impl Store for StoreAt<'_> {
    async fn list(&self, from: UnixNanos, until: UnixNanos, contents: Contents) -> Result<Listing, SourceError> {
        source::list(self.source, from, until, contents, self.now).await
    }

    async fn get(&self, object: &Object) -> Result<Vec<u8>, SourceError> {
        source::get(self.source, object, self.now).await
    }

    async fn look(&self) -> Result<Look, SourceError> {
        source::look(self.source, self.now).await
    }
}

/// Whether a load is in hand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    /// None is.
    None,
    /// One is.
    Loading,
    /// One is, and more was asked for meanwhile.
    LoadingAndAskedAgain,
}

/// What a reckoning needs, together.
struct Reckoner {
    state: State,
    config: Arc<PageConfig>,
    memory: RefCell<Memory>,
    /// The range that is shown.
    range: Cell<Nanos>,
    /// The longest range that was ever shown: all of it stays loaded.
    longest: Cell<Nanos>,
    percentiles: Cell<Percentiles>,
    opened: RefCell<Opened>,
    work: Cell<Work>,
}

impl Reckoner {
    fn pick_range(self: Rc<Self>, range: Nanos) {
        self.range.set(range);
        self.opened.take();
        let is_longer = range > self.longest.get();
        if is_longer {
            self.longest.set(range);
        }
        self.reckon(if is_longer { Loading::Listing } else { self.state.loading.get_untracked() });
        if is_longer {
            spawn_local(async move { self.load().await });
        }
    }

    fn want_percentiles(self: Rc<Self>, wanted: Percentiles) {
        self.percentiles.set(wanted);
        self.reckon(self.state.loading.get_untracked());
        if wanted == Percentiles::Wanted {
            spawn_local(async move { self.load().await });
        }
    }

    fn open(self: Rc<Self>, id: usize, level: usize, slot: Slot) {
        let mut opened = self.opened.borrow_mut();
        let was_open = opened.id == id && opened.path.get(level) == Some(&slot);
        if opened.id != id {
            *opened = Opened { id, path: Vec::new() };
        }
        opened.path.truncate(level);
        if !was_open {
            opened.path.push(slot);
        }
        drop(opened);
        let now = browser::now();
        let is_known = slot.start >= self.wanted(now).checks_from
            || self.memory.borrow().hour.as_ref().is_some_and(|hour| hour.slot == slot && hour.problem.is_none());
        let is_to_load = !was_open && !is_known && view::detail::opens_into_checks(slot);
        if is_to_load {
            self.memory.borrow_mut().hour = Some(Hour { is_loading: true, ..Hour::of(slot) });
        }
        self.reckon(self.state.loading.get_untracked());
        if is_to_load {
            spawn_local(async move { self.load_hour(slot, now).await });
        }
    }

    async fn load_hour(&self, slot: Slot, now: UnixNanos) {
        let hour = load::load_hour(&StoreAt { source: &self.config.source, now }, slot).await;
        // Another one may have been opened meanwhile.
        if self.memory.borrow().hour.as_ref().is_some_and(|asked| asked.slot == slot) {
            self.memory.borrow_mut().hour = Some(hour);
            self.reckon(self.state.loading.get_untracked());
        }
    }

    /// Loads what is wanted; if a load is in hand, that one goes on to do so.
    async fn load(&self) {
        if self.work.get() != Work::None {
            self.work.set(Work::LoadingAndAskedAgain);
            return;
        }
        loop {
            self.work.set(Work::Loading);
            self.load_once().await;
            if self.work.replace(Work::None) == Work::Loading {
                break;
            }
        }
    }

    async fn load_once(&self) {
        let now = browser::now();
        let store = StoreAt { source: &self.config.source, now };
        let is_first = self.state.view.with_untracked(|view| view.endpoints.is_empty());
        let (shown_at, reckoned_at, reckoned_files) = (Cell::new(0), Cell::new(now), Cell::new(0));
        load::refresh(&store, &self.memory, self.wanted(now), |step| {
            let now = browser::now();
            let (files, loading) = {
                let memory = self.memory.borrow();
                (memory.record.file_count(), Loading::Files(memory.done, memory.total))
            };
            if step == Step::Histories {
                if is_first {
                    self.draw(Loading::Listing, Drawn::State);
                }
                return;
            }
            if now - shown_at.get() >= PROGRESS_EVERY {
                shown_at.set(now);
                self.state.loading.set(loading);
            }
            let grown = files * 100 >= reckoned_files.get() * (100 + RECKON_GROWTH_PERCENT);
            if grown && now - reckoned_at.get() >= RECKON_EVERY {
                self.reckon(loading);
                // From the end of it on, so that a slow device has time for the files, too.
                reckoned_at.set(browser::now());
                reckoned_files.set(files);
            }
        })
        .await;
        if is_first {
            // The state is painted before the bars are made.
            browser::sleep(FRAME).await;
        }
        self.state.loading.set(Loading::Complete);
        self.reckon(Loading::Complete);
    }

    fn wanted(&self, now: UnixNanos) -> Wanted {
        let is_short = self.config.range <= view::period::HOURS_UP_TO;
        Wanted {
            from: self.load_from(self.longest.get(), now),
            checks_from: if is_short { self.load_from(self.config.range, now) } else { UnixNanos::MAX },
            parts: match self.percentiles.get() {
                Percentiles::NotWanted => &[HistoryPart::Main],
                Percentiles::Wanted => &[HistoryPart::Main, HistoryPart::Latency],
            },
        }
    }

    /// From when on check files are needed: a result that was made before the period may reach into it.
    fn load_from(&self, range: Nanos, now: UnixNanos) -> UnixNanos {
        let calendar = Calendar { now, offset: &browser::offset_at };
        let period = view::period::Period::new(range, browser::bars_limit(), calendar);
        period.from - uptime::stands_for(self.config.interval)
    }

    /// Reckons the view as of now and shows it.
    fn reckon(&self, loading: Loading) {
        self.draw(loading, Drawn::All);
    }

    fn draw(&self, loading: Loading, drawn: Drawn) {
        let calendar = Calendar { now: browser::now(), offset: &browser::offset_at };
        let settings = Settings {
            range: self.range.get(),
            interval: self.config.interval,
            bars_limit: browser::bars_limit(),
            percentiles: self.percentiles.get(),
            drawn,
        };
        let view = view::page(&mut self.memory.borrow_mut(), calendar, settings, &self.opened.borrow(), loading);
        browser::set_root_attribute("data-state", view.overall.state);
        browser::set_root_attribute("data-loaded", &view.loaded.to_string());
        let title = format!("{} {} · {}", words::symbol(view.overall.status), view.overall.sentence, self.config.title);
        browser::set_tab(&title, view.overall.status);
        let complete = view.complete;
        self.state.view.set(Arc::new(view));
        browser::set_root_attribute("data-complete", if complete { "true" } else { "false" });
    }
}
