//! Verifies a server's certificates and determines when they expire. As in browsers and curl, only the certificates on
//! the path from the server's own to a trusted one matter. Others that the server sends are ignored.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use rustls::{CertificateError, OtherError};
use sha2::{Digest as _, Sha256};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath, anchor_from_trusted_cert};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::tls_error::{ChainProblem, expired, not_valid_yet};

/// The expiry of a certificate path, which is when the first of its certificates expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PathExpiry {
    pub(super) at: UnixTime,
    /// The authority whose certificate expires first, or `None` if the server's own certificate does.
    pub(super) authority: Option<String>,
}

/// The certificates that checks trust, of both authorities and servers.
#[derive(Debug, Default)]
pub(super) struct TrustedCertificates {
    anchors: Vec<TrustAnchor<'static>>,
    /// The details of each anchor's certificate, or `None` if only the anchor's name and key are known.
    details: Vec<Option<CertificateDetails>>,
    /// The SHA-256 hashes of the trusted certificates.
    hashes: HashSet<[u8; 32]>,
}

/// The name and validity period of a certificate.
#[derive(Debug, Clone)]
struct CertificateDetails {
    name: String,
    not_before: UnixTime,
    not_after: UnixTime,
}

impl CertificateDetails {
    fn parse(certificate: &CertificateDer<'_>) -> Result<CertificateDetails, CertificateError> {
        let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
        let time = |seconds: i64| UnixTime::since_unix_epoch(Duration::from_secs(seconds.max(0).unsigned_abs()));
        let subject = parsed.subject();
        let mut names = subject.iter_common_name().chain(subject.iter_organization());
        let name = names.find_map(|name| name.as_str().ok()).map_or_else(|| subject.to_string(), str::to_owned);
        let validity = parsed.validity();
        let (not_before, not_after) = (time(validity.not_before.timestamp()), time(validity.not_after.timestamp()));
        Ok(CertificateDetails { name, not_before, not_after })
    }
}

impl TrustedCertificates {
    /// Trusts a certificate and all certificates that it has signed.
    pub(super) fn add(&mut self, certificate: &CertificateDer<'_>) -> Result<(), webpki::Error> {
        let anchor = anchor_from_trusted_cert(certificate)?.to_owned();
        let details = CertificateDetails::parse(certificate).ok();
        self.hashes.insert(Sha256::digest(certificate).into());
        // An authority can have several certificates for the same key. The one that expires last counts.
        if let Some(index) = self.anchors.iter().position(|known| *known == anchor) {
            let end = |details: &Option<CertificateDetails>| details.as_ref().map(|details| details.not_after);
            if end(&details) > end(&self.details[index]) {
                self.details[index] = details;
            }
        } else {
            self.anchors.push(anchor);
            self.details.push(details);
        }
        Ok(())
    }

