//! The ways of looking at the page, as they stand in its address, so that a link shows what its sender saw. Pure.

use shared::{DAY, HOUR, Nanos, UnixNanos, duration};

use crate::civil::{parse_utc, rfc3339};
use crate::percent::{decoded, encoded};

/// The ranges that an address may ask for.
const RANGE_LIMITS: (Nanos, Nanos) = (HOUR, 366 * DAY);

/// How somebody looks at the page; nothing is said of what is as it is by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UrlState {
    /// How far back, if it is not as configured.
    pub range: Option<Nanos>,
    /// The endpoint a bar of which is open, by its title, or by its locator if it has none.
    pub endpoint: Option<String>,
    /// The bars of it that are open, each within the one before: the first moment of each.
    pub path: Vec<UnixNanos>,
    /// What is sought.
    pub filter: String,
    /// How the endpoints stand on the page.
    pub layout: Layout,
    /// Whose clock shows the times.
    pub zone: TimeZone,
    /// Light or dark.
    pub theme: Theme,
    /// How much of it is shown, in a frame of another page.
    pub embed: Embed,
    /// The moment that is looked back at; `None` is now.
    pub at: Option<UnixNanos>,
    /// The language that was asked for; empty if none was.
    pub language: String,
}

/// How the endpoints stand on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// Each with its bars and its chart.
    #[default]
    Cards,
    /// Each in a line of a table.
    Table,
}

/// Whose clock shows the times.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TimeZone {
    /// The device's.
    #[default]
    Local,
    /// The clock of this zone: `UTC`, `Europe/Berlin`.
    Named(String),
}

/// How much of the page is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Embed {
    /// All of it.
    #[default]
    Off,
    /// One line: the state of things.
    Banner,
    /// The endpoints with their bars.
    Bars,
}

impl Embed {
    /// Its word in addresses, and where style sheets look.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Embed::Off => "",
            Embed::Banner => "banner",
            Embed::Bars => "bars",
        }
    }
}

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// As the device is.
    #[default]
    Auto,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// All there are.
    pub const ALL: [Theme; 3] = [Theme::Auto, Theme::Light, Theme::Dark];

    /// Its word in addresses and on the page.
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
    /// Its name; empty for the device's.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            TimeZone::Local => "",
            TimeZone::Named(name) => name,
        }
    }

    /// The zone of a name.
    #[must_use]
    pub fn from_name(name: &str) -> TimeZone {
        if name.is_empty() { TimeZone::Local } else { TimeZone::Named(name.to_owned()) }
    }
}

impl UrlState {
    /// Reads the query of an address, with its question mark or without; what nobody understands is as it is by default.
    #[must_use]
    pub fn parse(query: &str) -> UrlState {
        let mut url_state = UrlState::default();
        for pair in query.trim_start_matches('?').split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value);
            match name {
                "range" => {
                    let range = duration::parse(&value).ok();
                    url_state.range = range.filter(|range| (RANGE_LIMITS.0..=RANGE_LIMITS.1).contains(range));
                }
                "endpoint" if !value.is_empty() => url_state.endpoint = Some(value),
                "day" => url_state.path = value.split(',').map_while(parse_utc).collect(),
                "filter" => url_state.filter = value,
                "view" if value == "table" => url_state.layout = Layout::Table,
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

    /// The query that [`UrlState::parse`] reads back equal, with its question mark; empty if all is as it is by default.
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
        let view = if self.layout == Layout::Table { "table" } else { "" };
        let theme = if self.theme == Theme::Auto { "" } else { self.theme.as_str() };
        let values = [
            ("range", self.range.map(duration::format_exact).unwrap_or_default()),
            ("endpoint", self.endpoint.clone().unwrap_or_default()),
            ("day", day),
            ("filter", self.filter.clone()),
            ("view", view.to_owned()),
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
            query.push_str(&encoded(value, ":,/"));
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
    fn an_address_says_what_is_not_as_by_default() {
        assert_eq!(UrlState::default().to_query(), "");
        let url_state = UrlState {
            range: Some(7 * DAY),
            endpoint: Some("Shop & Co".to_owned()),
            path: parse_utc("2026-08-22").into_iter().chain(parse_utc("2026-08-22T14:00")).collect(),
            filter: "down pay".to_owned(),
            layout: Layout::Table,
            zone: TimeZone::from_name("Europe/Berlin"),
            theme: Theme::Dark,
            embed: Embed::Bars,
            at: parse_utc("2026-08-22T14:00Z"),
            language: "de".to_owned(),
        };
        let query = "?range=7d&endpoint=Shop%20%26%20Co&day=2026-08-22T00:00Z,2026-08-22T14:00Z&filter=down%20pay\
                     &view=table&zone=Europe/Berlin&theme=dark&embed=bars&at=2026-08-22T14:00Z&lang=de";
        assert_eq!(url_state.to_query(), query);
        assert_eq!(UrlState::parse(query), url_state);
    }

    #[test]
    fn what_nobody_understands_is_as_by_default() {
        let odd =
            "?range=forever&range=900d&day=soon&at=then&theme=pink&embed=all&view=3d&zone=&endpoint=&utm_source=x&&=&%";
        assert_eq!(UrlState::parse(odd), UrlState::default());
    }

    proptest! {
        #[test]
        fn an_address_is_read_back_equal(
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
        fn no_query_makes_reading_panic(query in ".{0,60}") {
            let _ = UrlState::parse(&query);
        }
    }
}
