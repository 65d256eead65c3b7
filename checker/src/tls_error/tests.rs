use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{CertRevocationListError, ContentType, EncryptedClientHelloError, Error as E, HandshakeType};

use crate::sanitize::sanitize;
use crate::tls_error::*;

fn at(days: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(days * 86_400))
}

/// Fails if a message resembles the output of `Debug`, or is not a clause in plain words.
fn expect_plain_words(text: &str) {
    // Text between backticks comes from a certificate or names a configuration key.
    let words: String = text.split('`').step_by(2).collect();
    let is_identifier = |word: &str| {
        let letters: Vec<char> = word.chars().collect();
        // `TLS` and `KiB` are words, not identifiers.
        letters.windows(2).any(|pair| pair[0].is_lowercase() && pair[1].is_uppercase()) && word != "KiB"
    };
    assert!(!words.split(|letter: char| !letter.is_alphanumeric()).any(is_identifier), "an identifier: {text}");
    assert!(!words.replace("(CA)", "").contains(['(', ')', '[', ']', '{', '}', '_', '"']), "debug output: {text}");
    let first = words.split(' ').next().unwrap_or_default();
    assert!(first == "TLS" || first.starts_with(|letter: char| letter.is_ascii_lowercase()), "not a clause: {text}");
    assert!(words.contains(' ') && !words.ends_with('.') && text.len() < 260, "not a clause: {text}");
    assert_eq!(sanitize(text.to_owned(), 1_000), text);
}

/// Returns every certificate error that the verifier of the TLS library can report.
fn certificate_errors() -> Vec<CertificateError> {
    use CertificateError as C;
    let (time, then) = (at(700), at(100));
    let expected = ServerName::try_from("shop.example").expect("a name");
    #[expect(deprecated, reason = "the library still defines it")]
    let former = C::UnsupportedSignatureAlgorithm;
    let mut all = vec![
        former,
        C::BadEncoding,
        C::Expired,
        C::ExpiredContext { time, not_after: then },
        C::NotValidYet,
        C::NotValidYetContext { time: then, not_before: time },
        C::Revoked,
        C::UnhandledCriticalExtension,
        C::UnknownIssuer,
        C::UnknownRevocationStatus,
        C::ExpiredRevocationList,
        C::ExpiredRevocationListContext { time, next_update: then },
        C::BadSignature,
        C::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id: vec![1, 2],
            supported_algorithms: Vec::new(),
        },
        C::NotValidForName,
        C::InvalidPurpose,
        C::InvalidPurposeContext {
            required: rustls::ExtendedKeyPurpose::ServerAuth,
            presented: vec![rustls::ExtendedKeyPurpose::ClientAuth, rustls::ExtendedKeyPurpose::Other(vec![1, 2])],
        },
        C::InvalidOcspResponse,
        C::ApplicationVerificationFailure,
        C::Other(OtherError(Arc::new(std::io::Error::other("Os { code: 5 }")))),
    ];
    for (identifier, _) in UNSUPPORTED {
        all.push(C::UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id: identifier.to_vec(),
            public_key_algorithm_id: Vec::new(),
        });
    }
    let many = || (0..100).map(|number| format!("DnsName(\"{number}.example\")")).collect();
    let other = || vec!["DirectoryName".to_owned(), "Unsupported(0x01)".to_owned(), "IpAddress([1, 2])".to_owned()];
    for presented in [Vec::new(), many(), other()] {
        all.push(C::NotValidForNameContext { expected: expected.clone(), presented });
    }
    all.extend(path_errors().into_iter().map(|error| C::Other(OtherError(Arc::new(error)))));
    all
}

