//! Starts the page: reads the configuration and the translations, builds the components, and refreshes the data
//! periodically.

use std::rc::Rc;
use std::sync::Arc;

use any_spawner::Executor;
use leptos::prelude::*;
use shared::page_config::PageConfig;
use shared::status::Status;
use shared::{Nanos, SECOND};

use crate::components::page;
use crate::context::AppContext;
use crate::controller::{Controller, apply_url_state};
use crate::i18n::{self, IntlFormatter, Language, Locale, Texts, texts};
use crate::url_state::UrlState;
use crate::view::config_error::{self, ConfigError};
use crate::view::subscribe;
use crate::view::{self, LoadProgress};
use crate::{browser, source};

/// How often the view is recomputed even without new data, because results expire when a checker stops.
const TICK: Nanos = 15 * SECOND;

/// If the tab was hidden for at least this long, data is reloaded as soon as the tab is visible again.
const RELOAD_AFTER: Nanos = 5 * SECOND;

pub fn mount() {
    browser::spawn(Box::pin(run()));
}

/// Reads the configuration and the translations, and adds the page to the document.
///
/// `boot.js` has already requested both, unless the configuration selects a different language than the browser.
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
    browser::set_boot_text("The texts of this page could not be loaded. Try reloading it.");
}

/// Loads a language's translations, and sets the document's language and direction. Missing translations fall back to
/// English. Returns `None` if a locale file cannot be loaded.
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

/// Adds the page to the document, and starts loading data if the configuration is valid.
fn show(url_state: UrlState, language: &'static Language, config: Result<PageConfig, ConfigError>) {
    let config = config.map(Arc::new).map_err(|error| error.describe(language));
    // This fails only if the executor is already initialized.
    let _ = Executor::init_wasm_bindgen();
    let owner = Owner::new();
    owner.with(|| {
        let outputs = config.as_ref().ok().and_then(|config| config.outputs.as_deref());
        let outputs = outputs.map(|url| &*url.to_owned().leak());
        let charts_open = config.as_ref().is_ok_and(|config| config.appearance.charts_open);
        let context = AppContext::new(language, apply_url_state(url_state), outputs, charts_open);
        page::mount(context, &config);
        if let Ok(config) = config {
            if let Some(outputs) = outputs {
                browser::add_feed_links(&subscribe::feed_links(outputs));
            }
            // `boot.js` reads this to decide whether to register the service worker.
            browser::set_root_attribute("data-offline", if config.offline { "true" } else { "false" });
            for skipped in &config.skipped {
                browser::warn(&format!("config.json: {skipped}"));
            }
            for (name, value) in view::css_variables::properties(&config.appearance) {
                browser::set_property(&name, &value);
            }
            browser::spawn(Box::pin(refresh_periodically(context, config)));
        } else {
            browser::set_root_attribute("data-state", "broken");
            browser::set_tab(language.text(texts::CONFIG_ERROR_TAB), Status::Unknown, None);
            browser::set_root_attribute("data-complete", "true");
        }
    });
    // The page lives as long as the document, so nothing is ever cleaned up.
    std::mem::forget(owner);
}

/// Loads the data, and reloads it periodically while the page is open.
async fn refresh_periodically(context: AppContext, config: Arc<PageConfig>) {
    let interval = config.refresh;
    let controller = Rc::new(Controller::new(context, config));
    context.set_actions(Rc::<Controller>::clone(&controller));
    let printed = Rc::clone(&controller);
    browser::listen(
        "beforeprint",
        Box::new(move |_| {
            printed.render_all();
            context.printing.set(true);
        }),
    );
    browser::listen("afterprint", Box::new(move |_| context.printing.set(false)));
    browser::listen("popstate", Box::new(move |_| context.show(UrlState::parse(&browser::query()))));
    let shows_now = move || context.url_state.with_untracked(|url_state| url_state.at.is_none());
    browser::yield_to_browser().await;
    controller.refresh_view(LoadProgress::Listing);
    browser::spawn(Box::pin(tick(context, Rc::clone(&controller))));
    let mut is_first = true;
    loop {
        // A view of the past does not change over time.
        if is_first || shows_now() {
            Rc::clone(&controller).load().await;
        }
        is_first = false;
        let loaded_at = browser::now();
        loop {
            let sleep = browser::sleep_until_visibility_changes(interval).await;
            if !browser::notifies() {
                browser::until_visible().await;
            }
            // Data is not reloaded when the visitor only switches tabs briefly.
            let is_overdue = !browser::is_hidden() && browser::now() - loaded_at >= RELOAD_AFTER;
            if sleep == browser::Sleep::Completed || is_overdue {
                break;
            }
        }
        // After the device wakes up, the page may show old results. They are marked as old before anything is loaded.
        if shows_now() {
            controller.refresh_view(context.loading.get_untracked());
        }
        // The device's clock may have been corrected.
        if browser::clock_ahead() != 0
            && let Ok((_, Some(time))) = source::page_config().await
        {
            browser::compare_clock(time);
        }
    }
}

async fn tick(context: AppContext, controller: Rc<Controller>) {
    loop {
        browser::sleep(TICK).await;
        if !browser::is_hidden() && context.url_state.with_untracked(|url_state| url_state.at.is_none()) {
            controller.refresh_view(context.loading.get_untracked());
        }
    }
}
