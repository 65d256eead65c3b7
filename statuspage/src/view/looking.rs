//! The ways of looking at the page, as they stand in its address, so that a link shows what its sender saw. Pure.

use shared::{DAY, HOUR, Nanos, UnixNanos, duration};

use crate::civil::{parse_utc, rfc3339};
use crate::percent::{decoded, encoded};

/// The ranges that an address may ask for.
const RANGE_LIMITS: (Nanos, Nanos) = (HOUR, 366 * DAY);

/// How somebody looks at the page; nothing is said of what is as it is by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Looking {
    /// How far back, if it is not as configured.
    pub range: Option<Nanos>,
    /// The endpoint a bar of which is open, by its title, or by its locator if it has none.
    pub endpoint: Option<String>,
    /// The bars of it that are open, each within the one before: the first moment of each.
    pub path: Vec<UnixNanos>,
    /// What is sought.
    pub filter: String,
    /// How the endpoints stand on the page.
    pub arrangement: Arrangement,
    /// Whose clock shows the times.
    pub zone: Zone,
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
pub enum Arrangement {
    /// Each with its bars and its chart.
    #[default]
    Strips,
    /// Each in a line of a table.
    Table,
}

/// Whose clock shows the times.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Zone {
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
    Not,
    /// One line: the state of things.
    Banner,
    /// The endpoints with their bars.
    Bars,
}

impl Embed {
    /// Its word in addresses, and where style sheets look.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Embed::Not => "",
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
    pub fn word(self) -> &'static str {
        match self {
            Theme::Auto => "auto",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }
}

impl Zone {
    /// Its name; empty for the device's.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Zone::Local => "",
            Zone::Named(name) => name,
        }
    }

    /// The zone of a name.
    #[must_use]
    pub fn of_name(name: &str) -> Zone {
        if name.is_empty() { Zone::Local } else { Zone::Named(name.to_owned()) }
    }
}

impl Looking {
    /// Reads the query of an address, with its question mark or without; what nobody understands is as it is by default.
    #[must_use]
    pub fn parse(query: &str) -> Looking {
        let mut looking = Looking::default();
        for pair in query.trim_start_matches('?').split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value);
            match name {
                "range" => {
                    let range = duration::parse(&value).ok();
                    looking.range = range.filter(|range| (RANGE_LIMITS.0..=RANGE_LIMITS.1).contains(range));
                }
                "endpoint" if !value.is_empty() => looking.endpoint = Some(value),
                "day" => looking.path = value.split(',').map_while(parse_utc).collect(),
                "filter" => looking.filter = value,
                "view" if value == "table" => looking.arrangement = Arrangement::Table,
                "zone" => looking.zone = Zone::of_name(&value),
                "theme" => {
                    let named = Theme::ALL.into_iter().find(|theme| theme.word() == value);
                    looking.theme = named.unwrap_or_default();
                }
                "embed" if value == "banner" => looking.embed = Embed::Banner,
                "embed" if value == "bars" => looking.embed = Embed::Bars,
                "at" => looking.at = parse_utc(&value),
                "lang" => looking.language = value,
                _ => {}
            }
        }
        looking
    }

    /// The query that [`Looking::parse`] reads back equal, with its question mark; empty if all is as it is by default.
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
        let view = if self.arrangement == Arrangement::Table { "table" } else { "" };
        let theme = if self.theme == Theme::Auto { "" } else { self.theme.word() };
        let values = [
            ("range", self.range.map(duration::exact).unwrap_or_default()),
            ("endpoint", self.endpoint.clone().unwrap_or_default()),
            ("day", day),
            ("filter", self.filter.clone()),
            ("view", view.to_owned()),
            ("zone", self.zone.name().to_owned()),
            ("theme", theme.to_owned()),
            ("embed", self.embed.word().to_owned()),
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
        assert_eq!(Looking::default().to_query(), "");
        let looking = Looking {
            range: Some(7 * DAY),
            endpoint: Some("Shop & Co".to_owned()),
            path: parse_utc("2026-08-22").into_iter().chain(parse_utc("2026-08-22T14:00")).collect(),
            filter: "down pay".to_owned(),
            arrangement: Arrangement::Table,
            zone: Zone::of_name("Europe/Berlin"),
            theme: Theme::Dark,
            embed: Embed::Bars,
            at: parse_utc("2026-08-22T14:00Z"),
            language: "de".to_owned(),
        };
        let query = "?range=7d&endpoint=Shop%20%26%20Co&day=2026-08-22T00:00Z,2026-08-22T14:00Z&filter=down%20pay\
                     &view=table&zone=Europe/Berlin&theme=dark&embed=bars&at=2026-08-22T14:00Z&lang=de";
        assert_eq!(looking.to_query(), query);
        assert_eq!(Looking::parse(query), looking);
    }

    #[test]
    fn what_nobody_understands_is_as_by_default() {
        let odd =
            "?range=forever&range=900d&day=soon&at=then&theme=pink&embed=all&view=3d&zone=&endpoint=&utm_source=x&&=&%";
        assert_eq!(Looking::parse(odd), Looking::default());
    }

    proptest! {
        #[test]
        fn an_address_is_read_back_equal(
            hours in prop::option::of(1..8_000_i64), endpoint in prop::option::of(".{1,20}"),
            minutes in prop::collection::vec(0..30_000_000_i64, 0..3), filter in ".{0,20}", at in prop::option::of(0..4_000_000_000_i64),
        ) {
            let looking = Looking {
                range: hours.map(|hours| hours * HOUR),
                endpoint,
                path: minutes.into_iter().map(|minute| minute * MINUTE).collect(),
                filter,
                at: at.map(|second| second * shared::SECOND),
                ..Looking::default()
            };
            prop_assert_eq!(Looking::parse(&looking.to_query()), looking);
        }

        #[test]
        fn no_query_makes_reading_panic(query in ".{0,60}") {
            let _ = Looking::parse(&query);
        }
    }
}
