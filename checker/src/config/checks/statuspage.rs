//! The configuration of `statuspage` checks: keys, defaults and the conversion to a [`StatuspageCheck`].

use serde::Deserialize;

use super::common::{
    CLIENT_CERT_FILE, CLIENT_KEY_FILE, MIN_TLS_VERSION, NAME, PROXY, RawTlsSettings, TIMEOUT, TLS_CA_FILE,
    TLS_SKIP_VERIFY,
};
use super::converter::{CheckConverter, not_empty};
use super::{CheckType, DEFAULT_TIMEOUT};
use crate::checks::http::HttpCheck;
use crate::checks::statuspage::{BODY_LIMIT, MAX_REDIRECTS, StatuspageCheck, summary_url};
use crate::checks::{self as kinds, CheckKind};
use crate::config::spec::{ValueKind, Variant, optional, required};

pub(super) const TYPE: CheckType = CheckType {
    variant: Variant {
        name: "statuspage",
        description: "The status that another company's status page reports, in the Atlassian Statuspage format (`/api/v2/summary.json`), which incident.io and others also serve; see [Status page checks](statuspage-checks.md).",
        fields: &[
            NAME,
            required("url", ValueKind::Url, "The status page, for example `https://status.example.com`."),
            optional("component", ValueKind::String, "the status of the whole page", "The component's name or id."),
            TIMEOUT,
            PROXY,
            TLS_CA_FILE,
            TLS_SKIP_VERIFY,
            CLIENT_CERT_FILE,
            CLIENT_KEY_FILE,
            MIN_TLS_VERSION,
        ],
    },
    subjects: kinds::statuspage::SUBJECTS,
    default_timeout: DEFAULT_TIMEOUT,
    convert,
};

#[derive(Deserialize)]
struct RawStatuspage {
    url: String,
    #[serde(default)]
    component: String,
    proxy: Option<String>,
    #[serde(flatten)]
    settings: RawTlsSettings,
}

fn convert(converter: &mut CheckConverter<'_>) -> Option<CheckKind> {
    let raw: RawStatuspage = converter.read()?;
    let mut url = converter.accept("url", HttpCheck::parse_url(&raw.url))?;
    if HttpCheck::take_credentials(&mut url).is_some() {
        converter.reject("url", "contains credentials, which status pages do not need: remove them");
    }
    let proxy = converter.proxy(raw.proxy.as_deref())?;
    let request = HttpCheck {
        locator: raw.url,
        timeout: converter.timeout,
        max_redirects: MAX_REDIRECTS,
        body_limit: BODY_LIMIT,
        proxy,
        tls: converter.tls_settings(raw.settings),
        ..HttpCheck::get(summary_url(url))
    };
    Some(CheckKind::Statuspage(Box::new(StatuspageCheck { request, component: not_empty(raw.component) })))
}
