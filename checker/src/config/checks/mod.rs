//! The checks of the configuration: [`spec`] says what may stand there, [`raw`] is serde's view, and here it
//! becomes valid, one function for each kind.

mod assertions;
mod raw;
pub(super) mod spec;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use hickory_proto::rr::Name;
use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use regex::bytes::{Regex, RegexBuilder};
use rustls::pki_types::ServerName;
use serde::de::DeserializeOwned;
use shared::object_name::HeartbeatName;
use shared::quorum::Quorum;
use shared::status::Status;
use shared::{MINUTE, Nanos, SECOND};

use self::raw::{
    RawCommon, RawDns, RawExec, RawGrpc, RawHeartbeat, RawHttp, RawIcmp, RawStep, RawTcp, RawTls, RawTrust,
    RawWebSocket,
};
use super::document::Located;
use super::problem::{Problem, Problems};
use super::raw::{OneOrMany, TextOrNumber};
use super::{duration, read_as};
use crate::checks::assertions::Assertion;
use crate::checks::dns::{self, DnsCheck, Dnssec};
use crate::checks::exec::ExecCheck;
use crate::checks::grpc::GrpcCheck;
use crate::checks::heartbeat::HeartbeatCheck;
use crate::checks::http::HttpCheck;
use crate::checks::http::status_codes::StatusCodes;
use crate::checks::icmp::IcmpCheck;
use crate::checks::net::connect::{Address, TlsOptions};
use crate::checks::net::starttls::StartTls;
use crate::checks::net::tls_config::TlsTrust;
use crate::checks::probe_data::Capture;
use crate::checks::tcp::{ScriptStep, TcpCheck};
use crate::checks::tls::{DEGRADED_WITHIN, TlsCheck};
use crate::checks::websocket::WebSocketCheck;
use crate::checks::{self as kinds, Check, CheckKind, MisconfiguredCheck};
use crate::redact::{has_user, without_user};

/// The longest an attempt may take that involves more than a connection; the original's fixed limit.
const DEFAULT_TIMEOUT: Nanos = 10 * SECOND;
/// The longest an attempt may take that is little more than a connection; the original's default.
const DEFAULT_CONNECTION_TIMEOUT: Nanos = SECOND;
/// How long to wait before a failed attempt is repeated: a hiccup should be over.
const DEFAULT_RETRY_DELAY: Nanos = SECOND;
/// How late a job may report in unless the file says: starting takes a moment, and clocks differ.
const DEFAULT_GRACE: Nanos = MINUTE;
/// How much of a body is read unless the file says.
const DEFAULT_BODY_LIMIT: usize = 1 << 20;
/// How large a compiled regular expression may be, in bytes.
const PATTERN_LIMIT: usize = 1 << 20;
/// The port of a `tls` check that names none.
const HTTPS_PORT: u16 = 443;

/// One check as it stands in the file, with a place for its problems.
struct CheckConverter<'a> {
    located: &'a Located<'a>,
    /// Its place in the list.
    index: usize,
    folder: &'a Path,
    problems: &'a mut Problems,
}

impl CheckConverter<'_> {
    fn problem(&mut self, key: &str, text: impl std::fmt::Display) {
        let at = self.located.member(key).map_or(self.located.at, |member| member.at);
        self.problems.add(Problem::check_error(at, format!("`checkers[{}].{key}`: {text}", self.index)));
    }

    fn warn(&mut self, key: &str, text: impl std::fmt::Display) {
        let at = self.located.member(key).map_or(self.located.at, |member| member.at);
        self.problems.add(Problem::warning(at, format!("`checkers[{}].{key}`: {text}", self.index)));
    }

    fn read<T: DeserializeOwned>(&mut self) -> Option<T> {
        read_as(self.located, self.problems)
    }

    /// What came of reading a key; a problem if it went wrong.
    fn accept<T, E: std::fmt::Display>(&mut self, key: &str, read: Result<T, E>) -> Option<T> {
        read.map_err(|error| self.problem(key, error)).ok()
    }
}

