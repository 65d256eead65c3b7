//! The HTTP clients: one for each set of trusted authorities, shared by all checks. Every request gets a
//! connection of its own, with a full TLS handshake, timed from inside.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONNECTION, HeaderMap, HeaderValue};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, NamedGroup, RootCertStore, SignatureScheme};
use tokio::sync::OnceCell;

use super::TlsTrust;
use super::phases::tell;

/// How we introduce ourselves to the endpoints.
const USER_AGENT: &str = concat!("checkup/", env!("CARGO_PKG_VERSION"));

/// Why requests cannot be made at all.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClientError {
    /// The file of authorities cannot be read.
    #[error("read the authorities in `{0}`: {1}; name a PEM file with at least one certificate in `tls_ca_file`")]
    Authorities(PathBuf, String),
    /// The TLS or HTTP library refuses its settings.
    #[error("set up HTTP requests: {0}")]
    Client(String),
}

/// What became of making a client.
type Made = Result<reqwest::Client, ClientError>;

/// The clients made so far, by what they trust.
#[derive(Default)]
pub struct HttpClients {
    made: Mutex<HashMap<TlsTrust, Arc<OnceCell<Made>>>>,
}

impl HttpClients {
    /// The client for this trust; it is made when it is first asked for, and once however many ask at that moment.
    pub async fn for_trust(&self, trust: &TlsTrust) -> Made {
        let place =
            Arc::clone(self.made.lock().unwrap_or_else(PoisonError::into_inner).entry(trust.clone()).or_default());
        let make_it = async || {
            let trust = trust.clone();
            // Reading authorities is file work, which would hold up other checks.
            let made = tokio::task::spawn_blocking(move || make(&trust)).await;
            made.unwrap_or_else(|error| Err(ClientError::Client(error.to_string())))
        };
        place.get_or_init(make_it).await.clone()
    }
}

impl TlsTrust {
    /// The authorities of the file, if there is one.
    pub fn read_authorities(&self) -> Result<Vec<CertificateDer<'static>>, ClientError> {
        match self {
            TlsTrust::Authorities(file) => read_pem(file),
            TlsTrust::System | TlsTrust::Anything => Ok(Vec::new()),
        }
    }
}

fn read_pem(file: &Path) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let refused = |why: String| ClientError::Authorities(file.to_owned(), why);
    let certificates: Vec<_> = CertificateDer::pem_file_iter(file)
        .map_err(|error| refused(error.to_string()))?
        .collect::<Result<_, _>>()
        .map_err(|error| refused(error.to_string()))?;
    if certificates.is_empty() {
        return Err(refused("it holds no certificate".to_owned()));
    }
    Ok(certificates)
}

fn make(trust: &TlsTrust) -> Result<reqwest::Client, ClientError> {
    let refused = |error: &dyn std::error::Error| ClientError::Client(error.to_string());
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(&error))?;
    let mut tls = match trust {
        TlsTrust::Anything => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
            .with_no_client_auth(),
        TlsTrust::System | TlsTrust::Authorities(_) => {
            builder.with_root_certificates(authorities(trust)?).with_no_client_auth()
        }
    };
    // Nothing is kept from one handshake for the next: each attempt looks at the whole of it.
    tls.resumption = Resumption::store(Arc::new(FullHandshakes));
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(Arc::new(TimedResolver))
        .connector_layer(TimedLayer)
        .pool_max_idle_per_host(0)
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        // What is checked is the endpoint as seen from this node, and not a proxy.
        .no_proxy()
        .user_agent(USER_AGENT)
        .default_headers(HeaderMap::from_iter([(CONNECTION, HeaderValue::from_static("close"))]))
        .build()
        .map_err(|error| refused(&error))
}

/// The authorities that are trusted; the system's, or Mozilla's where the system has none.
fn authorities(trust: &TlsTrust) -> Result<RootCertStore, ClientError> {
    let mut roots = RootCertStore::empty();
    if let TlsTrust::Authorities(file) = trust {
        let refused = |why: String| ClientError::Authorities(file.clone(), why);
        for certificate in trust.read_authorities()? {
            roots.add(certificate).map_err(|error| refused(error.to_string()))?;
        }
        return Ok(roots);
    }
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    Ok(roots)
}

/// Looks names up with the system's resolver.
struct TimedResolver;

/// The name has no address.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct LookupFailed(pub(super) io::Error);

impl Resolve for TimedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            tell(super::phases::Stopwatch::lookup_begins);
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(LookupFailed)?;
            let addresses: Addrs = Box::new(found.collect::<Vec<_>>().into_iter());
            tell(super::phases::Stopwatch::lookup_ends);
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
            tell(super::phases::Stopwatch::connected);
            Ok(connection)
        })
    }
}

/// A session store that stores nothing, so that every handshake is a full one. It is asked for the key
/// exchange to use when a handshake begins, and so knows when TCP is done and TLS begins.
#[derive(Debug)]
struct FullHandshakes;

impl ClientSessionStore for FullHandshakes {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        tell(super::phases::Stopwatch::handshake_begins);
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, _: Tls13ClientSessionValue) {}

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}

/// Accepts any certificate, as `tls_skip_verify` asks; signatures are still verified.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
