//! What a page's `config.json` says about its looks: logo, links, colors, texts, groups and order, and what is kept
//! from readers. Nothing here can keep a page from being shown: a value that does not fit is named and skipped.
//!
//! Nothing of it is HTML or CSS. Texts are texts, colors are `#rrggbb`, and the rest is chosen from lists.

use serde_json::{Map, Value, json};

use crate::json::Json;
use crate::status::Status;
use crate::suggest::suggest;

/// The keys of `config.json` that are about looks.
pub const KEYS: [&str; 10] =
    ["language", "logo", "favicon", "links", "footer", "look", "texts", "groups", "order", "hide"];

/// The languages of the page, by the names of their files; `auto` is the reader's own.
pub const LANGUAGES: [&str; 8] = ["en", "de", "fr", "es", "pt", "ja", "zh", "ar"];

/// The colors that can be chosen, by the names of the page's tokens.
pub const COLORS: [&str; 15] = [
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
    "unknown",
    "series",
];

/// The fonts that can be chosen: those that devices have, so that nothing is loaded from anywhere.
pub const FONTS: [(&str, &str); 4] = [
    ("system", "system-ui, sans-serif"),
    ("serif", "Charter, Georgia, \"Noto Serif\", serif"),
    ("rounded", "ui-rounded, \"SF Pro Rounded\", Nunito, \"Noto Sans\", system-ui, sans-serif"),
    ("mono", "ui-monospace, \"SF Mono\", \"Cascadia Mono\", \"Noto Sans Mono\", monospace"),
];

/// More rounding than this would cut into what stands in a box, in pixels.
const RADIUS_LIMIT: i64 = 24;

/// How a page looks; everything has a default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Appearance {
    /// The language, one of [`LANGUAGES`]; without it the reader's own.
    pub language: Option<String>,
    /// The URL of the picture before the title.
    pub logo: Option<String>,
    /// The URL of the tab's icon; without it the icon tells the state.
    pub favicon: Option<String>,
    /// The links in the header.
    pub links: Vec<Link>,
    /// What stands at the bottom.
    pub footer: Option<String>,
    /// The colors on light ground, then those on dark: names from [`COLORS`] and values.
    pub colors: [Vec<(String, String)>; 2],
    /// How round corners are, in pixels.
    pub radius: Option<i64>,
    /// The font, one of [`FONTS`].
    pub font: Option<String>,
    /// What a status is called, by its place in [`Status::ALL`].
    pub status_words: [Option<String>; 4],
    /// What is said below the sentence in a status, by its place in [`Status::ALL`].
    pub status_remarks: [Option<String>; 4],
    /// The groups, in their order; endpoints that are in none come after.
    pub groups: Vec<Group>,
    /// Which endpoints come first, as titles, where nothing needs attention.
    pub order: Vec<String>,
    /// The endpoints whose error texts are not shown.
    pub hidden_errors: Vec<String>,
    /// The endpoints whose locators are not shown.
    pub hidden_locators: Vec<String>,
}

/// A link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its words.
    pub text: String,
    /// Where it leads: `https:`, `http:`, `mailto:` or relative.
    pub url: String,
}

/// A group of endpoints.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// Its name.
    pub title: String,
    /// Which endpoints are in it: their titles, or beginnings of titles with a `*` behind.
    pub endpoints: Vec<String>,
    /// The groups in it; those have none.
    pub groups: Vec<Group>,
}

/// Where in a list of titles an endpoint stands; `None` if it is not in it. `Shop *` is every title that begins so.
#[must_use]
pub fn position_in(titles: &[String], title: &str) -> Option<usize> {
    titles.iter().position(|wanted| match wanted.strip_suffix('*') {
        Some(beginning) => title.starts_with(beginning),
        None => wanted == title,
    })
}

