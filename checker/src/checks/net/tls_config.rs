//! Builds and caches TLS configurations: which certificates to trust, and which client certificate to present. Checks
//! with the same settings share one configuration. Sessions are never resumed.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::crypto::ring;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::tls_files::{self, ClientCertificate, TrustError};
use super::tls_observer::{HandshakeObserver, TlsPolicy};
use super::tls_path::TrustedCertificates;
use crate::tls_error;

/// How often files are read again, because certificates can be renewed while checks run.
const REREAD_AFTER: Duration = Duration::from_mins(1);
/// How soon files are read again after a failure, which can be caused by a program that is still writing them.
const RETRY_AFTER: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum TlsTrust {
    #[default]
    System,
    /// Only the certificates in these PEM files, and certificates that they have signed.
    Authorities(Vec<PathBuf>),
    /// Any certificate for any name, as `tls_skip_verify` requests.
    AnyCertificate,
}

/// The lowest TLS version that a server may choose. The TLS library supports no version older than 1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MinTlsVersion {
    #[default]
    Tls12,
    Tls13,
}

/// The settings for the TLS connections of a check.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct TlsSettings {
    pub trust: TlsTrust,
    /// Boxed because few checks have a client certificate.
    pub client_certificate: Option<Box<ClientCertificate>>,
    pub min_version: MinTlsVersion,
}

/// The configuration and policy for TLS handshakes, built from [`TlsSettings`].
#[derive(Debug)]
pub struct TlsClient {
    pub(super) config: ClientConfig,
    pub(super) policy: Arc<TlsPolicy>,
    pub(super) min_version: MinTlsVersion,
}

type ClientResult = Result<Arc<TlsClient>, TrustError>;

/// A client that is built once, and the time when building started.
struct CachedClient {
    since: Instant,
    cell: Arc<OnceCell<ClientResult>>,
}

impl CachedClient {
    fn is_fresh(&self, settings: &TlsSettings) -> bool {
        match self.cell.get() {
            Some(Err(_)) => self.since.elapsed() < RETRY_AFTER,
            _ => !settings.has_files() || self.since.elapsed() < REREAD_AFTER,
        }
    }
}

/// Caches TLS configurations by their settings.
#[derive(Default)]
pub struct TlsConfigs {
    clients: Mutex<HashMap<TlsSettings, CachedClient>>,
}

impl TlsConfigs {
    /// Returns the client for these settings. Builds it on the first call, and again after some time if it depends on
    /// files.
    pub async fn client(&self, settings: &TlsSettings) -> ClientResult {
        let cell = {
            let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
            match clients.get(settings) {
                Some(cached) if cached.is_fresh(settings) => Arc::clone(&cached.cell),
                _ => {
                    let cell = Arc::<OnceCell<ClientResult>>::default();
                    clients.insert(settings.clone(), CachedClient { since: Instant::now(), cell: Arc::clone(&cell) });
                    cell
                }
            }
        };
        let build_client = async || {
            let settings = settings.clone();
            // Reading files blocks the thread, which would delay other checks.
            let built = tokio::task::spawn_blocking(move || build(&settings).map(Arc::new)).await;
            built.unwrap_or_else(|error| Err(TrustError::Library(error.to_string())))
        };
        cell.get_or_init(build_client).await.clone()
    }
}

impl TlsSettings {
    fn has_files(&self) -> bool {
        matches!(self.trust, TlsTrust::Authorities(_)) || self.client_certificate.is_some()
    }

    /// Checks that the files needed for a configuration are readable and valid.
    pub fn preflight(&self) -> Result<(), String> {
        self.trust.read_authorities().map_err(|error| error.to_string())?;
        let read = self.client_certificate.as_ref().map(|client| client.read(&ring::default_provider()));
        read.transpose().map(drop).map_err(|error| error.to_string())
    }
}

impl From<TlsTrust> for TlsSettings {
    fn from(trust: TlsTrust) -> TlsSettings {
        TlsSettings { trust, ..TlsSettings::default() }
    }
}

impl TlsClient {
    /// Returns the configuration for another TLS client, so that it verifies servers in the same way.
    #[must_use]
    pub fn config(&self) -> &ClientConfig {
        &self.config
    }
}

impl TlsTrust {
    /// Reads the configured certificate files. Returns no certificates if no files are configured.
    fn read_authorities(&self) -> Result<TrustedCertificates, TrustError> {
        let mut trusted = TrustedCertificates::default();
        if let TlsTrust::Authorities(files) = self {
            for file in files {
                tls_files::read_authorities(file, &mut trusted)?;
            }
        }
        Ok(trusted)
    }
}

fn build(settings: &TlsSettings) -> Result<TlsClient, TrustError> {
    let provider = ring::default_provider();
    let policy = Arc::new(TlsPolicy {
        trusted: trusted_certificates(&settings.trust)?,
        client_key: settings.client_certificate.as_ref().map(|client| client.read(&provider)).transpose()?,
        algorithms: provider.signature_verification_algorithms,
    });
    let observer = Arc::new(HandshakeObserver::new(Arc::clone(&policy), true));
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| TrustError::Library(tls_error::describe(&error)))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&observer) as _)
        .with_client_cert_resolver(observer);
    // Every attempt makes a full handshake, so that the certificates are verified each time.
    config.resumption = Resumption::disabled();
    Ok(TlsClient { config, policy, min_version: settings.min_version })
}

/// Loads the trusted certificates from files, from the system, or from Mozilla's list if the system has none. Returns
/// `None` if any certificate is trusted.
fn trusted_certificates(trust: &TlsTrust) -> Result<Option<TrustedCertificates>, TrustError> {
    let mut trusted = trust.read_authorities()?;
    match trust {
        TlsTrust::AnyCertificate => return Ok(None),
        TlsTrust::Authorities(_) => {}
        TlsTrust::System => {
            for certificate in rustls_native_certs::load_native_certs().certs {
                // Ignore certificates that cannot be parsed, so that the others remain usable.
                let _ = trusted.add(&certificate);
            }
            if trusted.is_empty() {
                trusted.add_anchors(webpki_roots::TLS_SERVER_ROOTS);
            }
        }
    }
    Ok(Some(trusted))
}

#[cfg(test)]
mod tests {
    use crate::checks::net::tls_config::*;
    use crate::checks::test_certificates::{TestAuthority, write};

    #[tokio::test(start_paused = true)]
    async fn files_are_read_again_after_a_while() {
        let folder = tempfile::tempdir().expect("a folder");
        let configs = TlsConfigs::default();
        let file = folder.path().join("trusted.pem");
        let settings = TlsSettings::from(TlsTrust::Authorities(vec![file]));
        let error = configs.client(&settings).await.expect_err("it does not exist").to_string();
        assert!(error.contains("trusted.pem"), "{error}");
        write(folder.path(), "trusted", &[&TestAuthority::new("Root", 9).self_signed()]);
        assert!(configs.client(&settings).await.is_err(), "the failure is still cached");
        tokio::time::advance(RETRY_AFTER).await;
        let first = configs.client(&settings).await.expect("it is a certificate");
        assert!(Arc::ptr_eq(&first, &configs.client(&settings).await.expect("it was read")));
        tokio::time::advance(REREAD_AFTER).await;
        assert!(!Arc::ptr_eq(&first, &configs.client(&settings).await.expect("it is read again")));
        // The system's certificates are read only once.
        let system = configs.client(&TlsSettings::default()).await.expect("there are certificates");
        tokio::time::advance(REREAD_AFTER).await;
        assert!(Arc::ptr_eq(&system, &configs.client(&TlsSettings::default()).await.expect("it was read")));
    }
}
