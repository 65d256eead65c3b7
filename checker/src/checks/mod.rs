//! The kinds of check, one file or folder each: a [`Probe`] makes one attempt at an endpoint, [`run()`] makes all
//! attempts of a [`Check`].
//!
//! A failing endpoint is an attempt with an error, never an `Err`. This module only observes: [`crate::monitor`]
//! evaluates the attempts, and nothing here depends on the configuration file or the stores.
//!
//! To add a kind of check, write its file here, add its variant to [`CheckKind`], and add its row to the
//! configuration table (`config/checks`).
//!
//! What several kinds share: [`net`] opens connections, [`assertions`] evaluates conditions, [`timing`] measures an
//! attempt, and `error_text` describes library errors in words for users.

pub mod assertions;
mod attempt;
mod context;
pub mod dns;
mod error_text;
pub mod exec;
mod expected_text;
pub mod grpc;
pub mod heartbeat;
pub mod http;
pub mod icmp;
mod misconfigured;
pub mod net;
pub mod probe_data;
mod run;
pub mod status_codes;
pub mod tcp;
#[cfg(test)]
mod test_certificates;
#[cfg(test)]
mod test_server;
pub mod timing;
pub mod tls;
#[cfg(test)]
mod tls_tests;
pub mod websocket;

use std::sync::Arc;
use std::time::Duration;

use ::http::request::Parts;
use futures_util::future::BoxFuture;
use shared::Nanos;
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
use self::tcp::TcpCheck;
use self::tls::TlsCheck;
use self::websocket::WebSocketCheck;

/// One endpoint to check: the settings that all kinds of check have in common, and the kind.
#[derive(Debug, Clone)]
pub struct Check {
    /// The name of the endpoint.
    pub title: String,
    /// How many attempts one check makes; at least one.
    pub attempts: u32,
    /// The pause between two attempts.
    pub attempt_spacing: Duration,
    /// The median round-trip time above which the endpoint is degraded, in nanoseconds; 0 turns this off.
    pub threshold: Nanos,
    /// How the results of several nodes are combined.
    pub quorum: Quorum,
    /// How many times a failed attempt is retried before it counts as a failure.
    pub retries: u32,
    /// The pause before a retry.
    pub retry_delay: Duration,
    /// How many worse results in a row confirm a worse status; at least one.
    pub failures_before_down: u32,
    /// The interval between checks, if this check overrides the default.
    pub every: Option<Nanos>,
    /// The interval while the endpoint is not healthy.
    pub every_when_unhealthy: Option<Nanos>,
    /// Conditions that the data of each attempt must meet.
    pub assertions: Arc<[Assertion]>,
    /// What attempts must capture for the assertions.
    pub capture: Capture,
    /// How the endpoint is probed.
    pub kind: CheckKind,
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
    /// A check whose configuration is invalid. Every round reports its status as unknown, with the reason.
    Misconfigured(Box<MisconfiguredCheck>),
}

/// Makes one attempt at one kind of endpoint.
pub trait Probe: Send + Sync {
    /// The name of the kind in configurations and check files.
    fn type_name(&self) -> &str;

    /// What is checked: a URL, a host and port, a command or a job.
    fn locator(&self) -> &str;

    /// The time limit for one attempt.
    fn timeout(&self) -> Duration;

    /// The host that the probe connects to, a name or an IP address.
    fn host(&self) -> Option<&str> {
        None
    }

    /// Whether the outcome depends on the network of this node.
    fn uses_network(&self) -> bool {
        true
    }

    /// The status of the endpoint if an attempt fails.
    fn failure_status(&self) -> Status {
        Status::Down
    }

    /// The configuration that would enable TLS, if the probe supports TLS and does not use it.
    fn how_to_enable_tls(&self) -> Option<&'static str> {
        None
    }

    /// The head of the HTTP request that the probe sends, if it sends one.
    fn request_head(&self) -> Option<Parts> {
        None
    }

    /// Reports what prevents this check from running on this machine, if that can be detected without an attempt.
    fn preflight(&self) -> Result<(), String> {
        Ok(())
    }

    /// Makes one attempt. The error explains why that was not possible; the endpoint's status is then unknown.
    fn probe<'a>(&'a self, capture: Capture, context: &'a CheckContext) -> BoxFuture<'a, Probed>;
}

impl Check {
    /// Creates a check of this kind with defaults for everything else.
    #[must_use]
    pub fn new(title: &str, kind: CheckKind) -> Check {
        Check {
            title: title.to_owned(),
            attempts: 1,
            attempt_spacing: Duration::ZERO,
            threshold: 0,
            quorum: Quorum::default(),
            retries: 0,
            retry_delay: Duration::ZERO,
            failures_before_down: 1,
            every: None,
            every_when_unhealthy: None,
            assertions: Arc::new([]),
            capture: Capture::default(),
            kind,
        }
    }
}

impl CheckKind {
    /// The probe of this kind.
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
            CheckKind::Misconfigured(check) => &**check,
        }
    }

    /// The name of the kind in configurations and check files.
    #[must_use]
    pub fn type_name(&self) -> &str {
        self.probe().type_name()
    }

    /// What is checked: a URL, a host and port, a command or a job.
    #[must_use]
    pub fn locator(&self) -> &str {
        self.probe().locator()
    }
}