/// Returns every error of the library that builds certificate chains.
fn path_errors() -> Vec<webpki::Error> {
    use webpki::Error as W;
    let (time, then) = (at(700), at(100));
    let expected = ServerName::try_from("shop.example").expect("a name");
    let algorithm = webpki::UnsupportedSignatureAlgorithmContext {
        signature_algorithm_id: vec![1],
        supported_algorithms: Vec::new(),
    };
    let key = webpki::UnsupportedSignatureAlgorithmForPublicKeyContext {
        signature_algorithm_id: vec![1],
        public_key_algorithm_id: vec![2],
    };
    let required =
        webpki::RequiredEkuNotFoundContext { required: webpki::KeyUsage::server_auth(), present: vec![vec![1, 3, 6]] };
    #[expect(deprecated, reason = "the library still defines them")]
    let former = [
        W::RequiredEkuNotFound,
        W::UnsupportedCrlSignatureAlgorithm,
        W::UnsupportedSignatureAlgorithm,
        W::UnsupportedCrlSignatureAlgorithmForPublicKey,
        W::UnsupportedSignatureAlgorithmForPublicKey,
    ];
    let mut all = former.to_vec();
    all.extend([
        W::BadDer,
        W::BadDerTime,
        W::CaUsedAsEndEntity,
        W::CertDistrusted,
        W::CertExpired { time, not_after: then },
        W::CertNotValidForName(webpki::InvalidNameContext { expected, presented: Vec::new() }),
        W::CertNotValidYet { time: then, not_before: time },
        W::CertRevoked,
        W::CrlExpired { time, next_update: then },
        W::EmptyEkuExtension,
        W::EndEntityUsedAsCa,
        W::ExtensionValueInvalid,
        W::InvalidCertValidity,
        W::InvalidCrlNumber,
        W::InvalidNetworkMaskConstraint,
        W::InvalidSerialNumber,
        W::InvalidCrlSignatureForPublicKey,
        W::InvalidSignatureForPublicKey,
        W::IssuerNotCrlSigner,
        W::MalformedDnsIdentifier,
        W::MalformedExtensions,
        W::MalformedNameConstraint,
        W::MaximumNameConstraintComparisonsExceeded,
        W::MaximumPathBuildCallsExceeded,
        W::MaximumPathDepthExceeded,
        W::MaximumSignatureChecksExceeded,
        W::NameConstraintViolation,
        W::PathLenConstraintViolated,
        W::RequiredEkuNotFoundContext(required),
        W::SignatureAlgorithmMismatch,
        W::TrailingData(webpki::DerTypeId::Certificate),
        W::UnknownIssuer,
        W::UnknownRevocationStatus,
        W::UnsupportedCertVersion,
        W::UnsupportedCriticalExtension,
        W::UnsupportedCrlIssuingDistributionPoint,
        W::UnsupportedCrlVersion,
        W::UnsupportedDeltaCrl,
        W::UnsupportedIndirectCrl,
        W::UnsupportedNameType,
        W::UnsupportedRevocationReason,
        W::UnsupportedRevocationReasonsPartitioning,
        W::UnsupportedCrlSignatureAlgorithmContext(algorithm.clone()),
        W::UnsupportedSignatureAlgorithmContext(algorithm),
        W::UnsupportedCrlSignatureAlgorithmForPublicKeyContext(key.clone()),
        W::UnsupportedSignatureAlgorithmForPublicKeyContext(key),
    ]);
    all
}

fn message_errors() -> [InvalidMessage; 28] {
    use InvalidMessage as M;
    [
        M::CertificatePayloadTooLarge,
        M::HandshakePayloadTooLarge,
        M::InvalidCcs,
        M::InvalidContentType,
        M::InvalidCertificateStatusType,
        M::InvalidCertRequest,
        M::InvalidDhParams,
        M::InvalidEmptyPayload,
        M::InvalidKeyUpdate,
        M::InvalidServerName,
        M::MessageTooLarge,
        M::MessageTooShort,
        M::MissingData("ClientHelloPayload"),
        M::MissingKeyExchange,
        M::NoSignatureSchemes,
        M::TrailingData("ServerHelloPayload"),
        M::UnexpectedMessage("CertificateRequest"),
        M::UnknownProtocolVersion,
        M::UnsupportedCompression,
        M::UnsupportedCurveType,
        M::EmptyTicketValue,
        M::IllegalEmptyList("ALPNProtocols"),
        M::IllegalEmptyValue,
        M::DuplicateExtension(43),
        M::PreSharedKeyIsNotFinalExtension,
        M::UnknownHelloRetryRequestExtension,
        M::UnknownCertificateExtension,
        M::UnsupportedKeyExchangeAlgorithm(rustls::crypto::KeyExchangeAlgorithm::DHE),
    ]
}

