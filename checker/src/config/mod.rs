//! Loads the configuration file.
//!
//! [`parser`] turns the text into a [`document`], a tree of values with positions, according to the file's [`dialect`].
//! [`mod@validate`] compares the tree with the [`table`] of all keys. serde deserializes it into [`raw`], and this
//! module converts that into the [`model`] that the rest of the checker uses.

mod checks;
pub mod dialect;
pub mod document;
mod identity;
pub mod json_schema;
pub mod model;
mod notifiers;
pub mod origin;
pub mod original;
#[cfg(test)]
mod original_differences;
mod outputs;
mod page;
pub mod parser;
mod patterns;
pub mod problem;
mod raw;
pub mod reference;
#[cfg(test)]
mod report_tests;
pub mod spec;
pub mod starter;
pub mod table;
#[cfg(test)]
mod tests;
pub mod validate;
mod variables;

use std::borrow::Cow;
use std::iter;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use serde::de::DeserializeOwned;
use shared::Nanos;
use shared::history::DEFAULT_EXPIRY;
use shared::object_name::{NodeName, validate_prefix};
use shared::page_config::AddressStyle;
use shared::page_config::appearance::Link;

use self::checks::CHECKER;
use self::dialect::Dialect;
use self::document::{JsonValue, Located};
use self::identity::DefinedCheck;
use self::model::{Config, MetricsAccess, Template};
use self::notifiers::ConvertedNotifiers;
use self::notifiers::check_keys::{self, CheckKeys};
use self::parser::StreamedList;
use self::problem::{Problem, Problems, Severity};
use self::raw::{RawConfig, RawDirectory, RawDuration, RawMetrics, RawS3, RawTemplate};
use self::validate::valid_part;
use crate::checks::http::HttpCheck;
use crate::checks::net::address_policy::AddressPolicy;
use crate::checks::net::connect::Address;
use crate::checks::net::proxy_environment::ProxyEnvironment;
use crate::checks::{Check, CheckKind};
use crate::notify::delivery::reach::preflight;
use crate::notify::rules::Notifications;
use crate::platform::operator_file::read_operator_text;
use crate::redact::Secret;
use crate::store::settings::{Bucket, Storage, StoreLocation, WriterKeys};

/// The maximum number of endpoints for which summaries are on by default. Few people read longer summaries, and writing
/// one requires all histories.
const MAX_DEFAULT_SUMMARIES: usize = 1_000;

/// The key whose value is the array of checks.
const CHECKERS: &str = "checkers";

/// Why a configuration cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(
        "failed to read the configuration `{path}`: pass the path with `-c FILE`, or run `checker init` to write a starter configuration"
    )]
    Unreadable { path: PathBuf, source: std::io::Error },
    /// The problems, one line each.
    #[error("invalid configuration:\n{}", .0.join("\n"))]
    Invalid(Vec<String>),
}

#[derive(Debug)]
pub struct Loaded {
    pub config: Config,
    /// The problems that do not prevent the configuration from being used, one line each.
    pub warnings: Vec<String>,
}

/// The parts of the process's environment that a configuration depends on.
pub struct Environment<'a> {
    /// Looks up an environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// The host name of the machine, from which the default node name is derived.
    pub host_name: String,
}

/// Loads the configuration file at `path`.
pub fn load(path: &Path, environment: &Environment<'_>) -> Result<Loaded, ConfigError> {
    let text = read(path)?;
    let (config, problems) = from_file(&text, path, environment);
    let lines = problems.lines_from(Severity::Warning, &path.display().to_string(), &text);
    match config {
        Some(config) => Ok(Loaded { config, warnings: lines }),
        None => Err(ConfigError::Invalid(lines)),
    }
}

