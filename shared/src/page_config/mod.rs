//! The page's `config.json`, which the checker or a person writes and the page reads.
//!
//! Errors list all problems at once, each with a remedy. Everyone who can open the page can read this file, so it contains
//! no secrets: the only keys allowed are public, read-only ones.

pub mod appearance;

use std::borrow::Cow;

use serde_json::{Value, json};

use self::appearance::Appearance;
use crate::json::{self, Json};
use crate::suggest::suggest;
use crate::uptime::FALLBACK_INTERVAL;
use crate::{DAY, HOUR, MINUTE, Nanos, SECOND, duration, object_name};

/// The configuration of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageConfig {
    /// The title of the page.
    pub title: String,
    /// How the page reads the store.
    pub source: Source,
    /// How much of the past is shown, in nanoseconds.
    pub range: Nanos,
    /// How often the page reads the store, in nanoseconds.
    pub refresh: Nanos,
    /// How long results are valid that have no interval and no neighbors to derive it from, in nanoseconds.
    pub interval: Nanos,
    /// Whether browsers keep the page and its latest data for when they are offline.
    pub offline: bool,
    /// Logo, theme, labels, groups and more.
    pub appearance: Appearance,
    /// Problems that do not prevent the page from being shown.
    pub skipped: Vec<String>,
}

/// How the page reads the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A bucket that the page reads through the S3 API.
    S3(S3Source),
    /// A directory behind any web server, with its `index.json`.
    Http {
        /// The URL of the directory, absolute or relative to the page, with a slash at the end.
        url: String,
    },
}

/// A bucket, as a browser reaches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Source {
    /// The name of the bucket.
    pub bucket: String,
    /// The region of the bucket, `us-east-1` by default.
    pub region: String,
    /// The URL of the service without a slash at the end; `None` for AWS.
    pub endpoint_url: Option<String>,
    /// Where URLs contain the name of the bucket.
    pub address_style: AddressStyle,
    /// The prefix of all keys: empty, or folders with a slash at the end.
    pub prefix: String,
    /// Public read-only keys. Requests without them are not signed.
    pub public_keys: Option<PublicKeys>,
}

/// Where URLs contain the name of the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AddressStyle {
    /// `https://bucket.host/key`, unless the configuration sets `path_style`.
    #[default]
    VirtualHost,
    /// `https://host/bucket/key`, as some S3-compatible services require.
    Path,
}

/// Public keys that can only read this store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKeys {
    /// The id of the access key.
    pub access_key_id: String,
    /// The access key, which is public despite AWS's name for it.
    pub secret_access_key: String,
}

/// The problems of a `config.json`, at least one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid page configuration: {}", .0.join("; "))]
pub struct InvalidPageConfig(pub Vec<String>);

const DEFAULT_TITLE: &str = "Status";
/// A day suits any schedule, and is what the original Checkup showed.
const DEFAULT_RANGE: Nanos = DAY;
/// Bars need at least an hour; more than 366 days would load for minutes.
const RANGE_LIMITS: (Nanos, Nanos) = (HOUR, 366 * DAY);
/// Most checks run once a minute.
const DEFAULT_REFRESH: Nanos = MINUTE;
/// More requests than every 5 s would strain the store.
const REFRESH_LIMITS: (Nanos, Nanos) = (5 * SECOND, DAY);
const INTERVAL_LIMITS: (Nanos, Nanos) = (SECOND, 31 * DAY);

/// The keys of `config.json` that do not define the appearance.
pub const KEYS: [&str; 7] = ["$schema", "title", "source", "range", "refresh", "interval", "offline"];
const S3_KEYS: [&str; 8] =
    ["type", "bucket", "region", "endpoint_url", "path_style", "prefix", "public_access_key_id", "public_access_key"];
const HTTP_KEYS: [&str; 2] = ["type", "url"];

impl PageConfig {
    /// Creates a configuration with the defaults for everything but the source.
    #[must_use]
    pub fn new(source: Source) -> PageConfig {
        PageConfig {
            title: DEFAULT_TITLE.to_owned(),
            source,
            range: DEFAULT_RANGE,
            refresh: DEFAULT_REFRESH,
            interval: FALLBACK_INTERVAL,
            offline: true,
            appearance: Appearance::default(),
            skipped: Vec::new(),
        }
    }

