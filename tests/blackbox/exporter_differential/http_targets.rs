//! HTTP targets: statuses, redirects, bodies, headers, broken responses and certificates.

use std::path::Path;

use serde_json::{Value, json};
use support::certificates::{Authority, Validity, self_signed};
use support::endpoints::{Behavior, Endpoint, refused};
use support::free_port;
use support::mutants::Random;
use support::raw_server::{RawEnding, RawResponse, RawServer};

use super::target::Target;

const STATUSES: &[u16] =
    &[200, 200, 201, 202, 204, 206, 226, 299, 301, 302, 304, 400, 401, 403, 404, 410, 429, 500, 503];
const REDIRECTS: &[u16] = &[301, 302, 303, 307, 308];
const WORDS: &[&str] = &["ready", "healthy", "busy", "maintenance", "error", "failed"];

/// The servers behind the HTTP targets. Dropping them closes their ports.
pub(super) struct HttpServers {
    plain: u16,
    secure: Vec<(&'static str, Endpoint)>,
    _server: RawServer,
}

impl HttpServers {
    pub(super) async fn start(authority: &Authority) -> HttpServers {
        let plain = free_port();
        let server = RawServer::start(plain, |head| respond(head.split(' ').nth(1).unwrap_or_default())).await;
        let below = authority.authority_below(Validity::Now);
        let mut secure = Vec::new();
        for (name, configuration) in [
            ("valid certificate", authority.server("127.0.0.1", Validity::Now)),
            ("expired certificate", authority.server("127.0.0.1", Validity::EndedDaysAgo(3))),
            ("certificate that is not valid yet", authority.server("127.0.0.1", Validity::BeginsInDays(3))),
            ("certificate for another host", authority.server("other.example", Validity::Now)),
            ("certificate of an unknown authority", Authority::new().server("127.0.0.1", Validity::Now)),
            ("self-signed certificate", self_signed("127.0.0.1")),
            ("certificate with its chain", below.server_with_chain("127.0.0.1", Validity::Now, &[&below])),
            ("certificate without its chain", below.server("127.0.0.1", Validity::Now)),
        ] {
            secure.push((name, Endpoint::start_tls(Behavior::ok(), configuration).await));
        }
        HttpServers { plain, secure, _server: server }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.plain)
    }

    /// Generates all HTTP targets. `ca` is the path to the authority's certificate.
    pub(super) fn targets(&self, ca: &Path, random: &mut Random) -> Vec<Target> {
        let mut targets = Vec::new();
        targets.extend((0..14).map(|_| self.status(random)));
        targets.extend((0..8).map(|number| self.redirect(number, random)));
        targets.extend((0..10).map(|_| self.body(random)));
        targets.extend((0..4).map(|_| self.header(random)));
        targets.extend(self.broken());
        for (name, endpoint) in &self.secure {
            targets.push(tls(name, &endpoint.url, &json!({ "ca_file": ca }), &json!({ "tls_ca_file": ca })));
        }
        for _ in 0..8 {
            let (name, endpoint) = &self.secure[random.below(self.secure.len())];
            let (settings, exporter, checker) = random.pick(&[
                ("system's authorities", "", ""),
                ("without verification", "insecure_skip_verify", "tls_skip_verify"),
            ]);
            let keys = |key: &str| if key.is_empty() { json!({}) } else { json!({ key: true }) };
            targets.push(tls(&format!("{name}, {settings}"), &endpoint.url, &keys(exporter), &keys(checker)));
        }
        targets
    }

    /// Returns a target with a status and, in some cases, a list of accepted statuses.
    fn status(&self, random: &mut Random) -> Target {
        let status = random.pick(STATUSES);
        let accepted: Vec<u16> = (0..random.below(3)).map(|_| random.pick(STATUSES)).chain([status]).collect();
        let accepted = &accepted[..random.below(accepted.len() + 1)];
        let (mut prober, mut keys) = (json!({ "follow_redirects": false }), json!({}));
        if !accepted.is_empty() {
            (prober["valid_status_codes"], keys["up_status"]) = (json!(accepted), json!(accepted));
        }
        let name = format!("status {status} where {accepted:?} are expected");
        http(name, &self.url(&format!("status/{status}")), prober, &keys)
    }

    /// Returns a target with a chain of up to 12 redirects, of which both programs follow 10.
    fn redirect(&self, number: usize, random: &mut Random) -> Target {
        let (hops, status) = ([1, 2, 5, 9, 10, 11, 12, 1][number % 8], random.pick(REDIRECTS));
        let end = random.pick(&["ok", "ok", "gone"]);
        let name = format!("{hops} redirects with status {status} to {end}");
        http(name, &self.url(&format!("redirect/{hops}/{status}/{end}")), json!({}), &json!({ "max_redirects": 10 }))
    }