/// Returns all problems of the file at `path`, one per line, and whether any of them is an error.
pub fn validate(path: &Path, environment: &Environment<'_>) -> Result<(Vec<String>, bool), ConfigError> {
    let text = read(path)?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let dialect = Dialect::of_file(path, environment.variable);
    let Parsed { checks, positions, notifications, channel_positions, has_storage, mut problems, .. } =
        from_dialect(&text, folder, environment, dialect);
    let channels = notifications.iter().flat_map(|notifications| &notifications.channels);
    for (channel, at) in channels.zip(channel_positions).filter(|(channel, _)| channel.is_enabled) {
        if let Err(error) = preflight(&channel.transport) {
            problems.add(Problem::error(at, format!("channel `{}`: {error}", channel.id)));
        }
    }
    let checks = checks.iter().zip(positions);
    let checks = checks.flat_map(|(check, at)| [check].into_iter().chain(&check.duplicates).map(move |one| (one, at)));
    for (check, at) in checks {
        if matches!(check.kind, CheckKind::Heartbeat(_)) && !has_storage {
            let text = format!("check `{}` requires `storage`, because heartbeats are read from it", check.title);
            problems.add(Problem::error(at, text));
        }
        if let Err(error) = check.kind.probe().preflight() {
            problems.add(Problem::error(at, format!("check `{}`: {error}", check.title)));
        }
    }
    Ok((problems.lines(&path.display().to_string(), &text), problems.has_errors()))
}

/// Reads the text of a configuration file.
pub(crate) fn read(path: &Path) -> Result<String, ConfigError> {
    let mut text =
        read_operator_text(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    // Remove the byte order mark that some editors write.
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    Ok(text)
}

/// Loads the text of the file at `path`, whose name determines the [`dialect`]. Returns all problems, and the
/// configuration if it is usable.
#[must_use]
pub fn from_file(text: &str, path: &Path, environment: &Environment<'_>) -> (Option<Config>, Problems) {
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let parsed = from_dialect(text, folder, environment, Dialect::of_file(path, environment.variable));
    (parsed.config, parsed.problems)
}

/// Loads a string in the checker's dialect, like [`from_file`]. Paths are relative to `folder`.
#[must_use]
pub fn from_text(text: &str, folder: &Path, environment: &Environment<'_>) -> (Option<Config>, Problems) {
    let parsed = from_dialect(text, folder, environment, Dialect::Checker(environment.variable));
    (parsed.config, parsed.problems)
}

/// The result of parsing a configuration file.
#[derive(Default)]
struct Parsed {
    /// The configuration, if it is usable.
    config: Option<Config>,
    /// The valid checks, even if the configuration is not usable.
    checks: Vec<Arc<Check>>,
    /// The byte offset of each check in the file.
    positions: Vec<usize>,
    /// The valid channels and their rules, even if the configuration is not usable.
    notifications: Option<Arc<Notifications>>,
    /// The byte offset of each channel in the file.
    channel_positions: Vec<usize>,
    has_storage: bool,
    problems: Problems,
}

fn from_dialect(text: &str, folder: &Path, environment: &Environment<'_>, dialect: Dialect<'_>) -> Parsed {
    let mut problems = Problems::default();
    let (mut checks, mut index) = (Vec::new(), 0);
    // The title of each invalid check, if it has one.
    let mut rejected: Vec<Option<String>> = Vec::new();
    let mut errors_before = 0;
    let mut keys = CheckKeys::default();
    // Convert each check immediately so that its part of the tree can be dropped.
    let mut take = |mut located: Located<'_>, problems: &mut Problems| {
        if dialect.is_original() {
            original::rewrite_check(&mut located, index, problems);
        }
        validate::validate_element(&located, &CHECKER, CHECKERS, index, problems);
        let converted = checks.len();
        if problems.errors() == errors_before {
            if let Some(mut check) = checks::convert(&located, index, folder, problems) {
                keys.read(&located, &mut check, index, problems);
                checks.push(DefinedCheck { check: Arc::new(check), at: located.at, index });
            }
        } else {
            // Drop the check, but still report the problems of its assertions.
            let _ = checks::read_assertions(&located, index, problems);
        }
        if checks.len() == converted {
            rejected.push(checks::title_of(&located).map(str::to_owned));
        }
        errors_before = problems.errors();
        index += 1;
    };
    let streamed = StreamedList { key: CHECKERS, take: &mut take };
    let mut parsed = Parsed::default();
    match parser::parse(text, dialect, &mut problems, Some(streamed)) {
        Ok(mut root) => {
            if dialect.is_original() {
                original::rewrite_root(&mut root);
                original::report_root(&root, &mut problems);
            }
            validate::validate_root(&root, &table::ROOT, &mut problems);
            let checks = identity::merge(checks, text, &mut problems);
            let has_all_titles = rejected.iter().all(Option::is_some);
            let titles = checks.iter().map(|one| one.check.title.as_str());
            let titles = titles.chain(rejected.iter().flatten().map(String::as_str));
            if has_all_titles {
                keys.check_titles(&titles, &mut problems);
            }
            let merged = checks.iter().flat_map(|one| iter::once(&one.check).chain(&one.check.duplicates));
            let objectives = check_keys::objectives(merged.map(|check| &**check));
            let converted = notifiers::convert(&root, keys, folder, &mut problems);
            if has_all_titles {
                notifiers::check_endpoints(&converted, &titles, &mut problems);
            }
            let ConvertedNotifiers { notifications, positions: of_channels, public } = converted;
            parsed.channel_positions = of_channels;
            parsed.positions = checks.iter().map(|one| one.at).collect();
            parsed.checks = checks.into_iter().map(|one| one.check).collect();
            parsed.has_storage = root.member("storage").is_some();
            report_proxies(&root, &parsed.checks, environment, &mut problems);
            // The valid part of an invalid file is also converted, so that all problems are reported at once.
            let is_valid = problems.errors() == 0;
            let part = if is_valid { Cow::Borrowed(&root) } else { Cow::Owned(valid_part(&root, table::ROOT_FIELDS)) };
            let config = convert(&root, &part, parsed.checks.clone(), folder, environment, &mut problems);
            let page_url = notifications.as_ref().and_then(|notifications| notifications.rules.page_url.clone());
            let config = config.map(|config| with_public_channels(config, public)).map(|config| Config {
                outputs: outputs::of_page(config.outputs.clone(), page_url.as_deref()),
                objectives: Arc::new(objectives),
                ..config
            });
            let for_page = |notifications| match &config {
                Some(config) => for_page(notifications, config),
                None => notifications,
            };
            parsed.notifications = notifications.map(|notifications| Arc::new(for_page(notifications)));
            parsed.config = config.map(|config| Config { notifications: parsed.notifications.clone(), ..config });
        }
        Err(problem) => {
            problems = Problems::default();
            problems.add(problem);
        }
    }
    parsed.config = parsed.config.filter(|_| problems.errors() == 0);
    Parsed { problems, ..parsed }
}

