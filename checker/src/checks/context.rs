//! The state that all checks of a process share, such as TLS configurations and the assertion pool.

use std::sync::{Arc, OnceLock};

use futures_util::future::BoxFuture;
use shared::UnixNanos;
use shared::object_name::HeartbeatName;

use super::assertions::evaluate::AssertionPool;
use super::net::address_filter::{AddressFilter, IpVersion};
use super::net::address_policy::AddressPolicy;
use super::net::connect::{Address, TlsOptions};
use super::net::online_check::OnlineCheck;
use super::net::proxy_environment::ProxyEnvironment;
use super::net::tls_config::{TlsClient, TlsConfigs, TlsSettings};

/// Reads a job's stored heartbeat. Returns its contents, `None` if no heartbeat is stored, or an error that explains
/// why it cannot be read.
pub type HeartbeatReader = Arc<dyn Fn(HeartbeatName) -> HeartbeatRead + Send + Sync>;

pub type HeartbeatRead = BoxFuture<'static, Result<Option<Vec<u8>>, String>>;

/// The state that all checks of a process share. Expensive parts are initialized on first use.
pub struct CheckContext {
    tls: TlsConfigs,
    /// The ICMP socket type, set once a socket of that type could be opened.
    pub(super) icmp_socket_type: OnceLock<socket2::Type>,
    online_check: OnlineCheck,
    heartbeats: Option<HeartbeatReader>,
    /// The proxies that environment variables define, for checks that do not set a proxy.
    proxies: Option<Arc<ProxyEnvironment>>,
    pub(super) address_policy: AddressPolicy,
    pub(super) assertion_pool: AssertionPool,
    clock: fn() -> UnixNanos,
}

impl CheckContext {
    /// Creates a context. Checks connect only to addresses that the policy allows, and use `clock` to compute the
    /// age of heartbeats.
    #[must_use]
    pub fn new(address_policy: AddressPolicy, clock: fn() -> UnixNanos) -> CheckContext {
        CheckContext {
            tls: TlsConfigs::default(),
            icmp_socket_type: OnceLock::new(),
            online_check: OnlineCheck::default(),
            heartbeats: None,
            proxies: None,
            address_policy,
            assertion_pool: AssertionPool::default(),
            clock,
        }
    }

    /// Treats this node as offline if none of these addresses accepts a connection.
    #[must_use]
    pub fn with_online_check(self, addresses: Vec<Address>) -> CheckContext {
        CheckContext { online_check: OnlineCheck::new(addresses), ..self }
    }

    #[must_use]
    pub fn with_heartbeats(self, heartbeats: Option<HeartbeatReader>) -> CheckContext {
        CheckContext { heartbeats, ..self }
    }

    /// Uses these proxies for checks that do not set a proxy.
    #[must_use]
    pub fn with_proxies(self, proxies: Option<Arc<ProxyEnvironment>>) -> CheckContext {
        CheckContext { proxies, ..self }
    }

    pub(super) fn proxies(&self) -> Option<&ProxyEnvironment> {
        self.proxies.as_deref()
    }

    #[must_use]
    pub fn heartbeats(&self) -> Option<&HeartbeatReader> {
        self.heartbeats.as_ref()
    }

    /// Returns whether this node is online. Without an online check, the node is assumed to be online.
    pub async fn is_online(&self) -> bool {
        self.online_check.is_online().await
    }

    /// Returns a filter for the addresses that a check may connect to. Without a version, it allows both IPv4 and IPv6.
    pub(super) fn address_filter(&self, version: Option<IpVersion>) -> AddressFilter {
        AddressFilter::new(self.address_policy, version)
    }

    pub(super) fn now(&self) -> UnixNanos {
        (self.clock)()
    }

    /// Returns the TLS client for these settings.
    pub(super) async fn tls_client(&self, settings: &TlsSettings) -> Result<Arc<TlsClient>, String> {
        self.tls.client(settings).await.map_err(|error| error.to_string())
    }

    /// Returns the TLS client for a check, or `None` if the check does not use TLS.
    pub(super) async fn optional_tls_client(
        &self,
        options: Option<&TlsOptions>,
    ) -> Result<Option<Arc<TlsClient>>, String> {
        match options {
            Some(options) => self.tls_client(&options.settings).await.map(Some),
            None => Ok(None),
        }
    }
}
