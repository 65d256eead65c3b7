//! Chooses the proxy for a request, and attributes failures: if the proxy prevents a connection to the endpoint, the
//! endpoint's status is unknown.

use std::sync::{Arc, Mutex, PoisonError};

use reqwest::StatusCode;
use url::Url;

use super::http_version::HttpVersion;
use super::{HttpCheck, uses_tls};
use crate::checks::net::address_policy::AddressPolicy;
use crate::checks::net::proxy::{Proxy, ProxyScheme};
use crate::checks::net::tls_config::{TlsClient, TlsSettings};
use crate::checks::timing::Stopwatch;
use crate::checks::{AttemptRecord, CheckContext, Failure, ProbeResult};

/// The proxy, if any, that a check connects through.
#[derive(Debug, Clone, Default)]
pub enum ProxyChoice {
    /// The proxy from the environment variables, if any.
    #[default]
    Environment,
    Direct,
    Through(Arc<Proxy>),
}

/// The proxy that a request goes through, and how to connect to it.
pub(super) struct ProxyRoute {
    pub(super) proxy: Arc<Proxy>,
    /// The TLS client for an `https` proxy.
    pub(super) tls: Option<Arc<TlsClient>>,
}

impl ProxyRoute {
    /// Returns whether the proxy reads and forwards a request of this version. Otherwise, it only relays bytes.
    pub(super) fn reads_requests(&self, url: &Url, version: HttpVersion) -> bool {
        !uses_tls(url) && self.proxy.scheme != ProxyScheme::Socks5 && version != HttpVersion::Http2
    }

    /// Adds to a failure that the proxy may have sent the response, if proxies generate responses with this status. A
    /// forwarding proxy's own responses cannot be distinguished from the endpoint's.
    pub(super) fn explain(&self, status: StatusCode, judged: ProbeResult, stopwatch: &Stopwatch) -> ProbeResult {
        if judged.is_err() && matches!(status.as_u16(), 403 | 502..=504 | 511) {
            stopwatch.mark_inconclusive();
            return judged.map_err(|failure| format!("{failure}; proxy `{}` may have sent this response", self.proxy));
        }
        judged
    }
}

/// Tracks whether an attempt is waiting for the proxy or for the endpoint.
#[derive(Default)]
pub(super) struct ProxyProgress(Mutex<Stage>);

#[derive(Default)]
enum Stage {
    #[default]
    Endpoint,
    /// Only the proxy is involved, so a failure reveals nothing about the endpoint.
    Proxy(Arc<Proxy>),
    /// The proxy is connecting to the endpoint.
    Tunnel(Arc<Proxy>),
    /// The request cannot be sent, for example because the proxy is invalid.
    Impossible,
}

impl ProxyProgress {
    fn enter(&self, stage: Stage) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = stage;
    }

    pub(super) fn wait_for_proxy(&self, proxy: &Arc<Proxy>) {
        self.enter(Stage::Proxy(Arc::clone(proxy)));
    }

    pub(super) fn wait_for_tunnel(&self, proxy: &Arc<Proxy>) {
        self.enter(Stage::Tunnel(Arc::clone(proxy)));
    }

    pub(super) fn reached_endpoint(&self) {
        self.enter(Stage::Endpoint);
    }

    /// Attributes an attempt's error to the proxy or the endpoint. If the proxy is at fault, returns the error as the
    /// reason why the endpoint's status is unknown.
    pub(super) fn judge(self, record: &mut AttemptRecord) -> Result<(), String> {
        let Some(error) = record.attempt.error.take() else { return Ok(()) };
        match self.0.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Stage::Endpoint => record.attempt.error = Some(error),
            Stage::Tunnel(proxy) => {
                record.attempt.error = Some(format!("through proxy `{proxy}`: {error}"));
                // A direct connection could succeed.
                record.is_inconclusive = true;
            }
            Stage::Proxy(proxy) => return Err(format!("failed to use proxy `{proxy}`: {error}")),
            Stage::Impossible => return Err(error),
        }
        Ok(())
    }
}

/// Returns how a request to `url` goes through a proxy, or `None` if it is direct.
pub(super) async fn route(
    check: &HttpCheck,
    url: &Url,
    context: &CheckContext,
    progress: &ProxyProgress,
) -> Result<Option<ProxyRoute>, Failure> {
    let proxy = match (&check.proxy, context.proxies()) {
        (ProxyChoice::Direct, _) | (ProxyChoice::Environment, None) => return Ok(None),
        (ProxyChoice::Through(proxy), _) => Ok(Some(Arc::clone(proxy))),
        (ProxyChoice::Environment, Some(proxies)) => proxies.for_url(url),
    };
    let route = async {
        let Some(proxy) = proxy? else { return Ok(None) };
        if context.address_policy != AddressPolicy::AllowAll {
            return Err(cannot_enforce("deny_private_addresses", &proxy));
        }
        if check.ip_version.is_some() {
            return Err(cannot_enforce("ip_version", &proxy));
        }
        if check.route.as_ref().is_some_and(|route| route.connect_to.is_some()) {
            return Err(cannot_enforce("resolve", &proxy));
        }
        let tls = match proxy.scheme {
            ProxyScheme::Https => {
                progress.wait_for_proxy(&proxy);
                Some(context.tls_client(&TlsSettings::default()).await?)
            }
            ProxyScheme::Http | ProxyScheme::Socks5 => None,
        };
        Ok(Some(ProxyRoute { proxy, tls }))
    };
    route.await.inspect_err(|_: &Failure| progress.enter(Stage::Impossible))
}

/// Loads the system's certificates for an `https` proxy before the attempt starts, because loading can take a long
/// time.
pub(super) async fn prepare(check: &HttpCheck, context: &CheckContext) -> Result<(), String> {
    let is_over_tls = |proxy: &Proxy| proxy.scheme == ProxyScheme::Https;
    let needs_tls = match (&check.proxy, context.proxies()) {
        (ProxyChoice::Direct, _) | (ProxyChoice::Environment, None) => false,
        (ProxyChoice::Through(proxy), _) => is_over_tls(proxy),
        (ProxyChoice::Environment, Some(proxies)) => {
            proxies.for_url(&check.url).is_ok_and(|proxy| proxy.is_some_and(|proxy| is_over_tls(&proxy)))
        }
    };
    if needs_tls {
        context.tls_client(&TlsSettings::default()).await?;
    }
    Ok(())
}

fn cannot_enforce(key: &str, proxy: &Proxy) -> String {
    format!(
        "`{key}` cannot be enforced, because proxy `{proxy}` would connect to the endpoint: set `\"proxy\": \"none\"` to \
         connect directly"
    )
}
