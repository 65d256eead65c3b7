//! The configuration as valid: every value checked, every default filled in. How it is written in a file is
//! [`super::raw`]'s business.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use shared::object_name::NodeName;
use shared::page_config::{PageConfig, Source};
use shared::quorum::Quorum;
use shared::status::Status;
use shared::{Nanos, UnixNanos};

use crate::checks::assertions::Assertion;
use crate::checks::dns::DnsCheck;
use crate::checks::exec::ExecCheck;
use crate::checks::grpc::GrpcCheck;
use crate::checks::heartbeat::HeartbeatCheck;
use crate::checks::http::HttpCheck;
use crate::checks::icmp::{self, IcmpCheck};
use crate::checks::net::address_policy::AddressPolicy;
use crate::checks::net::connect::Address;
use crate::checks::net::tls_config::TlsTrust;
use crate::checks::probe_data::Capture;
use crate::checks::tcp::TcpCheck;
use crate::checks::tls::TlsCheck;
use crate::checks::websocket::WebSocketCheck;
use crate::store::settings::Storage;

/// All that the checker needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Who we are.
    pub node: NodeName,
    /// How often rounds are made, if the file says so; results carry it as their interval.
    pub every: Option<Nanos>,
    /// How many checks may be under way at once, if the file says; at least one.
    pub concurrent_checks: Option<usize>,
    /// Which addresses checks may connect to.
    pub address_policy: AddressPolicy,
    /// What is watched, in the file's order.
    pub checks: Vec<Arc<Check>>,
    /// Addresses one of which can be reached whenever this node is online; none asks nobody.
    pub online_check: Vec<Address>,
    /// Where results go; `None` if the file names no storage.
    pub storage: Option<Storage>,
    /// Whether summaries and badges are kept in the store for those who run no script.
    pub summaries: bool,
    /// Where rounds wait that could not be stored.
    pub spool_dir: PathBuf,
    /// What the page that `checker serve` serves is told.
    pub page: Page,
    /// A time to put on every result instead of the clock's, as the original had it.
    pub timestamp: Option<UnixNanos>,
}

/// One thing to watch, with what every kind of check has in common.
#[derive(Debug, Clone)]
pub struct Check {
    /// What people call it.
    pub title: String,
    /// How many attempts one check makes; at least one.
    pub attempts: u32,
    /// How long to wait between attempts.
    pub attempt_spacing: Duration,
    /// The median round-trip time above which it is degraded, in nanoseconds; 0 is none.
    pub threshold: Nanos,
    /// How several nodes agree on it.
    pub quorum: Quorum,
    /// What a failed attempt means: down, or only degraded.
    pub failure: Status,
    /// How often a failed attempt is repeated before it counts.
    pub retries: u32,
    /// How long to wait before that.
    pub retry_delay: Duration,
    /// How many times in a row a worse status has to be seen before it is believed; at least one.
    pub confirm: u32,
    /// How often it is checked, if the file says so for it alone.
    pub every: Option<Nanos>,
    /// The same while it is not healthy.
    pub every_when_down: Option<Nanos>,
    /// What has to hold of what an attempt saw.
    pub assertions: Arc<[Assertion]>,
    /// What attempts have to look at for the assertions.
    pub capture: Capture,
    /// How it is checked.
    pub kind: CheckKind,
}

/// The kinds of check. A new kind is a file under `check/` and an arm here.
#[derive(Debug, Clone)]
pub enum CheckKind {
    /// An HTTP or HTTPS request.
    Http(Box<HttpCheck>),
    /// A TCP connection, and what is said over it.
    Tcp(Box<TcpCheck>),
    /// A TLS handshake and the certificates it shows.
    Tls(Box<TlsCheck>),
    /// A question to a name server.
    Dns(Box<DnsCheck>),
    /// An ICMP echo request.
    Icmp(Box<IcmpCheck>),
    /// A WebSocket connection.
    WebSocket(Box<WebSocketCheck>),
    /// A question to a gRPC health service.
    Grpc(Box<GrpcCheck>),
    /// A command.
    Exec(Box<ExecCheck>),
    /// A job that reports in.
    Heartbeat(Box<HeartbeatCheck>),
    /// A check that is configured, but cannot be made. Each round says so for its endpoint, as unknown.
    NotPossible {
        /// The word of its kind.
        word: String,
        /// What would be looked at.
        locator: String,
        /// Why it cannot be made, in words.
        why: String,
    },
}

