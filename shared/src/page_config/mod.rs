//! The page's `config.json`, which the checker or a person writes and the page reads.
//!
//! Errors list all problems at once, each with a remedy. Anyone who can open the page can read this file, so it
//! contains no secrets: the only keys allowed are public, read-only ones.

pub mod appearance;
mod descriptions;
mod fields;
mod groups;
mod links;
mod outputs;
mod source;

use serde_json::{Value, json};

use self::appearance::Appearance;
use self::fields::Fields;
pub use self::outputs::with_outputs;
pub use self::source::{AddressStyle, PublicKeys, S3Source, Source};
use crate::json::{self, Json};
use crate::object_name::NodeName;
use crate::post::Authors;
use crate::uptime::FALLBACK_INTERVAL;
use crate::{DAY, HOUR, MINUTE, Nanos, SECOND, duration};

/// The configuration of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageConfig {
    /// The title of the page.
    pub title: String,
    /// How the page reads the store.
    pub source: Source,
    /// The length of the period that the page shows, in nanoseconds.
    pub range: Nanos,
    /// The interval at which the page reads the store, in nanoseconds.
    pub refresh: Nanos,
    /// How long a result is valid if it has no interval and none can be derived from neighboring results, in
    /// nanoseconds.
    pub interval: Nanos,
    /// Whether browsers cache the page and its latest data for offline use.
    pub offline: bool,
    /// The authors whose incidents, maintenance and messages are shown, or `None` for all authors.
    pub authors: Option<Vec<NodeName>>,
    /// The authors who may change what others posted.
    pub editors: Vec<NodeName>,
    /// The URL of the folder with the feeds and the calendar, with a trailing slash, or `None` if visitors cannot read
    /// them. It is absolute or relative to the page.
    pub outputs: Option<String>,
    /// The checker's configuration file, if it still contains only the check with which operators start. The page then
    /// explains how to add services to it. Only `checker serve` sets this, for pages that other machines cannot open.
    pub starter_file: Option<String>,
    /// Logo, theme, labels, groups and more.
    pub appearance: Appearance,
    /// Problems that do not prevent the page from being shown.
    pub skipped: Vec<String>,
}

/// An error that contains the problems of a `config.json`, at least one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid page configuration: {}", .0.join("; "))]
pub struct InvalidPageConfig(pub Vec<String>);

const DEFAULT_TITLE: &str = "Status";
/// The default range. A day suits any schedule, and the original Checkup shows a day, too.
const DEFAULT_RANGE: Nanos = DAY;
/// The limits of the range. A bar covers at least an hour, and more than 366 days would take minutes to load.
const RANGE_LIMITS: (Nanos, Nanos) = (HOUR, 366 * DAY);
/// The default refresh interval. Most checks run once a minute.
const DEFAULT_REFRESH: Nanos = MINUTE;
/// The limits of the refresh interval. More than one request every 5 s would strain the store.
const REFRESH_LIMITS: (Nanos, Nanos) = (5 * SECOND, DAY);
const INTERVAL_LIMITS: (Nanos, Nanos) = (SECOND, 31 * DAY);

/// The keys of `config.json` that do not define the appearance.
pub const KEYS: [&str; 11] = [
    "$schema",
    "title",
    "source",
    "range",
    "refresh",
    "interval",
    "offline",
    "authors",
    "editors",
    "outputs",
    "starter_file",
];

impl PageConfig {
    /// Creates a configuration with defaults for everything except the source.
    #[must_use]
    pub fn new(source: Source) -> PageConfig {
        PageConfig {
            title: DEFAULT_TITLE.to_owned(),
            source,
            range: DEFAULT_RANGE,
            refresh: DEFAULT_REFRESH,
            interval: FALLBACK_INTERVAL,
            offline: true,
            authors: None,
            editors: Vec::new(),
            outputs: None,
            starter_file: None,
            appearance: Appearance::default(),
            skipped: Vec::new(),
        }
    }