/// Makes one check valid; `index` is its place in the list. One that cannot be made says so in each round, so that
/// it keeps no other from being made.
pub(super) fn convert(located: &Located, index: usize, folder: &Path, problems: &mut Problems) -> Option<Check> {
    let mut found = Problems::default();
    let check = convert_usable(located, index, folder, &mut found);
    let check = match found.first_check_error() {
        None => check,
        Some(problem) => {
            let text = |keys: &[&str]| keys.iter().find_map(|key| located.member(key)?.text()).unwrap_or_default();
            let title = text(&["endpoint_name", "name"]);
            let type_name = text(&["type"]).to_owned();
            let locator = match text(&["endpoint_url"]) {
                "" => text(&["command", "job"]).to_owned(),
                url => without_user(url),
            };
            let reason = format!("the check cannot be made: {}", problem.text);
            let misconfigured = MisconfiguredCheck { type_name, locator, reason };
            Some(Check::new(title, CheckKind::Misconfigured(Box::new(misconfigured))))
        }
    };
    problems.extend(found);
    check
}

fn convert_usable(located: &Located, index: usize, folder: &Path, problems: &mut Problems) -> Option<Check> {
    let word = located.member("type").and_then(Located::text).unwrap_or_default();
    let mut converter = CheckConverter { located, index, folder, problems };
    let common: RawCommon = converter.read()?;
    if common.endpoint_name.trim().is_empty() {
        let key = if located.member("name").is_some() { "name" } else { "endpoint_name" };
        let at = located.member(key).map_or(located.at, |member| member.at);
        converter.problems.add(Problem::error(at, format!("`checkers[{index}].{key}`: is empty; give it a title")));
    }
    let timeout = |default: Nanos| duration(common.timeout.as_ref().map_or(default, |timeout| timeout.0));
    let assertions = read_assertions(located, index, converter.problems)?;
    let subjects = subjects(word);
    for assertion in &assertions {
        if let Err(why) = assertion.check_subjects(word, subjects) {
            converter.problem("assertions", why);
        }
    }
    let about_status = assertions.iter().any(Assertion::uses_status);
    let kind = match word {
        "http" => convert_http(&mut converter, timeout(DEFAULT_TIMEOUT), about_status)?,
        "tcp" => convert_tcp(&mut converter, timeout(DEFAULT_CONNECTION_TIMEOUT))?,
        "tls" => convert_tls(&mut converter, timeout(DEFAULT_CONNECTION_TIMEOUT))?,
        "dns" => convert_dns(&mut converter, timeout(DEFAULT_CONNECTION_TIMEOUT))?,
        "icmp" => convert_icmp(&mut converter, timeout(DEFAULT_CONNECTION_TIMEOUT))?,
        "websocket" => convert_websocket(&mut converter, timeout(DEFAULT_TIMEOUT))?,
        "grpc" => convert_grpc(&mut converter, timeout(DEFAULT_TIMEOUT))?,
        "heartbeat" => convert_heartbeat(&mut converter, timeout(DEFAULT_TIMEOUT))?,
        "exec" => {
            let raw: RawExec = converter.read()?;
            let exit_status = raw.exit_status.or((!about_status).then_some(0));
            convert_exec(&mut converter, raw, exit_status, timeout(DEFAULT_TIMEOUT))
        }
        // The table and this list are one; should they ever part, each round says so.
        other => {
            let why = format!("checks of type `{other}` are not yet supported");
            CheckKind::Misconfigured(Box::new(MisconfiguredCheck {
                type_name: other.to_owned(),
                locator: common.endpoint_name.clone(),
                reason: why,
            }))
        }
    };
    if let Some(remedy) = kind.probe().how_to_enable_tls() {
        // What the kind never knows has been told already.
        for assertion in assertions.iter().filter(|assertion| assertion.check_subjects(word, subjects).is_ok()) {
            if let Err(why) = assertion.check_without_tls(remedy) {
                converter.problem("assertions", why);
            }
        }
    }
    Some(Check {
        title: common.endpoint_name,
        attempts: common.attempts.max(1),
        attempt_spacing: duration(common.attempt_spacing.map_or(0, |spacing| spacing.0)),
        threshold: common.threshold_rtt.map_or(0, |threshold| threshold.0),
        quorum: convert_quorum(common.quorum),
        retries: common.retries,
        retry_delay: duration(common.retry_delay.map_or(DEFAULT_RETRY_DELAY, |delay| delay.0)),
        confirm: common.failures_before_down.max(1),
        every: common.every.map(|every| every.0),
        every_when_down: common.every_when_unhealthy.map(|every| every.0),
        capture: assertions.iter().fold(Capture::default(), |capture, assertion| capture.union(assertion.capture())),
        assertions: assertions.into(),
        kind,
    })
}

