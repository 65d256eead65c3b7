//! The appearance of a page in its `config.json`: logo, links, theme, labels, groups and order, and what is hidden.
//!
//! Invalid values are reported and skipped, because none of them should prevent the page from being shown. Values are
//! never HTML or CSS: colors are `#rrggbb`, and everything else is plain text or a name from a list.

use serde_json::{Map, Value, json};

pub use super::descriptions::{Description, description};
pub use super::groups::{Group, group_titles, position_in};
use super::links::{HEADER_LINKS, LinkRule, PUBLIC_LINKS, is_relative};
pub use super::links::{Link, is_public_url};
use crate::json::Json;
use crate::status::Status;
use crate::suggest::suggest;

/// The keys of `config.json` that define the appearance.
pub const KEYS: [&str; 14] = [
    "language",
    "logo",
    "favicon",
    "links",
    "subscribe",
    "footer",
    "theme",
    "labels",
    "groups",
    "order",
    "endpoints",
    "charts",
    "details",
    "hidden",
];

/// Renamed keys and their current names.
pub const RENAMED_KEYS: [(&str, &str); 3] = [("look", "theme"), ("texts", "labels"), ("hide", "hidden")];

/// The page's languages, by the names of their locale files.
pub const LANGUAGES: [&str; 8] = ["en", "de", "fr", "es", "pt", "ja", "zh", "ar"];

/// The colors of a theme, named like the page's CSS variables.
pub const COLORS: [&str; 17] = [
    "ground",
    "raised",
    "text",
    "muted",
    "faint",
    "line",
    "link",
    "healthy",
    "healthy-text",
    "degraded",
    "degraded-text",
    "down",
    "down-text",
    "planned",
    "planned-text",
    "unknown",
    "series",
];

/// The fonts of a theme. All of them are already on the visitor's device, so nothing is downloaded.
pub const FONTS: [(&str, &str); 4] = [
    ("system", "system-ui, sans-serif"),
    ("serif", "Charter, Georgia, \"Noto Serif\", serif"),
    ("rounded", "ui-rounded, \"SF Pro Rounded\", Nunito, \"Noto Sans\", system-ui, sans-serif"),
    ("mono", "ui-monospace, \"SF Mono\", \"Cascadia Mono\", \"Noto Sans Mono\", monospace"),
];

/// The maximum radius of corners, in pixels. Larger corners would cut off the content of boxes.
const RADIUS_LIMIT: i64 = 24;

/// The appearance of a page. Every field has a default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Appearance {
    /// One of [`LANGUAGES`], or `None` for the visitor's language.
    pub language: Option<String>,
    /// The URL of the logo in front of the title.
    pub logo: Option<String>,
    /// The URL of the tab icon. By default, the icon shows the status.
    pub favicon: Option<String>,
    /// Links in the header, in display order.
    pub links: Vec<Link>,
    /// Links in the Subscribe menu, in display order: channels and mailing lists. Their URLs are not relative.
    pub subscribe: Vec<Link>,
    /// Plain text at the bottom of the page.
    pub footer: Option<String>,
    /// The values of [`COLORS`] by name, in light and in dark mode.
    pub colors: [Vec<(String, String)>; 2],
    /// The radius of corners, in pixels.
    pub radius: Option<i64>,
    /// One of [`FONTS`], or `None` for the style sheet's font.
    pub font: Option<String>,
    /// The status labels, in the order of [`Status::ALL`].
    pub status_words: [Option<String>; 4],
    /// A remark below the headline for each status, in the order of [`Status::ALL`].
    pub status_remarks: [Option<String>; 4],
    /// Groups of endpoints. Endpoints without a group follow them.
    pub groups: Vec<Group>,
    /// The order of endpoints, by title.
    pub order: Vec<String>,
    /// The descriptions and links that are shown for endpoints.
    pub descriptions: Vec<Description>,
    /// Whether the charts of response times are open at first.
    pub charts_open: bool,
    /// Whether the page shows the locators and the errors of endpoints. The default depends on who serves the page.
    pub details: Option<bool>,
    /// The titles of endpoints whose errors are hidden.
    pub hidden_errors: Vec<String>,
    /// The titles of endpoints whose locators are hidden.
    pub hidden_locators: Vec<String>,
}

