//! The page's state and its refresh: reads the configuration and the texts, follows what readers do and what the address
//! asks for, and looks again now and then. [`crate::controller`] loads and reckons.

use std::rc::Rc;
use std::sync::Arc;

use any_spawner::Executor;
use leptos::prelude::*;
use shared::page_config::PageConfig;
use shared::status::Status;
use shared::{Nanos, SECOND, UnixNanos};

use crate::components::page;
use crate::controller::{Controller, RenderDetail, apply_url_state};
use crate::dataset::TimeBucket;
use crate::i18n::{self, IntlFormatter, Language, Locale, Text, Texts, texts};
use crate::render_queue::RenderQueue;
use crate::url_state::UrlState;
use crate::view::chart::Point;
use crate::view::config_error::{self, ConfigError};
use crate::view::overlay::{ChartOverlay, Layer};
use crate::view::{self, LoadProgress, PageView, Percentiles};
use crate::{browser, source};

/// How often the view is reckoned anew without any news: a checker that died turns unknown by time alone.
const TICK: Nanos = 15 * SECOND;

/// Who comes back to the page after this long wants to see what is new at once.
const LOOKED_AWAY: Nanos = 5 * SECOND;

/// Everything that components look at.
#[derive(Clone, Copy)]
pub struct AppContext {
    /// What its words are.
    pub language: &'static Language,
    /// What stands on it.
    pub view: RwSignal<PageView>,
    /// How far the load in hand is.
    pub loading: RwSignal<LoadProgress>,
    /// How somebody looks at it.
    pub url_state: RwSignal<UrlState>,
    /// The numbers of the endpoints that are found, in their order; `None` if nothing is sought.
    pub matching: RwSignal<Option<Arc<Vec<usize>>>>,
    /// What is drawn of each endpoint.
    pub render_queue: RenderQueue,
    /// Whether all endpoints were drawn once, and everything else, too.
    pub is_drawn: RwSignal<Option<bool>>,
    /// What charts show besides.
    pub overlay: RwSignal<ChartOverlay>,
    /// Whether it is printed: then nothing is folded.
    pub printing: RwSignal<bool>,
    /// Who answers what readers ask for.
    controller: StoredValue<Option<Rc<Controller>>, LocalStorage>,
}

impl AppContext {
    /// A text of the page.
    #[must_use]
    pub fn text(self, text: Text) -> &'static str {
        self.language.text(text)
    }

    /// A text of the view, for an element that shows it.
    pub(crate) fn view_text(self, read: fn(&PageView) -> &str) -> impl Fn() -> String + Copy + 'static {
        move || self.view.with(|view| read(view).to_owned())
    }

    /// A property of the view, for an element that depends on it.
    pub(crate) fn view_flag(self, read: fn(&PageView) -> bool) -> impl Fn() -> bool + Copy + 'static {
        move || self.view.with(read)
    }

    /// Looks at the page in another way, to which the way back leads.
    pub fn navigate(self, change: impl FnOnce(&mut UrlState)) {
        let mut url_state = self.url_state.get_untracked();
        change(&mut url_state);
        self.navigate_to(url_state, browser::Step::New);
    }

    /// Looks for something.
    pub fn set_filter(self, filter: String) {
        let before = self.url_state.get_untracked();
        // Who goes back after typing a word is back where nothing was sought.
        let step = if before.filter.is_empty() { browser::Step::New } else { browser::Step::Same };
        self.navigate_to(UrlState { filter, ..before }, step);
    }

    fn navigate_to(self, url_state: UrlState, step: browser::Step) {
        if self.url_state.with_untracked(|before| *before != url_state) {
            browser::set_query(&url_state.to_query(), step);
            self.follow(url_state);
        }
    }

    /// Shows what the page's address asks for.
    fn follow(self, url_state: UrlState) {
        if let Some(controller) = self.controller.get_value() {
            controller.navigate(url_state);
        }
    }

    /// Whether an endpoint is among those that are found.
    #[must_use]
    pub fn matches(self, id: usize) -> bool {
        self.matching.with(|found| found.as_ref().is_none_or(|found| found.binary_search(&id).is_ok()))
    }

    /// Tells percentiles, or does not any more.
    pub fn want_percentiles(self, wanted: Percentiles) {
        if let Some(controller) = self.controller.get_value() {
            controller.want_percentiles(wanted);
        }
    }

    /// What a point of a chart tells.
    #[must_use]
    pub fn readout(self, point: &Point) -> String {
        self.controller.get_value().map(|controller| point.readout(controller.calendar())).unwrap_or_default()
    }

    /// Draws all of an endpoint that came into sight.
    pub fn see(self, id: usize) {
        if let Some(controller) = self.controller.get_value() {
            controller.draw_endpoint(id, RenderDetail::Full);
        }
    }

    /// What the chart of an endpoint shows besides.
    #[must_use]
    pub fn layers(self, id: usize) -> Vec<Layer> {
        let wanted = self.overlay.get();
        let controller = self.controller.get_value().filter(|_| wanted != ChartOverlay::Off);
        controller.map(|controller| controller.layers(id, wanted)).unwrap_or_default()
    }

    /// Opens a bar of an endpoint on a level, or closes it if it is open.
    pub fn open(self, id: usize, level: usize, bucket: TimeBucket) {
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
        // Not while the view is being read: it is about to change.
        self.navigate(|url_state| (url_state.endpoint, url_state.path) = (endpoint, path));
    }

    /// Closes the innermost bar that is open of an endpoint.
    pub fn close(self, id: usize) {
        let innermost = self.view.with_untracked(|view| {
            let level = view.opened.path.len().checked_sub(1)?;
            (view.opened.id == Some(id)).then(|| (level, view.opened.path[level]))
        });
        if let Some((level, bucket)) = innermost {
            self.open(id, level, bucket);
        }
    }
}

