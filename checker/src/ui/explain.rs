//! The details of one attempt, for people: addresses, phases, certificates, headers, body and assertions. Pure.
//! Credentials are never shown.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use http::HeaderMap;
use http::header::LOCATION;
use reqwest::Url;
use shared::duration;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::checks::AttemptRecord;
use crate::checks::Check;
use crate::checks::assertions::Evidence;
use crate::checks::body_text::BodyText;
use crate::checks::probe_data::ProbeData;
use crate::counted;
use crate::monitor::result_status::Evaluation;
use crate::redact::redact_userinfo;
use crate::sanitize::sanitize_for_terminal;

/// The width of the phases' waterfall chart, in characters.
const WIDTH: i64 = 40;
/// The maximum length of a body excerpt, in characters.
const BODY_WIDTH: usize = 400;
/// The maximum length of a header excerpt, in characters.
const HEADER_WIDTH: usize = 120;
/// Headers whose values are shown because they never contain credentials.
const PUBLIC_HEADERS: &[&str] = &[
    "accept",
    "accept-ranges",
    "age",
    "alt-svc",
    "cache-control",
    "connection",
    "content-encoding",
    "content-language",
    "content-length",
    "content-security-policy",
    "content-type",
    "date",
    "etag",
    "expires",
    "host",
    "last-modified",
    "retry-after",
    "sec-websocket-protocol",
    "sec-websocket-version",
    "server",
    "strict-transport-security",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "vary",
    "via",
    "x-cache",
    "x-content-type-options",
    "x-frame-options",
];

/// Formats the details of an attempt, with ANSI styles.
#[must_use]
pub fn explain(
    check: &Check,
    resolved: &[String],
    record: &AttemptRecord,
    data: &ProbeData,
    evaluation: &Evaluation,
) -> String {
    let bold = Style::new().bold();
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{bold}{name:<13}{bold:#} {value}");
    };
    line("endpoint", &sanitize_for_terminal(&check.title, HEADER_WIDTH));
    line(check.kind.type_name(), &sanitize_for_terminal(check.kind.locator(), 2 * HEADER_WIDTH));
    if !resolved.is_empty() {
        line("addresses", &resolved.join(", "));
    }
    if let Some(peer) = data.peer {
        line("connected to", &peer.to_string());
    } else if !data.attempted.is_empty() {
        // Addresses from the resolver have no port.
        let addresses = data.attempted.iter().map(|address| match address.port() {
            0 => address.ip().to_string(),
            _ => address.to_string(),
        });
        line("tried", &addresses.collect::<Vec<_>>().join(", "));
    }
    if let Some(request) = check.kind.probe().request_head() {
        line(
            "request",
            &sanitize_for_terminal(
                &format!("{} {}", request.method, request.uri.path_and_query().map_or("/", |path| path.as_str())),
                2 * HEADER_WIDTH,
            ),
        );
        headers(&mut line, &request.headers);
    }
    waterfall(&mut line, record);
    for certificate in &data.certificates {
        line("certificate", &certificate_line(certificate));
    }
    if let Some(left) = data.certificate_expires_in {
        let validity = match left {
            0.. => format!("the chain expires in {}", duration::format_coarse(left)),
            _ => format!("the chain expired {} ago", duration::format_coarse(left.saturating_neg())),
        };
        line("", &validity);
    }
    if let Some(age) = data.heartbeat_age {
        line("heartbeat", &format!("received {} ago", duration::format_coarse(age)));
    }
    if let Some(code) = data.status {
        line("status", &code.to_string());
    }
    if let Some(head) = &data.headers {
        headers(&mut line, head);
    }
    if let Some(body) = &data.body {
        let size = counted(data.body_size(body), "byte");
        let text = BodyText::new(body, data.facts.as_deref());
        let compression = text.compression().map(|format| format!("compressed with `{format}`"));
        let notes = [Some(size.as_str()), data.truncation.as_deref(), data.unreadable(), compression.as_deref()];
        line("body", &notes.into_iter().flatten().collect::<Vec<_>>().join("; "));
        let beginning = String::from_utf8_lossy(&text.text()[..text.text().len().min(4 * BODY_WIDTH)]).into_owned();
        line("", &sanitize_for_terminal(&beginning, BODY_WIDTH));
    }
    // Without a response, there is nothing to evaluate assertions against.
    let has_failed = record.attempt.error.is_some() || record.required_failure.is_some();
    let has_response = !has_failed || data.status.is_some() || data.peer.is_some();
    let evidence = Evidence::new(data, &record.attempt);
    for assertion in check.assertions.iter().filter(|_| has_response) {
        let result = assertion.evaluate(&evidence);
        let (mark, color) = match result.failure {
            None => ("holds", AnsiColor::Green),
            Some(_) => ("fails", AnsiColor::Red),
        };
        let style = Style::new().fg_color(Some(color.into()));
        let detail = sanitize_for_terminal(&result.failure.unwrap_or(result.observed), BODY_WIDTH);
        line(
            "assertion",
            &format!("{style}{mark}{style:#}  {}  ({detail})", sanitize_for_terminal(&assertion.text, HEADER_WIDTH)),
        );
    }
    if let Some(failure) = &record.required_failure {
        line("failure", &format!("{} (as `invert` requires)", sanitize_for_terminal(failure, BODY_WIDTH)));
    }
    let notice = Some(evaluation.notice.as_str()).filter(|notice| !notice.is_empty());
    let error = record.attempt.error.as_deref().filter(|error| notice != Some(error));
    let reasons: Vec<String> =
        notice.into_iter().chain(error).map(|reason| sanitize_for_terminal(reason, BODY_WIDTH)).collect();
    let reasons = if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join("; ")) };
    line("result", &format!("{}{reasons}", evaluation.status));
    text
}