/// The assertions of a check, compiled; a problem where one cannot be read. `index` is the check's place in the list.
pub(super) fn read_assertions(located: &Located, index: usize, problems: &mut Problems) -> Option<Vec<Assertion>> {
    let Some(list) = located.member("assertions") else { return Some(Vec::new()) };
    let read = assertions::from_located(list).map_err(|(at, wanted)| {
        let text = format!("`checkers[{index}].assertions` does not fit: it has to be {wanted}");
        problems.add(Problem::check_error(at, text));
    });
    read.ok()
}

/// What assertions can examine in a check of this type.
fn subjects(type_name: &str) -> &'static [&'static str] {
    match type_name {
        "http" => kinds::http::SUBJECTS,
        "tcp" => kinds::tcp::SUBJECTS,
        "tls" => kinds::tls::SUBJECTS,
        "dns" => kinds::dns::SUBJECTS,
        "icmp" => kinds::icmp::SUBJECTS,
        "websocket" => kinds::websocket::SUBJECTS,
        "grpc" => kinds::grpc::SUBJECTS,
        "exec" => kinds::exec::SUBJECTS,
        "heartbeat" => kinds::heartbeat::SUBJECTS,
        _ => &[],
    }
}

/// The policy that was inspected.
fn convert_quorum(raw: Option<TextOrNumber>) -> Quorum {
    let text = match raw {
        None => return Quorum::default(),
        Some(TextOrNumber::Text(text)) => text,
        Some(TextOrNumber::Number(number)) => number.to_string(),
    };
    text.parse().unwrap_or_default()
}

fn convert_http(converter: &mut CheckConverter<'_>, timeout: Duration, about_status: bool) -> Option<CheckKind> {
    let raw: RawHttp = converter.read()?;
    let trusted: RawTrust = converter.read()?;
    let mut url = converter.accept("endpoint_url", HttpCheck::parse_url(&raw.endpoint_url))?;
    let locator = known_as(converter, &raw.endpoint_url, &url, "requests carry them");
    let credentials = HttpCheck::take_credentials(&mut url);
    let method = raw.method.as_deref().unwrap_or("GET");
    let Ok(method) = reqwest::Method::from_bytes(method.as_bytes()) else {
        converter.problem("method", format!("`{method}` is no HTTP method; write one such as `GET`, `HEAD` or `POST`"));
        return None;
    };
    let if_not_written = if about_status { StatusCodes::any } else { StatusCodes::default };
    let mut headers = headers(converter, &raw.headers);
    if let Some(credentials) = credentials {
        headers.entry(AUTHORIZATION).or_insert(credentials);
    }
    Some(CheckKind::Http(Box::new(HttpCheck {
        locator,
        url,
        method,
        headers,
        body: raw.body,
        timeout,
        up_status: raw.up_status.unwrap_or_else(if_not_written),
        must_contain: not_empty(raw.must_contain),
        must_not_contain: not_empty(raw.must_not_contain),
        max_redirects: raw.max_redirects,
        body_limit: raw.body_limit.unwrap_or(DEFAULT_BODY_LIMIT),
        trust: trust(trusted, converter.folder),
    })))
}

