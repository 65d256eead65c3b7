//! Checks as written: serde's view of what stands in the file, after it was found well formed.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::checks::http::status_codes::StatusCodes;
use crate::config::raw::{OneOrMany, TextOrNumber, WrittenDuration};

/// What every kind of check has.
#[derive(Deserialize)]
pub(super) struct WrittenCommon {
    #[serde(alias = "name")]
    pub endpoint_name: String,
    #[serde(default)]
    pub attempts: u32,
    pub attempt_spacing: Option<WrittenDuration>,
    pub threshold_rtt: Option<WrittenDuration>,
    pub timeout: Option<WrittenDuration>,
    #[serde(default)]
    pub retries: u32,
    pub retry_delay: Option<WrittenDuration>,
    #[serde(default)]
    pub confirm: u32,
    pub every: Option<WrittenDuration>,
    pub every_when_down: Option<WrittenDuration>,
    pub verdict: Option<TextOrNumber>,
}

#[derive(Deserialize)]
pub(super) struct WrittenHttp {
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

/// Whose certificates are trusted.
#[derive(Deserialize)]
pub(super) struct WrittenTrust {
    pub tls_ca_file: Option<String>,
    #[serde(default)]
    pub tls_skip_verify: bool,
}

#[derive(Deserialize)]
pub(super) struct WrittenTcp {
    pub endpoint_url: String,
    pub tls: Option<bool>,
    pub starttls: Option<String>,
    pub server_name: Option<String>,
    #[serde(default)]
    pub script: Vec<WrittenStep>,
    #[serde(flatten)]
    pub trust: WrittenTrust,
}

#[derive(Deserialize)]
pub(super) struct WrittenStep {
    pub send: Option<String>,
    pub expect: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct WrittenTls {
    pub endpoint_url: String,
    pub starttls: Option<String>,
    pub server_name: Option<String>,
    pub cert_expiry_threshold: Option<WrittenDuration>,
    pub cert_expiry_down: Option<WrittenDuration>,
    #[serde(default)]
    pub trusted_roots: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct WrittenDns {
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
pub(super) struct WrittenIcmp {
    pub endpoint_url: String,
}

#[derive(Deserialize)]
pub(super) struct WrittenWebSocket {
    pub endpoint_url: String,
    #[serde(default)]
    pub headers: BTreeMap<String, OneOrMany>,
    pub send: Option<String>,
    pub expect: Option<String>,
    #[serde(flatten)]
    pub trust: WrittenTrust,
}

#[derive(Deserialize)]
pub(super) struct WrittenGrpc {
    pub endpoint_url: String,
    #[serde(default)]
    pub service: String,
    #[serde(default)]
    pub tls: bool,
    pub server_name: Option<String>,
    #[serde(flatten)]
    pub trust: WrittenTrust,
}

#[derive(Deserialize)]
pub(super) struct WrittenExec {
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
pub(super) struct WrittenHeartbeat {
    pub job: String,
    pub interval: WrittenDuration,
    pub grace: Option<WrittenDuration>,
}