fn headers(line: &mut impl FnMut(&str, &str), headers: &HeaderMap) {
    for (name, value) in headers {
        let text = String::from_utf8_lossy(value.as_bytes());
        let shown = match name {
            name if name == LOCATION => redirect_target(&text),
            name => PUBLIC_HEADERS.contains(&name.as_str()).then(|| text.into_owned()),
        };
        let value = match shown {
            Some(text) => sanitize_for_terminal(&text, HEADER_WIDTH),
            None => format!("({}, not shown)", counted(value.len(), "byte")),
        };
        line("", &format!("{name}: {value}"));
    }
}

/// Returns the target of a redirect without its user name and password, or `None` if it cannot be parsed well enough to
/// remove them.
fn redirect_target(location: &str) -> Option<String> {
    match Url::parse(location.trim()) {
        Ok(_) => Some(redact_userinfo(location)),
        // A relative reference without a host cannot contain a user name.
        Err(_) => (!location.contains('@') || !location.trim().contains("//")).then(|| location.to_owned()),
    }
}

fn waterfall(line: &mut impl FnMut(&str, &str), record: &AttemptRecord) {
    let total = record.attempt.rtt.max(1);
    let phases = &record.attempt.phases;
    let named = [("dns", phases.dns), ("connect", phases.connect), ("tls", phases.tls), ("first byte", phases.ttfb)];
    let mut before = 0;
    for (name, took) in named {
        let Some(took) = took else { continue };
        let (start, length) = ((before * WIDTH / total) as usize, ((took * WIDTH / total).max(1)) as usize);
        line(
            name,
            &format!(
                "{}{:<rest$} {}",
                " ".repeat(start),
                "█".repeat(length),
                duration::format_rtt(took),
                rest = (WIDTH as usize + 1).saturating_sub(start)
            ),
        );
        before += took;
    }
    line("total", &format!("{} {}", " ".repeat(WIDTH as usize + 1), duration::format_rtt(record.attempt.rtt)));
}

fn certificate_line(certificate: &[u8]) -> String {
    match X509Certificate::from_der(certificate) {
        Ok((_, parsed)) => {
            let text = format!("{} by {}, until {}", parsed.subject(), parsed.issuer(), parsed.validity().not_after);
            sanitize_for_terminal(&text, 2 * HEADER_WIDTH)
        }
        Err(_) => "unreadable".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::{CheckKind, MisconfiguredCheck};
    use crate::ui::explain::*;
    use http::header::{HeaderName, HeaderValue};
    use shared::check_file::{Attempt, Phases};
    use shared::status::Status;

    #[test]
    fn everything_is_shown_except_credentials() {
        let misconfigured =
            MisconfiguredCheck { type_name: "http".to_owned(), locator: "http://a/".to_owned(), reason: String::new() };
        let check = Check::new("Shop \u{1b}[31m", CheckKind::Misconfigured(Box::new(misconfigured)));
        let pairs = [("server", "nginx"), ("set-cookie", "session=s3cr3t"), ("x-api-key", "s3cr3t")];
        let pairs = pairs.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let data = ProbeData {
            status: Some(200),
            headers: Some(HeaderMap::from_iter(pairs)),
            body: Some(b"hello\x1b[2J".to_vec()),
            ..ProbeData::default()
        };
        let healthy = Evaluation { status: Status::Healthy, notice: String::new(), attempts: Vec::new() };
        let phases = Phases { connect: Some(10_000_000), ttfb: Some(30_000_000), ..Phases::default() };
        let record =
            AttemptRecord { attempt: Attempt { rtt: 40_000_000, error: None, phases }, ..AttemptRecord::default() };
        let text = explain(&check, &["192.0.2.1".to_owned()], &record, &data, &healthy);
        let text = anstream::adapter::strip_str(&text).to_string();
        for words in ["192.0.2.1", "connect", "10.0 ms", "server: nginx", "hello", "result        healthy"] {
            assert!(text.contains(words), "`{words}` is not in:\n{text}");
        }
        assert!(!text.contains("s3cr3t") && !text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn a_redirect_is_shown_without_user_and_password() {
        for (location, shown) in [
            ("/login?next=/@me", Some("/login?next=/@me")),
            ("https://shop.example/login", Some("https://shop.example/login")),
            ("https://me:s3cr3t@shop.example/login", Some("https://shop.example/login")),
            ("//me:s3cr3t@shop.example/login", None),
        ] {
            assert_eq!(redirect_target(location).as_deref(), shown, "{location}");
        }
    }
}