/// What stands for a URL in everything that is stored or shown: the URL as written, without a user and a password. That
/// there are some is told, since they stand in a file that people copy.
fn known_as(converter: &mut CheckConverter<'_>, raw: &str, url: &reqwest::Url, fate: &str) -> String {
    if !has_user(url) {
        return raw.to_owned();
    }
    let locator = without_user(raw);
    converter.warn(
        "endpoint_url",
        format!(
            "has a user or a password in it; {fate}, and what is stored and shown says `{locator}`; better write a \
             header such as `\"Authorization\": \"Basic ${{SHOP_LOGIN}}\"`"
        ),
    );
    locator
}

fn headers(converter: &mut CheckConverter<'_>, raw: &BTreeMap<String, OneOrMany>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, values) in raw {
        let values = match values {
            OneOrMany::One(value) => std::slice::from_ref(value),
            OneOrMany::Many(values) => values.as_slice(),
        };
        for value in values {
            match (HeaderName::from_bytes(name.as_bytes()), value.parse::<HeaderValue>()) {
                (Ok(name), Ok(value)) => drop(headers.append(name, value)),
                // A value may be a secret: only the name is told.
                _ => converter.problem(
                    "headers",
                    format!("`{name}` is no header, or its value has characters that no header may have"),
                ),
            }
        }
    }
    headers
}

fn convert_tcp(converter: &mut CheckConverter<'_>, timeout: Duration) -> Option<CheckKind> {
    let raw: RawTcp = converter.read()?;
    let address = converter.accept("endpoint_url", Address::parse(&raw.endpoint_url, None))?;
    let starttls = raw.starttls.as_deref().and_then(StartTls::from_name);
    if starttls.is_some() && raw.tls == Some(false) {
        converter.problem("tls", "is `false` beside `starttls`; leave one of them out");
    }
    let tls = if starttls.is_some() || raw.tls == Some(true) {
        Some(tls_options(converter, trust(raw.trust, converter.folder), raw.server_name, &address)?)
    } else {
        None
    };
    let mut script = Vec::new();
    for (number, step) in raw.script.into_iter().enumerate() {
        convert_step(converter, number, step, &mut script);
    }
    let locator = raw.endpoint_url;
    Some(CheckKind::Tcp(Box::new(TcpCheck { locator, address, timeout, tls, starttls, script })))
}

fn convert_step(converter: &mut CheckConverter<'_>, number: usize, step: RawStep, script: &mut Vec<ScriptStep>) {
    if step.send.is_none() && step.expect.is_none() {
        converter.problem("script", format!("step {number} does nothing; write `send` or `expect`, or take it away"));
    }
    // Within one step the request comes before what is expected of it.
    script.extend(step.send.map(|text| ScriptStep::Send(text.into_bytes())));
    script.extend(step.expect.and_then(|text| pattern(converter, "script", &text)).map(ScriptStep::Expect));
}

/// A regular expression, compiled once.
fn pattern(converter: &mut CheckConverter<'_>, key: &str, text: &str) -> Option<Regex> {
    let compiled = RegexBuilder::new(text).size_limit(PATTERN_LIMIT).multi_line(true).build();
    compiled.map_err(|error| converter.problem(key, unreadable_pattern(text, &error))).ok()
}

