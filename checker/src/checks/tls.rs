//! TLS checks: one attempt performs a handshake, which verifies the certificate chain and the host name, and
//! determines when the certificates on the verified path expire.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use shared::{DAY, Nanos, duration};

use super::net::address_filter::{AddressFilter, IpVersion};
use super::net::connect::{self, Address, TlsOptions};
use super::net::starttls::{StartTls, upgrade};
use super::net::tls_config::TlsClient;
use super::net::tls_handshake;
use super::probe_data::{Capture, ProbeData};
use super::timing::{CertificateNote, Stopwatch, timed};
use super::{CheckContext, Probe, ProbeResult, Probed};

pub const SUBJECTS: &[&str] = &["[RTT]", "[DNS]", "[CONNECT]", "[TLS]", "[CERTIFICATE]"];

/// The default of [`TlsCheck::degraded_within`], as in the original Checkup. Two weeks are enough to renew a
/// certificate manually.
pub const DEGRADED_WITHIN: Nanos = 14 * DAY;

/// The parameters of a TLS check.
#[derive(Debug, Clone)]
pub struct TlsCheck {
    pub locator: String,
    pub address: Address,
    /// The time limit for one attempt.
    pub timeout: Duration,
    /// The IP version to connect over. If not set, both are tried.
    pub ip_version: Option<IpVersion>,
    /// The trusted certificates and the expected host name.
    pub options: TlsOptions,
    /// The protocol that upgrades the connection to TLS. Without one, the connection starts with the handshake.
    pub starttls: Option<StartTls>,
    /// The endpoint is degraded if a certificate expires within this time.
    pub degraded_within: Nanos,
    /// The endpoint is down if a certificate expires within this time.
    pub down_within: Nanos,
}

impl Probe for TlsCheck {
    fn type_name(&self) -> &'static str {
        "tls"
    }

    fn locator(&self) -> &str {
        &self.locator
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }

    fn host(&self) -> Option<&str> {
        Some(&self.address.host)
    }

    fn preflight(&self) -> Result<(), String> {
        self.options.settings.preflight()
    }

    fn probe<'a>(&'a self, capture: Capture, context: &'a CheckContext) -> BoxFuture<'a, Probed> {
        Box::pin(async move {
            let tls = context.tls_client(&self.options.settings).await?;
            let filter = context.address_filter(self.ip_version);
            Ok(timed(self.timeout, capture, |stopwatch| handshake(self, tls, filter, stopwatch)).await)
        })
    }
}

async fn handshake(
    check: &TlsCheck,
    tls: Arc<TlsClient>,
    filter: AddressFilter,
    stopwatch: Arc<Stopwatch>,
) -> ProbeResult {
    let mut stream = connect::connect(&check.address, filter, &stopwatch).await?;
    if let Some(protocol) = check.starttls {
        upgrade(protocol, &mut stream).await?;
    }
    let mut stream = tls_handshake::handshake(stream, &tls, &check.options.server_name, &[], true, &stopwatch).await?;
    tls_handshake::close(&mut stream, false, &stopwatch).await?;
    let Some(certificate) = stopwatch.handshake_note().certificate else {
        return Err("server sent no certificate".to_owned());
    };
    let left = certificate.left;
    if left < check.down_within {
        return Err(expires_too_soon(&certificate, check.down_within));
    }
    let warning = (left < check.degraded_within).then(|| expires_too_soon(&certificate, check.degraded_within));
    Ok(ProbeData { warning, ..ProbeData::default() })
}

fn expires_too_soon(certificate: &CertificateNote, least: Nanos) -> String {
    let subject = match &certificate.authority {
        None => "certificate".to_owned(),
        Some(name) => format!("certificate of the authority `{name}`"),
    };
    let left = duration::format_coarse(certificate.left);
    format!("{subject} expires in {left}, expected at least {}", duration::format_exact(least))
}

#[cfg(test)]
mod tests {
    use crate::checks::net::address_policy::AddressPolicy;
    use crate::checks::net::tls_config::TlsTrust;
    use crate::checks::test_server::{ServerAction, authority, self_signed, serve, serve_tls};
    use crate::checks::tls::*;
    use crate::checks::{AttemptRecord, Check, CheckContext, CheckKind, CheckOutcome, run};
    use rustls::pki_types::ServerName;

    async fn record(port: u16, trust: TlsTrust, name: &'static str) -> AttemptRecord {
        let kind = CheckKind::Tls(Box::new(TlsCheck {
            locator: "x".to_owned(),
            address: Address { host: "127.0.0.1".to_owned(), port },
            timeout: Duration::from_millis(700),
            ip_version: None,
            options: TlsOptions { settings: trust.into(), server_name: ServerName::try_from(name).expect("a name") },
            starttls: None,
            degraded_within: DEGRADED_WITHIN,
            down_within: 3 * DAY,
        }));
        match run(&Check::new("x", kind), &CheckContext::new(AddressPolicy::AllowAll, crate::now)).await {
            CheckOutcome::Attempts(mut records) => records.remove(0),
            CheckOutcome::Skipped { reason } => panic!("{reason}"),
        }
    }

