//! Builds TLS configurations, one for each set of trusted authorities. All checks share them. Sessions are never
//! resumed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::sync::OnceCell;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::checks::timing::with_current_stopwatch;
use crate::platform::operator_file::read_operator_file;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TlsTrust {
    System,
    /// Only the authorities in these PEM files.
    Authorities(Vec<PathBuf>),
    /// Any certificate for any name, as `tls_skip_verify` requests.
    AnyCertificate,
}

/// The reason why a TLS configuration cannot be built.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TrustError {
    /// An authority file cannot be read.
    #[error("failed to read the certificate authorities in `{0}`: {1}; use a PEM file with at least one certificate")]
    Authorities(PathBuf, String),
    /// The TLS or HTTP library rejects the settings.
    #[error("failed to set up TLS: {0}")]
    Library(String),
}

type ConfigResult = Result<Arc<ClientConfig>, TrustError>;

/// A cache of TLS configurations by trust setting.
#[derive(Default)]
pub struct TlsConfigs {
    configs: Mutex<HashMap<TlsTrust, Arc<OnceCell<ConfigResult>>>>,
}

impl TlsConfigs {
    /// Returns the configuration for a trust setting, building it on the first call.
    pub async fn for_trust(&self, trust: &TlsTrust) -> ConfigResult {
        let cell =
            Arc::clone(self.configs.lock().unwrap_or_else(PoisonError::into_inner).entry(trust.clone()).or_default());
        let build_config = async || {
            let trust = trust.clone();
            // Reading authority files blocks the thread, which would delay other checks.
            let built = tokio::task::spawn_blocking(move || build(&trust).map(Arc::new)).await;
            built.unwrap_or_else(|error| Err(TrustError::Library(error.to_string())))
        };
        cell.get_or_init(build_config).await.clone()
    }
}

impl TlsTrust {
    /// Reads the configured authority files. Returns an empty list if none are configured.
    pub fn read_authorities(&self) -> Result<Vec<CertificateDer<'static>>, TrustError> {
        let mut certificates = Vec::new();
        if let TlsTrust::Authorities(files) = self {
            for file in files {
                certificates.append(&mut read_pem(file)?);
            }
        }
        Ok(certificates)
    }

    /// Checks that the files needed for a configuration are readable and valid.
    pub fn preflight(&self) -> Result<(), String> {
        self.read_authorities().map(drop).map_err(|error| error.to_string())
    }
}

fn read_pem(file: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let invalid = |why: String| TrustError::Authorities(file.to_owned(), why);
    let content = read_operator_file(file).map_err(|error| invalid(error.to_string()))?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&content)
        .collect::<Result<_, _>>()
        .map_err(|error| invalid(error.to_string()))?;
    if certificates.is_empty() {
        return Err(invalid("the file contains no certificate".to_owned()));
    }
    let mut roots = RootCertStore::empty();
    for certificate in &certificates {
        roots.add(certificate.clone()).map_err(|error| invalid(error.to_string()))?;
    }
    Ok(certificates)
}

fn build(trust: &TlsTrust) -> Result<ClientConfig, TrustError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| TrustError::Library(error.to_string()))?;
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        TlsTrust::AnyCertificate => Arc::new(AcceptAnyCertificate(provider)),
        TlsTrust::System | TlsTrust::Authorities(_) => {
            let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(authorities(trust)?), provider)
                .build()
                .map_err(|error| TrustError::Library(error.to_string()))?;
            match trust.read_authorities()? {
                trusted if trusted.is_empty() => inner,
                trusted => Arc::new(TrustedLeafVerifier { inner, trusted }),
            }
        }
    };
    let mut tls = builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(RecordingVerifier(verifier)))
        .with_no_client_auth();
    // Every attempt makes a full handshake, so the certificates are verified each time.
    tls.resumption = Resumption::disabled();
    Ok(tls)
}

/// Returns the trusted authorities: from the configured files if there are any, otherwise from the system, or Mozilla's
/// if the system has none.
fn authorities(trust: &TlsTrust) -> Result<RootCertStore, TrustError> {
    let mut roots = RootCertStore::empty();
    if let TlsTrust::Authorities(_) = trust {
        roots.add_parsable_certificates(trust.read_authorities()?);
        return Ok(roots);
    }
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    Ok(roots)
}

/// Records the certificates that a server presents before the inner verifier checks them.
#[derive(Debug)]
struct RecordingVerifier(Arc<dyn ServerCertVerifier>);

impl ServerCertVerifier for RecordingVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        with_current_stopwatch(|stopwatch| {
            let chain = || std::iter::once(certificate).chain(others).map(|one| one.clone().into_owned());
            stopwatch.record(|data| data.certificates = chain().collect());
        });
        self.0.verify_server_cert(certificate, others, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Also accepts a server whose certificate is itself trusted, as Go and therefore the original Checkup do. The inner
/// verifier accepts only certificates that another certificate has signed.
#[derive(Debug)]
struct TrustedLeafVerifier {
    inner: Arc<WebPkiServerVerifier>,
    trusted: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for TrustedLeafVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.inner.verify_server_cert(certificate, others, server_name, ocsp_response, now);
        if verified.is_ok() || !self.trusted.iter().any(|trusted| trusted == certificate) {
            return verified;
        }
        verify_server_name(&ParsedCertificate::try_from(certificate)?, server_name)?;
        let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
        let time = |seconds: i64| UnixTime::since_unix_epoch(Duration::from_secs(seconds.max(0).unsigned_abs()));
        let not_before = time(parsed.validity().not_before.timestamp());
        let not_after = time(parsed.validity().not_after.timestamp());
        if now < not_before {
            return Err(CertificateError::NotValidYetContext { time: now, not_before }.into());
        }
        if now > not_after {
            return Err(CertificateError::ExpiredContext { time: now, not_after }.into());
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Accepts any certificate, but still verifies handshake signatures.
#[derive(Debug)]
struct AcceptAnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAnyCertificate {
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
