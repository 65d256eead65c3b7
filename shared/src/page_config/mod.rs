//! The page's `config.json`: written by the checker or by a person, read by the page.
//!
//! Reading names every problem at once and says what to write instead. No secret of a writer belongs here: the
//! keys it may hold are called public, and everyone who sees the page can see them.

pub mod appearance;

use std::borrow::Cow;

use serde_json::{Value, json};

use self::appearance::Appearance;
use crate::json::{self, Json};
use crate::suggest::suggest;
use crate::uptime::FALLBACK_INTERVAL;
use crate::{DAY, HOUR, MINUTE, Nanos, SECOND, duration, object_name};

/// What the page needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageConfig {
    /// The page's name.
    pub title: String,
    /// Where the data is.
    pub source: Source,
    /// how far back the page shows, in nanoseconds.
    pub range: Nanos,
    /// How often it looks again, in nanoseconds.
    pub refresh: Nanos,
    /// How long a result stands that does not say so and has no neighbors to tell, in nanoseconds.
    pub interval: Nanos,
    /// Whether browsers keep the page and what it last showed, for when they are offline.
    pub offline: bool,
    /// How it looks.
    pub appearance: Appearance,
    /// What was said about its looks that does not fit, each in words.
    pub skipped: Vec<String>,
}

/// How the page reads the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The S3 API.
    S3(S3Source),
    /// A directory behind any web server, with its `index.json`.
    Http {
        /// The directory's URL, relative to the page's or absolute; it ends with a slash.
        url: String,
    },
}

/// A bucket, as a browser reaches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Source {
    /// The bucket's name.
    pub bucket: String,
    /// Its region.
    pub region: String,
    /// The service's URL without a slash at the end; `None` is AWS.
    pub endpoint_url: Option<String>,
    /// Whether the bucket stands in the path (`https://host/bucket/`) or in the host name.
    pub address_style: AddressStyle,
    /// What every object's name begins with: empty, or folders with a slash at the end.
    pub prefix: String,
    /// The public read-only keys; `None` reads without a signature.
    pub public_keys: Option<PublicKeys>,
}

/// Where the bucket's name stands in a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AddressStyle {
    /// `https://bucket.host/key`
    #[default]
    VirtualHost,
    /// `https://host/bucket/key`
    Path,
}

/// Keys that may only read this store and that everyone may know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKeys {
    /// The access key's id.
    pub access_key_id: String,
    /// The access key itself; public in spite of its name at AWS.
    pub secret_access_key: String,
}

/// Everything that is wrong with a `config.json`, in the order of the text; at least one problem.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid page configuration: {}", .0.join("; "))]
pub struct InvalidPageConfig(pub Vec<String>);

/// What the title is if nobody says.
const DEFAULT_TITLE: &str = "Status";
/// A day fits any schedule, and is what the original page showed.
const DEFAULT_RANGE: Nanos = DAY;
/// Below an hour a strip of bars says nothing; above 366 days the page would load for minutes.
const RANGE_LIMITS: (Nanos, Nanos) = (HOUR, 366 * DAY);
/// As often as most checks are made.
const DEFAULT_REFRESH: Nanos = MINUTE;
/// More often than every 5 s would be a load on the store; less than daily is no refresh.
const REFRESH_LIMITS: (Nanos, Nanos) = (5 * SECOND, DAY);
/// A result may stand for a second or for a month.
const INTERVAL_LIMITS: (Nanos, Nanos) = (SECOND, 31 * DAY);

/// The keys of `config.json` that are not about looks.
pub const KEYS: [&str; 7] = ["$schema", "title", "source", "range", "refresh", "interval", "offline"];
const S3_KEYS: [&str; 8] =
    ["type", "bucket", "region", "endpoint_url", "path_style", "prefix", "public_access_key_id", "public_access_key"];
const HTTP_KEYS: [&str; 2] = ["type", "url"];

