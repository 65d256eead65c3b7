//! The keys that several or all types of checks share.

use serde::Deserialize;
use shared::quorum::Quorum;
use shared::{Nanos, SECOND};

use crate::checks::net::address_filter::IpVersion;
use crate::checks::{Check, CheckKind};
use crate::config::duration;
use crate::config::notifiers::check_keys;
use crate::config::patterns;
use crate::config::raw::{RawDuration, StringOrNumber};
use crate::config::spec::{CENTURY, DAY, Field, ValueKind, optional, required};

/// The default pause before a retry, which is long enough for most transient failures to pass.
const DEFAULT_RETRY_DELAY: Nanos = SECOND;
const SHORTEST_TIMEOUT: Nanos = SECOND / 1_000;

/// The keys that every type of check accepts.
pub(super) const COMMON: &[Field] = &[
    optional(
        "id",
        ValueKind::Pattern(patterns::ID),
        "none: the title and the locator identify the endpoint",
        "A name that never changes, so that the endpoint keeps its history when its title or URL changes; see [Endpoints](#endpoints).",
    ),
    optional(
        "attempts",
        ValueKind::Integer(0, 1_000),
        "`1`; `0` means the same",
        "The number of attempts per check. If more of them fail than `failures_allowed`, the endpoint is down.",
    ),
    optional("attempt_spacing", ValueKind::Duration(0, DAY), "`0`", "The pause between attempts."),
    optional(
        "threshold_rtt",
        ValueKind::Duration(0, CENTURY),
        "none",
        "The median round-trip time above which the endpoint is degraded.",
    ),
    optional(
        "failures_allowed",
        ValueKind::Integer(0, 999),
        "`0`",
        "How many of the attempts can fail before the endpoint is down, at most one less than `attempts`.",
    ),
    optional(
        "invert",
        ValueKind::Bool,
        "`false`",
        "Whether the check must fail, for example because a port must be closed: the endpoint is down if the check succeeds. If it cannot be determined whether the endpoint fails, for example because its name cannot be resolved, its status is unknown.",
    ),
    optional(
        "retries",
        ValueKind::Integer(0, 100),
        "`0`",
        "How many times a failed attempt is repeated before it counts. Failures followed by a successful retry stay visible in the result.",
    ),
    optional(
        "retry_delay",
        ValueKind::Duration(0, DAY),
        "`1s`",
        "The pause before a retry.",
    ),
    optional(
        "failures_before_down",
        ValueKind::Integer(0, 100),
        "`1`; `0` means the same",
        "How many times in a row a worse status must be observed before it applies. It then applies from its first occurrence.",
    )
    .formerly("confirm"),
    optional(
        "every",
        ValueKind::Duration(SECOND, DAY),
        "the file's `every`",
        "The interval between checks of this endpoint, for `serve` and `run --every`.",
    ),
    optional(
        "every_when_unhealthy",
        ValueKind::Duration(SECOND, DAY),
        "the endpoint's `every`",
        "The interval while the endpoint is not healthy.",
    )
    .formerly("every_when_down"),
    optional(
        "quorum",
        ValueKind::Quorum,
        "`\"majority\"`",
        "How many of the reporting nodes must report the endpoint as down: `\"any\"`, `\"majority\"`, `\"all\"`, or a number. Results contain it, so the page and `checker status` agree.",
    )
    .formerly("verdict"),
    optional(
        "assertions",
        ValueKind::Assertions,
        "none",
        "Conditions that the response must meet, for example `[STATUS] == 200` or `[BODY].queue.depth < 500`; see [Assertions](assertions.md).",
    ),
    check_keys::NOTIFY,
    check_keys::DEPENDS_ON,
    check_keys::SLO,
];

pub(super) const PROXY: Field = optional(
    "proxy",
    ValueKind::Pattern(patterns::PROXY),
    "from the environment; see [Proxies](#proxies)",
    "The proxy to connect through, for example `http://proxy.example:3128`, or `none` to connect directly.",
);

pub(super) const NAME: Field =
    required("endpoint_name", ValueKind::Pattern(patterns::NOT_BLANK), "The title of the endpoint.");
pub(super) const TIMEOUT: Field =
    timeout("`10s`", "The time limit for an attempt, from the DNS lookup to the last byte that is read.");
