//! The configuration of `grpc` checks: keys, defaults and the conversion to a [`GrpcCheck`].

use std::collections::BTreeMap;

use serde::Deserialize;

use super::common::{
    CLIENT_CERT_FILE, CLIENT_KEY_FILE, IP_VERSION, MIN_TLS_VERSION, NAME, RawTlsSettings, SERVER_NAME, TIMEOUT,
    TLS_CA_FILE, TLS_SKIP_VERIFY,
};
use super::converter::CheckConverter;
use super::{CheckType, DEFAULT_TIMEOUT};
use crate::checks::grpc::GrpcCheck;
use crate::checks::net::connect::Address;
use crate::checks::{self as kinds, CheckKind};
use crate::config::patterns;
use crate::config::raw::OneOrMany;
use crate::config::spec::{ValueKind, Variant, optional, required};

pub(super) const TYPE: CheckType = CheckType {
    variant: Variant {
        name: "grpc",
        description: "A call to the standard health service (`grpc.health.v1.Health`).",
        fields: &[
            NAME,
            required(
                "endpoint_url",
                ValueKind::Pattern(patterns::HOST_AND_PORT),
                "Host and port, for example `api.example:50051`.",
            ),
            TIMEOUT,
            IP_VERSION,
            optional("service", ValueKind::String, "the whole server", "The service to query."),
            optional(
                "headers",
                ValueKind::Headers,
                "none",
                "The metadata to send, for example `Authorization`. Values of keys that end with `-bin` are Base64.",
            ),
            optional("tls", ValueKind::Bool, "`false`", "Whether the connection uses TLS."),
            SERVER_NAME,
            TLS_CA_FILE,
            TLS_SKIP_VERIFY,
            CLIENT_CERT_FILE,
            CLIENT_KEY_FILE,
            MIN_TLS_VERSION,
        ],
    },
    subjects: kinds::grpc::SUBJECTS,
    default_timeout: DEFAULT_TIMEOUT,
    convert,
};

/// Headers that gRPC defines or HTTP/2 forbids. Names that start with `grpc-` are reserved too.
const RESERVED: &[&str] = &[
    "connection",
    "content-length",
    "content-type",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

#[derive(Deserialize)]
struct RawGrpc {
    endpoint_url: String,
    #[serde(default)]
    service: String,
    #[serde(default)]
    headers: BTreeMap<String, OneOrMany>,
    #[serde(default)]
    tls: bool,
    server_name: Option<String>,
    #[serde(flatten)]
    settings: RawTlsSettings,
}

fn convert(converter: &mut CheckConverter<'_>) -> Option<CheckKind> {
    let raw: RawGrpc = converter.read()?;
    let address = converter.accept("endpoint_url", Address::parse(&raw.endpoint_url, None))?;
    let settings = converter.tls_settings(raw.settings);
    let tls = if raw.tls { Some(converter.tls_options(settings, raw.server_name, &address)?) } else { None };
    let ip_version = converter.ip_version(&address.host);
    let headers = converter.headers(&raw.headers);
    if let Some(name) =
        headers.keys().find(|name| RESERVED.contains(&name.as_str()) || name.as_str().starts_with("grpc-"))
    {
        converter.error("headers", format!("the `{name}` header is reserved for gRPC: remove it"));
    }
    let (locator, service, timeout) = (raw.endpoint_url, raw.service, converter.timeout);
    Some(CheckKind::Grpc(Box::new(GrpcCheck { locator, address, timeout, ip_version, tls, service, headers })))
}