fn convert_tls(converter: &mut CheckConverter<'_>, timeout: Duration) -> Option<CheckKind> {
    let raw: RawTls = converter.read()?;
    let address = converter.accept("endpoint_url", Address::parse(&raw.endpoint_url, Some(HTTPS_PORT)))?;
    let trust = match raw.trusted_roots.as_slice() {
        [] => TlsTrust::System,
        files => TlsTrust::Authorities(files.iter().map(|file| converter.folder.join(file)).collect()),
    };
    let options = tls_options(converter, trust, raw.server_name, &address)?;
    // The original writes 0 for "not said".
    let degraded_within = raw.cert_expiry_threshold.map(|time| time.0).filter(|time| *time > 0);
    let degraded_within = degraded_within.unwrap_or(DEGRADED_WITHIN);
    let down_within = raw.cert_expiry_down.map_or(0, |time| time.0);
    if down_within > degraded_within {
        converter
            .problem("cert_expiry_down", "is longer than `cert_expiry_threshold`, so that nothing is ever degraded");
    }
    Some(CheckKind::Tls(Box::new(TlsCheck {
        locator: raw.endpoint_url,
        address,
        timeout,
        options,
        starttls: raw.starttls.as_deref().and_then(StartTls::from_name),
        degraded_within,
        down_within,
    })))
}

fn convert_dns(converter: &mut CheckConverter<'_>, timeout: Duration) -> Option<CheckKind> {
    let raw: RawDns = converter.read()?;
    let server = converter.accept("endpoint_url", Address::parse(&raw.endpoint_url, Some(dns::PORT)))?;
    let Ok(mut name) = Name::from_utf8(&raw.hostname_fqdn) else {
        converter.problem("hostname_fqdn", format!("`{}` is no host name", raw.hostname_fqdn));
        return None;
    };
    name.set_fqdn(true);
    let record = raw.record_type.as_deref().unwrap_or("A");
    let Ok(record) = record.parse() else {
        converter.problem("record_type", format!("`{record}` is no kind of record"));
        return None;
    };
    let rcode = raw.rcode.as_deref().and_then(dns::rcode).unwrap_or_default();
    if !raw.expected_answers.is_empty() && rcode != dns::rcode("NOERROR").unwrap_or_default() {
        converter.problem("expected_answers", "are never there beside an `rcode` other than `NOERROR`; leave one out");
    }
    Some(CheckKind::Dns(Box::new(DnsCheck {
        // The original's locator is the server alone; two questions to one server differ by their titles.
        locator: raw.endpoint_url,
        server,
        name,
        record,
        timeout,
        answers: raw.expected_answers,
        rcode,
        dnssec: if raw.dnssec { Dnssec::Authentic } else { Dnssec::NotRequested },
    })))
}

fn convert_icmp(converter: &mut CheckConverter<'_>, timeout: Duration) -> Option<CheckKind> {
    let raw: RawIcmp = converter.read()?;
    let address = converter.accept("endpoint_url", Address::parse_host(&raw.endpoint_url))?;
    Some(CheckKind::Icmp(Box::new(IcmpCheck { locator: raw.endpoint_url, address, timeout })))
}

fn convert_websocket(converter: &mut CheckConverter<'_>, timeout: Duration) -> Option<CheckKind> {
    let raw: RawWebSocket = converter.read()?;
    let url = reqwest::Url::parse(raw.endpoint_url.trim()).ok();
    let Some(url) = url.filter(|url| matches!(url.scheme(), "ws" | "wss") && url.has_host()) else {
        let text = format!(
            "`{}` is no WebSocket URL; write one such as `wss://chat.example/socket`",
            without_user(&raw.endpoint_url)
        );
        converter.problem("endpoint_url", text);
        return None;
    };
    let address = Address::from_url(&url);
    let tls = match url.scheme() {
        "wss" => Some(tls_options(converter, trust(raw.trust, converter.folder), None, &address)?),
        _ => None,
    };
    let locator = known_as(converter, &raw.endpoint_url, &url, "they are not sent");
    let headers = headers(converter, &raw.headers);
    let expect = raw.expect.and_then(|text| pattern(converter, "expect", &text));
    let (url, send) = (url.into(), raw.send);
    Some(CheckKind::WebSocket(Box::new(WebSocketCheck { locator, url, address, headers, timeout, tls, send, expect })))
}