    /// Parses a `config.json`. The error lists all problems, including those that alone would only be skipped.
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
        // The page can be shown despite unknown keys.
        Fields { object: &object, members, path: "", problems: &mut skipped }.refuse_unknown(&keys);
        let mut fields = Fields { object: &object, members, path: "", problems: &mut problems };
        let range = fields.duration("range", DEFAULT_RANGE, RANGE_LIMITS);
        let refresh = fields.duration("refresh", DEFAULT_REFRESH, REFRESH_LIMITS);
        let interval = fields.duration("interval", FALLBACK_INTERVAL, INTERVAL_LIMITS);
        let offline = fields.flag("offline", true);
        let source = read_source(object.get("source"), &mut problems);
        match source {
            Some(source) if problems.is_empty() => {
                let title = match object.get("title") {
                    Some(Json::String(title)) => title,
                    Some(_) => {
                        skipped.push("`title` must be a string; it is skipped".to_owned());
                        DEFAULT_TITLE
                    }
                    None => DEFAULT_TITLE,
                };
                let title = title.to_owned();
                let appearance = appearance::read(&object, &mut skipped);
                Ok(PageConfig { title, source, range, refresh, interval, offline, appearance, skipped })
            }
            _ => Err(InvalidPageConfig([skipped, problems].concat())),
        }
    }

    /// The indented content of a `config.json`. [`PageConfig::parse`] returns an equal configuration.
    #[must_use]
    pub fn to_json(&self) -> String {
        let source = match &self.source {
            Source::Http { url } => json!({ "type": "http", "url": url }),
            Source::S3(s3) => s3.to_value(),
        };
        let mut value = json!({
            "title": self.title,
            "source": source,
            "range": duration::format_exact(self.range),
            "refresh": duration::format_exact(self.refresh),
            "interval": duration::format_exact(self.interval),
        });
        if let Value::Object(members) = &mut value {
            if !self.offline {
                members.insert("offline".to_owned(), json!(false));
            }
            self.appearance.write(members);
        }
        format!("{value:#}\n")
    }
}

impl S3Source {
    fn to_value(&self) -> Value {
        let mut value = json!({
            "type": "s3",
            "bucket": self.bucket,
            "region": self.region,
            "path_style": self.address_style == AddressStyle::Path,
            "prefix": self.prefix,
        });
        if let Some(endpoint_url) = &self.endpoint_url {
            value["endpoint_url"] = json!(endpoint_url);
        }
        if let Some(keys) = &self.public_keys {
            value["public_access_key_id"] = json!(keys.access_key_id);
            value["public_access_key"] = json!(keys.secret_access_key);
        }
        value
    }
}

fn read_source(value: Option<&Json<'_>>, problems: &mut Vec<String>) -> Option<Source> {
    const EXAMPLES: &str = "write `{ \"type\": \"http\", \"url\": \"store/\" }` or `{ \"type\": \"s3\", \"bucket\": \"…\", \"region\": \"…\" }`";
    let Some(object @ Json::Object(members)) = value else {
        problems.push(match value {
            None => format!("`source` is missing: it defines how the page reads the store; {EXAMPLES}"),
            Some(_) => format!("`source` must be an object; {EXAMPLES}"),
        });
        return None;
    };
    let mut fields = Fields { object, members, path: "source.", problems };
    match fields.text("type").as_deref() {
        Some("http") => read_http(&mut fields),
        Some("s3") => read_s3(&mut fields),
        Some(other) => {
            fields.problem("type", &format!("must be `s3` or `http`, not `{other}`"));
            None
        }
        None => {
            if object.get("type").is_none() {
                fields.problem("type", &format!("is missing; {EXAMPLES}"));
            }
            None
        }
    }
}

fn read_http(fields: &mut Fields<'_>) -> Option<Source> {
    fields.refuse_unknown(&HTTP_KEYS);
    let mut url =
        fields.required_text("url", "the URL of the directory that contains `index.json`, for example `store/`")?;
    if url.contains(':') && !is_http_url(&url) {
        fields.problem("url", "must be relative or start with `http://` or `https://`");
        return None;
    }
    if !url.ends_with('/') {
        url.push('/');
    }
    Some(Source::Http { url })
}

fn read_s3(fields: &mut Fields<'_>) -> Option<Source> {
    fields.refuse_unknown(&S3_KEYS);
    let bucket = fields.required_text("bucket", "the name of the bucket");
    let region = fields.text("region").unwrap_or_else(|| "us-east-1".to_owned());
    let endpoint_url = fields.text("endpoint_url").map(|url| url.trim_end_matches('/').to_owned());
    if endpoint_url.as_ref().is_some_and(|url| !is_http_url(url)) {
        fields.problem("endpoint_url", "must be the URL of the service, for example `https://s3.example.com`");
    }
    let address_style = if fields.flag("path_style", false) { AddressStyle::Path } else { AddressStyle::VirtualHost };
    let prefix = fields.text("prefix").unwrap_or_default();
    if let Err(error) = object_name::validate_prefix(&prefix) {
        fields.problem("prefix", &format!("is invalid: {error}"));
    }
    let public_keys = match (fields.text("public_access_key_id"), fields.text("public_access_key")) {
        (Some(access_key_id), Some(secret_access_key)) => Some(PublicKeys { access_key_id, secret_access_key }),
        (None, None) => None,
        (Some(_), None) => {
            fields.problem(
                "public_access_key",
                "is missing beside `public_access_key_id`; set both, or neither for a public bucket",
            );
            None
        }
        (None, Some(_)) => {
            fields.problem(
                "public_access_key_id",
                "is missing beside `public_access_key`; set both, or neither for a public bucket",
            );
            None
        }
    };
    Some(Source::S3(S3Source { bucket: bucket?, region, endpoint_url, address_style, prefix, public_keys }))
}