/// Converts the part of a file that validation has accepted. Also reports problems that validation cannot detect.
fn convert(
    root: &Located,
    part: &Located,
    mut checks: Vec<Arc<Check>>,
    folder: &Path,
    environment: &Environment<'_>,
    problems: &mut Problems,
) -> Option<Config> {
    checks.shrink_to_fit();
    let position = |key: &str| root.member(key).map_or(root.at, |member| member.at);
    let raw: RawConfig = read_as(part, problems)?;
    let mut name_in = |key: &str, name: &Option<String>| {
        let invalid = |error| problems.add(Problem::error(position(key), format!("`{key}`: {error}")));
        name.as_deref().map(|name| NodeName::new(name).map_err(invalid)).transpose().ok()
    };
    let (node, author) = (name_in("node", &raw.node), name_in("author", &raw.author));
    let template = |raw: RawTemplate| Template { title: raw.title, text: raw.text, affects: raw.affects };
    let templates = raw.templates.into_iter().map(|(name, raw)| (name, template(raw))).collect();
    let timestamp = raw.timestamp.as_ref().filter(|text| *text != original::ZERO_TIME).and_then(|text| {
        let parsed = DateTime::parse_from_rfc3339(text).ok().and_then(|time| time.timestamp_nanos_opt());
        if parsed.is_none() {
            let text =
                format!("invalid time `{text}` for `timestamp`: expected RFC 3339, for example `2026-08-22T14:00:00Z`");
            problems.add(Problem::error(position("timestamp"), text));
        }
        parsed
    });
    let mut online_check = Vec::new();
    for text in &raw.online_check {
        match Address::parse(text, None) {
            Ok(address) => online_check.push(address),
            Err(error) => {
                problems.add(Problem::error(position("online_check"), format!("`online_check`: {error}")));
            }
        }
    }
    let storage = part.member("storage").and_then(|located| convert_storage(located, folder, problems));
    let state = state_directory(environment.variable).unwrap_or_else(|| folder.to_owned());
    let proxies = ProxyEnvironment::from_variables(environment.variable).map(Arc::new);
    if root.member("storage").is_none() {
        for key in ["metrics", "metrics_file"].into_iter().filter(|key| root.member(key).is_some()) {
            problems.add(Problem::warning(position(key), format!("`{key}` has no effect without `storage`")));
        }
    }
    if raw.metrics_file.as_ref().is_some_and(String::is_empty) {
        problems.add(is_empty("metrics_file", position("metrics_file")));
    }
    let metrics = raw.metrics.and_then(|raw| metrics_access(raw, position("metrics"), problems));
    let summaries = raw.summaries.unwrap_or(checks.len() <= MAX_DEFAULT_SUMMARIES);
    let page = page::convert(part.member("page"), problems);
    Some(Config {
        node: node?.unwrap_or_else(|| NodeName::from_host_name(&environment.host_name)),
        author: author?,
        templates,
        every: raw.every.map(|every| every.0),
        concurrent_checks: Some(raw.concurrent_checks).filter(|count| *count > 0),
        address_policy: if raw.deny_private_addresses { AddressPolicy::PublicOnly } else { AddressPolicy::AllowAll },
        proxies,
        checks,
        online_check,
        storage,
        summaries,
        metrics,
        metrics_file: raw.metrics_file.map(|file| folder.join(file)),
        outputs: outputs::convert(&raw.outputs, summaries),
        spool_dir: raw.spool_dir.map_or_else(|| state.join("checkup").join("spool"), |dir| folder.join(dir)),
        page,
        notifications: None,
        objectives: Arc::default(),
        timestamp,
    })
}