impl PageConfig {
    /// A configuration with everything but the source as it is by default.
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

    /// Reads a `config.json`.
    pub fn parse(text: &str) -> Result<PageConfig, InvalidPageConfig> {
        let object = json::parse(text.trim_start_matches('\u{feff}'))
            .map_err(|error| InvalidPageConfig(vec![format!("it is not JSON: {error}")]))?;
        let (mut problems, mut skipped) = (Vec::new(), Vec::new());
        let Json::Object(members) = &object else {
            return Err(InvalidPageConfig(vec![
                "it is not a JSON object; write `{ \"title\": …, \"source\": … }`".to_owned(),
            ]));
        };
        let keys = [KEYS.as_slice(), &appearance::KEYS].concat();
        // A key that nobody knows is no reason to show nothing.
        Fields { object: &object, members, place: "", problems: &mut skipped }.refuse_unknown(&keys);
        let mut fields = Fields { object: &object, members, place: "", problems: &mut problems };
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
                        skipped.push("`title` is no text; it is skipped".to_owned());
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

    /// Writes a `config.json` that [`PageConfig::parse`] reads back equal, indented for people.
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
            None => format!("`source` is missing: it says where the data is; {EXAMPLES}"),
            Some(_) => format!("`source` is no object; {EXAMPLES}"),
        });
        return None;
    };
    let mut fields = Fields { object, members, place: "source.", problems };
    match fields.text("type").as_deref() {
        Some("http") => read_http(&mut fields),
        Some("s3") => read_s3(&mut fields),
        Some(other) => {
            fields.problem("type", &format!("is `{other}`; it is `s3` or `http`"));
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
    let mut url = fields.required_text("url", "the URL of the directory that holds `index.json`, such as `store/`")?;
    if url.contains(':') && !is_http_url(&url) {
        fields.problem("url", "is neither relative nor an `http://` or `https://` URL");
        return None;
    }
    if !url.ends_with('/') {
        url.push('/');
    }
    Some(Source::Http { url })
}

fn read_s3(fields: &mut Fields<'_>) -> Option<Source> {
    fields.refuse_unknown(&S3_KEYS);
    let bucket = fields.required_text("bucket", "the bucket's name");
    let region = fields.text("region").unwrap_or_else(|| "us-east-1".to_owned());
    let endpoint_url = fields.text("endpoint_url").map(|url| url.trim_end_matches('/').to_owned());
    if endpoint_url.as_ref().is_some_and(|url| !is_http_url(url)) {
        fields.problem("endpoint_url", "is no URL; write the service's, such as `https://s3.example.com`");
    }
    let address_style = if fields.flag("path_style", false) { AddressStyle::Path } else { AddressStyle::VirtualHost };
    let prefix = fields.text("prefix").unwrap_or_default();
    if let Err(error) = object_name::validate_prefix(&prefix) {
        fields.problem("prefix", &format!("does not fit: {error}"));
    }
    let public_keys = match (fields.text("public_access_key_id"), fields.text("public_access_key")) {
        (Some(access_key_id), Some(secret_access_key)) => Some(PublicKeys { access_key_id, secret_access_key }),
        (None, None) => None,
        (Some(_), None) => {
            fields.problem(
                "public_access_key",
                "is missing beside `public_access_key_id`; write both, or none for a bucket that anyone may read",
            );
            None
        }
        (None, Some(_)) => {
            fields.problem(
                "public_access_key_id",
                "is missing beside `public_access_key`; write both, or none for a bucket that anyone may read",
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

/// The members of one object, and a place to say what is wrong with them.
struct Fields<'a> {
    object: &'a Json<'a>,
    members: &'a [(Cow<'a, str>, Json<'a>)],
    /// What stands before a key in a problem: empty, or `source.`.
    place: &'static str,
    problems: &'a mut Vec<String>,
}

impl Fields<'_> {
    fn problem(&mut self, key: &str, what: &str) {
        self.problems.push(format!("`{}{key}` {what}", self.place));
    }

    fn refuse_unknown(&mut self, known: &[&str]) {
        for (key, _) in self.members.iter().filter(|(key, _)| !known.contains(&&**key)) {
            let instead = match suggest(key, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", known.join(", ")),
            };
            self.problems.push(format!("`{}{key}` is not known; {instead}", self.place));
        }
    }

    fn text(&mut self, key: &str) -> Option<String> {
        if let Json::String(text) = self.object.get(key)? {
            return Some(text.to_string());
        }
        self.problem(key, "is no text; put it in quotes");
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
                self.problem(key, "is neither `true` nor `false`");
                default
            }
        }
    }

    /// A duration as text (`10m`) or as integer nanoseconds, within limits.
    fn duration(&mut self, key: &str, default: Nanos, (least, most): (Nanos, Nanos)) -> Nanos {
        let nanos = match self.object.get(key) {
            None => return default,
            Some(Json::String(text)) => duration::parse(text).map_err(|error| error.to_string()),
            Some(Json::Number(digits)) => digits.parse().map_err(|_| not_a_duration(digits)),
            Some(_) => Err(not_a_duration("what is no text and no number")),
        };
        match nanos {
            Ok(nanos) if (least..=most).contains(&nanos) => nanos,
            Ok(_) => {
                let (least, most) = (duration::format_exact(least), duration::format_exact(most));
                self.problem(key, &format!("is out of bounds; it is `{least}` at the least and `{most}` at the most"));
                default
            }
            Err(error) => {
                self.problem(key, &format!("does not fit: {error}"));
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
    fn the_least_configuration_says_where_the_data_is() {
        let config = PageConfig::parse(r#"{"source":{"type":"http","url":"store"}}"#).expect("it is enough");
        assert_eq!(config, PageConfig::new(Source::Http { url: "store/".to_owned() }));
    }

    #[test]
    fn every_problem_is_named_at_once_with_its_remedy() {
        let all = problems(
            r#"{"titel":"x","range":"1 day","refresh":"1s","source":{"type":"s3","bukket":"b","path_style":"yes","prefix":"status","public_access_key_id":"A"}}"#,
        );
        let all = all.join("\n");
        for expected in [
            "`titel` is not known; did you mean `title`?",
            "`range` does not fit: invalid duration `1 day`",
            "`refresh` is out of bounds; it is `5s` at the least",
            "`source.bukket` is not known; did you mean `bucket`?",
            "`source.bucket` is missing",
            "`source.path_style` is neither `true` nor `false`",
            "`source.prefix` does not fit: invalid prefix `status`: end it with a slash: `status/`",
            "`source.public_access_key` is missing",
        ] {
            assert!(all.contains(expected), "{expected} is not in:\n{all}");
        }
    }

    #[test]
    fn neither_a_title_that_is_none_nor_an_unknown_key_keeps_a_page_from_being_shown() {
        let text = r#"{"title":5,"foter":"x","source":{"type":"http","url":"store/"}}"#;
        let config = PageConfig::parse(text).expect("what is shown is somewhere");
        assert_eq!(config.title, "Status");
        let skipped = ["`foter` is not known; did you mean `footer`?", "`title` is no text; it is skipped"];
        assert_eq!(config.skipped, skipped);
    }

    #[test]
    fn what_is_no_configuration_says_where_it_breaks() {
        assert!(problems("{\n \"title\": \"x\",,}")[0].contains("line 2 column"));
        assert!(problems("[]")[0].contains("not a JSON object"));
        assert!(problems("<!doctype html>")[0].contains("not JSON"));
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
        fn what_the_checker_writes_the_page_reads_back_equal(config in any_config()) {
            prop_assert_eq!(PageConfig::parse(&config.to_json()), Ok(config));
        }

        #[test]
        fn no_text_makes_reading_panic(text in ".{0,80}") {
            let _ = PageConfig::parse(&text);
        }
    }
}
