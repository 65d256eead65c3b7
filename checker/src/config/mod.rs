//! The configuration file: found and read here, from the file as written to the configuration as valid.
//!
//! The way is [`parser`] (text to a [`document`], a tree with places), [`mod@validate`] (tree against the table in [`spec`]),
//! [`raw`] (serde's view), [`model`] (what the rest of the checker knows).

mod checks;
pub mod document;
pub mod json_schema;
pub mod model;
mod page;
pub mod parser;
pub mod problem;
mod raw;
pub mod reference;
pub mod spec;
pub mod starter;
#[cfg(test)]
mod tests;
pub mod validate;
mod variables;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use serde::de::DeserializeOwned;
use shared::Nanos;
use shared::history::DEFAULT_EXPIRY;
use shared::object_name::{NodeName, validate_prefix};
use shared::page_config::AddressStyle;

use self::checks::spec::CHECKER;
use self::document::Located;
use self::model::Config;
use self::parser::StreamedList;
use self::problem::{Problem, Problems, Severity};
use self::raw::{RawConfig, RawDirectory, RawDuration, RawS3};
use crate::checks::http::HttpCheck;
use crate::checks::net::address_policy::AddressPolicy;
use crate::checks::net::connect::Address;
use crate::checks::{Check, CheckKind};
use crate::store::settings::{Bucket, Secret, Storage, StoreLocation, WriterKeys};

/// Up to how many endpoints summaries are kept unless the file says: more than that nobody reads as a list, and what
/// they are made of is read anew each time.
const SUMMARIES_UP_TO: usize = 1_000;

/// The key of the list of checks.
const CHECKERS: &str = "checkers";

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(
        "failed to read the configuration `{path}`; `checker init` writes a starter configuration, `-c FILE` names another file"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It can be read, but not used.
    #[error("invalid configuration:\n{}", .0.join("\n"))]
    Invalid(Vec<String>),
}

/// A configuration, and what is left out of it.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// One line for each warning or error of a single check.
    pub warnings: Vec<String>,
}

/// What the world around the file says: environment variables, the host's name.
pub struct Environment<'a> {
    /// Looks up an environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// The host's name, from which the node's follows.
    pub host_name: String,
}

/// Reads and checks the file at `path`.
pub fn load(path: &Path, environment: &Environment<'_>) -> Result<Loaded, ConfigError> {
    let text = read(path)?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let (config, problems) = from_text(&text, folder, environment);
    let lines = problems.lines_from(Severity::Warning, &path.display().to_string(), &text);
    match config {
        Some(config) => Ok(Loaded { config, warnings: lines }),
        None => Err(ConfigError::Invalid(lines)),
    }
}

/// Every problem of the file at `path`, one line each, and whether one of them has to be mended.
pub fn validate(path: &Path, environment: &Environment<'_>) -> Result<(Vec<String>, bool), ConfigError> {
    let text = read(path)?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let (config, mut problems) = from_text(&text, folder, environment);
    if let Some(config) = config {
        for (check, at) in config.checks.iter().zip(check_places(&text, environment)) {
            if matches!(check.kind, CheckKind::Heartbeat(_)) && config.storage.is_none() {
                let text = format!("\"{}\": heartbeats are read from the store; add `storage`", check.title);
                problems.add(Problem::error(at, text));
            }
            if let Err(error) = check.kind.probe().preflight() {
                problems.add(Problem::error(at, format!("\"{}\": {error}", check.title)));
            }
        }
    }
    Ok((problems.lines(&path.display().to_string(), &text), problems.has_errors()))
}

/// The text of a configuration file.
pub(crate) fn read(path: &Path) -> Result<String, ConfigError> {
    let mut text =
        std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    // Some editors put a mark before a text that says how it is encoded.
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    Ok(text)
}

/// Where each check of a well-formed file stands.
fn check_places(text: &str, environment: &Environment<'_>) -> Vec<usize> {
    let mut places = Vec::new();
    let mut take = |check: Located<'_>, _: &mut Problems| places.push(check.at);
    let streamed = StreamedList { key: CHECKERS, take: &mut take };
    match parser::parse(text, environment.variable, &mut Problems::default(), Some(streamed)) {
        Ok(_) => places,
        Err(_) => Vec::new(),
    }
}

/// The configuration in a text, if it can be used, and every problem of it; one of a single check leaves the others. `folder` is where relative paths start.
#[must_use]
pub fn from_text(text: &str, folder: &Path, environment: &Environment<'_>) -> (Option<Config>, Problems) {
    let mut problems = Problems::default();
    let (mut checks, mut index) = (Vec::new(), 0);
    let mut told_before = 0;
    // Each check is made of its part of the file at once, while both are at hand.
    let mut take = |located: Located<'_>, problems: &mut Problems| {
        validate::validate_element(&located, &CHECKER, CHECKERS, index, problems);
        if problems.errors() == told_before {
            checks.extend(checks::convert(&located, index, folder, problems).map(Arc::new));
        } else {
            // No check is made of it, and what else is wrong there is told all the same.
            let _ = checks::read_assertions(&located, index, problems);
        }
        told_before = problems.errors();
        index += 1;
    };
    let streamed = StreamedList { key: CHECKERS, take: &mut take };
    let config = match parser::parse(text, environment.variable, &mut problems, Some(streamed)) {
        Ok(root) => {
            validate::validate_root(&root, &spec::ROOT, &mut problems);
            if problems.errors() > 0 { None } else { convert(&root, checks, folder, environment, &mut problems) }
        }
        Err(problem) => {
            problems = Problems::default();
            problems.add(problem);
            None
        }
    };
    (config.filter(|_| problems.errors() == 0), problems)
}