    #[tokio::test]
    async fn a_certificate_that_expires_is_degraded_then_down() {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = authority(folder.path());
        let trust = || TlsTrust::Authorities(vec![authority.file.clone()]);
        for (days, error, warning) in [
            (30, None, None),
            (9, None, Some("certificate expires in 9 d")),
            (2, Some("certificate expires in 2 d"), None),
            (-3, Some("certificate expired 3 days ago"), None),
        ] {
            let port = serve_tls(&[], &[], authority.server("shop.example", days)).await;
            let record = record(port, trust(), "shop.example").await;
            let begins = |text: &Option<String>, with: Option<&str>| match (text, with) {
                (Some(text), Some(with)) => text.starts_with(with),
                (text, with) => text.is_none() && with.is_none(),
            };
            assert!(begins(&record.attempt.error, error) && begins(&record.warning, warning), "{days}: {record:?}");
        }
        let port = serve_tls(&[], &[], authority.server("other.example", 30)).await;
        let wrong_name = record(port, trust(), "shop.example").await.attempt.error;
        assert_eq!(wrong_name.as_deref(), Some("certificate is for `other.example`, not for `shop.example`"));
        let port = serve_tls(&[], &[], authority.server("shop.example", 30)).await;
        let unknown = record(port, TlsTrust::System, "shop.example").await.attempt.error;
        assert_eq!(
            unknown.as_deref(),
            Some(
                "certificate is signed by an untrusted authority, or the server does not send an intermediate certificate"
            )
        );
    }

    #[tokio::test]
    async fn a_self_signed_certificate_can_be_trusted_itself() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, days, error) in [
            ("shop.example", 30, None),
            ("other.example", 30, Some("certificate is for `other.example`, not for `shop.example`")),
            ("shop.example", -3, Some("certificate expired 3 days ago")),
        ] {
            let (server, file) = self_signed(folder.path(), name, days);
            let port = serve_tls(&[], &[], server).await;
            let record = record(port, TlsTrust::Authorities(vec![file]), "shop.example").await;
            let found = record.attempt.error.as_deref();
            assert!(
                found == error || error.is_some_and(|error| found.unwrap_or_default().starts_with(error)),
                "{record:?}"
            );
        }
        // A different self-signed certificate with the same name is not trusted.
        let (server, _) = self_signed(folder.path(), "shop.example", 30);
        let (_, file) = self_signed(folder.path(), "shop.example", 31);
        let record = record(serve_tls(&[], &[], server).await, TlsTrust::Authorities(vec![file]), "shop.example").await;
        assert!(record.attempt.error.is_some(), "{record:?}");
    }

    #[tokio::test]
    async fn every_misbehavior_of_a_server_is_described() {
        for (actions, expected) in [
            (
                vec![ServerAction::Read, ServerAction::Send(b"HTTP/1.1 400 Bad Request\r\n\r\n")],
                "server does not speak TLS",
            ),
            (vec![ServerAction::Read], "connection closed by the server during the TLS handshake"),
            (vec![ServerAction::Read, ServerAction::Reset], "connection reset by the server"),
            (vec![ServerAction::Read, ServerAction::Hang], "TLS handshake not complete within 700ms"),
            (vec![ServerAction::Read, ServerAction::Trickle], "server does not speak TLS"),
            (vec![ServerAction::Read, ServerAction::Endless], "server does not speak TLS"),
            (
                vec![ServerAction::Read, ServerAction::HalfClose],
                "connection closed by the server during the TLS handshake",
            ),
            // A record that is shorter than its header states.
            (
                vec![ServerAction::Read, ServerAction::Send(&[22, 3, 3, 0x40, 0, 2]), ServerAction::Hang],
                "TLS handshake not complete within 700ms",
            ),
            (
                vec![ServerAction::Read, ServerAction::Send(&[22, 3, 3, 0x40, 0, 2]), ServerAction::Trickle],
                "TLS handshake not complete within 700ms",
            ),
            // A fatal alert with the generic description "internal error".
            (
                vec![ServerAction::Read, ServerAction::Send(&[21, 3, 3, 0, 2, 2, 80])],
                "server aborted TLS: an internal error occurred",
            ),
            // A fatal alert with the description "handshake failure".
            (
                vec![ServerAction::Read, ServerAction::Send(&[21, 3, 3, 0, 2, 2, 40])],
                "no TLS version, cipher or signature algorithm in common",
            ),
        ] {
            let error = record(serve(&actions).await, TlsTrust::AnyCertificate, "a.example").await.attempt.error;
            assert!(error.as_deref().is_some_and(|error| error.contains(expected)), "{actions:?}: {error:?}");
        }
    }
}