fn convert_grpc(converter: &mut CheckConverter<'_>, timeout: Duration) -> Option<CheckKind> {
    let raw: RawGrpc = converter.read()?;
    let address = converter.accept("endpoint_url", Address::parse(&raw.endpoint_url, None))?;
    let tls = if raw.tls {
        Some(tls_options(converter, trust(raw.trust, converter.folder), raw.server_name, &address)?)
    } else {
        None
    };
    let (locator, service) = (raw.endpoint_url, raw.service);
    Some(CheckKind::Grpc(Box::new(GrpcCheck { locator, address, timeout, tls, service })))
}

fn convert_heartbeat(converter: &mut CheckConverter<'_>, timeout: Duration) -> Option<CheckKind> {
    let raw: RawHeartbeat = converter.read()?;
    let name = converter.accept("job", HeartbeatName::new(&raw.job))?;
    let grace = raw.grace.map_or(DEFAULT_GRACE, |grace| grace.0);
    Some(CheckKind::Heartbeat(Box::new(HeartbeatCheck { name, interval: raw.interval.0, grace, timeout })))
}

fn convert_exec(
    converter: &mut CheckConverter<'_>,
    raw: RawExec,
    exit_status: Option<i32>,
    timeout: Duration,
) -> CheckKind {
    if raw.command.trim().is_empty() {
        converter.problem("command", "is empty; name a program");
    }
    // A name is looked for in PATH; a path starts at the file's folder, as all paths in it do.
    let command = Path::new(&raw.command);
    let command = if command.components().count() > 1 { converter.folder.join(command) } else { command.to_owned() };
    CheckKind::Exec(Box::new(ExecCheck {
        locator: raw.command,
        command,
        arguments: raw.arguments,
        timeout,
        exit_status,
        must_contain: not_empty(raw.must_contain),
        must_not_contain: not_empty(raw.must_not_contain),
        failure_status: if raw.raise.starts_with("warn") { Status::Degraded } else { Status::Down },
    }))
}

fn tls_options(
    converter: &mut CheckConverter<'_>,
    trust: TlsTrust,
    server_name: Option<String>,
    address: &Address,
) -> Option<TlsOptions> {
    let key = if server_name.is_some() { "server_name" } else { "endpoint_url" };
    let name = server_name.unwrap_or_else(|| address.host.clone());
    if let Ok(server_name) = ServerName::try_from(name) {
        return Some(TlsOptions { trust, server_name });
    }
    converter.problem(key, "is no name that a certificate could be for; write a host name or an IP address");
    None
}

fn trust(raw: RawTrust, folder: &Path) -> TlsTrust {
    match (raw.tls_skip_verify, raw.tls_ca_file.filter(|file| !file.is_empty())) {
        (true, _) => TlsTrust::AnyCertificate,
        (false, Some(file)) => TlsTrust::Authorities(vec![folder.join(file)]),
        (false, None) => TlsTrust::System,
    }
}

fn unreadable_pattern(pattern: &str, error: &regex::Error) -> String {
    let reason = error.to_string();
    // The library draws where the fault is, over several lines; the last one says what it is.
    let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
    format!("`{pattern}` is no regular expression: {reason}")
}

fn not_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use crate::checks::assertions::applicability::quoted;
    use crate::config::checks::spec::CHECKER;
    use crate::config::checks::subjects;
    use crate::config::spec::ValueKind;

    #[test]
    fn the_subjects_of_each_kind_are_documented() {
        let documentation = include_str!("../../../../docs/assertions.md");
        let ValueKind::Tagged { variants, .. } = CHECKER else { panic!("it has variants") };
        for kind in variants {
            let row = format!("| **{}** | {} |", kind.name, quoted(subjects(kind.name)));
            assert!(documentation.lines().any(|line| line == row), "docs/assertions.md lacks this line:\n{row}");
        }
    }
}
