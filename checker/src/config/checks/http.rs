//! The configuration of `http` checks: keys, defaults and the conversion to an [`HttpCheck`].

use std::collections::BTreeMap;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use reqwest::Method;
use serde::Deserialize;

use super::common::{
    CLIENT_CERT_FILE, CLIENT_KEY_FILE, IP_VERSION, MIN_TLS_VERSION, NAME, PROXY, RESOLVE, RawTlsSettings, SERVER_NAME,
    TIMEOUT, TLS_CA_FILE, TLS_SKIP_VERIFY,
};
use super::converter::{CheckConverter, not_empty};
use super::{CheckType, DEFAULT_TIMEOUT};
use crate::checks::http::{HttpCheck, HttpRoute, HttpVersion, ProxyChoice, ServerTraits};
use crate::checks::net::connect::Address;
use crate::checks::status_codes::StatusCodes;
use crate::checks::{self as kinds, CheckKind};
use crate::config::patterns;
use crate::config::raw::OneOrMany;
use crate::config::spec::{Field, ValueKind, Variant, optional, required};

pub(super) const TYPE: CheckType = CheckType {
    variant: Variant {
        name: "http",
        description: "An HTTP or HTTPS request. Every attempt opens a new connection.",
        fields: &[
            NAME,
            required("endpoint_url", ValueKind::Url, "The URL, `http://` or `https://`."),
            optional("method", ValueKind::Pattern(patterns::TOKEN), "`GET`", "The HTTP method."),
            TIMEOUT,
            IP_VERSION,
            optional(
                "http_version",
                ValueKind::Enum(HttpVersion::NAMES),
                "`auto`: `1.1`, or `2` if the server accepts nothing else in the TLS handshake",
                "The HTTP version. With `2`, `http://` URLs use HTTP/2 without TLS (h2c), and servers must support it.",
            ),
            PROXY,
            optional("headers", ValueKind::Headers, "none", "The request headers. `Host` can be set too."),
            optional("body", ValueKind::String, "none", "The request body."),
            optional(
                "up_status",
                ValueKind::StatusCodes,
                "`\"2xx\"`, or any if an assertion is about `[STATUS]`",
                "The status codes that count as up: `200`, `\"2xx\"`, `\"200-299\"`, or an array of these.",
            ),
            optional("must_contain", ValueKind::String, "none", "A string that the response body must contain."),
            optional(
                "must_not_contain",
                ValueKind::String,
                "none",
                "A string that the response body must not contain.",
            ),
            optional(
                "max_redirects",
                ValueKind::Integer(0, 50),
                "`0`: redirects are not followed",
                "The maximum number of redirects to follow.",
            ),
            optional(
                "body_limit",
                ValueKind::Integer(1, 1 << 30),
                "`1048576`",
                "The maximum number of bytes of the decoded body to read, if it is read at all.",
            ),
            RESOLVE,
            Field { kind: ValueKind::Pattern(patterns::SERVER_NAME), ..SERVER_NAME },
            TLS_CA_FILE,
            TLS_SKIP_VERIFY,
            CLIENT_CERT_FILE,
            CLIENT_KEY_FILE,
            MIN_TLS_VERSION,
        ],
    },
    subjects: kinds::http::SUBJECTS,
    default_timeout: DEFAULT_TIMEOUT,
    convert,
};

#[derive(Deserialize)]
struct RawHttp {
    endpoint_url: String,
    http_version: Option<String>,
    proxy: Option<String>,
    method: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, OneOrMany>,
    body: Option<String>,
    up_status: Option<StatusCodes>,
    #[serde(default)]
    must_contain: String,
    #[serde(default)]
    must_not_contain: String,
    #[serde(default)]
    max_redirects: u32,
    body_limit: Option<usize>,
    resolve: Option<String>,
    server_name: Option<String>,
}

fn convert(converter: &mut CheckConverter<'_>) -> Option<CheckKind> {
    let raw: RawHttp = converter.read()?;
    let settings: RawTlsSettings = converter.read()?;
    let mut url = converter.accept("endpoint_url", HttpCheck::parse_url(&raw.endpoint_url))?;
    let locator = converter.locator(&raw.endpoint_url, &url, "which are sent as basic authentication");
    let credentials = HttpCheck::take_credentials(&mut url);
    let method = raw.method.as_deref().unwrap_or("GET");
    let Ok(method) = Method::from_bytes(method.as_bytes()) else {
        let text = format!("invalid HTTP method `{method}`; use a method such as `GET`, `HEAD` or `POST`");
        converter.error("method", text);
        return None;
    };
    let mut headers = converter.headers(&raw.headers);
    if let Some(credentials) = credentials {
        headers.entry(AUTHORIZATION).or_insert(credentials);
    }
    let address = Address::from_url(&url);
    let connect_to = raw.resolve.and_then(|resolve| converter.resolve(&resolve, &address));
    let server_name = raw.server_name.and_then(|name| converter.server_name("server_name", &name));
    let ip_version = converter.ip_version(&connect_to.as_ref().unwrap_or(&address).host);
    let proxy = converter.proxy(raw.proxy.as_deref())?;
    if let (ProxyChoice::Through(proxy), Some(_)) = (&proxy, ip_version) {
        let text =
            format!("cannot be enforced, because proxy `{proxy}` would connect to the endpoint: remove one of them");
        converter.reject("ip_version", &text);
    }
    let has_route = connect_to.is_some() || server_name.is_some();
    let route = has_route.then(|| Box::new(HttpRoute { connect_to, url_port: address.port, server_name }));
    let default_status = if converter.asserts_status { StatusCodes::any } else { StatusCodes::default };
    Some(CheckKind::Http(Box::new(HttpCheck {
        locator,
        url,
        method,
        headers,
        body: raw.body,
        timeout: converter.timeout,
        ip_version,
        http_version: raw.http_version.as_deref().and_then(HttpVersion::from_name).unwrap_or_default(),
        proxy,
        server: ServerTraits::default(),
        up_status: raw.up_status.unwrap_or_else(default_status),
        must_contain: not_empty(raw.must_contain),
        must_not_contain: not_empty(raw.must_not_contain),
        max_redirects: raw.max_redirects,
        body_limit: raw.body_limit.unwrap_or(HttpCheck::DEFAULT_BODY_LIMIT),
        tls: converter.tls_settings(settings),
        route,
        assertions: Arc::clone(&converter.assertions),
    })))
}