/// Reads the appearance in a `config.json`, and adds a message to `skipped` for each invalid value.
#[must_use]
pub fn read(config: &Json<'_>, skipped: &mut Vec<String>) -> Appearance {
    let mut reader = AppearanceReader { skipped };
    let (theme_key, theme) = reader.renamed(config, "theme");
    reader.check_keys(theme_key, theme, &["light", "dark", "radius", "font"]);
    let of_theme = |key: &str| theme.and_then(|theme| theme.get(key));
    let (hidden_key, hidden) = reader.renamed(config, "hidden");
    reader.check_keys(hidden_key, hidden, &["errors", "locators"]);
    let of_hidden = |key: &str| hidden.and_then(|hidden| hidden.get(key));
    let (labels_key, labels) = reader.renamed(config, "labels");
    let [words, remarks] = reader.labels(labels_key, labels);
    let languages = [LANGUAGES.as_slice(), &["auto"]].concat();
    Appearance {
        language: reader.one_of("language", config.get("language"), &languages).filter(|language| language != "auto"),
        logo: reader.picture("logo", config.get("logo")),
        favicon: reader.picture("favicon", config.get("favicon")),
        links: reader.links("links", config.get("links"), &HEADER_LINKS),
        subscribe: reader.links("subscribe", config.get("subscribe"), &PUBLIC_LINKS),
        footer: reader.text("footer", config.get("footer")),
        colors: ["light", "dark"].map(|mode| reader.colors(&format!("{theme_key}.{mode}"), of_theme(mode))),
        radius: reader.radius(&format!("{theme_key}.radius"), of_theme("radius")),
        font: reader.one_of(&format!("{theme_key}.font"), of_theme("font"), &FONTS.map(|(name, _)| name)),
        status_words: words,
        status_remarks: remarks,
        groups: reader.groups("groups", config.get("groups"), true),
        order: reader.titles("order", config.get("order")),
        descriptions: reader.descriptions("endpoints", config.get("endpoints")),
        charts_open: reader.one_of("charts", config.get("charts"), &["folded", "open"]).as_deref() == Some("open"),
        details: reader.flag("details", config.get("details")),
        hidden_errors: reader.titles(&format!("{hidden_key}.errors"), of_hidden("errors")),
        hidden_locators: reader.titles(&format!("{hidden_key}.locators"), of_hidden("locators")),
    }
}

/// A reader that returns valid values and reports the others.
struct AppearanceReader<'a> {
    skipped: &'a mut Vec<String>,
}

