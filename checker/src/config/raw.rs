//! The configuration as serde deserializes it, after [`mod@super::validate`] has accepted it.

use std::collections::BTreeMap;

use serde::Deserialize;
use shared::{Nanos, duration};

use super::outputs::RawOutputs;

#[derive(Deserialize)]
pub(super) struct RawConfig {
    pub node: Option<String>,
    pub author: Option<String>,
    #[serde(default)]
    pub templates: BTreeMap<String, RawTemplate>,
    pub every: Option<RawDuration>,
    #[serde(default)]
    pub concurrent_checks: usize,
    #[serde(default, alias = "connectivity")]
    pub online_check: Vec<String>,
    #[serde(default)]
    pub deny_private_addresses: bool,
    pub spool_dir: Option<String>,
    pub summaries: Option<bool>,
    pub metrics: Option<RawMetrics>,
    pub metrics_file: Option<String>,
    #[serde(default)]
    pub outputs: RawOutputs,
    pub timestamp: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum RawMetrics {
    Switch(bool),
    Access { token: String },
}

#[derive(Deserialize)]
pub(super) struct RawTemplate {
    pub title: Option<String>,
    pub text: Option<String>,
    #[serde(default)]
    pub affects: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct RawS3 {
    pub bucket: String,
    pub region: Option<String>,
    pub access_key_id: Option<String>,
    pub secret_access_key: Option<String>,
    pub endpoint_url: Option<String>,
    #[serde(default)]
    pub path_style: bool,
    #[serde(default)]
    pub prefix: String,
    pub check_expiry: Option<RawDuration>,
    pub history_expiry: Option<RawDuration>,
}

#[derive(Deserialize)]
pub(super) struct RawDirectory {
    pub dir: String,
    pub check_expiry: Option<RawDuration>,
    pub history_expiry: Option<RawDuration>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(super) fn into_vec(self) -> Vec<String> {
        match self {
            OneOrMany::One(text) => vec![text],
            OneOrMany::Many(texts) => texts,
        }
    }
}

/// A string, or an integer that means the same.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum StringOrInteger {
    String(String),
    Integer(i64),
}

impl StringOrInteger {
    pub(super) fn into_string(self) -> String {
        match self {
            StringOrInteger::String(text) => text,
            StringOrInteger::Integer(number) => number.to_string(),
        }
    }
}

/// A string, or a number that is converted to a string.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum StringOrNumber {
    String(String),
    Number(u64),
}

/// A duration in nanoseconds, written as an integer or with units.
#[derive(Deserialize)]
#[serde(try_from = "IntegerOrString")]
pub(super) struct RawDuration(pub Nanos);

#[derive(Deserialize)]
#[serde(untagged)]
enum IntegerOrString {
    Integer(i64),
    String(String),
}

impl TryFrom<IntegerOrString> for RawDuration {
    type Error = duration::ParseDurationError;

    fn try_from(raw: IntegerOrString) -> Result<Self, Self::Error> {
        match raw {
            IntegerOrString::Integer(nanos) => Ok(RawDuration(nanos)),
            IntegerOrString::String(text) => duration::parse(&text).map(RawDuration),
        }
    }
}
