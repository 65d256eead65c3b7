//! The HTTP clients: one for each set of trusted authorities, shared by all checks. Every request gets a
//! connection of its own, with a full TLS handshake, timed from inside.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONNECTION, HeaderMap, HeaderValue};
use rustls::ClientConfig;
use tokio::sync::OnceCell;

use crate::check::reach::Reach;
use crate::check::seen::Wanted;
use crate::check::stopwatch::{Stopwatch, tell};
use crate::check::tls_trust::{TlsConfigs, TlsTrust, TrustError};
use crate::check::wording::{Denied, LookupFailed};

/// How we introduce ourselves to the endpoints.
const USER_AGENT: &str = concat!("checkup/", env!("CARGO_PKG_VERSION"));

/// What tells one client from another: whose certificates it trusts, and whether it shows them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Needs {
    trust: TlsTrust,
    certificate: bool,
}

/// What became of making a client.
type Made = Result<reqwest::Client, TrustError>;

/// The clients made so far, by what is needed of them.
#[derive(Default)]
pub struct HttpClients {
    made: Mutex<HashMap<Needs, Arc<OnceCell<Made>>>>,
}

impl HttpClients {
    /// The client for this trust; it is made when it is first asked for, and once however many ask at that moment.
    /// All are asked for with the same reach.
    pub async fn for_trust(&self, trust: &TlsTrust, wanted: Wanted, configs: &TlsConfigs, reach: Reach) -> Made {
        let needs = Needs { trust: trust.clone(), certificate: wanted.certificate };
        let place =
            Arc::clone(self.made.lock().unwrap_or_else(PoisonError::into_inner).entry(needs.clone()).or_default());
        let make_it = async || configs.for_trust(trust).await.and_then(|tls| make(&tls, reach, &needs));
        place.get_or_init(make_it).await.clone()
    }
}

fn make(tls: &ClientConfig, reach: Reach, needs: &Needs) -> Result<reqwest::Client, TrustError> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .dns_resolver(Arc::new(TimedResolver(reach)))
        .connector_layer(TimedLayer)
        .pool_max_idle_per_host(0)
        .http1_only()
        .tls_info(needs.certificate)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        // What is checked is the endpoint as seen from this node, and not a proxy.
        .no_proxy()
        .user_agent(USER_AGENT)
        .default_headers(HeaderMap::from_iter([(CONNECTION, HeaderValue::from_static("close"))]))
        .build()
        .map_err(|error| TrustError::Library(error.to_string()))
}

/// Looks names up with the system's resolver, and keeps to the addresses that may be connected to.
struct TimedResolver(Reach);

impl Resolve for TimedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            tell(Stopwatch::lookup_begins);
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(LookupFailed)?;
            let (allowed, denied): (Vec<_>, Vec<_>) = found.partition(|address| reach.allows(address.ip()));
            if let (true, Some(denied)) = (allowed.is_empty(), denied.first()) {
                return Err(Denied(Reach::refusal(denied.ip())).into());
            }
            tell(|stopwatch| stopwatch.note(|seen| seen.tried.extend(&allowed)));
            let addresses: Addrs = Box::new(allowed.into_iter());
            tell(Stopwatch::lookup_ends);
            Ok(addresses)
        })
    }
}

/// Tells the stopwatch when a connection is ready, handshake and all.
#[derive(Clone)]
struct TimedLayer;

#[derive(Clone)]
struct TimedConnector<S>(S);

impl<S> tower::Layer<S> for TimedLayer {
    type Service = TimedConnector<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TimedConnector(inner)
    }
}

impl<S, R> tower::Service<R> for TimedConnector<S>
where
    S: tower::Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let connecting = self.0.call(request);
        Box::pin(async move {
            let connection = connecting.await?;
            tell(Stopwatch::connected);
            Ok(connection)
        })
    }
}