fn is_empty(key: &str, at: usize) -> Problem {
    Problem::error(at, format!("`{key}` is empty: set it, or the environment variable that it contains"))
}

/// Converts who can read the metrics. Messages never contain the token.
fn metrics_access(raw: RawMetrics, at: usize, problems: &mut Problems) -> Option<MetricsAccess> {
    match raw {
        RawMetrics::Switch(is_on) => is_on.then_some(MetricsAccess::Everyone),
        RawMetrics::Access { token } => {
            if token.trim().is_empty() {
                problems.add(is_empty("metrics.token", at));
            }
            Some(MetricsAccess::Token(Secret::new(token)))
        }
    }
}

/// Adds the links to public channels to the page's Subscribe menu.
fn with_public_channels(mut config: Config, public: Vec<Link>) -> Config {
    config.page.config.appearance.subscribe.splice(..0, public);
    config
}

/// Adds the title, the groups and the authors of the page, which determine the content of messages.
fn for_page(mut notifications: Notifications, config: &Config) -> Notifications {
    let page = &config.page;
    notifications.rules.page_title.clone_from(&page.config.title);
    notifications.rules.groups.clone_from(&page.config.appearance.groups);
    notifications.rules.authors = page.config.post_authors();
    notifications.rules.author.clone_from(&config.author);
    notifications
}

