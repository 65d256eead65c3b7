//! Checks as serde deserializes them, after validation has accepted them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::checks::http::status_codes::StatusCodes;
use crate::config::raw::{OneOrMany, RawDuration, TextOrNumber};

/// The keys that are common to all types of check.
#[derive(Deserialize)]
pub(super) struct RawCommon {
    #[serde(alias = "name")]
    pub endpoint_name: String,
    #[serde(default)]
    pub attempts: u32,
    pub attempt_spacing: Option<RawDuration>,
    pub threshold_rtt: Option<RawDuration>,
    pub timeout: Option<RawDuration>,
    #[serde(default)]
    pub retries: u32,
    pub retry_delay: Option<RawDuration>,
    #[serde(default, alias = "confirm")]
    pub failures_before_down: u32,
    pub every: Option<RawDuration>,
    #[serde(alias = "every_when_down")]
    pub every_when_unhealthy: Option<RawDuration>,
    #[serde(alias = "verdict")]
    pub quorum: Option<TextOrNumber>,
}

#[derive(Deserialize)]
pub(super) struct RawHttp {
    pub endpoint_url: String,
    pub method: Option<String>,
    #[serde(default)]
    pub headers: BTreeMap<String, OneOrMany>,
    pub body: Option<String>,
    pub up_status: Option<StatusCodes>,
    #[serde(default)]
    pub must_contain: String,
    #[serde(default)]
    pub must_not_contain: String,
    #[serde(default)]
    pub max_redirects: u32,
    pub body_limit: Option<usize>,
}

#[derive(Deserialize)]
pub(super) struct RawTrust {
    pub tls_ca_file: Option<String>,
    #[serde(default)]
    pub tls_skip_verify: bool,
}

#[derive(Deserialize)]
pub(super) struct RawTcp {
    pub endpoint_url: String,
    pub tls: Option<bool>,
    pub starttls: Option<String>,
    pub server_name: Option<String>,
    #[serde(default)]
    pub script: Vec<RawStep>,
    #[serde(flatten)]
    pub trust: RawTrust,
}

#[derive(Deserialize)]
pub(super) struct RawStep {
    pub send: Option<String>,
    pub expect: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct RawTls {
    pub endpoint_url: String,
    pub starttls: Option<String>,
    pub server_name: Option<String>,
    pub cert_expiry_threshold: Option<RawDuration>,
    pub cert_expiry_down: Option<RawDuration>,
    #[serde(default)]
    pub trusted_roots: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct RawDns {
    pub endpoint_url: String,
    pub hostname_fqdn: String,
    pub record_type: Option<String>,
    #[serde(default)]
    pub expected_answers: Vec<String>,
    pub rcode: Option<String>,
    #[serde(default)]
    pub dnssec: bool,
}

#[derive(Deserialize)]
pub(super) struct RawIcmp {
    pub endpoint_url: String,
}

#[derive(Deserialize)]
pub(super) struct RawWebSocket {
    pub endpoint_url: String,
    #[serde(default)]
    pub headers: BTreeMap<String, OneOrMany>,
    pub send: Option<String>,
    pub expect: Option<String>,
    #[serde(flatten)]
    pub trust: RawTrust,
}

#[derive(Deserialize)]
pub(super) struct RawGrpc {
    pub endpoint_url: String,
    #[serde(default)]
    pub service: String,
    #[serde(default)]
    pub tls: bool,
    pub server_name: Option<String>,
    #[serde(flatten)]
    pub trust: RawTrust,
}

#[derive(Deserialize)]
pub(super) struct RawExec {
    pub command: String,
    #[serde(default)]
    pub arguments: Vec<String>,
    pub exit_status: Option<i32>,
    #[serde(default)]
    pub must_contain: String,
    #[serde(default)]
    pub must_not_contain: String,
    #[serde(default)]
    pub raise: String,
}

#[derive(Deserialize)]
pub(super) struct RawHeartbeat {
    pub job: String,
    pub interval: RawDuration,
    pub grace: Option<RawDuration>,
}
