//! What stands around the state of things: header and footer, with what `config.json` says about them, and the choice
//! of clock and theme.

use leptos::prelude::*;
use shared::page_config::PageConfig;
use wasm_bindgen::JsCast;
use web_sys::HtmlSelectElement;

use super::element::{Built, html};
use super::{holds, isolated, of};
use crate::app::State;
use crate::browser;
use crate::i18n::texts;
use crate::url_state::{Theme, TimeZone};

/// The device's zone, UTC, and the one that is shown.
const ZONES_AT_FIRST: u32 = 3;

/// Name, logo and links, and the moment that is looked back at.
pub(super) fn header(state: State, config: &PageConfig) -> Built {
    let name = html("p.name");
    let name = match &config.looks.logo {
        Some(url) => name.with(html("img.logo[alt=]").set("src", url)),
        None => name,
    };
    let header = html("header").with(name.with(isolated(&config.title)));
    let links = config
        .looks
        .links
        .iter()
        .map(|link| html("a[rel=noopener noreferrer]").set("href", &link.url).with(isolated(&link.text)));
    let header = if config.looks.links.is_empty() {
        header
    } else {
        header.with(html("nav").label(state.text(texts::LINKS)).with_all(links.collect()))
    };
    let past = move || state.view.with(|view| view.past.clone());
    let now = html("button.plain[type=button]").text(state.text(texts::BACK_TO_NOW)).on("click", move |_| {
        state.look(|url_state| url_state.at = None);
    });
    let words = move || past().map(|past| state.language.format(texts::AS_OF, &[&past])).unwrap_or_default();
    header
        .with(
            html("p.past[id=past][role=status]")
                .with(html("span").live_text(words))
                .with(now)
                .shown_while(holds(state.view, |view| view.past.is_some())),
        )
        .with(
            html("p.past[id=note][role=status]")
                .live_text(of(state.view, |view| &view.banner))
                .shown_while(holds(state.view, |view| !view.banner.is_empty())),
        )
}

/// What the host has to say, how to read the figures, and whose clock shows the times.
pub(super) fn footer(state: State, config: &PageConfig) -> Built {
    let own = config.looks.footer.iter().map(|text| html("p").with(isolated(text)));
    let zone = state.url_state.with_untracked(|url_state| url_state.zone.name().to_owned());
    let device = format!("{} ({})", browser::time_zone(), state.text(texts::THIS_DEVICE));
    let mut zones = vec![(String::new(), device), ("UTC".to_owned(), "UTC".to_owned())];
    if !zones.iter().any(|(name, _)| *name == zone) {
        zones.push((zone.clone(), zone));
    }
    let themes = [(Theme::Auto, texts::AUTO), (Theme::Light, texts::LIGHT), (Theme::Dark, texts::DARK)];
    let themes = themes.map(|(theme, words)| (theme.as_str().to_owned(), state.text(words).to_owned()));
    html("footer")
        .with_all(own.collect())
        .with(html("p").text(state.text(texts::HOW_TO_READ)))
        .on("focusin", |event| add_zones(&event))
        .with(
            html("p.choices")
                .with(
                    choice("zone", state.text(texts::TIME_ZONE), &zones, move || {
                        state.url_state.with(|url_state| url_state.zone.name().to_owned())
                    })
                    .on("change", move |event| {
                        if let Some(name) = chosen(&event) {
                            state.look(|url_state| url_state.zone = TimeZone::from_name(&name));
                        }
                    }),
                )
                .with(
                    choice("theme", state.text(texts::THEME), &themes, move || {
                        state.url_state.with(|url_state| url_state.theme.as_str().to_owned())
                    })
                    .on("change", move |event| {
                        let theme =
                            chosen(&event).and_then(|word| Theme::ALL.into_iter().find(|theme| theme.as_str() == word));
                        if let Some(theme) = theme {
                            state.look(|url_state| url_state.theme = theme);
                        }
                    }),
                ),
        )
}

/// A list to choose from, of values and words, with its label.
fn choice(id: &str, label: &str, options: &[(String, String)], value: impl Fn() -> String + 'static) -> Built {
    let options = options.iter().map(|(value, words)| option(value, words));
    let select = html("select").set("id", id).with_all(options.collect());
    let select = select.kept(move |select: &HtmlSelectElement| select.set_value(&value()));
    html("label").text(label).text(" ").with(select)
}

fn option(value: &str, words: &str) -> Built {
    html("option").set("value", value).text(words)
}

/// Adds the hundreds of zones that the browser knows, once somebody comes to the list.
fn add_zones(event: &web_sys::Event) {
    let Some(select) = event.target().and_then(|target| target.dyn_into::<HtmlSelectElement>().ok()) else { return };
    if select.id() == "zone" && select.length() <= ZONES_AT_FIRST {
        let chosen = select.value();
        for name in browser::zones().into_iter().filter(|name| *name != chosen && name != "UTC") {
            let _ = select.append_child(option(&name, &name).element());
        }
    }
}

fn chosen(event: &web_sys::Event) -> Option<String> {
    Some(event.target()?.dyn_into::<HtmlSelectElement>().ok()?.value())
}