fn incompatibilities() -> [PeerIncompatible; 22] {
    use PeerIncompatible as P;
    [
        P::EcPointsExtensionRequired,
        P::ExtendedMasterSecretExtensionRequired,
        P::IncorrectCertificateTypeExtension,
        P::KeyShareExtensionRequired,
        P::NamedGroupsExtensionRequired,
        P::NoCertificateRequestSignatureSchemesInCommon,
        P::NoCipherSuitesInCommon,
        P::NoEcPointFormatsInCommon,
        P::NoKxGroupsInCommon,
        P::NoSignatureSchemesInCommon,
        P::NullCompressionRequired,
        P::ServerDoesNotSupportTls12Or13,
        P::ServerSentHelloRetryRequestWithUnknownExtension,
        P::ServerTlsVersionIsDisabledByOurConfig,
        P::SignatureAlgorithmsExtensionRequired,
        P::SupportedVersionsExtensionRequired,
        P::Tls12NotOffered,
        P::Tls12NotOfferedOrEnabled,
        P::Tls13RequiredForQuic,
        P::UncompressedEcPointsRequired,
        P::UnsolicitedCertificateTypeExtension,
        P::ServerRejectedEncryptedClientHello(None),
    ]
}

fn violations() -> Vec<PeerMisbehaved> {
    use PeerMisbehaved as P;
    vec![
        P::AttemptedDowngradeToTls12WhenTls13IsSupported,
        P::BadCertChainExtensions,
        P::CipherSuiteDifferedOnRetry,
        P::DisallowedEncryptedExtension,
        P::DuplicateClientHelloExtensions,
        P::DuplicateEncryptedExtensions,
        P::DuplicateHelloRetryRequestExtensions,
        P::DuplicateNewSessionTicketExtensions,
        P::DuplicateServerHelloExtensions,
        P::DuplicateServerNameTypes,
        P::EarlyDataAttemptedInSecondClientHello,
        P::EarlyDataExtensionWithoutResumption,
        P::EarlyDataOfferedWithVariedCipherSuite,
        P::EchAcceptanceVariedAfterRetry,
        P::HandshakeHashVariedAfterRetry,
        P::IllegalHelloRetryRequestWithEmptyCookie,
        P::IllegalHelloRetryRequestWithNoChanges,
        P::IllegalHelloRetryRequestWithOfferedGroup,
        P::IllegalHelloRetryRequestWithUnofferedCipherSuite,
        P::IllegalHelloRetryRequestWithUnofferedNamedGroup,
        P::IllegalHelloRetryRequestWithUnsupportedVersion,
        P::IllegalHelloRetryRequestWithWrongSessionId,
        P::IllegalHelloRetryRequestWithInvalidEch,
        P::IllegalMiddleboxChangeCipherSpec,
        P::IllegalTlsInnerPlaintext,
        P::IncorrectBinder,
        P::InvalidCertCompression,
        P::InvalidMaxEarlyDataSize,
        P::InvalidKeyShare,
        P::KeyEpochWithPendingFragment,
        P::KeyUpdateReceivedInQuicConnection,
        P::MessageInterleavedWithHandshakeMessage,
        P::MissingBinderInPskExtension,
        P::MissingKeyShare,
        P::MissingPskExtensionInSecondClientHello,
        P::MissingPskModesExtension,
        P::MissingQuicTransportParameters,
        P::OfferedDuplicateCertificateCompressions,
        P::OfferedDuplicateKeyShares,
        P::OfferedEarlyDataWithOldProtocolVersion,
        P::OfferedEmptyApplicationProtocol,
        P::OfferedIncorrectCompressions,
        P::PskExtensionMustBeLast,
        P::PskExtensionWithMismatchedIdsAndBinders,
        P::RefusedToFollowHelloRetryRequest,
        P::RejectedEarlyDataInterleavedWithHandshakeMessage,
        P::ResumptionAttemptedWithVariedEms,
        P::ResumptionOfferedWithVariedCipherSuite,
        P::ResumptionOfferedWithVariedEms,
        P::ResumptionOfferedWithIncompatibleCipherSuite,
        P::SelectedDifferentCipherSuiteAfterRetry,
        P::SelectedInvalidPsk,
        P::SelectedTls12UsingTls13VersionExtension,
        P::SelectedUnofferedApplicationProtocol,
        P::SelectedUnofferedCertCompression,
        P::SelectedUnofferedCipherSuite,
        P::SelectedUnofferedCompression,
        P::SelectedUnofferedKxGroup,
        P::SelectedUnofferedPsk,
        P::SelectedUnusableCipherSuiteForVersion,
        P::ServerEchoedCompatibilitySessionId,
        P::ServerHelloMustOfferUncompressedEcPoints,
        P::ServerNameDifferedOnRetry,
        P::ServerNameMustContainOneHostName,
        P::SignedKxWithWrongAlgorithm,
        P::SignedHandshakeWithUnadvertisedSigScheme,
        P::TooManyEmptyFragments,
        P::TooManyKeyUpdateRequests,
        P::TooManyRenegotiationRequests,
        P::TooManyWarningAlertsReceived,
        P::TooMuchEarlyDataReceived,
        P::UnexpectedCleartextExtension,
        P::UnsolicitedCertExtension,
        P::UnsolicitedEncryptedExtension,
        P::UnsolicitedSctList,
        P::UnsolicitedServerHelloExtension,
        P::WrongGroupForKeyShare,
        P::UnsolicitedEchExtension,
    ]
}