/// Starts the page.
pub fn mount() {
    browser::begin(Box::pin(run()));
}

/// Reads the configuration and the page's texts, and puts the page into the document. `boot.js` has asked for both already,
/// unless the configuration names another language than the reader's.
async fn run() {
    let url_state = UrlState::parse(&browser::query());
    let preferred = browser::languages();
    let config = source::page_config().await.map_err(ConfigError::Unavailable).and_then(|(text, server_time)| {
        if let Some(time) = server_time {
            browser::compare_clock(time);
        }
        config_error::parse(&text)
    });
    let configured = config.as_ref().ok().and_then(|config| config.appearance.language.as_deref());
    let locale = i18n::choose(&url_state.language, configured, &preferred);
    let english = i18n::choose("en", None, &preferred);
    for locale in [locale, english] {
        if let Some(language) = load_language(&locale).await {
            browser::remove_boot_text();
            let language = match &config {
                Ok(config) => language.with_status_labels(&config.appearance.status_words),
                Err(_) => language,
            };
            return show(url_state, Box::leak(Box::new(language)), config);
        }
    }
    browser::set_root_attribute("data-state", "broken");
    browser::set_boot_text("The texts of this page could not be loaded. Loading it again may help.");
}

/// Loads a language, with English in place of what its file lacks, and tells the document of it; `None` if a text is missing
/// in both, or a file.
async fn load_language(locale: &Locale) -> Option<Language> {
    let mut texts = Texts::parse(&source::language(locale.code).await?);
    if !texts.is_complete() {
        texts.fill_from(Texts::parse(&source::language("en").await?));
    }
    let language = Language::new(texts, Box::new(IntlFormatter::new(locale)))?;
    browser::set_root_attribute("lang", locale.code);
    browser::set_root_attribute("dir", language.text(texts::DIRECTION));
    Some(language)
}

/// Puts the page into the document.
fn show(url_state: UrlState, language: &'static Language, config: Result<PageConfig, ConfigError>) {
    let config = config.map(Arc::new).map_err(|broken| broken.describe(language));
    // It was started before only if this was.
    let _ = Executor::init_wasm_bindgen();
    let owner = Owner::new();
    owner.with(|| {
        let state = AppContext {
            language,
            view: RwSignal::new(PageView::default()),
            loading: RwSignal::new(LoadProgress::default()),
            url_state: RwSignal::new(apply_url_state(url_state)),
            matching: RwSignal::new(None),
            render_queue: RenderQueue::new(),
            is_drawn: RwSignal::new(None),
            overlay: RwSignal::new(ChartOverlay::Off),
            printing: RwSignal::new(false),
            controller: StoredValue::new_local(None),
        };
        page::mount(state, &config);
        if let Ok(config) = config {
            // Where `boot.js` looks whether to keep the page.
            browser::set_root_attribute("data-offline", if config.offline { "true" } else { "false" });
            for skipped in &config.skipped {
                browser::warn(&format!("config.json: {skipped}"));
            }
            for (name, value) in view::css_variables::properties(&config.appearance) {
                browser::set_property(&name, &value);
            }
            browser::begin(Box::pin(follow(state, config)));
        } else {
            browser::set_root_attribute("data-state", "broken");
            browser::set_tab(language.text(texts::CONFIG_ERROR_TAB), Status::Unknown, None);
            browser::set_root_attribute("data-complete", "true");
        }
    });
    // The page stays as long as the document does.
    std::mem::forget(owner);
}

/// Loads, and goes on loading for as long as the page is open.
async fn follow(state: AppContext, config: Arc<PageConfig>) {
    let refresh = config.refresh;
    let controller = Rc::new(Controller::new(state, config));
    state.controller.set_value(Some(Rc::clone(&controller)));
    let printed = Rc::clone(&controller);
    browser::listen(
        "beforeprint",
        Box::new(move |_| {
            printed.draw_all();
            state.printing.set(true);
        }),
    );
    browser::listen("afterprint", Box::new(move |_| state.printing.set(false)));
    browser::listen("popstate", Box::new(move |_| state.follow(UrlState::parse(&browser::query()))));
    let _ = browser::yield_to_browser().await;
    controller.refresh_view(LoadProgress::Listing);
    browser::begin(Box::pin(tick(state, Rc::clone(&controller))));
    let mut is_first = true;
    loop {
        // The past does not change.
        if is_first || state.url_state.with_untracked(|url_state| url_state.at.is_none()) {
            Rc::clone(&controller).load().await;
        }
        is_first = false;
        let loaded_at = browser::now();
        loop {
            let rest = browser::sleep_until_visible(refresh).await;
            browser::until_visible().await;
            // Who only looks away for a moment sees what there is.
            if rest == browser::Rest::Whole || browser::now() - loaded_at >= LOOKED_AWAY {
                break;
            }
        }
        // What was open while the device slept is of then; it says so before anything is loaded.
        if state.url_state.with_untracked(|url_state| url_state.at.is_none()) {
            controller.refresh_view(state.loading.get_untracked());
        }
        // A clock that was wrong may have been set right meanwhile.
        if browser::clock_ahead() != 0
            && let Ok((_, Some(time))) = source::page_config().await
        {
            browser::compare_clock(time);
        }
    }
}

async fn tick(state: AppContext, controller: Rc<Controller>) {
    loop {
        let _ = browser::sleep(TICK).await;
        if !browser::is_hidden() && state.url_state.with_untracked(|url_state| url_state.at.is_none()) {
            controller.refresh_view(state.loading.get_untracked());
        }
    }
}
