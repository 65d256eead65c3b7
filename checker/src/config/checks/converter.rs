//! Helpers that convert several types of checks: they report problems, and create headers, patterns and TLS options.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use reqwest::Url;
use rustls::pki_types::ServerName;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::common::RawTlsSettings;
use crate::checks::assertions::Assertion;
use crate::checks::http::ProxyChoice;
use crate::checks::net::address_filter::IpVersion;
use crate::checks::net::connect::{Address, TlsOptions};
use crate::checks::net::idna;
use crate::checks::net::proxy::Proxy;
use crate::checks::net::tls_config::{MinTlsVersion, TlsSettings, TlsTrust};
use crate::checks::net::tls_files::ClientCertificate;
use crate::checks::text_pattern::TextPattern;
use crate::config::document::Located;
use crate::config::problem::{Problem, Problems};
use crate::config::raw::OneOrMany;
use crate::config::read_as;
use crate::redact::{has_userinfo, redact_userinfo};

/// A check in the configuration file, and the list that collects its problems.
pub(super) struct CheckConverter<'a> {
    located: &'a Located<'a>,
    index: usize,
    problems: &'a mut Problems,
    /// The folder that contains the configuration file. Relative paths are resolved against it.
    pub folder: &'a Path,
    pub timeout: Duration,
    pub assertions: Arc<[Assertion]>,
    /// Whether an assertion examines `[STATUS]`. If so, any status is accepted by default.
    pub asserts_status: bool,
}

impl<'a> CheckConverter<'a> {
    /// Creates a converter for the check at `index` in the array.
    pub(super) fn new(located: &'a Located<'a>, index: usize, folder: &'a Path, problems: &'a mut Problems) -> Self {
        CheckConverter {
            located,
            index,
            problems,
            folder,
            timeout: Duration::ZERO,
            assertions: Arc::new([]),
            asserts_status: false,
        }
    }

    fn position(&self, key: &str) -> usize {
        self.located.member(key).map_or(self.located.at, |member| member.at)
    }

    /// Reports an error about the value of a key.
    pub(super) fn error(&mut self, key: &str, error: impl Display) {
        let text = format!("`checkers[{}].{key}`: {error}", self.index);
        self.problems.add(Problem::check_error(self.position(key), text));
    }

    /// Reports an error in a sentence that starts with the key and continues with `predicate`.
    pub(super) fn reject(&mut self, key: &str, predicate: &str) {
        let text = format!("`checkers[{}].{key}` {predicate}", self.index);
        self.problems.add(Problem::check_error(self.position(key), text));
    }

    /// Like [`Self::reject`], but reports an error that makes the whole file unusable.
    pub(super) fn reject_file(&mut self, key: &str, predicate: &str) {
        let text = format!("`checkers[{}].{key}` {predicate}", self.index);
        self.problems.add(Problem::error(self.position(key), text));
    }

    /// Like [`Self::error`], but reports an error that makes the whole file unusable.
    pub(super) fn file_error(&mut self, key: &str, error: impl Display) {
        let text = format!("`checkers[{}].{key}`: {error}", self.index);
        self.problems.add(Problem::error(self.position(key), text));
    }

    /// Reports a warning about the value of a key.
    pub(super) fn warning(&mut self, key: &str, warning: &str) {
        let text = format!("`checkers[{}].{key}`: {warning}", self.index);
        self.problems.add(Problem::warning(self.position(key), text));
    }

    pub(super) fn read<T: DeserializeOwned>(&mut self) -> Option<T> {
        read_as(self.located, self.problems)
    }

    /// Returns the parsed value of a key, or reports the error if the value is invalid.
    pub(super) fn accept<T, E: Display>(&mut self, key: &str, parsed: Result<T, E>) -> Option<T> {
        parsed.map_err(|error| self.error(key, error)).ok()
    }

    /// Returns the URL as configured, but without credentials. Warns about credentials, because configuration files are
    /// often copied or shared.
    pub(super) fn locator(&mut self, text: &str, url: &Url, use_of_credentials: &str) -> String {
        if !has_userinfo(url) {
            return text.to_owned();
        }
        let locator = redact_userinfo(text);
        let text = format!(
            "`checkers[{}].endpoint_url` contains credentials, {use_of_credentials}; results and output contain \
             `{locator}` instead; prefer a header, for example `\"Authorization\": \"Basic ${{SHOP_LOGIN}}\"`",
            self.index
        );
        self.problems.add(Problem::warning(self.position("endpoint_url"), text));
        locator
    }

