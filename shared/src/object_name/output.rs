//! Formats and parses the names of outputs for other programs: feeds, the calendar, documents of the Statuspage API and
//! badges with uptime and response time.

use std::fmt;

use super::NodeName;
use super::summary::BadgeTitle;

/// The folder for outputs, next to the check files. It contains a folder for each node, and sorts before all check
/// files.
pub const OUTPUT_FOLDER: &str = "0-feed/";

const ENDPOINT_FOLDER: &str = "endpoint/";
const API_FOLDER: &str = "api/v2/";
const BADGE_FOLDER: &str = "badge/";
const ATOM_SUFFIX: &str = ".atom";
const JSON_SUFFIX: &str = ".json";
const UPTIME_SUFFIX: &str = ".uptime.svg";
const RESPONSE_TIME_SUFFIX: &str = ".response-time.svg";

/// The name of an output, without the store's prefix: `0-feed/<node>/<path>`. Servers and exported folders use the same
/// path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutputName {
    /// The node that stores the object.
    pub node: NodeName,
    /// The form of the output, which determines its path.
    pub form: OutputForm,
}

/// The forms of outputs. [`fmt::Display`] formats the path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutputForm {
    /// An [`crate::outputs::OutputIndex`], for the node that writes the outputs.
    Index,
    /// The Atom feed of all endpoints.
    Atom,
    /// The RSS feed of all endpoints.
    Rss,
    /// The JSON Feed of all endpoints.
    JsonFeed,
    /// The Atom feed of one endpoint.
    EndpointAtom(BadgeTitle),
    /// The calendar of maintenance windows.
    Calendar,
    /// A document of the Statuspage API.
    Statuspage(StatuspageDocument),
    /// The status of an endpoint for shields.io.
    Shields(BadgeTitle),
    /// An image with the uptime of an endpoint.
    UptimeBadge(BadgeTitle),
    /// An image with the median response time of an endpoint.
    ResponseTimeBadge(BadgeTitle),
}

/// The documents of the Statuspage API, version 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatuspageDocument {
    /// Everything that is current: the status, components, open incidents and maintenance.
    Summary,
    /// The overall status, as an indicator and a description.
    Status,
    /// The status of each endpoint.
    Components,
    /// The most recent incidents, whether resolved or not.
    Incidents,
    /// The incidents that are not resolved.
    UnresolvedIncidents,
    /// Recent and planned maintenance windows.
    Maintenances,
    /// The maintenance windows that have not begun.
    UpcomingMaintenances,
    /// The maintenance windows in progress.
    ActiveMaintenances,
}

impl StatuspageDocument {
    /// All documents, the one with the most content first.
    pub const ALL: [StatuspageDocument; 8] = [
        StatuspageDocument::Summary,
        StatuspageDocument::Status,
        StatuspageDocument::Components,
        StatuspageDocument::Incidents,
        StatuspageDocument::UnresolvedIncidents,
        StatuspageDocument::Maintenances,
        StatuspageDocument::UpcomingMaintenances,
        StatuspageDocument::ActiveMaintenances,
    ];

    /// Returns the document's path in the API, without its suffix.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            StatuspageDocument::Summary => "summary",
            StatuspageDocument::Status => "status",
            StatuspageDocument::Components => "components",
            StatuspageDocument::Incidents => "incidents",
            StatuspageDocument::UnresolvedIncidents => "incidents/unresolved",
            StatuspageDocument::Maintenances => "scheduled-maintenances",
            StatuspageDocument::UpcomingMaintenances => "scheduled-maintenances/upcoming",
            StatuspageDocument::ActiveMaintenances => "scheduled-maintenances/active",
        }
    }
}

impl OutputName {
    /// Parses a name without the prefix. Returns `None` if it is not the name of an output.
    #[must_use]
    pub fn parse(name: &str) -> Option<OutputName> {
        let (node, path) = name.strip_prefix(OUTPUT_FOLDER)?.split_once('/')?;
        Some(OutputName { node: NodeName::new(node).ok()?, form: OutputForm::parse(path)? })
    }
}

impl OutputForm {
    /// Parses a path such as `feed.atom` or `api/v2/summary.json`. Returns `None` if it is not the path of an output.
    #[must_use]
    pub fn parse(path: &str) -> Option<OutputForm> {
        match path {
            "index.json" => return Some(OutputForm::Index),
            "feed.atom" => return Some(OutputForm::Atom),
            "feed.rss" => return Some(OutputForm::Rss),
            "feed.json" => return Some(OutputForm::JsonFeed),
            "maintenance.ics" => return Some(OutputForm::Calendar),
            _ => {}
        }
        if let Some(document) = path.strip_prefix(API_FOLDER) {
            let document = document.strip_suffix(JSON_SUFFIX)?;
            let known = StatuspageDocument::ALL.into_iter().find(|known| known.as_str() == document);
            return known.map(OutputForm::Statuspage);
        }
        if let Some(title) = path.strip_prefix(ENDPOINT_FOLDER) {
            return title_of(title, ATOM_SUFFIX).map(OutputForm::EndpointAtom);
        }
        let title = path.strip_prefix(BADGE_FOLDER)?;
        let shields = || title_of(title, JSON_SUFFIX).map(OutputForm::Shields);
        let uptime = || title_of(title, UPTIME_SUFFIX).map(OutputForm::UptimeBadge);
        let response_time = || title_of(title, RESPONSE_TIME_SUFFIX).map(OutputForm::ResponseTimeBadge);
        shields().or_else(uptime).or_else(response_time)
    }