/// Warns about checks whose status is unknown because private addresses are denied, but a proxy chooses the address.
fn report_proxies(root: &Located, checks: &[Arc<Check>], environment: &Environment<'_>, problems: &mut Problems) {
    let Some(denial) = root.member("deny_private_addresses").filter(|denial| denial.value == JsonValue::Bool(true))
    else {
        return;
    };
    let proxies = ProxyEnvironment::from_variables(environment.variable);
    let mut affected = checks.iter().filter(|check| match &check.kind {
        CheckKind::Http(http) => http.uses_proxy(proxies.as_ref()),
        _ => false,
    });
    let Some(first) = affected.next() else { return };
    let others = match affected.count() {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    let text = format!(
        "`deny_private_addresses` cannot be enforced through a proxy, so the status of `{}`{others} is unknown: set \
         `\"proxy\": \"none\"` in checks that can connect directly",
        first.title
    );
    problems.add(Problem::warning(denial.at, text));
}

fn convert_storage(located: &Located, folder: &Path, problems: &mut Problems) -> Option<Storage> {
    let kind = ["type", "provider"].iter().find_map(|key| located.member(key)?.text()).unwrap_or_default();
    let expiry = |raw: Option<RawDuration>| raw.map(|age| age.0).filter(|age| *age > 0);
    match kind {
        "fs" => {
            let raw: RawDirectory = read_as(located, problems)?;
            Some(Storage {
                location: StoreLocation::Directory(folder.join(raw.dir)),
                check_expiry: expiry(raw.check_expiry),
                history_expiry: history_expiry(raw.history_expiry),
            })
        }
        "s3" => {
            let mut raw: RawS3 = read_as(located, problems)?;
            let check_expiry = expiry(raw.check_expiry.take());
            let history_expiry = history_expiry(raw.history_expiry.take());
            let bucket = convert_bucket(raw, located, problems);
            Some(Storage { location: StoreLocation::S3(bucket), check_expiry, history_expiry })
        }
        // The type is unknown, which validation has already reported.
        _ => None,
    }
}

fn history_expiry(raw: Option<RawDuration>) -> Nanos {
    raw.map_or(DEFAULT_EXPIRY, |age| age.0)
}

/// The remedy if only one of the two keys is set.
const KEYS_REMEDY: &str = "set both keys, or neither to use the environment, the profile or the instance role";

fn convert_bucket(raw: RawS3, located: &Located, problems: &mut Problems) -> Bucket {
    let mut problem = |key: &str, text: String| {
        let at = located.member(key).map_or(located.at, |member| member.at);
        problems.add(Problem::error(at, text));
    };
    if let Err(error) = validate_prefix(&raw.prefix) {
        problem("prefix", format!("`storage.prefix`: {error}"));
    }
    if let Some(url) = &raw.endpoint_url
        && let Err(error) = HttpCheck::parse_url(url)
    {
        problem("endpoint_url", format!("`storage.endpoint_url`: {error}"));
    }
    let non_empty = |text: Option<String>| text.filter(|text| !text.is_empty());
    let keys = match (non_empty(raw.access_key_id), non_empty(raw.secret_access_key)) {
        (Some(access_key_id), Some(secret)) => {
            Some(WriterKeys { access_key_id, secret_access_key: Secret::new(secret) })
        }
        (None, None) => None,
        (Some(_), None) => {
            problem("access_key_id", format!("missing key `storage.secret_access_key`: {KEYS_REMEDY}"));
            None
        }
        (None, Some(_)) => {
            problem("secret_access_key", format!("missing key `storage.access_key_id`: {KEYS_REMEDY}"));
            None
        }
    };
    if raw.bucket.is_empty() {
        problem("bucket", "`storage.bucket` is empty: expected the name of the bucket".to_owned());
    }
    let address_style = if raw.path_style { AddressStyle::Path } else { AddressStyle::VirtualHost };
    Bucket {
        name: raw.bucket,
        region: non_empty(raw.region),
        endpoint_url: non_empty(raw.endpoint_url),
        address_style,
        prefix: raw.prefix,
        keys,
    }
}

/// Returns the directory for persistent state according to the XDG specification.
fn state_directory(variable: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let absolute = |text: String| Some(PathBuf::from(text)).filter(|path| path.is_absolute());
    variable("XDG_STATE_HOME")
        .and_then(absolute)
        .or_else(|| variable("HOME").and_then(absolute).map(|home| home.join(".local/state")))
}

fn duration(nanos: Nanos) -> Duration {
    Duration::from_nanos(nanos.unsigned_abs())
}

/// Deserializes a tree that validation has accepted. Reports a problem if the table and serde disagree.
fn read_as<T: DeserializeOwned>(located: &Located, problems: &mut Problems) -> Option<T> {
    T::deserialize(located)
        .map_err(|error| problems.add(Problem::error(located.at, format!("invalid configuration: {error}"))))
        .ok()
}