/// From a tree that was inspected to the valid configuration; what cannot be seen from the kind is found here.
fn convert(
    root: &Located,
    mut checks: Vec<Arc<Check>>,
    folder: &Path,
    environment: &Environment<'_>,
    problems: &mut Problems,
) -> Option<Config> {
    checks.shrink_to_fit();
    let place_of = |key: &str| root.member(key).map_or(root.at, |member| member.at);
    let raw: RawConfig = read_as(root, problems)?;
    let node = match &raw.node {
        Some(name) => NodeName::new(name)
            .map_err(|error| problems.add(Problem::error(place_of("node"), format!("`node`: {error}"))))
            .ok()?,
        None => NodeName::from_host_name(&environment.host_name),
    };
    let timestamp = raw.timestamp.as_ref().and_then(|text| {
        let parsed = DateTime::parse_from_rfc3339(text).ok().and_then(|time| time.timestamp_nanos_opt());
        if parsed.is_none() {
            let text = format!("`timestamp` is `{text}`; write a time as in RFC 3339, such as `2026-08-22T14:00:00Z`");
            problems.add(Problem::error(place_of("timestamp"), text));
        }
        parsed
    });
    let mut online_check = Vec::new();
    for text in &raw.online_check {
        match Address::parse(text, None) {
            Ok(address) => online_check.push(address),
            Err(error) => {
                problems.add(Problem::error(place_of("online_check"), format!("`online_check`: {error}")));
            }
        }
    }
    for key in ["notifiers", "notifier"] {
        if root.member(key).is_some() {
            problems.add(Problem::warning(
                place_of(key),
                format!("`{key}`: notifications are not yet supported; nobody is notified"),
            ));
        }
    }
    let storage = root.member("storage").and_then(|located| convert_storage(located, folder, problems));
    let state = state_directory(environment.variable).unwrap_or_else(|| folder.to_owned());
    let summaries = raw.summaries.unwrap_or(checks.len() <= SUMMARIES_UP_TO);
    Some(Config {
        node,
        every: raw.every.map(|every| every.0),
        concurrent_checks: Some(raw.concurrent_checks).filter(|count| *count > 0),
        address_policy: if raw.deny_private_addresses { AddressPolicy::PublicOnly } else { AddressPolicy::AllowAll },
        checks,
        online_check,
        storage,
        summaries,
        spool_dir: raw.spool_dir.map_or_else(|| state.join("checkup").join("spool"), |dir| folder.join(dir)),
        page: page::convert(root.member("page"), problems),
        timestamp,
    })
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
        other => {
            // A kind of check that is missing leaves the others; without its store a checker has no job.
            let text = format!("`storage`: the type `{other}` is not yet supported; supported: `s3`, `fs`");
            problems.add(Problem::error(located.at, text));
            None
        }
    }
}

fn history_expiry(raw: Option<RawDuration>) -> Nanos {
    raw.map_or(DEFAULT_EXPIRY, |age| age.0)
}

fn convert_bucket(raw: RawS3, located: &Located, problems: &mut Problems) -> Bucket {
    let mut problem = |key: &str, text: String| {
        let at = located.member(key).map_or(located.at, |member| member.at);
        problems.add(Problem::error(at, format!("`storage.{key}`: {text}")));
    };
    if let Err(error) = validate_prefix(&raw.prefix) {
        problem("prefix", error.to_string());
    }
    if let Some(url) = &raw.endpoint_url
        && let Err(error) = HttpCheck::parse_url(url)
    {
        problem("endpoint_url", error.to_string());
    }
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let keys = match (given(raw.access_key_id), given(raw.secret_access_key)) {
        (Some(access_key_id), Some(secret)) => {
            Some(WriterKeys { access_key_id, secret_access_key: Secret::new(secret) })
        }
        (None, None) => None,
        (Some(_), None) => {
            problem("secret_access_key", "is missing beside `access_key_id`; write both, or none to use the environment, the profile or the instance's role".to_owned());
            None
        }
        (None, Some(_)) => {
            problem("access_key_id", "is missing beside `secret_access_key`; write both, or none to use the environment, the profile or the instance's role".to_owned());
            None
        }
    };
    if raw.bucket.is_empty() {
        problem("bucket", "is empty; write the bucket's name".to_owned());
    }
    let address_style = if raw.path_style { AddressStyle::Path } else { AddressStyle::VirtualHost };
    Bucket {
        name: raw.bucket,
        region: given(raw.region),
        endpoint_url: given(raw.endpoint_url),
        address_style,
        prefix: raw.prefix,
        keys,
    }
}

/// Where programs keep state that should outlive them, by the XDG rules.
fn state_directory(variable: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let absolute = |text: String| Some(PathBuf::from(text)).filter(|path| path.is_absolute());
    variable("XDG_STATE_HOME")
        .and_then(absolute)
        .or_else(|| variable("HOME").and_then(absolute).map(|home| home.join(".local/state")))
}

fn duration(nanos: Nanos) -> Duration {
    Duration::from_nanos(nanos.unsigned_abs())
}

/// Serde's view of a tree that fits the table; should the two ever disagree, it is a problem and no panic.
fn read_as<T: DeserializeOwned>(located: &Located, problems: &mut Problems) -> Option<T> {
    T::deserialize(located)
        .map_err(|error| problems.add(Problem::error(located.at, format!("it does not fit: {error}"))))
        .ok()
}
