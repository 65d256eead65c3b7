//! Describes every error of the TLS library in plain words for checks, the S3 store and the doctor. Pure.
//!
//! The library formats most errors as the names of enum variants, so its messages are never shown. Errors that are not
//! listed here get a generic description.

use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::pki_types::UnixTime;
use rustls::{
    AlertDescription, CertificateError, InconsistentKeys, InvalidMessage, OtherError, PeerIncompatible, PeerMisbehaved,
};
use shared::{Nanos, SECOND, duration};

const NOTHING_IN_COMMON: &str = "server and checker have no TLS version, cipher or signature algorithm in common";
const NO_PROTOCOL_IN_COMMON: &str = "server and checker have no application protocol in common";
const OLD_TLS: &str = "server supports only TLS versions before 1.2, which are no longer secure";
const NOT_TLS: &str = "server does not speak TLS";
const MALFORMED_MESSAGE: &str = "server sent a malformed TLS message";
const PROTOCOL_VIOLATION: &str = "server violates the TLS protocol";
const UNOFFERED: &str = "server chose a TLS option that the checker did not offer";
pub(crate) const CLIENT_CERTIFICATE_REQUIRED: &str = "server requires a client certificate";
const MALFORMED_CERTIFICATE: &str = "certificate is malformed";
const INVALID_CERTIFICATE: &str = "certificate is not valid";
const TOO_COMPLEX: &str = "certificate chain is too complex to verify";
const UNTRUSTED: &str =
    "certificate is signed by an untrusted authority, or the server does not send an intermediate certificate";

/// A problem with a certificate chain, as a complete clause. The checks' verifier passes it through the TLS library.
#[derive(Debug)]
pub struct ChainProblem(pub String);

impl fmt::Display for ChainProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for ChainProblem {}

impl From<ChainProblem> for rustls::Error {
    fn from(problem: ChainProblem) -> rustls::Error {
        CertificateError::Other(OtherError(Arc::new(problem))).into()
    }
}

/// Describes an error of a TLS connection or its settings.
#[must_use]
pub fn describe(error: &rustls::Error) -> String {
    use rustls::Error as E;
    let text = match error {
        E::InvalidCertificate(reason) => return describe_certificate_error(reason),
        E::AlertReceived(alert) => return describe_alert(*alert),
        E::Other(other) => return describe_other(other, "TLS failed for an unknown reason"),
        E::InvalidMessage(message) => describe_message(message),
        E::PeerIncompatible(reason) => describe_incompatibility(reason),
        E::PeerMisbehaved(reason) => describe_violation(reason),
        E::InappropriateMessage { .. } | E::InappropriateHandshakeMessage { .. } => {
            "server sent a TLS message that is not allowed at this point"
        }
        E::InvalidEncryptedClientHello(_) => "encrypted client hello failed",
        E::NoCertificatesPresented => "server sent no certificate",
        E::UnsupportedNameType => "server name is neither a host name nor an IP address",
        E::DecryptError => "server sent data that cannot be decrypted",
        E::EncryptError => "data for the server cannot be encrypted",
        E::InvalidCertRevocationList(_) => "certificate revocation list is not valid",
        E::FailedToGetCurrentTime => "this machine's clock cannot be read",
        E::FailedToGetRandomBytes => "this machine cannot generate random numbers",
        E::HandshakeNotComplete => "TLS handshake is not complete",
        E::PeerSentOversizedRecord => "server sent a TLS record that is too large",
        E::NoApplicationProtocol => NO_PROTOCOL_IN_COMMON,
        E::BadMaxFragmentSize => "maximum size of a TLS record is out of range",
        E::InconsistentKeys(InconsistentKeys::KeyMismatch) => "private key does not match the certificate",
        E::InconsistentKeys(_) => "private key cannot be compared with the certificate",
        E::General(_) => "TLS library failed",
        _ => "TLS failed for an unknown reason",
    };
    text.to_owned()
}