    /// Trusts authorities that are known only by name and key, without a certificate.
    pub(super) fn add_anchors(&mut self, anchors: &[TrustAnchor<'static>]) {
        self.anchors.extend_from_slice(anchors);
        self.details.resize(self.anchors.len(), None);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.anchors.is_empty()
    }

    /// Verifies that a server's certificate is valid for this name and time, and that it is trusted or signed by a
    /// trusted authority, directly or through `others`. Returns when the path expires.
    pub(super) fn verify(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        now: UnixTime,
        algorithms: &WebPkiSupportedAlgorithms,
    ) -> Result<PathExpiry, rustls::Error> {
        let leaf = EndEntityCert::try_from(certificate).map_err(into_library_error)?;
        let details = CertificateDetails::parse(certificate)?;
        let hash: [u8; 32] = Sha256::digest(certificate).into();
        let expiry = if self.hashes.contains(&hash) {
            // A path search could reject a certificate that is itself trusted, because it requires a trusted signer and
            // never starts at an authority's certificate.
            check_dates(&details, now)?;
            PathExpiry { at: details.not_after, authority: None }
        } else {
            let found = self.best_path(&leaf, details.not_after, others, now, algorithms);
            found.map_err(|error| self.explain(error, &leaf, &details, others))?
        };
        leaf.verify_is_valid_for_subject_name(server_name).map_err(into_library_error)?;
        Ok(expiry)
    }

    /// Finds the path that expires last. The search stops at the first path that is valid as long as the server's
    /// certificate.
    fn best_path(
        &self,
        leaf: &EndEntityCert<'_>,
        leaf_expires: UnixTime,
        others: &[CertificateDer<'_>],
        now: UnixTime,
        algorithms: &WebPkiSupportedAlgorithms,
    ) -> Result<PathExpiry, webpki::Error> {
        let best: RefCell<Option<PathExpiry>> = RefCell::default();
        let consider = |path: &VerifiedPath<'_>| {
            let expiry = self.expiry(path, leaf_expires, now)?;
            let is_final = expiry.at >= leaf_expires;
            let mut best = best.borrow_mut();
            if best.as_ref().is_none_or(|best| expiry.at > best.at) {
                *best = Some(expiry);
            }
            // Returning an error makes the library try other paths.
            if is_final { Ok(()) } else { Err(webpki::Error::UnknownIssuer) }
        };
        let (usage, anchors) = (KeyUsage::server_auth(), self.anchors.as_slice());
        let found = leaf.verify_for_usage(algorithms.all, anchors, others, now, usage, None, Some(&consider)).map(drop);
        match best.take() {
            Some(expiry) => Ok(expiry),
            None => Err(found.err().unwrap_or(webpki::Error::UnknownIssuer)),
        }
    }

    /// Returns when the first certificate of a path expires. This includes the trusted certificate, whose dates the
    /// library does not check.
    fn expiry(
        &self,
        path: &VerifiedPath<'_>,
        leaf_expires: UnixTime,
        now: UnixTime,
    ) -> Result<PathExpiry, webpki::Error> {
        let mut expiry = PathExpiry { at: leaf_expires, authority: None };
        let mut include = |details: &CertificateDetails| {
            if details.not_after < expiry.at {
                expiry = PathExpiry { at: details.not_after, authority: Some(details.name.clone()) };
            }
        };
        for intermediate in path.intermediate_certificates() {
            include(&CertificateDetails::parse(&intermediate.der()).map_err(|_| webpki::Error::BadDer)?);
        }
        let anchor = self.anchors.iter().position(|anchor| anchor == path.anchor());
        if let Some(details) = anchor.and_then(|index| self.details[index].as_ref()) {
            include(details);
            if now < details.not_before {
                return Err(webpki::Error::CertNotValidYet { time: now, not_before: details.not_before });
            }
            if now > details.not_after {
                return Err(webpki::Error::CertExpired { time: now, not_after: details.not_after });
            }
        }
        Ok(expiry)
    }

    /// Converts a verification error. Names the certificate at fault if it is not the server's.
    fn explain(
        &self,
        error: webpki::Error,
        leaf: &EndEntityCert<'_>,
        leaf_details: &CertificateDetails,
        others: &[CertificateDer<'_>],
    ) -> rustls::Error {
        const ONLY_PATH: &str = "and no other chain leads to a trusted authority";
        let of_authority = |is_meant: &dyn Fn(&CertificateDetails) -> bool| {
            if is_meant(leaf_details) {
                return None;
            }
            let presented = others.iter().filter_map(|certificate| CertificateDetails::parse(certificate).ok());
            let mut all = presented.chain(self.details.iter().flatten().cloned());
            all.find(is_meant).map(|details| format!("certificate of the authority `{}`", details.name))
        };
        let problem = match &error {
            webpki::Error::CertExpired { time, not_after } => of_authority(&|details| details.not_after == *not_after)
                .map(|subject| format!("{}, {ONLY_PATH}", expired(&subject, *not_after, *time))),
            webpki::Error::CertNotValidYet { time, not_before } => {
                of_authority(&|details| details.not_before == *not_before)
                    .map(|subject| format!("{}, {ONLY_PATH}", not_valid_yet(&subject, *not_before, *time)))
            }
            webpki::Error::UnknownIssuer | webpki::Error::CaUsedAsEndEntity if leaf.issuer() == leaf.subject() => {
                Some("certificate is self-signed, and not one of the trusted certificates".to_owned())
            }
            _ => None,
        };
        problem.map_or_else(|| into_library_error(error), |problem| ChainProblem(problem).into())
    }
}

/// Returns when a certificate expires, whether or not it is trusted.
pub(super) fn expires_at(certificate: &CertificateDer<'_>) -> Option<UnixTime> {
    CertificateDetails::parse(certificate).ok().map(|details| details.not_after)
}

fn check_dates(details: &CertificateDetails, now: UnixTime) -> Result<(), CertificateError> {
    let CertificateDetails { not_before, not_after, .. } = *details;
    if now < not_before {
        return Err(CertificateError::NotValidYetContext { time: now, not_before });
    }
    if now > not_after {
        return Err(CertificateError::ExpiredContext { time: now, not_after });
    }
    Ok(())
}

/// Converts an error so that the TLS library sends the matching alert.
fn into_library_error(error: webpki::Error) -> rustls::Error {
    let error = match error {
        webpki::Error::CertExpired { time, not_after } => CertificateError::ExpiredContext { time, not_after },
        webpki::Error::CertNotValidYet { time, not_before } => {
            CertificateError::NotValidYetContext { time, not_before }
        }
        webpki::Error::CertNotValidForName(context) => {
            CertificateError::NotValidForNameContext { expected: context.expected, presented: context.presented }
        }
        webpki::Error::UnknownIssuer => CertificateError::UnknownIssuer,
        other => CertificateError::Other(OtherError(Arc::new(other))),
    };
    error.into()
}

#[cfg(test)]
mod tests {
    use crate::checks::net::tls_path::*;
    use crate::tls_error::describe;
    use rustls::crypto::ring;
    use rustls::pki_types::pem::PemObject as _;

    #[test]
    fn a_signature_on_the_curve_p_521_is_named() {
        let parse = |pem: &[u8]| CertificateDer::from_pem_slice(pem).expect("it is a certificate");
        let mut trusted = TrustedCertificates::default();
        trusted.add(&parse(include_bytes!("testdata/p521-root.pem"))).expect("it is an authority");
        let algorithms = ring::default_provider().signature_verification_algorithms;
        let name = ServerName::try_from("127.0.0.1").expect("a name");
        // The certificates are valid from 2026 to 2126.
        let now = UnixTime::since_unix_epoch(Duration::from_secs(1_900_000_000));
        for (leaf, expected) in [
            (&include_bytes!("testdata/p521-leaf.pem")[..], "ECDSA and SHA-512, as is usual for the P-521 curve"),
            (include_bytes!("testdata/p521-leaf-sha256.pem"), "ECDSA on the P-521 curve"),
        ] {
            let error = trusted.verify(&parse(leaf), &[], &name, now, &algorithms).expect_err("it is not supported");
            let supported = "the checker supports RSA, Ed25519, and ECDSA on the P-256 and P-384 curves";
            assert_eq!(describe(&error), format!("certificate is signed with {expected}; {supported}"));
        }
        let root = parse(include_bytes!("testdata/p521-root.pem"));
        let error = trusted.verify(&root, &[], &name, now, &algorithms).expect_err("it has no name");
        assert_eq!(describe(&error), "certificate is for no host name, not for `127.0.0.1`");
    }
}
