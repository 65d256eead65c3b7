//! Verifies the server and presents the client certificate in a TLS handshake, and records what the attempt learns.

use std::sync::{Arc, OnceLock};

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, SignatureScheme};
use shared::{Nanos, SECOND, UnixNanos};

use super::tls_path::{TrustedCertificates, expires_at};
use crate::checks::timing::{CertificateNote, ClientIdentity, HandshakeNote, with_current_stopwatch};

/// The trusted certificates, the client certificate and the supported signature algorithms.
#[derive(Debug)]
pub(super) struct TlsPolicy {
    /// The certificates to trust, or `None` to trust any certificate.
    pub(super) trusted: Option<TrustedCertificates>,
    pub(super) client_key: Option<Arc<CertifiedKey>>,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

/// Verifies the server and presents the client certificate in one handshake.
#[derive(Debug)]
pub(super) struct HandshakeObserver {
    policy: Arc<TlsPolicy>,
    /// Whether to present the client certificate to this server.
    identifies: bool,
    certificate: OnceLock<CertificateNote>,
    /// Whether the client had a certificate when the server requested one.
    client: OnceLock<ClientIdentity>,
}

impl HandshakeObserver {
    pub(super) fn new(policy: Arc<TlsPolicy>, identifies: bool) -> HandshakeObserver {
        HandshakeObserver { policy, identifies, certificate: OnceLock::new(), client: OnceLock::new() }
    }

    fn client_key(&self) -> Option<&Arc<CertifiedKey>> {
        self.policy.client_key.as_ref().filter(|_| self.identifies)
    }

    /// Returns what the handshake has revealed so far.
    pub(super) fn note(&self) -> HandshakeNote {
        let client = self.client.get().copied().unwrap_or_default();
        HandshakeNote { certificate: self.certificate.get().cloned(), client }
    }
}

impl ServerCertVerifier for HandshakeObserver {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        with_current_stopwatch(|stopwatch| {
            let chain = || std::iter::once(certificate).chain(others).map(|one| one.clone().into_owned());
            stopwatch.record(|data| data.certificates = chain().collect());
        });
        let left = |until: UnixTime| -> Nanos {
            let seconds = until.as_secs().cast_signed().saturating_sub(now.as_secs().cast_signed());
            seconds.saturating_mul(SECOND)
        };
        let nanos = |at: UnixTime| -> UnixNanos { at.as_secs().cast_signed().saturating_mul(SECOND) };
        let note = match &self.policy.trusted {
            Some(trusted) => {
                let expiry = trusted.verify(certificate, others, server_name, now, &self.policy.algorithms)?;
                CertificateNote {
                    left: left(expiry.at),
                    expiry: nanos(expiry.at),
                    authority: expiry.authority,
                    is_verified: true,
                }
            }
            // Without verification, no path is known, so only the server's own certificate counts.
            None => match expires_at(certificate) {
                Some(at) => CertificateNote { left: left(at), expiry: nanos(at), authority: None, is_verified: false },
                None => return Ok(ServerCertVerified::assertion()),
            },
        };
        let _ = self.certificate.set(note);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.policy.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.policy.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.policy.algorithms.supported_schemes()
    }
}

impl ResolvesClientCert for HandshakeObserver {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let key = self.client_key();
        let _ = self.client.set(if key.is_some() { ClientIdentity::Presented } else { ClientIdentity::Missing });
        key.cloned()
    }

    fn has_certs(&self) -> bool {
        self.client_key().is_some()
    }
}
