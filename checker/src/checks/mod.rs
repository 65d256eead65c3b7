//! The kinds of checks, each in a separate file or folder. A [`Probe`] makes one attempt at an endpoint, and [`run()`]
//! makes all attempts of a [`Check`].
//!
//! A failing endpoint results in an attempt with an error, never in an `Err`. This module only observes:
//! [`crate::monitor`] evaluates the attempts, and nothing here depends on the configuration file or the stores.
//!
//! To add a kind of check, write its file here, add its variant to [`CheckKind`], and add its row to the configuration
//! table (`config/checks`).
//!
//! All kinds share some modules: [`net`] opens connections, [`assertions`] evaluates conditions, [`timing`] measures an
//! attempt, and `error_text` describes library errors in words for users.

pub mod assertions;
mod attempt;
pub mod body_text;
mod coding;
mod compression;
mod context;
pub mod dns;
mod error_text;
pub mod exec;
mod expected_text;
pub mod grpc;
pub mod heartbeat;
pub mod http;
pub mod icmp;
mod inversion;
mod json_escapes;
mod legacy_text;
mod misconfigured;
pub mod net;
mod output_streams;
pub mod probe_data;
mod run;
pub mod searched_text;
pub mod status_codes;
pub mod statuspage;
pub mod tcp;
#[cfg(test)]
mod test_certificates;
#[cfg(test)]
mod test_server;
pub mod text_pattern;
pub mod timing;
pub mod tls;
#[cfg(test)]
mod tls_tests;
pub mod undeclared_text;
mod unknown_letters;
mod utf_8_text;
mod visible_text;
pub mod websocket;
mod wide_runs;
mod wide_text;

use std::sync::Arc;
use std::time::Duration;

use ::http::request::Parts;
use futures_util::future::BoxFuture;
use shared::Nanos;
use shared::budget::Objective;
use shared::quorum::Quorum;
use shared::status::Status;

use self::assertions::Assertion;
pub use self::attempt::{AttemptRecord, Failure, ProbeResult, Probed};
pub use self::context::{CheckContext, HeartbeatRead, HeartbeatReader};
use self::dns::DnsCheck;
use self::exec::ExecCheck;
use self::grpc::GrpcCheck;
use self::heartbeat::HeartbeatCheck;
use self::http::HttpCheck;
use self::icmp::IcmpCheck;
pub use self::misconfigured::MisconfiguredCheck;
use self::probe_data::Capture;
pub use self::run::{CheckOutcome, attempt, run};
use self::statuspage::StatuspageCheck;
use self::tcp::TcpCheck;
use self::tls::TlsCheck;
use self::websocket::WebSocketCheck;

/// An endpoint to check, with the settings that all kinds of checks share.
#[derive(Debug, Clone)]
pub struct Check {
    /// The name of the endpoint.
    pub title: String,
    /// The id that keeps the endpoint's history together if the title or the locator changes.
    pub id: Option<Box<str>>,
    /// The number of attempts per check, at least one.
    pub attempts: u32,
    /// The pause between two attempts of a check.
    pub attempt_spacing: Duration,
    /// The median round-trip time above which the endpoint is degraded, in nanoseconds. Zero turns this off.
    pub threshold: Nanos,
    /// How the results of several nodes are combined.
    pub quorum: Quorum,
    /// The endpoint's service level objective. Boxed because few endpoints have one.
    pub objective: Option<Box<Objective>>,
    /// Whether the check is inverted, which means that its attempts must fail.
    pub invert: bool,
    /// The number of attempts that can fail before the endpoint is down.
    pub failures_allowed: u32,
    /// How many times a failed attempt is retried before it counts as a failure.
    pub retries: u32,
    /// The pause before a retry.
    pub retry_delay: Duration,
    /// The number of consecutive worse results that confirm a worse status, at least one.
    pub failures_before_down: u32,
    /// The interval between checks, if this check overrides the default.
    pub every: Option<Nanos>,
    /// The interval while the endpoint is not healthy.
    pub every_when_unhealthy: Option<Nanos>,
    /// The conditions that each attempt's data must meet.
    pub assertions: Arc<[Assertion]>,
    /// The data that attempts must capture for the assertions.
    pub capture: Capture,
    /// How the endpoint is probed.
    pub kind: CheckKind,
    /// Other checks with the same title and locator. The endpoint gets the worst of all their results.
    pub duplicates: Box<[Arc<Check>]>,
}