impl AppearanceReader<'_> {
    /// Reports a skipped value. `problem`, such as `must be a number`, completes a sentence whose subject is `path`.
    fn skip(&mut self, path: &str, problem: &str) {
        self.skipped.push(format!("`{path}` {problem}; it is skipped"));
    }

    /// Returns the name under which a key is set, and its value. Reports a key that is set under both its old and its
    /// new name.
    fn renamed<'j>(&mut self, config: &'j Json<'j>, key: &'static str) -> (&'static str, Option<&'j Json<'j>>) {
        let former = RENAMED_KEYS.iter().find(|(_, current)| *current == key).map_or(key, |(former, _)| former);
        match (config.get(former), config.get(key)) {
            (Some(value), None) => (former, Some(value)),
            (None, value) => (key, value),
            (Some(_), value) => {
                self.skip(
                    former,
                    &format!("was renamed to `{key}`, which is also set; keep `{key}` and remove `{former}`"),
                );
                (key, value)
            }
        }
    }

    fn check_keys(&mut self, path: &str, object: Option<&Json<'_>>, keys: &[&str]) {
        let members = match object {
            None => return,
            Some(Json::Object(members)) => members,
            Some(_) => return self.skip(path, "must be an object"),
        };
        for (key, _) in members.iter().filter(|(key, _)| !keys.contains(&&**key)) {
            let similar = suggest(key, keys.iter().copied()).map(|similar| format!("; did you mean `{similar}`?"));
            self.skip(&format!("{path}.{key}"), &format!("is unknown{}", similar.unwrap_or_default()));
        }
    }

    fn text(&mut self, path: &str, value: Option<&Json<'_>>) -> Option<String> {
        match value? {
            Json::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            _ => {
                self.skip(path, "must be a non-empty string");
                None
            }
        }
    }

    fn flag(&mut self, path: &str, value: Option<&Json<'_>>) -> Option<bool> {
        if let Json::Bool(flag) = value? {
            return Some(*flag);
        }
        self.skip(path, "must be `true` or `false`");
        None
    }

    fn list<'j>(&mut self, path: &str, value: Option<&'j Json<'_>>) -> &'j [Json<'j>] {
        match value {
            None => &[],
            Some(Json::Array(elements)) => elements,
            Some(_) => {
                self.skip(path, "must be an array");
                &[]
            }
        }
    }

    /// Allows only images from the page's own server and `data:` URLs, so other servers do not learn who views the
    /// page.
    fn picture(&mut self, path: &str, value: Option<&Json<'_>>) -> Option<String> {
        let url = self.text(path, value)?;
        if url.starts_with("data:image/") || is_relative(&url) {
            return Some(url);
        }
        self.skip(path, "must be a file next to the page, for example `logo.svg`, or a `data:image/…` URL");
        None
    }

    fn links(&mut self, key: &str, value: Option<&Json<'_>>, rule: &LinkRule) -> Vec<Link> {
        let mut links = Vec::new();
        for (number, link) in self.list(key, value).iter().enumerate() {
            let path = format!("{key}[{number}]");
            self.check_keys(&path, Some(link), &["text", "url"]);
            let text = self.text(&format!("{path}.text"), link.get("text"));
            let url = self.text(&format!("{path}.url"), link.get("url"));
            match (text, url) {
                (Some(text), Some(url)) if (rule.is_allowed)(&url) => links.push(Link { text, url }),
                (Some(_), Some(_)) => self.skip(&path, rule.problem),
                _ => self.skip(&path, "must have a `text` and a `url`"),
            }
        }
        links
    }

    fn colors(&mut self, path: &str, value: Option<&Json<'_>>) -> Vec<(String, String)> {
        self.check_keys(path, value, &COLORS);
        let mut colors = Vec::new();
        for name in COLORS {
            let Some(color) = value.and_then(|value| value.get(name)) else { continue };
            match color {
                Json::String(text) if is_color(text) => colors.push((name.to_owned(), text.to_string())),
                _ => self.skip(&format!("{path}.{name}"), "must be a color such as `#1a2b3c`"),
            }
        }
        colors
    }

    fn radius(&mut self, path: &str, value: Option<&Json<'_>>) -> Option<i64> {
        let radius = match value? {
            Json::Number(digits) => digits.parse().ok(),
            _ => None,
        };
        let radius = radius.filter(|radius| (0..=RADIUS_LIMIT).contains(radius));
        if radius.is_none() {
            self.skip(path, "must be a number of pixels from 0 to 24");
        }
        radius
    }

    fn one_of(&mut self, path: &str, value: Option<&Json<'_>>, names: &[&str]) -> Option<String> {
        let name = self.text(path, value)?;
        if names.contains(&name.as_str()) {
            return Some(name);
        }
        self.skip(path, &format!("must be one of `{}`", names.join("`, `")));
        None
    }

    /// Reads the custom label and remark for each status.
    fn labels(&mut self, path: &str, value: Option<&Json<'_>>) -> [[Option<String>; 4]; 2] {
        let names = Status::ALL.map(Status::as_str);
        self.check_keys(path, value, &names);
        let mut labels = [const { [const { None }; 4] }; 2];
        for (index, name) in names.iter().enumerate() {
            let Some(of_status) = value.and_then(|value| value.get(name)) else { continue };
            let path = format!("{path}.{name}");
            self.check_keys(&path, Some(of_status), &["word", "remark"]);
            for (kind, key) in ["word", "remark"].into_iter().enumerate() {
                labels[kind][index] = self.text(&format!("{path}.{key}"), of_status.get(key));
            }
        }
        labels
    }

    fn descriptions(&mut self, key: &str, value: Option<&Json<'_>>) -> Vec<Description> {
        let mut descriptions = Vec::new();
        for (number, one) in self.list(key, value).iter().enumerate() {
            let path = format!("{key}[{number}]");
            self.check_keys(&path, Some(one), &["title", "about", "link"]);
            let Some(title) = self.text(&format!("{path}.title"), one.get("title")) else {
                self.skip(&path, "must have a `title`");
                continue;
            };
            let about = self.text(&format!("{path}.about"), one.get("about"));
            let link = self.text(&format!("{path}.link"), one.get("link"));
            let is_allowed = link.as_deref().is_none_or(HEADER_LINKS.is_allowed);
            if !is_allowed {
                self.skip(&format!("{path}.link"), "must be relative or start with `https://`, `http://` or `mailto:`");
            }
            descriptions.push(Description { title, about, link: link.filter(|_| is_allowed) });
        }
        descriptions
    }

    fn titles(&mut self, path: &str, value: Option<&Json<'_>>) -> Vec<String> {
        let titles = self.list(path, value).iter().enumerate();
        titles.filter_map(|(number, title)| self.text(&format!("{path}[{number}]"), Some(title))).collect()
    }

    fn groups(&mut self, path: &str, value: Option<&Json<'_>>, may_nest: bool) -> Vec<Group> {
        let mut groups = Vec::new();
        for (number, group) in self.list(path, value).iter().enumerate() {
            let path = format!("{path}[{number}]");
            self.check_keys(&path, Some(group), &["title", "endpoints", "groups"]);
            let Some(title) = self.text(&format!("{path}.title"), group.get("title")) else {
                self.skip(&path, "must have a `title`");
                continue;
            };
            let endpoints = self.titles(&format!("{path}.endpoints"), group.get("endpoints"));
            let inner = format!("{path}.groups");
            let inside = match group.get("groups") {
                Some(_) if !may_nest => {
                    self.skip(&inner, "is a third level, but groups can be nested only once");
                    Vec::new()
                }
                inside => self.groups(&inner, inside, false),
            };
            groups.push(Group { title, endpoints, groups: inside });
        }
        groups
    }
}

