//! Valid and invalid certificates for TLS endpoints. A test creates the authority that issues them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

const DAY: Duration = Duration::from_hours(24);

/// A certificate authority that checkers can trust.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// The validity period of a certificate, relative to the current time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// Valid from yesterday until tomorrow.
    Now,
    /// Expired this many days ago.
    EndedDaysAgo(u32),
    /// Expires in this many days.
    EndsInDays(u32),
    /// Becomes valid in this many days.
    BeginsInDays(u32),
}

impl Validity {
    /// Sets the validity period of a certificate.
    fn write(self, parameters: &mut CertificateParams) {
        let now = date_time_ymd(1970, 1, 1) + Duration::from_nanos(crate::now() as u64);
        (parameters.not_before, parameters.not_after) = match self {
            Validity::Now => (now - DAY, now + DAY),
            // The extra hour prevents "3 days ago" from becoming "2 days ago" during a test.
            Validity::EndedDaysAgo(days) => (now - DAY * (days + 10), now - DAY * days - DAY / 24),
            Validity::EndsInDays(days) => (now - DAY, now + DAY * days + DAY / 24),
            Validity::BeginsInDays(days) => (now + DAY * days + DAY / 24, now + DAY * (days + 10)),
        };
    }
}

impl Authority {
    #[must_use]
    pub fn new() -> Authority {
        let mut parameters = CertificateParams::new(Vec::new()).expect("an empty list of names is valid");
        parameters.distinguished_name.push(DnType::CommonName, "Checkup's tests");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Authority { issuer: CertifiedIssuer::self_signed(parameters, key).expect("an authority") }
    }

    /// Creates an intermediate authority, signed by this one.
    #[must_use]
    pub fn authority_below(&self, validity: Validity) -> Authority {
        let mut parameters = CertificateParams::new(Vec::new()).expect("an empty list of names is valid");
        parameters.distinguished_name.push(DnType::CommonName, "Checkup's tests, in between");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        validity.write(&mut parameters);
        let key = KeyPair::generate().expect("a key");
        Authority { issuer: CertifiedIssuer::signed_by(parameters, key, &self.issuer).expect("an authority") }
    }

    /// Writes the authority's certificate to a file, for a checker's `tls_ca_file`.
    pub fn write_pem(&self, path: &Path) {
        std::fs::write(path, self.issuer.pem()).expect("the file can be written");
    }

    /// Returns a server's TLS configuration for this host name or address.
    #[must_use]
    pub fn server(&self, host: &str, validity: Validity) -> Arc<ServerConfig> {
        self.server_with_chain(host, validity, &[])
    }

    /// Returns a server's TLS configuration that also sends the certificates of these authorities.
    #[must_use]
    pub fn server_with_chain(&self, host: &str, validity: Validity, chain: &[&Authority]) -> Arc<ServerConfig> {
        let (certificate, key) = self.certify(host, validity);
        let mut shown = vec![certificate.der().clone()];
        shown.extend(chain.iter().map(|authority| authority.issuer.der().clone()));
        server_with(shown, &key)
    }

    /// Writes a valid certificate for this host name or address to one file, and its key to another.
    pub fn write_server_pem(&self, host: &str, certificate_file: &Path, key_file: &Path) {
        let (certificate, key) = self.certify(host, Validity::Now);
        std::fs::write(certificate_file, certificate.pem()).expect("the file can be written");
        std::fs::write(key_file, key.serialize_pem()).expect("the file can be written");
    }

    /// A certificate with a new ECDSA P-256 key.
    fn certify(&self, host: &str, validity: Validity) -> (Certificate, KeyPair) {
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::new(vec![host.to_owned()]).expect("it is a name");
        validity.write(&mut parameters);
        (parameters.signed_by(&key, &self.issuer).expect("a certificate"), key)
    }
}

/// Returns a server's TLS configuration with a valid certificate that no authority signed.
#[must_use]
pub fn self_signed(host: &str) -> Arc<ServerConfig> {
    let key = KeyPair::generate().expect("a key");
    let mut parameters = CertificateParams::new(vec![host.to_owned()]).expect("it is a name");
    Validity::Now.write(&mut parameters);
    server_with(vec![parameters.self_signed(&key).expect("a certificate").der().clone()], &key)
}

fn server_with(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let configuration = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the versions are known")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("key and certificate match");
    Arc::new(configuration)
}

impl Default for Authority {
    fn default() -> Self {
        Authority::new()
    }
}