fn other_errors() -> Vec<E> {
    let other = || OtherError(Arc::new(std::io::Error::other("Os { code: 5 }")));
    vec![
        E::InappropriateMessage { expect_types: vec![ContentType::Alert], got_type: ContentType::Handshake },
        E::InappropriateHandshakeMessage {
            expect_types: vec![HandshakeType::ServerHello],
            got_type: HandshakeType::Finished,
        },
        E::InvalidEncryptedClientHello(EncryptedClientHelloError::NoCompatibleConfig),
        E::NoCertificatesPresented,
        E::UnsupportedNameType,
        E::DecryptError,
        E::EncryptError,
        E::InvalidCertRevocationList(CertRevocationListError::ParseError),
        E::InvalidCertRevocationList(CertRevocationListError::Other(other())),
        E::General("unexpected error: Os { code: 5 }".to_owned()),
        E::FailedToGetCurrentTime,
        E::FailedToGetRandomBytes,
        E::HandshakeNotComplete,
        E::PeerSentOversizedRecord,
        E::NoApplicationProtocol,
        E::BadMaxFragmentSize,
        E::InconsistentKeys(InconsistentKeys::KeyMismatch),
        E::InconsistentKeys(InconsistentKeys::Unknown),
        E::Other(other()),
    ]
}

#[test]
fn every_error_of_the_library_is_described_in_words() {
    let all = (0..=u8::MAX)
        .map(|code| E::AlertReceived(code.into()))
        .chain(certificate_errors().into_iter().map(E::InvalidCertificate))
        .chain(message_errors().map(E::InvalidMessage))
        .chain(incompatibilities().map(E::PeerIncompatible))
        .chain(violations().into_iter().map(E::PeerMisbehaved))
        .chain(other_errors());
    for error in all {
        expect_plain_words(&describe(&error));
    }
    for error in path_errors() {
        expect_plain_words(&describe_path_error(&error));
    }
}

#[test]
fn an_error_names_what_an_operator_can_fix() {
    use CertificateError as C;
    let name = |presented: &[&str]| C::NotValidForNameContext {
        expected: ServerName::try_from("shop.example").expect("a name"),
        presented: presented.iter().map(|name| (*name).to_owned()).collect(),
    };
    let p521 = vec![0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23];
    for (error, expected) in [
        (E::from(C::ExpiredContext { time: at(700), not_after: at(100) }), "certificate expired 600 days ago"),
        (C::ExpiredContext { time: at(10), not_after: at(9) }.into(), "certificate expired 1 day ago"),
        (C::NotValidYetContext { time: at(7), not_before: at(9) }.into(), "certificate becomes valid in 2 days"),
        (
            name(&["DnsName(\"a.example\")", "DirectoryName", "IpAddress(192.0.2.1)"]).into(),
            "certificate is for `a.example`, `192.0.2.1`, not for `shop.example`",
        ),
        (name(&["DirectoryName"]).into(), "certificate is for no host name, not for `shop.example`"),
        (
            C::UnsupportedSignatureAlgorithmForPublicKeyContext {
                signature_algorithm_id: Vec::new(),
                public_key_algorithm_id: p521,
            }
            .into(),
            "certificate is signed with ECDSA on the P-521 curve; the checker supports RSA, Ed25519, and ECDSA on the \
             P-256 and P-384 curves",
        ),
        (ChainProblem("certificate is self-signed".to_owned()).into(), "certificate is self-signed"),
        (
            C::Other(OtherError(Arc::new(webpki::Error::CaUsedAsEndEntity))).into(),
            "certificate belongs to an authority (CA), so servers cannot use it",
        ),
        (E::AlertReceived(AlertDescription::InternalError), "server aborted TLS: an internal error occurred"),
        (E::AlertReceived(99.into()), "server aborted TLS with the unknown alert 99"),
        (E::AlertReceived(AlertDescription::NoApplicationProtocol), NO_PROTOCOL_IN_COMMON),
        (E::AlertReceived(AlertDescription::CertificateRequired), CLIENT_CERTIFICATE_REQUIRED),
    ] {
        assert_eq!(describe(&error), expected);
    }
}