pub(super) const IP_VERSION: Field = optional(
    "ip_version",
    ValueKind::Numbers(IpVersion::NUMBERS),
    "both; the first address that accepts the connection is used",
    "The IP version to connect over.",
);
pub(super) const TLS_CA_FILE: Field = optional(
    "tls_ca_file",
    ValueKind::String,
    "the system's certificate authorities",
    "A PEM file with the certificates to trust instead of the system's: those of certificate authorities, or the server's own.",
);
pub(super) const TLS_SKIP_VERIFY: Field = optional(
    "tls_skip_verify",
    ValueKind::Bool,
    "`false`",
    "Whether to accept any certificate. The check then does not verify which server responds.",
);
pub(super) const CLIENT_CERT_FILE: Field = optional(
    "client_cert_file",
    ValueKind::String,
    "none",
    "A PEM file with a client certificate (mutual TLS), followed by the certificates of its authorities. The file is reloaded when it changes.",
);
pub(super) const CLIENT_KEY_FILE: Field = optional(
    "client_key_file",
    ValueKind::String,
    "`client_cert_file`",
    "A PEM file with the private key for `client_cert_file`, without a password.",
);
pub(super) const MIN_TLS_VERSION: Field = optional(
    "min_tls_version",
    ValueKind::Enum(&["1.2", "1.3"]),
    "`\"1.2\"`",
    "The lowest TLS version that the server may choose.",
);
pub(super) const RESOLVE: Field = optional(
    "resolve",
    ValueKind::Pattern(patterns::ADDRESS),
    "what the name resolves to",
    "The address to connect to instead of the host of `endpoint_url`, with or without a port: `192.0.2.7`, `[2001:db8::7]:8443`. The request stays the same.",
);
pub(super) const SERVER_NAME: Field = optional(
    "server_name",
    ValueKind::String,
    "the host of `endpoint_url`",
    "The name to request (SNI) and to expect in the certificate.",
);
pub(super) const STARTTLS: Field = optional(
    "starttls",
    ValueKind::Enum(&["smtp", "imap", "pop3", "postgres"]),
    "none: TLS starts immediately",
    "The protocol that upgrades a plain connection to TLS.",
);

pub(super) const fn timeout(default: &'static str, description: &'static str) -> Field {
    optional("timeout", ValueKind::Duration(SHORTEST_TIMEOUT, DAY), default, description)
}

#[derive(Deserialize)]
pub(super) struct RawCommon {
    #[serde(alias = "name")]
    pub endpoint_name: String,
    pub id: Option<String>,
    #[serde(default)]
    pub attempts: u32,
    pub attempt_spacing: Option<RawDuration>,
    pub threshold_rtt: Option<RawDuration>,
    pub timeout: Option<RawDuration>,
    #[serde(default)]
    pub failures_allowed: u32,
    #[serde(default)]
    pub invert: bool,
    #[serde(default)]
    pub retries: u32,
    pub retry_delay: Option<RawDuration>,
    #[serde(default, alias = "confirm")]
    pub failures_before_down: u32,
    pub every: Option<RawDuration>,
    #[serde(alias = "every_when_down")]
    pub every_when_unhealthy: Option<RawDuration>,
    #[serde(alias = "verdict")]
    pub quorum: Option<StringOrNumber>,
}

impl RawCommon {
    /// Creates the check. The caller adds the assertions and the data that they require.
    pub(super) fn into_check(self, kind: CheckKind) -> Check {
        Check {
            id: self.id.map(String::into_boxed_str),
            attempts: self.attempts.max(1),
            attempt_spacing: duration(self.attempt_spacing.map_or(0, |spacing| spacing.0)),
            threshold: self.threshold_rtt.map_or(0, |threshold| threshold.0),
            quorum: quorum(self.quorum),
            invert: self.invert,
            failures_allowed: self.failures_allowed,
            retries: self.retries,
            retry_delay: duration(self.retry_delay.map_or(DEFAULT_RETRY_DELAY, |delay| delay.0)),
            failures_before_down: self.failures_before_down.max(1),
            every: self.every.map(|every| every.0),
            every_when_unhealthy: self.every_when_unhealthy.map(|every| every.0),
            ..Check::new(&self.endpoint_name, kind)
        }
    }
}

/// Converts the quorum, which validation has accepted.
fn quorum(raw: Option<StringOrNumber>) -> Quorum {
    let text = match raw {
        None => return Quorum::default(),
        Some(StringOrNumber::String(text)) => text,
        Some(StringOrNumber::Number(number)) => number.to_string(),
    };
    text.parse().unwrap_or_default()
}

/// The keys that determine which certificates the checker trusts, and which certificate identifies it.
#[derive(Deserialize)]
pub(super) struct RawTlsSettings {
    pub tls_ca_file: Option<String>,
    #[serde(default)]
    pub tls_skip_verify: bool,
    pub client_cert_file: Option<String>,
    pub client_key_file: Option<String>,
    pub min_tls_version: Option<String>,
}