    /// Converts the request headers. Errors do not contain values, which may be secrets.
    pub(super) fn headers(&mut self, raw: &BTreeMap<String, OneOrMany>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, values) in raw {
            let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
                self.error("headers", format!("invalid header name `{name}`"));
                continue;
            };
            let values = match values {
                OneOrMany::One(value) => std::slice::from_ref(value),
                OneOrMany::Many(values) => values.as_slice(),
            };
            for value in values {
                match value.parse::<HeaderValue>() {
                    Ok(value) => drop(headers.append(&header, value)),
                    Err(_) => self.error("headers", format!("invalid character in the value of header `{name}`")),
                }
            }
        }
        headers
    }

    pub(super) fn pattern(&mut self, key: &str, pattern: &str) -> Option<TextPattern> {
        TextPattern::parse_multi_line(pattern).map_err(|problem| self.error(key, problem)).ok()
    }

    /// Returns the configured IP version. Reports an error if `host` is an address of another version.
    pub(super) fn ip_version(&mut self, host: &str) -> Option<IpVersion> {
        #[derive(Deserialize)]
        struct RawIpVersion {
            ip_version: Option<i64>,
        }
        let raw: RawIpVersion = self.read()?;
        let version = IpVersion::from_number(raw.ip_version?)?;
        if let Ok(address) = host.parse()
            && !version.reaches(address)
        {
            self.reject(
                "ip_version",
                &format!("requires {version}, but `{address}` is not an {version} address: remove it"),
            );
        }
        Some(version)
    }

    /// Converts the value of `proxy`.
    pub(super) fn proxy(&mut self, text: Option<&str>) -> Option<ProxyChoice> {
        Some(match text.map(str::trim) {
            // An empty value, for example from an empty variable, has the same effect as a missing one.
            None | Some("") => ProxyChoice::Environment,
            Some("none") => ProxyChoice::Direct,
            Some(url) => ProxyChoice::Through(Arc::new(self.accept("proxy", Proxy::parse(url))?)),
        })
    }

    /// Returns the options for a TLS connection to `address`. If `server_name` is set, the certificate must be valid
    /// for that name.
    pub(super) fn tls_options(
        &mut self,
        settings: TlsSettings,
        server_name: Option<String>,
        address: &Address,
    ) -> Option<TlsOptions> {
        let key = if server_name.is_some() { "server_name" } else { "endpoint_url" };
        let server_name = self.server_name(key, &server_name.unwrap_or_else(|| address.host.clone()))?;
        Some(TlsOptions { settings, server_name })
    }

    /// Parses a server name. `key` is the configuration key that errors refer to.
    pub(super) fn server_name(&mut self, key: &str, name: &str) -> Option<ServerName<'static>> {
        let parsed = idna::to_ascii(name).and_then(|name| ServerName::try_from(name.into_owned()).ok());
        let invalid = || format!("invalid server name `{name}`: expected a host name or an IP address");
        self.accept(key, parsed.ok_or_else(invalid))
    }

    pub(super) fn tls_settings(&mut self, raw: RawTlsSettings) -> TlsSettings {
        let trust = match (raw.tls_skip_verify, raw.tls_ca_file.and_then(not_empty)) {
            (true, _) => TlsTrust::AnyCertificate,
            (false, Some(file)) => TlsTrust::Authorities(vec![self.folder.join(file)]),
            (false, None) => TlsTrust::System,
        };
        let key = raw.client_key_file.and_then(not_empty);
        let client_certificate = match (raw.client_cert_file.and_then(not_empty), key) {
            (Some(certificate), key) => {
                let certificate = self.folder.join(certificate);
                let key = key.map_or_else(|| certificate.clone(), |key| self.folder.join(key));
                Some(Box::new(ClientCertificate { certificate, key }))
            }
            (None, Some(_)) => {
                self.reject("client_key_file", "is set without `client_cert_file`: add the certificate's file");
                None
            }
            (None, None) => None,
        };
        let min_version = match raw.min_tls_version.as_deref() {
            Some("1.3") => MinTlsVersion::Tls13,
            _ => MinTlsVersion::Tls12,
        };
        TlsSettings { trust, client_certificate, min_version }
    }

    /// Parses the address that the check connects to instead of the URL's host.
    pub(super) fn resolve(&mut self, text: &str, url: &Address) -> Option<Address> {
        let invalid = |_| {
            format!(
                "invalid address `{text}`: expected a host or an IP address, with or without a port, for example `192.0.2.7:8443`"
            )
        };
        self.accept("resolve", Address::parse(text, Some(url.port)).map_err(invalid))
    }
}

/// Returns the string, or `None` if it is empty, because the original Checkup writes an empty string for "not set".
pub(super) fn not_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
