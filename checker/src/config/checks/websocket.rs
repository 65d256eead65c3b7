//! The configuration of `websocket` checks: keys, defaults and the conversion to a [`WebSocketCheck`].

use std::collections::BTreeMap;

use reqwest::Url;
use serde::Deserialize;

use super::common::{
    CLIENT_CERT_FILE, CLIENT_KEY_FILE, IP_VERSION, MIN_TLS_VERSION, NAME, RESOLVE, RawTlsSettings, SERVER_NAME,
    TIMEOUT, TLS_CA_FILE, TLS_SKIP_VERIFY,
};
use super::converter::CheckConverter;
use super::{CheckType, DEFAULT_TIMEOUT};
use crate::checks::net::connect::Address;
use crate::checks::websocket::WebSocketCheck;
use crate::checks::{self as kinds, CheckKind};
use crate::config::patterns;
use crate::config::raw::OneOrMany;
use crate::config::spec::{Field, ValueKind, Variant, optional, required};
use crate::redact::redact_userinfo;

pub(super) const TYPE: CheckType = CheckType {
    variant: Variant {
        name: "websocket",
        description: "A WebSocket connection, optionally with a message and the expected reply.",
        fields: &[
            NAME,
            required("endpoint_url", ValueKind::Pattern(patterns::WEBSOCKET_URL), "The URL, `ws://` or `wss://`."),
            TIMEOUT,
            IP_VERSION,
            optional("headers", ValueKind::Headers, "none", "The request headers, such as `Sec-WebSocket-Protocol`."),
            optional("send", ValueKind::String, "nothing", "A message to send."),
            optional(
                "expect",
                ValueKind::String,
                "nothing",
                "A regular expression that a received message must match. Without it, the server must only accept the \
                 connection, and not immediately close it with an error code.",
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
    subjects: kinds::websocket::SUBJECTS,
    default_timeout: DEFAULT_TIMEOUT,
    convert,
};

#[derive(Deserialize)]
struct RawWebSocket {
    endpoint_url: String,
    #[serde(default)]
    headers: BTreeMap<String, OneOrMany>,
    send: Option<String>,
    expect: Option<String>,
    resolve: Option<String>,
    server_name: Option<String>,
    #[serde(flatten)]
    settings: RawTlsSettings,
}

fn convert(converter: &mut CheckConverter<'_>) -> Option<CheckKind> {
    let raw: RawWebSocket = converter.read()?;
    let url = Url::parse(raw.endpoint_url.trim()).ok();
    let Some(url) = url.filter(|url| matches!(url.scheme(), "ws" | "wss") && url.has_host()) else {
        let shown = redact_userinfo(&raw.endpoint_url);
        let text = format!("invalid WebSocket URL `{shown}`: expected a URL such as `wss://chat.example/socket`");
        converter.error("endpoint_url", text);
        return None;
    };
    let address = Address::from_url(&url);
    let settings = converter.tls_settings(raw.settings);
    let tls =
        if url.scheme() == "wss" { Some(converter.tls_options(settings, raw.server_name, &address)?) } else { None };
    let address = match raw.resolve {
        Some(resolve) => converter.resolve(&resolve, &address)?,
        None => address,
    };
    let locator = converter.locator(&raw.endpoint_url, &url, "which are not sent");
    let headers = converter.headers(&raw.headers);
    let reads_messages = raw.expect.is_some();
    let expect = raw.expect.and_then(|text| converter.pattern("expect", &text));
    if !reads_messages && converter.assertions.iter().any(|assertion| assertion.capture().body) {
        let text = "an assertion examines the body, which is the message that matches `expect`: add `expect`, for \
                    example `\"expect\": \".\"`";
        converter.error("assertions", text);
    }
    let ip_version = converter.ip_version(&address.host);
    Some(CheckKind::WebSocket(Box::new(WebSocketCheck {
        locator,
        url: url.into(),
        address,
        headers,
        timeout: converter.timeout,
        ip_version,
        tls,
        send: raw.send,
        expect,
    })))
}
