//! The part of the page's state that is in its URL, so that a link shows what its sender saw. This module is pure.

use shared::object_name::PostKind;
use shared::{DAY, HOUR, Nanos, UnixNanos, duration};

use crate::civil::{parse_utc, rfc3339};
use crate::percent::{decode, encode};

/// The shortest and longest range that a URL can contain.
const RANGE_LIMITS: (Nanos, Nanos) = (HOUR, 366 * DAY);

/// The state of the page in its URL. Default values are omitted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UrlState {
    /// The time range, or `None` for the configured one.
    pub range: Option<Nanos>,
    /// The address of the endpoint with an open bar, which is its title, or its locator if the title is empty.
    pub endpoint: Option<String>,
    /// The start of each open bar, outermost first.
    pub path: Vec<UnixNanos>,
    /// The text in the search field.
    pub filter: String,
    pub layout: Layout,
    /// Whether the charts of response times are open, or `None` for the configured default.
    pub charts: Option<bool>,
    /// Whether percentiles of response times are shown.
    pub percentiles: bool,
    pub overlay: ChartOverlay,
    pub shown: Shown,
    pub zone: TimeZone,
    pub theme: Theme,
    pub embed: Embed,
    /// The point in time whose status the page shows, or `None` for now.
    pub at: Option<UnixNanos>,
    /// The language tag, or an empty string for the configured or preferred language.
    pub language: String,
}

/// What the page shows below the overall status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Shown {
    #[default]
    Endpoints,
    /// Past incidents and maintenance by month.
    History,
    /// An incident or maintenance, by the id of its first post.
    Announcement(PostKind, String),
}

/// The layout of the endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// Sections with bars and charts.
    #[default]
    Cards,
    /// Rows of a table, without bars and charts.
    Table,
}

/// The overlays that charts can show in addition to response times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChartOverlay {
    #[default]
    Off,
    /// An area for each phase of a request.
    Phases,
    /// A line for each node.
    Locations,
}

impl ChartOverlay {
    const ALL: [ChartOverlay; 3] = [ChartOverlay::Off, ChartOverlay::Phases, ChartOverlay::Locations];

    /// Returns the value in URLs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ChartOverlay::Off => "",
            ChartOverlay::Phases => "phases",
            ChartOverlay::Locations => "locations",
        }
    }
}

/// The time zone of all times on the page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TimeZone {
    #[default]
    Local,
    /// A zone such as `UTC` or `Europe/Berlin`.
    Named(String),
}

/// How much of the page is shown when another page embeds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Embed {
    #[default]
    Off,
    /// Only the overall status, on one line.
    Banner,
    /// Only the endpoints with their bars.
    Bars,
}

impl Embed {
    /// Returns the value in URLs and style sheets.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Embed::Off => "",
            Embed::Banner => "banner",
            Embed::Bars => "bars",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    #[default]
    Auto,
    Light,
    Dark,
}

impl Theme {
    pub const ALL: [Theme; 3] = [Theme::Auto, Theme::Light, Theme::Dark];

    /// Returns the value in URLs and style sheets.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Theme::Auto => "auto",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }
}

impl TimeZone {
    /// Returns the zone's name, or an empty string for the device's zone.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            TimeZone::Local => "",
            TimeZone::Named(name) => name,
        }
    }

    /// Returns the zone with this name, or the device's zone if the name is empty.
    #[must_use]
    pub fn from_name(name: &str) -> TimeZone {
        if name.is_empty() { TimeZone::Local } else { TimeZone::Named(name.to_owned()) }
    }
}