    /// Parses a `config.json`. The error lists all problems, including those that would otherwise only be reported as
    /// skipped.
    pub fn parse(text: &str) -> Result<PageConfig, InvalidPageConfig> {
        let object = json::parse(text.trim_start_matches('\u{feff}'))
            .map_err(|error| InvalidPageConfig(vec![format!("invalid JSON: {error}")]))?;
        let (mut problems, mut skipped) = (Vec::new(), Vec::new());
        let Json::Object(members) = &object else {
            return Err(InvalidPageConfig(vec![
                "expected a JSON object: write `{ \"title\": …, \"source\": … }`".to_owned(),
            ]));
        };
        let keys = [KEYS.as_slice(), &appearance::KEYS].concat();
        // Unknown keys are only reported, because the page can be shown despite them.
        Fields { object: &object, members, path: "", problems: &mut skipped }.refuse_unknown(&keys);
        let mut fields = Fields { object: &object, members, path: "", problems: &mut problems };
        let range = fields.duration("range", DEFAULT_RANGE, RANGE_LIMITS);
        let refresh = fields.duration("refresh", DEFAULT_REFRESH, REFRESH_LIMITS);
        let interval = fields.duration("interval", FALLBACK_INTERVAL, INTERVAL_LIMITS);
        let offline = fields.flag("offline", true);
        let source = source::read(object.get("source"), &mut problems);
        match source {
            Some(source) if problems.is_empty() => {
                let title = match object.get("title") {
                    Some(Json::String(title)) => title,
                    Some(_) => {
                        skipped.push("`title` must be a string; the default is used".to_owned());
                        DEFAULT_TITLE
                    }
                    None => DEFAULT_TITLE,
                };
                let title = title.to_owned();
                let mut fields = Fields { object: &object, members, path: "", problems: &mut skipped };
                let (authors, editors) = (fields.names("authors"), fields.names("editors").unwrap_or_default());
                let outputs = outputs::read(object.get("outputs"), &mut skipped);
                let starter_file = match object.get("starter_file") {
                    Some(Json::String(file)) => Some(file.to_string()),
                    _ => None,
                };
                let appearance = appearance::read(&object, &mut skipped);
                Ok(PageConfig {
                    title,
                    source,
                    range,
                    refresh,
                    interval,
                    offline,
                    authors,
                    editors,
                    outputs,
                    starter_file,
                    appearance,
                    skipped,
                })
            }
            _ => Err(InvalidPageConfig([skipped, problems].concat())),
        }
    }

    /// Returns the authors whose posts the page shows, and those who can change what others posted.
    #[must_use]
    pub fn post_authors(&self) -> Authors {
        Authors { shown: self.authors.clone(), editors: self.editors.clone() }
    }