    /// Returns the object's `Content-Type` for uploads and for servers.
    #[must_use]
    pub fn media_type(&self) -> &'static str {
        match self {
            OutputForm::Index | OutputForm::Statuspage(_) | OutputForm::Shields(_) => "application/json",
            OutputForm::Atom | OutputForm::EndpointAtom(_) => "application/atom+xml",
            OutputForm::Rss => "application/rss+xml",
            OutputForm::JsonFeed => "application/feed+json",
            OutputForm::Calendar => "text/calendar; charset=utf-8",
            OutputForm::UptimeBadge(_) | OutputForm::ResponseTimeBadge(_) => "image/svg+xml",
        }
    }
}

/// Parses an encoded title that is followed by a suffix. Encoded titles do not contain dots.
fn title_of(name: &str, suffix: &str) -> Option<BadgeTitle> {
    BadgeTitle::parse(name.strip_suffix(suffix)?).filter(|title| !title.as_str().is_empty())
}

impl fmt::Display for OutputForm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OutputForm::Index => formatter.write_str("index.json"),
            OutputForm::Atom => formatter.write_str("feed.atom"),
            OutputForm::Rss => formatter.write_str("feed.rss"),
            OutputForm::JsonFeed => formatter.write_str("feed.json"),
            OutputForm::EndpointAtom(title) => write!(formatter, "{ENDPOINT_FOLDER}{}{ATOM_SUFFIX}", title.as_str()),
            OutputForm::Calendar => formatter.write_str("maintenance.ics"),
            OutputForm::Statuspage(document) => write!(formatter, "{API_FOLDER}{}{JSON_SUFFIX}", document.as_str()),
            OutputForm::Shields(title) => write!(formatter, "{BADGE_FOLDER}{}{JSON_SUFFIX}", title.as_str()),
            OutputForm::UptimeBadge(title) => write!(formatter, "{BADGE_FOLDER}{}{UPTIME_SUFFIX}", title.as_str()),
            OutputForm::ResponseTimeBadge(title) => {
                write!(formatter, "{BADGE_FOLDER}{}{RESPONSE_TIME_SUFFIX}", title.as_str())
            }
        }
    }
}

impl fmt::Display for OutputName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{OUTPUT_FOLDER}{}/{}", self.node, self.form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_output_has_one_name() {
        let title = || BadgeTitle::new("B\u{fc}ro 1.0");
        let mut forms = vec![
            OutputForm::Index,
            OutputForm::Atom,
            OutputForm::Rss,
            OutputForm::JsonFeed,
            OutputForm::Calendar,
            OutputForm::EndpointAtom(title()),
            OutputForm::Shields(title()),
            OutputForm::UptimeBadge(title()),
            OutputForm::ResponseTimeBadge(title()),
        ];
        forms.extend(StatuspageDocument::ALL.map(OutputForm::Statuspage));
        let mut names = Vec::new();
        for form in forms {
            let name = OutputName { node: NodeName::new("eu-west").expect("a name"), form };
            assert_eq!(OutputName::parse(&name.to_string()), Some(name.clone()), "{name}");
            assert!(
                format!("status/{name}") < super::super::start_after("status/", 1_000_000_000_000_000_000),
                "{name}"
            );
            names.push(name.to_string());
        }
        assert!(names.contains(&"0-feed/eu-west/endpoint/B_c3_bcro__1_2e0.atom".to_owned()), "{names:?}");
        assert!(names.contains(&"0-feed/eu-west/api/v2/scheduled-maintenances/active.json".to_owned()), "{names:?}");
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 17);
    }

    #[test]
    fn other_names_are_not_outputs() {
        for name in [
            "0-feed/feed.atom",
            "0-feed/EU/feed.atom",
            "0-feed/eu/feed.xml",
            "0-feed/eu/endpoint/.atom",
            "0-feed/eu/endpoint/a.b.atom",
            "0-feed/eu/endpoint/../feed.atom",
            "0-feed/eu/api/v2/incidents/unresolved",
            "0-feed/eu/api/v2/postmortems.json",
            "0-feed/eu/badge/Shop.svg",
            "0-badge/eu/Shop.uptime.svg",
        ] {
            assert_eq!(OutputName::parse(name), None, "{name}");
        }
    }
}
