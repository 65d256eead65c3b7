//! One attempt as people read it who want to know why: addresses, phases, certificates, headers, body, assertions.
//! Pure; what proves who somebody is never shows.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use http::HeaderMap;
use shared::duration;
use shared::status::Status;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::check::Tried;
use crate::check::assertion::Evidence;
use crate::check::seen::Seen;
use crate::config::valid::{Check, CheckKind};
use crate::report::plain;

/// How wide the waterfall of the phases is, in characters.
const WIDTH: i64 = 40;
/// How much of a body is shown, in characters.
const BODY_WIDTH: usize = 400;
/// How much of a header is shown, in characters.
const HEADER_WIDTH: usize = 120;
/// The headers that prove nothing about anybody, so that their values may be shown.
const HARMLESS: &[&str] = &[
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

/// Everything about one attempt, as text with ANSI styles.
#[must_use]
pub fn explain(check: &Check, resolved: &[String], tried: &Tried, seen: &Seen, status: Status) -> String {
    let bold = Style::new().bold();
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{bold}{name:<13}{bold:#} {value}");
    };
    line("endpoint", &plain(&check.title, HEADER_WIDTH));
    line(check.kind.word(), &plain(check.kind.locator(), 2 * HEADER_WIDTH));
    if !resolved.is_empty() {
        line("addresses", &resolved.join(", "));
    }
    if let Some(peer) = seen.peer {
        line("talked to", &peer.to_string());
    } else if !seen.tried.is_empty() {
        // A resolver's answer has no port.
        let tried = seen.tried.iter().map(|address| match address.port() {
            0 => address.ip().to_string(),
            _ => address.to_string(),
        });
        line("tried", &tried.collect::<Vec<_>>().join(", "));
    }
    if let CheckKind::Http(http) = &check.kind {
        line("request", http.method.as_str());
        headers(&mut line, &http.headers);
    }
    waterfall(&mut line, tried);
    for certificate in &seen.certificates {
        line("certificate", &certificate_line(certificate));
    }
    if let Some(left) = seen.certificate {
        line("", &format!("the first of them expires in {}", duration::in_words(left)));
    }
    if let Some(age) = seen.beat {
        line("heartbeat", &format!("came {} ago", duration::in_words(age)));
    }
    if let Some(code) = seen.status {
        line("status", &code.to_string());
    }
    if let Some(head) = &seen.headers {
        headers(&mut line, head);
    }
    if let Some(body) = &seen.body {
        line("body", &format!("{} bytes", body.len()));
        let beginning = String::from_utf8_lossy(&body[..body.len().min(4 * BODY_WIDTH)]).into_owned();
        line("", &plain(&beginning, BODY_WIDTH));
    }
    // What failed before an answer was there has nothing that could be held against assertions.
    let is_answer = tried.attempt.error.is_none() || seen.status.is_some() || seen.peer.is_some();
    let evidence = Evidence::new(seen, &tried.attempt);
    for assertion in check.assertions.iter().filter(|_| is_answer) {
        let verdict = assertion.judge(&evidence);
        let (mark, colour) = match verdict.failure {
            None => ("holds", AnsiColor::Green),
            Some(_) => ("fails", AnsiColor::Red),
        };
        let style = Style::new().fg_color(Some(colour.into()));
        let says = plain(&verdict.failure.unwrap_or(verdict.found), BODY_WIDTH);
        line("assertion", &format!("{style}{mark}{style:#}  {}  ({says})", plain(&assertion.text, HEADER_WIDTH)));
    }
    let reason = tried.attempt.error.as_ref().or(tried.concern.as_ref());
    let reason = reason.map(|reason| format!(": {}", plain(reason, BODY_WIDTH))).unwrap_or_default();
    line("conclusion", &format!("{status}{reason}"));
    text
}

fn headers(line: &mut impl FnMut(&str, &str), headers: &HeaderMap) {
    for (name, value) in headers {
        let value = if HARMLESS.contains(&name.as_str()) {
            plain(&String::from_utf8_lossy(value.as_bytes()), HEADER_WIDTH)
        } else {
            format!("({} bytes, not shown)", value.len())
        };
        line("", &format!("{name}: {value}"));
    }
}

fn waterfall(line: &mut impl FnMut(&str, &str), tried: &Tried) {
    let whole = tried.attempt.rtt.max(1);
    let phases = &tried.attempt.phases;
    let named = [("dns", phases.dns), ("connect", phases.connect), ("tls", phases.tls), ("first byte", phases.ttfb)];
    let mut before = 0;
    for (name, took) in named {
        let Some(took) = took else { continue };
        let (start, length) = ((before * WIDTH / whole) as usize, ((took * WIDTH / whole).max(1)) as usize);
        line(
            name,
            &format!(
                "{}{:<rest$} {}",
                " ".repeat(start),
                "█".repeat(length),
                duration::rtt(took),
                rest = (WIDTH as usize + 1).saturating_sub(start)
            ),
        );
        before += took;
    }
    line("in all", &format!("{} {}", " ".repeat(WIDTH as usize + 1), duration::rtt(tried.attempt.rtt)));
}

fn certificate_line(certificate: &[u8]) -> String {
    match X509Certificate::from_der(certificate) {
        Ok((_, parsed)) => {
            let text = format!("{} by {}, until {}", parsed.subject(), parsed.issuer(), parsed.validity().not_after);
            plain(&text, 2 * HEADER_WIDTH)
        }
        Err(_) => "cannot be read".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::{HeaderName, HeaderValue};
    use shared::result::{Attempt, Phases};

    #[test]
    fn everything_is_shown_but_what_proves_who_somebody_is() {
        let kind =
            CheckKind::NotPossible { word: "http".to_owned(), locator: "http://a/".to_owned(), why: String::new() };
        let check = Check::of_kind("Shop \u{1b}[31m", kind);
        let pairs = [("server", "nginx"), ("set-cookie", "session=s3cr3t"), ("x-api-key", "s3cr3t")];
        let pairs = pairs.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let seen = Seen {
            status: Some(200),
            headers: Some(HeaderMap::from_iter(pairs)),
            body: Some(b"hello\x1b[2J".to_vec()),
            ..Seen::default()
        };
        let phases = Phases { connect: Some(10_000_000), ttfb: Some(30_000_000), ..Phases::default() };
        let tried = Tried { attempt: Attempt { rtt: 40_000_000, error: None, phases }, ..Tried::default() };
        let text = explain(&check, &["192.0.2.1".to_owned()], &tried, &seen, Status::Healthy);
        let text = anstream::adapter::strip_str(&text).to_string();
        for words in ["192.0.2.1", "connect", "10.0 ms", "server: nginx", "hello", "conclusion    healthy"] {
            assert!(text.contains(words) || words == "`{words}` is not in:\n{text}");
        }
        assert!(!text.contains("s3cr3t") && !text.contains('\u{1b}'), "{text}");
    }
}