    /// Returns the configuration as indented JSON. [`PageConfig::parse`] returns an equal configuration.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut value = json!({
            "title": self.title,
            "source": self.source.to_value(),
            "range": duration::format_exact(self.range),
            "refresh": duration::format_exact(self.refresh),
            "interval": duration::format_exact(self.interval),
        });
        if let Value::Object(members) = &mut value {
            if !self.offline {
                members.insert("offline".to_owned(), json!(false));
            }
            let names = |names: &[NodeName]| names.iter().map(NodeName::as_str).collect::<Value>();
            if let Some(authors) = &self.authors {
                members.insert("authors".to_owned(), names(authors));
            }
            if !self.editors.is_empty() {
                members.insert("editors".to_owned(), names(&self.editors));
            }
            if let Some(url) = &self.outputs {
                members.insert("outputs".to_owned(), json!({ "url": url }));
            }
            if let Some(file) = &self.starter_file {
                members.insert("starter_file".to_owned(), json!(file));
            }
            self.appearance.write(members);
        }
        format!("{value:#}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn problems(text: &str) -> Vec<String> {
        PageConfig::parse(text).expect_err(text).0
    }

    #[test]
    fn a_source_is_enough() {
        let config = PageConfig::parse(r#"{"source":{"type":"http","url":"store"}}"#).expect("it is enough");
        assert_eq!(config, PageConfig::new(Source::Http { url: "store/".to_owned() }));
    }

    #[test]
    fn all_problems_are_reported_with_remedies() {
        let all = problems(
            r#"{"titel":"x","range":"1 day","refresh":"1s","source":{"type":"s3","bukket":"b","path_style":"yes","prefix":"status","public_access_key_id":"A"}}"#,
        );
        let all = all.join("\n");
        for expected in [
            "`titel` is unknown; did you mean `title`?",
            "`range` is invalid: invalid duration `1 day`",
            "`refresh` must be between `5s` and `1d`",
            "`source.bukket` is unknown; did you mean `bucket`?",
            "`source.bucket` is missing",
            "`source.path_style` must be `true` or `false`",
            "`source.prefix` is invalid: invalid prefix `status`: end it with a slash: `status/`",
            "`source.public_access_key` is required when `public_access_key_id` is set",
        ] {
            assert!(all.contains(expected), "{expected} is not in:\n{all}");
        }
    }

    #[test]
    fn invalid_titles_and_unknown_keys_are_skipped() {
        let text = r#"{"title":5,"foter":"x","source":{"type":"http","url":"store/"}}"#;
        let config = PageConfig::parse(text).expect("the source is valid");
        assert_eq!(config.title, "Status");
        let skipped = ["`foter` is unknown; did you mean `footer`?", "`title` must be a string; the default is used"];
        assert_eq!(config.skipped, skipped);
    }

    #[test]
    fn invalid_names_of_authors_do_not_admit_anyone() {
        let config = |keys: &str| {
            let text = format!(r#"{{"source":{{"type":"http","url":"store/"}}{keys}}}"#);
            PageConfig::parse(&text).expect("the source is valid")
        };
        let anna = || NodeName::new("anna").expect("a name");
        assert_eq!((config("").authors, config("").editors), (None, Vec::new()));
        let both = config(r#","authors":["anna","B C"],"editors":["anna"]"#);
        assert_eq!((both.authors.clone(), both.editors.clone()), (Some(vec![anna()]), vec![anna()]));
        assert_eq!(both.skipped.len(), 1);
        assert!(both.skipped[0].starts_with("`authors[1]` is not the name of an author"), "{:?}", both.skipped);
        let again = PageConfig::parse(&both.to_json());
        assert_eq!(again, Ok(PageConfig { skipped: Vec::new(), ..both }));
        let odd = config(r#","authors":"anna","editors":7"#);
        assert_eq!((odd.authors.as_deref(), odd.editors.len(), odd.skipped.len()), (Some(&[][..]), 0, 2));
    }

    #[test]
    fn invalid_files_are_rejected_with_a_position() {
        assert!(problems("{\n \"title\": \"x\",,}")[0].contains("line 2 column"));
        assert!(problems("[]")[0].contains("expected a JSON object"));
        assert!(problems("<!doctype html>")[0].contains("invalid JSON"));
        assert!(problems("{}")[0].contains("`source` is missing"));
        assert!(problems(r#"{"source":{"type":"ftp"}}"#)[0].contains("`s3` or `http`"));
        assert!(problems(r#"{"source":{"type":"http","url":"javascript:x"}}"#)[0].contains("source.url"));
    }

    fn any_config() -> impl Strategy<Value = PageConfig> {
        let keys = prop::option::of(
            ("[A-Z0-9]{4,20}", "[a-zA-Z0-9/+]{4,40}")
                .prop_map(|(access_key_id, secret_access_key)| PublicKeys { access_key_id, secret_access_key }),
        );
        let style = prop::sample::select(vec![AddressStyle::Path, AddressStyle::VirtualHost]);
        let s3 = (
            "[a-z0-9-]{3,20}",
            "[a-z0-9-]{1,12}",
            prop::option::of("https?://[a-z.]{1,20}(:[0-9]{1,4})?"),
            style,
            "([a-z0-9]{1,5}/){0,2}",
            keys,
        )
            .prop_filter("a host has letters", |(_, _, url, ..)| url.as_ref().is_none_or(|url| !url.contains("//.")))
            .prop_map(|(bucket, region, endpoint_url, address_style, prefix, public_keys)| {
                Source::S3(S3Source { bucket, region, endpoint_url, address_style, prefix, public_keys })
            });
        let http = "[a-z./]{1,10}/".prop_map(|url| Source::Http { url });
        let starter_file = prop::option::of("[a-z/]{1,9}\\.json");
        let outputs = prop::option::of("(\\./|https://[a-z]{1,9}\\.example/([a-z0-9-]{1,9}/){0,2})");
        (".{0,20}", prop_oneof![s3, http], HOUR..366 * DAY, 5 * SECOND..DAY, SECOND..DAY, outputs, starter_file)
            .prop_map(|(title, source, range, refresh, interval, outputs, starter_file)| PageConfig {
                title,
                range,
                refresh,
                interval,
                outputs,
                starter_file,
                ..PageConfig::new(source)
            })
    }

    proptest! {
        #[test]
        fn any_configuration_round_trips(config in any_config()) {
            prop_assert_eq!(PageConfig::parse(&config.to_json()), Ok(config));
        }

        #[test]
        fn parsing_never_panics(text in ".{0,80}") {
            let _ = PageConfig::parse(&text);
        }
    }
}