fn is_color(text: &str) -> bool {
    text.len() == 7
        && text.strip_prefix('#').is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

impl Appearance {
    /// Returns whether the page hides the errors of an endpoint with this title.
    #[must_use]
    pub fn hides_errors(&self, title: &str) -> bool {
        self.details != Some(true) || position_in(&self.hidden_errors, title).is_some()
    }

    /// Returns whether the page hides the locator of an endpoint with this title.
    #[must_use]
    pub fn hides_locator(&self, title: &str) -> bool {
        self.details != Some(true) || position_in(&self.hidden_locators, title).is_some()
    }

    /// Adds the appearance to a `config.json`. [`read`] returns an equal appearance.
    pub fn write(&self, config: &mut Map<String, Value>) {
        let mut put = |key: &str, value: Value| {
            let is_empty = match &value {
                Value::Null => true,
                Value::Array(elements) => elements.is_empty(),
                Value::Object(members) => members.is_empty(),
                _ => false,
            };
            if !is_empty {
                config.insert(key.to_owned(), value);
            }
        };
        put("language", json!(self.language));
        put("logo", json!(self.logo));
        put("favicon", json!(self.favicon));
        let links = self.links.iter().map(|link| json!({ "text": link.text, "url": link.url }));
        put("links", links.collect());
        let subscribe = self.subscribe.iter().map(|link| json!({ "text": link.text, "url": link.url }));
        put("subscribe", subscribe.collect());
        put("footer", json!(self.footer));
        let mut theme = Map::new();
        for (mode, colors) in ["light", "dark"].into_iter().zip(&self.colors) {
            if !colors.is_empty() {
                let colors = colors.iter().map(|(name, color)| (name.clone(), json!(color)));
                theme.insert(mode.to_owned(), Value::Object(colors.collect()));
            }
        }
        theme.extend(self.radius.map(|radius| ("radius".to_owned(), json!(radius))));
        theme.extend(self.font.as_ref().map(|font| ("font".to_owned(), json!(font))));
        put("theme", Value::Object(theme));
        let mut labels = Map::new();
        for (number, status) in Status::ALL.into_iter().enumerate() {
            let mut of_status = Map::new();
            of_status.extend(self.status_words[number].as_ref().map(|word| ("word".to_owned(), json!(word))));
            of_status.extend(self.status_remarks[number].as_ref().map(|remark| ("remark".to_owned(), json!(remark))));
            if !of_status.is_empty() {
                labels.insert(status.as_str().to_owned(), Value::Object(of_status));
            }
        }
        put("labels", Value::Object(labels));
        put("groups", self.groups.iter().map(Group::to_value).collect());
        put("order", json!(self.order));
        put("endpoints", self.descriptions.iter().map(Description::to_value).collect());
        put("charts", json!(self.charts_open.then_some("open")));
        put("details", json!(self.details));
        let mut hidden = Map::new();
        for (key, titles) in [("errors", &self.hidden_errors), ("locators", &self.hidden_locators)] {
            if !titles.is_empty() {
                hidden.insert(key.to_owned(), json!(titles));
            }
        }
        put("hidden", Value::Object(hidden));
    }
}

impl Group {
    fn to_value(&self) -> Value {
        let mut value = json!({ "title": self.title, "endpoints": self.endpoints });
        if !self.groups.is_empty() {
            value["groups"] = self.groups.iter().map(Group::to_value).collect();
        }
        value
    }
}

#[cfg(test)]
mod tests;