#[derive(Debug, Clone)]
pub enum CheckKind {
    /// An HTTP or HTTPS request.
    Http(Box<HttpCheck>),
    /// A TCP connection with an optional dialog.
    Tcp(Box<TcpCheck>),
    /// A TLS handshake and the expiry of its certificates.
    Tls(Box<TlsCheck>),
    Dns(Box<DnsCheck>),
    Icmp(Box<IcmpCheck>),
    /// A WebSocket connection with an optional message.
    WebSocket(Box<WebSocketCheck>),
    /// A call to the gRPC health service.
    Grpc(Box<GrpcCheck>),
    Exec(Box<ExecCheck>),
    /// A job that sends heartbeats.
    Heartbeat(Box<HeartbeatCheck>),
    /// The status that another company's status page reports.
    Statuspage(Box<StatuspageCheck>),
    /// A check whose configuration is invalid. Every round reports its status as unknown, with the reason.
    Misconfigured(Box<MisconfiguredCheck>),
}

/// Makes one attempt at one kind of endpoint.
pub trait Probe: Send + Sync {
    /// Returns the name of this kind of check in configurations and check files.
    fn type_name(&self) -> &str;

    /// Returns what is checked: a URL, a host and port, a command or a job.
    fn locator(&self) -> &str;

    /// Returns the time limit for one attempt.
    fn timeout(&self) -> Duration;

    /// Returns the name or IP address of the host that the probe connects to.
    fn host(&self) -> Option<&str> {
        None
    }

    /// Returns whether the outcome depends on this node's network.
    fn uses_network(&self) -> bool {
        true
    }

    /// Returns the endpoint's status if an attempt fails.
    fn failure_status(&self) -> Status {
        Status::Down
    }

    /// Returns the configuration that would enable TLS, if the probe supports TLS and does not use it.
    fn how_to_enable_tls(&self) -> Option<&'static str> {
        None
    }

    /// Returns the head of the HTTP request that the probe sends, if it sends one.
    fn request_head(&self) -> Option<Parts> {
        None
    }

    /// Reports what prevents this check from running on this machine, if that can be detected without an attempt.
    fn preflight(&self) -> Result<(), String> {
        Ok(())
    }

    /// Makes one attempt. An error explains why no attempt was possible, in which case the endpoint's status is
    /// unknown.
    fn probe<'a>(&'a self, capture: Capture, context: &'a CheckContext) -> BoxFuture<'a, Probed>;
}

impl Check {
    /// Creates a check of this kind with defaults for all other settings.
    #[must_use]
    pub fn new(title: &str, kind: CheckKind) -> Check {
        Check {
            title: title.to_owned(),
            id: None,
            attempts: 1,
            attempt_spacing: Duration::ZERO,
            threshold: 0,
            quorum: Quorum::default(),
            objective: None,
            invert: false,
            failures_allowed: 0,
            retries: 0,
            retry_delay: Duration::ZERO,
            failures_before_down: 1,
            every: None,
            every_when_unhealthy: None,
            assertions: Arc::new([]),
            capture: Capture::default(),
            kind,
            duplicates: Box::default(),
        }
    }
}

impl CheckKind {
    /// Returns the probe for this kind of check.
    #[must_use]
    pub fn probe(&self) -> &dyn Probe {
        match self {
            CheckKind::Http(check) => &**check,
            CheckKind::Tcp(check) => &**check,
            CheckKind::Tls(check) => &**check,
            CheckKind::Dns(check) => &**check,
            CheckKind::Icmp(check) => &**check,
            CheckKind::WebSocket(check) => &**check,
            CheckKind::Grpc(check) => &**check,
            CheckKind::Exec(check) => &**check,
            CheckKind::Heartbeat(check) => &**check,
            CheckKind::Statuspage(check) => &**check,
            CheckKind::Misconfigured(check) => &**check,
        }
    }

    /// Returns the name of this kind of check in configurations and check files.
    #[must_use]
    pub fn type_name(&self) -> &str {
        self.probe().type_name()
    }

    /// Returns what is checked: a URL, a host and port, a command or a job.
    #[must_use]
    pub fn locator(&self) -> &str {
        self.probe().locator()
    }
}
