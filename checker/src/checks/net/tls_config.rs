//! Whose certificates are trusted, and the TLS configurations made from that: one for each set of authorities,
//! shared by all checks. Every handshake is a full one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::sync::OnceCell;

use crate::checks::timing::with_current_stopwatch;

/// Whose certificates are trusted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TlsTrust {
    /// The system's authorities.
    System,
    /// The authorities in these PEM files, and no others.
    Authorities(Vec<PathBuf>),
    /// Anybody's.
    AnyCertificate,
}

/// Why connections cannot be made at all.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TrustError {
    /// A file of authorities cannot be read.
    #[error("failed to read the certificate authorities in `{0}`: {1}; name a PEM file with at least one certificate")]
    Authorities(PathBuf, String),
    /// The TLS or HTTP library refuses its settings.
    #[error("failed to set up TLS: {0}")]
    Library(String),
}

/// What became of making a configuration.
type ConfigResult = Result<Arc<ClientConfig>, TrustError>;

/// The TLS configurations made so far, by what they trust.
#[derive(Default)]
pub struct TlsConfigs {
    made: Mutex<HashMap<TlsTrust, Arc<OnceCell<ConfigResult>>>>,
}

impl TlsConfigs {
    /// The configuration for this trust; it is made when it is first asked for, and once however many ask then.
    pub async fn for_trust(&self, trust: &TlsTrust) -> ConfigResult {
        let place =
            Arc::clone(self.made.lock().unwrap_or_else(PoisonError::into_inner).entry(trust.clone()).or_default());
        let make_it = async || {
            let trust = trust.clone();
            // Reading authorities is file work, which would hold up other checks.
            let made = tokio::task::spawn_blocking(move || make(&trust).map(Arc::new)).await;
            made.unwrap_or_else(|error| Err(TrustError::Library(error.to_string())))
        };
        place.get_or_init(make_it).await.clone()
    }
}

impl TlsTrust {
    /// The authorities of the files, if there are any.
    pub fn read_authorities(&self) -> Result<Vec<CertificateDer<'static>>, TrustError> {
        let mut certificates = Vec::new();
        if let TlsTrust::Authorities(files) = self {
            for file in files {
                certificates.append(&mut read_pem(file)?);
            }
        }
        Ok(certificates)
    }
}

fn read_pem(file: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let refused = |why: String| TrustError::Authorities(file.to_owned(), why);
    let certificates: Vec<_> = CertificateDer::pem_file_iter(file)
        .map_err(|error| refused(error.to_string()))?
        .collect::<Result<_, _>>()
        .map_err(|error| refused(error.to_string()))?;
    if certificates.is_empty() {
        return Err(refused("it holds no certificate".to_owned()));
    }
    let mut roots = RootCertStore::empty();
    for certificate in &certificates {
        roots.add(certificate.clone()).map_err(|error| refused(error.to_string()))?;
    }
    Ok(certificates)
}

fn make(trust: &TlsTrust) -> Result<ClientConfig, TrustError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| TrustError::Library(error.to_string()))?;
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        TlsTrust::AnyCertificate => Arc::new(AcceptAnyCertificate(provider)),
        TlsTrust::System | TlsTrust::Authorities(_) => {
            WebPkiServerVerifier::builder_with_provider(Arc::new(authorities(trust)?), provider)
                .build()
                .map_err(|error| TrustError::Library(error.to_string()))?
        }
    };
    let mut tls = builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(RecordingVerifier(verifier)))
        .with_no_client_auth();
    // Nothing is kept from one handshake for the next: each attempt looks at the whole of it.
    tls.resumption = Resumption::disabled();
    Ok(tls)
}

/// The authorities that are trusted; the system's, or Mozilla's where the system has none.
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

/// Notes what the server shows before somebody else decides whether that will do.
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
            let chain = || std::iter::once(certificate).chain(others).map(|shown| shown.clone().into_owned());
            stopwatch.record(|seen| seen.certificates = chain().collect());
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

/// Accepts any certificate, as `tls_skip_verify` asks; signatures are still verified.
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