impl UrlState {
    /// Parses the query of a URL, with or without the question mark. Invalid values are ignored.
    #[must_use]
    pub fn parse(query: &str) -> UrlState {
        let mut url_state = UrlState::default();
        for pair in query.trim_start_matches('?').split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decode(value);
            match name {
                "range" => {
                    let range = if value == "1y" { Some(365 * DAY) } else { duration::parse(&value).ok() };
                    url_state.range = range.filter(|range| (RANGE_LIMITS.0..=RANGE_LIMITS.1).contains(range));
                }
                "endpoint" if !value.is_empty() => url_state.endpoint = Some(value),
                "day" => url_state.path = value.split(',').map_while(parse_utc).collect(),
                "filter" => url_state.filter = value,
                "charts" if value == "open" || value == "folded" => url_state.charts = Some(value == "open"),
                "percentiles" => url_state.percentiles = value == "shown",
                "overlay" => {
                    let named = ChartOverlay::ALL.into_iter().find(|overlay| overlay.as_str() == value);
                    url_state.overlay = named.unwrap_or_default();
                }
                "view" if value == "table" => url_state.layout = Layout::Table,
                "view" if value == "history" => url_state.shown = Shown::History,
                "incident" | "maintenance" if !value.is_empty() => {
                    let kind = if name == "incident" { PostKind::Incident } else { PostKind::Maintenance };
                    url_state.shown = Shown::Announcement(kind, value);
                }
                "zone" => url_state.zone = TimeZone::from_name(&value),
                "theme" => {
                    let named = Theme::ALL.into_iter().find(|theme| theme.as_str() == value);
                    url_state.theme = named.unwrap_or_default();
                }
                "embed" if value == "banner" => url_state.embed = Embed::Banner,
                "embed" if value == "bars" => url_state.embed = Embed::Bars,
                "at" => url_state.at = parse_utc(&value),
                "lang" => url_state.language = value,
                _ => {}
            }
        }
        url_state
    }

    /// Formats the query for [`UrlState::parse`], with the question mark. Returns an empty string if all values are
    /// defaults.
    #[must_use]
    pub fn to_query(&self) -> String {
        let moment = |moment: &UnixNanos| {
            let mut text = rfc3339(*moment);
            if text.ends_with(":00Z") {
                text.truncate(text.len() - 4);
                text.push('Z');
            }
            text
        };
        let day = self.path.iter().map(moment).collect::<Vec<_>>().join(",");
        let view = match (&self.shown, self.layout) {
            (Shown::History, _) => "history",
            (_, Layout::Table) => "table",
            (_, Layout::Cards) => "",
        };
        let (kind, id) = match &self.shown {
            Shown::Announcement(kind, id) => (kind.as_str(), id.as_str()),
            Shown::Endpoints | Shown::History => ("", ""),
        };
        let theme = if self.theme == Theme::Auto { "" } else { self.theme.as_str() };
        let values = [
            ("range", self.range.map(duration::format_exact).unwrap_or_default()),
            ("endpoint", self.endpoint.clone().unwrap_or_default()),
            ("day", day),
            ("filter", self.filter.clone()),
            ("view", view.to_owned()),
            ("charts", self.charts.map(|open| if open { "open" } else { "folded" }.to_owned()).unwrap_or_default()),
            ("percentiles", if self.percentiles { "shown".to_owned() } else { String::new() }),
            ("overlay", self.overlay.as_str().to_owned()),
            (kind, id.to_owned()),
            ("zone", self.zone.name().to_owned()),
            ("theme", theme.to_owned()),
            ("embed", self.embed.as_str().to_owned()),
            ("at", self.at.as_ref().map(moment).unwrap_or_default()),
            ("lang", self.language.clone()),
        ];
        let mut query = String::new();
        for (name, value) in values.iter().filter(|(_, value)| !value.is_empty()) {
            query.push(if query.is_empty() { '?' } else { '&' });
            query.push_str(name);
            query.push('=');
            query.push_str(&encode(value, ":,/"));
        }
        query
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shared::MINUTE;

    #[test]
    fn default_values_are_omitted() {
        assert_eq!(UrlState::default().to_query(), "");
        let url_state = UrlState {
            range: Some(7 * DAY),
            endpoint: Some("Shop & Co".to_owned()),
            path: parse_utc("2026-08-22").into_iter().chain(parse_utc("2026-08-22T14:00")).collect(),
            filter: "down pay".to_owned(),
            layout: Layout::Table,
            charts: Some(true),
            percentiles: true,
            overlay: ChartOverlay::Phases,
            shown: Shown::Endpoints,
            zone: TimeZone::from_name("Europe/Berlin"),
            theme: Theme::Dark,
            embed: Embed::Bars,
            at: parse_utc("2026-08-22T14:00Z"),
            language: "de".to_owned(),
        };
        let query = "?range=7d&endpoint=Shop%20%26%20Co&day=2026-08-22T00:00Z,2026-08-22T14:00Z&filter=down%20pay\
                     &view=table&charts=open&percentiles=shown&overlay=phases&zone=Europe/Berlin&theme=dark&embed=bars\
                     &at=2026-08-22T14:00Z&lang=de";
        assert_eq!(url_state.to_query(), query);
        assert_eq!(UrlState::parse(query), url_state);
    }

    #[test]
    fn links_to_announcements_keep_zone_and_theme() {
        let table = UrlState { layout: Layout::Table, theme: Theme::Dark, ..UrlState::default() };
        let query = |shown| UrlState { shown, ..table.clone() }.to_query();
        let announcement = |kind| Shown::Announcement(kind, "17-anna".to_owned());
        assert_eq!(query(announcement(PostKind::Incident)), "?view=table&incident=17-anna&theme=dark");
        assert_eq!(query(announcement(PostKind::Maintenance)), "?view=table&maintenance=17-anna&theme=dark");
        assert_eq!(query(Shown::History), "?view=history&theme=dark");
        for query in ["?maintenance=17-eu", "?incident=17-anna", "?view=history"] {
            let url_state = UrlState::parse(query);
            assert!(url_state.shown != Shown::Endpoints && url_state.to_query() == query, "{query}");
        }
        assert_eq!(UrlState::parse("?incident=&maintenance="), UrlState::default());
    }

    #[test]
    fn a_year_can_be_selected() {
        assert_eq!(UrlState::parse("?range=1y").range, Some(365 * DAY));
    }

    #[test]
    fn invalid_values_are_ignored() {
        let invalid = "?range=forever&range=900d&day=soon&at=then&theme=pink&embed=all&view=3d&charts=x&overlay=y\
                       &percentiles=z&zone=&endpoint=&utm_source=x&&=&%";
        assert_eq!(UrlState::parse(invalid), UrlState::default());
    }

    proptest! {
        #[test]
        fn parsing_reverses_formatting(
            hours in prop::option::of(1..8_000_i64), endpoint in prop::option::of(".{1,20}"),
            minutes in prop::collection::vec(0..30_000_000_i64, 0..3), filter in ".{0,20}", at in prop::option::of(0..4_000_000_000_i64),
        ) {
            let url_state = UrlState {
                range: hours.map(|hours| hours * HOUR),
                endpoint,
                path: minutes.into_iter().map(|minute| minute * MINUTE).collect(),
                filter,
                at: at.map(|second| second * shared::SECOND),
                ..UrlState::default()
            };
            prop_assert_eq!(UrlState::parse(&url_state.to_query()), url_state);
        }

        #[test]
        fn parsing_never_panics(query in ".{0,60}") {
            let _ = UrlState::parse(&query);
        }
    }
}
