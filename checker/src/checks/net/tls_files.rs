//! Reads certificates and keys from the PEM files that an operator specifies.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::InconsistentKeys;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::sign::CertifiedKey;

use super::tls_path::TrustedCertificates;
use crate::platform::operator_file::read_operator_file;
use crate::tls_error;

/// Why a TLS configuration cannot be built.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TrustError {
    /// A file with trusted certificates cannot be used.
    #[error("failed to read the certificate authorities in `{0}`: {1}; use a PEM file with at least one certificate")]
    Authorities(PathBuf, String),
    /// A file with a client certificate or its key cannot be used.
    #[error(
        "failed to read the client certificate in `{0}`: {1}; use PEM files with a certificate and its private key"
    )]
    ClientCertificate(PathBuf, String),
    /// The TLS or HTTP library rejects the settings.
    #[error("failed to set up TLS: {0}")]
    Library(String),
}

/// The files of the client certificate that a check presents to servers (mutual TLS).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientCertificate {
    /// A PEM file with the certificate, followed by the certificates of its authorities.
    pub certificate: PathBuf,
    /// A PEM file with the private key, possibly the same file as `certificate`.
    pub key: PathBuf,
}

impl ClientCertificate {
    /// Reads the files and checks that the key matches the certificate. Errors never contain any part of the key.
    pub(super) fn read(&self, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, TrustError> {
        let invalid = |file: &Path, why: &str| TrustError::ClientCertificate(file.to_owned(), why.to_owned());
        let content = |file: &Path| read_operator_file(file).map_err(|error| invalid(file, &error.to_string()));
        let chain = CertificateDer::pem_slice_iter(&content(&self.certificate)?).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| invalid(&self.certificate, describe_pem_error(&error)))?;
        if chain.is_empty() {
            return Err(invalid(&self.certificate, "the file contains no certificate in PEM format"));
        }
        let key = PrivateKeyDer::from_pem_slice(&content(&self.key)?).map_err(|error| {
            let why = match error {
                pem::Error::NoItemsFound => "the file contains no private key in PEM format, or only an encrypted one",
                other => describe_pem_error(&other),
            };
            invalid(&self.key, why)
        })?;
        let key = CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                invalid(&self.key, "the private key does not match the certificate")
            }
            rustls::Error::InvalidCertificate(_) => invalid(&self.certificate, "the certificate is malformed"),
            _ => invalid(&self.key, "the private key must be an RSA, Ed25519, ECDSA P-256 or ECDSA P-384 key"),
        })?;
        Ok(Arc::new(key))
    }
}

/// Adds the certificates in a PEM file to the trusted ones.
pub(super) fn read_authorities(file: &Path, trusted: &mut TrustedCertificates) -> Result<(), TrustError> {
    let invalid = |why: &str| TrustError::Authorities(file.to_owned(), why.to_owned());
    let content = read_operator_file(file).map_err(|error| invalid(&error.to_string()))?;
    let mut is_empty = true;
    for certificate in CertificateDer::pem_slice_iter(&content) {
        let certificate = certificate.map_err(|error| invalid(describe_pem_error(&error)))?;
        trusted.add(&certificate).map_err(|error| invalid(&tls_error::describe_path_error(&error)))?;
        is_empty = false;
    }
    if is_empty { Err(invalid("the file contains no certificate")) } else { Ok(()) }
}

/// Describes a PEM error without quoting the file, which may contain a private key.
fn describe_pem_error(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a PEM section has no `END` line",
        pem::Error::IllegalSectionStart { .. } => "the first line of a PEM section is malformed",
        pem::Error::Base64Decode(_) => "a PEM section is not valid Base64",
        pem::Error::SectionTooLarge => "a PEM section is too large",
        _ => "the file is not in PEM format",
    }
}
