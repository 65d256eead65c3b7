//! Creates certificate chains for tests, and the configurations of servers that use them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientCertVerifierBuilder, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

use super::test_server::parameters;

/// A certificate authority with one key, which can have several certificates.
pub(crate) struct TestAuthority {
    parameters: CertificateParams,
    key: KeyPair,
}

/// A certificate and its private key.
pub(crate) struct Identity {
    pub(crate) certificate: Certificate,
    key: KeyPair,
}

impl TestAuthority {
    /// Creates an authority whose certificates expire in this many days and half an hour.
    pub(crate) fn new(name: &str, days: i32) -> TestAuthority {
        let mut parameters = parameters("unused.example", days);
        parameters.subject_alt_names.clear();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        TestAuthority { parameters, key: KeyPair::generate().expect("a key") }
    }

    /// Returns the same authority, but with certificates that expire in `days` days.
    pub(crate) fn until(&self, days: i32) -> TestAuthority {
        let key = KeyPair::from_pem(&self.key.serialize_pem()).expect("it is a key");
        let mut parameters = self.parameters.clone();
        parameters.not_after = TestAuthority::new("unused", days).parameters.not_after;
        TestAuthority { parameters, key }
    }

    pub(crate) fn self_signed(&self) -> Certificate {
        self.parameters.self_signed(&self.key).expect("a certificate")
    }

    pub(crate) fn signed_by(&self, authority: &TestAuthority) -> Certificate {
        self.parameters.signed_by(&self.key, &authority.issuer()).expect("a certificate")
    }

    /// Issues a certificate for a server or a client.
    pub(crate) fn issue(&self, name: &str, days: i32) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters(name, days).signed_by(&key, &self.issuer()).expect("a certificate");
        Identity { certificate, key }
    }

    fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.parameters, &self.key)
    }
}

impl Identity {
    /// Creates a self-signed certificate. With `is_authority`, it belongs to an authority, as if created by `openssl
    /// req -x509`.
    pub(crate) fn self_signed(name: &str, days: i32, is_authority: bool) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let mut parameters = parameters(name, days);
        if is_authority {
            parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        Identity { certificate: parameters.self_signed(&key).expect("a certificate"), key }
    }

    fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()))
    }

    /// Writes the certificate and the key to two files, and returns their paths.
    pub(crate) fn write(&self, folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let key = folder.join(format!("{name}.key"));
        std::fs::write(&key, self.key.serialize_pem()).expect("the file can be written");
        (write(folder, name, &[&self.certificate]), key)
    }
}

/// Writes certificates to a PEM file.
pub(crate) fn write(folder: &Path, name: &str, certificates: &[&Certificate]) -> PathBuf {
    let file = folder.join(format!("{name}.pem"));
    let text: String = certificates.iter().map(|certificate| certificate.pem()).collect();
    std::fs::write(&file, text).expect("the file can be written");
    file
}

/// Returns the configuration of a server that sends these certificates after its own. If `clients` is set, the server
/// requires a client certificate from that authority.
pub(crate) fn server(
    identity: &Identity,
    others: &[&Certificate],
    clients: Option<&TestAuthority>,
    versions: &[&'static SupportedProtocolVersion],
) -> ServerConfig {
    let verifier = match clients {
        None => WebPkiClientVerifier::no_client_auth(),
        Some(authority) => client_verifier(authority).build().expect("it has an authority"),
    };
    server_with(identity, others, verifier, versions)
}

/// Returns the configuration of a server that requests a client certificate, but does not require one.
pub(crate) fn server_with_optional_clients(identity: &Identity, authority: &TestAuthority) -> ServerConfig {
    let verifier = client_verifier(authority).allow_unauthenticated().build().expect("it has an authority");
    server_with(identity, &[], verifier, rustls::DEFAULT_VERSIONS)
}

fn client_verifier(authority: &TestAuthority) -> ClientCertVerifierBuilder {
    let mut roots = RootCertStore::empty();
    roots.add(authority.self_signed().der().clone()).expect("it is an authority");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
}

fn server_with(
    identity: &Identity,
    others: &[&Certificate],
    clients: Arc<dyn ClientCertVerifier>,
    versions: &[&'static SupportedProtocolVersion],
) -> ServerConfig {
    let chain: Vec<CertificateDer<'static>> =
        std::iter::once(&identity.certificate).chain(others.iter().copied()).map(|one| one.der().clone()).collect();
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(versions)
        .expect("the versions are known")
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, identity.private_key())
        .expect("the key belongs to the certificate")
}