/// Reads the looks of a `config.json`; what does not fit is told in `skipped`.
#[must_use]
pub fn read(config: &Json<'_>, skipped: &mut Vec<String>) -> Appearance {
    let mut reader = AppearanceReader { skipped };
    let look = config.get("look");
    reader.known("look", look, &["light", "dark", "radius", "font"]);
    let of_look = |key: &str| look.and_then(|look| look.get(key));
    let hide = config.get("hide");
    reader.known("hide", hide, &["errors", "locators"]);
    let hidden = |key: &str| hide.and_then(|hide| hide.get(key));
    let [words, remarks] = reader.texts(config.get("texts"));
    let languages = [LANGUAGES.as_slice(), &["auto"]].concat();
    Appearance {
        language: reader.one_of("language", config.get("language"), &languages).filter(|language| language != "auto"),
        logo: reader.picture("logo", config.get("logo")),
        favicon: reader.picture("favicon", config.get("favicon")),
        links: reader.links(config.get("links")),
        footer: reader.text("footer", config.get("footer")),
        colors: [reader.colors("look.light", of_look("light")), reader.colors("look.dark", of_look("dark"))],
        radius: reader.radius(of_look("radius")),
        font: reader.one_of("look.font", of_look("font"), &FONTS.map(|(name, _)| name)),
        status_words: words,
        status_remarks: remarks,
        groups: reader.groups("groups", config.get("groups"), true),
        order: reader.titles("order", config.get("order")),
        hidden_errors: reader.titles("hide.errors", hidden("errors")),
        hidden_locators: reader.titles("hide.locators", hidden("locators")),
    }
}

/// Takes values that fit, and tells of the others.
struct AppearanceReader<'a> {
    skipped: &'a mut Vec<String>,
}

impl AppearanceReader<'_> {
    fn skip(&mut self, place: &str, why: &str) {
        self.skipped.push(format!("`{place}` {why}; it is skipped"));
    }

    fn known(&mut self, place: &str, object: Option<&Json<'_>>, keys: &[&str]) {
        let members = match object {
            None => return,
            Some(Json::Object(members)) => members,
            Some(_) => return self.skip(place, "is no object"),
        };
        for (key, _) in members.iter().filter(|(key, _)| !keys.contains(&&**key)) {
            let near = suggest(key, keys.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
            self.skip(&format!("{place}.{key}"), &format!("is not known{}", near.unwrap_or_default()));
        }
    }

    fn text(&mut self, place: &str, value: Option<&Json<'_>>) -> Option<String> {
        match value? {
            Json::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            _ => {
                self.skip(place, "is no text");
                None
            }
        }
    }

    fn list<'j>(&mut self, place: &str, value: Option<&'j Json<'_>>) -> &'j [Json<'j>] {
        match value {
            None => &[],
            Some(Json::Array(elements)) => elements,
            Some(_) => {
                self.skip(place, "is no list; put it in brackets");
                &[]
            }
        }
    }

    /// A picture of the page's own server or in the URL itself: nobody else is told who looks at the page.
    fn picture(&mut self, place: &str, value: Option<&Json<'_>>) -> Option<String> {
        let url = self.text(place, value)?;
        if url.starts_with("data:image/") || is_relative(&url) {
            return Some(url);
        }
        self.skip(place, "is neither a file beside the page, such as `logo.svg`, nor a `data:image/…` URL");
        None
    }

    fn links(&mut self, value: Option<&Json<'_>>) -> Vec<Link> {
        let mut links = Vec::new();
        for (number, link) in self.list("links", value).iter().enumerate() {
            let place = format!("links[{number}]");
            self.known(&place, Some(link), &["text", "url"]);
            let text = self.text(&format!("{place}.text"), link.get("text"));
            let url = self.text(&format!("{place}.url"), link.get("url"));
            match (text, url) {
                (Some(text), Some(url)) if is_relative(&url) || has_scheme(&url) => links.push(Link { text, url }),
                (Some(_), Some(_)) => self.skip(&place, "leads neither to a page (`https://…`) nor to a `mailto:`"),
                _ => self.skip(&place, "needs a `text` and a `url`"),
            }
        }
        links
    }

    fn colors(&mut self, place: &str, value: Option<&Json<'_>>) -> Vec<(String, String)> {
        self.known(place, value, &COLORS);
        let mut colors = Vec::new();
        for name in COLORS {
            let Some(color) = value.and_then(|value| value.get(name)) else { continue };
            match color {
                Json::String(text) if is_color(text) => colors.push((name.to_owned(), text.to_string())),
                _ => self.skip(&format!("{place}.{name}"), "is no color; write it as `#rrggbb`"),
            }
        }
        colors
    }

    fn radius(&mut self, value: Option<&Json<'_>>) -> Option<i64> {
        let radius = match value? {
            Json::Number(digits) => digits.parse().ok(),
            _ => None,
        };
        let radius = radius.filter(|radius| (0..=RADIUS_LIMIT).contains(radius));
        if radius.is_none() {
            self.skip("look.radius", "is no number of pixels from 0 to 24");
        }
        radius
    }

    /// A name from a list.
    fn one_of(&mut self, place: &str, value: Option<&Json<'_>>, names: &[&str]) -> Option<String> {
        let name = self.text(place, value)?;
        if names.contains(&name.as_str()) {
            return Some(name);
        }
        self.skip(place, &format!("is none of `{}`", names.join("`, `")));
        None
    }

    /// The words for the statuses, and what is said below the sentence.
    fn texts(&mut self, value: Option<&Json<'_>>) -> [[Option<String>; 4]; 2] {
        let names = Status::ALL.map(Status::as_str);
        self.known("texts", value, &names);
        let mut texts = [const { [const { None }; 4] }; 2];
        for (number, name) in names.iter().enumerate() {
            let Some(of_status) = value.and_then(|value| value.get(name)) else { continue };
            let place = format!("texts.{name}");
            self.known(&place, Some(of_status), &["word", "remark"]);
            for (kind, key) in ["word", "remark"].into_iter().enumerate() {
                texts[kind][number] = self.text(&format!("{place}.{key}"), of_status.get(key));
            }
        }
        texts
    }

    fn titles(&mut self, place: &str, value: Option<&Json<'_>>) -> Vec<String> {
        let titles = self.list(place, value).iter().enumerate();
        titles.filter_map(|(number, title)| self.text(&format!("{place}[{number}]"), Some(title))).collect()
    }

    fn groups(&mut self, place: &str, value: Option<&Json<'_>>, may_nest: bool) -> Vec<Group> {
        let mut groups = Vec::new();
        for (number, group) in self.list(place, value).iter().enumerate() {
            let place = format!("{place}[{number}]");
            self.known(&place, Some(group), &["title", "endpoints", "groups"]);
            let Some(title) = self.text(&format!("{place}.title"), group.get("title")) else {
                self.skip(&place, "needs a `title`");
                continue;
            };
            let endpoints = self.titles(&format!("{place}.endpoints"), group.get("endpoints"));
            let inner = format!("{place}.groups");
            let inside = match group.get("groups") {
                Some(_) if !may_nest => {
                    self.skip(&inner, "is a third level; groups nest once");
                    Vec::new()
                }
                inside => self.groups(&inner, inside, false),
            };
            groups.push(Group { title, endpoints, groups: inside });
        }
        groups
    }
}

