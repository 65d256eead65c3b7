//! The configuration of `tls` checks: keys, defaults and the conversion to a [`TlsCheck`].

use serde::Deserialize;

use super::common::{
    CLIENT_CERT_FILE, CLIENT_KEY_FILE, IP_VERSION, MIN_TLS_VERSION, NAME, RawTlsSettings, SERVER_NAME, STARTTLS,
    timeout,
};
use super::converter::CheckConverter;
use super::{CheckType, DEFAULT_CONNECTION_TIMEOUT};
use crate::checks::net::connect::Address;
use crate::checks::net::starttls::StartTls;
use crate::checks::net::tls_config::{TlsSettings, TlsTrust};
use crate::checks::tls::{DEGRADED_WITHIN, TlsCheck};
use crate::checks::{self as kinds, CheckKind};
use crate::config::patterns;
use crate::config::raw::RawDuration;
use crate::config::spec::{CENTURY, Field, ValueKind, Variant, optional, required};

const HTTPS_PORT: u16 = 443;

pub(super) const TYPE: CheckType = CheckType {
    variant: Variant {
        name: "tls",
        description: "A TLS handshake that verifies the certificate chain, the host name and the expiry of the certificates.",
        fields: &[
            NAME,
            required(
                "endpoint_url",
                ValueKind::Pattern(patterns::TLS_ADDRESS),
                "Host and port, for example `shop.example:443`. The default port is 443.",
            ),
            timeout("`1s`", "The time limit for an attempt."),
            IP_VERSION,
            STARTTLS,
            Field { kind: ValueKind::Pattern(patterns::SERVER_NAME), ..SERVER_NAME },
            optional(
                "cert_expiry_threshold",
                ValueKind::Duration(0, CENTURY),
                "`14d`",
                "The endpoint is degraded if a certificate on the verified path expires within this time.",
            ),
            optional(
                "cert_expiry_down",
                ValueKind::Duration(0, CENTURY),
                "`0`: only once it has expired",
                "The endpoint is down if a certificate on the verified path expires within this time.",
            ),
            optional(
                "trusted_roots",
                ValueKind::List(&ValueKind::String),
                "the system's certificate authorities",
                "PEM files with the certificates to trust instead of the system's: those of certificate authorities, or the server's own.",
            ),
            CLIENT_CERT_FILE,
            CLIENT_KEY_FILE,
            MIN_TLS_VERSION,
        ],
    },
    subjects: kinds::tls::SUBJECTS,
    default_timeout: DEFAULT_CONNECTION_TIMEOUT,
    convert,
};

#[derive(Deserialize)]
struct RawTls {
    endpoint_url: String,
    starttls: Option<String>,
    server_name: Option<String>,
    cert_expiry_threshold: Option<RawDuration>,
    cert_expiry_down: Option<RawDuration>,
    #[serde(default)]
    trusted_roots: Vec<String>,
}

fn convert(converter: &mut CheckConverter<'_>) -> Option<CheckKind> {
    let raw: RawTls = converter.read()?;
    let settings: RawTlsSettings = converter.read()?;
    let address = converter.accept("endpoint_url", Address::parse(&raw.endpoint_url, Some(HTTPS_PORT)))?;
    let trust = match raw.trusted_roots.as_slice() {
        [] => TlsTrust::System,
        files => TlsTrust::Authorities(files.iter().map(|file| converter.folder.join(file)).collect()),
    };
    let settings = TlsSettings { trust, ..converter.tls_settings(settings) };
    let options = converter.tls_options(settings, raw.server_name, &address)?;
    let ip_version = converter.ip_version(&address.host);
    // The original Checkup writes 0 for "not set".
    let degraded_within = raw.cert_expiry_threshold.map(|time| time.0).filter(|time| *time > 0);
    let degraded_within = degraded_within.unwrap_or(DEGRADED_WITHIN);
    let down_within = raw.cert_expiry_down.map_or(0, |time| time.0);
    if down_within > degraded_within {
        converter.reject(
            "cert_expiry_down",
            "is longer than `cert_expiry_threshold`, so the endpoint is never degraded: shorten it",
        );
    }
    Some(CheckKind::Tls(Box::new(TlsCheck {
        locator: raw.endpoint_url,
        address,
        timeout: converter.timeout,
        ip_version,
        options,
        starttls: raw.starttls.as_deref().and_then(StartTls::from_name),
        degraded_within,
        down_within,
    })))
}