/// Describes the alert with which a server aborted the connection (RFC 8446, section 6).
fn describe_alert(alert: AlertDescription) -> String {
    use AlertDescription as A;
    let reason = match alert {
        A::HandshakeFailure => return NOTHING_IN_COMMON.to_owned(),
        A::ProtocolVersion => {
            return "server and checker have no TLS version in common: the checker supports TLS 1.2 and 1.3".to_owned();
        }
        A::InsufficientSecurity => return "server requires stronger ciphers than the checker supports".to_owned(),
        A::UnrecognisedName => return "server has no certificate for this host name".to_owned(),
        A::NoApplicationProtocol => return NO_PROTOCOL_IN_COMMON.to_owned(),
        A::CertificateRequired | A::NoCertificate => return CLIENT_CERTIFICATE_REQUIRED.to_owned(),
        A::CloseNotify => return "connection closed by the server".to_owned(),
        A::BadCertificate => "the client certificate is malformed or missing",
        A::UnsupportedCertificate => "the type of the client certificate is not supported",
        A::CertificateRevoked => "the client certificate is revoked",
        A::CertificateExpired => "the client certificate has expired",
        A::CertificateUnknown => "the client certificate is not accepted",
        A::UnknownCA => "the client certificate is signed by an authority that the server does not trust",
        A::AccessDenied => "access is denied; a different client certificate may be required",
        A::UnexpectedMessage => "an unexpected message was received",
        A::BadRecordMac | A::DecryptionFailed => "the received data cannot be decrypted",
        A::RecordOverflow => "a received record is too large",
        A::DecompressionFailure => "the received data cannot be decompressed",
        A::IllegalParameter => "a received message contains an invalid value",
        A::DecodeError => "a received message is malformed",
        A::DecryptError => "a handshake signature cannot be verified",
        A::ExportRestriction => "the key length is restricted",
        A::InternalError => "an internal error occurred",
        A::InappropriateFallback => "the TLS version is lower than necessary",
        A::UserCanceled => "the handshake was canceled",
        A::NoRenegotiation => "renegotiation is not supported",
        A::MissingExtension => "a received message lacks a required extension",
        A::UnsupportedExtension => "a received extension is not supported",
        A::CertificateUnobtainable => "the client certificate cannot be fetched",
        A::BadCertificateStatusResponse => "the revocation status of a certificate is not valid",
        A::BadCertificateHashValue => "the hash of the client certificate does not match",
        A::UnknownPSKIdentity => "the pre-shared key is unknown",
        A::EncryptedClientHelloRequired => "an encrypted client hello is required",
        other => return format!("server aborted TLS with the unknown alert {}", u8::from(other)),
    };
    format!("server aborted TLS: {reason}")
}

fn describe_message(message: &InvalidMessage) -> &'static str {
    match message {
        InvalidMessage::InvalidContentType
        | InvalidMessage::UnknownProtocolVersion
        | InvalidMessage::MessageTooLarge
        | InvalidMessage::MessageTooShort
        | InvalidMessage::InvalidEmptyPayload => NOT_TLS,
        InvalidMessage::CertificatePayloadTooLarge => "server sent more than 64 KiB of certificates",
        InvalidMessage::HandshakePayloadTooLarge => "server sent a TLS message that is too large",
        _ => MALFORMED_MESSAGE,
    }
}

fn describe_incompatibility(reason: &PeerIncompatible) -> &'static str {
    match reason {
        PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
        | PeerIncompatible::SupportedVersionsExtensionRequired
        | PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled => OLD_TLS,
        PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon => {
            "server does not support the key of the client certificate"
        }
        PeerIncompatible::ServerRejectedEncryptedClientHello(_) => "server rejected the encrypted client hello",
        _ => NOTHING_IN_COMMON,
    }
}

fn describe_violation(reason: &PeerMisbehaved) -> &'static str {
    match reason {
        PeerMisbehaved::AttemptedDowngradeToTls12WhenTls13IsSupported => {
            "server supports TLS 1.3, but something between it and the checker enforces TLS 1.2"
        }
        PeerMisbehaved::SelectedUnofferedApplicationProtocol => {
            "server chose an application protocol that the checker did not offer"
        }
        PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme | PeerMisbehaved::SignedKxWithWrongAlgorithm => {
            "server signed the handshake with an algorithm that the checker does not support; \
             use a key for RSA, Ed25519, or ECDSA on the P-256 or P-384 curve"
        }
        PeerMisbehaved::SelectedUnofferedCertCompression
        | PeerMisbehaved::SelectedUnofferedCipherSuite
        | PeerMisbehaved::SelectedUnofferedCompression
        | PeerMisbehaved::SelectedUnofferedKxGroup
        | PeerMisbehaved::SelectedUnofferedPsk
        | PeerMisbehaved::SelectedUnusableCipherSuiteForVersion
        | PeerMisbehaved::UnsolicitedCertExtension
        | PeerMisbehaved::UnsolicitedEchExtension
        | PeerMisbehaved::UnsolicitedEncryptedExtension
        | PeerMisbehaved::UnsolicitedSctList
        | PeerMisbehaved::UnsolicitedServerHelloExtension => UNOFFERED,
        PeerMisbehaved::TooManyEmptyFragments
        | PeerMisbehaved::TooManyKeyUpdateRequests
        | PeerMisbehaved::TooManyRenegotiationRequests
        | PeerMisbehaved::TooManyWarningAlertsReceived => "server sent too many TLS messages without data",
        _ => PROTOCOL_VIOLATION,
    }
}

