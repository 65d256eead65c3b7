//! The configuration of `tcp` checks: keys, defaults and the conversion to a [`TcpCheck`].

use serde::Deserialize;

use super::common::{
    CLIENT_CERT_FILE, CLIENT_KEY_FILE, IP_VERSION, MIN_TLS_VERSION, NAME, RawTlsSettings, SERVER_NAME, STARTTLS,
    TLS_CA_FILE, TLS_SKIP_VERIFY, timeout,
};
use super::converter::CheckConverter;
use super::{CheckType, DEFAULT_CONNECTION_TIMEOUT};
use crate::checks::net::connect::Address;
use crate::checks::net::starttls::StartTls;
use crate::checks::tcp::{ScriptStep, TcpCheck};
use crate::checks::{self as kinds, CheckKind};
use crate::config::patterns;
use crate::config::spec::{Field, ValueKind, Variant, optional, required};

pub(super) const TYPE: CheckType = CheckType {
    variant: Variant {
        name: "tcp",
        description: "A TCP connection, optionally with TLS and a script of strings to send and patterns to expect.",
        fields: &[
            NAME,
            required(
                "endpoint_url",
                ValueKind::Pattern(patterns::HOST_AND_PORT),
                "Host and port, for example `db.example:5432` or `[::1]:5432`.",
            ),
            timeout("`1s`", "The time limit for an attempt, including the script."),
            IP_VERSION,
            optional("tls", ValueKind::Bool, "`false`; `true` with `starttls`", "Whether the connection uses TLS."),
            STARTTLS,
            SERVER_NAME,
            TLS_CA_FILE,
            TLS_SKIP_VERIFY,
            CLIENT_CERT_FILE,
            CLIENT_KEY_FILE,
            MIN_TLS_VERSION,
            optional(
                "script",
                ValueKind::List(&ValueKind::Object(STEP)),
                "none: connecting is enough",
                "What to send and to expect after connecting, step by step.",
            ),
        ],
    },
    subjects: kinds::tcp::SUBJECTS,
    default_timeout: DEFAULT_CONNECTION_TIMEOUT,
    convert,
};

const STEP: &[Field] = &[
    optional("send", ValueKind::String, "nothing", "A string to send. Write `\\r\\n` for the end of a line."),
    optional(
        "expect",
        ValueKind::String,
        "nothing",
        "A regular expression that the received data must match, for example `^220 `. The next step continues after the match.",
    ),
];

#[derive(Deserialize)]
struct RawTcp {
    endpoint_url: String,
    tls: Option<bool>,
    starttls: Option<String>,
    server_name: Option<String>,
    #[serde(default)]
    script: Vec<RawStep>,
    #[serde(flatten)]
    settings: RawTlsSettings,
}

#[derive(Deserialize)]
struct RawStep {
    send: Option<String>,
    expect: Option<String>,
}

fn convert(converter: &mut CheckConverter<'_>) -> Option<CheckKind> {
    let raw: RawTcp = converter.read()?;
    let address = converter.accept("endpoint_url", Address::parse(&raw.endpoint_url, None))?;
    let starttls = raw.starttls.as_deref().and_then(StartTls::from_name);
    if starttls.is_some() && raw.tls == Some(false) {
        converter.reject("tls", "is `false`, but `starttls` requires TLS: remove one of them");
    }
    let settings = converter.tls_settings(raw.settings);
    let tls = if starttls.is_some() || raw.tls == Some(true) {
        Some(converter.tls_options(settings, raw.server_name, &address)?)
    } else {
        None
    };
    let mut script = Vec::new();
    for (index, step) in raw.script.into_iter().enumerate() {
        convert_step(converter, index, step, &mut script);
    }
    let ip_version = converter.ip_version(&address.host);
    let (locator, timeout) = (raw.endpoint_url, converter.timeout);
    Some(CheckKind::Tcp(Box::new(TcpCheck { locator, address, timeout, ip_version, tls, starttls, script })))
}

fn convert_step(converter: &mut CheckConverter<'_>, index: usize, step: RawStep, script: &mut Vec<ScriptStep>) {
    if step.send.is_none() && step.expect.is_none() {
        let text = format!("step {index} has neither `send` nor `expect`: add one of them, or remove the step");
        converter.error("script", text);
    }
    // If a step has both keys, it sends before it expects.
    script.extend(step.send.map(|text| ScriptStep::Send(text.into_bytes())));
    script.extend(step.expect.and_then(|text| converter.pattern("script", &text)).map(ScriptStep::Expect));
}
