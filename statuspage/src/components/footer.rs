//! The footer: configured text, an explanation of the figures, and the menus for time zone, theme and
//! language.

use leptos::prelude::*;
use shared::page_config::PageConfig;
use shared::page_config::appearance::LANGUAGES;
use web_sys::{Event, HtmlSelectElement};

use super::dom::html::{footer as footer_element, label, option, p, select};
use super::dom::{ElementBuilder, target};
use super::parts::isolated;
use crate::browser;
use crate::context::AppContext;
use crate::i18n::texts;
use crate::url_state::{Theme, TimeZone, UrlState};

/// The maximum number of zones in the list before a visitor opens it: the device's zone, UTC and the current one.
const INITIAL_ZONES: u32 = 3;

/// The names of [`LANGUAGES`] in these languages.
const LANGUAGE_NAMES: [&str; LANGUAGES.len()] =
    ["English", "Deutsch", "Français", "Español", "Português", "日本語", "中文", "العربية"];

pub(super) fn footer(context: AppContext, config: &PageConfig) -> ElementBuilder {
    footer_element()
        .children(config.appearance.footer.iter().map(|text| p().child(isolated(text))))
        .child(p().text(context.text(texts::HOW_TO_READ)))
        .on("focusin", |event| add_zones(&event))
        .child(
            p().class("choices")
                .child(zone_choice(context))
                .child(theme_choice(context))
                .child(language_choice(context)),
        )
}

fn zone_choice(context: AppContext) -> ElementBuilder {
    let current = move || context.url_state.with(|url_state| url_state.zone.name().to_owned());
    let zone = context.url_state.with_untracked(|url_state| url_state.zone.name().to_owned());
    let device = format!("{} ({})", browser::time_zone(), context.text(texts::THIS_DEVICE));
    let mut zones = vec![(String::new(), device), ("UTC".to_owned(), "UTC".to_owned())];
    if !zones.iter().any(|(name, _)| *name == zone) {
        zones.push((zone.clone(), zone));
    }
    choice("zone", context.text(texts::TIME_ZONE), &zones, current).on("change", move |event| {
        if let Some(name) = selected(&event) {
            context.navigate(|url_state| url_state.zone = TimeZone::from_name(&name));
        }
    })
}

fn theme_choice(context: AppContext) -> ElementBuilder {
    let current = move || context.url_state.with(|url_state| url_state.theme.as_str().to_owned());
    let themes = [(Theme::Auto, texts::AUTO), (Theme::Light, texts::LIGHT), (Theme::Dark, texts::DARK)];
    let themes = themes.map(|(theme, text)| (theme.as_str().to_owned(), context.text(text).to_owned()));
    choice("theme", context.text(texts::THEME), &themes, current).on("change", move |event| {
        let selected = selected(&event);
        let theme = Theme::ALL.into_iter().find(|theme| selected.as_deref() == Some(theme.as_str()));
        if let Some(theme) = theme {
            context.navigate(|url_state| url_state.theme = theme);
        }
    })
}

/// Builds the menu of languages. The page is loaded again, because all of its text changes.
fn language_choice(context: AppContext) -> ElementBuilder {
    let languages = LANGUAGES.iter().zip(LANGUAGE_NAMES);
    let languages: Vec<(String, String)> =
        languages.map(|(code, name)| ((*code).to_owned(), name.to_owned())).collect();
    let title = context.text(texts::LANGUAGE);
    choice("language", title, &languages, browser::document_language).on("change", move |event| {
        if let Some(language) = selected(&event) {
            let url_state = context.url_state.get_untracked();
            browser::load_with_query(&UrlState { language, ..url_state }.to_query());
        }
    })
}

/// Builds a labeled `<select>`. Each option is a value and its label.
fn choice(id: &str, title: &str, options: &[(String, String)], value: impl Fn() -> String + 'static) -> ElementBuilder {
    let select = select()
        .id(id)
        .children(options.iter().map(|(value, text)| choice_option(value, text)))
        .effect(move |select: &HtmlSelectElement| select.set_value(&value()));
    label().text(title).text(" ").child(select)
}

fn choice_option(value: &str, text: &str) -> ElementBuilder {
    option().attr("value", value).text(text)
}

/// Adds the hundreds of zones that the browser supports once the list receives focus.
fn add_zones(event: &Event) {
    let Some(select) = target::<HtmlSelectElement>(event) else { return };
    if select.id() == "zone" && select.length() <= INITIAL_ZONES {
        let selected = select.value();
        for name in browser::zones().into_iter().filter(|name| *name != selected && name != "UTC") {
            let _ = select.append_child(choice_option(&name, &name).element());
        }
    }
}

fn selected(event: &Event) -> Option<String> {
    Some(target::<HtmlSelectElement>(event)?.value())
}