/// Describes what is wrong with a certificate or its chain.
fn describe_certificate_error(error: &CertificateError) -> String {
    use CertificateError as C;
    let text = match error {
        C::ExpiredContext { time, not_after } => return expired("certificate", *not_after, *time),
        C::NotValidYetContext { time, not_before } => return not_valid_yet("certificate", *not_before, *time),
        C::NotValidForNameContext { expected, presented } => return wrong_name(&expected.to_str(), presented),
        C::UnsupportedSignatureAlgorithmContext { signature_algorithm_id, .. } => {
            return unsupported_signature(signature_algorithm_id, &[]);
        }
        C::UnsupportedSignatureAlgorithmForPublicKeyContext { signature_algorithm_id, public_key_algorithm_id } => {
            return unsupported_signature(signature_algorithm_id, public_key_algorithm_id);
        }
        C::Other(other) => return describe_other(other, INVALID_CERTIFICATE),
        C::Expired => "certificate has expired",
        C::NotValidYet => "certificate is not valid yet",
        C::NotValidForName => "certificate is for another host name",
        C::BadEncoding => MALFORMED_CERTIFICATE,
        C::Revoked => "certificate is revoked",
        C::UnknownIssuer => UNTRUSTED,
        C::UnhandledCriticalExtension => "certificate has a critical extension that the checker does not support",
        C::UnknownRevocationStatus => "certificate may have been revoked: its status is unknown",
        C::ExpiredRevocationList | C::ExpiredRevocationListContext { .. } => {
            "certificate may have been revoked: the revocation list has expired"
        }
        C::InvalidOcspResponse => "certificate may have been revoked: the server's proof of its status is not valid",
        C::BadSignature => "certificate or handshake has an invalid signature",
        C::InvalidPurpose | C::InvalidPurposeContext { .. } => "certificate is not meant for servers",
        C::ApplicationVerificationFailure => "certificate was rejected",
        _ => INVALID_CERTIFICATE,
    };
    text.to_owned()
}

/// Describes an error of another type that the TLS library passes on. Returns `general` for unknown types.
fn describe_other(error: &OtherError, general: &str) -> String {
    if let Some(problem) = error.0.downcast_ref::<ChainProblem>() {
        return problem.to_string();
    }
    error.0.downcast_ref::<webpki::Error>().map_or_else(|| general.to_owned(), describe_path_error)
}

/// Describes why no path of valid certificates leads to a trusted certificate.
#[must_use]
pub fn describe_path_error(error: &webpki::Error) -> String {
    use webpki::Error as W;
    let text = match error {
        W::CertExpired { time, not_after } => return expired("certificate", *not_after, *time),
        W::CertNotValidYet { time, not_before } => return not_valid_yet("certificate", *not_before, *time),
        W::CertNotValidForName(context) => return wrong_name(&context.expected.to_str(), &context.presented),
        W::UnsupportedSignatureAlgorithmContext(context) => {
            return unsupported_signature(&context.signature_algorithm_id, &[]);
        }
        W::UnsupportedSignatureAlgorithmForPublicKeyContext(context) => {
            return unsupported_signature(&context.signature_algorithm_id, &context.public_key_algorithm_id);
        }
        W::BadDer
        | W::BadDerTime
        | W::ExtensionValueInvalid
        | W::InvalidSerialNumber
        | W::MalformedDnsIdentifier
        | W::MalformedExtensions
        | W::MalformedNameConstraint
        | W::InvalidNetworkMaskConstraint
        | W::TrailingData(_) => MALFORMED_CERTIFICATE,
        W::CaUsedAsEndEntity => "certificate belongs to an authority (CA), so servers cannot use it",
        W::EndEntityUsedAsCa => "certificate is signed by a certificate that does not belong to an authority (CA)",
        W::CertDistrusted => "certificate is signed by an authority that is no longer trusted",
        W::CertRevoked => "certificate is revoked",
        W::UnknownRevocationStatus => "certificate may have been revoked: its status is unknown",
        W::CrlExpired { .. } => "certificate may have been revoked: the revocation list has expired",
        W::EmptyEkuExtension | W::RequiredEkuNotFoundContext(_) => "certificate is not meant for servers",
        W::InvalidCertValidity => "certificate expires before it becomes valid",
        W::InvalidSignatureForPublicKey => "certificate or handshake has an invalid signature",
        W::MaximumNameConstraintComparisonsExceeded
        | W::MaximumPathBuildCallsExceeded
        | W::MaximumPathDepthExceeded
        | W::MaximumSignatureChecksExceeded => TOO_COMPLEX,
        W::NameConstraintViolation => "certificate is for a name that its authority is not allowed to certify",
        W::PathLenConstraintViolated => "certificate chain is longer than its authority allows",
        W::SignatureAlgorithmMismatch => "certificate names two different signature algorithms",
        W::UnknownIssuer => UNTRUSTED,
        W::UnsupportedCertVersion => "certificate does not use X.509 version 3",
        W::UnsupportedCriticalExtension => "certificate has a critical extension that the checker does not support",
        W::UnsupportedNameType => "server name is neither a host name nor an IP address",
        _ => INVALID_CERTIFICATE,
    };
    text.to_owned()
}