impl Check {
    /// A check of this kind with everything else as it is by default.
    #[must_use]
    pub fn of_kind(title: &str, kind: CheckKind) -> Check {
        Check {
            title: title.to_owned(),
            attempts: 1,
            attempt_spacing: Duration::ZERO,
            threshold: 0,
            quorum: Quorum::default(),
            failure: Status::Down,
            retries: 0,
            retry_delay: Duration::ZERO,
            confirm: 1,
            every: None,
            every_when_down: None,
            assertions: Arc::new([]),
            capture: Capture::default(),
            kind,
        }
    }

    /// What keeps this check from being made on this machine, as far as can be seen without making it.
    pub fn preflight(&self) -> Result<(), String> {
        let readable = |trust: &TlsTrust| match trust.read_authorities() {
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        };
        match &self.kind {
            CheckKind::Http(http) => readable(&http.trust),
            CheckKind::Tcp(tcp) => tcp.tls.as_ref().map_or(Ok(()), |tls| readable(&tls.trust)),
            CheckKind::WebSocket(socket) => socket.tls.as_ref().map_or(Ok(()), |tls| readable(&tls.trust)),
            CheckKind::Grpc(grpc) => grpc.tls.as_ref().map_or(Ok(()), |tls| readable(&tls.trust)),
            CheckKind::Icmp(_) => icmp::socket_type().map(drop),
            CheckKind::Tls(tls) => readable(&tls.options.trust),
            CheckKind::Exec(exec) => exec.find_command().map(drop),
            CheckKind::Dns(_) | CheckKind::Heartbeat(_) | CheckKind::NotPossible { .. } => Ok(()),
        }
    }
}

impl CheckKind {
    /// The word for it in check files.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            CheckKind::Http(_) => "http",
            CheckKind::Tcp(_) => "tcp",
            CheckKind::Tls(_) => "tls",
            CheckKind::Dns(_) => "dns",
            CheckKind::Exec(_) => "exec",
            CheckKind::Icmp(_) => "icmp",
            CheckKind::WebSocket(_) => "websocket",
            CheckKind::Grpc(_) => "grpc",
            CheckKind::Heartbeat(_) => "heartbeat",
            CheckKind::NotPossible { word, .. } => word,
        }
    }

    /// Whether what it finds depends on this node's network.
    #[must_use]
    pub fn needs_network(&self) -> bool {
        !matches!(self, CheckKind::Exec(_) | CheckKind::Heartbeat(_) | CheckKind::NotPossible { .. })
    }

    /// The longest an attempt may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        match self {
            CheckKind::Http(http) => http.timeout,
            CheckKind::Tcp(tcp) => tcp.timeout,
            CheckKind::Tls(tls) => tls.timeout,
            CheckKind::Dns(dns) => dns.timeout,
            CheckKind::Exec(exec) => exec.timeout,
            CheckKind::Icmp(icmp) => icmp.timeout,
            CheckKind::WebSocket(socket) => socket.timeout,
            CheckKind::Grpc(grpc) => grpc.timeout,
            CheckKind::Heartbeat(heartbeat) => heartbeat.timeout,
            CheckKind::NotPossible { .. } => Duration::ZERO,
        }
    }

    /// What is looked at: URL, host:port, command or job.
    #[must_use]
    pub fn locator(&self) -> &str {
        match self {
            CheckKind::Http(http) => &http.locator,
            CheckKind::Tcp(tcp) => &tcp.locator,
            CheckKind::Tls(tls) => &tls.locator,
            CheckKind::Dns(dns) => &dns.locator,
            CheckKind::Exec(exec) => &exec.locator,
            CheckKind::Icmp(icmp) => &icmp.locator,
            CheckKind::WebSocket(socket) => &socket.locator,
            CheckKind::Grpc(grpc) => &grpc.locator,
            CheckKind::Heartbeat(heartbeat) => heartbeat.name.job(),
            CheckKind::NotPossible { locator, .. } => locator,
        }
    }
}

/// Where a page that we serve finds the store.
pub const SERVED_STORE: &str = "store/";

/// What is said about the page.
#[derive(Debug, Clone)]
pub struct Page {
    /// What it is told, when we serve it.
    pub told: PageConfig,
    /// The origins, besides its own, whose pages may show it in a frame.
    pub embed_by: Vec<String>,
}

impl Default for Page {
    fn default() -> Self {
        let source = Source::Http { url: SERVED_STORE.to_owned() };
        Page { told: PageConfig::new(source), embed_by: Vec::new() }
    }
}