    /// Returns a target with a body of two words, and a regular expression that must or must not match the body.
    fn body(&self, random: &mut Random) -> Target {
        let (first, second) = (random.pick(WORDS), random.pick(WORDS));
        let pattern = format!("{}{}", random.pick(&["", "^"]), random.pick(WORDS));
        let url = self.url(&format!("words/{first}/{second}"));
        let (name, key, assertion) = if random.below(2) == 0 {
            ("must match", "fail_if_body_not_matches_regexp", format!("[BODY] matches '{pattern}'"))
        } else {
            ("must not match", "fail_if_body_matches_regexp", format!("not [BODY] matches '{pattern}'"))
        };
        let name = format!("body `{first} {second}` {name} `{pattern}`");
        http(name, &url, json!({ key: [pattern] }), &json!({ "assertions": [assertion] }))
    }

    fn header(&self, random: &mut Random) -> Target {
        let (value, pattern) = (random.pick(WORDS), random.pick(WORDS));
        let prober = json!({ "fail_if_header_not_matches": [{ "header": "X-State", "regexp": pattern }] });
        let keys = json!({ "assertions": [format!("[HEADER x-state] matches {pattern}")] });
        http(format!("header `{value}` must match `{pattern}`"), &self.url(&format!("header/{value}")), prober, &keys)
    }

    /// Returns targets with incomplete or malformed responses. Both programs read the whole body.
    fn broken(&self) -> Vec<Target> {
        let reads_body = || json!({ "must_not_contain": "a text that no response contains" });
        let at = |name: &str, path: &str| http(name, &self.url(path), json!({}), &reads_body());
        let secure = self.secure[0].1.url.replace("https:", "http:");
        vec![
            at("body that is cut", "cut"),
            at("body that is reset", "reset"),
            at("invalid chunk", "chunk"),
            at("greeting of another protocol", "greeting"),
            at("no response", "silence").impatiently(),
            at("closed without a response", "closed"),
            at("gzip that is not requested", "gzip"),
            at("header without a colon", "no-colon"),
            at("control character in a header", "control"),
            at("null in a header", "null"),
            at("1,000 headers", "many"),
            http("port without a server", &refused(), json!({}), &reads_body()),
            http("plain HTTP on a TLS port", &secure, json!({}), &reads_body()),
            http("TLS on a plain port", &self.url("status/200").replace("http:", "https:"), json!({}), &reads_body()),
            http("HEAD", &self.url("head"), json!({ "method": "HEAD" }), &json!({ "method": "HEAD" })),
        ]
    }
}

fn http(name: impl Into<String>, url: &str, mut prober: Value, keys: &Value) -> Target {
    prober["preferred_ip_protocol"] = json!("ip4");
    Target::new("http", name, url, prober, keys)
}

fn tls(name: &str, url: &str, exporter: &Value, keys: &Value) -> Target {
    http(name, url, json!({ "tls_config": exporter }), keys)
}

/// Returns the response that a path describes.
fn respond(path: &str) -> RawResponse {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let ordinary = |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let with_header = |lines: &str| format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 2\r\n\r\nok");
    let mut ending = RawEnding::Close;
    let text = match parts.as_slice() {
        ["status", status @ ("204" | "304")] => format!("HTTP/1.1 {status} Odd\r\n\r\n"),
        ["status", status] => format!("HTTP/1.1 {status} Odd\r\nContent-Length: 2\r\n\r\nok"),
        ["redirect", "0", _, "ok"] => ordinary("ok"),
        ["redirect", "0", ..] => "HTTP/1.1 410 Gone\r\nContent-Length: 4\r\n\r\ngone".to_owned(),
        ["redirect", left, status, end] => {
            let left = left.parse::<u32>().expect("a number of redirects") - 1;
            let location = format!("/redirect/{left}/{status}/{end}");
            format!("HTTP/1.1 {status} Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
        }
        ["words", first, second] => ordinary(&format!("{first} {second}")),
        ["header", value] => with_header(&format!("X-State: {value}\r\n")),
        ["head"] => "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n".to_owned(),
        ["cut"] => "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf".to_owned(),
        ["reset"] => {
            ending = RawEnding::Reset;
            "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf".to_owned()
        }
        ["chunk"] => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nok\r\n0\r\n\r\n".to_owned(),
        ["greeting"] => "SSH-2.0-OpenSSH_9.2\r\n".to_owned(),
        ["silence"] => {
            ending = RawEnding::Hold;
            String::new()
        }
        ["gzip"] => with_header("Content-Encoding: gzip\r\n"),
        ["no-colon"] => with_header("no colon\r\n"),
        ["control"] => with_header("X-A: b\x07c\r\n"),
        ["null"] => with_header("X-A: b\0c\r\n"),
        ["many"] => with_header(&"X-A: b\r\n".repeat(1_000)),
        _ => String::new(),
    };
    RawResponse { bytes: text.into_bytes(), piece: usize::MAX, ending }
}