/// Describes how long ago `subject` expired.
#[must_use]
pub fn expired(subject: &str, not_after: UnixTime, now: UnixTime) -> String {
    format!("{subject} expired {} ago", days_between(not_after, now))
}

/// Describes how soon `subject` becomes valid.
#[must_use]
pub fn not_valid_yet(subject: &str, not_before: UnixTime, now: UnixTime) -> String {
    format!("{subject} becomes valid in {}", days_between(now, not_before))
}

/// Formats the time from `from` to `to` in days, or in smaller units if it is less than a day.
fn days_between(from: UnixTime, to: UnixTime) -> String {
    let seconds = to.as_secs().saturating_sub(from.as_secs());
    match seconds / 86_400 {
        0 => duration::format_coarse((seconds as Nanos).saturating_mul(SECOND)),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

fn wrong_name(expected: &str, presented: &[String]) -> String {
    /// The maximum number of names to list in an error message.
    const SHOWN: usize = 5;
    let names: Vec<&str> = presented.iter().filter_map(|name| plain_name(name)).collect();
    let shown = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let names = match names.len() {
        0 => "no host name".to_owned(),
        count if count > SHOWN => format!("{shown} and {} more", count - SHOWN),
        _ => shown,
    };
    format!("certificate is for {names}, not for `{expected}`")
}

/// Extracts the name from the library's `DnsName("a.example")` or `IpAddress(127.0.0.1)`. Returns `None` for names that
/// cannot belong to a server.
fn plain_name(name: &str) -> Option<&str> {
    if let Some(address) = name.strip_prefix("IpAddress(") {
        return address.strip_suffix(')').filter(|address| address.parse::<IpAddr>().is_ok());
    }
    let (kind, quoted) = name.split_once("(\"")?;
    quoted.strip_suffix("\")").filter(|_| matches!(kind, "DnsName" | "UniformResourceIdentifier"))
}

/// Signature algorithms and curves that the TLS library does not support, by the bytes of their object identifiers.
const UNSUPPORTED: &[(&[u8], &str)] = &[
    (&[0x2b, 0x81, 0x04, 0x00, 0x23], "ECDSA on the P-521 curve"),
    (&[0x2b, 0x81, 0x04, 0x00, 0x0a], "ECDSA on the secp256k1 curve"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04], "ECDSA and SHA-512, as is usual for the P-521 curve"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01], "ECDSA and SHA-1, which is no longer secure"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05], "RSA and SHA-1, which is no longer secure"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04], "RSA and MD5, which is no longer secure"),
    (&[0x2b, 0x65, 0x71], "Ed448"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04], "DSA"),
];

fn unsupported_signature(algorithm: &[u8], key: &[u8]) -> String {
    let contains = |identifier: &[u8], part: &[u8]| identifier.windows(part.len()).any(|window| window == part);
    let known = UNSUPPORTED.iter().find(|(part, _)| contains(key, part) || contains(algorithm, part));
    let known = known.map_or("an unknown algorithm", |(_, name)| *name);
    format!(
        "certificate is signed with {known}; the checker supports RSA, Ed25519, and ECDSA on the P-256 and P-384 curves"
    )
}

#[cfg(test)]
mod tests;