/// Whether a URL is of the page's own server.
fn is_relative(url: &str) -> bool {
    !url.contains(':') && !url.starts_with("//") && !url.contains('\\')
}

/// Whether a link may lead there.
fn has_scheme(url: &str) -> bool {
    ["https://", "http://", "mailto:"].iter().any(|scheme| url.starts_with(scheme))
}

fn is_color(text: &str) -> bool {
    text.len() == 7
        && text.strip_prefix('#').is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

impl Appearance {
    /// Adds the keys to a `config.json` that [`read`] reads back equal.
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
        put("footer", json!(self.footer));
        let mut look = Map::new();
        for (place, colors) in ["light", "dark"].into_iter().zip(&self.colors) {
            if !colors.is_empty() {
                let colors = colors.iter().map(|(name, color)| (name.clone(), json!(color)));
                look.insert(place.to_owned(), Value::Object(colors.collect()));
            }
        }
        look.extend(self.radius.map(|radius| ("radius".to_owned(), json!(radius))));
        look.extend(self.font.as_ref().map(|font| ("font".to_owned(), json!(font))));
        put("look", Value::Object(look));
        let mut texts = Map::new();
        for (number, status) in Status::ALL.into_iter().enumerate() {
            let mut of_status = Map::new();
            of_status.extend(self.status_words[number].as_ref().map(|word| ("word".to_owned(), json!(word))));
            of_status.extend(self.status_remarks[number].as_ref().map(|remark| ("remark".to_owned(), json!(remark))));
            if !of_status.is_empty() {
                texts.insert(status.as_str().to_owned(), Value::Object(of_status));
            }
        }
        put("texts", Value::Object(texts));
        put("groups", self.groups.iter().map(Group::to_value).collect());
        put("order", json!(self.order));
        let mut hide = Map::new();
        for (key, titles) in [("errors", &self.hidden_errors), ("locators", &self.hidden_locators)] {
            if !titles.is_empty() {
                hide.insert(key.to_owned(), json!(titles));
            }
        }
        put("hide", Value::Object(hide));
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
mod tests {
    use super::*;
    use crate::json;

    fn appearance(text: &str) -> (Appearance, Vec<String>) {
        let mut skipped = Vec::new();
        let appearance = read(&json::parse(text).expect("it is JSON"), &mut skipped);
        (appearance, skipped)
    }

    const FULL: &str = r##"{
        "language": "pt", "logo": "logo.svg", "favicon": "data:image/png;base64,AAAA", "footer": "Example Ltd.",
        "links": [{ "text": "Help", "url": "https://help.example/" }, { "text": "Write", "url": "mailto:a@b.example" }],
        "look": { "light": { "ground": "#ffffff", "healthy": "#007755" }, "dark": { "ground": "#000000" },
                  "radius": 12, "font": "serif" },
        "texts": { "healthy": { "word": "operational" }, "down": { "word": "out", "remark": "Call us." } },
        "groups": [{ "title": "Shop", "endpoints": ["Cart", "Pay*"],
                     "groups": [{ "title": "Back", "endpoints": ["API"] }] }],
        "order": ["Cart"], "hide": { "errors": ["*"], "locators": ["API"] }
    }"##;

    #[test]
    fn what_fits_is_taken_and_written_back_equal() {
        let (full, skipped) = appearance(FULL);
        assert!(skipped.is_empty(), "{skipped:?}");
        assert_eq!(full.status_words[1].as_deref(), Some("operational"));
        assert_eq!((full.status_remarks[3].as_deref(), full.radius), (Some("Call us."), Some(12)));
        assert_eq!(full.groups[0].groups[0].title, "Back");
        let mut written = Map::new();
        full.write(&mut written);
        assert_eq!(appearance(&Value::Object(written).to_string()), (full, Vec::new()));
        assert_eq!(appearance(r#"{ "language": "auto" }"#), (Appearance::default(), Vec::new()));
        let mut nothing = Map::new();
        Appearance::default().write(&mut nothing);
        assert!(nothing.is_empty());
    }

    #[test]
    fn what_does_not_fit_is_named_and_skipped_and_keeps_nothing_else() {
        let (odd, skipped) = appearance(
            r##"{
            "language": "klingon", "logo": "https://elsewhere.example/logo.svg", "favicon": "//elsewhere.example/i.png", "footer": 7,
            "links": [{ "text": "x", "url": "javascript:alert(1)" }, { "text": "Help", "url": "help/" }, 3],
            "look": { "light": { "ground": "red; } body { display: none", "helthy": "#000000", "down": "#aa0000" },
                      "radius": 900, "font": "Comic Sans", "css": "*{}" },
            "texts": { "helthy": {}, "down": { "word": "" } },
            "groups": [{ "endpoints": ["A"] }, { "title": "G", "groups": [{ "title": "H", "groups": [{ "title": "I" }] }] }],
            "order": "A", "hide": ["A"]
        }"##,
        );
        for place in [
            "`language` is none of `en`, `de`",
            "`logo` is neither",
            "`favicon` is neither",
            "`footer` is no text",
            "`links[0]` leads neither",
            "`links[2]` is no object",
            "`look.light.ground` is no color",
            "`look.light.helthy` is not known; did you mean `healthy`?",
            "`look.radius` is no number",
            "`look.font` is none of",
            "`look.css` is not known",
            "`texts.helthy` is not known; did you mean `healthy`?",
            "`texts.down.word` is no text",
            "`groups[0]` needs a `title`",
            "`groups[1].groups[0].groups` is a third level",
            "`order` is no list",
            "`hide` is no object",
        ] {
            assert!(skipped.iter().any(|skipped| skipped.starts_with(place)), "{place}: {skipped:#?}");
        }
        assert_eq!(odd.links, [Link { text: "Help".to_owned(), url: "help/".to_owned() }]);
        assert_eq!(odd.colors[0], [("down".to_owned(), "#aa0000".to_owned())]);
        assert_eq!(odd.groups[0].groups[0].title, "H");
    }

    #[test]
    fn a_title_stands_for_itself_and_with_a_star_for_all_that_begin_so() {
        let titles = ["Cart".to_owned(), "Pay*".to_owned()];
        assert_eq!(position_in(&titles, "Cart"), Some(0));
        assert_eq!((position_in(&titles, "Payments"), position_in(&titles, "Cart 2")), (Some(1), None));
    }
}