fn not_a_duration(text: &str) -> String {
    duration::ParseDurationError(text.to_owned()).to_string()
}

fn is_http_url(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !rest.contains(char::is_whitespace))
}

/// Reads the members of one object and collects problems.
struct Fields<'a> {
    object: &'a Json<'a>,
    members: &'a [(Cow<'a, str>, Json<'a>)],
    /// The prefix of keys in problems: empty, or `source.`.
    path: &'static str,
    problems: &'a mut Vec<String>,
}

impl Fields<'_> {
    /// `problem` is a predicate of the key.
    fn problem(&mut self, key: &str, problem: &str) {
        self.problems.push(format!("`{}{key}` {problem}", self.path));
    }

    fn refuse_unknown(&mut self, known: &[&str]) {
        let is_former =
            |key: &str| self.path.is_empty() && appearance::RENAMED_KEYS.iter().any(|(former, _)| *former == key);
        for (key, _) in self.members.iter().filter(|(key, _)| !known.contains(&&**key) && !is_former(key)) {
            let remedy = match suggest(key, known.iter().copied()) {
                Some(similar) => format!("did you mean `{similar}`?"),
                None => format!("known keys: {}", known.join(", ")),
            };
            self.problems.push(format!("`{}{key}` is unknown; {remedy}", self.path));
        }
    }

    fn text(&mut self, key: &str) -> Option<String> {
        if let Json::String(text) = self.object.get(key)? {
            return Some(text.to_string());
        }
        self.problem(key, "must be a string in quotes");
        None
    }

    fn required_text(&mut self, key: &str, what: &str) -> Option<String> {
        match self.object.get(key) {
            Some(Json::String(text)) if text.is_empty() => {
                self.problem(key, &format!("is empty; write {what}"));
                None
            }
            Some(_) => self.text(key),
            None => {
                self.problem(key, &format!("is missing; write {what}"));
                None
            }
        }
    }

    fn flag(&mut self, key: &str, default: bool) -> bool {
        match self.object.get(key) {
            None => default,
            Some(Json::Bool(flag)) => *flag,
            Some(_) => {
                self.problem(key, "must be `true` or `false`");
                default
            }
        }
    }

    /// Reads a duration such as `10m`, or an integer number of nanoseconds.
    fn duration(&mut self, key: &str, default: Nanos, (least, most): (Nanos, Nanos)) -> Nanos {
        let nanos = match self.object.get(key) {
            None => return default,
            Some(Json::String(text)) => duration::parse(text).map_err(|error| error.to_string()),
            Some(Json::Number(digits)) => digits.parse().map_err(|_| not_a_duration(digits)),
            Some(_) => Err(not_a_duration("…")),
        };
        match nanos {
            Ok(nanos) if (least..=most).contains(&nanos) => nanos,
            Ok(_) => {
                let (least, most) = (duration::format_exact(least), duration::format_exact(most));
                self.problem(key, &format!("must be between `{least}` and `{most}`"));
                default
            }
            Err(error) => {
                self.problem(key, &format!("is invalid: {error}"));
                default
            }
        }
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
            "`source.public_access_key` is missing",
        ] {
            assert!(all.contains(expected), "{expected} is not in:\n{all}");
        }
    }

    #[test]
    fn invalid_titles_and_unknown_keys_are_skipped() {
        let text = r#"{"title":5,"foter":"x","source":{"type":"http","url":"store/"}}"#;
        let config = PageConfig::parse(text).expect("the source is valid");
        assert_eq!(config.title, "Status");
        let skipped = ["`foter` is unknown; did you mean `footer`?", "`title` must be a string; it is skipped"];
        assert_eq!(config.skipped, skipped);
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
        (".{0,20}", prop_oneof![s3, http], HOUR..366 * DAY, 5 * SECOND..DAY, SECOND..DAY).prop_map(
            |(title, source, range, refresh, interval)| PageConfig {
                title,
                range,
                refresh,
                interval,
                ..PageConfig::new(source)
            },
        )
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
